//! A request for a sync: what to read of a tenant, and how.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a sync reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncSubject {
    /// The people of the tenant.
    Users,
    /// Its licences, and who has them.
    Licenses,
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
}

/// The schema says the same, for publishers.
impl TryFrom<Fields> for SyncRequest {
    type Error = &'static str;

    fn try_from(Fields { what, mode, cursor, detail, sign_ins }: Fields) -> Result<Self, Self::Error> {
        let is_users = what == SyncSubject::Users;
        if cursor.is_some() != (mode == SyncMode::Delta) {
            return Err("a delta needs a cursor, and nothing else has one");
        }
        if !is_users && (mode == SyncMode::Delta || sign_ins) {
            return Err("only a sync of users has deltas and sign-ins");
        }
        Ok(Self { what, mode, cursor, detail, sign_ins })
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
    pub const ALL: [Self; 2] = [Self::Users, Self::Licenses];

    /// The word on the wire, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Licenses => "licenses",
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
