//! The manager whom the directory knows, for an event that names none.

use msgraph::{Client, Priority};
use outcome::{Class, Failure};
use serde::Deserialize;
use serde_json::Value;

use super::error::Error;
use super::facts::Lookup;
use super::identity::{self, Found};
use super::person::PersonRef;

/// The object id of the manager of the person with these identifiers; nothing if there is none, or if it is not sure who
/// the person is, which the steps will say.
///
/// # Errors
///
/// Outages and missing permissions: without an answer a leaver's mail would go to nobody.
pub async fn manager_of(person: &Value, client: &Client) -> Result<Option<String>, Failure> {
    let Ok(person) = PersonRef::deserialize(person) else { return Ok(None) };
    // A lock-out may have to wait for the answer.
    let client = client.with_priority(Priority::LockOut);
    let look = async {
        let Found { user, .. } =
            identity::find(Lookup { graph: client.reader(), facts: None }, &person, &["id"]).await?;
        let Some(user) = user else { return Ok(None) };
        Ok::<_, Error>(client.reader().manager(&user.id).await?.map(|manager| manager.id))
    };
    match look.await.map_err(Failure::from) {
        Err(failure) if failure.class == Class::Rejected => Ok(None),
        found => found,
    }
}
