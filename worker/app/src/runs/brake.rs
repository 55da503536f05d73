//! The brake: how many leavers of a tenant may begin before the next ones wait for an operator.
//!
//! The ledger counts, for all workers alike. Here is what a claim says to it: the limit and the window.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::{BrakeLimit, BrakeState};
use messages::{Event, EventKind, PlanRefusal};
use msgraph::Client;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use workflow::Delay;

use crate::settings::brake::{self, Limit};
use crate::tenants::Tenants;

/// The limit of a small tenant, and of one whose people cannot be counted.
const LEAST: u64 = 20;
/// The limit of a large tenant is one in so many of its people: 2 %.
const ONE_IN: u64 = 50;
/// How long the number of people is taken for right.
const FRESH: Duration = Duration::from_secs(6 * 3_600);
/// The wait before they are counted again after that failed.
const AGAIN: Duration = Duration::from_secs(60);
/// How long a lock-out may wait for that number.
const PATIENCE: Duration = Duration::from_secs(5);

/// The brakes of all tenants, by their names.
#[derive(Default)]
pub struct Brakes(BTreeMap<String, Brake>);

/// The brake of one tenant.
pub struct Brake {
    settings: brake::Brake,
    graph: Client,
    members: Mutex<Members>,
}

/// How many people the tenant has, as far as that is known, and until when.
#[derive(Default)]
struct Members {
    count: Option<u64>,
    until: Option<Instant>,
}

impl Brakes {
    /// By these settings.
    pub fn new(mut settings: BTreeMap<String, brake::Brake>, tenants: &Tenants) -> Self {
        let brake = |(name, graph): (&str, &Client)| {
            let settings = settings.remove(name).unwrap_or_default();
            (name.to_owned(), Brake { settings, graph: graph.clone(), members: Mutex::default() })
        };
        Self(tenants.iter().map(brake).collect())
    }

    /// The brake of this tenant, or of the only one, with its name.
    pub fn of(&self, tenant: Option<&str>) -> Option<(&str, &Brake)> {
        let found = match tenant {
            Some(name) => self.0.get_key_value(name),
            None => self.0.first_key_value(),
        };
        found.map(|(name, brake)| (name.as_str(), brake))
    }

    /// What the claims of an event's run say. Nothing if nobody leaves by it.
    pub async fn limit(&self, event: &Event) -> Option<BrakeLimit> {
        match self.of(event.tenant.as_deref()) {
            Some((_, brake)) if event.kind == EventKind::Offboarding => brake.limit().await,
            _ => None,
        }
    }

    /// All brakes, ordered by the names of their tenants.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Brake)> {
        self.0.iter().map(|(name, brake)| (name.as_str(), brake))
    }
}

impl Brake {
    /// How many leavers may begin within which time. Nothing if the settings have switched it off.
    pub async fn limit(&self) -> Option<BrakeLimit> {
        let limit = match self.settings.limit() {
            Limit::Off => return None,
            Limit::Of(number) => number,
            Limit::Auto => of_members(self.members().await),
        };
        let window = u32::try_from(self.settings.window().as_secs()).unwrap_or(u32::MAX);
        Some(BrakeLimit { limit, window })
    }

    /// What the settings say.
    pub fn settings(&self) -> &brake::Brake {
        &self.settings
    }

    /// How many people the limit follows from; nothing if it does not, or if they cannot be counted. They are counted by
    /// the first who asks, and seldom again: it costs a request.
    pub async fn members(&self) -> Option<u64> {
        if self.settings.limit() != Limit::Auto {
            return None;
        }
        let mut members = self.members.lock().await;
        if members.until.is_some_and(|until| Instant::now() < until) {
            return members.count;
        }
        let counted = timeout(PATIENCE, self.graph.reader().enabled_member_count()).await;
        let holds = match counted {
            Ok(Ok(count)) => {
                members.count = Some(count);
                FRESH
            }
            // The number from before is better than none.
            Ok(Err(error)) => {
                tracing::warn!(%error, "the people of the tenant cannot be counted for the limit of the brake");
                AGAIN
            }
            Err(_) => AGAIN,
        };
        members.until = Some(Instant::now() + holds);
        members.count
    }

    /// How long a run that has been held for so long waits before it asks again: twice as long each time, within bounds.
    pub fn again_after(&self, held_for: Duration) -> Duration {
        let (first, most) = self.settings.delays();
        held_for.clamp(first, most)
    }
}

/// Why the brake would hold the run of an event that is planned: what the ledger says, or why nobody knows that.
pub async fn refusal(
    brakes: &Brakes,
    event: &Event,
    state: impl AsyncFnOnce(&str, BrakeLimit) -> Result<BrakeState, String>,
) -> Option<PlanRefusal> {
    let limit = brakes.limit(event).await?;
    let (tenant, _) = brakes.of(event.tenant.as_deref())?;
    let BrakeState { admitted, allowance, off_until } = match state(tenant, limit).await {
        Ok(state) => state,
        Err(why) => {
            let why = format!("nobody knows here whether the brake holds leavers: {why}");
            return Some(PlanRefusal::new("brake_unknown", why));
        }
    };
    let is_on = off_until.is_none() && allowance == 0;
    let holds = is_on && u32::try_from(admitted).unwrap_or(u32::MAX) >= limit.limit;
    holds.then(|| {
        let (within, limit) = (words(limit.window), limit.limit);
        let why = format!(
            "the brake holds leavers: {admitted} people have begun to leave within {within}, and the limit is {limit}; \
             see `gatehouse brake show`"
        );
        PlanRefusal::new("brake", why)
    })
}

/// So many seconds, in the largest unit that is exact.
pub fn words(seconds: u32) -> String {
    let text = format!("{seconds}s");
    text.parse::<Delay>().map_or(text, |delay| delay.to_string())
}

/// The limit of a tenant with so many people.
fn of_members(members: Option<u64>) -> u32 {
    let share = members.unwrap_or_default() / ONE_IN;
    u32::try_from(share.max(LEAST)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::nowhere;

    fn brake(settings: serde_json::Value) -> Brake {
        let settings = serde_json::from_value(settings).unwrap();
        Brake { settings, graph: nowhere(), members: Mutex::default() }
    }

    #[test]
    fn the_limit_is_a_fiftieth_of_the_people_and_at_least_twenty() {
        let rows = [(None, 20), (Some(0), 20), (Some(1_000), 20), (Some(1_050), 21), (Some(100_000), 2_000)];
        for (members, limit) in rows {
            assert_eq!(of_members(members), limit, "{members:?}");
        }
    }

    #[tokio::test]
    async fn a_limit_in_writing_asks_nobody_and_a_tenant_that_cannot_be_counted_has_the_least() {
        let limit = async |settings| brake(settings).limit().await.map(|it| (it.limit, it.window));
        assert_eq!(limit(serde_json::json!({ "limit": 0, "window": "1h" })).await, Some((0, 3_600)));
        assert_eq!(limit(serde_json::json!({ "limit": "off" })).await, None);
        assert_eq!(limit(serde_json::json!({})).await, Some((20, 86_400)));
    }

    #[test]
    fn who_is_held_asks_again_less_and_less_often() {
        let brake = brake(serde_json::json!({}));
        for (held_for, after) in [(0, 60), (59, 60), (120, 120), (400, 400), (100_000, 900)] {
            assert_eq!(brake.again_after(Duration::from_secs(held_for)).as_secs(), after);
        }
    }
}
