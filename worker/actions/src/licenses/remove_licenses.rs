//! Makes true: the person has no licence that can be removed.
//!
//! **Needs** `LicenseAssignment.ReadWrite.All`, `LicenseAssignment.Read.All`, `User.Read.All`, and
//! `GroupMember.ReadWrite.All` for licences that a group gives.
//! **Refuses** `user_not_found`; `license_not_found` in `keep` and `licenses`; `permission_missing`; after a pause
//! `person_returned`, `person_changed`.
//! **Leaves** a licence that a dynamic, synced or mail-enabled group gives (to change there), and one that a team
//! gives (use `remove_from_teams`); the result names the group. A licence whose group the person has already left
//! goes by itself.
//! `licenses_unseen` if Graph does not tell which licences there are.
//! **Idempotent because** it reads how the person got each licence: direct ones go in one request, and one by one if
//! Graph refuses that; a group's goes by leaving it.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use msgraph::{Group, GroupKind, SubscribedSku, User, Writer};
use outcome::{Left, Needs, Taken};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::facts::Fact;
use crate::action::parameters;
use crate::groups::hidden;
use crate::groups::membership::{self as groups, Rights};
use crate::licenses::removal::Change;
use crate::licenses::selection::Selection;
use crate::licenses::subscriptions::{self as licenses, Plans};
use crate::{Account, Action, Error, Made, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveLicenses;

/// The person, and the licences to remove or to keep.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Licences to keep, by part number or SKU id.
    #[serde(default)]
    keep: Vec<String>,
    /// The only licences to remove, by part number or SKU id. Defaults to all.
    #[serde(default, deserialize_with = "parameters::given")]
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    licenses: Option<Vec<String>>,
}

/// The account, the tenant's subscriptions, and the person's groups.
pub struct Observed {
    person: Person,
    skus: Vec<SubscribedSku>,
    member_of: Vec<Group>,
    /// Whether the application sees groups that hide their members: one may give a licence.
    sees_all: bool,
    rights: Rights,
}

