//! Makes true: the person has an account with these properties.
//!
//! **Needs** `User.ReadWrite.All`, and `User.Read.All` to read the verified domains.
//! **Refuses** `upn_taken` (other people hold every name to try, some of them deleted; lists their ids);
//! `user_deleted` (this person's account was deleted within 30 days: `restore_user` brings it back); `mail_taken`;
//! `upn_invalid`; `alias_invalid`; `domain_not_verified` (lists the verified ones); `usage_location_missing` (licences follow);
//! `employee_id_missing` (several names are tried, and only an employee id tells the person from their holders);
//! `synced_user`; `password_refused`; `invalid_properties` (Graph rejects one, which it may name).
//! **Leaves** names of other people, where it takes a later name (`name_taken`).
//! **Idempotent because** it first looks for the account, by object id, employee id and name, and updates an account of
//! the same person instead of creating another. An account is the person's if an identifier agrees, or if it was created
//! since the run first looked at the tenant and is as the run would have created it. A namesake's is not. If somebody
//! took the name meanwhile, the next run looks again.
//! **Caveat:** an address that is only an alias of another object is not visible before Graph refuses it as
//! `mail_taken`.
//!
//! The password is random and nobody learns it: a later step issues the person's first sign-in.

use std::fmt;

use futures_util::future::try_join;
use jiff::Timestamp;
use msgraph::{NewUser, User, UserKey, UserPatch, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::licenses::subscriptions as licenses;
use crate::users::name_conflicts::{Holder, NameConflicts};
use crate::users::names::{self, IfTaken, Names};
use crate::users::own_account;
use crate::users::password::new_password;
use crate::users::properties::{self, SELECT, Update, defaults_with_properties};
use crate::users::refusals;
use crate::{Action, Error, Plan, View};

/// See the file's head.
pub struct CreateUser;

/// The account. Parameters left out come from the event's person; what the person lacks stays unset.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The sign-in name, without accents and spaces. Defaults to the person's `upn`, else `email`.
    user_principal_name: String,
    /// Names to try when another person has the first one, in order. `number`, alone or as the last of them, appends
    /// 2, 3 and so on to the first name. Needs an `employee_id`.
    #[serde(default)]
    if_taken: IfTaken,
    /// The object id of an account that the person has already.
    entra_id: Option<String>,
    /// The display name. Defaults to the person's `display_name`, or else to the given name, family name or both.
    display_name: String,
    /// The e-mail address. Defaults to the person's `email`.
    mail: Option<String>,
    /// The e-mail alias, without accents and spaces. Defaults to the sign-in name's part before the `@`.
    mail_nickname: Option<String>,
    /// The employer's number for the person. It tells two people of one name apart, and later steps find the person
    /// by it.
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
    /// Two-letter country code, required for licences. Defaults to the person's `usage_location`, else `country`.
    #[serde(default, deserialize_with = "crate::action::parameters::country")]
    usage_location: Option<String>,
    /// Whether a later step assigns licences, which need a usage location. Defaults to whether the event names
    /// licences.
    #[serde(default)]
    licensed: bool,
}

/// The account with the object id or the employee id, or the holders of the names.
#[derive(Default)]
pub struct Observed {
    by_identifier: Option<User>,
    names: Names,
    seen: NameConflicts,
    /// When the run first looked.
    first_sight: Option<Timestamp>,
}

/// One write that is missing.
pub enum Change {
    /// Creates the account.
    Create {
        /// Its properties.
        properties: Box<UserPatch>,
        /// How many earlier names belong to other people.
        passed_over: usize,
    },
    /// Updates the properties that differ.
    Update(Box<Update>),
}

