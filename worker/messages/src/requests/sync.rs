//! A request for a sync: what to read of a tenant, and how.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What a sync reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncSubject {
    /// The people of the tenant.
    Users,
    /// Its licences, and who has them.
    Licenses,
    /// Which apps people use.
    Usage,
}

/// How much a sync reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Everything.
    #[default]
    Full,
    /// What changed since the cursor.
    Delta,
}

/// Whether a sync sends its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncDetail {
    /// In pages.
    #[default]
    Pages,
    /// Not at all: the totals are enough.
    None,
}

/// The `data` of an event that requests a sync. Its `Debug` shows no cursor, which is for Microsoft Graph alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct SyncRequest {
    /// What to read.
    pub what: SyncSubject,
    /// How much of it.
    pub mode: SyncMode,
    /// Where the round before ended; always there for a delta, and never else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Whether to send the rows.
    pub detail: SyncDetail,
    /// Whether to read when people last signed in.
    pub sign_ins: bool,
    /// How many days of usage to read, up to the last one with figures, 1 to 28; nothing for as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u8>,
    /// Days of usage that the publisher has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub have: Vec<HaveDay>,
    /// Whether to count usage over several days; it is unless the publisher says no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<bool>,
    /// Whether usage names people by pseudonyms; it does not unless the publisher says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonyms: Option<bool>,
    /// The fewest people of a department whose usage is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_group: Option<u64>,
}

/// A day of usage that the publisher has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HaveDay {
    /// The day.
    pub date: Date,
    /// When Microsoft made its figures.
    pub refresh_date: Date,
    /// Microsoft's own counts of it, as its row has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

/// The fields, before it is known that they fit together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    what: SyncSubject,
    #[serde(default)]
    mode: SyncMode,
    cursor: Option<String>,
    #[serde(default)]
    detail: SyncDetail,
    #[serde(default)]
    sign_ins: bool,
    days: Option<u8>,
    #[serde(default)]
    have: Vec<HaveDay>,
    window: Option<bool>,
    pseudonyms: Option<bool>,
    min_group: Option<u64>,
}

/// The schema says the same, for publishers.
impl TryFrom<Fields> for SyncRequest {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let Fields { what, mode, cursor, detail, sign_ins, days, have, window, pseudonyms, min_group } =
            fields;
        let is_users = what == SyncSubject::Users;
        if cursor.is_some() != (mode == SyncMode::Delta) {
            return Err("a delta needs a cursor, and nothing else has one");
        }
        if !is_users && (mode == SyncMode::Delta || sign_ins) {
            return Err("only a sync of users has deltas and sign-ins");
        }
        let is_of_usage =
            days.is_some() || !have.is_empty() || window.or(pseudonyms).is_some() || min_group.is_some();
        if what != SyncSubject::Usage && is_of_usage {
            return Err("only a sync of usage has days, have, window, pseudonyms and min_group");
        }
        if days.is_some_and(|days| !(1..=28).contains(&days)) || min_group == Some(0) {
            return Err("days is 1 to 28, and min_group at least 1");
        }
        Ok(Self { what, mode, cursor, detail, sign_ins, days, have, window, pseudonyms, min_group })
    }
}

impl fmt::Debug for SyncRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRequest")
            .field("what", &self.what)
            .field("mode", &self.mode)
            .field("detail", &self.detail)
            .field("sign_ins", &self.sign_ins)
            .finish_non_exhaustive()
    }
}

impl SyncSubject {
    /// Everything a sync can read.
    pub const ALL: [Self; 3] = [Self::Users, Self::Licenses, Self::Usage];

    /// The word on the wire, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Licenses => "licenses",
            Self::Usage => "usage",
        }
    }
}

impl SyncMode {
    /// The word on the wire, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Delta => "delta",
        }
    }
}
