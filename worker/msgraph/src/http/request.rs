//! A request as a value: a resource's file builds it, the client sends it and retries it.

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;

use crate::error::Error;
use crate::http::links::LinkWatch;
use crate::http::path;
use crate::observer::Service;

/// A larger body is not sent in a batch. Graph refuses a batch of more than about four megabytes.
const BATCHED_BODY_BYTES: usize = 128 * 1024;

/// A request to Graph. It has no `Debug`: a path can hold a UPN and a body a password.
#[derive(Clone)]
pub(crate) struct Request {
    pub method: Method,
    pub target: Target,
    pub body: Option<Bytes>,
    /// Whether the body is a file's content instead of JSON.
    pub is_file: bool,
    /// Whether it may change the tenant. Not every `POST` does.
    pub is_write: bool,
    /// The service behind it, whose lane it takes.
    pub service: Service,
    /// Whether the caller needs the body of a success.
    pub wants_answer: bool,
    /// Whether it never shares a batch with others.
    pub goes_alone: bool,
    /// Whether the answer may come from the directory's index, which lags behind the directory and can count.
    pub is_counting: bool,
    /// Who wants to know the link to the next page while the page still arrives.
    pub watch: Option<LinkWatch>,
}

/// Where a request goes.
#[derive(Clone)]
pub(crate) enum Target {
    /// An encoded path below `/v1.0`, with its query.
    Path(String),
    /// A link to a next page, followed as Graph wrote it.
    Link(String),
    /// The administration of Exchange, with a cmdlet in the body.
    ExchangeAdmin,
}

impl Request {
    fn new(method: Method, segments: &[&str]) -> Result<Self, Error> {
        let target = Target::Path(path::join(segments)?);
        let service = Service::behind(segments);
        let is_write = method != Method::GET;
        Ok(Self { is_write, service, ..Self::to(method, target) })
    }

    fn to(method: Method, target: Target) -> Self {
        Self {
            method,
            target,
            body: None,
            is_file: false,
            is_write: false,
            service: Service::Directory,
            wants_answer: true,
            goes_alone: false,
            is_counting: false,
            watch: None,
        }
    }

    /// A cmdlet for the administration of Exchange.
    pub(crate) fn command(body: Bytes, is_write: bool) -> Self {
        Self {
            body: Some(body),
            is_write,
            service: Service::ExchangeAdmin,
            wants_answer: !is_write,
            ..Self::to(Method::POST, Target::ExchangeAdmin)
        }
    }

    /// The next page of a listing that this request began.
    pub(crate) fn link(&self, link: String) -> Self {
        Self {
            service: self.service,
            goes_alone: self.goes_alone,
            // A link does not carry the header (Microsoft Graph documentation, "Advanced query capabilities", 2026).
            is_counting: self.is_counting,
            ..Self::to(Method::GET, Target::Link(link))
        }
    }

    /// Whether a batch can carry it. Reports answer with a redirect, which a batch does not follow; a large body would
    /// make a batch too large.
    pub(crate) fn may_travel_in_batch(&self) -> bool {
        !matches!(self.service, Service::Reports | Service::ExchangeAdmin)
            && !self.is_file
            && !self.goes_alone
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

    /// Selects these properties.
    pub(crate) fn select(self, properties: &[&str]) -> Self {
        self.option("$select", &properties.join(","))
    }

    /// Selects the objects that meet this condition.
    pub(crate) fn filter(self, condition: &str) -> Self {
        self.option("$filter", condition)
    }

    /// Sets the page size.
    pub(crate) fn page_size(self, objects: usize) -> Self {
        self.option("$top", &objects.to_string())
    }

    /// Sends it as a request of its own, and never in a batch.
    pub(crate) fn alone(mut self) -> Self {
        self.0.goes_alone = true;
        self
    }

    /// Lets the directory's index answer, which can count.
    pub(crate) fn counting(mut self) -> Self {
        self.0.is_counting = true;
        self
    }

    /// Counts it in the limits of this service.
    pub(crate) fn counted_as(mut self, service: Service) -> Self {
        self.0.service = service;
        self
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
    /// A write of any method except `GET`, which is a [`Query`].
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

    /// Sets a file's content as the body.
    pub(crate) fn file(mut self, content: Bytes) -> Self {
        self.0.body = Some(content);
        self.0.is_file = true;
        self
    }

    /// Sets the body as JSON.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body)
            .map_err(|_| Error::internal("the request's body cannot be serialized as JSON"))?;
        self.0.body = Some(body.into());
        Ok(self)
    }

    pub(crate) fn into_request(mut self, wants_answer: bool) -> Request {
        self.0.wants_answer = wants_answer;
        self.0
    }
}

/// A reference to another object, as a body has it.
#[derive(Serialize)]
pub(crate) struct Reference {
    #[serde(rename = "@odata.id")]
    id: String,
}

impl Reference {
    /// To the object at this address.
    pub(crate) fn to(address: String) -> Self {
        Self { id: address }
    }
}

/// Relations to objects that exist on their own, in lower case.
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
/// (Microsoft Graph documentation, "Remove member", caution of 2024). Teams are the exception: there the object
/// below `members` is the membership.
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
