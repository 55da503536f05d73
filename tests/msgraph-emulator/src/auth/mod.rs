//! Sign-in: tokens, and the credentials for them.
//!
//! `form` reads requests, `assertion` checks certificates and other issuers' tokens, `device` waits for
//! people, `discovery` tells where to sign in, `refusal` has Entra's error format, and `tokens` issues and checks.

mod assertion;
mod caller;
mod device;
mod discovery;
mod form;
mod refusal;
mod tokens;

pub(crate) use caller::Caller;
pub use device::{Decision, PendingSignIn};
pub(crate) use discovery::discovery;
pub(crate) use refusal::NoToken;
pub(crate) use tokens::Tokens;
