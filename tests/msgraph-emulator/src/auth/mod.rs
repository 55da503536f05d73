//! Sign-in: tokens, and what an application or a person shows to get one.
//!
//! `form` reads what is asked, `assertion` checks certificates and other issuers' tokens, `device` waits for
//! people, `refusal` says no in Entra's own shape, and `tokens` issues and checks.

mod assertion;
mod caller;
mod device;
mod form;
mod refusal;
mod tokens;

pub(crate) use caller::Caller;
pub use device::{Decision, PendingSignIn};
pub(crate) use refusal::NoToken;
pub(crate) use tokens::Tokens;
