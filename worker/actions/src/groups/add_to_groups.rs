//! Makes true: the person is a member of these groups.
//!
//! **Needs** `GroupMember.ReadWrite.All` and `User.Read.All`; for a group that can hold directory roles also
//! `RoleManagement.ReadWrite.Directory`.
//! **Refuses** `user_not_found`; `group_not_found`; `ambiguous_group` (lists the candidates); `dynamic_group`,
//! `synced_group`, `distribution_list`, `mail_enabled_group` (Graph cannot add members there); `team` (use
//! `add_to_teams`); `role_group_not_named` (the group can hold directory roles, and the workflow's author did not write
//! it out); `role_assignable_group` (the same, and the permission is not granted);
//! `permission_missing`.
//! **Idempotent because** it reads the person's memberships and adds only missing ones; "already a member" counts as
//! added.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{Group, GroupKind, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::groups::membership::{self as groups, Rights};
use crate::{Account, Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct AddToGroups;

/// The person and the groups.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Display names or object ids of groups.
    groups: Vec<String>,
}

/// The account, the requested groups, and the ids of the groups it is in.
pub struct Observed {
    person: Person,
    wanted: Vec<Group>,
    member_of: Vec<String>,
    rights: Rights,
    is_written_out: bool,
}

/// Adds a membership.
#[derive(Debug, PartialEq)]
pub struct Add {
    user: Account,
    group: String,
    role_assignable: bool,
}

impl Action for AddToGroups {
    const NAME: &'static str = "add_to_groups";
    const MAKES_TRUE: &'static str = "The person is a member of these groups";
    const NEEDS: &'static [&'static str] = &["GroupMember.ReadWrite.All", "User.Read.All"];
    const POWERFUL: &'static [&'static str] = &["groups"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Add;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        let rights = Rights::observe(graph).await?;
        let wanted = groups::resolve(&params.groups, graph).await?;
        let is_written_out = graph.is_written_out("groups");
        let all: Vec<_> = wanted.iter().collect();
        let Err(refusal) = check(&all, rights, is_written_out) else { return Ok(()) };
        // Whoever is in such a group already may stay.
        let (_, member_of) = graph.person_and_groups(&params.user, &["id"]).await?;
        let missing: Vec<_> =
            wanted.iter().filter(|group| !member_of.iter().any(|known| known.id == group.id)).collect();
        check(&missing, rights, is_written_out).map_err(|_| refusal)
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let rights = Rights::observe(graph).await?;
        let seen = graph.person_and_groups(&params.user, &["id"]);
        let ((person, member_of), wanted) = try_join(seen, groups::resolve(&params.groups, graph)).await?;
        let member_of = member_of.into_iter().map(|group| group.id).collect();
        let is_written_out = graph.is_written_out("groups");
        Ok(Observed { person, wanted, member_of, rights, is_written_out })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Add>, Error> {
        let (user, _) = observed.person.account()?;
        let missing: Vec<_> =
            observed.wanted.iter().filter(|group| !observed.member_of.contains(&group.id)).collect();
        check(&missing, observed.rights, observed.is_written_out)?;
        Ok(Plan::together(missing.into_iter().map(|group| Add {
            user: user.clone(),
            group: group.id.clone(),
            role_assignable: group.kind() == GroupKind::RoleAssignable,
        })))
    }

    async fn apply(change: &Add, graph: Writer<'_>) -> Result<(), Error> {
        graph.add_member(&change.group, change.user.id()?).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                groups::missing_for_members(&change.group, change.role_assignable)
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let params =
            serde_json::json!({ "user": "ada@contoso.example", "groups": ["Research", "Project X"] });
        crate::Scenario::new(params)
    }
}

/// Refuses groups whose members Graph cannot change.
fn check(missing: &[&Group], rights: Rights, is_written_out: bool) -> Result<(), Error> {
    groups::refuse_unnamed(missing.iter().copied(), is_written_out, &["groups"])?;
    if let Some(team) = missing.iter().find(|group| group.is_team()) {
        let detail = format!("group {} is a team; use add_to_teams", team.id);
        return Err(Error::rejected(&["groups"], "team", detail));
    }
    let refused: Vec<_> =
        missing.iter().filter_map(|group| Some((group, groups::restriction(group, rights)?))).collect();
    let Some((_, first)) = refused.first() else { return Ok(()) };
    let all: Vec<_> =
        refused.iter().map(|(group, why)| format!("group {} {}", group.id, why.because)).collect();
    Err(first.refusal(all.join("; ")))
}

impl fmt::Display for Add {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "add {} to group {}", self.user, self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::User;

    fn group(id: &str, dynamic: bool) -> Group {
        let group_types = Some(if dynamic { vec!["DynamicMembership".to_owned()] } else { vec![] });
        Group {
            id: id.into(),
            group_types,
            mail_enabled: Some(false),
            security_enabled: Some(true),
            ..Group::default()
        }
    }

    fn plan(wanted: Vec<Group>, member_of: &[&str]) -> Result<Vec<String>, String> {
        let user = serde_json::from_value("ada@contoso.example".into()).unwrap();
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let member_of = member_of.iter().map(ToString::to_string).collect();
        let rights = groups::tests::ALL;
        let observed = Observed { person, wanted, member_of, rights, is_written_out: true };
        let plan = AddToGroups::plan(&Params { user, groups: vec![] }, &observed);
        let changes = plan.map(|plan| plan.changes().map(ToString::to_string).collect());
        changes.map_err(|error| outcome::Failure::from(error).code)
    }

    #[test]
    fn only_missing_memberships_are_added() {
        let wanted = vec![group("a", false), group("b", false)];
        assert_eq!(plan(wanted, &["b", "c"]), Ok(vec!["add user 1 to group a".to_owned()]));
    }

    #[test]
    fn a_group_that_decides_for_itself_is_refused_before_anything_is_added() {
        let wanted = vec![group("a", false), group("b", true)];
        assert_eq!(plan(wanted.clone(), &[]), Err("dynamic_group".to_owned()));
        assert_eq!(plan(wanted, &["b"]).map(|changes| changes.len()), Ok(1), "a member already is fine");
    }
}
