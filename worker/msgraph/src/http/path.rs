//! Paths and queries below `/v1.0`, encoded so that no value can change the address of a request.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::Error;

/// Characters that stay unencoded in a path segment. `#` is not among them: a guest's UPN contains `#EXT#`, and an
/// unencoded `#` ends the path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b':')
    .remove(b'=')
    .remove(b'@');

/// The same without `=`, which ends the name of a query option.
const VALUE: &AsciiSet = &SEGMENT.add(b'=');

/// Joins segments into a path that begins with a slash.
///
/// # Errors
///
/// An empty segment would address the collection instead of an object in it (`DELETE /users/`), and dots would
/// address the parent. Both are a bug of this program and are never sent.
pub(crate) fn join(segments: &[&str]) -> Result<String, Error> {
    let mut path = String::with_capacity(96);
    for segment in segments {
        if matches!(segment.trim(), "" | "." | "..") {
            return Err(Error::internal("an id in the request's path is empty or consists of dots"));
        }
        path.push('/');
        path.extend(utf8_percent_encode(segment, SEGMENT));
    }
    Ok(path)
}

/// Appends one query option.
pub(crate) fn push_option(path: &mut String, name: &str, value: &str) {
    path.push(if path.contains('?') { '&' } else { '?' });
    path.push_str(name);
    path.push('=');
    path.extend(utf8_percent_encode(value, VALUE));
}

/// A string literal of OData, for a filter or a key.
pub(crate) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_change_the_path() {
        let path = join(&["users", "grace_fabrikam.example#EXT#@contoso.example", "a/b?c=d%2e"]).unwrap();
        assert_eq!(path, "/users/grace_fabrikam.example%23EXT%23@contoso.example/a%2Fb%3Fc=d%252e");
    }

    #[test]
    fn an_empty_id_is_refused() {
        for id in ["", " ", ".", ".."] {
            assert!(join(&["users", id]).is_err(), "{id:?}");
        }
    }

    #[test]
    fn filters_quote_and_encode() {
        let mut path = "/users".to_owned();
        push_option(&mut path, "$filter", &format!("employeeId eq {}", quoted("O'1&2+3#4")));
        push_option(&mut path, "$select", "id,displayName");
        assert_eq!(path, "/users?$filter=employeeId%20eq%20'O''1%262%2B3%234'&$select=id,displayName");
    }
}
