//! Users: create, change, delete, and which of their properties a caller reads.

use hyper::StatusCode;
use serde_json::{Map, Value};

use crate::clock;
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::query::{NONE, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::route::permissions;
use crate::tenant::{SENSITIVE, USER_DEFAULTS, Unwritable, User};

/// The type's name in messages.
pub(crate) const TYPE: &str = "microsoft.graph.user";

/// The properties that Entra requires of a new user.
const REQUIRED: &[&str] =
    &["accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"];

/// The properties that `User.ReadBasic.All` shows.
const BASIC: &[&str] = &["displayName", "givenName", "id", "mail", "surname", "userPrincipalName"];

pub(crate) fn create(visit: &mut Visit<'_>) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    for &name in REQUIRED {
        if body.get(name).is_none_or(Value::is_null) {
            return Err(Refusal::required(name));
        }
    }
    let mut user = User::new("", "");
    user.created = clock::now();
    user.sessions_from.clone_from(&user.created);
    user.password_from.clone_from(&user.created);
    let password = write_all(visit, &mut user, &body)?;
    if password.is_none() {
        return Err(Refusal::required("passwordProfile.password"));
    }
    visit.passwords.extend(password);
    visit.effects.push(format!("create user {}", user.upn));
    let id = visit.tenant.insert_user(user);
    visit.tenant.touched(id);
    let created = visit.user(&id.to_string())?;
    let body = entity(visit, "users/$entity", project_user(created, USER_DEFAULTS));
    Ok(Reply::json(StatusCode::CREATED, &body))
}

pub(crate) fn update(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.changes()?;
    let mut names = body.keys();
    if !names.all(|name| permissions::may_write(visit.caller, name)) {
        return Err(Refusal::denied());
    }
    let mut user = visit.user(key)?.clone();
    let id = user.id;
    if body.keys().any(|name| SENSITIVE.contains(&name.as_str())) {
        visit.check_administrator(id)?;
    }
    if user.formerly_synced {
        return Err(Refusal::external_object());
    }
    // The usage location is not mastered on premises; the cloud may set it.
    if user.synced && body.keys().any(|name| name != "usageLocation") {
        return Err(Refusal::synced_user());
    }
    let before = user.clone();
    let password = write_all(visit, &mut user, &body)?;
    visit.effects.extend(changes(&before, &user, &body));
    if password.is_some() {
        user.password_from = clock::now();
        visit.effects.push(format!("set password of user {id}"));
    }
    visit.passwords.extend(password);
    visit.tenant.edit_user(id, |held| *held = user);
    Ok(Reply::no_content())
}

pub(crate) fn delete(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = visit.user(key)?;
    let (id, synced) = (user.id, user.synced);
    visit.check_administrator(id)?;
    if synced {
        return Err(Refusal::synced_user());
    }
    if visit.tenant.soft_delete(id) {
        visit.effects.push(format!("delete user {id}"));
    }
    Ok(Reply::no_content())
}

/// The properties to answer with; refused if the caller may read only the basics.
pub(crate) fn selected<'a>(visit: &Visit<'_>, query: &'a Query) -> Result<Vec<&'a str>, Refusal> {
    let names = query.selected(User::has_property, TYPE, USER_DEFAULTS)?;
    readable(visit, names, query.select.is_some())
}

/// The properties the caller may read. Basics are all that the narrowest permission shows: asking for more is refused.
/// The last day of work is left out without its own permission, and nothing tells so (seen 2026).
pub(crate) fn readable<'a>(
    visit: &Visit<'_>,
    mut names: Vec<&'a str>,
    asked: bool,
) -> Result<Vec<&'a str>, Refusal> {
    if !permissions::reads_users_fully(visit.caller) {
        if asked && names.iter().any(|name| !BASIC.contains(name)) {
            return Err(Refusal::denied());
        }
        names.retain(|name| BASIC.contains(name));
    }
    if !permissions::reads_last_days(visit.caller) {
        names.retain(|name| *name != "employeeLeaveDateTime");
    }
    Ok(names)
}

/// A user with the chosen properties.
pub(crate) fn project_user(user: &User, names: &[&str]) -> Map<String, Value> {
    project(names, |name| user.property(name))
}

