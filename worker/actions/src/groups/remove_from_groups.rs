//! Makes true: the person is in none of the groups whose members are assigned by hand.
//!
//! **Needs** `GroupMember.ReadWrite.All` and `User.Read.All`; for a group that can hold directory roles also
//! `RoleManagement.ReadWrite.Directory`.
//! **Refuses** `user_not_found`; `group_not_found` and `ambiguous_group` in `keep` and `groups`; `permission_missing`.
//! **Leaves** dynamic groups (their rule decides), and synced groups, distribution lists and mail-enabled security
//! groups (to change elsewhere); the result names each. `licensing_groups: keep` leaves groups that give licences to
//! `remove_licenses`. A group that can hold directory roles stays as `role_assignable_group` if the permission is not
//! granted. A team stays as `team` unless `remove_from_teams` ran before. A group that nobody else owns is reported
//! as `last_owner` unless `transfer_group_ownership` ran before.
//! Without `Member.Read.Hidden` it cannot see groups that hide their members, and says so: `hidden_groups`.
//! **Idempotent because** it reads the person's memberships and removes those it finds; "not a member" counts as
//! removed.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{Group, GroupKind, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::facts::Fact;
use crate::action::parameters;
use crate::groups::hidden;
use crate::groups::membership::{self as groups, Rights};
use crate::groups::ownership::{self, Owned};
use crate::teams::membership as teams;
use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveFromGroups;

/// The person, and the groups to leave or to keep.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Groups to stay in, by display name or object id.
    #[serde(default)]
    keep: Vec<String>,
    /// The only groups to leave, by display name or object id. Defaults to all.
    #[serde(default, deserialize_with = "parameters::given")]
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<String>>,
    /// What to do with groups that give licences.
    #[serde(default)]
    licensing_groups: LicensingGroups,
}

/// What to do with groups that give licences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LicensingGroups {
    /// Remove the person like from any other group.
    #[default]
    Remove,
    /// Keep the person in them: `remove_licenses` removes the person and reports the licences that go with it.
    Keep,
}

/// The account, its groups, the groups it owns with all owners, and the ids of the groups to keep.
pub struct Observed {
    person: Person,
    member_of: Vec<Group>,
    owned: Vec<Owned>,
    /// The groups whose owners cannot be read, and what cannot be seen at all.
    unread: Vec<Left>,
    keep: Vec<String>,
    only: Option<Vec<String>>,
    rights: Rights,
}

/// Removes a membership.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    group: String,
    role_assignable: bool,
    /// Whether licences go with it.
    gives_licenses: bool,
}

impl Params {
    /// The groups to keep, and the only ones to leave if these are named.
    async fn named(&self, graph: View<'_>) -> Result<(Vec<Group>, Option<Vec<Group>>), Error> {
        let keep = async { groups::resolve(&self.keep, graph).await.map_err(|error| error.about(&["keep"])) };
        let only = async {
            match &self.groups {
                Some(groups) => Ok(Some(groups::resolve(groups, graph).await?)),
                None => Ok(None),
            }
        };
        try_join(keep, only).await
    }
}

