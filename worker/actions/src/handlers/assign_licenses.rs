//! Makes true: the person has these licences.
//!
//! **Needs** `LicenseAssignment.ReadWrite.All`, `LicenseAssignment.Read.All` and, to set a missing usage
//! location, `User.ReadWrite.All`.
//! **Refuses** `user_not_found`; `license_not_found`; `usage_location_missing`; `no_seat`; `license_conflict`
//! (plans that exclude or need each other); `permission_missing`.
//! **Leaves** a licence that a group of the person's already gives: it is there, by another route.
//! **Idempotent because** it reads how each licence came and asks, in one call, for those that are missing.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{AddLicense, SubscribedSku, User, UserPatch, Writer};
use schemars::JsonSchema;
use serde::Deserialize;
use workflow::{Left, Needs};

use crate::action::{Action, Plan};
use crate::error::Error;
use crate::licenses;
use crate::person::{Account, Person, PersonRef, Reader};

/// See the file's head.
pub struct AssignLicenses;

/// Who is to have what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person; the event's unless given.
    user: PersonRef,
    /// Part numbers (`SPE_E3`) or SKU ids.
    licenses: Vec<String>,
    /// Two-letter country code for an account that has none yet; the person's `usage_location`, else `country`.
    usage_location: Option<String>,
}

/// The account, and what the tenant has bought.
pub struct Observed {
    person: Person,
    skus: Vec<SubscribedSku>,
}

/// One write that is missing.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// No licence can be assigned to an account without one.
    SetUsageLocation {
        /// Whose.
        user: Account,
        /// The country.
        country: String,
    },
    /// All missing licences in one call: dependencies between them resolve inside it.
    Assign {
        /// Whose.
        user: Account,
        /// SKU id and name.
        licenses: Vec<(String, String)>,
    },
}

impl Action for AssignLicenses {
    const NAME: &'static str = "assign_licenses";
    const MAKES_TRUE: &'static str = "The person has these licences";
    const NEEDS: &'static [&'static str] =
        &["LicenseAssignment.ReadWrite.All", "LicenseAssignment.Read.All", "User.ReadWrite.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("usage_location", licenses::USAGE_LOCATION)];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn observe(params: &Params, graph: Reader<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &licenses::SELECT);
        let skus = async { Ok(graph.subscribed_skus().await?) };
        let (person, skus) = try_join(person, skus).await?;
        Ok(Observed { person, skus })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (user, seen) = observed.person.account()?;
        let mut plan = Plan::nothing();
        let mut missing: Vec<(String, String)> = Vec::new();
        for reference in &params.licenses {
            let sku = licenses::find(reference, &observed.skus)?;
            let known = missing.iter().any(|(id, _)| *id == sku.sku_id);
            if known || seen.is_some_and(|seen| licenses::direct(seen).any(|id| id == sku.sku_id)) {
                continue;
            }
            if let Some(left) = seen.and_then(|seen| given_by_group(seen, sku)) {
                plan.left.push(left);
                continue;
            }
            if sku.available() == 0 {
                let detail =
                    format!("no seat of {} is free; buy or free one, then replay", licenses::name(sku));
                return Err(Error::blocked("no_seat", detail));
            }
            missing.push((sku.sku_id.clone(), licenses::name(sku).to_owned()));
        }
        if missing.is_empty() {
            return Ok(plan);
        }
        plan.changes.extend(usage_location(params, &user, seen)?);
        plan.changes.push(Change::Assign { user, licenses: missing });
        Ok(plan)
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        match change {
            Change::SetUsageLocation { user, country } => {
                let patch = UserPatch { usage_location: Some(country.clone()), ..UserPatch::default() };
                Ok(graph.update_user(user.id()?, &patch).await?)
            }
            Change::Assign { user, licenses } => {
                graph.assign_licenses(user.id()?, &added(licenses), &[]).await.map_err(explain)
            }
        }
    }

    async fn apply_in_order(changes: &[Change], graph: Writer<'_>) -> Result<(), Error> {
        if let [Change::SetUsageLocation { user, country }, Change::Assign { licenses, .. }] = changes {
            return graph.locate_and_license(user.id()?, country, &added(licenses)).await.map_err(explain);
        }
        for change in changes {
            Self::apply(change, graph).await?;
        }
        Ok(())
    }

    #[cfg(test)]
    fn scenario() -> super::conformance::Scenario {
        super::conformance::Scenario::new(serde_json::json!({
            "user": "ada@contoso.example", "licenses": ["SPE_E3", "EMS"], "usage_location": "GB",
        }))
    }
}

fn given_by_group(user: &User, sku: &SubscribedSku) -> Option<Left> {
    let (_, group) = licenses::inherited(user).find(|(id, _)| *id == sku.sku_id)?;
    let detail = format!("{} is already given by group {group}", licenses::name(sku));
    Some(Left { code: "given_by_group".to_owned(), detail, needs: Needs::Nobody })
}

