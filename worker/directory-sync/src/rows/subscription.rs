//! A purchase of licences.

use msgraph::CompanySubscription;
use serde::{Serialize, Serializer};

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};

/// A purchase of licences. One licence can have several.
#[derive(Debug, Clone)]
pub struct Subscription {
    pub(crate) purchase: CompanySubscription,
    /// The id as Graph writes it elsewhere.
    pub(crate) sku_id: Option<String>,
    pub(crate) name: Option<&'static str>,
}

impl Subscription {
    /// The name in Microsoft's list, else the part number or the id.
    pub fn readable_name(&self) -> &str {
        let part = self.purchase.sku_part_number.as_deref();
        self.name.or(part).or(self.sku_id.as_deref()).unwrap_or("unknown")
    }

    /// `Enabled`, `Warning`, `Suspended`, `Deleted` or `LockedOut`.
    pub fn status(&self) -> &str {
        self.purchase.status.as_deref().unwrap_or("unknown")
    }

    /// The seats; `None` if the number makes no sense.
    pub fn seats(&self) -> Option<i64> {
        self.purchase.total_licenses.filter(|total| *total >= 0)
    }

    /// The day on which the status becomes the next one unless it is renewed.
    pub fn next_change(&self) -> Option<&str> {
        let moment = self.purchase.next_lifecycle_date_time.as_deref()?;
        Some(moment.split('T').next().unwrap_or(moment))
    }
}

impl Row for Subscription {
    const KIND: &'static str = "subscription";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", ColumnType::Text, "Id of the purchase"),
        Column::new("commerce_subscription_id", ColumnType::Text, "Id in billing"),
        Column::new("sku_id", ColumnType::Text, "Id of the licence"),
        Column::new("part_number", ColumnType::Text, "Part number of the licence"),
        Column::new("name", ColumnType::Text, "Name in Microsoft's list; null if it is not in it"),
        Column::new(
            "status",
            ColumnType::Text,
            "`Enabled`, `Warning`, `Suspended`, `Deleted` or `LockedOut`",
        ),
        Column::new("is_trial", ColumnType::Flag, "Whether it is a trial"),
        Column::new("total", ColumnType::Number, "Seats of the purchase; null if the number makes no sense"),
        Column::new("created_date_time", ColumnType::Moment, "When it was bought"),
        Column::new(
            "next_lifecycle_date_time",
            ColumnType::Moment,
            "When the status becomes the next one unless it is renewed; not a date of cancellation",
        ),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let purchase = &self.purchase;
        put(Cell::Text(&purchase.id));
        put(Cell::text(purchase.commerce_subscription_id.as_deref()));
        put(Cell::text(self.sku_id.as_deref()));
        put(Cell::text(purchase.sku_part_number.as_deref()));
        put(Cell::text(self.name));
        put(Cell::text(purchase.status.as_deref()));
        put(purchase.is_trial.map_or(Cell::Null, Cell::Flag));
        put(Cell::number(self.seats()));
        put(Cell::text(purchase.created_date_time.as_deref()));
        put(Cell::text(purchase.next_lifecycle_date_time.as_deref()));
    }
}

impl Serialize for Subscription {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
