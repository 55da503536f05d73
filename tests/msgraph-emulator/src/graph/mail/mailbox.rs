//! Mailboxes: automatic replies and the rules of the inbox.

use hyper::StatusCode;
use jiff::civil::DateTime;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{ENTITY, NONE, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{AutomaticReplies, InboxRule, Mailbox, User, wrapped};

const RULE: &str = "microsoft.graph.messageRule";
const REPLIES: &str = "microsoft.graph.automaticRepliesSetting";
const STATUSES: &[&str] = &["disabled", "alwaysEnabled", "scheduled"];
const AUDIENCES: &[&str] = &["none", "contactsOnly", "all"];
/// `messageRuleActions`.
const ACTIONS: &[&str] = &[
    "assignCategories",
    "copyToFolder",
    "delete",
    "forwardAsAttachmentTo",
    "forwardTo",
    "markAsRead",
    "markImportance",
    "moveToFolder",
    "permanentDelete",
    "redirectTo",
    "stopProcessingRules",
];

/// `messageRulePredicates`.
const PREDICATES: &[&str] = &[
    "bodyContains",
    "bodyOrSubjectContains",
    "categories",
    "fromAddresses",
    "hasAttachments",
    "headerContains",
    "importance",
    "isApprovalRequest",
    "isAutomaticForward",
    "isAutomaticReply",
    "isEncrypted",
    "isMeetingRequest",
    "isMeetingResponse",
    "isNonDeliveryReport",
    "isPermissionControlled",
    "isReadReceipt",
    "isSigned",
    "isVoicemail",
    "messageActionFlag",
    "notSentToMe",
    "recipientContains",
    "senderContains",
    "sensitivity",
    "sentCcMe",
    "sentOnlyToMe",
    "sentToAddresses",
    "sentToMe",
    "sentToOrCcMe",
    "subjectContains",
    "withinSizeRange",
];
/// `mailFolder`, as far as it is stored.
const FOLDER: &[&str] = &["displayName", "id"];

pub(crate) fn get_settings(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = open(visit, key)?;
    Ok(Reply::ok(&settings(visit, user.id, &mailbox_of(user))))
}

pub(crate) fn get_automatic_replies(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = open(visit, key)?;
    let Value::Object(shown) = mailbox_of(user).automatic_replies.shown() else {
        return Err(Refusal::unknown_segment("automaticRepliesSetting"));
    };
    let context = format!("users('{}')/mailboxSettings/automaticRepliesSetting", user.id);
    Ok(Reply::ok(&entity(visit, &context, shown)))
}

pub(crate) fn update_settings(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    let user = open(visit, key)?;
    let (id, mut mailbox) = (user.id, mailbox_of(user));
    let before = mailbox.automatic_replies.clone();
    let after = &mut mailbox.automatic_replies;
    for (name, value) in &body {
        match (name.as_str(), value) {
            ("@odata.context", _) => {}
            ("automaticRepliesSetting", Value::Object(fields)) => write_replies(after, fields)?,
            _ => return Err(Refusal::unknown_property(name, "microsoft.graph.mailboxSettings")),
        }
    }
    if *after != before {
        visit.effects.push(format!("set automatic replies of user {id}: {}", after.status));
        let after = after.clone();
        visit.tenant.edit_mailbox(id, |mailbox| mailbox.automatic_replies = after);
    }
    Ok(Reply::ok(&settings(visit, id, &mailbox)))
}

/// `mailboxSettings`, as far as it is stored.
fn settings(visit: &Visit<'_>, user: Uuid, mailbox: &Mailbox) -> Value {
    let purpose = if mailbox.shared { "shared" } else { "user" };
    let fields = [
        ("automaticRepliesSetting".to_owned(), mailbox.automatic_replies.shown()),
        ("userPurpose".to_owned(), json!(purpose)),
    ];
    entity(visit, &format!("users('{user}')/mailboxSettings"), Map::from_iter(fields))
}

pub(crate) fn list_rules(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = open(visit, key)?;
    let mut rules = mailbox_of(user).inbox_rules;
    rules.sort_by_key(|rule| rule.sequence);
    let rules: Vec<Value> = rules.iter().map(InboxRule::shown).collect();
    let context = format!("users('{}')/mailFolders('inbox')/messageRules", user.id);
    let context = metadata(visit.request, &context);
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": rules })))
}

pub(crate) fn get_folder(visit: &mut Visit<'_>, key: &str, folder: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = query.selected(|name| FOLDER.contains(&name), "microsoft.graph.mailFolder", FOLDER)?;
    let user = open(visit, key)?;
    let mailbox = mailbox_of(user);
    let name = mailbox.folder_name(folder).ok_or_else(not_in_store)?;
    let fields = project(&names, |property| match property {
        "displayName" => Some(json!(name)),
        "id" => Some(json!(Mailbox::folder_id(name))),
        _ => None,
    });
    let context = format!("users('{}')/mailFolders{}/$entity", user.id, query.context_suffix());
    Ok(Reply::ok(&entity(visit, &context, fields)))
}

pub(crate) fn create_rule(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let rule = read_rule(&visit.request.object()?)?;
    let user = open(visit, key)?;
    let (id, mailbox) = (user.id, mailbox_of(user));
    let folders =
        ["copyToFolder", "moveToFolder"].iter().filter_map(|name| rule.actions.get(*name)?.as_str());
    if folders.into_iter().any(|folder| mailbox.folder_name(folder).is_none()) {
        // The wording is not Microsoft's: no sample of it was found.
        return Err(invalid("A folder of the rule does not exist."));
    }
    let does: Vec<&str> = rule.actions.keys().map(String::as_str).collect();
    let effect = format!("create inbox rule {} of user {id}: {}", rule.display_name, does.join(", "));
    let made = visit.tenant.edit_mailbox(id, |mailbox| {
        let rule_id = mailbox.add_rule(rule);
        mailbox.inbox_rules.iter().find(|rule| rule.id == rule_id).map(InboxRule::shown)
    });
    visit.effects.push(effect);
    Ok(Reply::json(StatusCode::CREATED, &json!(made.flatten())))
}

pub(crate) fn delete_rule(visit: &mut Visit<'_>, key: &str, rule: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = open(visit, key)?;
    let id = user.id;
    let rules = mailbox_of(user).inbox_rules;
    let found = rules.iter().find(|held| held.id == rule).ok_or_else(not_in_store)?;
    if found.is_read_only {
        // The wording is not Microsoft's: no sample of it was found.
        return Err(Refusal::new(StatusCode::FORBIDDEN, "ErrorAccessDenied", "The rule is read-only."));
    }
    visit.tenant.edit_mailbox(id, |mailbox| mailbox.inbox_rules.retain(|held| held.id != rule));
    visit.effects.push(format!("delete inbox rule {} of user {id}", found.display_name));
    Ok(Reply::no_content())
}

/// The user, if there is a mailbox behind it.
pub(crate) fn open<'a>(visit: &'a Visit<'_>, key: &str) -> Result<&'a User, Refusal> {
    let user = visit.user(key).map_err(|_| {
        let message = format!("The requested user '{key}' is invalid.");
        Refusal::new(StatusCode::NOT_FOUND, "ErrorInvalidUser", message)
    })?;
    if visit.tenant.has_mailbox(user) {
        return Ok(user);
    }
    Err(Refusal::new(
        StatusCode::NOT_FOUND,
        "MailboxNotEnabledForRESTAPI",
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    ))
}

/// The content of a user's mailbox.
pub(crate) fn mailbox_of(user: &User) -> Mailbox {
    user.mailbox.as_deref().cloned().unwrap_or_default()
}

/// 404 in Exchange's words.
pub(crate) fn not_in_store() -> Refusal {
    let message = "The specified object was not found in the store.";
    Refusal::new(StatusCode::NOT_FOUND, "ErrorItemNotFound", message)
}

/// Writes the given fields; the others keep their values.
fn write_replies(replies: &mut AutomaticReplies, fields: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, value) in fields {
        match name.as_str() {
            "status" => replies.status = member(name, value, STATUSES)?,
            "externalAudience" => replies.external_audience = member(name, value, AUDIENCES)?,
            "internalReplyMessage" => replies.internal_reply_message = wrapped(text(name, value)?),
            "externalReplyMessage" => replies.external_reply_message = wrapped(text(name, value)?),
            "scheduledStartDateTime" => replies.scheduled_start = moment(name, value)?,
            "scheduledEndDateTime" => replies.scheduled_end = moment(name, value)?,
            _ => return Err(Refusal::unknown_property(name, REPLIES)),
        }
    }
    Ok(())
}

