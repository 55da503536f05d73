//! Syncs that come by themselves: who puts their tokens in place, and who replaces one that has fired.
//!
//! A worker offers a token when it starts and every few minutes after that, and the one that takes a fired token offers
//! the next before it reads anything. Each of these offers may be refused, because the queue of a schedule has room for
//! one token. So whichever worker dies at whichever moment, a token is in place again within minutes, and there are
//! never two: at most one sync is fired in each interval.

use std::time::Duration;

use broker::{Client, Outgoing, Properties, Schedule};
use jiff::Timestamp;
use messages::{Event, Incoming, SyncSchedule, SyncToken};
use serde_json::json;

use super::job::Job;
use crate::delivery::queues;
use crate::delivery::work::{Outlet, Unreported};
use crate::settings::sync::Scheduled;

/// Names the worker as the publisher of scheduled syncs.
const SOURCE: &str = "/gatehouse/schedule";

/// How often every token is offered again.
const OFFERS: Duration = Duration::from_secs(120);

/// The syncs that come by themselves.
#[derive(Clone, Debug, Default)]
pub struct Schedules(Vec<OfTenant>);

#[derive(Clone, Debug)]
struct OfTenant {
    tenant: String,
    scheduled: Scheduled,
}

impl Schedules {
    /// The schedules of tenants, by their names.
    pub fn new(scheduled: impl IntoIterator<Item = (String, Scheduled)>) -> Self {
        Self(scheduled.into_iter().map(|(tenant, scheduled)| OfTenant { tenant, scheduled }).collect())
    }

    /// The queues that the tokens wait in.
    pub fn queues(&self) -> Vec<Schedule> {
        self.0.iter().map(OfTenant::schedule).collect()
    }

    /// Puts every token in place, again and again. Ends only if there is no schedule.
    pub async fn keep_armed(self, settings: broker::Settings) {
        if self.0.is_empty() {
            return;
        }
        let mut offers = tokio::time::interval(OFFERS);
        loop {
            offers.tick().await;
            if let Err(error) = self.arm(&settings).await {
                tracing::error!(%error, "scheduled syncs could not be put in place; trying again");
            }
        }
    }

    async fn arm(&self, settings: &broker::Settings) -> Result<(), broker::Error> {
        let client = Client::connect(settings).await?;
        let armed = self.arm_with(&client).await;
        client.close().await;
        armed
    }

    async fn arm_with(&self, client: &Client) -> Result<(), broker::Error> {
        for of_tenant in &self.0 {
            client.keep_schedule(&of_tenant.schedule()).await?;
            let Some(token) = of_tenant.token() else { continue };
            // A refusal is normal: a token is in place.
            if client.publisher().offer(&token).await? {
                let OfTenant { tenant, scheduled: Scheduled { what, every, .. } } = of_tenant;
                let seconds = every.as_secs();
                tracing::info!(tenant, what = what.as_str(), in_seconds = seconds, "a sync is scheduled");
            }
        }
        Ok(())
    }

    /// Replaces a token that has fired; whether its sync is still wanted. Another interval, or none, is another schedule
    /// with tokens of its own.
    pub async fn rearm(&self, job: &Job, outlet: &Outlet<'_>) -> Result<bool, Unreported> {
        let is_of = |of_tenant: &&OfTenant| {
            job.event.tenant.as_deref() == Some(&of_tenant.tenant)
                && of_tenant.scheduled.what == job.request.what
                && job.progress.schedule == Some(of_tenant.wire())
        };
        let Some(of_tenant) = self.0.iter().find(is_of) else {
            tracing::info!(
                what = job.request.what.as_str(),
                "the schedule of this sync is no longer in the settings"
            );
            return Ok(false);
        };
        if let Some(token) = of_tenant.token() {
            outlet.offer(&token).await?;
        }
        Ok(true)
    }
}

impl OfTenant {
    fn schedule(&self) -> Schedule {
        let name = format!("{}.{}", self.tenant, self.scheduled.what.as_str());
        Schedule { name, queue: queues::SYNC.to_owned(), every: self.scheduled.every }
    }

    fn wire(&self) -> SyncSchedule {
        SyncSchedule { every_seconds: self.scheduled.every.as_secs() }
    }

    /// A new token. Its event has an id of its own, which every delivery of the token shares.
    fn token(&self) -> Option<Outgoing> {
        let event = self.event(Timestamp::now())?;
        let message_id = Some(event.run_id().to_string());
        let kind = Some(event.kind.event_type().to_owned());
        let body = SyncToken { event, schedule: self.wire() }.to_bytes();
        let body = body.inspect_err(|error| tracing::error!(%error, "a token could not be written")).ok()?;
        let properties = Properties {
            content_type: Some(SyncToken::CONTENT_TYPE.to_owned()),
            message_id,
            kind,
            app_id: Some("gatehouse".to_owned()),
            ..Properties::default()
        };
        Some(Outgoing::token(&self.schedule(), body).with_properties(properties))
    }

    fn event(&self, now: Timestamp) -> Option<Event> {
        let (tenant, what) = (&self.tenant, self.scheduled.what);
        let event = json!({
            "specversion": "1.0",
            "id": format!("{tenant}/{}/{}", what.as_str(), now.as_nanosecond()),
            "source": SOURCE,
            "type": messages::EventKind::Sync.event_type(),
            "time": now.to_string(),
            "tenant": tenant,
            "data": { "what": what.as_str(), "sign_ins": self.scheduled.sign_ins },
        });
        let (content_type, body) = (Some(messages::CLOUDEVENT_CONTENT_TYPE), event.to_string());
        let incoming = Incoming { content_type, routing_key: None, headers: &[], body: body.as_bytes() };
        let event = messages::decode(&incoming);
        event.inspect_err(|error| tracing::error!(%error, tenant, "this tenant has no scheduled syncs")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::SyncSubject;

    fn of_tenant(what: SyncSubject, sign_ins: bool) -> OfTenant {
        let scheduled = Scheduled { what, every: Duration::from_secs(21_600), sign_ins };
        OfTenant { tenant: "contoso".to_owned(), scheduled }
    }

    #[test]
    fn a_token_requests_a_full_sync_of_its_tenant() {
        for (what, sign_ins) in
            [(SyncSubject::Users, true), (SyncSubject::Licenses, false), (SyncSubject::Usage, false)]
        {
            let of_tenant = of_tenant(what, sign_ins);
            let event = of_tenant.event(Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(event.tenant.as_deref(), Some("contoso"));
            let messages::Request::Sync(request) = &event.request else { panic!() };
            assert_eq!((request.what, request.sign_ins), (what, sign_ins));
            assert_eq!(request.mode, messages::SyncMode::Full);
            assert!(of_tenant.token().is_some());
        }
    }
}
