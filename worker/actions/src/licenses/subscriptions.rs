//! Licences: found by part number or id, told apart by how the person got them, and explained by their plans.

use std::collections::BTreeMap;

use msgraph::{LicenseAssignmentState, PrepaidUnits, SubscribedSku, User};
use outcome::{Left, Needs, Taken, TakenKind};

use crate::{Account, Error};

/// Rejects a licence assignment because `who` has no usage location.
pub fn usage_location_missing(who: &str) -> Error {
    Error::rejected(
        &["usage_location"],
        "usage_location_missing",
        format!(
            "{who} has no usage location; set person.usage_location, or person.country as a code or in English"
        ),
    )
}

/// The subscribed licence with this part number (`SPE_E3`) or SKU id.
pub fn find<'a>(reference: &str, skus: &'a [SubscribedSku]) -> Result<&'a SubscribedSku, Error> {
    let is_meant = |sku: &&SubscribedSku| {
        sku.sku_id.eq_ignore_ascii_case(reference)
            || sku.sku_part_number.as_deref().is_some_and(|part| part.eq_ignore_ascii_case(reference))
    };
    skus.iter().find(is_meant).ok_or_else(|| {
        let known: Vec<_> = skus.iter().map(name).collect();
        let detail = format!("the tenant has no licence `{reference}`; it has {}", known.join(", "));
        Error::rejected(&["licenses"], "license_not_found", detail)
    })
}

/// The part number, which people know, else the id.
pub fn name(sku: &SubscribedSku) -> &str {
    sku.sku_part_number.as_deref().unwrap_or(&sku.sku_id)
}

/// The name of a SKU id, if the tenant has it.
pub fn name_of<'a>(sku_id: &'a str, skus: &'a [SubscribedSku]) -> &'a str {
    skus.iter().find(|sku| sku.sku_id == sku_id).map_or(sku_id, name)
}

/// The ids of the licences that are assigned to the person directly.
pub fn direct(user: &User) -> impl Iterator<Item = &str> {
    let states = user.license_assignment_states.iter().flatten();
    states.filter(|state| state.assigned_by_group.is_none()).map(|state| state.sku_id.as_str())
}

/// The licences that a group gives: SKU id and group id.
pub fn inherited(user: &User) -> impl Iterator<Item = (&str, &str)> {
    let states = user.license_assignment_states.iter().flatten();
    states.filter_map(|state| Some((state.sku_id.as_str(), state.assigned_by_group.as_deref()?)))
}

/// The note of a step that has to know which licences the person has, and is not told.
pub fn unseen(user: &Account) -> Left {
    let detail = format!(
        "Microsoft Graph does not tell which licences {user} has; look at them in the Microsoft 365 admin center"
    );
    Left { code: "licenses_unseen".to_owned(), detail, needs: Needs::Operator }
}

/// These direct licences, SKU id and name, as the person has them.
pub fn taken(user: &User, licenses: &[(String, String)]) -> Vec<Taken> {
    let states = user.license_assignment_states.as_deref().unwrap_or_default();
    let taken = licenses.iter().map(|(sku, name)| {
        let state = states.iter().find(|state| state.sku_id == *sku && state.assigned_by_group.is_none());
        let taken = Taken::from(&user.id, TakenKind::License).with("sku", sku.clone());
        let taken = taken.with("name", name.clone());
        // Plans that are not told are not called none: who restores the licence says so.
        match state.and_then(|state| state.disabled_plans.clone()) {
            Some(disabled) => taken.with("disabled_plans", disabled),
            None => taken,
        }
    });
    taken.collect()
}

/// The membership in a group, with the licences that it gives to the person.
pub fn membership_taken(user: &User, group: &str, role_assignable: bool) -> Taken {
    let given = inherited(user).filter(|(_, by)| *by == group).map(|(sku, _)| sku.to_owned());
    let taken = Taken::from(&user.id, TakenKind::Membership).with("group", group);
    taken.with("role_assignable", role_assignable).with("licenses", given.collect::<Vec<_>>())
}

