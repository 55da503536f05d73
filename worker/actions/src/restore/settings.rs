//! Mailbox, calendars, sign-in methods and devices.

use outcome::{Needs, TakenKind};
use serde_json::{Map, Value};

use super::{Restorable, Things, id, lost};

/// How these come back.
pub fn of(things: &Things) -> Restorable {
    let mut found = Restorable::default();
    let (replies, left) = things.texts(TakenKind::AutomaticReply, "the automatic reply before");
    found.left.extend(left);
    let reply = replies.into_iter().next().map_or(Value::Null, |(_, text)| text);
    found.snapshot.insert("automatic_reply".to_owned(), reply);
    let is_forwarded = things.of_kind(TakenKind::MailDelivery).next().is_some();
    found.snapshot.insert("stop_forwarding".to_owned(), is_forwarded.into());
    let (rules, left) = things.texts(TakenKind::InboxRule, "an inbox rule");
    found.left.extend(left);
    let rules: Vec<_> = rules.into_iter().map(|(_, text)| rule(&text)).collect();
    found.snapshot.insert("inbox_rules".to_owned(), rules.into());
    let (permissions, left) = things.texts(TakenKind::CalendarPermission, "who could read a calendar");
    found.left.extend(left);
    let permissions = permissions.into_iter().map(|(taken, text)| {
        let is_primary = taken.object.get("primary") == Some(&true.into());
        let calendar = id(taken, "calendar").filter(|_| !is_primary);
        let known = [
            ("calendar", calendar.map(Value::from)),
            ("address", text.get("address").cloned()),
            ("role", taken.object.get("role").cloned()),
        ];
        let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(known.filter(|(_, value)| !value.is_null()).collect())
    });
    let permissions: Vec<_> = permissions.filter(|permission| permission.get("address").is_some()).collect();
    found.snapshot.insert("calendar_permissions".to_owned(), permissions.into());
    gone_for_good(things, &mut found);
    found
}

/// An inbox rule as `create_inbox_rules` takes it.
fn rule(text: &Value) -> Value {
    let names = [
        ("display_name", "displayName"),
        ("sequence", "sequence"),
        ("is_enabled", "isEnabled"),
        ("conditions", "conditions"),
        ("exceptions", "exceptions"),
        ("actions", "actions"),
    ];
    let known = names.into_iter().filter_map(|(name, of_graph)| {
        let value = text.get(of_graph).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    });
    Value::Object(known.collect::<Map<_, _>>())
}

fn gone_for_good(things: &Things, found: &mut Restorable) {
    let all = |kind, name: &'static str| {
        let ids: Vec<_> = things.of_kind(kind).filter_map(|thing| id(&thing.taken, name)).collect();
        (!ids.is_empty()).then(|| ids.join(", "))
    };
    if let Some(calendars) = all(TakenKind::Calendar, "calendar") {
        let detail =
            format!("calendars {calendars} were deleted with their events; nothing brings them back");
        found.left.push(lost("deleted_for_good", detail));
    }
    if let Some(devices) = all(TakenKind::Device, "device") {
        let detail = format!("devices {devices} have lost the company's data; enrol them again");
        found.left.push(lost("device_retired", detail));
    }
    if let Some(methods) = all(TakenKind::AuthenticationMethod, "method") {
        let detail = format!("sign-in methods {methods} were removed; the person registers new ones");
        found.left.push(lost("sign_in_method", detail));
    }
    if things.of_kind(TakenKind::Password).next().is_some() {
        let detail = "the password was replaced; set a new one or issue a Temporary Access Pass";
        found.left.push(lost("password", detail.to_owned()));
    }
    if things.of_kind(TakenKind::Mailbox).next().is_some() {
        let detail = "the mailbox was made a shared one; convert it back in Exchange";
        found.left.push(lost("shared_mailbox", detail.to_owned()));
    }
    let events = things.of_kind(TakenKind::CalendarEvents);
    let events: u64 = events.filter_map(|thing| thing.taken.object.get("events")?.as_u64()).sum();
    if events > 0 {
        let detail = format!("{events} events were deleted or cancelled; their organizers invite again");
        found.left.push(outcome::Left { needs: Needs::Nobody, ..lost("events_deleted", detail) });
    }
}
