//! Readable names of licences: Graph has part numbers alone.
//!
//! The table is Microsoft's public list "Product names and service plan identifiers for licensing" of 2026-07, made by
//! `product-names` at the top of this crate. New licences are missing from the list for weeks.

use std::collections::HashMap;
use std::sync::LazyLock;

use uuid::Uuid;

const TABLE: &str = include_str!("product-names.tsv");

/// By id, because one part number has two ids, and some contain spaces.
static NAMES: LazyLock<HashMap<Uuid, &'static str>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let id = Uuid::try_parse(fields.next()?).ok()?;
        Some((id, fields.nth(1)?))
    });
    lines.collect()
});

/// The name in Microsoft's list.
pub(crate) fn product_name(id: Uuid) -> Option<&'static str> {
    NAMES.get(&id).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str) -> Option<&'static str> {
        product_name(id.parse().unwrap())
    }

    #[test]
    fn every_product_of_the_list_has_a_name() {
        assert_eq!(NAMES.len(), TABLE.lines().count() - 1);
        assert_eq!(NAMES.len(), 619);
        assert!(NAMES.values().all(|name| !name.trim().is_empty()));
    }

    #[test]
    fn an_id_in_capitals_is_the_same_and_an_unknown_one_has_no_name() {
        assert_eq!(name("06EBC4EE-1BB5-47DD-8120-11324BC54E06"), Some("Microsoft 365 E5"));
        assert_eq!(name("b75074f1-4c54-41bf-970f-c9ac871567f5"), Some("Dynamics 365 Operations – Activity"));
        assert_eq!(name("00000000-0000-0000-0000-000000000001"), None);
    }
}
