//! The pace of an answer's body: at once, dripping, or cut off.

use std::fmt;
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

/// A body that is made piece by piece.
pub(crate) struct Feed(Box<dyn FnMut() -> Option<Bytes> + Send + Sync>);

impl Feed {
    pub(crate) fn new(piece: impl FnMut() -> Option<Bytes> + Send + Sync + 'static) -> Self {
        Self(Box::new(piece))
    }

    /// Half of the first piece, as if it were everything.
    pub(crate) fn truncated(mut self) -> Self {
        let mut is_over = false;
        Self::new(move || {
            let piece = if is_over { None } else { self.0() };
            is_over = true;
            piece.map(|piece| piece.slice(..piece.len() / 2))
        })
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

/// The body of an answer. Its length is announced, whether or not all of it is sent, unless a feed makes it.
#[derive(Debug)]
pub(crate) struct Paced {
    rest: Bytes,
    feed: Option<Feed>,
    pace: Pace,
    wait: Option<Pin<Box<Sleep>>>,
}

/// The body ends here on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off on purpose")]
pub(crate) struct CutOff;

impl Paced {
    pub(crate) fn new(body: Bytes, feed: Option<Feed>, pace: Pace) -> Self {
        Self { rest: body, feed, pace, wait: None }
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
        while !self.rest.has_remaining()
            && let Some(feed) = &mut self.feed
        {
            match feed.0() {
                Some(piece) => self.rest = piece,
                None => self.feed = None,
            }
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
                let piece = self.take(bytes);
                let left = bytes.saturating_sub(piece.len() as u64);
                let is_last = left == 0 || (self.feed.is_none() && self.rest.is_empty());
                // The bytes sent so far must leave before the connection breaks.
                self.wait = is_last.then(|| Box::pin(sleep(DRIP)));
                self.pace = Pace::Cut(if is_last { 0 } else { left });
                piece
            }
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.feed.is_none() && !matches!(self.pace, Pace::Cut(_))
    }

    fn size_hint(&self) -> SizeHint {
        match self.feed {
            Some(_) => SizeHint::default(),
            None => SizeHint::with_exact(self.rest.len() as u64),
        }
    }
}
