//! Makes true: the person has an account with these properties.
//!
//! **Needs** `User.ReadWrite.All`.
//! **Refuses** `upn_taken` (others have every name that may be tried, also after deletion; with their ids);
//! `user_deleted` (this person's account was deleted within 30 days: `restore_user` brings it back); `mail_taken`;
//! `upn_invalid`; `domain_not_verified` (with those that are); `usage_location_missing` (licences are to follow);
//! `employee_id_missing` (names are tried, and nothing tells the person from those who have them);
//! `synced_user`; `password_refused`; `invalid_properties` (Graph does not take them: a country that does not exist).
//! **Leaves** names that are somebody else's, where it goes on to another (`name_taken`).
//! **Idempotent because** it looks for the account first, by employee id and by name, and an account of the same
//! person is brought up to date instead of made again; a name that was taken in between is looked at afresh.
//! **Caveat** An address that is only an alias of somebody's is not seen before Graph refuses it as `mail_taken`.
//!
//! The password is made here, at random, and told to nobody: the person's first way in is issued to them later.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{NewUser, User, UserKey, UserPatch, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::licenses::subscriptions as licenses;
use crate::users::name_conflicts::{Holder, NameConflicts};
use crate::users::names::{IfTaken, Names};
use crate::users::password::new_password;
use crate::users::properties::{self, SELECT, Update};
use crate::{Action, Error, Plan, View};

/// See the file's head.
pub struct CreateUser;

/// Who is to have an account. What is left out is filled from the event's person; what that lacks stays unset.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The name to sign in with; the person's `upn`, else `email`. Accents are dropped and spaces left out.
    user_principal_name: String,
    /// What to try when somebody else has that name: further names, in order; `number` as the last of them, or alone,
    /// puts 2, 3 and so on behind the first name. Needs an `employee_id`.
    #[serde(default)]
    if_taken: IfTaken,
    /// The name to show; the person's `display_name`, else given and family name.
    display_name: String,
    /// The e-mail address; the person's `email`.
    mail: Option<String>,
    /// The e-mail alias; the name's part before the `@` unless given.
    mail_nickname: Option<String>,
    /// The employer's number for the person: it tells two people of one name apart, and later steps go by it.
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
    /// Whether licences are to follow, which need a usage location; so it is where the event's parameters name some.
    #[serde(default)]
    licensed: bool,
}

/// The account with the employee id, or who has the names.
#[derive(Default)]
pub struct Observed {
    by_employee_id: Option<User>,
    names: Names,
    seen: NameConflicts,
}

