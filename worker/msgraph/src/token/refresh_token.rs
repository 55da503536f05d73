//! The refresh token of a service account, in a file that only its owner can access.
//!
//! **Guarantees.** The file always holds a whole token: a new one is written to a file beside it, synced to disk and
//! renamed over it. Only the owner can read it at any time. The client does not use a file that others can access.
//!
//! **Caveats.** A process that dies during a write can leave a file `.NAME.….tmp` behind, as private as the other. It
//! can be deleted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::secret_file::unreadable;
use crate::error::Error;

/// Read and write for the owner, no access for others.
const OWNER_ONLY: u32 = 0o600;
/// Every access of others.
const OTHERS: u32 = 0o077;

/// Reads the token.
pub(super) fn read(path: &Path) -> Result<SecretString, Error> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::credential(format!(
            "there is no refresh token in {} yet; run `gatehouse connect` to sign the service account in",
            path.display()
        )),
        _ => unreadable("refresh token", path, &error),
    };
    let mut file = File::open(path).map_err(failed)?;
    // Checks the open file, because that one is read.
    if file.metadata().map_err(failed)?.permissions().mode() & OTHERS != 0 {
        return Err(Error::credential(format!(
            "other users can access the refresh token in {path}; run `chmod 600 {path}`, and run `gatehouse connect` \
             again if someone may have read it",
            path = path.display()
        )));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    match text.trim() {
        "" => Err(Error::credential(format!(
            "{} contains no refresh token; run `gatehouse connect` to sign the service account in",
            path.display()
        ))),
        token => Ok(token.into()),
    }
}

/// Replaces a token in the file by its successor, unless the file has another token by now: an operator connected the
/// account again, or another worker that shares the file was faster. Their token is valid as well.
pub(super) fn replace(path: &Path, used: &SecretString, next: &SecretString) -> Result<(), Error> {
    match read(path) {
        Ok(held) if held.expose_secret() != used.expose_secret() => Ok(()),
        _ => store(path, next),
    }
}

/// Writes a token to the file, in place of the one before.
pub(super) fn store(path: &Path, token: &SecretString) -> Result<(), Error> {
    // Replaces the target of a link and not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = beside(&path);
    let stored = write_and_rename(&path, &beside, token);
    stored.map_err(|error| {
        // It may not exist; the earlier error is the one to report.
        let _ = fs::remove_file(&beside);
        Error::credential(format!(
            "cannot save the refresh token to {}: {error}; allow the worker to write to its directory",
            path.display()
        ))
    })
}

/// Checks, before a person signs in, that a token can be saved.
pub(super) fn check_place(path: &Path) -> Result<(), Error> {
    let directory = directory(path);
    if directory.is_dir() {
        return Ok(());
    }
    Err(Error::credential(format!(
        "there is no directory {}; create it for the refresh token",
        directory.display()
    )))
}

fn write_and_rename(path: &Path, beside: &Path, token: &SecretString) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(beside)?;
    file.write_all(token.expose_secret().as_bytes())?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    // The new name is on disk once the directory is.
    File::open(directory(path))?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    directory(path).join(format!(".{name}.{}.tmp", uuid::Uuid::new_v4().simple()))
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::TempDir::new().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_token_is_replaced_whole_and_readable_by_its_owner_only() {
        let folder = folder();
        let path = folder.path().join("contoso");
        for token in ["first-token", "second"] {
            store(&path, &token.into()).unwrap();
            assert_eq!(read(&path).unwrap().expose_secret(), token);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(names(folder.path()), ["contoso"]);
    }

    #[test]
    fn a_token_that_another_process_wrote_stays() {
        let folder = folder();
        let path = folder.path().join("contoso");
        store(&path, &"used".into()).unwrap();
        replace(&path, &"used".into(), &"next".into()).unwrap();
        assert_eq!(read(&path).unwrap().expose_secret(), "next");
        replace(&path, &"used".into(), &"late".into()).unwrap();
        assert_eq!(read(&path).unwrap().expose_secret(), "next");
    }

    #[test]
    fn a_file_others_can_use_is_refused() {
        let folder = folder();
        let path = folder.path().join("contoso");
        store(&path, &"s3cret-token".into()).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.is_credentials() && error.to_string().contains("chmod 600"), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cret-token"));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read(&path).is_ok());
    }

    #[test]
    fn a_missing_or_empty_file_says_what_to_run() {
        let folder = folder();
        let path = folder.path().join("contoso");
        for prepare in [|_: &Path| (), |path: &Path| store(path, &"".into()).unwrap()] {
            prepare(&path);
            assert!(read(&path).unwrap_err().to_string().contains("gatehouse connect"));
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = folder();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        store(&target, &"first".into()).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        store(&link, &"second".into()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(read(&target).unwrap().expose_secret(), "second");
    }

    #[test]
    fn a_token_that_cannot_be_kept_leaves_the_one_before() {
        let folder = folder();
        let path = folder.path().join("contoso");
        // A directory of this name cannot be replaced by a file.
        fs::create_dir(&path).unwrap();
        let error = store(&path, &"second".into()).unwrap_err();
        assert!(error.to_string().contains("cannot save the refresh token"), "{error}");
        assert_eq!(names(folder.path()), ["contoso"], "nothing is left beside it");
        assert!(check_place(&path).is_ok());
        assert!(check_place(&folder.path().join("nowhere/contoso")).is_err());
    }
}
