//! `$expand`: one relation of a user or a group beside its properties.
//!
//! Which relations Graph expands, and of which it selects the properties, is in the tables of relations of "user resource
//! type" and "group resource type" (2024); the limits are in "Known issues" (2023) and "Use query parameters" (2023).

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::graph::Visit;
use crate::graph::groups::members::{directory_role, is_of_any, is_shown, typed};
use crate::graph::groups::{group, group::project_group};
use crate::graph::users::user::{self, project_user, readable};
use crate::http::query::Query;
use crate::http::refusal::Refusal;
use crate::route::permissions;
use crate::tenant::{Columns, GROUP_DEFAULTS, Group, USER_DEFAULTS, User, role_id};

/// How many objects of a relation are expanded; no link leads to the others ("Known issues", 2023).
const MOST: usize = 20;
/// How far up a chain of managers goes ("List manager", 2022).
const HIGHEST: usize = 1_000;

/// A relation that is expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Manager,
    DirectReports,
    /// Of a user, and also what `transitiveMemberOf` is expanded to: Graph shows the direct memberships there, too
    /// (microsoft-graph-docs 11167, 2021, and 19424, 2022).
    MemberOf,
    Members,
    Owners,
}

/// By name, and whether `$select` may stand inside.
type Table = [(&'static str, Relation, bool)];

const OF_USERS: &Table = &[
    ("manager", Relation::Manager, true),
    ("directReports", Relation::DirectReports, false),
    ("memberOf", Relation::MemberOf, false),
    ("transitiveMemberOf", Relation::MemberOf, false),
];
const OF_GROUPS: &Table = &[("members", Relation::Members, true), ("owners", Relation::Owners, true)];

/// The other relations of users and groups, which Graph expands and the emulator does not.
const OTHERS: &[&str] = &[
    "appRoleAssignments",
    "extensions",
    "memberOf",
    "ownedObjects",
    "transitiveMemberOf",
    "transitiveMembers",
];

/// Whose relation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Users,
    OneUser,
    Groups,
}

/// What is expanded, and how.
#[derive(Debug)]
pub(crate) struct Expansion {
    name: &'static str,
    relation: Relation,
    names: Option<Vec<String>>,
    /// How many managers, one above the other.
    levels: usize,
}

impl Of {
    fn table(self) -> (&'static Table, &'static str) {
        match self {
            Self::Users | Self::OneUser => (OF_USERS, user::TYPE),
            Self::Groups => (OF_GROUPS, group::TYPE),
        }
    }
}

impl Expansion {
    pub(crate) fn read(visit: &Visit<'_>, query: &Query, of: Of) -> Result<Option<Self>, Refusal> {
        let Some(text) = &query.expand else { return Ok(None) };
        let items = split(text, ',');
        let [item] = items.as_slice() else {
            // One relation at most (microsoft-graph-docs 96, 2016).
            return Err(Refusal::malformed(format!(
                "The result of parsing $expand contained at least {} items, but the maximum allowed is 1.",
                items.len()
            )));
        };
        let (relation, options) = item.split_once('(').unwrap_or((item, ")"));
        let options = options.strip_suffix(')').ok_or_else(|| unparsable(item))?;
        let (table, kind) = of.table();
        let row = table.iter().find(|(name, ..)| *name == relation.trim());
        let &(name, relation, selects) = row.ok_or_else(|| unknown(relation.trim(), kind))?;
        let mut expansion = Self { name, relation, names: None, levels: 1 };
        for option in split(options, ';') {
            match option.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some(("$select", value)) if selects => {
                    let names = value.split(',').map(|name| name.trim().to_owned());
                    expansion.names = Some(names.collect());
                }
                Some(("$levels", value)) if relation == Relation::Manager => {
                    expansion.levels = levels(value, of)?;
                }
                Some((option @ ("$select" | "$filter" | "$top" | "$orderby" | "$expand" | "$levels"), _)) => {
                    return Err(nested(option, name));
                }
                _ => return Err(unparsable(item)),
            }
        }
        expansion.check(visit)?;
        Ok(Some(expansion))
    }

    /// Refuses properties that the objects cannot have, or that the caller may not read of people.
    fn check(&self, visit: &Visit<'_>) -> Result<(), Refusal> {
        let Some(names) = &self.names else { return Ok(()) };
        let (has, kind): (fn(&str) -> bool, _) = match self.relation {
            Relation::Manager => (|name| User::properties().any(|property| property == name), user::TYPE),
            _ => (is_of_any, "microsoft.graph.directoryObject"),
        };
        if let Some(unknown) = names.iter().find(|name| !has(name)) {
            return Err(Refusal::malformed(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{unknown}' on type '{kind}'."
            )));
        }
        if self.relation == Relation::Manager {
            readable(visit, names.iter().map(String::as_str).collect(), true)?;
        }
        Ok(())
    }

    /// The suffix of `@odata.context` for both options.
    pub(crate) fn context_suffix(&self, query: &Query) -> String {
        let inner = self.names.as_ref().map(|names| names.join(",")).unwrap_or_default();
        let outer = query.select.as_ref().map(|names| names.join(",") + ",").unwrap_or_default();
        format!("({outer}{}({inner}))", self.name)
    }

    /// The properties to show, as far as the caller may read them.
    fn chosen<'a>(&'a self, visit: &Visit<'_>, defaults: &[&'a str]) -> Result<Vec<&'a str>, Refusal> {
        match &self.names {
            None => readable(visit, defaults.to_vec(), false),
            Some(names) => readable(visit, names.iter().map(String::as_str).collect(), false),
        }
    }

    /// What to write of a user's managers, if that is the relation. Only the chain of one user can be longer than one.
    pub(crate) fn managers(
        &self,
        visit: &Visit<'_>,
        one: Option<Uuid>,
    ) -> Result<Option<Columns<'_>>, Refusal> {
        if self.relation != Relation::Manager {
            return Ok(None);
        }
        let names = self.chosen(visit, USER_DEFAULTS)?;
        let height = one.map_or(1, |user| self.levels.min(height(visit, user)));
        let topmost = Columns::of_manager(&names, None);
        Ok(Some((1..height).fold(topmost, |above, _| Columns::of_manager(&names, Some(above)))))
    }

    /// The name of a collection, and its first objects, of the user or group with this id.
    pub(crate) fn beside(
        &self,
        visit: &Visit<'_>,
        id: Uuid,
    ) -> Result<Option<(&'static str, Value)>, Refusal> {
        if self.relation == Relation::Manager {
            return Ok(None);
        }
        Ok(Some((self.name, Value::from(self.objects(visit, id)?))))
    }

    /// The first objects of the relation.
    fn objects(&self, visit: &Visit<'_>, id: Uuid) -> Result<Vec<Value>, Refusal> {
        let tenant = &visit.tenant;
        let of_group = |get: fn(&Group) -> &BTreeSet<Uuid>| tenant.groups.get(&id).map(get).cloned();
        let user = tenant.whole(id);
        let role = user.as_ref().and_then(|user| user.role.as_deref());
        let role = role.filter(|_| self.relation == Relation::MemberOf).map(|name| (role_id(name), name));
        let ids: BTreeSet<Uuid> = match self.relation {
            Relation::Manager => BTreeSet::new(),
            Relation::DirectReports => tenant.reports_of(id).into_iter().collect(),
            Relation::MemberOf => {
                let groups = user.iter().flat_map(|user| user.member_of.iter().copied());
                groups.filter(|id| is_shown(visit, *id)).chain(role.map(|(id, _)| id)).collect()
            }
            Relation::Members => of_group(|group| &group.members).unwrap_or_default(),
            Relation::Owners => of_group(|group| &group.owners).unwrap_or_default(),
        };
        let people = self.chosen(visit, USER_DEFAULTS)?;
        let chosen: Option<Vec<&str>> =
            self.names.as_ref().map(|names| names.iter().map(String::as_str).collect());
        let groups = chosen.as_deref().unwrap_or(GROUP_DEFAULTS);
        let (sees_people, sees_groups) =
            (permissions::reads_users(visit.caller), permissions::reads_groups(visit.caller));
        let show = |id: Uuid| {
            if let Some((_, name)) = role.filter(|&(role, _)| role == id) {
                return Some(directory_role(visit, id, name));
            }
            if let Some(user) = tenant.whole(id) {
                return Some(typed(seen(sees_people, project_user(&user, &people)), Some("user")));
            }
            let fields = project_group(tenant.groups.get(&id)?, groups);
            Some(typed(seen(sees_groups, fields), Some("group")))
        };
        Ok(ids.into_iter().filter_map(show).take(MOST).collect())
    }
}

