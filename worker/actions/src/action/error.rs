//! The errors of actions, and the one place where each becomes a failure of a class.

use std::time::Duration;

use outcome::{Class, Failure};
use workflow::Report;

/// When to look again for a new object that is not visible yet.
const VISIBLE_SOON: Duration = Duration::from_secs(2);

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Graph refused, or did not answer.
    #[error(transparent)]
    Graph(#[from] msgraph::Error),
    /// The publisher has to change the request. The engine holds an operator responsible instead if the event is not
    /// at fault, or if the run has written something.
    #[error("{detail}")]
    Rejected {
        /// The parameters at fault.
        parameters: &'static [&'static str],
        /// Stable, `snake_case`.
        code: &'static str,
        /// What is wrong and how to fix it.
        detail: String,
    },
    /// An operator or administrator has to act first.
    #[error("{detail}")]
    Blocked {
        /// Stable, `snake_case`.
        code: &'static str,
        /// What is missing and how to fix it.
        detail: String,
    },
    /// Graph does not show yet what this run has created; a retry helps.
    #[error("an account that this run created is not visible yet")]
    NotYetVisible,
    /// The tenant changed between the look and the write; another look helps.
    #[error("the tenant changed between the look and the write: {0}")]
    StalePlan(&'static str),
    /// Graph's answer, explained in our words.
    #[error("{words}")]
    Explained {
        /// The class, the code and the explanation.
        words: Box<Self>,
        /// Graph's answer, which names the request.
        #[source]
        answer: msgraph::Error,
    },
    /// Graph refused a write that depends on another one a moment ago. A retry helps if the service did not know that
    /// other write yet.
    #[error("{0}; Microsoft may not know the write before it everywhere yet")]
    Unsettled(Box<Self>),
    /// One of the objects of a change was refused.
    #[error("{object}: {error}")]
    OfObject {
        /// Its kind and name.
        object: String,
        /// Why.
        error: Box<Self>,
    },
    /// Several objects were refused, each by itself.
    #[error("{first}{}", also(.others))]
    Several {
        /// The one that gives the failure its class and code.
        first: Box<Self>,
        /// The messages of the others.
        others: Vec<String>,
        /// The refusals of all of them that may stay.
        refusals: Vec<String>,
    },
    /// A bug of the worker.
    #[error("{0}")]
    Broken(&'static str),
}

/// How many of several refused objects are named.
const NAMED: usize = 10;

fn also(others: &[String]) -> String {
    let mut text = others.iter().take(NAMED).fold(String::new(), |text, other| text + "; also: " + other);
    if others.len() > NAMED {
        text.push_str(&format!("; and {} more", others.len() - NAMED));
    }
    text
}

impl Error {
    /// Shorthand for [`Error::Rejected`].
    pub fn rejected(
        parameters: &'static [&'static str],
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self::Rejected { parameters, code, detail: detail.into() }
    }

    /// This error, about other parameters if it is a rejection.
    pub fn about(self, parameters: &'static [&'static str]) -> Self {
        match self {
            Self::Rejected { code, detail, .. } => Self::Rejected { parameters, code, detail },
            other => other,
        }
    }

    /// The report of a step one of whose writes failed. It is never a rejection: the event's part was checked before.
    pub fn of_write(self) -> Report {
        let refusals = self.refusals();
        let failure = Failure::from(self);
        let failure = if failure.class == Class::Rejected { failure.blocked() } else { failure };
        Report { refusals, may_have_written: true, ..failure.into() }
    }

    /// Shorthand for [`Error::Blocked`].
    pub fn blocked(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Blocked { code, detail: detail.into() }
    }

    /// This error, of one object among those that a change names.
    pub fn of_object(self, object: String) -> Self {
        Self::OfObject { object, error: Box::new(self) }
    }

    /// Whether a retry alone may help.
    pub fn is_retry(&self) -> bool {
        self.class() == Class::Retry
    }

    fn class(&self) -> Class {
        match self {
            Self::Graph(error) => of_graph(error).class,
            Self::Rejected { .. } => Class::Rejected,
            Self::Blocked { .. } => Class::Blocked,
            Self::NotYetVisible | Self::StalePlan(_) | Self::Unsettled(_) => Class::Retry,
            Self::Explained { words, .. } => words.class(),
            Self::OfObject { error, .. } | Self::Several { first: error, .. } => error.class(),
            Self::Broken(_) => Class::Fault,
        }
    }

    /// Whether Graph refused this object alone: the service works, and may accept another object.
    pub fn is_of_one_object(&self) -> bool {
        match self {
            Self::Graph(error) | Self::Explained { answer: error, .. } => {
                let by_itself = matches!(error.status(), Some(400 | 403..=407 | 409..=411 | 413..=428));
                error.is_locked() || error.is_without_list() || by_itself && !error.is_throttled()
            }
            Self::OfObject { error, .. } | Self::Several { first: error, .. } | Self::Unsettled(error) => {
                error.is_of_one_object()
            }
            _ => false,
        }
    }

    /// This error, of a write that depends on another one a moment ago. It is tried again whatever the status: if the
    /// next look finds the write missing, it is then the first of its sequence.
    pub fn after_another_write(self) -> Self {
        if self.is_of_one_object() && !self.is_retry() { Self::Unsettled(Box::new(self)) } else { self }
    }

    /// The errors of several objects as one. What a person has to fix comes before what a retry may fix.
    ///
    /// # Errors
    ///
    /// If there is any.
    pub fn all(errors: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        let mut errors: Vec<_> = errors.into_iter().collect();
        errors.sort_by_key(Self::is_retry);
        let refusals = errors.iter().flat_map(Self::refusals).collect();
        let mut errors = errors.into_iter();
        let Some(first) = errors.next() else { return Ok(()) };
        let others: Vec<_> =
            errors.map(|other| other.to_string()).filter(|it| *it != first.to_string()).collect();
        Err(if others.is_empty() {
            first
        } else {
            Self::Several { first: Box::new(first), others, refusals }
        })
    }

    /// What Graph refused, if it may refuse it again however often it is asked. Nobody knows of an unknown 404, 409 or
    /// 410 whether time helps: only further attempts tell.
    fn refusals(&self) -> Vec<String> {
        let may_stay = |error: &&msgraph::Error| {
            let is_unknown = matches!(error.status(), Some(404 | 409 | 410)) && !error.is_transient();
            error.is_without_list() || is_unknown && !error.is_throttled()
        };
        match self {
            Self::Graph(error) | Self::Explained { answer: error, .. } => {
                Some(error).filter(may_stay).and_then(msgraph::Error::refusal).into_iter().collect()
            }
            Self::Unsettled(error) => match &**error {
                Self::Graph(error) | Self::Explained { answer: error, .. } => {
                    error.refusal().into_iter().collect()
                }
                other => other.refusals(),
            },
            Self::OfObject { error, .. } => error.refusals(),
            Self::Several { refusals, .. } => refusals.clone(),
            _ => Vec::new(),
        }
    }

    /// Keeps the answer that this error explains, so that results and dead letters name the request.
    pub fn explains(self, answer: msgraph::Error) -> Self {
        Self::Explained { words: Box::new(self), answer }
    }

    /// Turns Graph's "forbidden" into a blocked step that names the missing permission.
    pub fn or_missing(self, code: &'static str, detail: impl FnOnce() -> String) -> Self {
        match self {
            // No permission helps if a service was not bought or a policy forbids the request.
            Self::Graph(error)
                if error.is_forbidden() && !error.is_not_bought() && !error.is_against_policy() =>
            {
                Self::blocked(code, format!("{}; {error}", detail())).explains(error)
            }
            other => other,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (class, message) = (error.class(), error.to_string());
        match error {
            Error::Graph(error) => of_graph(&error),
            Error::Rejected { code, parameters, .. } => {
                Self { parameters, ..Self::new(class, code, message) }
            }
            Error::Blocked { code, .. } => Self::new(class, code, message),
            Error::NotYetVisible => {
                let failure = Self::new(class, "not_yet_visible", message);
                Self { retry_after: Some(VISIBLE_SOON), ..failure }
            }
            Error::StalePlan(_) => Self::new(class, "stale_plan", message),
            Error::Unsettled(error) => Self { class, message, parameters: &[], ..Self::from(*error) },
            Error::Explained { words, answer } => {
                let words = Self::from(*words);
                let request = answer.to_string();
                // The answer names the request with its ids, and not every explanation quotes it.
                let message = match words.message.contains(&request) {
                    true => words.message,
                    false => format!("{} ({request})", words.message),
                };
                Self {
                    message,
                    request_id: answer.request_id().map(ToOwned::to_owned),
                    http_status: answer.status(),
                    ..words
                }
            }
            Error::OfObject { error, .. } | Error::Several { first: error, .. } => {
                Self { message, ..Self::from(*error) }
            }
            Error::Broken(_) => Self::new(class, "internal", message),
        }
    }
}

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        Self { refusals: error.refusals(), ..Failure::from(error).into() }
    }
}

