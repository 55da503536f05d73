//! The `internetMessageId` by which a mail of ours is found again.

use uuid::Uuid;

/// The same id for the same parts. The lengths keep parts apart that read alike when joined.
pub fn message_id<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let name: String = parts.into_iter().map(|part| format!("{}:{part}", part.len())).collect();
    format!("<{}@gatehouse.invalid>", Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_the_same_and_depends_on_every_part() {
        // A mail that an older worker wrote is found by this id.
        assert_eq!(
            message_id(["hr 1", "s", "ada@contoso.example"]),
            "<dd3737ff-7f8b-5f81-841e-9675d71af9d9@gatehouse.invalid>"
        );
        assert_ne!(message_id(["ab", "c"]), message_id(["a", "bc"]));
    }
}