/// Why a licence that a group should give does not work, in words.
fn why_failed(state: &LicenseAssignmentState) -> Option<&'static str> {
    Some(match state.failure()? {
        "CountViolation" => "no seat is free",
        "MutuallyExclusiveViolation" => "a plan of it excludes one that the person has",
        "DependencyViolation" => "a plan of it needs one that the person does not have",
        "ProhibitedInUsageLocationViolation" => "a plan of it is not offered at the person's usage location",
        "UniquenessViolation" => "another object has an address of the person",
        _ => "another licence of the group has failed, or for another reason",
    })
}

/// The note about a licence that a group gives, or fails to give: a direct one would fail for the same reason.
pub fn given_by_group(user: &User, sku: &SubscribedSku) -> Option<Left> {
    let of_group =
        |state: &&LicenseAssignmentState| state.sku_id == sku.sku_id && state.assigned_by_group.is_some();
    let states = || user.license_assignment_states.iter().flatten().filter(of_group);
    let state = states().find(|state| state.failure().is_none()).or(states().next())?;
    let group = state.assigned_by_group.as_deref()?;
    let called = name(sku);
    let (code, detail, needs) = match why_failed(state) {
        None => ("given_by_group", format!("{called} is already given by group {group}"), Needs::Nobody),
        Some(why) => {
            let detail = format!("group {group} should give {called} and cannot: {why}");
            ("group_license_failed", detail, Needs::Operator)
        }
    };
    Some(Left { code: code.to_owned(), detail, needs })
}

/// Refuses a licence that belongs to the whole tenant.
///
/// # Errors
///
/// `license_not_for_people`.
pub fn check_is_for_people(sku: &SubscribedSku) -> Result<(), Error> {
    if sku.is_for_people() {
        return Ok(());
    }
    let detail = format!("{} belongs to the whole tenant and cannot be assigned to a person", name(sku));
    Err(Error::rejected(&["licenses"], "license_not_for_people", detail))
}

/// Refuses a licence that cannot be assigned to any person.
///
/// # Errors
///
/// `license_not_for_people`, `subscription_inactive`, `no_seat`.
pub fn check_assignable(sku: &SubscribedSku) -> Result<(), Error> {
    check_is_for_people(sku)?;
    let called = name(sku);
    if !sku.is_active() {
        let status = sku.capability_status.as_deref().unwrap_or_default();
        let detail = format!("the subscription of {called} is {status}; renew it, then replay");
        return Err(Error::blocked("subscription_inactive", detail));
    }
    if sku.available() == Some(0) {
        let (usable, used) = (sku.usable().unwrap_or_default(), sku.consumed_units.unwrap_or_default());
        let PrepaidUnits { suspended, locked_out, .. } = sku.prepaid_units;
        let idle = suspended.unwrap_or_default().saturating_add(locked_out.unwrap_or_default());
        let detail = format!(
            "no seat of {called} is free: {used} of {usable} are in use, {idle} more are suspended; buy or free one, then \
             replay"
        );
        return Err(Error::blocked("no_seat", detail));
    }
    Ok(())
}

/// The tenant's service plans by id, with the licences that contain each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plans(BTreeMap<String, (String, Vec<String>)>);

impl Plans {
    /// The plans of these licences.
    pub fn of(skus: &[SubscribedSku]) -> Self {
        let mut plans: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
        for sku in skus {
            for plan in sku.service_plans.iter().flatten() {
                let id = plan.service_plan_id.to_lowercase();
                let called = plan.service_plan_name.clone().unwrap_or_else(|| id.clone());
                let (_, holders) = plans.entry(id).or_insert_with(|| (called, Vec::new()));
                holders.push(name(sku).to_owned());
            }
        }
        Self(plans)
    }

    /// A refusal about plans that exclude or need each other, with names instead of the ids that Graph gives.
    pub fn explain(&self, error: &msgraph::Error, or_else: &str) -> String {
        let ids = error.mentioned_ids();
        let named: Vec<_> = ids.iter().map(|id| self.named(id)).collect();
        let what = match named.as_slice() {
            [plan, needed @ ..] if !needed.is_empty() && error.mentions("depends on the service plan") => {
                format!("plan {plan} needs {}", needed.join(", "))
            }
            [_, _, ..] => format!("plans {} exclude each other", named.join(" and ")),
            _ => "plans of these licences exclude or need each other".to_owned(),
        };
        format!("{what}; {or_else} ({error})")
    }