impl Action for RemoveLicenses {
    const NAME: &'static str = "remove_licenses";
    const MAKES_TRUE: &'static str = "The person has no licence that can be removed";
    const NEEDS: &'static [&'static str] = &[
        "LicenseAssignment.ReadWrite.All",
        "LicenseAssignment.Read.All",
        "GroupMember.ReadWrite.All",
        "User.Read.All",
    ];
    const ADDS: &'static [(&'static str, &'static str)] = &[hidden::SEEN_WITH];
    const REMOVES_FOR_GOOD: bool = true;
    const READS: &'static [Fact] = &[Fact::Subscriptions];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        if params.keep.is_empty() && params.licenses.as_ref().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let skus = graph.subscribed_skus().await?;
        Selection::of(&params.keep, params.licenses.as_deref(), &skus).map(drop)
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let rights = Rights::observe(graph).await?;
        let person = graph.person(&params.user, &licenses::SELECT).await?;
        let Person::Present(user) = &person else {
            return Ok(Observed { person, skus: Vec::new(), member_of: Vec::new(), sees_all: true, rights });
        };
        let by_group = licenses::inherited(user).next().is_some();
        let names = !params.keep.is_empty() || params.licenses.is_some();
        let any = by_group || licenses::direct(user).next().is_some() || names;
        let member_of = async { if by_group { graph.groups_of(&user.id).await } else { Ok(Vec::new()) } };
        let skus = async { if any { graph.subscribed_skus().await } else { Ok(Vec::new()) } };
        let (member_of, skus) = try_join(member_of, skus).await?;
        let sees_all = hidden::are_seen(graph).await?;
        Ok(Observed { person, skus, member_of, sees_all, rights })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (user, seen) = observed.person.account()?;
        let Some(seen) = seen else { return Ok(Plan::nothing()) };
        if seen.license_assignment_states.is_none() {
            return Ok(Plan::nothing().leaving(vec![licenses::unseen(&user)]));
        }
        let selection = Selection::of(&params.keep, params.licenses.as_deref(), &observed.skus)?;
        let (mut changes, left) = leave_groups(&user, seen, observed, &selection);
        let direct: Vec<_> = licenses::direct(seen)
            .filter(|sku| selection.includes(sku))
            .map(|sku| (sku.to_owned(), licenses::name_of(sku, &observed.skus).to_owned()))
            .collect();
        if !direct.is_empty() {
            let plans = Plans::of(&observed.skus);
            changes.push(Change::Remove { user, licenses: direct, plans });
        }
        Ok(Plan::in_order(changes).leaving(left))
    }

    fn takes(observed: &Observed, changes: &[&Change]) -> Vec<Taken> {
        let Ok((_, Some(seen))) = observed.person.account() else { return Vec::new() };
        let taken = changes.iter().flat_map(|change| match change {
            Change::Leave { group, role_assignable, .. } => {
                vec![licenses::membership_taken(seen, group, *role_assignable)]
            }
            Change::Remove { licenses, .. } => licenses::taken(seen, licenses),
        });
        taken.collect()
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        change.apply(graph).await.1
    }

    /// One object that Graph refuses keeps none of the others.
    async fn apply_sequence(changes: &[Change], graph: Writer<'_>, made: &mut Made) -> Result<(), Error> {
        let mut errors = Vec::new();
        for change in changes {
            let (done, outcome) = change.apply(graph).await;
            if let Some(done) = done {
                made.note(&done);
            }
            let Err(error) = outcome else { continue };
            let goes_on = error.is_of_one_object();
            errors.push(error);
            if !goes_on {
                break;
            }
        }
        Error::all(errors)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

/// A change for each group that gives a licence to remove, or the reason why the licence stays.
fn leave_groups(
    user: &Account,
    seen: &User,
    observed: &Observed,
    selection: &Selection<'_>,
) -> (Vec<Change>, Vec<Left>) {
    let (mut changes, mut stays) = (Vec::new(), Vec::new());
    let mut by_group: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (sku, group) in licenses::inherited(seen) {
        by_group.entry(group).or_default().push(sku);
    }
    for (group_id, skus) in by_group {
        let names: Vec<_> =
            skus.iter().map(|sku| licenses::name_of(sku, &observed.skus).to_owned()).collect();
        let left = |code: &str, because: String, needs| Left {
            code: code.to_owned(),
            detail: format!("{} stays: {because}", names.join(", ")),
            needs,
        };
        if !skus.iter().any(|sku| selection.names(sku)) {
            continue;
        }
        if !skus.iter().all(|sku| selection.includes(sku)) {
            let because = format!("group {group_id} gives it together with a licence to keep");
            // If the licence was named, the operator has to remove it in another way.
            let needs = if selection.is_named() { Needs::Operator } else { Needs::Nobody };
            stays.push(left("kept_by_group", because, needs));
            continue;
        }
        match observed.member_of.iter().find(|group| group.id == group_id) {
            None if !observed.sees_all => {
                let because = format!("group {group_id} may hide its members; grant Member.Read.Hidden");
                stays.push(left("hidden_groups", because, Needs::Operator));
            }
            None => {
                let because = format!("the person has left group {group_id}; Graph removes the licence soon");
                stays.push(left("license_leaving", because, Needs::Nobody));
            }
            Some(group) if group.is_team() => {
                let because = format!("team {group_id} gives it; use remove_from_teams");
                stays.push(left("team", because, Needs::Operator));
            }
            Some(group) => match groups::restriction(group, observed.rights) {
                Some(restriction) => {
                    let because = format!("group {group_id} gives it and {}", restriction.because);
                    stays.push(left(restriction.code, because, Needs::Operator));
                }
                None => changes.push(Change::Leave {
                    user: user.clone(),
                    group: group_id.to_owned(),
                    role_assignable: group.kind() == GroupKind::RoleAssignable,
                    licenses: names,
                }),
            },
        }
    }
    (changes, stays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::LicenseAssignmentState;

    fn plan(states: &[(&str, Option<&str>)], keep: &[&str]) -> (Vec<String>, Vec<(String, Needs)>) {
        decide(states, keep, None)
    }

    fn decide(
        states: &[(&str, Option<&str>)],
        keep: &[&str],
        only: Option<&[&str]>,
    ) -> (Vec<String>, Vec<(String, Needs)>) {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let group = |id: &str| Group {
            id: id.into(),
            mail_enabled: Some(false),
            security_enabled: Some(true),
            ..Group::default()
        };
        let dynamic = Group { group_types: Some(vec!["DynamicMembership".into()]), ..group("dynamic") };
        let license_assignment_states = states
            .iter()
            .map(|(sku, group)| LicenseAssignmentState {
                sku_id: (*sku).into(),
                assigned_by_group: group.map(Into::into),
                ..LicenseAssignmentState::default()
            })
            .collect();
        let user = User {
            id: "1".into(),
            license_assignment_states: Some(license_assignment_states),
            ..User::default()
        };
        let skus = ["A", "B"].map(|sku| SubscribedSku { sku_id: sku.into(), ..SubscribedSku::default() });
        let observed = Observed {
            person: Person::Present(Box::new(user)),
            skus: skus.into(),
            member_of: vec![group("static"), dynamic],
            sees_all: true,
            rights: groups::tests::ALL,
        };
        let params = Params {
            user: serde_json::from_value("ada@contoso.example".into()).unwrap(),
            keep: owned(keep),
            licenses: only.map(owned),
        };
        let plan = RemoveLicenses::plan(&params, &observed).unwrap();
        let changes = plan.changes().map(ToString::to_string).collect();
        (changes, plan.left.into_iter().map(|left| (left.code, left.needs)).collect())
    }

    #[test]
    fn each_route_of_a_licence_is_told_apart() {
        let (changes, left) = plan(
            &[("A", None), ("B", None), ("A", Some("static")), ("B", Some("dynamic")), ("B", Some("gone"))],
            &[],
        );
        let expected = ["remove user 1 from group static, which gives A", "take A, B back from user 1"]
            .map(String::from);
        assert_eq!(changes, expected);
        let expected = [("dynamic_group", Needs::Operator), ("license_leaving", Needs::Nobody)];
        assert_eq!(left, expected.map(|(code, needs)| (code.to_owned(), needs)));
    }

    #[test]
    fn what_is_to_be_kept_is_kept_by_either_route() {
        assert_eq!(plan(&[("A", None), ("B", None)], &["A"]).0, ["take B back from user 1"]);
        let (changes, left) = plan(&[("A", Some("static"))], &["A"]);
        assert_eq!((changes.len(), left.len()), (0, 1));
    }

    #[test]
    fn only_what_is_named_goes_where_something_is_named() {
        let held = [("A", None), ("B", None), ("B", Some("static"))];
        assert_eq!(decide(&held, &[], Some(&["A"])), (vec!["take A back from user 1".to_owned()], vec![]));
        assert_eq!(decide(&held, &[], Some(&[])).0, [""; 0]);
        let (changes, left) = decide(&[("A", Some("static")), ("B", Some("static"))], &[], Some(&["A"]));
        assert_eq!(changes, [""; 0], "the group gives something else, too");
        assert_eq!(left, [("kept_by_group".to_owned(), Needs::Operator)]);
        let null = serde_json::json!({ "user": "ada@contoso.example", "licenses": null });
        assert!(serde_json::from_value::<Params>(null).is_err(), "an empty answer never means all");
    }
}
