//! Identifiers of people, before they are hashed: those that are given, and those that the tenant has beside them.

use ledger::Kind;
use messages::{NAMESPACE, PersonReference};
use msgraph::{Reader, UserKey};
use uuid::Uuid;

/// What a person is known by.
pub type Identifier = (Kind, String);

/// The identifiers of this reference.
pub fn given(person: &PersonReference) -> Vec<Identifier> {
    let PersonReference { entra_id, upn, employee_id } = person;
    let all = [(Kind::EntraId, entra_id), (Kind::EmployeeId, employee_id), (Kind::Upn, upn)];
    all.into_iter().filter_map(|(kind, value)| Some((kind, value.clone()?))).collect()
}

/// The same as the tenant is asked for them, in the order in which they count.
pub fn keys_to_ask(person: &PersonReference) -> Vec<UserKey> {
    let PersonReference { entra_id, upn, employee_id } = person;
    let keys = [
        entra_id.clone().map(UserKey::Id),
        upn.clone().map(UserKey::Upn),
        employee_id.clone().map(UserKey::EmployeeId),
    ];
    keys.into_iter().flatten().collect()
}

/// Every identifier that the tenant has of this person; none if it knows nobody.
///
/// # Errors
///
/// If it cannot be asked.
pub async fn found(reader: Reader<'_>, key: &UserKey) -> Result<Vec<Identifier>, msgraph::Error> {
    let Some(user) = reader.user(key, &["id", "userPrincipalName", "employeeId"]).await? else {
        return Ok(Vec::new());
    };
    let mut identifiers = vec![(Kind::EntraId, user.id)];
    identifiers.extend(user.user_principal_name.map(|upn| (Kind::Upn, upn)));
    identifiers.extend(user.employee_id.map(|number| (Kind::EmployeeId, number)));
    Ok(identifiers)
}

/// By what a record stops the sync of this event: a sync has no claim, so its id need not be known.
pub fn stop_of(source: &str, id: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("stop {}:{source}{id}", source.len()).as_bytes())
}
