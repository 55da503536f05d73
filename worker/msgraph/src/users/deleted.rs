//! Deleted people: for 30 days Graph finds them and can restore them with their licences and memberships.

use serde::Serialize;

use super::user::{DirectoryObject, LARGEST_PAGE, User, UserKey};
use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::paging::Pages;
use crate::http::read_ahead::PagesAhead;
use crate::http::request::{Query, Write};

impl Reader<'_> {
    /// The people with this identifier who were deleted within the last 30 days. Several can have had one name, because
    /// deleting a person frees it.
    pub async fn deleted_users(self, key: &UserKey) -> Result<Vec<DirectoryObject>, Error> {
        match key {
            UserKey::Id(id) => {
                let item: Option<DirectoryObject> =
                    self.find(Query::new(&["directory", "deletedItems", id])?.select(&["id"])).await?;
                // The deleted items include groups and applications.
                Ok(item.into_iter().filter(DirectoryObject::is_user).collect())
            }
            UserKey::Upn(name) if name.is_empty() => Err(Error::internal("the user principal name is empty")),
            UserKey::Upn(name) => Ok(identities(self.deleted_users_where(|user| had_upn(user, name)).await?)),
            UserKey::EmployeeId(number) if number.is_empty() => {
                Err(Error::internal("the employee id is empty"))
            }
            UserKey::EmployeeId(number) => {
                let had_number = |user: &User| user.employee_id.as_ref() == Some(number);
                Ok(identities(self.deleted_users_where(had_number).await?))
            }
        }
    }

    /// The people deleted within the last 30 days who had one of these user principal names or this employee id. Each
    /// has the name and the employee id it had.
    pub async fn deleted_namesakes(
        self,
        upns: &[String],
        employee_id: Option<&str>,
    ) -> Result<Vec<User>, Error> {
        let name_of = |user: &User| upns.iter().find(|upn| had_upn(user, upn)).cloned();
        let has_number = |user: &User| employee_id.is_some() && user.employee_id.as_deref() == employee_id;
        let found = self.deleted_users_where(|user| name_of(user).is_some() || has_number(user)).await?;
        Ok(found.into_iter().map(|user| User { user_principal_name: name_of(&user), ..user }).collect())
    }

    /// Everyone deleted within the last 30 days, page by page; [`former_upn`] gives the names they had.
    pub fn deleted_user_pages(self) -> Result<PagesAhead, Error> {
        let query = Query::new(&["directory", "deletedItems", "microsoft.graph.user"])?;
        Ok(PagesAhead::of(self, query.select(&["id", "userPrincipalName"]).page_size(LARGEST_PAGE)))
    }

    /// Reads all people deleted within 30 days. A filter with `eq` fails because of the prefix (see `had_upn`), and
    /// `endsWith` is not documented for this listing.
    async fn deleted_users_where(self, is_one: impl Fn(&User) -> bool + Send) -> Result<Vec<User>, Error> {
        let mut pages = Pages::of(
            Query::new(&["directory", "deletedItems", "microsoft.graph.user"])?
                .select(&["id", "userPrincipalName", "employeeId"])
                .page_size(LARGEST_PAGE),
        );
        let mut matching = Vec::new();
        while let Some(page) = self.next_page::<User>(&mut pages).await? {
            matching.extend(page.into_iter().filter(&is_one));
        }
        Ok(matching)
    }
}

/// How to restore an account whose name or addresses somebody else has by now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreTerms {
    /// The name to restore it under; by default its former one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_user_principal_name: Option<String>,
    /// Whether it loses the addresses that another object has by now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto_reconcile_proxy_conflict: bool,
}

fn identities(users: Vec<User>) -> Vec<DirectoryObject> {
    users.into_iter().map(|user| DirectoryObject { id: user.id, odata_type: None }).collect()
}

impl Writer<'_> {
    /// Deletes a person's account. It can be restored for 30 days.
    pub async fn delete_user(self, user_id: &str) -> Result<(), Error> {
        self.remove(&["users", user_id]).await
    }

    /// Restores a deleted person's account with its licences, memberships and mailbox.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when the account is not, or no longer, among the deleted items;
    /// [`is_already_exists`](Error::is_already_exists) when another account has the name, or an address, by now.
    pub async fn restore_user(self, user_id: &str, terms: &RestoreTerms) -> Result<(), Error> {
        let write = Write::post(&["directory", "deletedItems", user_id, "restore"])?;
        self.send(if *terms == RestoreTerms::default() { write } else { write.json(terms)? }).await
    }
}

/// The UPN that a deleted user had. Deleting puts the object id without hyphens in front of it
/// (github.com/microsoftgraph/msgraph-sdk-powershell/issues/2256, 2023).
pub fn former_upn<'a>(id: &str, upn: &'a str) -> &'a str {
    let prefix = id.replace('-', "");
    match upn.get(..prefix.len()) {
        Some(start) if start.eq_ignore_ascii_case(&prefix) => upn.get(prefix.len()..).unwrap_or_default(),
        _ => upn,
    }
}

fn had_upn(user: &User, upn: &str) -> bool {
    let name = user.user_principal_name.as_deref();
    name.is_some_and(|name| former_upn(&user.id, name).eq_ignore_ascii_case(upn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_user_is_known_by_the_upn_it_had() {
        let user = |upn: &str| User {
            id: "11111111-2222-3333-4444-555555555555".into(),
            user_principal_name: Some(upn.into()),
            ..User::default()
        };
        assert!(had_upn(&user("ada@contoso.example"), "Ada@contoso.example"));
        assert!(had_upn(&user("11111111222233334444555555555555ada@contoso.example"), "ada@contoso.example"));
        assert!(!had_upn(&user("nevada@contoso.example"), "ada@contoso.example"));
        assert!(!had_upn(&User::default(), "ada@contoso.example"));
    }
}