fn read_rule(body: &Map<String, Value>) -> Result<InboxRule, Refusal> {
    let mut rule = InboxRule { sequence: 1, ..InboxRule::default() };
    for (name, value) in body {
        match (name.as_str(), value) {
            ("displayName", _) => text(name, value)?.clone_into(&mut rule.display_name),
            ("sequence", Value::Number(number)) => rule.sequence = number.as_i64().unwrap_or(1),
            ("isEnabled", Value::Bool(enabled)) => rule.is_disabled = !enabled,
            ("conditions", Value::Object(fields)) => rule.conditions.clone_from(fields),
            ("exceptions", Value::Object(fields)) => rule.exceptions.clone_from(fields),
            ("actions", Value::Object(fields)) => rule.actions.clone_from(fields),
            _ => return Err(Refusal::unknown_property(name, RULE)),
        }
    }
    let unknown = rule.actions.keys().find(|name| !ACTIONS.contains(&name.as_str()));
    if let Some(name) = unknown {
        return Err(Refusal::unknown_property(name, "microsoft.graph.messageRuleActions"));
    }
    let predicates = rule.conditions.keys().chain(rule.exceptions.keys());
    if let Some(name) = predicates.into_iter().find(|name| !PREDICATES.contains(&name.as_str())) {
        return Err(Refusal::unknown_property(name, "microsoft.graph.messageRulePredicates"));
    }
    if rule.display_name.is_empty() || rule.actions.is_empty() {
        // The wording is not Microsoft's: no sample of it was found.
        return Err(invalid("A rule needs a name and an action."));
    }
    Ok(rule)
}

fn member(name: &str, value: &Value, members: &[&str]) -> Result<String, Refusal> {
    let given = text(name, value)?;
    let known = members.contains(&given).then(|| given.to_owned());
    known.ok_or_else(|| Refusal::malformed(format!("Requested value '{given}' was not found.")))
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, Refusal> {
    value.as_str().ok_or_else(|| {
        Refusal::malformed(format!("Cannot convert the value of property '{name}' to 'Edm.String'."))
    })
}

/// A moment in UTC, which is the only zone known here.
fn moment(name: &str, value: &Value) -> Result<String, Refusal> {
    let zone = value.get("timeZone").and_then(Value::as_str);
    let moment = value.get("dateTime").and_then(Value::as_str).filter(|_| zone == Some("UTC"));
    let moment = moment.and_then(|moment| moment.parse::<DateTime>().ok());
    let moment = moment.ok_or_else(|| invalid(format!("The value of '{name}' is not a moment in UTC.")))?;
    Ok(moment.strftime("%Y-%m-%dT%H:%M:%S.0000000").to_string())
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRequest", message)
}
