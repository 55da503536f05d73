//! The pace of an answer's body: at once, dripping, or cut off.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How often a dripping body sends a piece.
const DRIP: Duration = Duration::from_millis(50);

/// How a body is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    /// All of it at once.
    #[default]
    Whole,
    /// So many bytes a second.
    Drip(u64),
    /// So many bytes, then the connection is reset.
    Cut(u64),
}

/// The body of an answer. Its length is announced, whether or not all of it is sent.
#[derive(Debug)]
pub(crate) struct Paced {
    rest: Bytes,
    pace: Pace,
    wait: Option<Pin<Box<Sleep>>>,
}

/// The body ends here on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off on purpose")]
pub(crate) struct CutOff;

impl Paced {
    pub(crate) fn new(body: Bytes, pace: Pace) -> Self {
        Self { rest: body, pace, wait: None }
    }

    fn take(&mut self, most: u64) -> Bytes {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.rest.len());
        self.rest.split_to(most)
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        if let Some(wait) = &mut self.wait {
            std::task::ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        let piece = match self.pace {
            Pace::Cut(0) => return Poll::Ready(Some(Err(CutOff))),
            _ if !self.rest.has_remaining() => return Poll::Ready(None),
            Pace::Whole => self.take(u64::MAX),
            Pace::Drip(rate) => {
                self.wait = Some(Box::pin(sleep(DRIP)));
                let pieces = u64::try_from(1_000 / DRIP.as_millis()).unwrap_or(1);
                self.take((rate / pieces).max(1))
            }
            Pace::Cut(bytes) => {
                // The bytes sent so far must leave before the connection breaks.
                self.wait = Some(Box::pin(sleep(DRIP)));
                self.pace = Pace::Cut(0);
                self.take(bytes)
            }
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !matches!(self.pace, Pace::Cut(_))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