impl Action for CreateUser {
    const NAME: &'static str = "create_user";
    const MAKES_TRUE: &'static str = "The person has an account with these properties";
    const NEEDS: &'static [&'static str] = &["User.ReadWrite.All", "User.Read.All"];
    const READS_ORGANIZATION: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = defaults_with_properties![
        ("user_principal_name", "{{ person.upn if person.upn else person.email }}"),
        ("display_name", properties::DISPLAY_NAME),
        ("entra_id", "{{ person.entra_id | default(none) }}"),
        ("licensed", "{{ true if parameters.licenses else false }}"),
    ];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        let names = Names::of(&params.user_principal_name, &params.if_taken)?;
        let domains = graph.domains().await?;
        if (NameConflicts { domains, ..NameConflicts::default() }).refuse_other_domains(&names).is_ok() {
            return Ok(());
        }
        // An account that exists keeps its name.
        Self::plan(params, &Self::observe(params, graph).await?).map(drop)
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let names = Names::of(&params.user_principal_name, &params.if_taken)?;
        let first = UserKey::Upn(names.all().first().cloned().unwrap_or_default());
        let (by_identifier, first) = try_join(
            own_account::by_identifier(params.entra_id.as_deref(), params.employee_id.as_deref(), graph),
            graph.user(&first, SELECT),
        )
        .await?;
        let first_sight = graph.first_sight();
        let seen = match &by_identifier {
            Some(_) => NameConflicts::default(),
            None => {
                let is_self = |user: &User| own_account::is_own(&params.properties(), user, first_sight);
                NameConflicts::look(&names, first, params.employee_id.as_deref(), is_self, graph).await?
            }
        };
        Ok(Observed { by_identifier, names, seen, first_sight })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let Observed { by_identifier, names, seen, first_sight } = observed;
        if params.employee_id.is_none() {
            names.refuse_choice()?;
        }
        let by_name = match seen.holders.last() {
            Some(Holder::Account(user)) if own_account::is_own(&params.properties(), user, *first_sight) => {
                Some(&**user)
            }
            _ => None,
        };
        let account = by_identifier.as_ref().or(by_name);
        let location =
            account.and_then(|user| user.usage_location.as_ref()).or(params.usage_location.as_ref());
        if params.licensed && location.is_none() {
            return Err(licenses::usage_location_missing("the account will get licences and"));
        }
        if let Some(user) = account {
            return update(params, user);
        }
        let Some(name) = names.all().get(seen.holders.len()) else { return Err(seen.all_taken()) };
        seen.refuse_self_deleted()?;
        seen.refuse_other_domains(names)?;
        let (properties, passed_over) = (Box::new(params.of_new_account(name)?), seen.holders.len());
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
        result.map_err(refusals::of_account)
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

/// The properties that differ from the request.
fn update(params: &Params, user: &User) -> Result<Plan<Change>, Error> {
    Ok(properties::missing(&params.properties(), user)?.map(|update| Change::Update(Box::new(update))))
}

impl Params {
    /// The properties of an existing account; its sign-in name and alias stay.
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

    /// The properties of a new account.
    fn of_new_account(&self, user_principal_name: &str) -> Result<UserPatch, Error> {
        let alias = match &self.mail_nickname {
            Some(asked) => names::alias(asked)?,
            None => user_principal_name.split('@').next().unwrap_or(user_principal_name).to_owned(),
        };
        Ok(UserPatch {
            account_enabled: Some(true),
            user_principal_name: Some(user_principal_name.to_owned()),
            mail_nickname: Some(alias),
            ..self.properties()
        })
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
    const FIRST_SIGHT: Timestamp = Timestamp::UNIX_EPOCH;

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
        let observed = Observed { names, seen, first_sight: Some(FIRST_SIGHT), ..Observed::default() };
        let plan =
            CreateUser::plan(&params, &observed).map_err(|error| outcome::Failure::from(error).code)?;
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
        let by_identifier = Some(*user(Some("7"), "Sales"));
        let renamed = Observed { by_identifier, ..Observed::default() };
        assert_eq!(CreateUser::plan(&params(seven()), &renamed).unwrap().changes().count(), 1);
    }

    #[test]
    fn a_name_that_is_somebody_elses_is_never_adopted() {
        let stranger = || user(Some("8"), "Research");
        let taken = Err("upn_taken".to_owned());
        assert_eq!(plan(json!({}), held_by([user(None, "Research")])), taken, "a namesake");
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
    fn what_an_attempt_created_whose_end_was_lost_is_the_persons() {
        let created = |after: i64, department: &str| {
            let created_date_time = FIRST_SIGHT.checked_add(jiff::SignedDuration::from_secs(after)).ok();
            Box::new(User { created_date_time, ..*user(None, department) })
        };
        let taken = Err("upn_taken".to_owned());
        assert_eq!(plan(json!({}), held_by([created(0, "Research")])), Ok(vec![]));
        assert_eq!(plan(json!({}), held_by([created(-1, "Research")])), taken, "it was there before");
        assert_eq!(plan(json!({}), held_by([created(1, "Sales")])), taken, "it looks otherwise");
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
