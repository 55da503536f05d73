//! Licences: found by part number or id, and told apart by the route they came.

use msgraph::{SubscribedSku, User};

use crate::error::Error;

/// Where a person uses licences, as far as an event tells: outright, or by a country of two letters.
pub const USAGE_LOCATION: &str = "{{ person.usage_location if person.usage_location else (person.country if person.country and person.country | length == 2 else none) }}";

/// The refusal to license somebody of whom it is not known where; `who` has none.
pub fn usage_location_missing(who: &str) -> Error {
    Error::rejected(
        "usage_location_missing",
        format!("{who} has no usage location; give person.usage_location, or person.country as two letters"),
    )
}

/// The subscribed licence that a reference means: its part number (`SPE_E3`) or its SKU id.
pub fn find<'a>(reference: &str, skus: &'a [SubscribedSku]) -> Result<&'a SubscribedSku, Error> {
    let is_meant = |sku: &&SubscribedSku| {
        sku.sku_id.eq_ignore_ascii_case(reference)
            || sku.sku_part_number.as_deref().is_some_and(|part| part.eq_ignore_ascii_case(reference))
    };
    skus.iter().find(is_meant).ok_or_else(|| {
        let known: Vec<_> = skus.iter().map(name).collect();
        let detail = format!("the tenant has no licence `{reference}`; it has {}", known.join(", "));
        Error::rejected("license_not_found", detail)
    })
}

/// The part number, which people know, or else the id.
pub fn name(sku: &SubscribedSku) -> &str {
    sku.sku_part_number.as_deref().unwrap_or(&sku.sku_id)
}

/// The name of a SKU id, as far as the tenant knows it.
pub fn name_of<'a>(sku_id: &'a str, skus: &'a [SubscribedSku]) -> &'a str {
    skus.iter().find(|sku| sku.sku_id == sku_id).map_or(sku_id, name)
}

/// The ids of the licences that were assigned to the person and not to a group of theirs.
pub fn direct(user: &User) -> impl Iterator<Item = &str> {
    let states = user.license_assignment_states.iter();
    states.filter(|state| state.assigned_by_group.is_none()).map(|state| state.sku_id.as_str())
}

/// The licences that came by a group: SKU id and group id.
pub fn inherited(user: &User) -> impl Iterator<Item = (&str, &str)> {
    let states = user.license_assignment_states.iter();
    states.filter_map(|state| Some((state.sku_id.as_str(), state.assigned_by_group.as_deref()?)))
}

/// What a person must have selected for [`direct`] and [`inherited`] to be told.
pub const SELECT: [&str; 3] = ["id", "usageLocation", "licenseAssignmentStates"];
