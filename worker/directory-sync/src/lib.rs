//! Reads a tenant's people, licences, last sign-ins and use of apps, page by page, and says what it could not see.
//!
//! What this crate never does:
//!
//! - It never writes: it only gets a [`msgraph::Reader`].
//! - It never holds more than a few pages, however many people the tenant has. Figures of use over several days are the
//!   exception: they need a name and four bytes a day for everyone who used something.
//! - It never calls a pass complete that is not: a pass has a summary only after its last page, and an error in the
//!   middle of the paging is an error of the pass.
//! - It never shows an absence as a fact: what could not be read is `unknown` in the row, with a [`Note`] that says why.
//! - It stores nothing and publishes nothing: the caller pulls batches of rows, each row one flat JSON object.
//!
//! Start reading in `users/full.rs`, a pass over everyone. `rows/` has what a row says, `cursor.rs` where the next
//! round of changes begins.

mod cursor;
mod error;
mod licenses;
mod note;
mod pages;
mod rows;
mod scan;
mod text;
mod usage;
mod users;

pub use cursor::{Cursor, CursorProblem};
pub use error::{Error, FullPassReason};
pub use licenses::class::LicenseClass;
pub use licenses::money::{Amount, Money};
pub use licenses::pass::{LicenseRow, LicensesPass, LicensesSummary};
pub use licenses::prices::Prices;
pub use licenses::sku::{Found, Sku, Units};
pub use licenses::totals::LicenseTotals;
pub use note::{Note, Subject};
pub use rows::column::{AnyRow, Cell, Column, ColumnType, Row};
pub use rows::json::write_json;
pub use rows::license_assignment::LicenseAssignment;
pub use rows::removed_user::{Removal, RemovedUser};
pub use rows::schema::{KINDS, Kind};
pub use rows::sign_in::SignIn;
pub use rows::subscription::Subscription;
pub use rows::usage::Usage;
pub use rows::usage_app::UsageApp;
pub use rows::usage_day::UsageDay;
pub use rows::usage_group::UsageGroup;
pub use rows::usage_person::UsagePerson;
pub use rows::user::User;
pub use rows::waste::{Waste, WasteReason};
pub use usage::apps::{App, Counts, Facet};
pub use usage::options::UsageOptions;
pub use usage::pass::UsagePass;
pub use usage::privacy::{Privacy, SMALLEST_GROUP};
pub use usage::row::UsageRow;
pub use usage::state::{Day, DayOutcome, KnownDay, MOST_DAYS, MissingWhy, UsageState, Window, WindowState};
pub use usage::summary::{SHOW_NAMES, UsageSummary, UsageTotals};
pub use usage::tally::Tally;
pub use usage::window::UsageWindow;
pub use users::change::Change;
pub use users::delta::{ChangeCounts, ChangesSummary, UsersDelta};
pub use users::full::{UsersPass, UsersSummary};
pub use users::sign_ins::{SignInsPass, SignInsSummary};
pub use users::totals::UserTotals;
