//! A licence of a person.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use self::named::{ENABLED, NAME, PART, PRODUCT, SKU_ID, TYPE, UPN, USER_ID};
use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};

/// A licence of a person, or one that a group fails to give.
#[derive(Debug, Clone)]
pub struct LicenseAssignment<'a> {
    pub(crate) person: PersonNames<'a>,
    pub(crate) sku: SkuNames<'a>,
    pub(crate) in_force: bool,
    /// `None`: Graph does not say where the licence comes from.
    pub(crate) origin: Option<Origin<'a>>,
    pub(crate) errors: Vec<Cow<'a, str>>,
    pub(crate) disabled_plans: Vec<Cow<'a, str>>,
}

/// What a row says of the person.
#[derive(Debug, Clone)]
pub(crate) struct PersonNames<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) upn: Option<Cow<'a, str>>,
    pub(crate) display_name: Option<Cow<'a, str>>,
    pub(crate) enabled: Option<bool>,
    pub(crate) user_type: Option<Cow<'a, str>>,
}

/// What a row says of the licence.
#[derive(Debug, Clone)]
pub(crate) struct SkuNames<'a> {
    pub(crate) id: String,
    pub(crate) part_number: Option<&'a str>,
    pub(crate) name: Option<&'static str>,
}

/// Where a licence comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin<'a> {
    pub(crate) is_direct: bool,
    pub(crate) groups: Vec<Uuid>,
    /// Beside `groups`: the name, or the id where it cannot be read.
    pub(crate) group_names: Vec<Cow<'a, str>>,
}

/// The columns of [`PersonNames`] and [`SkuNames`], in the order of their cells.
pub(crate) mod named {
    use crate::rows::column::{Column, ColumnType};

    pub(crate) const USER_ID: Column = Column::new("user_id", ColumnType::Text, "Object id of the account");
    pub(crate) const UPN: Column =
        Column::new("user_principal_name", ColumnType::Text, "Name to sign in with");
    pub(crate) const NAME: Column = Column::new("display_name", ColumnType::Text, "Full name");
    pub(crate) const ENABLED: Column =
        Column::new("account_enabled", ColumnType::Flag, "Whether the account can sign in");
    pub(crate) const TYPE: Column =
        Column::new("user_type", ColumnType::Text, "`Member` or `Guest`; null for some old accounts");
    pub(crate) const SKU_ID: Column = Column::new("sku_id", ColumnType::Text, "Id of the licence");
    pub(crate) const PART: Column = Column::new(
        "part_number",
        ColumnType::Text,
        "Part number; null if the tenant does not list the licence",
    );
    pub(crate) const PRODUCT: Column =
        Column::new("name", ColumnType::Text, "Name in Microsoft's list; null if it is not in it");
}

impl PersonNames<'_> {
    pub(crate) fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put(Cell::Text(&self.id));
        put(Cell::text(self.upn.as_deref()));
        put(Cell::text(self.display_name.as_deref()));
        put(self.enabled.map_or(Cell::Null, Cell::Flag));
        put(Cell::text(self.user_type.as_deref()));
    }
}

impl SkuNames<'_> {
    pub(crate) fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put(Cell::Text(&self.id));
        put(Cell::text(self.part_number));
        put(Cell::text(self.name));
    }
}

impl Row for LicenseAssignment<'_> {
    const KIND: &'static str = "license_assignment";
    const COLUMNS: &'static [Column] = &[
        USER_ID,
        UPN,
        NAME,
        ENABLED,
        TYPE,
        SKU_ID,
        PART,
        PRODUCT,
        Column::new(
            "in_force",
            ColumnType::Flag,
            "Whether the person has the licence; false: a group fails to give it",
        ),
        Column::new(
            "direct",
            ColumnType::Flag,
            "Whether it was given directly; absent if Microsoft does not say",
        ),
        Column::new("group_ids", ColumnType::Texts, "Groups that give it; absent if Microsoft does not say"),
        Column::new("group_names", ColumnType::Texts, "Their names, or ids where names cannot be read"),
        Column::new("errors", ColumnType::Texts, "Why an assignment fails, such as `CountViolation`"),
        Column::new("disabled_plans", ColumnType::Texts, "Service plans that are turned off"),
        Column::new("unknown", ColumnType::Texts, "Columns that Microsoft does not tell for this licence"),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        self.person.cells(put);
        self.sku.cells(put);
        put(Cell::Flag(self.in_force));
        match &self.origin {
            Some(origin) => {
                put(Cell::Flag(origin.is_direct));
                put(Cell::Ids(&origin.groups));
                put(Cell::Texts(&origin.group_names));
            }
            None => (0..3).for_each(|_| put(Cell::Absent)),
        }
        put(Cell::Texts(&self.errors));
        put(Cell::Texts(&self.disabled_plans));
        put(match self.origin {
            Some(_) => Cell::Names(&[]),
            None => Cell::Names(&["direct", "group_ids", "group_names"]),
        });
    }
}

impl Serialize for LicenseAssignment<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
