//! Makes true: the person's account has these properties.
//!
//! **Needs** `User.ReadWrite.All`; for an administrator's mobile number the application also needs a directory role.
//! **Refuses** `user_not_found`; `synced_user` (mastered on premises; only the usage location is the cloud's);
//! `alias_invalid`; `value_taken` (another object has the address); `invalid_properties` (Graph rejects one, such as an unknown
//! country); `role_missing` (the person is an administrator, and the application is known to hold no role);
//! `permission_missing`.
//! **Idempotent because** it reads the properties and writes those that differ, all in one request.
//!
//! Properties that are not given stay. Nothing is emptied, and the sign-in name never changes: a repeated event finds
//! the person by it.

use std::fmt;

use msgraph::{UserPatch, Writer};
use outcome::Taken;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::users::names;
use crate::users::privileged::PrivilegedRole;
use crate::users::properties::{self, SELECT, Update, defaults_with_properties};
use crate::users::refusals;
use crate::{Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct UpdateUser;

/// The properties. Those left out come from the event's person; what the person lacks stays as it is.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The display name. Defaults to the person's `display_name`.
    display_name: Option<String>,
    /// The e-mail address. Defaults to the person's `email`.
    mail: Option<String>,
    /// The e-mail alias, without accents and spaces.
    mail_nickname: Option<String>,
    /// The employer's number for the person.
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
    /// Two-letter country code. Defaults to the person's `usage_location`, else `country`.
    #[serde(default, deserialize_with = "crate::action::parameters::country")]
    usage_location: Option<String>,
}

/// Writes the properties that differ.
#[derive(Debug, PartialEq)]
pub struct Change(Update);

impl Action for UpdateUser {
    const NAME: &'static str = "update_user";
    const MAKES_TRUE: &'static str = "The person's account has these properties";
    const NEEDS: &'static [&'static str] = &["User.ReadWrite.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = defaults_with_properties![
        ("user", "{{ person }}"),
        ("display_name", "{{ person.display_name | default(none) }}"),
    ];

    type Params = Params;
    type Observed = (Person, PrivilegedRole);
    type Change = Change;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Self::Observed, Error> {
        if params.mobile_phone.is_some() {
            return PrivilegedRole::with_person(&params.user, SELECT, graph).await;
        }
        Ok((graph.person(&params.user, SELECT).await?, PrivilegedRole::NONE))
    }

    fn plan(params: &Params, (person, role): &Self::Observed) -> Result<Plan<Change>, Error> {
        // If this plan creates the account, it creates it from the same event.
        let (user, Some(seen)) = person.account()? else { return Ok(Plan::nothing()) };
        let plan = properties::missing(&params.asked()?, seen)?;
        if plan.changes().any(|update| update.patch.mobile_phone.is_some()) {
            role.check(&user, "setting the mobile number")?;
        }
        Ok(plan.map(Change))
    }

    fn takes((person, _): &Self::Observed, changes: &[&Change]) -> Vec<Taken> {
        let Ok((_, Some(seen))) = person.account() else { return Vec::new() };
        changes.iter().map(|Change(update)| properties::taken(update, seen)).collect()
    }

    async fn apply(Change(update): &Change, graph: Writer<'_>) -> Result<(), Error> {
        graph
            .update_user(&update.user, &update.patch)
            .await
            .map_err(|error| refusals::of_update(update, error))
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({
            "user": "ada@contoso.example", "job_title": "Analyst", "department": "Research",
            "usage_location": "GB",
        }))
    }
}

impl Params {
    fn asked(&self) -> Result<UserPatch, Error> {
        let asked = self.clone();
        Ok(UserPatch {
            display_name: asked.display_name,
            mail: asked.mail,
            mail_nickname: asked.mail_nickname.as_deref().map(names::alias).transpose()?,
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
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;
    use serde_json::json;

    fn plan(params: serde_json::Value, person: &Person) -> Result<Vec<String>, String> {
        let params: Params = serde_json::from_value(params).unwrap();
        let plan = UpdateUser::plan(&params, &(person.clone(), PrivilegedRole::NONE))
            .map_err(|error| outcome::Failure::from(error).code)?;
        Ok(plan.changes().map(ToString::to_string).collect())
    }

    #[test]
    fn every_property_asked_for_is_compared() {
        let user = || User { id: "1".into(), ..User::default() };
        let seen = Person::Present(Box::new(user()));
        let names = [
            "display_name",
            "mail",
            "mail_nickname",
            "employee_id",
            "given_name",
            "surname",
            "job_title",
            "department",
            "office_location",
            "company_name",
            "mobile_phone",
            "usage_location",
        ];
        for name in names {
            let value = if name == "usage_location" { "GB" } else { "x" };
            let params = json!({ "user": "ada@contoso.example", name: value });
            assert_eq!(plan(params, &seen), Ok(vec![format!("set {name} of user 1")]));
        }
        let nothing = json!({ "user": "ada@contoso.example", "department": null });
        assert_eq!(plan(nothing.clone(), &seen), Ok(vec![]));
        assert_eq!(plan(nothing.clone(), &Person::ToBeCreated), Ok(vec![]));
        assert_eq!(plan(nothing, &Person::Absent), Err("user_not_found".to_owned()));
    }
}
