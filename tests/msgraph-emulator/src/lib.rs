//! A Microsoft 365 tenant in memory behind real HTTP, for the demo, tests and benches.
//!
//! It is a second, independent reading of Microsoft Graph's documentation, so it depends on no other
//! crate of this workspace, and it is strict: unknown paths, body fields, `$select` names and query
//! options, a missing token and a missing permission are refused in Graph's own error format.
//!
//! What it never does:
//! - reach out: it listens on one address and connects to none;
//! - show a password or secret anywhere but in [`Emulator::secrets`];
//! - differ between two starts, except in tokens and request ids: other ids follow from names, and
//!   random faults from a fixed seed.
//!
//! Start at [`Emulator`]. [`Tenant`] holds the data; `graph` answers requests, one folder for each noun;
//! `route` has every operation and its permissions; `world` connects them.
//!
//! ```
//! use msgraph_emulator::{Emulator, Fault, Options, Tenant, User};
//!
//! let tenant = Tenant::empty().user(User::new("ada@contoso.example", "Ada Lovelace").located("GB"));
//! let emulator = Emulator::start(Options::new(tenant))?;
//! emulator.fault(Fault::status(503).path("/assignLicense").times(2).retry_after("1.5"));
//! assert!(emulator.journal().is_empty());
//! # Ok::<(), msgraph_emulator::StartError>(())
//! ```

mod auth;
mod batch;
mod clock;
mod control;
mod emulator;
mod graph;
mod http;
mod lag;
mod limits;
mod odata;
mod options;
mod random;
mod route;
mod tenant;
mod world;

pub use auth::{Decision, PendingSignIn};
pub use control::faults::Fault;
pub use control::journal::Entry;
pub use control::odd::Odd;
pub use emulator::{Emulator, Registration, StartError};
pub use lag::replication::Lag;
pub use limits::{Limits, Usage};
pub use options::Options;
pub use tenant::{
    Application, CERTIFICATE, CLIENT_ID, CLIENT_SECRET, Calendar, Channel, Concealment, Device, Drive, Event,
    Group, Mailbox, Renamed, ReportSwitches, Sku, TENANT_ID, Tenant, TenantError, User,
};
pub use world::Secrets;
