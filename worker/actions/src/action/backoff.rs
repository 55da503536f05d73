//! Waits for a listing that lags. Each wait is longer than the one before, so that there are few looks.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::plan::Wait;
use super::view::View;

/// The longest pause between two looks.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The note of a look that found nothing, for the next look.
#[derive(Deserialize, Serialize)]
struct LookedFor {
    looks: u32,
}

/// How many looks of this step have found nothing.
pub fn looks(graph: View<'_>) -> u32 {
    graph.notes().into_iter().map(|LookedFor { looks }| looks).max().unwrap_or(0)
}

/// The pause after this many looks.
pub fn pause(first: Duration, looks: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(looks)).min(LONGEST)
}

/// The wait after this many looks.
pub fn wait(first: Duration, looks: u32, at_most: Duration, reason: impl Into<String>) -> Wait {
    Wait {
        after: pause(first, looks),
        at_most,
        reason: reason.into(),
        notes: vec![json!(LookedFor { looks: looks.saturating_add(1) })],
        later: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_looks_is_some_hundred_requests() {
        let mut waited = Duration::ZERO;
        let mut looks = 0;
        while waited < Duration::from_secs(24 * 60 * 60) {
            waited += pause(Duration::from_secs(10), looks);
            looks += 1;
        }
        assert!((200..300).contains(&looks), "{looks}");
        assert_eq!(wait(Duration::from_secs(1), 99, LONGEST, "it").after, LONGEST);
    }
}
