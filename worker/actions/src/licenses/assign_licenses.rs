//! Makes true: the person has these licences.
//!
//! **Needs** `LicenseAssignment.ReadWrite.All`, `LicenseAssignment.Read.All` and `User.Read.All`; to set a missing usage
//! location also `User.ReadWrite.All`.
//! **Refuses** `user_not_found`; `license_not_found`; `plan_not_found`; `license_contradiction` (to assign and to
//! remove); `license_not_for_people`; `usage_location_missing`; `no_seat`; `subscription_inactive`; `license_conflict`
//! (plans that exclude or need each other, by name); `plans_unseen` (Graph does not tell a plan to turn off);
//! `permission_missing`.
//! **Leaves** a licence that the person has directly, with its disabled plans, and one that a group already gives;
//! `group_license_failed`: a group should give the licence and cannot, with the reason; `kept_by_group`: a group gives
//! a licence that should be removed; `licenses_unseen`, and assigns nothing, if Graph does not tell which licences there
//! are.
//! **Idempotent because** it reads how the person got each licence and assigns the missing ones in one request.

use futures_util::future::try_join;
use msgraph::{SubscribedSku, User, Writer};
use outcome::{Needs, Taken};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::licenses::assignment::Change;
use crate::licenses::instead_of::to_remove;
use crate::licenses::reference::{LicenseRef, ToAssign};
use crate::licenses::subscriptions::{self as licenses, Plans};
use crate::users::properties::USAGE_LOCATION;
use crate::{Account, Action, Error, Made, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct AssignLicenses;

/// The person and the licences.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Part numbers (`SPE_E3`) or SKU ids, or `{ license, disabled_plans }` for a licence without some of its plans.
    licenses: Vec<LicenseRef>,
    /// Licences to remove in the same request, so that one can replace another whose plans it excludes.
    #[serde(default)]
    instead_of: Vec<String>,
    /// Two-letter country code for an account without one. Defaults to the person's `usage_location`, else `country`.
    #[serde(default, deserialize_with = "crate::action::parameters::country")]
    usage_location: Option<String>,
}

/// The account and the tenant's subscriptions.
pub struct Observed {
    person: Person,
    skus: Vec<SubscribedSku>,
}

impl Action for AssignLicenses {
    const NAME: &'static str = "assign_licenses";
    const MAKES_TRUE: &'static str = "The person has these licences";
    const NEEDS: &'static [&'static str] =
        &["LicenseAssignment.ReadWrite.All", "LicenseAssignment.Read.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("usage_location", USAGE_LOCATION)];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        if params.licenses.is_empty() && params.instead_of.is_empty() {
            return Ok(());
        }
        let skus = graph.subscribed_skus().await?;
        for reference in &params.licenses {
            let sku = licenses::find(reference.license(), &skus)?;
            licenses::check_is_for_people(sku)?;
            reference.of(sku)?;
        }
        for reference in &params.instead_of {
            to_remove(reference, &params.licenses, &skus, None)?;
        }
        Ok(())
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &licenses::SELECT);
        let skus = async { Ok(graph.subscribed_skus().await?) };
        let (person, skus) = try_join(person, skus).await?;
        Ok(Observed { person, skus })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (user, seen) = observed.person.account()?;
        let names_any = !params.licenses.is_empty() || !params.instead_of.is_empty();
        if names_any && seen.is_some_and(|seen| seen.license_assignment_states.is_none()) {
            return Ok(Plan::nothing().leaving([licenses::unseen(&user)]));
        }
        let (mut changes, mut left) = (Vec::new(), Vec::new());
        let mut missing: Vec<ToAssign> = Vec::new();
        for reference in &params.licenses {
            let sku = licenses::find(reference.license(), &observed.skus)?;
            let known = missing.iter().any(|known| known.add.sku_id == sku.sku_id);
            if known || seen.is_some_and(|seen| licenses::direct(seen).any(|id| id == sku.sku_id)) {
                continue;
            }
            if let Some(reason) = seen.and_then(|seen| licenses::given_by_group(seen, sku)) {
                left.push(reason);
                continue;
            }
            licenses::check_assignable(sku)?;
            missing.push(reference.of(sku)?);
        }
        let lacks_one = left.iter().any(|left| left.needs == Needs::Operator);
        let mut instead_of = Vec::new();
        // If a licence cannot be assigned, nothing is removed for it.
        for reference in params.instead_of.iter().filter(|_| !lacks_one) {
            match to_remove(reference, &params.licenses, &observed.skus, seen)? {
                None => {}
                Some(Ok(sku)) => instead_of.push(sku),
                Some(Err(reason)) => left.push(reason),
            }
        }
        if !missing.is_empty() {
            changes.extend(usage_location(params, &user, seen)?);
        }
        if !missing.is_empty() || !instead_of.is_empty() {
            let plans = Plans::of(&observed.skus);
            changes.push(Change::Assign { user, licenses: missing, instead_of, plans });
        }
        Ok(Plan::in_order(changes).leaving(left))
    }

    fn takes(observed: &Self::Observed, changes: &[&Change]) -> Vec<Taken> {
        let Ok((_, Some(seen))) = observed.person.account() else { return Vec::new() };
        let taken = changes.iter().flat_map(|change| match change {
            Change::Assign { instead_of, .. } => licenses::taken(seen, instead_of),
            Change::SetUsageLocation { .. } => Vec::new(),
        });
        taken.collect()
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        change.apply(graph).await
    }

    async fn apply_sequence(changes: &[Change], graph: Writer<'_>, made: &mut Made) -> Result<(), Error> {
        Change::apply_in_order(changes, graph, made).await
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let mut scenario = crate::Scenario::new(serde_json::json!({
            "user": "ada@contoso.example", "licenses": ["SPE_E3", "EMS"], "usage_location": "GB",
        }));
        // To set it needs a permission besides.
        scenario.tenant.set("ada@contoso.example", "usageLocation", "GB").unwrap();
        scenario
    }
}

