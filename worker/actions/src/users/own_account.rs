//! Which account is the new person's own: one that an identifier finds, or one that a lost attempt of the run created.
//! A namesake's is not.

use jiff::Timestamp;
use msgraph::{User, UserKey, UserPatch};

use crate::View;
use crate::users::properties::{self, SELECT};

/// The account that an identifier of the event finds: the object id first, because it means one account for good.
pub async fn by_identifier(
    entra_id: Option<&str>,
    employee_id: Option<&str>,
    graph: View<'_>,
) -> Result<Option<User>, msgraph::Error> {
    let by_number = employee_id.map(|number| UserKey::EmployeeId(number.to_owned()));
    let keys = [entra_id.map(|id| UserKey::Id(id.to_owned())), by_number];
    for key in keys.into_iter().flatten() {
        if let Some(user) = graph.user(&key, SELECT).await? {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

/// Whether the holder of a name is the person, for whom these properties are asked. Without an employee id only an
/// account is that was created since the run first looked, as the run would have created it.
pub fn is_own(asked: &UserPatch, user: &User, first_sight: Option<Timestamp>) -> bool {
    match &asked.employee_id {
        Some(id) => user.employee_id.as_ref() == Some(id),
        None => {
            let is_newer = first_sight.zip(user.created_date_time).is_some_and(|(first, it)| it >= first);
            is_newer && user.employee_id.is_none() && looks_as_created(asked, user)
        }
    }
}

/// Whether an account has the properties that the run gives it. Exchange sets the address later.
fn looks_as_created(asked: &UserPatch, user: &User) -> bool {
    let asked = UserPatch { mail: None, ..asked.clone() };
    properties::missing(&asked, user).is_ok_and(|plan| plan.changes().next().is_none())
}
