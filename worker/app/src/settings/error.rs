//! What is wrong with the settings.

use std::path::PathBuf;

/// An error in the settings, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or a variable is invalid.
    #[error("{0}")]
    Invalid(String),
    /// A secret's file cannot be read.
    #[error("cannot read {path} (setting {key}): {source}", path = .path.display())]
    SecretFile {
        /// The setting.
        key: String,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}
