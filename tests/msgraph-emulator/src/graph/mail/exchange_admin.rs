//! Exchange's administration: the few cmdlets that the worker sends, as Microsoft's PowerShell module sends them.
//!
//! Microsoft documents none of it. Names of cmdlets and parameters are those of the module; the wording of refusals
//! is ours.

use hyper::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::graph::mail::mailbox::mailbox_of;
use crate::graph::{Answer, Visit};
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{Mailbox, User};

type Parameters = Map<String, Value>;

/// Runs the cmdlet in the body.
pub(crate) fn invoke(visit: &mut Visit<'_>, tenant: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    if !tenant.eq_ignore_ascii_case(&visit.tenant.id.to_string()) {
        return Err(refused(StatusCode::NOT_FOUND, "The organization cannot be found."));
    }
    if visit.request.header("X-AnchorMailbox").is_none() {
        return Err(refused(StatusCode::BAD_REQUEST, "The header X-AnchorMailbox is missing."));
    }
    let body = visit.request.object()?;
    let input = body.get("CmdletInput").and_then(Value::as_object).filter(|_| body.len() == 1);
    let name = input.and_then(|input| input.get("CmdletName")).and_then(Value::as_str);
    let parameters = input.and_then(|input| input.get("Parameters")).and_then(Value::as_object);
    let (Some(name), Some(parameters)) = (name, parameters) else {
        return Err(refused(
            StatusCode::BAD_REQUEST,
            "A CmdletInput with CmdletName and Parameters is expected.",
        ));
    };
    let value = match name {
        "Get-Mailbox" => get(visit, parameters)?,
        "Get-MailboxStatistics" => statistics(visit, parameters)?,
        "Get-MailboxPermission" => permissions(visit, parameters)?,
        "Set-Mailbox" => set(visit, parameters)?,
        "Add-MailboxPermission" => add_permission(visit, parameters)?,
        _ => {
            let message = format!("The term '{name}' is not recognized as the name of a cmdlet.");
            return Err(refused(StatusCode::BAD_REQUEST, &message));
        }
    };
    Ok(Reply::ok(&json!({ "value": value })))
}

fn refused(status: StatusCode, message: &str) -> Refusal {
    let code = if status == StatusCode::NOT_FOUND { "NotFound" } else { "BadRequest" };
    Refusal { detail: Some(("Context", String::new())), ..Refusal::new(status, code, message) }
}

/// Refuses a parameter that the cmdlet is not known to take here.
fn only(parameters: &Parameters, known: &[&str]) -> Result<(), Refusal> {
    match parameters.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let message = format!("A parameter cannot be found that matches parameter name '{name}'.");
            Err(refused(StatusCode::BAD_REQUEST, &message))
        }
    }
}

/// A mailbox's own id, which is not that of its user.
fn guid(user: Uuid) -> Uuid {
    Uuid::new_v5(&user, b"mailbox")
}

/// The user whose mailbox `Identity` names.
fn identity(visit: &Visit<'_>, parameters: &Parameters) -> Result<Uuid, Refusal> {
    let key = parameters.get("Identity").and_then(Value::as_str).unwrap_or_default();
    let is_meant = |user: &&User| {
        [guid(user.id).to_string(), user.id.to_string()].iter().any(|id| id.eq_ignore_ascii_case(key))
            || user.upn.eq_ignore_ascii_case(key)
    };
    let mut users = visit.tenant.users.values();
    let found = users.find(is_meant).filter(|user| visit.tenant.has_mailbox(user));
    found.map(|user| user.id).ok_or_else(|| {
        let message =
            format!("The operation couldn't be performed because object '{key}' couldn't be found.");
        refused(StatusCode::NOT_FOUND, &message)
    })
}

fn mailbox(visit: &Visit<'_>, user: Uuid) -> Mailbox {
    visit.tenant.users.get(&user).map(mailbox_of).unwrap_or_default()
}

