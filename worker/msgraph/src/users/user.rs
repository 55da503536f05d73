//! People: reads them by any identifier, lists, creates and changes them.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::json::{self, null_as_empty};
use crate::http::path::quoted;
use crate::http::read_ahead::{PagesAhead, Record};
use crate::http::request::{Query, Write};
use crate::licenses::assignment::{AssignedLicense, LicenseAssignmentState};
use crate::observer::Service;

/// The directory's largest page.
pub(crate) const LARGEST_PAGE: usize = 999;
/// Graph answers larger pages with `signInActivity` with a 500 (Microsoft Graph documentation, "List users", 2024).
const LARGEST_PAGE_WITH_SIGN_INS: usize = 500;
/// Who works here: no guests, and nobody whose account is blocked.
const ENABLED_MEMBERS: &str = "accountEnabled eq true and userType eq 'Member'";

/// How a request identifies a person.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum UserKey {
    /// The object id: the only identifier that never changes.
    Id(String),
    /// The user principal name. People are renamed, and names are reused.
    Upn(String),
    /// The employee number of HR; Graph does not keep it unique.
    EmployeeId(String),
}

/// The object id, or the kind of the identifier: names of people do not belong in logs.
impl fmt::Display for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Upn(_) => f.write_str("[user principal name]"),
            Self::EmployeeId(_) => f.write_str("[employee id]"),
        }
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserKey({self})")
    }
}

/// A person's account. A property that was not selected or may not be read is absent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct User {
    pub id: String,
    pub user_principal_name: Option<String>,
    pub display_name: Option<String>,
    pub given_name: Option<String>,
    pub surname: Option<String>,
    pub mail: Option<String>,
    pub mail_nickname: Option<String>,
    pub job_title: Option<String>,
    pub department: Option<String>,
    pub office_location: Option<String>,
    pub mobile_phone: Option<String>,
    pub employee_id: Option<String>,
    pub company_name: Option<String>,
    pub usage_location: Option<String>,
    pub account_enabled: Option<bool>,
    pub user_type: Option<String>,
    pub on_premises_sync_enabled: Option<bool>,
    #[serde(default, deserialize_with = "json::moment")]
    pub created_date_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "json::moment")]
    pub sign_in_sessions_valid_from_date_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "json::moment")]
    pub last_password_change_date_time: Option<Timestamp>,
    /// Nothing if it was not read, or if Graph does not tell.
    pub proxy_addresses: Option<Vec<String>>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub assigned_licenses: Vec<AssignedLicense>,
    /// How the person got each licence; nothing if that was not read, or if Graph does not tell.
    pub license_assignment_states: Option<Vec<LicenseAssignmentState>>,
}

/// The identity of an object of the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DirectoryObject {
    /// The object id.
    pub id: String,
    /// Its type, like `#microsoft.graph.user`.
    #[serde(rename = "@odata.type")]
    pub odata_type: Option<String>,
}

impl DirectoryObject {
    /// Whether it is a person.
    pub(crate) fn is_user(&self) -> bool {
        self.odata_type.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("#microsoft.graph.user"))
    }
}

/// An account to create. The person has to change the password at the first sign-in, because others have seen it.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// The first password.
    pub password: SecretString,
    /// Everything else. Graph requires the two names, the alias, and whether the person may sign in.
    pub properties: UserPatch,
}

/// Properties to set; `None` keeps a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct UserPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_principal_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_nickname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub office_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile_phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_type: Option<String>,
}

/// The body that creates an account.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewUserBody<'a> {
    password_profile: PasswordProfile<'a>,
    #[serde(flatten)]
    properties: &'a UserPatch,
}

impl<'a> NewUserBody<'a> {
    fn of(user: &'a NewUser) -> Self {
        Self { password_profile: PasswordProfile::of(&user.password), properties: &user.properties }
    }
}

/// The one place that writes a password.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordProfile<'a> {
    password: &'a str,
    force_change_password_next_sign_in: bool,
}

