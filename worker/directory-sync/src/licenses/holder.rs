//! What a person says about the licences: which are in force, where they come from, and what fails.
//!
//! `assignedLicenses` has what is in force, each licence once. `licenseAssignmentStates` has an entry for every way a
//! licence comes, so one licence can have three, and an entry in the state `Error` gives nothing and uses no seat. The
//! states were seen incomplete (microsoft-graph-docs issue 9636, 2020): then the origin is unknown.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

use crate::rows::license_assignment::PersonNames;
use crate::text::Text;

/// A person under Graph's own names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Holder<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    user_principal_name: Option<Text<'a>>,
    #[serde(borrow)]
    display_name: Option<Text<'a>>,
    pub(crate) account_enabled: Option<bool>,
    #[serde(borrow)]
    user_type: Option<Text<'a>>,
    assigned_licenses: Option<Vec<Assigned>>,
    #[serde(borrow)]
    license_assignment_states: Option<Vec<State<'a>>>,
    #[serde(borrow)]
    pub(crate) department: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) created_date_time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) proxy_addresses: Option<Vec<Text<'a>>>,
}

/// The properties of a [`Holder`] that say which licences the person has.
pub(crate) const SELECT: [&str; 7] = [
    "id",
    "userPrincipalName",
    "displayName",
    "accountEnabled",
    "userType",
    "assignedLicenses",
    "licenseAssignmentStates",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assigned {
    sku_id: Uuid,
    disabled_plans: Option<Vec<Uuid>>,
}

/// One way a licence comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State<'a> {
    sku_id: Uuid,
    pub(crate) assigned_by_group: Option<Uuid>,
    disabled_plans: Option<Vec<Uuid>>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) last_updated_date_time: Option<Text<'a>>,
}

/// A licence of a person.
#[derive(Debug, Default)]
pub(crate) struct Held<'h, 'a> {
    pub(crate) in_force: bool,
    pub(crate) disabled_plans: Vec<Uuid>,
    /// Whether Graph does not tell which plans are turned off.
    pub(crate) plans_untold: bool,
    pub(crate) states: Vec<&'h State<'a>>,
}

impl State<'_> {
    /// Whether it gives nothing.
    pub(crate) fn has_failed(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.as_str().eq_ignore_ascii_case("Error"))
    }

    /// Why it fails, or what is wrong although it works.
    pub(crate) fn error(&self) -> Option<&str> {
        let error = self.error.as_ref().map(Text::as_str);
        let error = error.filter(|error| !error.is_empty() && !error.eq_ignore_ascii_case("None"));
        error.or_else(|| self.has_failed().then_some("Other"))
    }
}

impl<'a> Holder<'a> {
    /// What rows say of the person.
    pub(crate) fn names(&self) -> PersonNames<'a> {
        let text = |text: &Option<Text<'a>>| text.clone().map(Text::into_cow);
        PersonNames {
            id: self.id.clone().into_cow(),
            upn: text(&self.user_principal_name),
            display_name: text(&self.display_name),
            enabled: self.account_enabled,
            user_type: text(&self.user_type),
        }
    }

    /// The licences, by id.
    pub(crate) fn licenses(&self) -> BTreeMap<Uuid, Held<'_, 'a>> {
        let mut licenses: BTreeMap<Uuid, Held<'_, 'a>> = BTreeMap::new();
        for assigned in self.assigned_licenses.iter().flatten() {
            let held = licenses.entry(assigned.sku_id).or_default();
            held.in_force = true;
            held.plans_untold |= assigned.disabled_plans.is_none();
            held.disabled_plans.extend(assigned.disabled_plans.iter().flatten());
        }
        // Without the list of those in force, whatever has not failed is.
        let is_told = self.assigned_licenses.is_some();
        for state in self.license_assignment_states.iter().flatten() {
            let held = licenses.entry(state.sku_id).or_default();
            held.states.push(state);
            held.in_force |= !is_told && !state.has_failed();
        }
        for held in licenses.values_mut().filter(|held| !held.in_force || !is_told) {
            held.plans_untold |= held.states.iter().any(|state| state.disabled_plans.is_none());
            let plans = held.states.iter().flat_map(|state| state.disabled_plans.iter().flatten());
            held.disabled_plans = plans.copied().collect();
        }
        licenses
    }

    /// Whether Graph does not tell which licences the person has.
    pub(crate) fn is_untold(&self) -> bool {
        self.assigned_licenses.is_none() && self.license_assignment_states.is_none()
    }

    /// The groups that give licences.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Uuid> {
        self.license_assignment_states.iter().flatten().filter_map(|state| state.assigned_by_group)
    }
}