/// An account that this plan creates gets its usage location then, from the same event.
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

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::{LicenseAssignmentState, PrepaidUnits};

    fn sku(part: &str, free: i64) -> SubscribedSku {
        SubscribedSku {
            sku_id: format!("id-{part}"),
            sku_part_number: Some(part.into()),
            consumed_units: Some(0),
            prepaid_units: PrepaidUnits { enabled: Some(free), ..PrepaidUnits::default() },
            ..SubscribedSku::default()
        }
    }

    fn skus() -> Vec<SubscribedSku> {
        let company = SubscribedSku { applies_to: Some("Company".into()), ..sku("COMPANY", 1) };
        let lapsed = SubscribedSku { capability_status: Some("Suspended".into()), ..sku("LAPSED", 1) };
        vec![sku("A", 1), sku("B", 1), sku("FULL", 0), company, lapsed]
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
        let user = User {
            id: "1".into(),
            usage_location,
            license_assignment_states: Some(license_assignment_states),
            ..User::default()
        };
        decide(Person::Present(Box::new(user)), &["A", "id-B"], Some("GB"))
    }

    fn decide(person: Person, asked: &[&str], country: Option<&str>) -> Result<(Vec<String>, usize), String> {
        exchange(person, asked, &[], country)
    }

    fn exchange(
        person: Person,
        asked: &[&str],
        instead_of: &[&str],
        country: Option<&str>,
    ) -> Result<(Vec<String>, usize), String> {
        let params = Params {
            user: serde_json::from_value("ada@contoso.example".into()).unwrap(),
            licenses: asked.iter().map(|asked| LicenseRef::Whole(asked.to_string())).collect(),
            instead_of: instead_of.iter().map(ToString::to_string).collect(),
            usage_location: country.map(Into::into),
        };
        let observed = Observed { person, skus: skus() };
        let plan = AssignLicenses::plan(&params, &observed);
        plan.map(|plan| (plan.changes().map(ToString::to_string).collect(), plan.left.len()))
            .map_err(|error| outcome::Failure::from(error).code)
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
        let person = || {
            let license_assignment_states = Some(Vec::new());
            Person::Present(Box::new(User { id: "1".into(), license_assignment_states, ..User::default() }))
        };
        assert_eq!(decide(person(), &["NONE"], Some("GB")), Err("license_not_found".to_owned()));
        assert_eq!(decide(person(), &["FULL"], Some("GB")), Err("no_seat".to_owned()));
        assert_eq!(decide(person(), &["COMPANY"], Some("GB")), Err("license_not_for_people".to_owned()));
        assert_eq!(decide(person(), &["LAPSED"], Some("GB")), Err("subscription_inactive".to_owned()));
        assert_eq!(decide(person(), &["A"], None), Err("usage_location_missing".to_owned()));
        assert_eq!(decide(Person::Absent, &["A"], Some("GB")), Err("user_not_found".to_owned()));
    }

    #[test]
    fn licences_that_are_not_told_are_left_and_none_is_assigned() {
        let untold = || Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        for (asked, instead_of, left) in
            [(&["A"][..], &[][..], 1), (&["A", "FULL"], &["B"], 1), (&[], &["B"], 1), (&[], &[], 0)]
        {
            assert_eq!(exchange(untold(), asked, instead_of, Some("GB")), Ok((vec![], left)), "{asked:?}");
        }
    }

    #[test]
    fn a_promised_account_is_planned_for() {
        let planned = Ok((vec!["assign A to the new user".to_owned()], 0));
        assert_eq!(decide(Person::ToBeCreated, &["A"], Some("GB")), planned);
    }

    #[test]
    fn a_licence_stands_in_for_another_in_one_call() {
        let person = |group: Option<&str>| {
            let state = LicenseAssignmentState {
                sku_id: "id-B".into(),
                assigned_by_group: group.map(Into::into),
                ..LicenseAssignmentState::default()
            };
            let license_assignment_states = Some(vec![state]);
            Person::Present(Box::new(User { id: "1".into(), license_assignment_states, ..User::default() }))
        };
        let location = "set usage location GB of user 1".to_owned();
        let told = exchange(person(None), &["A"], &["B"], Some("GB"));
        assert_eq!(told, Ok((vec![location.clone(), "assign A to user 1 instead of B".to_owned()], 0)));
        let told = exchange(person(None), &[], &["B"], None);
        assert_eq!(
            told,
            Ok((vec!["take B back from user 1".to_owned()], 0)),
            "the other one is there already"
        );
        let told = exchange(person(Some("g")), &["A"], &["B"], Some("GB"));
        assert_eq!(told, Ok((vec![location, "assign A to user 1".to_owned()], 1)), "a group gives B");
        let told = exchange(person(None), &["A", "B"], &["B"], Some("GB"));
        assert_eq!(told, Err("license_contradiction".to_owned()));
    }
}
