//! One row of a pass over usage.

use serde::{Serialize, Serializer};

use crate::rows::column::{AnyRow, Cell};
use crate::rows::usage::Usage;
use crate::rows::usage_app::UsageApp;
use crate::rows::usage_day::UsageDay;
use crate::rows::usage_group::UsageGroup;
use crate::rows::usage_person::UsagePerson;
use crate::rows::waste::Waste;

/// One row of a pass over usage.
#[derive(Debug, Clone)]
pub enum UsageRow<'a> {
    /// What a person used on a day.
    Use(Usage<'a>),
    /// A day.
    Day(Box<UsageDay>),
    /// How many people used an app in a window.
    App(Box<UsageApp>),
    /// On how many days of a window a person used what.
    Person(Box<UsagePerson<'a>>),
    /// A department in a window.
    Group(Box<UsageGroup>),
    /// A licence of a person who used none of its apps.
    Waste(Box<Waste<'a>>),
}

impl UsageRow<'_> {
    fn any(&self) -> &dyn Any {
        match self {
            Self::Use(row) => row,
            Self::Day(row) => &**row,
            Self::App(row) => &**row,
            Self::Person(row) => &**row,
            Self::Group(row) => &**row,
            Self::Waste(row) => &**row,
        }
    }
}

/// A row whose kind is not known at compile time.
trait Any {
    fn kind(&self) -> &'static str;
    fn cells(&self, put: &mut dyn FnMut(Cell<'_>));
}

impl<R: AnyRow> Any for R {
    fn kind(&self) -> &'static str {
        AnyRow::kind(self)
    }

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        AnyRow::cells(self, put);
    }
}

impl Serialize for UsageRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Use(row) => row.serialize(serializer),
            Self::Day(row) => row.serialize(serializer),
            Self::App(row) => row.serialize(serializer),
            Self::Person(row) => row.serialize(serializer),
            Self::Group(row) => row.serialize(serializer),
            Self::Waste(row) => row.serialize(serializer),
        }
    }
}

impl AnyRow for UsageRow<'_> {
    fn kind(&self) -> &'static str {
        self.any().kind()
    }

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        self.any().cells(put);
    }
}
