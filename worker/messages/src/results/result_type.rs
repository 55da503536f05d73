//! What every type of result says about itself.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::schema::Schema;

/// One type of result. Adding one is a struct that implements this, and its name in the list of
/// [`ResultData`](super::data::ResultData).
pub(crate) trait ResultType: Serialize + DeserializeOwned {
    /// The CloudEvents `type`.
    const TYPE: &'static str;

    /// Its routing key, in which a field of `data` stands between braces.
    const ADDRESS: &'static str;

    /// The schema of such a result.
    fn schema() -> &'static Schema;

    /// `<kind>.<state>`: what a consumer binds its queue to.
    fn routing_key(&self) -> Cow<'static, str>;

    /// The run it happened to, where there is one.
    fn run_id(&self) -> Option<Uuid>;

    /// What happened, as far as it tells one event of a run from another: its id follows from this.
    ///
    /// Replays count: what a run reports after an operator replayed it is new.
    fn what(&self) -> String;
}

/// Joins parts so that different parts never read the same, whatever characters they hold.
pub(crate) fn what(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("{}:{part}", part.len())).collect()
}
