//! Which account a reference means: every identifier that it gives is compared with the account.
//!
//! **Rule.** Identifiers that find two accounts, or an account that carries another value than the reference gives, are
//! refused (`identity_mismatch`): a publisher that is wrong about one of them may be wrong about the person. What the
//! tenant does not know at all is no contradiction: a person was renamed, or never got the employee id. The step goes on
//! with the account that the other identifiers agree on, and its result says so.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures_util::future::try_join_all;
use msgraph::{Reader, User, UserKey};
use outcome::{Left, Needs};

use super::error::Error;
use super::facts::Lookup;
use super::person::PersonRef;

/// What a step has to say about the people that it found.
#[derive(Default)]
pub struct Notices(Mutex<Vec<Left>>);

impl Notices {
    /// Takes them all, each once.
    pub fn take(&self) -> Vec<Left> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.dedup();
        all
    }

    pub(super) fn extend(&self, notices: impl IntoIterator<Item = Left>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(notices);
    }
}

/// What was found for a reference.
#[derive(Default)]
pub(super) struct Found {
    /// The account, if there is one.
    pub(super) user: Option<User>,
    /// Whether its strongest identifier finds it, so that it can stand for the account in a path.
    pub(super) by_key: bool,
    /// Identifiers that the tenant does not know.
    pub(super) notices: Vec<Left>,
}

/// The accounts that each kind of identifier found.
#[derive(Default)]
struct Candidates {
    by_id: Option<User>,
    by_upn: Option<User>,
    by_number: Vec<User>,
}

/// Finds the account that a reference means, with these properties. All identifiers are looked up at once.
pub(super) async fn find(accounts: Lookup<'_>, person: &PersonRef, select: &[&str]) -> Result<Found, Error> {
    let keys: Vec<_> = person.keys().collect();
    let mut select = select.to_vec();
    if keys.len() > 1 {
        let missing = ["employeeId", "userPrincipalName"].into_iter().filter(|it| !select.contains(it));
        select.extend(missing.collect::<Vec<_>>());
    }
    let looks = keys.iter().map(|key| look(accounts, key, &select));
    let mut candidates = Candidates::default();
    for (key, found) in keys.iter().zip(try_join_all(looks).await?) {
        match key {
            UserKey::Id(_) => candidates.by_id = found.into_iter().next(),
            UserKey::Upn(_) => candidates.by_upn = found.into_iter().next(),
            UserKey::EmployeeId(_) => candidates.by_number = found,
        }
    }
    let Some(user) = candidates.agreed(person)? else { return Ok(Found::default()) };
    let by_key = match person.key() {
        UserKey::Id(_) => candidates.by_id.is_some(),
        UserKey::Upn(_) => candidates.by_upn.is_some(),
        UserKey::EmployeeId(_) => true,
    };
    let mut notices = Vec::new();
    if let Some(upn) = person.upn()
        && candidates.by_upn.is_none()
        && !has_address(accounts.graph, &user, upn).await?
    {
        let detail =
            format!("no account has the event's user principal name; user {} was found otherwise", user.id);
        notices.push(notice("upn_not_found", detail));
    }
    if person.employee_id.is_some() && candidates.by_number.is_empty() {
        let detail = format!("user {} does not carry the event's employee id", user.id);
        notices.push(notice("employee_id_not_found", detail));
    }
    Ok(Found { user: Some(user), by_key, notices })
}

async fn look(accounts: Lookup<'_>, key: &UserKey, select: &[&str]) -> Result<Vec<User>, Error> {
    match key {
        UserKey::EmployeeId(number) => Ok(accounts.numbered(number, select).await?),
        key => Ok(accounts.account(key, select).await?.into_iter().collect()),
    }
}

