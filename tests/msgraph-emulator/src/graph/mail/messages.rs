//! Messages: looking for one, writing a draft, and sending it.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::graph::mail::mailbox::{mailbox_of, not_in_store, open};
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{ENTITY, NONE, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::random::unguessable;
use crate::tenant::MailMessage;

const TYPE: &str = "microsoft.graph.message";
const PROPERTIES: &[&str] = &["body", "id", "internetMessageId", "isDraft", "subject", "toRecipients"];

pub(crate) fn list(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, &["$select", "$filter"])?;
    let names = query.selected(|name| PROPERTIES.contains(&name), TYPE, PROPERTIES)?;
    let filter = query.filter_on(&["internetMessageId"])?;
    let user = open(visit, key)?;
    let messages = mailbox_of(user).messages;
    let found = messages
        .iter()
        .filter(|message| filter.is_none_or(|filter| message.internet_message_id == filter.value));
    let value: Vec<Value> =
        found.map(|message| Value::Object(project(&names, |name| message.property(name)))).collect();
    let context = metadata(visit.request, &format!("users('{}')/messages", user.id));
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": value })))
}

pub(crate) fn get(visit: &mut Visit<'_>, key: &str, message: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = query.selected(|name| PROPERTIES.contains(&name), TYPE, PROPERTIES)?;
    let user = open(visit, key)?;
    let messages = mailbox_of(user).messages;
    let held = messages.iter().find(|held| held.id == message).ok_or_else(not_in_store)?;
    let context = format!("users('{}')/messages{}/$entity", user.id, query.context_suffix());
    Ok(Reply::ok(&entity(visit, &context, project(&names, |name| held.property(name)))))
}

/// Sends a message that was no draft. By default it is kept among the sent ones ("user: sendMail", 2025).
pub(crate) fn send_new(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    let (mut message, mut keeps) = (None, true);
    for (name, value) in &body {
        // OData does not tell the case of an action's parameters apart; the SDKs write them in capitals.
        match (name.to_ascii_lowercase().as_str(), value) {
            ("message", Value::Object(fields)) => message = Some(read(fields)?),
            ("savetosentitems", Value::Bool(saves)) => keeps = *saves,
            ("savetosentitems", Value::Null) => {}
            _ => return Err(Refusal::unknown_property(name, "microsoft.graph.sendMail")),
        }
    }
    let id = open(visit, key)?.id;
    let mut message = message.filter(|message| !message.recipients.is_empty()).ok_or_else(|| {
        Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRecipients", "At least one recipient isn't valid.")
    })?;
    if message.internet_message_id.is_empty() {
        message.internet_message_id = format!("<{}@outlook.example>", unguessable());
    }
    message.is_sent = true;
    visit.effects.push(format!("send message {} of user {id}", message.internet_message_id));
    if keeps {
        visit.tenant.edit_mailbox(id, |mailbox| {
            message.id = mailbox.fresh_id("sent");
            mailbox.messages.push(message);
        });
    }
    Ok(Reply::accepted())
}

pub(crate) fn create(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let mut message = read(&visit.request.object()?)?;
    let id = open(visit, key)?.id;
    if message.internet_message_id.is_empty() {
        message.internet_message_id = format!("<{}@outlook.example>", unguessable());
    }
    let effect = format!("write draft {} in the mailbox of user {id}", message.internet_message_id);
    let shown = visit.tenant.edit_mailbox(id, |mailbox| {
        let draft = mailbox.add_draft(message);
        let message = mailbox.messages.iter().find(|message| message.id == draft)?;
        Some(Value::Object(project(PROPERTIES, |name| message.property(name))))
    });
    visit.effects.push(effect);
    Ok(Reply::json(StatusCode::CREATED, &json!(shown.flatten())))
}

pub(crate) fn send(visit: &mut Visit<'_>, key: &str, message: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = open(visit, key)?;
    let id = user.id;
    let held = mailbox_of(user).messages;
    // A sent message has moved to another folder, where it has another id.
    let draft = held.iter().find(|held| held.id == message && !held.is_sent).ok_or_else(not_in_store)?;
    if draft.recipients.is_empty() {
        let message = "At least one recipient isn't valid.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRecipients", message));
    }
    let effect = format!("send message {} of user {id}", draft.internet_message_id);
    visit.tenant.edit_mailbox(id, |mailbox| {
        let sent = mailbox.fresh_id("sent");
        let draft = mailbox.messages.iter_mut().find(|held| held.id == message);
        draft.into_iter().for_each(|draft| {
            draft.is_sent = true;
            draft.id.clone_from(&sent);
        });
    });
    visit.effects.push(effect);
    Ok(Reply::accepted())
}

pub(crate) fn delete(visit: &mut Visit<'_>, key: &str, message: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = open(visit, key)?;
    let (id, messages) = (user.id, mailbox_of(user).messages);
    let held = messages.iter().find(|held| held.id == message).ok_or_else(not_in_store)?;
    visit.effects.push(format!("delete message {} of user {id}", held.internet_message_id));
    visit.tenant.edit_mailbox(id, |mailbox| mailbox.messages.retain(|held| held.id != message));
    Ok(Reply::no_content())
}

fn read(body: &Map<String, Value>) -> Result<MailMessage, Refusal> {
    let mut message = MailMessage::default();
    for (name, value) in body {
        match (name.as_str(), value) {
            ("subject", Value::String(text)) => message.subject.clone_from(text),
            ("internetMessageId", Value::String(text)) => message.internet_message_id.clone_from(text),
            ("body", Value::Object(_)) => {
                let content = value.get("content").and_then(Value::as_str).unwrap_or_default();
                content.clone_into(&mut message.body);
                let kind = value.get("contentType").and_then(Value::as_str).unwrap_or_default();
                message.html = kind.eq_ignore_ascii_case("html");
            }
            ("toRecipients", Value::Array(recipients)) => {
                let address = |recipient: &Value| {
                    let address = recipient.get("emailAddress")?.get("address")?.as_str()?;
                    address.contains('@').then(|| address.to_owned())
                };
                message.recipients = recipients.iter().filter_map(address).collect();
            }
            _ => return Err(Refusal::unknown_property(name, TYPE)),
        }
    }
    Ok(message)
}