/// One write that is missing.
pub enum Change {
    /// There is no account yet.
    Create {
        /// What it is to have.
        properties: Box<UserPatch>,
        /// How many names before the account's are somebody else's.
        passed_over: usize,
    },
    /// There is one, and these properties differ.
    Update(Box<Update>),
}

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
        ("licensed", "{{ true if parameters.licenses else false }}"),
    ];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let names = Names::of(&params.user_principal_name, &params.if_taken)?;
        let id = params.employee_id.clone().map(UserKey::EmployeeId);
        let by_employee_id = async {
            match &id {
                Some(id) => graph.user(id, SELECT).await,
                None => Ok(None),
            }
        };
        let first = UserKey::Upn(names.all().first().cloned().unwrap_or_default());
        let (by_employee_id, first) = try_join(by_employee_id, graph.user(&first, SELECT)).await?;
        let seen = match &by_employee_id {
            Some(_) => NameConflicts::default(),
            None => {
                let is_self = |user: &User| is_same_person(params, user);
                NameConflicts::look(&names, first, params.employee_id.as_deref(), is_self, graph).await?
            }
        };
        Ok(Observed { by_employee_id, names, seen })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let Observed { by_employee_id, names, seen } = observed;
        if params.employee_id.is_none() {
            names.refuse_choice()?;
        }
        let by_name = match seen.holders.last() {
            Some(Holder::Account(user)) if is_same_person(params, user) => Some(&**user),
            _ => None,
        };
        let account = by_employee_id.as_ref().or(by_name);
        let location =
            account.and_then(|user| user.usage_location.as_ref()).or(params.usage_location.as_ref());
        if params.licensed && location.is_none() {
            return Err(licenses::usage_location_missing("the account is to be licensed and"));
        }
        if let Some(user) = account {
            return update(params, user);
        }
        let Some(name) = names.all().get(seen.holders.len()) else { return Err(seen.all_taken()) };
        seen.refuse_self_deleted()?;
        seen.refuse_other_domains(names)?;
        let (properties, passed_over) = (Box::new(params.of_new_account(name)), seen.holders.len());
        let create = Change::Create { properties, passed_over };
        Ok(Plan::in_order([create]).leaving(seen.passed_over()))
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        let result = match change {
            Change::Create { properties, .. } => {
                let properties = UserPatch::clone(properties);
                graph.create_user(&NewUser { password: new_password(), properties }).await.map(|_| ())
            }
            Change::Update(update) => graph.update_user(&update.user, &update.patch).await,
        };
        result.map_err(|error| match error.status() {
            Some(400 | 409) if error.is_address_taken() => {
                let detail = "somebody else, perhaps a group, a contact or a deleted user, has the e-mail address or \
                              alias asked for; give another email, upn or mail_nickname";
                Error::rejected("mail_taken", detail).explains(error)
            }
            // Either a twin of this run was faster, or somebody else took the name: the next look tells which.
            Some(400 | 409) if error.is_already_exists() => Error::StalePlan("the account exists by now"),
            Some(400) if error.is_password_refused() => {
                let detail = "the tenant's policy refuses the password that was generated, 69 characters of all kinds; \
                              look into its banned passwords, then replay: another one is generated";
                Error::blocked("password_refused", detail).explains(error)
            }
            Some(400) => {
                let detail = format!("Graph does not take the account: {error}");
                Error::rejected("invalid_properties", detail).explains(error)
            }
            _ => error.into(),
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({
            "user_principal_name": "edsger@contoso.example", "display_name": "Edsger Dijkstra",
            "if_taken": ["Éd.Dijkstra@contoso.example", "number"], "employee_id": "E-1930",
            "surname": "Dijkstra", "department": "Research", "usage_location": "NL", "licensed": true,
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

/// What differs between what is asked and what is there.
fn update(params: &Params, user: &User) -> Result<Plan<Change>, Error> {
    Ok(properties::missing(&params.properties(), user)?.map(|update| Change::Update(Box::new(update))))
}

impl Params {
    /// What an account that exists is to have; its names to sign in and to write to stay as they are.
    fn properties(&self) -> UserPatch {
        let asked = self.clone();
        UserPatch {
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
        }
    }

    /// What a new account is to have.
    fn of_new_account(&self, user_principal_name: &str) -> UserPatch {
        let alias = user_principal_name.split('@').next().unwrap_or(user_principal_name);
        UserPatch {
            account_enabled: Some(true),
            user_principal_name: Some(user_principal_name.to_owned()),
            mail_nickname: Some(self.mail_nickname.clone().unwrap_or_else(|| alias.to_owned())),
            ..self.properties()
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { passed_over: 0, .. } => f.write_str("create the account"),
            Self::Create { passed_over, .. } => {
                write!(f, "create the account under name {} of those to try", passed_over + 1)
            }
            Self::Update(update) => update.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ADA: &str = "ada@contoso.example";

    fn params(more: Value) -> Params {
        let mut all = json!({
            "user_principal_name": ADA, "display_name": "Ada Lovelace", "department": "Research",
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn user(employee_id: Option<&str>, department: &str) -> Box<User> {
        Box::new(User {
            id: "1".into(),
            display_name: Some("Ada Lovelace".into()),
            employee_id: employee_id.map(Into::into),
            department: Some(department.into()),
            ..User::default()
        })
    }

    fn plan(params: Value, seen: NameConflicts) -> Result<Vec<String>, String> {
        let params = self::params(params);
        let names = Names::of(&params.user_principal_name, &params.if_taken).unwrap();
        let observed = Observed { by_employee_id: None, names, seen };
        let plan =
            CreateUser::plan(&params, &observed).map_err(|error| workflow::Failure::from(error).code)?;
        Ok(plan.changes().map(ToString::to_string).collect())
    }

    fn held_by(holders: impl IntoIterator<Item = Box<User>>) -> NameConflicts {
        let holders = holders.into_iter().map(Holder::Account).collect();
        NameConflicts { holders, ..NameConflicts::default() }
    }

    #[test]
    fn the_same_person_is_brought_up_to_date() {
        let seven = || json!({ "employee_id": "7" });
        assert_eq!(plan(seven(), held_by([user(Some("7"), "Research")])), Ok(vec![]));
        let update = Ok(vec!["set department of user 1".to_owned()]);
        assert_eq!(plan(seven(), held_by([user(Some("7"), "Sales")])), update);
        assert_eq!(plan(json!({}), held_by([user(Some("7"), "Sales")])), update);
        let by_employee_id = Some(*user(Some("7"), "Sales"));
        let renamed = Observed { by_employee_id, ..Observed::default() };
        assert_eq!(CreateUser::plan(&params(seven()), &renamed).unwrap().changes().count(), 1);
    }

    #[test]
    fn a_name_that_is_somebody_elses_is_never_adopted() {
        let stranger = || user(Some("8"), "Research");
        let taken = Err("upn_taken".to_owned());
        assert_eq!(plan(json!({ "employee_id": "7" }), held_by([stranger()])), taken);
        assert_eq!(plan(json!({ "employee_id": "7" }), held_by([user(None, "Research")])), taken);
        let deleted =
            NameConflicts { holders: vec![Holder::Deleted("9".into())], ..NameConflicts::default() };
        assert_eq!(plan(json!({}), deleted), taken);
        let or_another = json!({ "employee_id": "7", "if_taken": ["al@contoso.example"] });
        let second = Ok(vec!["create the account under name 2 of those to try".to_owned()]);
        assert_eq!(plan(or_another.clone(), held_by([stranger()])), second);
        assert_eq!(plan(or_another, held_by([stranger(), stranger()])), taken);
        let nobody_tells = json!({ "if_taken": "number" });
        assert_eq!(plan(nobody_tells, NameConflicts::default()), Err("employee_id_missing".to_owned()));
    }

    #[test]
    fn what_would_fail_later_is_refused_before_the_account_is_made() {
        let created = Ok(vec!["create the account".to_owned()]);
        assert_eq!(plan(json!({}), NameConflicts::default()), created);
        let licensed = json!({ "licensed": true });
        assert_eq!(plan(licensed, NameConflicts::default()), Err("usage_location_missing".to_owned()));
        let located = json!({ "licensed": true, "usage_location": "GB" });
        assert_eq!(plan(located, NameConflicts::default()), created);
        for (domain, expected) in
            [("Contoso.example", created), ("contoso.test", Err("domain_not_verified".to_owned()))]
        {
            let domains = Some(vec![domain.to_owned()]);
            assert_eq!(plan(json!({}), NameConflicts { domains, ..NameConflicts::default() }), expected);
        }
        let again = NameConflicts { deleted_self: Some("9".into()), ..NameConflicts::default() };
        assert_eq!(plan(json!({ "employee_id": "7" }), again), Err("user_deleted".to_owned()));
    }
}