impl Candidates {
    /// The account that all identifiers agree on; none if none of them finds one.
    fn agreed(&self, person: &PersonRef) -> Result<Option<User>, Error> {
        let named: Vec<_> = self.by_id.iter().chain(&self.by_upn).collect();
        let user = match (named.as_slice(), self.by_number.as_slice()) {
            ([], []) => return Ok(None),
            ([], [only]) => only,
            ([], several) => return Err(ambiguous(several)),
            ([first, ..], _) => *first,
        };
        let mut different: BTreeSet<&str> = named.iter().map(|user| user.id.as_str()).collect();
        if !self.by_number.iter().any(|other| other.id == user.id) {
            different.extend(self.by_number.iter().map(|user| user.id.as_str()));
        }
        if different.len() > 1 {
            let ids: Vec<_> = different.into_iter().collect();
            return Err(mismatch(format!(
                "the identifiers name {} accounts, users {}",
                ids.len(),
                ids.join(", ")
            )));
        }
        if let UserKey::Id(id) = person.key()
            && !user.id.eq_ignore_ascii_case(id)
        {
            let detail =
                format!("no account has the entra_id, and the other identifiers name user {}", user.id);
            return Err(mismatch(detail));
        }
        // Had the account the event's number, the number would have found it.
        if person.employee_id.is_some() && self.by_number.is_empty() && has_number(user) {
            return Err(mismatch(format!("user {} carries another employee id", user.id)));
        }
        Ok(Some(user.clone()))
    }
}

fn has_number(user: &User) -> bool {
    user.employee_id.as_ref().is_some_and(|number| !number.is_empty())
}

/// Whether mail to this address reaches the account: a renamed person keeps the former address.
async fn has_address(graph: Reader<'_>, user: &User, address: &str) -> Result<bool, Error> {
    let id = UserKey::Id(user.id.clone());
    let Some(user) = graph.user(&id, &["proxyAddresses"]).await? else { return Ok(false) };
    let Some(known) = &user.proxy_addresses else { return Err(addresses_unseen(&user)) };
    let is_it = |known: &String| {
        let (kind, known) = known.split_once(':').unwrap_or(("smtp", known));
        kind.eq_ignore_ascii_case("smtp") && known.to_lowercase() == address.to_lowercase()
    };
    Ok(known.iter().any(is_it))
}

fn addresses_unseen(user: &User) -> Error {
    let detail = format!(
        "Microsoft Graph does not tell which addresses user {} has, and no account has the upn: whether it is a former one \
         cannot be seen; replay when Graph tells it",
        user.id
    );
    Error::blocked("addresses_unseen", detail)
}

fn mismatch(detail: String) -> Error {
    let detail = format!("{detail}; correct entra_id, upn or employee_id, or leave out what is not sure");
    Error::rejected(&["user"], "identity_mismatch", detail)
}

/// The refusal of an employee id that several people have.
pub(super) fn ambiguous(candidates: &[User]) -> Error {
    let ids: Vec<_> = candidates.iter().map(|user| user.id.as_str()).collect();
    let detail = format!("several people have this employee id, users {}; give the entra_id", ids.join(", "));
    Error::rejected(&["user"], "ambiguous_user", detail)
}