/// Writes every property of a body, all or none, and returns the password.
fn write_all(
    visit: &Visit<'_>,
    user: &mut User,
    body: &Map<String, Value>,
) -> Result<Option<String>, Refusal> {
    let mut password = None;
    for (name, value) in body {
        match name.as_str() {
            "@odata.type" if value == "#microsoft.graph.user" => {}
            "userPrincipalName" => {
                let upn = value.as_str();
                let upn = upn.ok_or_else(|| Refusal::invalid_value(name))?;
                if !upn.eq_ignore_ascii_case(&user.upn) {
                    check_upn(visit, upn)?;
                }
                upn.clone_into(&mut user.upn);
            }
            "passwordProfile" => password = write_password(user, value)?,
            "mail" if is_taken(visit, user, value) => {
                return Err(Refusal::conflict("proxyAddresses"));
            }
            _ => {
                user.write(name, value).map_err(|why| unwritable(why, name))?;
            }
        }
    }
    Ok(password)
}

fn unwritable(why: Unwritable, name: &str) -> Refusal {
    match why {
        Unwritable::Unknown => Refusal::unknown_property(name, TYPE),
        Unwritable::ReadOnly => {
            Refusal::bad_request(format!("Property '{name}' is read-only and cannot be set."))
        }
        Unwritable::Type(expected) => Refusal::malformed(format!(
            "Cannot convert the value of property '{name}' to the expected type '{expected}'."
        )),
        Unwritable::Value => Refusal::invalid_value(name),
    }
}

/// Whether another user has this address; Exchange keeps addresses unique.
pub(super) fn is_taken(visit: &Visit<'_>, user: &User, value: &Value) -> bool {
    value.as_str().is_some_and(|mail| {
        let mut holders = visit.tenant.users_with("mail", mail).into_iter();
        holders.any(|holder| holder != user.id)
    })
}

pub(super) fn check_upn(visit: &Visit<'_>, upn: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'.-_!#^~".contains(c);
    let (local, domain) = upn.split_once('@').unwrap_or_default();
    if local.is_empty() || domain.contains('@') || !local.chars().all(allowed) {
        return Err(Refusal::invalid_value("userPrincipalName"));
    }
    if !visit.tenant.has_domain(upn) {
        return Err(Refusal::unverified_domain());
    }
    if visit.tenant.upn_is_taken(upn) {
        return Err(Refusal::conflict("userPrincipalName"));
    }
    Ok(())
}

fn write_password(user: &mut User, value: &Value) -> Result<Option<String>, Refusal> {
    let invalid = || Refusal::invalid_value("passwordProfile");
    let profile = value.as_object().ok_or_else(invalid)?;
    let mut password = None;
    for (name, value) in profile {
        match name.as_str() {
            "password" => password = Some(value.as_str().ok_or_else(invalid)?.to_owned()),
            "forceChangePasswordNextSignIn" => {
                user.must_change_password = value.as_bool().ok_or_else(invalid)?;
            }
            "forceChangePasswordNextSignInWithMfa" => {
                user.must_change_password |= value.as_bool().ok_or_else(invalid)?;
            }
            _ => {
                return Err(Refusal::unknown_property(name, "microsoft.graph.passwordProfile"));
            }
        }
    }
    match password {
        Some(password) if !is_strong(&password) => Err(Refusal::bad_request(
            "The specified password does not comply with password complexity requirements. \
             Please provide a different password.",
        )),
        password => Ok(password),
    }
}

/// Entra's rule: 8 to 256 characters of three of the four kinds.
fn is_strong(password: &str) -> bool {
    let kinds: [fn(char) -> bool; 4] = [
        |c| c.is_ascii_lowercase(),
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_digit(),
        |c| !c.is_ascii_alphanumeric(),
    ];
    let kinds = kinds.iter().filter(|kind| password.chars().any(**kind));
    (8..=256).contains(&password.chars().count()) && kinds.count() >= 3
}

/// The changes of a PATCH, a sentence for every property; without values, which are personal.
fn changes(before: &User, after: &User, body: &Map<String, Value>) -> Vec<String> {
    let id = after.id;
    let mut changes = Vec::new();
    if before.must_change_password != after.must_change_password {
        changes.push(format!("set whether user {id} must change the password"));
    }
    for name in body.keys() {
        if before.property(name) == after.property(name) {
            continue;
        }
        changes.push(match name.as_str() {
            "accountEnabled" if after.enabled => format!("enable user {id}"),
            "accountEnabled" => format!("disable user {id}"),
            _ => format!("set {name} of user {id}"),
        });
    }
    changes
}