impl<'a> PasswordProfile<'a> {
    pub(crate) fn of(password: &'a SecretString) -> Self {
        Self { password: password.expose_secret(), force_change_password_next_sign_in: true }
    }
}

/// The properties to read of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserFields<'a> {
    /// Properties; the id is always read.
    pub select: &'a [&'a str],
    /// What `$expand` says, such as `manager($select=id)`. Graph expands one relation of a listing at most.
    pub expand: Option<&'a str>,
    /// How many people a page holds, at most 999.
    pub page_size: usize,
}

impl<'a> UserFields<'a> {
    /// These properties, 999 people a page.
    pub fn of(select: &'a [&'a str]) -> Self {
        Self { select, expand: None, page_size: LARGEST_PAGE }
    }

    fn in_query(self, query: Query) -> Query {
        let query = query.select(&with_id(self.select));
        match self.expand {
            Some(expand) => query.option("$expand", expand),
            None => query,
        }
    }
}

impl Reader<'_> {
    /// Every person in the tenant, page by page.
    pub fn users(self, fields: UserFields<'_>) -> Result<PagesAhead, Error> {
        let query = fields.in_query(Query::new(&["users"])?);
        Ok(PagesAhead::of(self, query.page_size(fields.page_size.min(LARGEST_PAGE))))
    }

    /// When each person last signed in (`signInActivity`), page by page. It needs Entra ID P1 or P2. Graph counts it
    /// apart: ten pages in a minute.
    pub fn sign_ins(self) -> Result<PagesAhead, Error> {
        let query = Query::new(&["users"])?.select(&["id", "signInActivity"]);
        let query = query.page_size(LARGEST_PAGE_WITH_SIGN_INS).counted_as(Service::SignIns);
        Ok(PagesAhead::of(self, query))
    }

    /// How many people the tenant has, by the directory's index, which lags behind.
    pub async fn user_count(self) -> Result<u64, Error> {
        self.count(Query::new(&["users", "$count"])?).await
    }

    /// How many people can sign in and are no guests, by the directory's index, which lags behind.
    pub async fn enabled_member_count(self) -> Result<u64, Error> {
        self.count(Query::new(&["users", "$count"])?.filter(ENABLED_MEMBERS)).await
    }

    async fn count(self, query: Query) -> Result<u64, Error> {
        let response = self.send(&query.counting().into_request()).await?;
        // Plain text, which can begin with a byte order mark.
        let text = str::from_utf8(response.body()).unwrap_or_default().trim_start_matches('\u{feff}');
        text.trim().parse().map_err(|_| response.unreadable("the number"))
    }

    /// One person; `None` if there is none.
    pub async fn user_record(self, id: &str, fields: UserFields<'_>) -> Result<Option<Record>, Error> {
        let query = fields.in_query(Query::new(&["users", id])?);
        match self.send(&query.into_request()).await {
            Ok(response) => Ok(Some(Record(response))),
            Err(error) if error.says_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The person with this identifier, with the properties in `select` and the id; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`is_not_unique`](Error::is_not_unique) when several people have the employee id.
    pub async fn user(self, key: &UserKey, select: &[&str]) -> Result<Option<User>, Error> {
        let select = with_id(select);
        let query = match key {
            UserKey::Id(id) => Query::new(&["users", id])?,
            // Graph would read `/users/$…` as an operation (Microsoft Graph documentation, "Get a user", 2024).
            UserKey::Upn(upn) if upn.starts_with('$') => Query::new(&[&format!("users({})", quoted(upn))])?,
            UserKey::Upn(upn) => Query::new(&["users", upn])?,
            UserKey::EmployeeId(number) => return self.user_by_employee_id(number, &select).await,
        };
        self.find(query.select(&select)).await
    }

    /// Everybody with this employee id, which Graph does not keep unique, with the properties in `select` and the id.
    pub async fn users_with_employee_id(self, number: &str, select: &[&str]) -> Result<Vec<User>, Error> {
        if number.is_empty() {
            return Err(Error::internal("the employee id is empty"));
        }
        let query = Query::new(&["users"])?.filter(&format!("employeeId eq {}", quoted(number)));
        self.list(query.select(&with_id(select))).await
    }

    /// Whether a person has this mail address or user principal name. Former addresses do not count.
    pub async fn has_person_with_address(self, address: &str) -> Result<bool, Error> {
        if self.user(&UserKey::Upn(address.to_owned()), &[]).await?.is_some() {
            return Ok(true);
        }
        let query = Query::new(&["users"])?.filter(&format!("mail eq {}", quoted(address)));
        Ok(!self.list::<User>(query.select(&["id"])).await?.is_empty())
    }

    async fn user_by_employee_id(self, number: &str, select: &[&str]) -> Result<Option<User>, Error> {
        let mut people = self.users_with_employee_id(number, select).await?;
        match people.len() {
            0 | 1 => Ok(people.pop()),
            _ => Err(Error::not_unique("employee id")),
        }
    }
}

