//! A request as a value: built by the resource files, sent by the client, sent again by its retries.

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;

use crate::error::Error;
use crate::http::path;
use crate::observer::Service;

/// A larger body travels alone. Graph refuses a batch of more than about four megabytes.
const BATCHED_BODY_BYTES: usize = 128 * 1024;

/// What is to be asked of Graph. It has no `Debug`: a path can hold a UPN and a body a password.
#[derive(Clone)]
pub(crate) struct Request {
    pub method: Method,
    pub target: Target,
    pub body: Option<Bytes>,
    /// Whether the body is a file's content and no JSON.
    pub is_file: bool,
    /// Whether it may change the tenant. Not every `POST` does.
    pub is_write: bool,
    /// The service behind it: the lane it takes.
    pub service: Service,
    /// Whether the body of a success is read for what it says.
    pub wants_answer: bool,
}

/// Where a request goes.
#[derive(Clone)]
pub(crate) enum Target {
    /// An encoded path below `/v1.0`, with its query.
    Path(String),
    /// A link to a next page, followed as Graph wrote it.
    Link(String),
    /// Where Exchange is administered, by a cmdlet in the body.
    ExchangeAdmin,
}

impl Request {
    fn new(method: Method, segments: &[&str]) -> Result<Self, Error> {
        let target = Target::Path(path::join(segments)?);
        let service = Service::behind(segments);
        let is_write = method != Method::GET;
        Ok(Self { method, target, body: None, is_file: false, is_write, service, wants_answer: true })
    }

    /// A cmdlet of Exchange's administration.
    pub(crate) fn command(body: Bytes, is_write: bool) -> Self {
        Self {
            method: Method::POST,
            target: Target::ExchangeAdmin,
            body: Some(body),
            is_file: false,
            is_write,
            service: Service::ExchangeAdmin,
            wants_answer: !is_write,
        }
    }

    /// The next page of a listing that this request began.
    pub(crate) fn link(&self, link: String) -> Self {
        Self {
            method: Method::GET,
            target: Target::Link(link),
            body: None,
            is_file: false,
            is_write: false,
            service: self.service,
            wants_answer: true,
        }
    }

    /// Reports answer with a redirect, which a batch does not follow; a large body would make a batch too large.
    pub(crate) fn may_travel_in_batch(&self) -> bool {
        !matches!(self.service, Service::Reports | Service::ExchangeAdmin)
            && !self.is_file
            && self.body.as_ref().is_none_or(|body| body.len() <= BATCHED_BODY_BYTES)
    }
}

/// A read.
pub(crate) struct Query(Request);

impl Query {
    /// A `GET`.
    ///
    /// # Errors
    ///
    /// Refuses an empty id.
    pub(crate) fn new(segments: &[&str]) -> Result<Self, Error> {
        Request::new(Method::GET, segments).map(Self)
    }

    /// Asks for these properties only.
    pub(crate) fn select(self, properties: &[&str]) -> Self {
        self.option("$select", &properties.join(","))
    }

    /// Asks for the objects of which this is true.
    pub(crate) fn filter(self, condition: &str) -> Self {
        self.option("$filter", condition)
    }

    /// Asks for pages of this many.
    pub(crate) fn page_size(self, objects: usize) -> Self {
        self.option("$top", &objects.to_string())
    }

    pub(crate) fn into_request(self) -> Request {
        self.0
    }

    /// Adds one query option.
    pub(crate) fn option(mut self, name: &str, value: &str) -> Self {
        if let Target::Path(path) = &mut self.0.target {
            path::push_option(path, name, value);
        }
        self
    }
}

/// A write.
pub(crate) struct Write(Request);

impl Write {
    /// A write of any method but `GET`, which is a [`Query`].
    ///
    /// # Errors
    ///
    /// Refuses an empty id, and a `DELETE` that would delete the member instead of the membership.
    fn new(method: Method, segments: &[&str]) -> Result<Self, Error> {
        if method == Method::DELETE {
            refuse_to_delete_a_member(segments)?;
        }
        Request::new(method, segments).map(Self)
    }