impl<'a> Held<'_, 'a> {
    /// The states the licence comes from: of one in force those that work, of any other all. Empty if Graph does not
    /// say.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &State<'a>> {
        let works = |state: &&&State<'a>| !self.in_force || !state.has_failed();
        self.states.iter().filter(works).copied()
    }

    /// What is wrong, each error once.
    pub(crate) fn errors(&self) -> Vec<Cow<'a, str>> {
        let mut errors: Vec<Cow<'a, str>> = Vec::new();
        for error in self.states.iter().filter_map(|state| state.error()) {
            if !errors.iter().any(|known| known == error) {
                errors.push(Cow::Owned(error.to_owned()));
            }
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKU: &str = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";
    const GROUPS: [&str; 2] =
        ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"];

    fn state(group: &str, state: &str, error: &str) -> String {
        let group = if group.is_empty() { "null".to_owned() } else { format!("\"{group}\"") };
        let sku = SKU.to_uppercase();
        format!(
            r#"{{"skuId":"{sku}","assignedByGroup":{group},"disabledPlans":[],"state":"{state}","error":"{error}"}}"#
        )
    }

    fn person(assigned: bool, states: &[String]) -> String {
        let assigned =
            if assigned { format!(r#"{{"skuId":"{SKU}","disabledPlans":[]}}"#) } else { String::new() };
        let states = states.join(",");
        format!(r#"{{"id":"1","assignedLicenses":[{assigned}],"licenseAssignmentStates":[{states}]}}"#)
    }

    fn check(text: &str, expected: (bool, usize, &[&str])) {
        let holder: Holder<'_> = serde_json::from_str(text).unwrap();
        let licenses = holder.licenses();
        assert_eq!(licenses.len(), 1, "one licence, however often and however it is written");
        let held = licenses.values().next().unwrap();
        let errors = held.errors();
        let errors: Vec<&str> = errors.iter().map(AsRef::as_ref).collect();
        assert_eq!((held.in_force, held.sources().count(), errors.as_slice()), expected, "{text}");
    }

    #[test]
    fn a_licence_that_comes_three_ways_is_one_licence() {
        let ways = [
            state("", "Active", "None"),
            state(GROUPS[0], "Active", "None"),
            state(GROUPS[1], "Active", "None"),
        ];
        check(&person(true, &ways), (true, 3, &[]));
    }

    #[test]
    fn a_group_that_fails_gives_nothing() {
        let failed = state(GROUPS[0], "Error", "CountViolation");
        check(&person(false, std::slice::from_ref(&failed)), (false, 1, &["CountViolation"]));
        check(&person(true, &[state("", "Active", "None"), failed]), (true, 1, &["CountViolation"]));
        check(&person(false, &[state(GROUPS[0], "Error", "None")]), (false, 1, &["Other"]));
        check(&person(true, &[state("", "ActiveWithError", "Other")]), (true, 1, &["Other"]));
    }

    #[test]
    fn lists_that_are_not_told_are_not_empty() {
        let holder = |json: &str| {
            let holder: Holder<'_> = serde_json::from_str(json).unwrap();
            let held = holder.licenses().into_values().next();
            (holder.is_untold(), held.map(|held| (held.in_force, held.plans_untold)))
        };
        let states = format!("[{}]", state("", "Active", "None"));
        let failed = format!("[{}]", state(GROUPS[0], "Error", "CountViolation"));
        let untold = states.replace(r#""disabledPlans":[]"#, r#""disabledPlans":null"#);
        let rows = [
            ("null", "null", (true, None)),
            ("[]", "null", (false, None)),
            ("null", "[]", (false, None)),
            ("null", states.as_str(), (false, Some((true, false)))),
            ("null", failed.as_str(), (false, Some((false, false)))),
            ("null", untold.as_str(), (false, Some((true, true)))),
        ];
        for (assigned, states, expected) in rows {
            let json =
                format!(r#"{{"id":"1","assignedLicenses":{assigned},"licenseAssignmentStates":{states}}}"#);
            assert_eq!(holder(&json), expected, "{json}");
        }
    }

    #[test]
    fn states_that_are_incomplete_leave_the_origin_unknown() {
        check(&person(true, &[]), (true, 0, &[]));
        check(&person(true, &[state(GROUPS[0], "Error", "CountViolation")]), (true, 0, &["CountViolation"]));
    }
}
