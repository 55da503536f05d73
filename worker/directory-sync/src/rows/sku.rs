//! A licence that the tenant bought.

use serde::{Serialize, Serializer};

use crate::licenses::class::LicenseClass;
use crate::licenses::sku::Sku;
use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};

impl Row for Sku {
    const KIND: &'static str = "sku";
    const COLUMNS: &'static [Column] = &[
        Column::new("sku_id", ColumnType::Text, "Id of the licence"),
        Column::new("part_number", ColumnType::Text, "Part number"),
        Column::new("name", ColumnType::Text, "Name in Microsoft's list; null if it is not in it"),
        Column::new(
            "class",
            ColumnType::OneOf(LicenseClass::WORDS),
            "Whether it counts in the totals: only `paid` does",
        ),
        Column::new("class_reason", ColumnType::Text, "Why it does not count"),
        Column::new(
            "capability_status",
            ColumnType::Text,
            "`Enabled`, `Warning`, `Suspended`, `Deleted` or `LockedOut`",
        ),
        Column::new("purchased", ColumnType::Number, "enabled + warning + suspended + locked_out"),
        Column::new("enabled", ColumnType::Number, "Seats in force"),
        Column::new("warning", ColumnType::Number, "Expired seats in their grace period, still assignable"),
        Column::new("suspended", ColumnType::Number, "Cancelled seats, which can be restored"),
        Column::new("locked_out", ColumnType::Number, "Seats that the customer cancelled"),
        Column::new("assignable", ColumnType::Number, "enabled + warning"),
        Column::new("assigned", ColumnType::Number, "Seats in use, as Microsoft counts them"),
        Column::new("unassigned", ColumnType::Number, "assignable - assigned, never below zero"),
        Column::new("over_assigned", ColumnType::Number, "assigned - assignable, never below zero"),
        Column::new("people", ColumnType::Number, "People who have it, counted one by one"),
        Column::new("cross_check", ColumnType::Text, "Why assigned and people differ, if they do"),
        Column::new("blocked", ColumnType::Number, "People who have it and whose account is blocked"),
        Column::new(
            "included_in_another",
            ColumnType::Number,
            "People who have all of it in another licence",
        ),
        Column::new("group_errors", ColumnType::Number, "People to whom a group fails to give it"),
        Column::new(
            "problems",
            ColumnType::Texts,
            "Numbers that are missing or make no sense; they are null",
        ),
        Column::new("monthly_price", ColumnType::Text, "What a seat costs a month, an exact decimal"),
        Column::new("currency", ColumnType::Text, "Currency of the price"),
        Column::new("unused_cost", ColumnType::Text, "What unassigned seats cost a month"),
        Column::new(
            "wasted_cost",
            ColumnType::Text,
            "What seats of blocked accounts, and those included in another licence, cost a month",
        ),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let (units, found) = (&self.units, &self.found);
        put(Cell::Text(&self.id_text));
        put(Cell::Text(&self.part_number));
        put(Cell::text(self.name));
        put(Cell::Text(self.class.as_str()));
        put(Cell::text(self.class_reason));
        put(Cell::text(self.capability_status.as_deref()));
        put(Cell::number(units.purchased()));
        put(Cell::number(units.enabled));
        put(Cell::number(units.warning));
        put(Cell::number(units.suspended));
        put(Cell::number(units.locked_out));
        put(Cell::number(units.assignable()));
        put(Cell::number(units.assigned));
        put(Cell::number(units.unassigned()));
        put(Cell::number(units.over_assigned()));
        put(Cell::Number(found.people));
        put(Cell::text(self.cross_check()));
        put(Cell::Number(found.blocked));
        put(Cell::Number(found.included_in_another));
        put(Cell::Number(found.group_errors));
        put(Cell::Texts(&self.problems));
        let price = self.price.as_ref();
        let text = |amount: Option<crate::licenses::money::Amount>| amount.map(|amount| amount.to_string());
        put(Cell::text(text(price.map(|price| price.monthly)).as_deref()));
        put(Cell::text(price.map(|price| price.currency.as_str())));
        put(Cell::text(text(self.unused_cost()).as_deref()));
        put(Cell::text(text(self.wasted_cost()).as_deref()));
    }
}

impl Serialize for Sku {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
