//! Secrets in the settings, and files that hold one.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::settings::error::ConfigError;

/// A value that is never printed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "String")]
pub struct Secret(pub(super) SecretString);

impl Secret {
    /// The value, if it is not empty.
    pub fn given(&self) -> Option<&SecretString> {
        Some(&self.0).filter(|secret| !secret.expose_secret().is_empty())
    }
}

/// Every access of others, and what nobody but the owner needs.
const OTHERS: u32 = 0o037;
/// The group may read.
const GROUP: u32 = 0o040;

/// Says so if other users of this machine can access the file of this setting. A file that is not there exposes nothing.
pub(super) fn exposed(setting: &str, file: &Path) -> Option<String> {
    if is_credential(file, std::env::var_os("CREDENTIALS_DIRECTORY")) {
        return None;
    }
    let metadata = file.metadata().ok()?;
    // Without /proc nobody tells who we are, and no group is ours.
    let us = Path::new("/proc/self").metadata().ok().map(|process| (process.uid(), process.gid()));
    is_exposed(metadata.mode(), (metadata.uid(), metadata.gid()), us).then(|| {
        format!(
            "{setting}: other users of this machine can access {path}; run `chmod 600 {path}`",
            path = file.display()
        )
    })
}

/// Whether systemd has put a file there for this service. Nobody else may enter the folder, while some versions let a group
/// read the files themselves: that is the mask of their access list.
fn is_credential(file: &Path, folder: Option<OsString>) -> bool {
    folder.is_some_and(|folder| !folder.is_empty() && file.starts_with(folder))
}

/// Whether a file of this owner and group is open to others than this user and group. Kubernetes gives a secret to root
/// and lets the group of the container read it, which nobody in there can change.
fn is_exposed(mode: u32, (owner, group): (u32, u32), us: Option<(u32, u32)>) -> bool {
    let is_mounted_for_us = owner == 0 && us.is_some_and(|(user, ours)| user != 0 && group == ours);
    mode & OTHERS != 0 || (mode & GROUP != 0 && !is_mounted_for_us)
}

/// The secret in the file of this setting.
pub(super) fn read_secret(key: &str, file: &Path) -> Result<SecretString, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::SecretFile {
        key: key.to_owned(),
        path: file.to_owned(),
        source,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.given().is_some() { "********" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_systemd_hands_over_is_not_exposed() {
        let folder = "/run/credentials/gatehouse.service";
        let file = Path::new("/run/credentials/gatehouse.service/secret_contoso");
        assert!(is_credential(file, Some(folder.into())));
        assert!(!is_credential(file, Some("/run/credentials/other.service".into())));
        assert!(!is_credential(file, Some("".into())));
        assert!(!is_credential(file, None));
    }

    #[test]
    fn a_secret_that_kubernetes_mounts_for_our_group_is_not_exposed() {
        let (root, us, other) = (0, 65_532, 1_000);
        let ours = Some((us, us));
        let cases = [
            (0o440, (root, us), ours, false),
            (0o640, (root, us), ours, false),
            (0o600, (us, us), ours, false),
            // Read by others, written by the group, another group, another owner, a user like any other, and unknown.
            (0o444, (root, us), ours, true),
            (0o460, (root, us), ours, true),
            (0o440, (root, other), ours, true),
            (0o440, (us, us), ours, true),
            (0o440, (root, root), Some((root, root)), true),
            (0o440, (root, us), None, true),
        ];
        for (mode, file, process, expected) in cases {
            assert_eq!(is_exposed(mode, file, process), expected, "{mode:o} {file:?} {process:?}");
        }
    }
}
