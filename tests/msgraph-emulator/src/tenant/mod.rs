//! The tenant: its objects and indexes; every lookup that Graph offers is one in a map.
//!
//! Start at [`Tenant`] in `store`. Objects are added through its methods and changed through its methods, so
//! that the indexes and the seat counts always agree.

mod application;
mod building;
mod calendar;
mod contoso;
mod devices;
mod enterprise;
mod error;
mod file;
mod groups;
mod ids;
mod index;
mod licenses;
mod mail;
mod onedrive;
pub(crate) mod reports;
mod sign_in;
mod state;
mod store;
mod teams;
#[cfg(test)]
mod tests;
mod users;

pub use application::{Application, CERTIFICATE, CLIENT_ID, CLIENT_SECRET};
pub(crate) use application::{PRIVILEGED_ROLE, PRIVILEGED_ROLE_TEMPLATE};
pub use calendar::calendars::Calendar;
pub(crate) use calendar::calendars::Sharing;
pub use calendar::event::Event;
pub(crate) use calendar::event::{Events, KEPT as KEPT_OF_EVENTS, PROPERTIES as EVENT_PROPERTIES};
pub(crate) use calendar::series::is_valid as is_valid_recurrence;
pub(crate) use calendar::zone::{Zone, text as moment_text};
pub use devices::device::Device;
pub(crate) use devices::device::PROPERTIES as DEVICE_PROPERTIES;
pub(crate) use enterprise::{app_role_id, application_of, registration_id};
pub use error::TenantError;
pub use groups::group::Group;
pub(crate) use groups::group::{DEFAULTS as GROUP_DEFAULTS, PROPERTIES as GROUP_PROPERTIES};
pub use ids::TENANT_ID;
pub(crate) use ids::{name_id, role_id, role_template};
pub(crate) use licenses::assignment::{Add, NotLicensed};
pub(crate) use licenses::sku::AppliesTo;
pub use licenses::sku::Sku;
pub use mail::mailbox::Mailbox;
pub(crate) use mail::mailbox::{AutomaticReplies, InboxRule, wrapped};
pub(crate) use mail::message::MailMessage;
pub(crate) use onedrive::access::permission;
pub(crate) use onedrive::copies::{Clash, Order, job_key};
pub use onedrive::drive::Drive;
pub(crate) use onedrive::drive::{Share, drive_id, item as drive_item};
pub(crate) use onedrive::files::{Content, item_id, item_number};
pub use reports::switches::{Concealment, Renamed, ReportSwitches};
pub(crate) use sign_in::temporary_access_pass::{METHOD as PASS_METHOD, Pass};
pub use store::Tenant;
pub use teams::channel::Channel;
pub(crate) use teams::channel::channel_id;
pub(crate) use users::columns::{Columns, Listed};
pub(crate) use users::history::Change;
pub(crate) use users::person::{Person, Place};
pub(crate) use users::properties::{DEFAULTS as USER_DEFAULTS, SENSITIVE, SIGN_IN_ACTIVITY, Unwritable};
pub use users::user::User;
