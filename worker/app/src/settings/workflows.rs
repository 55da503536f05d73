//! The settings of workflows.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use workflow::Limits;

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Workflows {
    file: PathBuf,
    max_list_entries: usize,
    max_entries: usize,
}

impl Workflows {
    /// The operator's file, if any.
    pub fn file(&self) -> Option<&Path> {
        Some(self.file.as_path()).filter(|path| !path.as_os_str().is_empty())
    }

    /// How much one event may name.
    pub fn limits(&self) -> Limits {
        Limits { list: self.max_list_entries, all_lists: self.max_entries }
    }

    /// Says what is wrong.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.max_list_entries == 0 || self.max_entries == 0 {
            return Err("workflows.max_list_entries and workflows.max_entries must be at least 1");
        }
        Ok(())
    }
}
