//! The ids of the requests a client has made, for which Microsoft's support asks, and of the account that it created.

use std::sync::{Arc, Mutex, PoisonError};

/// How many ids are kept. The oldest are dropped first, because support asks about the last requests.
const LIMIT: usize = 100;

/// Collects ids as the client that belongs to it is used. Clones share the ids.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    requests: Arc<Mutex<Vec<String>>>,
    created: Arc<Mutex<Option<String>>>,
}

impl RequestLog {
    /// Graph's ids of the last hundred requests, in the order of their answers.
    pub fn request_ids(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The object id of the account that was created last.
    pub fn created_user(&self) -> Option<String> {
        self.created.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note_created(&self, user_id: &str) {
        *self.created.lock().unwrap_or_else(PoisonError::into_inner) = Some(user_id.to_owned());
    }

    pub(crate) fn add(&self, request_id: &str) {
        let mut ids = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.len() >= LIMIT {
            ids.remove(0);
        }
        ids.push(request_id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_are_kept() {
        let log = RequestLog::default();
        (0..105).for_each(|number| log.add(&number.to_string()));
        let ids = log.request_ids();
        assert_eq!((ids.len(), ids[0].as_str(), ids[99].as_str()), (100, "5", "104"));
    }
}
