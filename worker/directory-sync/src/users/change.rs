//! One entry of a round of changes.

use serde::{Serialize, Serializer};

use crate::rows::column::{AnyRow, Cell};
use crate::rows::removed_user::{Removal, RemovedUser};
use crate::rows::user::{Person, Source, User};

/// One entry of a round of changes.
#[derive(Debug)]
pub enum Change<'a> {
    /// A person is new or changed. A column that the row leaves out did not change; `null` was cleared.
    Changed(Box<User<'a>>),
    /// A person was deleted.
    Removed(RemovedUser<'a>),
}

impl Serialize for Change<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Changed(user) => user.serialize(serializer),
            Self::Removed(removed) => removed.serialize(serializer),
        }
    }
}

impl AnyRow for Change<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Changed(user) => user.kind(),
            Self::Removed(removed) => removed.kind(),
        }
    }

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        match self {
            Self::Changed(user) => AnyRow::cells(&**user, put),
            Self::Removed(removed) => AnyRow::cells(removed, put),
        }
    }
}

/// Whether an entry is a removal. `changed` means moved to the deleted items, `deleted` purged (Microsoft Graph
/// documentation, "Delta query", 2022); any other reason counts as restorable.
pub(crate) fn removal(person: &Person<'_>) -> Option<Removal> {
    let reason = person.removed.as_ref()?.reason.as_ref();
    let is_purged = reason.is_some_and(|reason| reason.as_str().eq_ignore_ascii_case("deleted"));
    Some(if is_purged { Removal::Purged } else { Removal::Deleted })
}

pub(crate) fn changed(person: Person<'_>, source: Source) -> Change<'_> {
    Change::Changed(Box::new(User { person, source }))
}