impl Action for RemoveFromGroups {
    const NAME: &'static str = "remove_from_groups";
    const MAKES_TRUE: &'static str = "The person is in no group whose members are assigned by hand";
    const NEEDS: &'static [&'static str] = &["GroupMember.ReadWrite.All", "User.Read.All"];
    const ADDS: &'static [(&'static str, &'static str)] = &[hidden::SEEN_WITH];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];
    const READS: &'static [Fact] = &[Fact::Owned];

    type Params = Params;
    type Observed = Observed;
    type Change = Remove;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        params.named(graph).await.map(drop)
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let rights = Rights::observe(graph).await?;
        let seen = graph.person_groups_and_owned(&params.user, &["id"]);
        let ((person, mut member_of, mut owned), (keep, only)) = try_join(seen, params.named(graph)).await?;
        // That step has reported on the teams, and the directory may lag behind it. A team that is named here may not
        // have been among its teams.
        if teams::are_left(graph) && params.groups.is_none() {
            member_of.retain(|group| !group.is_team());
        }
        let ids = |groups: Vec<Group>| groups.into_iter().map(|group| group.id).collect();
        let (keep, only): (Vec<String>, _) = (ids(keep), only.map(ids));
        let is_meant = |id: &String| only.as_ref().is_none_or(|only: &Vec<String>| only.contains(id));
        owned.retain(|group| !group.is_team() && !keep.contains(&group.id) && is_meant(&group.id));
        if ownership::is_reported(graph) {
            owned.clear();
        }
        let (owned, mut unread) = ownership::with_owners(owned, rights, graph).await?;
        if params.groups.is_none() && matches!(person, Person::Present(_)) {
            unread.extend(hidden::unseen(graph).await?);
        }
        Ok(Observed { person, member_of, owned, unread, keep, only, rights })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Remove>, Error> {
        let (user, seen) = observed.person.account()?;
        let (mut changes, mut left) = (Vec::new(), observed.unread.clone());
        let stays = |group: &Group| {
            let gives = group.assigned_licenses.as_ref().is_some_and(|licenses| !licenses.is_empty());
            let is_meant = observed.only.as_ref().is_none_or(|only| only.contains(&group.id));
            !is_meant
                || observed.keep.contains(&group.id)
                || gives && params.licensing_groups == LicensingGroups::Keep
        };
        for group in observed.member_of.iter().filter(|group| !stays(group)) {
            match groups::restriction(group, observed.rights) {
                _ if group.is_team() => left.push(teams::left_to_teams(group)),
                Some(restriction) => left.push(restriction.left(group)),
                None if group.assigned_licenses.is_none()
                    && params.licensing_groups == LicensingGroups::Keep =>
                {
                    left.push(unseen_licenses(group));
                }
                None => changes.push(Remove {
                    user: user.clone(),
                    group: group.id.clone(),
                    role_assignable: group.kind() == GroupKind::RoleAssignable,
                    gives_licenses: group
                        .assigned_licenses
                        .as_ref()
                        .is_none_or(|licenses| !licenses.is_empty()),
                }),
            }
        }
        let last = observed.owned.iter().filter(|owned| seen.is_some_and(|seen| owned.is_last(&seen.id)));
        left.extend(
            last.filter(|owned| ownership::restriction(&owned.group, observed.rights).is_none())
                .map(last_owner),
        );
        Ok(Plan::together(changes).leaving(left))
    }

    fn spares(change: &Remove) -> &'static [Fact] {
        // Licences are what an account has through its groups.
        if change.gives_licenses { &[] } else { &[Fact::Accounts, Fact::Owned, Fact::Subscriptions] }
    }

    fn takes(_: &Self::Observed, changes: &[&Remove]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| {
            Some(
                change
                    .user
                    .loses(TakenKind::Membership)?
                    .with("group", change.group.clone())
                    .with("role_assignable", change.role_assignable),
            )
        });
        taken.collect()
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        graph.remove_member(&change.group, change.user.id()?).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                groups::missing_for_members(&change.group, change.role_assignable)
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

fn unseen_licenses(group: &Group) -> Left {
    let detail = format!(
        "Microsoft Graph does not tell whether group {} gives licences, so the person stays in it; look at its licences in \
         the Microsoft 365 admin center",
        group.id
    );
    Left { code: "licenses_unseen".to_owned(), detail, needs: Needs::Operator }
}

