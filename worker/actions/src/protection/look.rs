//! Whether an attempt may change a person, by what the tenant shows of the person now.

use std::fmt;

use futures_util::future::{join, try_join3};
use msgraph::{Belongings, GLOBAL_ADMINISTRATOR, User};
use outcome::Protected;
use tokio::time::Instant;

use super::guard::{Guard, Verdict};
use super::{Lists, PROTECTED, Protection, RoleHolders, UNKNOWN, has_another_administrator, hidden};
use crate::{Error, Person, PersonRef, View};

/// What the look at a person needs.
const SELECT: &[&str] = &["id", "userPrincipalName", "accountEnabled"];

/// Why somebody is protected.
enum Because<'a> {
    Listed,
    ServiceAccount,
    Group(&'a str),
    Role(&'a str),
    Eligible(&'a str),
    LastAdministrator,
}

/// Whether an error is a refusal because of somebody who is protected.
pub(crate) fn has_refused(error: &Error) -> bool {
    match error {
        Error::Blocked { code, .. } => [PROTECTED, UNKNOWN].contains(code),
        Error::Explained { words, .. } => has_refused(words),
        _ => false,
    }
}

/// Refuses a person whom the run may not change. An account that was looked up is not looked up again in the same
/// attempt. Somebody who had none is, before a write: the run may have created it. Steps that ask at once share a look.
///
/// # Errors
///
/// `protected`, `protection_unknown`; what kept the look from an answer.
pub(crate) async fn check(
    guard: &Guard,
    person: &PersonRef,
    view: View<'_>,
    before_write: bool,
) -> Result<(), Error> {
    let asked_at = Instant::now();
    let cell = guard.cell(person.reference());
    let mut known = cell.lock().await;
    let verdict = match known.as_ref() {
        Some((Verdict::Absent, seen_at)) if before_write && *seen_at < asked_at => None,
        known => known.map(|(verdict, _)| verdict.clone()),
    };
    let verdict = match verdict {
        Some(verdict) => verdict,
        None => known.insert((look(guard, person, view).await?, Instant::now())).0.clone(),
    };
    match verdict {
        Verdict::Absent | Verdict::Free => Ok(()),
        Verdict::Held { who, because } => {
            let user = who.person.clone().unwrap_or_default();
            guard.refuse(who);
            let detail = format!(
                "user {user} is protected: {because}; a run writes nothing once it has seen this. If the run is meant, \
                 release its dead letter with `gatehouse allow`, else discard it"
            );
            Err(Error::blocked(PROTECTED, detail))
        }
    }
}

/// Reads besides the account what a look at this person needs, so that the look of the same attempt finds it read.
/// Whatever keeps it from an answer, the look meets.
pub(crate) async fn read_ahead(guard: &Guard, person: &PersonRef, view: View<'_>) {
    let name = view.in_path(person);
    let belongings = async {
        match &name {
            Some(name) => belongings(&guard.protection, name, view).await.map(drop),
            None => Ok(()),
        }
    };
    let _met_by_the_look = join(belongings, guard.protection.lists(*view)).await;
}

async fn look(guard: &Guard, person: &PersonRef, view: View<'_>) -> Result<Verdict, Error> {
    match judge(guard, person, view).await {
        Err(error) if has_refused(&error) => {
            let nobody = Protected { person: None, last_administrator: false };
            if guard.is_released(&nobody) {
                return Ok(Verdict::Free);
            }
            guard.refuse(nobody);
            Err(error)
        }
        judged => judged,
    }
}

async fn judge(guard: &Guard, person: &PersonRef, view: View<'_>) -> Result<Verdict, Error> {
    let protection = &guard.protection;
    let name = view.in_path(person);
    let by_name = async {
        match &name {
            Some(name) => belongings(protection, name, view).await,
            None => Ok(None),
        }
    };
    let looks = (view.find(person, SELECT), by_name, protection.lists(*view));
    let ((found, is_named), by_name, lists) = try_join3(looks.0, looks.1, looks.2).await?;
    let Person::Present(user) = found else { return Ok(Verdict::Absent) };
    let belongings = match by_name.filter(|_| is_named) {
        Some(belongings) => belongings,
        None => belongings(protection, &user.id, view)
            .await?
            .ok_or(Error::StalePlan("an account that was found is not there"))?,
    };
    let grants = view.grants().await?;
    let is_ours = grants.is_delegated && grants.object_id.as_ref() == Some(&user.id);
    let because = protection.because(&user, is_ours, &belongings, &lists);
    if let Some(because) = because.filter(|_| !guard.is_released(&who(&user, false))) {
        // Its release has to say so: what cannot be told here is looked at again once the run is released.
        let is_last = is_administrator(&user, &belongings)
            && has_another_administrator(&user.id, *view).await.is_ok_and(|another| !another);
        let because = if is_last { Because::LastAdministrator } else { because };
        return Ok(Verdict::Held { who: who(&user, is_last), because: because.to_string() });
    }
    if is_administrator(&user, &belongings) {
        guard.take_turn().await;
        if !guard.is_released(&who(&user, true)) && !has_another_administrator(&user.id, *view).await? {
            let because = Because::LastAdministrator.to_string();
            return Ok(Verdict::Held { who: who(&user, true), because });
        }
    }
    Ok(Verdict::Free)
}

/// What the person belongs to; nothing if there is no account of this name.
async fn belongings(
    protection: &Protection,
    name: &str,
    view: View<'_>,
) -> Result<Option<Belongings>, Error> {
    match view.belongings(name).await {
        Ok(belongings) => Ok(Some(belongings)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) if error.is_forbidden() && protection.people.needs_no_belongings() => {
            Ok(Some(Belongings::default()))
        }
        Err(error) => Err(hidden(error, "roles and groups of people")),
    }
}

impl Protection {
    /// Why this account is protected, if so.
    fn because<'a>(
        &self,
        user: &User,
        is_ours: bool,
        belongings: &Belongings,
        lists: &'a Lists,
    ) -> Option<Because<'a>> {
        if self.people.lists(&user.id, user.user_principal_name.as_deref()) {
            return Some(Because::Listed);
        }
        if is_ours {
            return Some(Because::ServiceAccount);
        }
        let id = user.id.to_lowercase();
        let is_among = |principal: &String| *principal == id || belongings.objects.contains(principal);
        if let Some(group) = lists.groups.iter().find(|group| is_among(group)) {
            return Some(Because::Group(group));
        }
        let holds = |role: &&RoleHolders| {
            belongings.roles.contains(&role.template) || role.active.iter().any(is_among)
        };
        if let Some(role) = lists.roles.iter().find(holds) {
            return Some(Because::Role(&role.name));
        }
        let mut roles = lists.roles.iter();
        let eligible = roles.find(|role| role.eligible.iter().flatten().any(is_among));
        eligible.map(|role| Because::Eligible(&role.name))
    }
}

fn who(user: &User, last_administrator: bool) -> Protected {
    Protected { person: Some(user.id.clone()), last_administrator }
}

/// Whether the account is an enabled Global Administrator.
fn is_administrator(user: &User, belongings: &Belongings) -> bool {
    user.account_enabled == Some(true) && belongings.roles.contains(GLOBAL_ADMINISTRATOR)
}

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed => f.write_str("`protected.people` names this account"),
            Self::ServiceAccount => f.write_str("Gatehouse itself signs in with this account"),
            Self::Group(group) => write!(f, "it is in the protected group {group}"),
            Self::Role(role) => write!(f, "it holds the directory role {role}"),
            Self::Eligible(role) => write!(f, "it may activate the directory role {role}"),
            Self::LastAdministrator => f.write_str("it is the last Global Administrator that can sign in"),
        }
    }
}