/// A promised account gets its usage location when it is made, from the same event.
fn usage_location(params: &Params, user: &Account, seen: Option<&User>) -> Result<Option<Change>, Error> {
    match (seen.and_then(|seen| seen.usage_location.as_ref()), &params.usage_location) {
        (Some(_), _) => Ok(None),
        (None, Some(_)) if seen.is_none() => Ok(None),
        (None, Some(country)) => {
            Ok(Some(Change::SetUsageLocation { user: user.clone(), country: country.clone() }))
        }
        (None, None) => Err(licenses::usage_location_missing(&user.to_string())),
    }
}

/// Only the message tells these refusals apart: the code is `Request_BadRequest` for all
/// (seen in client code and support threads, 2021 to 2026).
fn explain(error: msgraph::Error) -> Error {
    if error.mentions("does not have any available licenses") {
        return Error::blocked(
            "no_seat",
            "the last free seat was taken meanwhile; buy or free one, then replay",
        )
        .explains(error);
    }
    if error.mentions("invalid usage location") {
        // Also answered for a moment after the location was set.
        return Error::StalePlan("the usage location is not known everywhere yet");
    }
    if error.mentions("depends on the service plan") || error.mentions("mutually exclusive") {
        let detail = format!("these licences hold plans that exclude or need each other ({error})");
        return Error::rejected("license_conflict", detail).explains(error);
    }
    Error::from(error).or_missing("permission_missing", || {
        "assigning licences needs LicenseAssignment.ReadWrite.All".to_owned()
    })
}

fn added(licenses: &[(String, String)]) -> Vec<AddLicense> {
    let add =
        |(sku_id, _): &(String, String)| AddLicense { sku_id: sku_id.clone(), disabled_plans: Vec::new() };
    licenses.iter().map(add).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetUsageLocation { user, country } => write!(f, "set usage location {country} of {user}"),
            Self::Assign { user, licenses } => {
                let names: Vec<_> = licenses.iter().map(|(_, name)| name.as_str()).collect();
                write!(f, "assign {} to {user}", names.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::{LicenseAssignmentState, PrepaidUnits};

    fn sku(part: &str, free: i64) -> SubscribedSku {
        SubscribedSku {
            sku_id: format!("id-{part}"),
            sku_part_number: Some(part.into()),
            prepaid_units: PrepaidUnits { enabled: free, ..PrepaidUnits::default() },
            ..SubscribedSku::default()
        }
    }

    fn plan(location: Option<&str>, states: &[(&str, Option<&str>)]) -> Result<(Vec<String>, usize), String> {
        let license_assignment_states = states
            .iter()
            .map(|(part, group)| LicenseAssignmentState {
                sku_id: format!("id-{part}"),
                assigned_by_group: group.map(Into::into),
                ..LicenseAssignmentState::default()
            })
            .collect();
        let usage_location = location.map(Into::into);
        let user = User { id: "1".into(), usage_location, license_assignment_states, ..User::default() };
        decide(Person::Present(Box::new(user)), &["A", "id-B"], Some("GB"))
    }

    fn decide(person: Person, asked: &[&str], country: Option<&str>) -> Result<(Vec<String>, usize), String> {
        let params = Params {
            user: serde_json::from_value("ada@contoso.example".into()).unwrap(),
            licenses: asked.iter().map(ToString::to_string).collect(),
            usage_location: country.map(Into::into),
        };
        let observed = Observed { person, skus: vec![sku("A", 1), sku("B", 1), sku("FULL", 0)] };
        let plan = AssignLicenses::plan(&params, &observed);
        plan.map(|plan| (plan.changes.iter().map(ToString::to_string).collect(), plan.left.len()))
            .map_err(|error| workflow::Failure::from(error).code)
    }

    #[test]
    fn what_is_missing_is_asked_for_in_one_call() {
        let both = "assign A, B to user 1".to_owned();
        assert_eq!(plan(Some("DE"), &[]), Ok((vec![both.clone()], 0)));
        assert_eq!(plan(None, &[]), Ok((vec!["set usage location GB of user 1".to_owned(), both], 0)));
        assert_eq!(plan(Some("DE"), &[("A", None)]), Ok((vec!["assign B to user 1".to_owned()], 0)));
        assert_eq!(plan(None, &[("A", None), ("B", Some("g"))]), Ok((vec![], 1)));
    }

    #[test]
    fn what_cannot_be_assigned_is_refused_with_its_reason() {
        let person = || Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        assert_eq!(decide(person(), &["NONE"], Some("GB")), Err("license_not_found".to_owned()));
        assert_eq!(decide(person(), &["FULL"], Some("GB")), Err("no_seat".to_owned()));
        assert_eq!(decide(person(), &["A"], None), Err("usage_location_missing".to_owned()));
        assert_eq!(decide(Person::Absent, &["A"], Some("GB")), Err("user_not_found".to_owned()));
    }

    #[test]
    fn a_promised_account_is_planned_for() {
        let planned = Ok((vec!["assign A to the new user".to_owned()], 0));
        assert_eq!(decide(Person::Promised, &["A"], Some("GB")), planned);
    }
}