fn get(visit: &Visit<'_>, parameters: &Parameters) -> Result<Value, Refusal> {
    only(parameters, &["Filter"])?;
    let filter = parameters.get("Filter").and_then(Value::as_str).unwrap_or_default();
    let id = filter.strip_prefix("ExternalDirectoryObjectId -eq '").and_then(|rest| rest.strip_suffix('\''));
    let id = id.and_then(|id| Uuid::try_parse(id).ok());
    let id = id.ok_or_else(|| refused(StatusCode::BAD_REQUEST, "Cannot bind parameter 'Filter'."))?;
    let user = visit.tenant.users.get(&id).filter(|user| visit.tenant.has_mailbox(user));
    let shown = user.map(|user| {
        let mailbox = mailbox_of(user);
        let kind = if mailbox.shared { "SharedMailbox" } else { "UserMailbox" };
        json!({
            "DeliverToMailboxAndForward": mailbox.keeps_copy,
            "ExternalDirectoryObjectId": user.id,
            "ForwardingAddress": mailbox.forwarding_address,
            "ForwardingSmtpAddress": mailbox.forwarding_smtp_address,
            "Guid": guid(user.id),
            "HiddenFromAddressListsEnabled": mailbox.hidden,
            "RecipientTypeDetails": kind,
        })
    });
    Ok(json!(shown.into_iter().collect::<Vec<_>>()))
}

fn statistics(visit: &Visit<'_>, parameters: &Parameters) -> Result<Value, Refusal> {
    only(parameters, &["Identity"])?;
    let bytes = mailbox(visit, identity(visit, parameters)?).size_bytes;
    let digits = bytes.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let size = format!("{} MB ({} bytes)", bytes >> 20, groups.join(","));
    Ok(json!([{ "TotalItemSize": size }]))
}

fn permissions(visit: &Visit<'_>, parameters: &Parameters) -> Result<Value, Refusal> {
    only(parameters, &["Identity", "User"])?;
    let held = mailbox(visit, identity(visit, parameters)?).full_access;
    let asked = visit.user(parameters.get("User").and_then(Value::as_str).unwrap_or_default())?;
    let row = held.contains(&asked.id).then(
        || json!({ "AccessRights": ["FullAccess"], "Deny": false, "IsInherited": false, "User": asked.upn }),
    );
    Ok(json!(row.into_iter().collect::<Vec<_>>()))
}

fn set(visit: &mut Visit<'_>, parameters: &Parameters) -> Result<Value, Refusal> {
    let known = [
        "Identity",
        "Type",
        "HiddenFromAddressListsEnabled",
        "ForwardingAddress",
        "ForwardingSmtpAddress",
        "DeliverToMailboxAndForward",
    ];
    only(parameters, &known)?;
    let user = identity(visit, parameters)?;
    let text = |name: &str| parameters.get(name).map(|value| value.as_str().map(str::to_owned));
    let is_on = |name: &str| parameters.get(name).and_then(Value::as_bool);
    let before = mailbox(visit, user);
    let mut after = before.clone();
    match text("Type").flatten().as_deref() {
        None => {}
        Some("Shared") => after.shared = true,
        Some("Regular") => after.shared = false,
        Some(_) => return Err(refused(StatusCode::BAD_REQUEST, "Cannot bind parameter 'Type'.")),
    }
    after.hidden = is_on("HiddenFromAddressListsEnabled").unwrap_or(before.hidden);
    after.keeps_copy = is_on("DeliverToMailboxAndForward").unwrap_or(before.keeps_copy);
    after.forwarding_address = text("ForwardingAddress").unwrap_or(after.forwarding_address);
    after.forwarding_smtp_address = text("ForwardingSmtpAddress").unwrap_or(after.forwarding_smtp_address);
    if after != before {
        let names: Vec<_> =
            parameters.keys().filter(|name| *name != "Identity").map(String::as_str).collect();
        visit.effects.push(format!("set {} of mailbox of user {user}", names.join(", ")));
        visit.tenant.edit_mailbox(user, |mailbox| *mailbox = after);
    }
    Ok(json!([]))
}

fn add_permission(visit: &mut Visit<'_>, parameters: &Parameters) -> Result<Value, Refusal> {
    only(parameters, &["Identity", "User", "AccessRights", "InheritanceType", "AutoMapping"])?;
    if parameters.get("AccessRights") != Some(&json!(["FullAccess"])) {
        return Err(refused(StatusCode::BAD_REQUEST, "Cannot bind parameter 'AccessRights'."));
    }
    let user = identity(visit, parameters)?;
    let with = visit.user(parameters.get("User").and_then(Value::as_str).unwrap_or_default())?.id;
    if visit.tenant.edit_mailbox(user, |mailbox| mailbox.full_access.insert(with)) == Some(true) {
        visit.effects.push(format!("give user {with} full access to mailbox of user {user}"));
    }
    Ok(json!([]))
}
