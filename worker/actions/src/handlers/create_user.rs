//! Makes true: the person has an account with these properties.
//!
//! **Needs** `User.ReadWrite.All`.
//! **Refuses** `upn_taken` (somebody else has the name, also after deletion); `invalid_properties` (Graph does
//! not take them: an unverified domain, a country code that does not exist).
//! **Idempotent because** it looks for the account first, by employee id and by name, and an account of the same
//! person is brought up to date instead of made again; a name that was taken in between is looked at afresh.
//!
//! The password is made here, at random, and told to nobody: the person's first way in is issued to them later.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{NewUser, User, UserKey, UserPatch, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::{Action, Plan};
use crate::error::Error;
use crate::licenses;
use crate::password::new_password;
use crate::person::Reader;
use crate::properties::{self, SELECT, Update};

/// See the file's head.
pub struct CreateUser;

/// Who is to have an account. What is left out is filled from the event's person; what that lacks stays unset.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The name to sign in with; the person's `upn`, else `email`.
    user_principal_name: String,
    /// The name to show; the person's `display_name`, else given and family name.
    display_name: String,
    /// The e-mail address; the person's `email`.
    mail: Option<String>,
    /// The e-mail alias; the name's part before the `@` unless given.
    mail_nickname: Option<String>,
    /// The employer's number for the person. It is what tells two people of one name apart.
    employee_id: Option<String>,
    /// First name.
    given_name: Option<String>,
    /// Last name.
    surname: Option<String>,
    /// Job title.
    job_title: Option<String>,
    /// Department.
    department: Option<String>,
    /// Office.
    office_location: Option<String>,
    /// Company.
    company_name: Option<String>,
    /// Mobile telephone number.
    mobile_phone: Option<String>,
    /// Two-letter country code; needed before a licence can be assigned. The person's `usage_location`, else
    /// `country`.
    usage_location: Option<String>,
}

/// What holds the name or the employee id already.
#[derive(Default)]
pub struct Observed {
    by_employee_id: Option<User>,
    by_name: Option<User>,
    deleted: Option<String>,
}

/// One write that is missing.
pub enum Change {
    /// There is no account yet.
    Create(Box<NewAccount>),
    /// There is one, and these properties differ.
    Update(Box<Update>),
}

/// What a new account is made of.
pub struct NewAccount(Params);

impl Action for CreateUser {
    const NAME: &'static str = "create_user";
    const MAKES_TRUE: &'static str = "The person has an account with these properties";
    const NEEDS: &'static [&'static str] = &["User.ReadWrite.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[
        ("user_principal_name", "{{ person.upn if person.upn else person.email }}"),
        (
            "display_name",
            "{{ person.display_name if person.display_name else person.given_name ~ ' ' ~ person.family_name }}",
        ),
        ("mail", "{{ person.email | default(none) }}"),
        ("employee_id", "{{ person.employee_id | default(none) }}"),
        ("given_name", "{{ person.given_name | default(none) }}"),
        ("surname", "{{ person.family_name | default(none) }}"),
        ("job_title", "{{ person.job_title | default(none) }}"),
        ("department", "{{ person.department | default(none) }}"),
        ("office_location", "{{ person.office | default(none) }}"),
        ("company_name", "{{ person.company | default(none) }}"),
        ("mobile_phone", "{{ person.phone | default(none) }}"),
        ("usage_location", licenses::USAGE_LOCATION),
    ];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn observe(params: &Params, graph: Reader<'_>) -> Result<Observed, Error> {
        let (id, name) = (
            params.employee_id.clone().map(UserKey::EmployeeId),
            UserKey::Upn(params.user_principal_name.clone()),
        );
        let by_employee_id = async {
            match &id {
                Some(id) => graph.user(id, SELECT).await,
                None => Ok(None),
            }
        };
        let (by_employee_id, by_name) = try_join(by_employee_id, graph.user(&name, SELECT)).await?;
        let deleted = match (&by_employee_id, &by_name) {
            (None, None) => graph.deleted_user_by_upn(&params.user_principal_name).await?.map(|user| user.id),
            _ => None,
        };
        Ok(Observed { by_employee_id, by_name, deleted })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        if let Some(user) = observed.by_employee_id.as_ref() {
            return update(params, user);
        }
        if let Some(user) = observed.by_name.as_ref() {
            return if is_same_person(params, user) { update(params, user) } else { Err(taken(&user.id)) };
        }
        if let Some(deleted) = &observed.deleted {
            return Err(Error::rejected(
                "upn_taken",
                format!(
                    "deleted user {deleted} still holds this name; restore or purge it, or give another name"
                ),
            ));
        }
        Ok(Plan::of([Change::Create(Box::new(NewAccount(params.clone())))]))
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        let result = match change {
            Change::Create(account) => graph.create_user(&account.with_new_password()).await.map(|_| ()),
            Change::Update(update) => graph.update_user(&update.user, &update.patch).await,
        };
        result.map_err(|error| match error.status() {
            // Either a twin of this run was faster, or somebody else took the name: the next look tells which.
            Some(400 | 409) if error.is_already_exists() => Error::StalePlan("the account exists by now"),
            Some(400) => {
                let detail = format!("Graph does not take the account: {error}");
                Error::rejected("invalid_properties", detail).explains(error)
            }
            _ => error.into(),
        })
    }

    #[cfg(test)]
    fn scenario() -> super::conformance::Scenario {
        super::conformance::Scenario::new(serde_json::json!({
            "user_principal_name": "edsger.new@contoso.example", "display_name": "Edsger Dijkstra",
            "mail": null, "employee_id": "E-1930", "given_name": "Edsger", "surname": "Dijkstra",
            "job_title": null, "department": "Research", "office_location": null, "company_name": null,
            "mobile_phone": null, "usage_location": "NL",
        }))
    }
}

