//! When a person last signed in.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};

/// When a person last signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn<'a> {
    /// The object id.
    pub id: Cow<'a, str>,
    /// The last sign-in that succeeded, in RFC 3339; `None` if none did.
    pub last_successful_sign_in: Option<Cow<'a, str>>,
}

impl Row for SignIn<'_> {
    const KIND: &'static str = "sign_in";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", ColumnType::Text, "Object id of the account"),
        Column::new(
            "last_successful_sign_in",
            ColumnType::Moment,
            "Last sign-in that succeeded; null if none did since 2023-12-01, when Microsoft began to record it",
        ),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put(Cell::Text(&self.id));
        put(Cell::text(self.last_successful_sign_in.as_deref()));
    }
}

impl Serialize for SignIn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
