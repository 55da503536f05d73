//! Makes true: the person is in none of the groups whose members are assigned by hand.
//!
//! **Needs** `GroupMember.ReadWrite.All`; for a group that can hold directory roles also
//! `RoleManagement.ReadWrite.Directory`.
//! **Refuses** `user_not_found`; `group_not_found` and `ambiguous_group` in `keep`; `permission_missing`.
//! **Leaves** dynamic groups (their rule decides), and synced groups, distribution lists and mail-enabled security
//! groups, which somebody has to change elsewhere; each is named in the result. Groups that give licences can be left
//! to `remove_licenses`.
//! **Idempotent because** it reads the person's memberships and removes those it finds; "not a member" is taken
//! for what it is.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{Group, GroupKind, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::{Action, Plan};
use crate::error::Error;
use crate::groups;
use crate::person::{Account, Person, PersonRef, Reader};

/// See the file's head.
pub struct RemoveFromGroups;

/// Who is to leave, and what to keep.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person; the event's unless given.
    user: PersonRef,
    /// Groups to stay in, by display name or object id.
    #[serde(default)]
    keep: Vec<String>,
    /// What to do with groups that give licences.
    #[serde(default)]
    licensing_groups: LicensingGroups,
}

/// What to do with groups that give licences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LicensingGroups {
    /// Leave them like any other group.
    #[default]
    Remove,
    /// Stay in them: `remove_licenses` takes the person out, and says which licences go with it.
    Keep,
}

/// The account, its groups, and the ids of those to stay in.
pub struct Observed {
    person: Person,
    member_of: Vec<Group>,
    keep: Vec<String>,
}

/// A membership is to end.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    group: String,
    role_assignable: bool,
}

impl Action for RemoveFromGroups {
    const NAME: &'static str = "remove_from_groups";
    const MAKES_TRUE: &'static str = "The person is in no group whose members are assigned by hand";
    const NEEDS: &'static [&'static str] = &["GroupMember.ReadWrite.All", "User.Read.All"];
    const TOGETHER: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Remove;

    async fn observe(params: &Params, graph: Reader<'_>) -> Result<Observed, Error> {
        let seen = graph.person_and_groups(&params.user, &["id"]);
        let ((person, member_of), keep) = try_join(seen, groups::resolve(&params.keep, graph)).await?;
        let keep = keep.into_iter().map(|group| group.id).collect();
        Ok(Observed { person, member_of, keep })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Remove>, Error> {
        let (user, _) = observed.person.account()?;
        let mut plan = Plan::nothing();
        let stays = |group: &Group| {
            let gives = !group.assigned_licenses.is_empty();
            observed.keep.contains(&group.id) || gives && params.licensing_groups == LicensingGroups::Keep
        };
        for group in observed.member_of.iter().filter(|group| !stays(group)) {
            match groups::hindrance(group) {
                Some(hindrance) => plan.left.push(hindrance.left(group)),
                None => plan.changes.push(Remove {
                    user: user.clone(),
                    group: group.id.clone(),
                    role_assignable: group.kind() == GroupKind::RoleAssignable,
                }),
            }
        }
        Ok(plan)
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        graph.remove_member(&change.group, change.user.id()?).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                groups::missing_permission(&change.group, change.role_assignable)
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> super::conformance::Scenario {
        super::conformance::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remove {} from group {}", self.user, self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::{AssignedLicense, User};

    #[test]
    fn each_kind_of_group_is_told_apart() {
        let group = |id: &str| Group {
            id: id.into(),
            mail_enabled: Some(false),
            security_enabled: Some(true),
            ..Group::default()
        };
        let member_of = vec![
            group("static"),
            group("kept"),
            Group { assigned_licenses: vec![AssignedLicense::default()], ..group("licensing") },
            Group { group_types: vec!["DynamicMembership".into()], ..group("dynamic") },
            Group { on_premises_sync_enabled: Some(true), ..group("synced") },
            Group { mail_enabled: Some(true), security_enabled: Some(false), ..group("list") },
            Group { mail_enabled: Some(true), ..group("mail") },
            Group { mail_enabled: Some(true), group_types: vec!["Unified".into()], ..group("unified") },
        ];
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let observed = Observed { person, member_of, keep: vec!["kept".into()] };
        let user = serde_json::from_value("ada@contoso.example".into()).unwrap();
        let licensing_groups = LicensingGroups::Keep;
        let plan =
            RemoveFromGroups::plan(&Params { user, keep: vec![], licensing_groups }, &observed).unwrap();
        let removed: Vec<_> = plan.changes.iter().map(|change| change.group.as_str()).collect();
        assert_eq!(removed, ["static", "unified"]);
        let left: Vec<_> = plan.left.iter().map(|left| (left.code.as_str(), left.needs.as_str())).collect();
        let expected = [
            ("dynamic_group", "nobody"),
            ("synced_group", "operator"),
            ("distribution_list", "operator"),
            ("mail_enabled_group", "operator"),
        ];
        assert_eq!(left, expected);
    }
}
