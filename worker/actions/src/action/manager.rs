//! The manager whom the directory knows, for an event that names none.

use futures_util::future::join;
use msgraph::Priority;
use outcome::{Class, Failure};
use serde::Deserialize;
use serde_json::Value;
use workflow::Earlier;

use super::error::Error;
use super::identity::{self, Found};
use super::person::PersonRef;
use super::view::View;
use super::world::World;
use crate::protection::look;

/// The object id of the manager of the person with these identifiers; nothing if there is none, or if it is not sure who
/// the person is, which the steps will say. What a look at a protected person needs is read in the same round trip: the
/// run is about to look.
///
/// # Errors
///
/// Outages and missing permissions: without an answer a leaver's mail would go to nobody.
pub async fn manager_of(person: &Value, world: &World) -> Result<Option<String>, Failure> {
    let Ok(person) = PersonRef::deserialize(person) else { return Ok(None) };
    // A lock-out may have to wait for the answer.
    let client = world.client().with_priority(Priority::LockOut);
    let view = View::new(client.reader(), Earlier::new(&[]), None).remembering(world.known());
    let ahead = async {
        if let Some(guard) = world.guard() {
            look::read_ahead(guard, &person, view).await;
        }
    };
    match join(manager(&person, view), ahead).await.0.map_err(Failure::from) {
        Err(failure) if failure.class == Class::Rejected => Ok(None),
        found => found,
    }
}

async fn manager(person: &PersonRef, view: View<'_>) -> Result<Option<String>, Error> {
    let by_name = async {
        match view.in_path(person) {
            Some(name) => Some(view.manager(&name).await),
            None => None,
        }
    };
    let (found, by_name) = join(identity::find(view.accounts(), person, &["id"]), by_name).await;
    let Found { user: Some(user), by_key, .. } = found? else { return Ok(None) };
    let manager = match by_name.filter(|_| by_key) {
        Some(manager) => manager?,
        None => view.manager(&user.id).await?,
    };
    Ok(manager.map(|manager| manager.id))
}