/// The code of a failure because there is no token.
pub const CREDENTIALS_REFUSED: &str = "credentials_refused";

/// Every error of the Graph client, by who has to act next.
fn of_graph(error: &msgraph::Error) -> Failure {
    // The more specific comes first: a full drive is a 507 before it is an outage.
    let particular = [
        (error.is_throttled(), Class::Retry, "graph_throttled"),
        // The next observation shows whether the write arrived.
        (error.is_ambiguous(), Class::Retry, "graph_outcome_unknown"),
        (error.is_read_only(), Class::Blocked, "access_read_only"),
        // The run stops, and claims its person again.
        (error.is_fenced(), Class::Retry, "run_stopped"),
        (error.is_not_unique(), Class::Rejected, "ambiguous_user"),
        // The tenant is paused. When it has a credential again, the run resumes where it stopped.
        (error.is_shut_out(), Class::Retry, CREDENTIALS_REFUSED),
        (error.is_credentials(), Class::Blocked, CREDENTIALS_REFUSED),
        (error.is_unauthorized(), Class::Blocked, "graph_unauthorized"),
        (error.is_not_bought(), Class::Blocked, "service_not_bought"),
        (error.is_against_policy(), Class::Blocked, "policy_forbids"),
        (error.is_limit_reached(), Class::Blocked, "limit_reached"),
        (error.is_mailbox_missing(), Class::Blocked, "mailbox_missing"),
        (error.is_drive_missing(), Class::Blocked, "drive_missing"),
        (error.is_seat_missing(), Class::Blocked, "no_seat"),
        (error.is_license_conflict(), Class::Blocked, "license_conflict"),
        (error.is_synced(), Class::Blocked, SYNCED),
        (error.is_unprepared(), Class::Blocked, "not_prepared"),
        (error.is_password_refused(), Class::Blocked, "password_refused"),
        (error.is_forbidden(), Class::Blocked, "permission_missing"),
        (error.is_locked(), Class::Retry, "object_locked"),
        (error.is_resync_required(), Class::Retry, "resync_required"),
        (error.is_listing_expired(), Class::Retry, "listing_expired"),
        // The next look finds it done, or finds another way.
        (error.is_already_exists() || error.is_license_stale(), Class::Retry, "stale_plan"),
        (error.is_conflict(), Class::Retry, "stale_plan"),
        (error.is_transient(), Class::Retry, "graph_unavailable"),
        // It was there a moment ago and is gone: the next look decides.
        (error.is_not_found(), Class::Retry, "object_disappeared"),
        (error.is_already_gone(), Class::Retry, "stale_plan"),
        // A part of a batch that did not run because another part failed.
        (error.status() == Some(424), Class::Retry, "stale_plan"),
        // An outage of the service behind, or one object that Graph cannot show: the next look tells.
        (error.is_without_list(), Class::Retry, "list_missing"),
        (error.is_malformed(), Class::Fault, "graph_unexpected"),
        // Unknown words about one object of the tenant: the error names it, and an operator has to look.
        (error.status() == Some(400), Class::Blocked, "graph_refused"),
    ];
    let found = particular.into_iter().find(|(is_it, ..)| *is_it);
    let (class, code) = found.map_or((Class::Fault, "graph_unexpected"), |(_, class, code)| (class, code));
    let message = match code {
        SYNCED => format!(
            "the object is, or was, mastered on premises: change it there, or make it an object of the cloud first \
             ({error})"
        ),
        _ => error.to_string(),
    };
    Failure {
        retry_after: error.retry_after(),
        request_id: error.request_id().map(ToOwned::to_owned),
        http_status: error.status(),
        // Only people are found by what may not be unique.
        parameters: if class == Class::Rejected { &["user"] } else { &[] },
        ..Failure::new(class, code, message)
    }
}