/// Adds a property to the object that was just written.
pub(crate) fn append(out: &mut Vec<u8>, (name, value): &(&'static str, Value)) {
    if out.last() == Some(&b'}') {
        out.pop();
    }
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(format!("\"{name}\":{value}}}").as_bytes());
}

/// What a caller sees of an object: of a type it may not read, the id and the names of the properties ("Limited
/// information returned for inaccessible member objects", 2025).
fn seen(sees: bool, mut fields: Map<String, Value>) -> Map<String, Value> {
    if !sees {
        let hidden = fields.iter_mut().filter(|(name, _)| *name != "id");
        hidden.for_each(|(_, value)| *value = Value::Null);
    }
    fields
}

/// How many managers a user has, one above the other; none counts twice.
fn height(visit: &Visit<'_>, user: Uuid) -> usize {
    let above = |id: Uuid| visit.tenant.listed(id)?.manager().filter(|id| visit.tenant.listed(*id).is_some());
    let mut seen = BTreeSet::from([user]);
    let mut current = user;
    while let Some(manager) = above(current).filter(|manager| seen.insert(*manager)) {
        current = manager;
    }
    seen.len() - 1
}

/// How many managers, one above the other ("List manager", 2022): on a list, only the first (microsoft-graph-docs 18615,
/// 2022).
fn levels(value: &str, of: Of) -> Result<usize, Refusal> {
    let number = if value == "max" { Some(HIGHEST) } else { value.parse().ok() };
    match number.filter(|number| (1..=HIGHEST).contains(number)) {
        Some(number) if number > 1 && of != Of::OneUser => Err(Refusal::unsupported_query(
            "Transitive manager's list is only supported on a single user, send the $expand request on /users/{id} \
             endpoint",
        )),
        Some(number) => Ok(number),
        // The wording is ours.
        None => Err(Refusal::malformed(format!(
            "Parsing OData Select and Expand failed: '{value}' is no value of $levels: it takes a number from 1 to \
             {HIGHEST}, or max."
        ))),
    }
}

fn unknown(relation: &str, kind: &str) -> Refusal {
    if OTHERS.contains(&relation) {
        return Refusal::unsupported_query("Unsupported Query: '$expand'.");
    }
    Refusal::malformed(format!(
        "Parsing OData Select and Expand failed: Could not find a property named '{relation}' on type '{kind}'."
    ))
}

/// "No support for nesting other query parameters" ("Known issues", 2023). The wording is ours.
fn nested(option: &str, relation: &str) -> Refusal {
    Refusal::unsupported_query(format!(
        "The query option '{option}' is not supported inside the expanded relation '{relation}'."
    ))
}

fn unparsable(item: &str) -> Refusal {
    Refusal::malformed(format!("Parsing OData Select and Expand failed: Syntax error at '{item}'."))
}

/// The parts of a text between separators that are not inside parentheses.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_i32;
    let parts = text.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == separator && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn parentheses_keep_their_commas() {
        assert_eq!(split("manager($select=id,mail),memberOf", ','), ["manager($select=id,mail)", "memberOf"]);
        assert_eq!(split("$levels=1;$select=id,mail", ';'), ["$levels=1", "$select=id,mail"]);
        assert!(split("", ';').is_empty());
    }
}