    pub(crate) fn post(segments: &[&str]) -> Result<Self, Error> {
        Self::new(Method::POST, segments)
    }

    pub(crate) fn put(segments: &[&str]) -> Result<Self, Error> {
        Self::new(Method::PUT, segments)
    }

    pub(crate) fn patch(segments: &[&str]) -> Result<Self, Error> {
        Self::new(Method::PATCH, segments)
    }

    pub(crate) fn delete(segments: &[&str]) -> Result<Self, Error> {
        Self::new(Method::DELETE, segments)
    }

    /// Adds one query option.
    pub(crate) fn option(mut self, name: &str, value: &str) -> Self {
        if let Target::Path(path) = &mut self.0.target {
            path::push_option(path, name, value);
        }
        self
    }

    /// Sends this as a file's content.
    pub(crate) fn file(mut self, content: Bytes) -> Self {
        self.0.body = Some(content);
        self.0.is_file = true;
        self
    }

    /// Sends this as JSON.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let body =
            serde_json::to_vec(body).map_err(|_| Error::internal("a body cannot be written as JSON"))?;
        self.0.body = Some(body.into());
        Ok(self)
    }

    pub(crate) fn into_request(mut self, wants_answer: bool) -> Request {
        self.0.wants_answer = wants_answer;
        self.0
    }
}

/// Relations to objects that live on their own, in lower case.
const RELATIONS: [&str; 8] = [
    "members",
    "owners",
    "manager",
    "directreports",
    "registeredowners",
    "registeredusers",
    "sponsors",
    "memberof",
];

/// `DELETE /groups/{id}/members/{id}` without `/$ref` deletes the user, if the application may manage users
/// (Microsoft Graph documentation, "Remove member", caution of 2024). Members of teams are the exception:
/// there the thing below `members` is the membership.
fn refuse_to_delete_a_member(segments: &[&str]) -> Result<(), Error> {
    // A key can also stand in parentheses: `members('u')`.
    let name_of = |segment: &str| segment.split('(').next().unwrap_or_default().to_ascii_lowercase();
    let of_team = segments.first().is_some_and(|first| name_of(first) == "teams");
    let names_member = segments.iter().any(|segment| RELATIONS.contains(&name_of(segment).as_str()));
    if names_member && !of_team && segments.last() != Some(&"$ref") {
        return Err(Error::internal(
            "a DELETE below a relation to other objects (members, owners, manager, …) must end in /$ref",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleting_a_member_where_the_membership_was_meant_is_refused() {
        let refused: [&[&str]; 8] = [
            &["groups", "g", "members('u')"],
            &["devices", "d", "registeredOwners", "u"],
            &["groups", "g", "members", "u", "$REF"],
            &["groups", "g", "members", "u"],
            &["groups", "g", "Members", "u"],
            &["groups", "g", "owners", "u"],
            &["users", "u", "manager"],
            &["directoryRoles", "r", "members", "u", "microsoft.graph.user"],
        ];
        for segments in refused {
            let Err(error) = Write::delete(segments) else { panic!("{segments:?} was accepted") };
            assert!(error.to_string().contains("/$ref"), "{error}");
        }
        let accepted: [&[&str]; 4] = [
            &["groups", "g", "members", "u", "$ref"],
            &["users", "u", "manager", "$ref"],
            &["teams", "t", "members", "m"],
            &["users", "u"],
        ];
        for segments in accepted {
            assert!(Write::delete(segments).is_ok(), "{segments:?}");
        }
        assert!(Query::new(&["users", "u", "manager"]).is_ok());
    }

    #[test]
    fn options_follow_the_path() {
        let query = Query::new(&["groups"]).unwrap();
        let query = query.filter("displayName eq 'R&D'").select(&["id", "displayName"]).page_size(999);
        let Target::Path(path) = query.into_request().target else { panic!("a path was expected") };
        assert_eq!(path, "/groups?$filter=displayName%20eq%20'R%26D'&$select=id,displayName&$top=999");
    }
}