/// The code of a failure because an object is mastered elsewhere.
const SYNCED: &str = "synced_object";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_class() {
        let rows = [
            (Error::rejected(&["groups"], "dynamic_group", "d"), Class::Rejected, "dynamic_group"),
            (Error::blocked("no_seat", "d"), Class::Blocked, "no_seat"),
            (Error::NotYetVisible, Class::Retry, "not_yet_visible"),
            (Error::StalePlan("it exists"), Class::Retry, "stale_plan"),
            (Error::Broken("x"), Class::Fault, "internal"),
        ];
        for (error, class, code) in rows {
            let failure = Failure::from(error);
            assert_eq!((failure.class, failure.code.as_str()), (class, code));
        }
    }

    #[test]
    fn of_several_errors_the_one_to_fix_decides_and_the_others_are_named() {
        let blocked = |what: &str| Error::blocked("no_seat", what);
        assert!(Error::all([]).is_ok());
        assert_eq!(Error::all([blocked("a")]).unwrap_err().to_string(), "a");
        assert_eq!(Error::all([blocked("a"), blocked("a")]).unwrap_err().to_string(), "a");
        let three = Error::all([Error::StalePlan("late"), blocked("a"), blocked("b")]).unwrap_err();
        let failure = Failure::from(three);
        assert_eq!((failure.class, failure.code.as_str()), (Class::Blocked, "no_seat"));
        let late = "the tenant changed between the look and the write: late";
        assert_eq!(failure.message, format!("a; also: b; also: {late}"));
        let many = Error::all((0..30).map(|number| blocked(&number.to_string()))).unwrap_err().to_string();
        assert!(many.starts_with("0; also: 1; ") && many.ends_with("; also: 10; and 19 more"), "{many}");
    }

    #[tokio::test]
    async fn two_people_with_one_employee_id_are_rejected() {
        use msgraph_emulator::{Emulator, Options, Tenant, User};
        let person = |upn: &str, name: &str| User::new(upn, name).with("employeeId", "1815");
        let tenant = Tenant::empty()
            .user(person("ada@contoso.example", "Ada Lovelace"))
            .user(person("grace@contoso.example", "Grace Hopper"));
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        let client = crate::conformance::client::client(&emulator);
        let key = msgraph::UserKey::EmployeeId("1815".into());
        let error = client.reader().user(&key, &["id"]).await.unwrap_err();
        let failure = Failure::from(Error::from(error));
        assert_eq!((failure.class, failure.code.as_str()), (Class::Rejected, "ambiguous_user"));
        assert!(failure.message.contains("use the object id"), "{failure}");
    }
}
