//! Microsoft Graph over HTTP: tokens, requests, paging, retries of seconds, and one error type.
//!
//! What this crate never does:
//!
//! - A [`Reader`] never writes and a [`Writer`] never reads: code that observes a tenant cannot change it, and
//!   code that changes it cannot observe it.
//! - It never repeats a POST that Graph may have carried out; the error says
//!   [`is_ambiguous`](Error::is_ambiguous) and the next observation decides.
//! - It never sends a token to a host outside the [`Settings`], nor unencrypted over a network; it follows a
//!   report's redirect without a token.
//! - With [`Access::Read`] it never sends a write.
//! - It never puts a secret, a name, an address or a message of Graph into an error's text.
//! - It never deletes a member instead of the membership: it refuses a `DELETE` below `members`, `owners`,
//!   `manager` and the like without `/$ref` before sending it.
//! - It never holds a listing that grows with the tenant in memory: it returns such a listing page by page.
//! - It keeps no metrics and writes no log: it reports to an [`Observer`].
//!
//! It is the only user of `reqwest` and `backoff`.
//!
//! One folder a noun of Graph (`users`, `groups`, `mail`, …); the transport is in `http`, `lane`, `token`, `error`
//! and `settings`. Start reading in `http/client.rs` (how a request becomes an answer), then `users/user.rs` (what a
//! resource looks like). `error/mod.rs` has the predicates a caller decides by, `error/codes.rs` what Graph's codes
//! and messages mean where the status alone says too little.

mod calendar;
mod devices;
mod error;
mod fence;
mod groups;
mod http;
mod lane;
mod licenses;
mod mail;
mod observer;
mod onedrive;
mod reports;
mod request_log;
mod rights;
mod route;
mod server_clock;
mod settings;
mod sign_in;
mod teams;
mod time;
mod token;
mod users;

pub use calendar::calendars::{Calendar, CalendarPermission};
pub use calendar::events::{Event, Recurrence, RecurrencePattern, RecurrenceRange};
pub use devices::managed_devices::{ManagedDevice, PendingOrder};
pub use error::Error;
pub use fence::Fence;
pub use groups::group::{Group, GroupKind, OwnedApplication, Ownerships};
pub use groups::owners::Owner;
pub use http::client::{Client, Reader, Writer};
pub use http::listing::Listing;
pub use http::read_ahead::{Page, PagesAhead, Record};
pub use lane::limits::{Limits, TenantSize};
pub use lane::priority::Priority;
pub use lane::{Lanes, Load};
pub use licenses::assignment::{AssignedLicense, LicenseAssignmentState, LicenseDetails};
pub use licenses::change::AddLicense;
pub use licenses::company_subscription::CompanySubscription;
pub use licenses::subscription::{PrepaidUnits, ServicePlan, SubscribedSku};
pub use mail::automatic_replies::{AutomaticReplies, AutomaticRepliesStatus, ExternalAudience};
pub use mail::date_time::DateTimeTimeZone;
pub use mail::exchange_commands::AdministeredMailbox;
pub use mail::inbox_rules::{InboxRule, NewInboxRule, RuleActions};
pub use mail::messages::{ItemBody, Message, NewMessage};
pub use mail::recipient::{EmailAddress, Recipient};
pub use observer::{
    BatchRefusedReport, CallObserver, Destination, Observer, Outcome, RequestReport, RetryReport,
    RoundTripReport, Service, ThrottleReport, TokenReport,
};
pub use onedrive::copy::{CopyOrder, CopyState, RefusedItem};
pub use onedrive::drive::{Drive, Identity, IdentitySet, Permission, Quota};
pub use onedrive::items::{DriveItem, ROOT};
pub use onedrive::quick_xor_hash::quick_xor_hash;
pub use onedrive::seal::Seal;
pub use reports::report::{Column, Report, ReportRow, ReportRows, ReportSpan};
pub use reports::report_settings::ReportSettings;
pub use request_log::RequestLog;
pub use rights::app_assignments::{AppRole, AppRoleAssignment, DEFAULT_ACCESS, ServicePrincipal};
pub use rights::app_consents::PermissionGrant;
pub use rights::application_roles::DirectoryRole;
pub use rights::directory_roles::{Administers, RoleAssignment};
pub use rights::role_holders::Belongings;
pub use rights::role_templates::{GLOBAL_ADMINISTRATOR, role_names, role_template};
pub use settings::Settings;
pub use settings::access::Access;
pub use settings::cloud::Cloud;
pub use settings::exchange_admin::ExchangeAdmin;
pub use sign_in::authentication_methods::{AuthenticationMethod, MethodKind};
pub use sign_in::temporary_access_passes::{IssuedPass, NewTemporaryAccessPass, TemporaryAccessPass};
pub use teams::channels::Channel;
pub use teams::members::{Place, TeamMember, TeamRole};
pub use token::credential::{Credential, SecretSource};
pub use token::device::{Account, DeviceSignIn};
pub use token::grants::Grants;
pub use users::deleted::{RestoreTerms, former_upn};
pub use users::delta::{DeltaStep, DeltaToken, UsersDelta};
pub use users::organization::{Organization, VerifiedDomain};
pub use users::user::{DirectoryObject, NewUser, User, UserFields, UserKey, UserPatch};