fn notice(code: &str, detail: String) -> Left {
    Left { code: code.to_owned(), detail, needs: Needs::Nobody }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::client::client;
    use msgraph_emulator::{Emulator, Options, Tenant, User as Account};
    use outcome::{Class, Failure};
    use serde_json::{Value, json};

    const NOBODY: &str = "6f0a8a6c-0001-4000-8000-00000000dead";

    fn tenant() -> Tenant {
        let account = |name: &str| Account::new(&format!("{name}@contoso.example"), name);
        Tenant::empty()
            .user(account("ada").with("employeeId", "1"))
            .user(account("edsger").with("employeeId", "2"))
            .user(account("grace"))
            .user(account("twin").with("employeeId", "3"))
            .user(account("other.twin").with("employeeId", "3"))
    }

    /// The name of the account that is found or the code of the refusal, and the codes of the notices.
    async fn found(emulator: &Emulator, reference: &Value) -> String {
        let client = client(emulator);
        let person: PersonRef = serde_json::from_value(reference.clone()).unwrap();
        let accounts = Lookup { graph: client.reader(), facts: None };
        match find(accounts, &person, &["id", "userPrincipalName"]).await {
            Ok(Found { user, notices, .. }) => {
                let upn = user.and_then(|user| user.user_principal_name);
                let name = upn.as_deref().and_then(|upn| upn.split('@').next()).unwrap_or("nobody");
                let codes = notices.iter().map(|notice| format!(" {}", notice.code));
                format!("{name}{}", codes.collect::<String>())
            }
            Err(error) => {
                let failure = Failure::from(error);
                assert_eq!(failure.class, Class::Rejected, "{reference}: {failure:?}");
                failure.code.clone()
            }
        }
    }

    #[tokio::test]
    async fn every_identifier_is_compared_with_the_account() {
        let emulator = Emulator::start(Options::new(tenant())).unwrap();
        let id = |name: &str| {
            let upn = format!("{name}@contoso.example");
            emulator.with_tenant(|tenant| tenant.user_id(&upn)).unwrap().to_string()
        };
        let (ada, grace) = (id("ada"), id("grace"));
        let upn = |name: &str| format!("{name}@contoso.example");
        let rows = [
            // One identifier.
            (json!({ "entra_id": ada }), "ada"),
            (json!({ "entra_id": ada.to_uppercase() }), "ada"),
            (json!({ "upn": upn("ada") }), "ada"),
            (json!({ "upn": upn("ADA") }), "ada"),
            (json!({ "employee_id": "1" }), "ada"),
            (json!({ "entra_id": NOBODY }), "nobody"),
            (json!({ "upn": upn("nobody") }), "nobody"),
            (json!({ "employee_id": "9" }), "nobody"),
            (json!({ "employee_id": "3" }), "ambiguous_user"),
            // Two or three that agree.
            (json!({ "entra_id": ada, "upn": upn("ada") }), "ada"),
            (json!({ "entra_id": ada, "employee_id": "1" }), "ada"),
            (json!({ "upn": upn("ada"), "employee_id": "1" }), "ada"),
            (json!({ "entra_id": ada, "upn": upn("ada"), "employee_id": "1" }), "ada"),
            // Another one decides between people with one number.
            (json!({ "upn": upn("twin"), "employee_id": "3" }), "twin"),
            (json!({ "entra_id": id("other.twin"), "employee_id": "3" }), "other.twin"),
            (json!({ "upn": upn("nobody"), "employee_id": "3" }), "ambiguous_user"),
            // Two that name two people.
            (json!({ "entra_id": ada, "upn": upn("grace") }), "identity_mismatch"),
            (json!({ "entra_id": ada, "employee_id": "2" }), "identity_mismatch"),
            (json!({ "upn": upn("ada"), "employee_id": "2" }), "identity_mismatch"),
            (json!({ "upn": upn("grace"), "employee_id": "1" }), "identity_mismatch"),
            (json!({ "upn": upn("grace"), "employee_id": "3" }), "identity_mismatch"),
            (json!({ "entra_id": ada, "upn": upn("ada"), "employee_id": "2" }), "identity_mismatch"),
            // An account that carries another value.
            (json!({ "entra_id": NOBODY, "upn": upn("ada") }), "identity_mismatch"),
            (json!({ "entra_id": NOBODY, "employee_id": "1" }), "identity_mismatch"),
            (json!({ "upn": upn("ada"), "employee_id": "9" }), "identity_mismatch"),
            (json!({ "entra_id": ada, "employee_id": "9" }), "identity_mismatch"),
            // A value that the tenant does not know at all.
            (json!({ "entra_id": ada, "upn": upn("nobody") }), "ada upn_not_found"),
            (json!({ "upn": upn("nobody"), "employee_id": "1" }), "ada upn_not_found"),
            (json!({ "upn": upn("grace"), "employee_id": "9" }), "grace employee_id_not_found"),
            (json!({ "entra_id": grace, "employee_id": "9" }), "grace employee_id_not_found"),
            (
                json!({ "entra_id": grace, "upn": upn("nobody"), "employee_id": "9" }),
                "grace upn_not_found employee_id_not_found",
            ),
            (json!({ "entra_id": NOBODY, "upn": upn("nobody"), "employee_id": "9" }), "nobody"),
        ];
        for (reference, expected) in rows {
            assert_eq!(found(&emulator, &reference).await, expected, "{reference}");
        }
    }
}
