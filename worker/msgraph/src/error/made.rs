//! How errors are made.

use std::sync::Arc;
use std::time::Duration;

use super::answer::Answer;
use super::context::{Context, Peer};
use super::sign_in::SignInRefusal;
use super::{Error, Inner, Kind};

impl Error {
    fn of(kind: Kind, context: Option<&Context>) -> Self {
        Self(Arc::new(Inner {
            kind,
            peer: context.map_or(Peer::Graph, |context| context.peer),
            method: context.map(|context| context.method.clone()),
            address: context.map(|context| context.address.clone()).unwrap_or_default(),
            request_id: context.map(|context| context.request_id.clone()),
            answer: Answer::default(),
            source: None,
        }))
    }

    pub(crate) fn settings(text: impl Into<String>) -> Self {
        Self::of(Kind::Settings(text.into()), None)
    }

    pub(crate) fn credential(text: impl Into<String>) -> Self {
        Self::of(Kind::Credential(text.into()), None)
    }

    pub(crate) fn internal(what: &'static str) -> Self {
        Self::of(Kind::Internal(what), None)
    }

    pub(crate) fn read_only() -> Self {
        Self::of(Kind::ReadOnly, None)
    }

    /// Not sent: the fence did not let it through.
    pub(crate) fn fenced(context: &Context) -> Self {
        Self::of(Kind::Fenced, Some(context))
    }

    pub(crate) fn not_unique(what: &'static str) -> Self {
        Self::of(Kind::NotUnique(what), None)
    }

    pub(crate) fn foreign_link() -> Self {
        Self::of(Kind::ForeignLink, None)
    }

    pub(crate) fn unsafe_redirect() -> Self {
        Self::of(Kind::UnsafeRedirect, None)
    }

    /// Nothing arrived for too long.
    pub(crate) fn silence(context: &Context) -> Self {
        Self::of(Kind::Timeout, Some(context))
    }

    pub(crate) fn endless(pages: usize) -> Self {
        Self::of(Kind::Endless(pages), None)
    }

    /// The answer was lost.
    pub(crate) fn lost(context: &Context) -> Self {
        Self::of(Kind::Connection, Some(context))
    }

    /// Not sent, because an earlier request that it depends on failed.
    pub(crate) fn not_begun(context: &Context) -> Self {
        Self::refused(Answer { status: Some(424), ..Answer::default() }, context)
    }

    /// Not sent: it may be sent after this wait.
    pub(crate) fn parked(wait: Duration, context: &Context) -> Self {
        let answer = Answer { retry_after: Some(wait), ..Answer::default() };
        Self(Arc::new(Inner {
            kind: Kind::Parked,
            peer: context.peer,
            method: Some(context.method.clone()),
            address: context.address.clone(),
            request_id: None,
            answer,
            source: None,
        }))
    }

    /// The same failure for another request of the same batch.
    pub(crate) fn as_of(&self, context: &Context) -> Self {
        let Inner { kind, answer, .. } = &*self.0;
        Self(Arc::new(Inner {
            kind: kind.clone(),
            peer: context.peer,
            method: Some(context.method.clone()),
            address: context.address.clone(),
            request_id: Some(answer.request_id.clone().unwrap_or_else(|| context.request_id.clone())),
            answer: answer.clone(),
            source: None,
        }))
    }

    pub(crate) fn too_large(limit: usize, context: &Context) -> Self {
        Self::of(Kind::TooLarge(limit), Some(context))
    }

    pub(crate) fn decode(at: impl Into<String>, context: &Context) -> Self {
        Self::of(Kind::Decode(at.into()), Some(context))
    }

    pub(crate) fn without_list(context: &Context) -> Self {
        Self::of(Kind::WithoutList, Some(context))
    }

    pub(crate) fn refused(answer: Answer, context: &Context) -> Self {
        Self::answered(Kind::Refused, answer, context)
    }

    pub(crate) fn sign_in(refusal: SignInRefusal, answer: Answer, context: &Context) -> Self {
        Self::answered(Kind::SignIn(refusal), answer, context)
    }

    fn answered(kind: Kind, answer: Answer, context: &Context) -> Self {
        Self(Arc::new(Inner {
            kind,
            peer: context.peer,
            method: Some(context.method.clone()),
            address: context.address.clone(),
            request_id: Some(answer.request_id.clone().unwrap_or_else(|| context.request_id.clone())),
            answer,
            source: None,
        }))
    }

    /// Drops the request's address from the source, because it can hold a UPN.
    pub(crate) fn transport(source: reqwest::Error, context: &Context) -> Self {
        let kind = if source.is_builder() {
            Kind::Internal("a request could not be built")
        } else if source.is_connect() {
            Kind::Connect
        } else if source.is_timeout() {
            Kind::Timeout
        } else {
            Kind::Connection
        };
        Self(Arc::new(Inner {
            kind,
            peer: context.peer,
            method: Some(context.method.clone()),
            address: context.address.clone(),
            request_id: Some(context.request_id.clone()),
            answer: Answer::default(),
            source: Some(source.without_url()),
        }))
    }
}
