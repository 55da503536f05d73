//! Small files that hold a secret, a certificate or a token.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

use crate::error::Error;

/// Longer than any secret, certificate or token.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Reads a small file whole.
pub(super) fn read_file(what: &str, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes))
        .map_err(|error| unreadable(what, path, &error))?;
    Ok(bytes)
}

pub(super) fn unreadable(what: &str, path: &Path, error: &std::io::Error) -> Error {
    let path = path.display();
    Error::credential(format!(
        "cannot read the {what} from {path}: {error}; check the path and that the worker may read the file"
    ))
}

pub(super) fn text(what: &str, bytes: Vec<u8>) -> Result<SecretString, Error> {
    let text = String::from_utf8(bytes);
    text.map(SecretString::from).map_err(|_| {
        Error::credential(format!("the file of the {what} is not text; write only the {what} into it"))
    })
}
