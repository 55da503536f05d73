//! A licence that is paid and does nothing, or should be given and is not.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};
use crate::rows::license_assignment::named::{ENABLED, NAME, PART, PRODUCT, SKU_ID, TYPE, UPN, USER_ID};
use crate::rows::license_assignment::{PersonNames, SkuNames};

/// A licence of a person that somebody should look at.
#[derive(Debug, Clone)]
pub struct Waste<'a> {
    pub(crate) reason: WasteReason,
    pub(crate) person: PersonNames<'a>,
    pub(crate) sku: SkuNames<'a>,
    /// The licence whose plans include all of this one's.
    pub(crate) included_in: Option<&'a str>,
    pub(crate) group_name: Option<Cow<'a, str>>,
    pub(crate) error: Option<Cow<'a, str>>,
    pub(crate) monthly: Option<String>,
    pub(crate) currency: Option<&'a str>,
    /// The first and the last day on which nothing was used.
    pub(crate) unused: Option<(Date, Date)>,
}

/// Why somebody should look at a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WasteReason {
    /// The account is blocked.
    BlockedAccount,
    /// Another licence of the person has every service plan of this one.
    IncludedInAnother,
    /// A group fails to give it.
    GroupError,
    /// The person used none of its apps.
    Inactive,
}

impl WasteReason {
    /// The word in a row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlockedAccount => "blocked_account",
            Self::IncludedInAnother => "included_in_another",
            Self::GroupError => "group_error",
            Self::Inactive => "inactive",
        }
    }

    const WORDS: &'static [&'static str] =
        &["blocked_account", "included_in_another", "group_error", "inactive"];
}

impl Row for Waste<'_> {
    const KIND: &'static str = "waste";
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
            "reason",
            ColumnType::OneOf(WasteReason::WORDS),
            "`blocked_account`: the account is blocked, and a shared mailbox of less than 50 GB needs no licence; \
             `included_in_another`: another licence of the person has every service plan of it that is on; \
             `group_error`: a group fails to give it, and no seat is used; `inactive`: the person had it for the whole \
             window, whose every day was read, and used none of its apps (sync of usage only)",
        ),
        Column::new("included_in", ColumnType::Text, "Part number of the licence that includes it"),
        Column::new("group_name", ColumnType::Text, "Group that fails to give it, or its id"),
        Column::new("error", ColumnType::Text, "Why the group fails, such as `CountViolation`"),
        Column::new("monthly_price", ColumnType::Text, "What the seat costs a month, an exact decimal"),
        Column::new("currency", ColumnType::Text, "Currency of the price"),
        Column::new("unused_from", ColumnType::Text, "First day on which none of its apps was used"),
        Column::new("unused_to", ColumnType::Text, "Last day on which none of its apps was used"),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        self.person.cells(put);
        self.sku.cells(put);
        put(Cell::Text(self.reason.as_str()));
        put(Cell::text(self.included_in));
        put(Cell::text(self.group_name.as_deref()));
        put(Cell::text(self.error.as_deref()));
        put(Cell::text(self.monthly.as_deref()));
        put(Cell::text(self.currency));
        let day = |day: Option<Date>| day.map(|day| day.to_string());
        put(Cell::text(day(self.unused.map(|(from, _)| from)).as_deref()));
        put(Cell::text(day(self.unused.map(|(_, to)| to)).as_deref()));
    }
}

impl Serialize for Waste<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