fn last_owner(owned: &Owned) -> Left {
    let detail = format!(
        "group {} has no other owner who can sign in; add one, or run transfer_group_ownership",
        owned.group.id
    );
    Left { code: "last_owner".to_owned(), detail, needs: Needs::Operator }
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remove {} from group {}", self.user, self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::membership::tests::{ALL, security, team};
    use crate::groups::ownership::tests::owned;
    use msgraph::{AssignedLicense, User};

    fn plan(member_of: Vec<Group>, owned: Vec<Owned>) -> (Vec<String>, Vec<(String, Needs)>) {
        plan_of(member_of, owned, None)
    }

    fn plan_of(
        member_of: Vec<Group>,
        owned: Vec<Owned>,
        only: Option<Vec<String>>,
    ) -> (Vec<String>, Vec<(String, Needs)>) {
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let keep = vec!["kept".into()];
        let observed = Observed { person, member_of, owned, unread: vec![], keep, only, rights: ALL };
        let user = serde_json::from_value("ada@contoso.example".into()).unwrap();
        let licensing_groups = LicensingGroups::Keep;
        let params = Params { user, keep: vec![], groups: None, licensing_groups };
        let plan = RemoveFromGroups::plan(&params, &observed).unwrap();
        let changes = plan.changes().map(|change| change.group.clone()).collect();
        let left = plan.left.into_iter().map(|left| (left.code, left.needs)).collect();
        (changes, left)
    }

    #[test]
    fn each_kind_of_group_is_told_apart() {
        let told = |id| Group { group_types: Some(Vec::new()), ..security(id) };
        let member_of = vec![
            security("static"),
            security("kept"),
            Group { assigned_licenses: Some(vec![AssignedLicense::default()]), ..security("licensing") },
            Group { assigned_licenses: None, ..security("untold") },
            Group { group_types: Some(vec!["DynamicMembership".into()]), ..security("dynamic") },
            Group { on_premises_sync_enabled: Some(true), ..security("synced") },
            Group { mail_enabled: Some(true), security_enabled: Some(false), ..told("list") },
            Group { mail_enabled: Some(true), ..told("mail") },
            Group { mail_enabled: Some(true), ..security("of some kind") },
            Group {
                mail_enabled: Some(true),
                group_types: Some(vec!["Unified".into()]),
                ..security("unified")
            },
            team("team"),
        ];
        let (removed, left) = plan(member_of, vec![]);
        assert_eq!(removed, ["static", "unified"]);
        let expected = [
            ("licenses_unseen", Needs::Operator),
            ("dynamic_group", Needs::Nobody),
            ("synced_group", Needs::Operator),
            ("distribution_list", Needs::Operator),
            ("mail_enabled_group", Needs::Operator),
            ("group_kind_unseen", Needs::Operator),
            ("team", Needs::Operator),
        ];
        assert_eq!(left, expected.map(|(code, needs)| (code.to_owned(), needs)));
    }

    #[test]
    fn a_group_that_nobody_else_owns_is_told_and_left_all_the_same() {
        let groups = vec![owned(security("alone"), &["1", "2!"]), owned(security("shared"), &["1", "2"])];
        let (removed, left) = plan(vec![security("alone")], groups);
        assert_eq!(removed, ["alone"]);
        assert_eq!(left, [("last_owner".to_owned(), Needs::Operator)]);
    }

    #[test]
    fn what_was_not_asked_for_is_no_news() {
        let dynamic = Group { group_types: Some(vec!["DynamicMembership".into()]), ..security("dynamic") };
        let synced = Group { on_premises_sync_enabled: Some(true), ..security("synced") };
        let only = ["one", "dynamic", "another"].map(ToOwned::to_owned).to_vec();
        let (removed, left) =
            plan_of(vec![security("one"), security("two"), dynamic, synced], vec![], Some(only));
        assert_eq!(
            (removed, left),
            (vec!["one".to_owned()], vec![("dynamic_group".to_owned(), Needs::Nobody)])
        );
    }

    #[test]
    fn an_empty_answer_never_means_all_groups() {
        let params = |groups: serde_json::Value| {
            serde_json::from_value::<Params>(
                serde_json::json!({ "user": "ada@contoso.example", "groups": groups }),
            )
        };
        assert!(params(serde_json::Value::Null).is_err());
        assert_eq!(params(serde_json::json!([])).unwrap().groups, Some(vec![]));
    }
}
