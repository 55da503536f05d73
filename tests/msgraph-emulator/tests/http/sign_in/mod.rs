//! Sign-in: tokens, credentials, authentication methods and passes.

mod assertions;
mod authentication_methods;
mod device_codes;
mod discovery;
mod temporary_access_passes;
mod tokens;
