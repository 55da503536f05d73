//! The inbox rule by which Gatehouse forwards mail.

use msgraph::InboxRule;

/// The rule's name, by which Gatehouse finds it again.
pub const FORWARDING: &str = "Gatehouse: forward mail";

/// Whether a rule is the one by which Gatehouse forwards.
pub fn is_forwarding(rule: &InboxRule) -> bool {
    rule.display_name.as_deref() == Some(FORWARDING)
}