    fn named(&self, id: &str) -> String {
        match self.0.get(id) {
            None => id.to_owned(),
            Some((name, holders)) => format!("{name} (of {})", holders.join(", ")),
        }
    }

    /// Why Graph refuses to remove licences. It says "inherited" also if a plan of another licence needs one of these
    /// (seen in client code, 2024).
    pub fn explain_removal(&self, error: msgraph::Error) -> Error {
        if error.mentions("inherited from a group membership") {
            return Error::StalePlan("a group has begun to give one of these licences");
        }
        if error.is_license_conflict() {
            let detail =
                self.explain(&error, "a licence that stays needs a plan of one to remove; remove both");
            return Error::blocked("license_conflict", detail).explains(error);
        }
        Error::from(error).or_missing("permission_missing", || {
            "removing licences needs LicenseAssignment.ReadWrite.All".to_owned()
        })
    }
}

/// The meaning of a refused assignment. Only the message differs: the code is `Request_BadRequest` for all (seen in
/// client code and support threads, 2021 to 2026).
pub fn explain_assignment(error: msgraph::Error, plans: &Plans) -> Error {
    if error.is_seat_missing() {
        return Error::blocked("no_seat", "the last free seat was just taken; buy or free one, then replay")
            .explains(error);
    }
    if error.mentions("invalid usage location") {
        // Graph also answers this for a moment after the location was set.
        return Error::StalePlan("Graph does not show the usage location everywhere yet");
    }
    if error.is_license_conflict() {
        let hint =
            "assign the required licence in the same step, or name the licence to replace in `instead_of`";
        return Error::blocked("license_conflict", plans.explain(&error, hint)).explains(error);
    }
    Error::from(error).or_missing("permission_missing", || {
        "assigning licences needs LicenseAssignment.ReadWrite.All".to_owned()
    })
}

/// The properties that [`direct`] and [`inherited`] need, for `$select`.
pub const SELECT: [&str; 3] = ["id", "usageLocation", "licenseAssignmentStates"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_that_a_group_fails_to_give_is_reported_with_the_reason() {
        let state = |group: &str, state: &str| LicenseAssignmentState {
            sku_id: "id-A".into(),
            assigned_by_group: Some(group.into()),
            state: Some(state.into()),
            error: Some("CountViolation".into()),
            ..LicenseAssignmentState::default()
        };
        let of = |states| User { license_assignment_states: Some(states), ..User::default() };
        let left = given_by_group(&of(vec![state("g", "Error")]), &sku()).unwrap();
        assert_eq!((left.code.as_str(), left.needs), ("group_license_failed", Needs::Operator));
        assert_eq!(left.detail, "group g should give A and cannot: no seat is free");
        let both = of(vec![state("g", "Error"), state("h", "Active")]);
        let left = given_by_group(&both, &sku()).unwrap();
        assert_eq!(
            (left.code.as_str(), left.detail.as_str()),
            ("given_by_group", "A is already given by group h")
        );
    }

    fn sku() -> SubscribedSku {
        SubscribedSku { sku_id: "id-A".into(), sku_part_number: Some("A".into()), ..SubscribedSku::default() }
    }

    #[test]
    fn a_plan_is_named_with_the_licences_that_hold_it() {
        let plan = |id: &str, name: &str| msgraph::ServicePlan {
            service_plan_id: id.into(),
            service_plan_name: Some(name.into()),
            ..msgraph::ServicePlan::default()
        };
        let with = |part: &str, plans| SubscribedSku {
            sku_part_number: Some(part.into()),
            service_plans: Some(plans),
            ..SubscribedSku::default()
        };
        let skus =
            [with("E3", vec![plan("AB", "MAIL")]), with("E5", vec![plan("ab", "MAIL"), plan("cd", "VOICE")])];
        let plans = Plans::of(&skus);
        assert_eq!(plans.named("ab"), "MAIL (of E3, E5)");
        assert_eq!((plans.named("cd"), plans.named("ef")), ("VOICE (of E5)".into(), "ef".into()));
    }
}
