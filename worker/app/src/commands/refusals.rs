//! What would keep the run of an event from beginning, for its plan: the plan itself is made all the same.

use std::time::Duration;

use jiff::Timestamp;
use messages::{Event, Undecodable};
use msgraph::Access;
use serde::Serialize;

use crate::print;
use crate::runs::attempt::Failed;
use crate::runs::brake::{Brakes, words};
use crate::settings::Config;
use crate::settings::ledger::Directory;
use crate::tenants::Tenants;

use super::CommandError;

/// How long to wait for the ledger: a plan is of use without the brake.
const READS: Duration = Duration::from_secs(10);

/// One reason why the event would be refused, or would have to wait.
#[derive(Serialize)]
pub(super) struct Refusal {
    code: String,
    message: String,
}

impl Refusal {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// What the settings, the tenant's credential and the brake say; `failed` is what the plan has found.
pub(super) async fn of(
    event: &Event,
    failed: Option<Failed>,
    config: &Config,
    tenants: &Tenants,
) -> Result<Vec<Refusal>, CommandError> {
    let mut found = Vec::new();
    if let Some(why) = config.publishers()?.refusal_of_all(event, Timestamp::now()) {
        let refused = Undecodable::not_admitted(event, why);
        found.push(Refusal::new(refused.code(), refused.to_string()));
    }
    if let Ok((name, client)) = tenants.find(event.tenant.as_deref()) {
        if let Some(error) = client.sign_in().await.err().filter(msgraph::Error::is_shut_out) {
            let why = error.reason();
            found.push(Refusal::new("tenant_paused", format!("the tenant {name} is paused: {why}")));
        }
        if client.access() == Access::Read {
            let why = format!("the setting tenants.{name}.access is `read`, so nothing is written there");
            found.push(Refusal::new("read_only", why));
        }
    }
    found.extend(failed.map(|failed| Refusal { code: failed.failure.code, message: failed.failure.message }));
    found.extend(brake(event, config, tenants).await?);
    Ok(found)
}

/// Shows them.
pub(super) fn show(refusals: &[Refusal]) -> Result<(), CommandError> {
    for refusal in refusals {
        let word = match refusal.code.as_str() {
            "brake" => "would wait",
            "brake_unknown" => "may have to wait",
            _ => "would be refused",
        };
        print::lines(&format!("Apply {word} ({}):", refusal.code))?;
        print::indented(&refusal.message)?;
    }
    Ok(())
}

/// Whether the brake would hold the run of an event, or that nobody knows.
async fn brake(event: &Event, config: &Config, tenants: &Tenants) -> Result<Option<Refusal>, CommandError> {
    let brakes = Brakes::new(config.brakes(), tenants);
    let Some(limit) = brakes.limit(event).await else { return Ok(None) };
    let unknown = |why: String| {
        let why = format!("nobody knows here whether the brake holds leavers: {why}");
        Ok(Some(Refusal::new("brake_unknown", why)))
    };
    match broker::Client::connect(&config.broker()?).await {
        Ok(client) => client.close().await,
        Err(error) => return unknown(error.to_string()),
    }
    let ledger = match super::ledger::read_within(config, READS).await {
        Ok(ledger) => ledger,
        Err(error) => return unknown(error.to_string()),
    };
    let directories = config.directories()?;
    let tenant = brakes.of(event.tenant.as_deref()).and_then(|(name, _)| directories.get(name));
    let keys = tenant.map(Directory::tenant).unwrap_or_default();
    let state = ledger.book().ledger().brake_of(&keys, Timestamp::now(), limit.window);
    let is_on = state.off_until.is_none() && state.allowance == 0;
    let holds = is_on && u32::try_from(state.admitted).unwrap_or(u32::MAX) >= limit.limit;
    Ok(holds.then(|| {
        let why = format!(
            "the brake holds leavers: {} people have begun to leave within {}, and the limit is {}; see `gatehouse brake \
             show`",
            state.admitted,
            words(limit.window),
            limit.limit
        );
        Refusal::new("brake", why)
    }))
}
