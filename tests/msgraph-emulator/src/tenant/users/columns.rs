//! Users as JSON, written straight into bytes: a list of a million is not made of values first.

use serde_json::Value;
use uuid::Uuid;

use super::properties::SIGN_IN_ACTIVITY;
use super::row::{Moment, Row};
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

/// The properties to write of each user.
#[derive(Clone, Debug)]
pub(crate) struct Columns<'a> {
    /// Each name with the bytes before its value.
    names: Vec<(&'a str, Vec<u8>)>,
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

    /// A manager's beside a user.
    pub(crate) fn of_manager(names: &[&'a str]) -> Self {
        let start = "{\"@odata.type\":\"#microsoft.graph.user\",";
        Self { names: labelled(names), start, nulls: true, manager: None }
    }

    /// A delta's: what never had a value is left out.
    pub(crate) fn of_delta(names: &[&'a str]) -> Self {
        Self { names: labelled(names), start: "{", nulls: false, manager: None }
    }
}

fn labelled<'a>(names: &[&'a str]) -> Vec<(&'a str, Vec<u8>)> {
    names.iter().map(|&name| (name, format!("\"{name}\":").into_bytes())).collect()
}

impl Tenant {
    /// Writes one user, with the manager if there is one.
    pub(crate) fn write_user(&self, listed: &Listed<'_>, columns: &Columns<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(columns.start.as_bytes());
        for (name, label) in &columns.names {
            let start = out.len();
            out.extend_from_slice(label);
            let written = match listed {
                Listed::Held(user) => put_held(user, name, columns.nulls, out),
                Listed::Computed(row) => {
                    let has_value = put_computed(row, name, out);
                    if !has_value && columns.nulls && *name != SIGN_IN_ACTIVITY {
                        out.extend_from_slice(b"null");
                        true
                    } else {
                        has_value
                    }
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

/// Writes a property of a user of the crowd; returns whether it has a value.
fn put_computed(row: &Row<'_>, name: &str, out: &mut Vec<u8>) -> bool {
    match name {
        "id" => {
            let mut text = Uuid::encode_buffer();
            let text = row.id().hyphenated().encode_lower(&mut text);
            put_quoted(out, |out| put(out, text))
        }
        "accountEnabled" => put(out, if row.is_enabled() { "true" } else { "false" }),
        "onPremisesSyncEnabled" if row.is_synced() => put(out, "true"),
        "assignedLicenses" => {
            row.put_licenses(out);
            true
        }
        "licenseAssignmentStates" => {
            row.put_states(out);
            true
        }
        "businessPhones" | "otherMails" => put(out, "[]"),
        "proxyAddresses" => {
            out.extend_from_slice(b"[\"SMTP:");
            row.put("mail", out);
            put(out, "\"]")
        }
        "signInSessionsValidFromDateTime" | "lastPasswordChangeDateTime" => {
            put_quoted(out, |out| put(out, CREATED))
        }
        SIGN_IN_ACTIVITY => row.sign_ins().is_some_and(|moments| {
            put_sign_ins(moments, out);
            true
        }),
        "onPremisesSyncEnabled" | "deletedDateTime" | "passwordProfile" => false,
        _ => put_quoted(out, |out| row.put(name, out)),
    }
}

fn put_sign_ins(moments: [Moment; 3], out: &mut Vec<u8>) {
    let names = [
        "{\"lastSignInDateTime\":",
        ",\"lastNonInteractiveSignInDateTime\":",
        ",\"lastSuccessfulSignInDateTime\":",
    ];
    for (name, moment) in names.into_iter().zip(moments) {
        put(out, name);
        if !put_quoted(out, |out| moment.put(out)) {
            put(out, "null");
        }
    }
    out.push(b'}');
}

fn put(out: &mut Vec<u8>, text: &str) -> bool {
    out.extend_from_slice(text.as_bytes());
    true
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
