//! A person who was deleted.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};

/// A person who was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedUser<'a> {
    /// The object id.
    pub id: Cow<'a, str>,
    /// Whether the account can be restored.
    pub removal: Removal,
}

/// Whether a deleted account can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is in the deleted items, for 30 days.
    Deleted,
    /// It is gone.
    Purged,
}

impl Row for RemovedUser<'_> {
    const KIND: &'static str = "removed_user";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", ColumnType::Text, "Object id of the account"),
        Column::new(
            "removed",
            ColumnType::OneOf(&["deleted", "purged"]),
            "`deleted`: the account can be restored; `purged`: it is gone",
        ),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put(Cell::Text(&self.id));
        put(Cell::Text(match self.removal {
            Removal::Deleted => "deleted",
            Removal::Purged => "purged",
        }));
    }
}

impl Serialize for RemovedUser<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
