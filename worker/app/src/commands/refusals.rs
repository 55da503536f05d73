//! What would keep the run of an event from beginning, for its plan: the plan itself is made all the same.

use std::time::Duration;

use jiff::Timestamp;
use ledger::BrakeLimit;
use messages::{Event, PlanRefusal, Undecodable};

use crate::print;
use crate::runs::brake::{Brakes, refusal};
use crate::settings::Config;
use crate::settings::ledger::Directory;
use crate::tenants::Tenants;

use super::CommandError;

/// How long to wait for the ledger: a plan is of use without the brake.
const READS: Duration = Duration::from_secs(10);

/// What the settings, the tenant's credential and the brake say, beside what the plan has found.
pub(super) async fn of(
    event: &Event,
    planned: Vec<PlanRefusal>,
    config: &Config,
    tenants: &Tenants,
) -> Result<Vec<PlanRefusal>, CommandError> {
    let mut found = Vec::new();
    if let Some(why) = config.publishers()?.refusal_of_all(event, Timestamp::now()) {
        let refused = Undecodable::not_admitted(event, why);
        found.push(PlanRefusal::new(refused.code(), refused.to_string()));
    }
    if let Ok((name, client)) = tenants.find(event.tenant.as_deref())
        && let Some(error) = client.sign_in().await.err().filter(msgraph::Error::is_shut_out)
    {
        let why = error.reason();
        found.push(PlanRefusal::new("tenant_paused", format!("the tenant {name} is paused: {why}")));
    }
    found.extend(planned);
    found.extend(brake(event, config, tenants).await?);
    Ok(found)
}

/// Shows them.
pub(super) fn show(refusals: &[PlanRefusal]) -> Result<(), CommandError> {
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
async fn brake(
    event: &Event,
    config: &Config,
    tenants: &Tenants,
) -> Result<Option<PlanRefusal>, CommandError> {
    let (brakes, directories) = (Brakes::new(config.brakes(), tenants), config.directories()?);
    let settings = config.broker()?;
    let state = async |tenant: &str, limit: BrakeLimit| {
        let client = broker::Client::connect(&settings).await.map_err(|error| error.to_string())?;
        client.close().await;
        let ledger = super::ledger::read_within(config, READS).await.map_err(|error| error.to_string())?;
        let keys = directories.get(tenant).map(Directory::tenant).unwrap_or_default();
        Ok(ledger.book().ledger().brake_of(&keys, Timestamp::now(), limit.window))
    };
    Ok(refusal(&brakes, event, state).await)
}