impl Writer<'_> {
    /// Creates an account and returns it as Graph created it.
    ///
    /// # Errors
    ///
    /// [`is_already_exists`](Error::is_already_exists) when another user has the UPN, even a deleted one;
    /// [`is_ambiguous`](Error::is_ambiguous) when the answer is lost: look for the account before a retry.
    pub async fn create_user(self, user: &NewUser) -> Result<User, Error> {
        let write = Write::post(&["users"])?.json(&NewUserBody::of(user))?;
        let created: User = self.send_for(write).await?;
        if let Some(log) = &self.client.log {
            log.note_created(&created.id);
        }
        Ok(created)
    }

    /// Sets properties of a person.
    pub async fn update_user(self, user_id: &str, patch: &UserPatch) -> Result<(), Error> {
        self.send(Write::patch(&["users", user_id])?.json(patch)?).await
    }
}

/// The properties to select, the id first.
pub(crate) fn with_id<'a>(select: &[&'a str]) -> Vec<&'a str> {
    let others = select.iter().copied().filter(|property| *property != "id");
    std::iter::once("id").chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_object_ids_are_printed() {
        let keys = [
            UserKey::Upn("ada@contoso.example".into()),
            UserKey::EmployeeId("1815".into()),
            UserKey::Id("11111111-2222-3333-4444-555555555555".into()),
        ];
        let text = format!("{keys:?} {} {} {}", keys[0], keys[1], keys[2]);
        assert!(!text.contains("ada") && !text.contains("1815"), "{text}");
        assert!(text.contains("11111111-2222-3333-4444-555555555555"));
    }

    #[test]
    fn nulls_are_absent_and_the_id_is_not_optional() {
        let user: User = serde_json::from_str(r#"{"id":"1","mail":null,"assignedLicenses":null}"#).unwrap();
        assert_eq!(user, User { id: "1".into(), ..User::default() });
        assert!(serde_json::from_str::<User>("{}").is_err());
    }

    #[test]
    fn a_password_is_written_into_the_body_and_nowhere_else() {
        let properties = UserPatch { account_enabled: Some(false), ..UserPatch::default() };
        let user = NewUser { password: "p4ss-word".into(), properties };
        let body = serde_json::to_value(NewUserBody::of(&user)).unwrap();
        assert_eq!(body["passwordProfile"]["password"], "p4ss-word");
        assert_eq!(body["passwordProfile"]["forceChangePasswordNextSignIn"], true);
        assert_eq!(body["accountEnabled"], false);
        assert!(!format!("{user:?}").contains("p4ss-word"));
    }

    #[test]
    fn a_property_that_is_not_set_is_not_sent() {
        let patch = UserPatch { account_enabled: Some(false), ..UserPatch::default() };
        assert_eq!(serde_json::to_string(&patch).unwrap(), r#"{"accountEnabled":false}"#);
    }
}
