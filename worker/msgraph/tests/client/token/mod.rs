//! Tokens, credentials and the sign-in of a service account.

mod credentials;
mod service_account;
mod tokens;