/// Without an employee id only the shown name can tell two people apart.
fn is_same_person(params: &Params, user: &User) -> bool {
    match &params.employee_id {
        Some(id) => user.employee_id.as_ref() == Some(id),
        None => user.display_name.as_ref() == Some(&params.display_name),
    }
}

fn taken(user: &str) -> Error {
    Error::rejected(
        "upn_taken",
        format!(
            "user {user} has this name and is not known to be this person; give another upn, or set that user's \
             employee id"
        ),
    )
}

/// What differs between what is asked and what is there.
fn update(params: &Params, user: &User) -> Result<Plan<Change>, Error> {
    let asked = params.clone();
    let asked = UserPatch {
        display_name: Some(asked.display_name),
        mail: asked.mail,
        employee_id: asked.employee_id,
        given_name: asked.given_name,
        surname: asked.surname,
        job_title: asked.job_title,
        department: asked.department,
        office_location: asked.office_location,
        company_name: asked.company_name,
        mobile_phone: asked.mobile_phone,
        usage_location: asked.usage_location,
        ..UserPatch::default()
    };
    Ok(properties::missing(&asked, user)?.map(|update| Change::Update(Box::new(update))))
}

impl NewAccount {
    fn with_new_password(&self) -> NewUser {
        let asked = &self.0;
        let upn = &asked.user_principal_name;
        let alias = asked.mail_nickname.clone();
        NewUser {
            account_enabled: true,
            user_principal_name: upn.clone(),
            display_name: asked.display_name.clone(),
            mail_nickname: alias.unwrap_or_else(|| upn.split('@').next().unwrap_or(upn).to_owned()),
            password: new_password(),
            mail: asked.mail.clone(),
            employee_id: asked.employee_id.clone(),
            given_name: asked.given_name.clone(),
            surname: asked.surname.clone(),
            job_title: asked.job_title.clone(),
            department: asked.department.clone(),
            office_location: asked.office_location.clone(),
            company_name: asked.company_name.clone(),
            mobile_phone: asked.mobile_phone.clone(),
            usage_location: asked.usage_location.clone(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(_) => f.write_str("create the account"),
            Self::Update(update) => update.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(employee_id: Option<&str>) -> Params {
        Params {
            user_principal_name: "ada@contoso.example".into(),
            display_name: "Ada Lovelace".into(),
            employee_id: employee_id.map(Into::into),
            department: Some("Research".into()),
            ..Params::default()
        }
    }

    fn user(employee_id: Option<&str>, department: &str) -> User {
        User {
            id: "1".into(),
            display_name: Some("Ada Lovelace".into()),
            employee_id: employee_id.map(Into::into),
            department: Some(department.into()),
            ..User::default()
        }
    }

    fn plan(params: &Params, observed: Observed) -> Result<Vec<String>, String> {
        let plan =
            CreateUser::plan(params, &observed).map_err(|error| workflow::Failure::from(error).code)?;
        Ok(plan.changes.iter().map(ToString::to_string).collect())
    }

    fn by_name(user: User) -> Observed {
        Observed { by_name: Some(user), ..Observed::default() }
    }

    #[test]
    fn nobody_there_is_created() {
        assert_eq!(plan(&params(None), Observed::default()), Ok(vec!["create the account".to_owned()]));
    }

    #[test]
    fn the_same_person_is_brought_up_to_date() {
        assert_eq!(plan(&params(Some("7")), by_name(user(Some("7"), "Research"))), Ok(vec![]));
        let update = Ok(vec!["set department of user 1".to_owned()]);
        assert_eq!(plan(&params(Some("7")), by_name(user(Some("7"), "Sales"))), update);
        assert_eq!(plan(&params(None), by_name(user(Some("7"), "Sales"))), update);
        let renamed =
            Observed { by_employee_id: Some(user(Some("7"), "Sales")), by_name: None, deleted: None };
        assert_eq!(plan(&params(Some("7")), renamed), update);
    }

    #[test]
    fn somebody_elses_name_is_refused() {
        let taken = Err("upn_taken".to_owned());
        assert_eq!(plan(&params(Some("7")), by_name(user(Some("8"), "Research"))), taken);
        assert_eq!(plan(&params(Some("7")), by_name(user(None, "Research"))), taken);
        let deleted = Observed { deleted: Some("9".into()), ..Observed::default() };
        assert_eq!(plan(&params(None), deleted), taken);
    }
}
