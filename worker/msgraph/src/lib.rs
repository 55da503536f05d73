//! Microsoft Graph over HTTP: tokens, requests, paging, retries of seconds, and one error type.
//!
//! What this crate never does:
//!
//! - A [`Reader`] never writes and a [`Writer`] never reads: whoever observes cannot change a tenant, and
//!   whoever changes it cannot look around.
//! - It never sends a POST again when Graph may have acted on the first one; the error says
//!   [`is_ambiguous`](Error::is_ambiguous) and the next observation decides.
//! - It never sends a token to another host than those in the [`Settings`], nor over a network in the clear; a
//!   report's redirect is followed without one.
//! - With [`Access::Read`] it never sends a write, whoever asks.
//! - It never puts a secret, a name, an address or a message of Graph into an error's text.
//! - It never asks Graph to delete the member where the membership was meant: a `DELETE` below `members`,
//!   `owners`, `manager` and the like without `/$ref` is refused before it is sent.
//! - It never holds a listing that is as long as a tenant is large: such ones are handed out page by page.
//! - It keeps no metrics and writes no log: it reports to an [`Observer`].
//!
//! It is the only user of `reqwest` and `backoff`.
//!
//! Start reading in `client.rs` (how a request becomes an answer), then `users.rs` (what a resource looks like);
//! `error.rs` has the facts a caller decides by, `meaning.rs` what refusals mean whose status says too little.

mod batch;
mod calendars;
mod client;
mod cloud;
mod connection;
mod csv;
mod deleted;
mod delta;
mod devices;
mod download;
mod drives;
mod error;
mod events;
mod exchange_admin;
mod groups;
mod items;
mod lane;
mod licenses;
mod log;
mod mail;
mod mailbox;
mod meaning;
mod methods;
mod observer;
mod paging;
mod passes;
mod path;
mod quick_xor_hash;
mod refusal;
mod reports;
mod request;
mod response;
mod retry;
mod retry_after;
mod rights;
mod settings;
mod teams;
mod token;
mod transport;
mod users;

pub use calendars::{Calendar, CalendarPermission};
pub use client::{Client, Reader, Writer};
pub use cloud::Cloud;
pub use connection::{DirectoryRole, Grants, Organization, ReportSettings, VerifiedDomain};
pub use delta::{DeltaStep, DeltaToken, Removal, UserChange, UsersDelta};
pub use devices::{ManagedDevice, PendingOrder};
pub use drives::{Drive, Identity, IdentitySet, Permission, Quota};
pub use error::Error;
pub use events::{Event, Recurrence, RecurrencePattern, RecurrenceRange};
pub use exchange_admin::{AdministeredMailbox, ExchangeAdmin};
pub use groups::{Group, GroupKind, Owner};
pub use items::{CopyOrder, CopyState, DriveItem, ROOT, RefusedItem};
pub use lane::Priority;
pub use lane::limits::{Limits, TenantSize};
pub use licenses::{
    AddLicense, AssignedLicense, LicenseAssignmentState, LicenseDetails, PrepaidUnits, ServicePlan,
    SubscribedSku,
};
pub use log::RequestLog;
pub use mail::{ItemBody, Message, NewMessage};
pub use mailbox::{
    AutomaticReplies, AutomaticRepliesStatus, DateTimeTimeZone, EmailAddress, ExternalAudience, InboxRule,
    NewInboxRule, Recipient, RuleActions,
};
pub use methods::{AuthenticationMethod, MethodKind};
pub use observer::{
    Observer, Outcome, RequestReport, RetryReport, RoundTripReport, Service, ThrottleReport, TokenReport,
};
pub use paging::Listing;
pub use passes::{IssuedPass, NewTemporaryAccessPass, TemporaryAccessPass};
pub use quick_xor_hash::quick_xor_hash;
pub use reports::{Column, Report, ReportRow, ReportRows, ReportSpan};
pub use rights::{Administers, AppRoleAssignment, PermissionGrant, RoleAssignment};
pub use settings::{Access, Settings};
pub use teams::{Channel, Place, TeamMember, TeamRole};
pub use token::{Account, Credential, DeviceSignIn, SecretSource};
pub use users::{DirectoryObject, NewUser, User, UserKey, UserPatch};
