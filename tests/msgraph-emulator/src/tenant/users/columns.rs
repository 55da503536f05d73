//! Users as JSON, written straight into bytes: a list of a million is not made of values first.

use serde_json::Value;
use uuid::Uuid;

use super::properties::SIGN_IN_ACTIVITY;
use super::row::{Moment, Put, Row, push, text_of};
use crate::clock::CREATED;
use crate::tenant::{Tenant, User};

/// A user in a list.
#[derive(Clone, Debug)]
pub(crate) enum Listed<'a> {
    Held(&'a User),
    Computed(Row<'a>),
}

impl Listed<'_> {
    pub(crate) fn id(&self) -> Uuid {
        match self {
            Self::Held(user) => user.id,
            Self::Computed(row) => row.id(),
        }
    }

    pub(crate) fn manager(&self) -> Option<Uuid> {
        match self {
            Self::Held(user) => user.manager,
            Self::Computed(row) => row.manager().map(|manager| row.crowd.id(manager)),
        }
    }
}

/// One property to write.
#[derive(Clone, Debug)]
struct Column<'a> {
    name: &'a str,
    /// The bytes before the value.
    label: Vec<u8>,
    /// What writes it of a user of the crowd, and whether between quotes.
    computed: (Put, bool),
}

/// The properties to write of each user.
#[derive(Clone, Debug)]
pub(crate) struct Columns<'a> {
    names: Vec<Column<'a>>,
    /// What begins every object.
    start: &'static str,
    /// Whether a property that never had a value is written as null.
    nulls: bool,
    manager: Option<Box<Columns<'a>>>,
}

impl<'a> Columns<'a> {
    /// A list's: what has no value is null.
    pub(crate) fn of_list(names: &[&'a str], manager: Option<Columns<'a>>) -> Self {
        let manager = manager.map(Box::new);
        Self { names: labelled(names), start: "{", nulls: true, manager }
    }

    /// A manager's beside a user, with the manager above, if that one is to be shown.
    pub(crate) fn of_manager(names: &[&'a str], above: Option<Columns<'a>>) -> Self {
        let start = "{\"@odata.type\":\"#microsoft.graph.user\",";
        Self { names: labelled(names), start, nulls: true, manager: above.map(Box::new) }
    }

    /// A delta's: what never had a value is left out.
    pub(crate) fn of_delta(names: &[&'a str]) -> Self {
        Self { names: labelled(names), start: "{", nulls: false, manager: None }
    }
}

fn labelled<'a>(names: &[&'a str]) -> Vec<Column<'a>> {
    let column = |&name: &&'a str| {
        let label = format!("\"{name}\":").into_bytes();
        let computed = raw_of(name).map_or_else(|| (text_of(name), true), |put| (put, false));
        Column { name, label, computed }
    };
    names.iter().map(column).collect()
}

impl Tenant {
    /// Writes one user, with the manager if there is one.
    pub(crate) fn write_user(&self, listed: &Listed<'_>, columns: &Columns<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(columns.start.as_bytes());
        for Column { name, label, computed: (put, quoted) } in &columns.names {
            let start = out.len();
            out.extend_from_slice(label);
            let written = match listed {
                Listed::Held(user) => put_held(user, name, columns.nulls, out),
                Listed::Computed(row) => {
                    (if *quoted { put_quoted(out, |out| put(row, out)) } else { put(row, out) })
                        || (columns.nulls && *name != SIGN_IN_ACTIVITY && push(out, "null"))
                }
            };
            if written {
                out.push(b',');
            } else {
                out.truncate(start);
            }
        }
        let manager = columns.manager.as_ref().and_then(|columns| Some((columns, listed.manager()?)));
        if let Some((columns, manager)) = manager.and_then(|(columns, id)| Some((columns, self.listed(id)?)))
        {
            out.extend_from_slice(b"\"manager\":");
            self.write_user(&manager, columns, out);
            out.push(b',');
        }
        if out.last() == Some(&b',') {
            out.pop();
        }
        out.push(b'}');
    }
}

/// Writes a property of a user held in memory; returns whether it is to be there.
fn put_held(user: &User, name: &str, nulls: bool, out: &mut Vec<u8>) -> bool {
    match user.property(name) {
        None => false,
        Some(Value::Null) if !nulls && !user.was_cleared(name) => false,
        // Writing to memory does not fail.
        Some(value) => serde_json::to_writer(out, &value).is_ok(),
    }
}

/// What writes a property that is no text, or whose text is not made of others.
fn raw_of(name: &str) -> Option<Put> {
    Some(match name {
        "id" => |row, out| {
            let mut text = Uuid::encode_buffer();
            let text = row.id().hyphenated().encode_lower(&mut text);
            push(out, "\"") && push(out, text) && push(out, "\"")
        },
        "accountEnabled" => |row, out| push(out, if row.is_enabled() { "true" } else { "false" }),
        "onPremisesSyncEnabled" => |row, out| row.is_synced() && push(out, "true"),
        "assignedLicenses" => |row, out| row.put_licenses(out),
        "licenseAssignmentStates" => |row, out| row.put_states(out),
        "businessPhones" | "otherMails" => |_, out| push(out, "[]"),
        "proxyAddresses" => |row, out| push(out, "[\"SMTP:") && text_of("mail")(row, out) && push(out, "\"]"),
        "signInSessionsValidFromDateTime" | "lastPasswordChangeDateTime" => {
            |_, out| push(out, "\"") && push(out, CREATED) && push(out, "\"")
        }
        SIGN_IN_ACTIVITY => |row, out| row.sign_ins().is_some_and(|moments| put_sign_ins(moments, out)),
        "deletedDateTime" | "passwordProfile" => |_, _| false,
        _ => return None,
    })
}

fn put_sign_ins(moments: [Moment; 3], out: &mut Vec<u8>) -> bool {
    let names = [
        "{\"lastSignInDateTime\":",
        ",\"lastNonInteractiveSignInDateTime\":",
        ",\"lastSuccessfulSignInDateTime\":",
    ];
    for (name, moment) in names.into_iter().zip(moments) {
        push(out, name);
        if !put_quoted(out, |out| moment.put(out)) {
            push(out, "null");
        }
    }
    push(out, "}")
}

/// Writes a text between quotes, or nothing if there is none.
fn put_quoted(out: &mut Vec<u8>, text: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    let start = out.len();
    out.push(b'"');
    if text(out) {
        out.push(b'"');
        return true;
    }
    out.truncate(start);
    false
}
