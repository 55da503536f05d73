//! The request an error belongs to.

use percent_encoding::percent_decode_str;
use reqwest::Method;

/// The service that received a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Graph,
    SignIn,
    /// The service that stores the files Graph redirects to.
    Download,
}

/// The request an error belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub peer: Peer,
    pub method: Method,
    /// The address as an error may print it; empty if it says nothing about an object.
    pub address: String,
    pub request_id: String,
}

/// The address of a request without the names in it: words of Graph and ids stay, so that an error names its object.
pub(crate) fn without_names(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let mut printed = String::with_capacity(path.len());
    let mut before = "";
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        printed.push('/');
        printed.push_str(if may_be_printed(segment, before) { segment } else { "…" });
        // What follows is a path of folders and files.
        if segment.ends_with(':') {
            printed.push_str("/…");
            break;
        }
        before = segment;
    }
    printed
}

/// Whether a segment is a word of Graph or an id. Behind `users` only an object id is one: an event may hold anything.
fn may_be_printed(segment: &str, before: &str) -> bool {
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    if before == "users" {
        return uuid::Uuid::try_parse(&decoded).is_ok();
    }
    let is_word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase() || c == '$')
            && text.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '$' | ':'))
    };
    let is_id = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '!' | '=' | ':');
        text.len() >= 8 && text.chars().all(allowed) && text.contains(|c: char| c.is_ascii_digit())
    };
    is_word(&decoded) || is_id(&decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_printed_with_its_ids_and_without_names() {
        let id = "6f0a8a6c-0001-4000-8000-000000000001";
        let rows = [
            (format!("/users/{id}/revokeSignInSessions"), format!("/users/{id}/revokeSignInSessions")),
            ("/users/ada@contoso.example/memberOf?$top=1".to_owned(), "/users/…/memberOf".to_owned()),
            ("/users/ada1815x/manager/$ref".to_owned(), "/users/…/manager/$ref".to_owned()),
            (format!("/groups/{id}/members/{id}/$ref"), format!("/groups/{id}/members/{id}/$ref")),
            ("/users?$filter=employeeId%20eq%20'7'".to_owned(), "/users".to_owned()),
            ("/drives/b!x0/root:/Ada/Plan.txt:/copy".to_owned(), "/drives/…/root:/…".to_owned()),
            (
                "/drives/b!x0123456/items/01ABC23456".to_owned(),
                "/drives/b!x0123456/items/01ABC23456".to_owned(),
            ),
            ("/groups/Compilers".to_owned(), "/groups/…".to_owned()),
        ];
        for (path, expected) in rows {
            assert_eq!(without_names(&path), expected);
        }
    }
}
