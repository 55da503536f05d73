//! The page of a sync: `--out report.html`. It has sums and no names of people, so that it can be passed on.

mod licenses;
mod overview;
mod parts;
mod usage;
mod users;

pub use licenses::page as of_licenses;
pub use overview::page as of_everything;
pub use parts::{is_page, or_rows, write};
pub use usage::page as of_usage;
pub use users::{Departments, page as of_people};
