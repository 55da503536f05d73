//! Who may ask for what. It is decided once, when an event first arrives, by what the broker vouches for: the exchange
//! it came through and the user who published it. What the event says of its source proves nothing.
//!
//! A run that resumes is not checked again: its first delivery decided, and its progress names the publisher.

use std::collections::BTreeMap;

use broker::{Message, Origin, Topology};
use jiff::{SignedDuration, Timestamp};
use messages::{Event, EventKind, NotAdmitted, Request, Undecodable};

/// How far ahead of this worker a publisher's clock may be.
const MOST_AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// The publishers that the settings list.
#[derive(Clone, Debug)]
pub struct Publishers {
    listed: BTreeMap<String, Rights>,
    topology: Topology,
    /// The tenant of events that name none.
    only_tenant: Option<String>,
    most_days: u32,
}

/// What a publisher may ask for. A list that is empty names everything.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// Its user in the broker; nothing if it has an exchange of its own.
    pub user: Option<String>,
    /// Tenants by name.
    pub tenants: Vec<String>,
    /// Events by the routing key of their type. An access revoke has to be named.
    pub types: Vec<String>,
    /// Workflows by name.
    pub workflows: Vec<String>,
    /// Sources of events: whole, or their beginning followed by `*`.
    pub sources: Vec<String>,
}

impl Publishers {
    /// The publishers of these settings. `only_tenant` is the tenant of events that name none, and no event may be older
    /// than `most_days`.
    pub fn new(
        listed: BTreeMap<String, Rights>,
        topology: Topology,
        only_tenant: Option<String>,
        most_days: u32,
    ) -> Self {
        Self { listed, topology, only_tenant, most_days }
    }

    /// How many are listed; 0 if everybody may ask for everything.
    pub fn count(&self) -> usize {
        self.listed.len()
    }

    /// The publisher of an event that arrives now, if publishers are listed.
    ///
    /// # Errors
    ///
    /// The publisher may not ask for this, or the time of the event cannot be right.
    pub fn admit(
        &self,
        message: &Message,
        event: &Event,
        now: Timestamp,
    ) -> Result<Option<String>, Undecodable> {
        let Origin::Publisher { exchange, user, .. } = &message.origin else { return Ok(None) };
        self.check(exchange, user.as_deref(), event)
            .and_then(|publisher| check_time(event.time, now, self.most_days).map(|()| publisher))
            .map_err(|why| Undecodable::not_admitted(event, why))
    }

    fn check(
        &self,
        exchange: &str,
        user: Option<&str>,
        event: &Event,
    ) -> Result<Option<String>, NotAdmitted> {
        if self.listed.is_empty() {
            return Ok(None);
        }
        let (name, rights) = self.find(exchange, user).map_err(NotAdmitted::Publisher)?;
        self.allows(name, rights, event).map(|()| Some(name.to_owned()))
    }

    /// Why no publisher may ask for this now; nothing if one may.
    pub fn refusal_of_all(&self, event: &Event, now: Timestamp) -> Option<NotAdmitted> {
        if let Err(why) = check_time(event.time, now, self.most_days) {
            return Some(why);
        }
        let asked = self.listed.iter().map(|(name, rights)| self.allows(name, rights, event));
        let refusals: Option<Vec<_>> = asked.map(Result::err).collect();
        refusals?.into_iter().next()
    }

    fn allows(&self, name: &str, rights: &Rights, event: &Event) -> Result<(), NotAdmitted> {
        let may = |setting: &str, allowed: &[String], what: &str, asked: Option<&str>| {
            let is_allowed = |asked: &str| allowed.iter().any(|pattern| matches(pattern, asked));
            if allowed.is_empty() || asked.is_some_and(is_allowed) {
                return Ok(());
            }
            let asked = asked.map_or_else(|| format!("no {what}"), |asked| format!("the {what} `{asked}`"));
            Err(NotAdmitted::Publisher(format!(
                "publisher `{name}` may not use {asked}; the setting publishers.{name}.{setting} allows {}",
                allowed.join(", ")
            )))
        };
        may("tenants", &rights.tenants, "tenant", event.tenant.as_deref().or(self.only_tenant.as_deref()))?;
        let key = event.kind.routing_key();
        // Who may lock anybody out at once, or give back what was taken, is named for that.
        let by_name = matches!(event.kind, EventKind::AccessRevoke | EventKind::Restore);
        if by_name && !rights.types.iter().any(|named| named == key) {
            return Err(NotAdmitted::Publisher(format!(
                "publisher `{name}` may not use the type `{key}`; it must be named in the setting publishers.{name}.types"
            )));
        }
        may("types", &rights.types, "type", Some(key))?;
        if let Some(workflow) = event.workflow() {
            may("workflows", &rights.workflows, "workflow", Some(workflow))?;
        }
        may("sources", &rights.sources, "source", Some(&event.source))?;
        // Nobody takes out what only others may ask for.
        match &event.request {
            Request::Cancel(cancel) => {
                let named = cancel.event().map(|event| event.source.as_str());
                named.map_or(Ok(()), |source| may("sources", &rights.sources, "source", Some(source)))
            }
            Request::Person(_) | Request::Sync(_) => Ok(()),
        }
    }

    fn find(&self, exchange: &str, user: Option<&str>) -> Result<(&str, &Rights), String> {
        if let Some(name) = self.topology.publisher_of(exchange) {
            let rights = self.listed.get_key_value(name).filter(|(_, rights)| rights.user.is_none());
            return rights
                .map(|(name, rights)| (name.as_str(), rights))
                .ok_or_else(|| format!("the exchange `{exchange}` belongs to no publisher in the settings"));
        }
        let Some(user) = user else {
            return Err(format!(
                "the message does not say which broker user published it to `{exchange}`: set its property user_id, or \
                 publish to an exchange of your own"
            ));
        };
        let mut users = self.listed.iter().filter(|(_, rights)| rights.user.as_deref() == Some(user));
        users
            .next()
            .map(|(name, rights)| (name.as_str(), rights))
            .ok_or_else(|| format!("the broker user `{user}` is no publisher in the settings"))
    }
}

/// Whether a pattern names this: whole, or by its beginning followed by `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn check_time(time: Timestamp, now: Timestamp, days: u32) -> Result<(), NotAdmitted> {
    let age = now.duration_since(time);
    if age < -MOST_AHEAD {
        return Err(NotAdmitted::TimeInFuture { time, now });
    }
    if age > SignedDuration::from_hours(24 * i64::from(days)) {
        return Err(NotAdmitted::TooOld { time, days });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use messages::Incoming;
    use serde_json::json;

    use super::*;

    fn event(tenant: Option<&str>, source: &str, workflow: Option<&str>) -> Event {
        let mut event = json!({
            "specversion": "1.0", "id": "1", "source": source, "type": "gatehouse.offboarding.requested.v1",
            "time": Timestamp::now(), "data": { "person": { "upn": "ada@contoso.example" } },
        });
        if let Some(tenant) = tenant {
            event["tenant"] = tenant.into();
        }
        if let Some(workflow) = workflow {
            event["data"]["workflow"] = workflow.into();
        }
        let content_type = Some(messages::CLOUDEVENT_CONTENT_TYPE);
        let body = event.to_string();
        messages::decode(&Incoming { content_type, routing_key: None, headers: &[], body: body.as_bytes() })
            .unwrap()
    }

    fn publishers(listed: &[(&str, Rights)]) -> Publishers {
        let listed: BTreeMap<_, _> =
            listed.iter().map(|(name, rights)| ((*name).to_owned(), rights.clone())).collect();
        let url = "amqp://localhost".to_owned().into();
        let settings = broker::Settings {
            publishers: listed
                .iter()
                .filter(|(_, rights)| rights.user.is_none())
                .map(|(name, _)| name.clone())
                .collect(),
            ..broker::Settings::new(url, Vec::new())
        };
        Publishers::new(listed, settings.topology().unwrap(), Some("contoso".to_owned()), 400)
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn by_user(user: &str) -> Rights {
        Rights { user: Some(user.to_owned()), ..Rights::default() }
    }

    fn admit(
        publishers: &Publishers,
        exchange: &str,
        user: Option<&str>,
        event: &Event,
    ) -> Result<Option<String>, String> {
        let origin = Origin::Publisher {
            exchange: exchange.to_owned(),
            routing_key: String::new(),
            user: user.map(str::to_owned),
        };
        let message = Message { origin, ..Message::default() };
        publishers
            .admit(&message, event, Timestamp::now())
            .map_err(|refused| format!("{}: {refused}", refused.code()))
    }

    #[test]
    fn without_a_list_everybody_may_ask_for_everything() {
        let leave = event(None, "/anything", None);
        assert_eq!(admit(&publishers(&[]), "gatehouse.events", None, &leave), Ok(None));
    }

    #[test]
    fn a_publisher_is_told_by_its_user_or_by_its_exchange_and_by_nothing_else() {
        let publishers = publishers(&[("hr", by_user("hr-user")), ("itsm", Rights::default())]);
        let leave = event(None, "/hr", None);
        let admit = |exchange: &str, user| admit(&publishers, exchange, user, &leave);
        assert_eq!(admit("gatehouse.events", Some("hr-user")), Ok(Some("hr".to_owned())));
        assert_eq!(admit("gatehouse.from.itsm", None), Ok(Some("itsm".to_owned())));
        // Who writes to the exchange was decided by the broker's permissions.
        assert_eq!(admit("gatehouse.from.itsm", Some("shovel")), Ok(Some("itsm".to_owned())));
        for (exchange, user, why) in [
            ("gatehouse.events", None, "set its property user_id"),
            ("gatehouse.events", Some("hr"), "the broker user `hr` is no publisher"),
            ("gatehouse.events", Some("itsm"), "the broker user `itsm` is no publisher"),
            ("gatehouse.from.hr", None, "set its property user_id"),
            ("gatehouse.from.other", Some("other"), "the broker user `other` is no publisher"),
        ] {
            let error = admit(exchange, user).unwrap_err();
            assert!(error.starts_with("publisher_not_allowed: ") && error.contains(why), "{error}");
        }
    }

    #[test]
    fn each_list_bounds_what_it_names_and_an_empty_one_bounds_nothing() {
        type Bound = fn(&mut Rights);
        let rights = |of: Bound| {
            let mut rights = by_user("hr");
            of(&mut rights);
            publishers(&[("hr", rights)])
        };
        let asked =
            |publishers: &Publishers, event: &Event| admit(publishers, "gatehouse.events", Some("hr"), event);
        let leave = event(Some("contoso"), "/hr/payroll", Some("contractor_end"));
        let bounds: [(Bound, &str); 5] = [
            (
                |rights| rights.tenants = list(&["fabrikam"]),
                "the tenant `contoso`; the setting publishers.hr.tenants",
            ),
            (|rights| rights.types = list(&["onboarding.requested"]), "the type `offboarding.requested`"),
            (|rights| rights.workflows = list(&["offboarding"]), "the workflow `contractor_end`"),
            (|rights| rights.sources = list(&["/hr"]), "the source `/hr/payroll`"),
            (|rights| rights.sources = list(&["/hr/b*"]), "publishers.hr.sources allows /hr/b*"),
        ];
        for (bound, why) in bounds {
            let error = asked(&rights(bound), &leave).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let all = rights(|rights| {
            rights.tenants = list(&["fabrikam", "contoso"]);
            rights.types = list(&["offboarding.requested"]);
            rights.workflows = list(&["contractor_*"]);
            rights.sources = list(&["/hr/*"]);
        });
        assert!(asked(&all, &leave).is_ok());
        // The only tenant is meant by an event that names none.
        assert!(asked(&all, &event(None, "/hr/x", Some("contractor_end"))).is_ok());
        // Without a name the workflow of the type is meant.
        assert!(asked(&all, &event(None, "/hr/x", None)).unwrap_err().contains("the workflow `offboarding`"));
    }

    #[test]
    fn who_locks_out_at_once_is_named_for_it() {
        let mut raw = event(None, "/soc", None).raw;
        raw["type"] = "gatehouse.access.revoke.requested.v1".into();
        let (content_type, body) = (Some(messages::CLOUDEVENT_CONTENT_TYPE), raw.to_string());
        let body = body.as_bytes();
        let event =
            messages::decode(&Incoming { content_type, routing_key: None, headers: &[], body }).unwrap();
        let admit = |types: &[&str]| {
            let rights = Rights { types: list(types), ..by_user("soc") };
            admit(&publishers(&[("soc", rights)]), "gatehouse.events", Some("soc"), &event)
        };
        assert_eq!(admit(&["access.revoke.requested"]), Ok(Some("soc".to_owned())));
        for types in [&[] as &[&str], &["offboarding.requested"], &["*"], &["access.*"]] {
            let error = admit(types).unwrap_err();
            assert!(error.contains("must be named in the setting publishers.soc.types"), "{error}");
        }
    }

    #[test]
    fn nobody_takes_out_an_event_whose_source_is_not_theirs() {
        let cancel = |data: serde_json::Value| {
            let mut raw = event(None, "/hr/contoso", None).raw;
            raw["type"] = "gatehouse.run.cancel.requested.v1".into();
            raw["data"] = data;
            let (content_type, body) = (Some(messages::CLOUDEVENT_CONTENT_TYPE), raw.to_string());
            let body = body.as_bytes();
            messages::decode(&Incoming { content_type, routing_key: None, headers: &[], body }).unwrap()
        };
        let person = json!({ "upn": "ada@contoso.example" });
        let of = |source: &str| json!({ "source": source, "id": "1" });
        let rights =
            Rights { types: list(&["run.cancel.requested"]), sources: list(&["/hr/*"]), ..by_user("hr") };
        let publishers = publishers(&[("hr", rights)]);
        let admit = |data| admit(&publishers, "gatehouse.events", Some("hr"), &cancel(data));
        for data in [
            json!({ "person": person, "event": of("/hr/payroll") }),
            json!({ "person": person, "side": "leave" }),
            json!({ "sync": of("/hr/inventory") }),
        ] {
            assert_eq!(admit(data), Ok(Some("hr".to_owned())));
        }
        for data in
            [json!({ "person": person, "event": of("/itsm") }), json!({ "sync": of("/inventory/contoso") })]
        {
            let error = admit(data).unwrap_err();
            assert!(error.contains("the source `/i"), "{error}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_right_is_refused_whoever_publishes() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let code = |time: &str| {
            let refused = check_time(time.parse().unwrap(), now, 400).err();
            refused.map(|why| Undecodable::not_admitted(&event(None, "/hr", None), why).code())
        };
        assert_eq!(code("2026-06-01T12:05:00Z"), None);
        assert_eq!(code("2026-06-01T12:05:01Z"), Some("time_in_future"));
        assert_eq!(code("2099-01-01T00:00:00Z"), Some("time_in_future"));
        assert_eq!(code("2025-04-27T12:00:00Z"), None);
        assert_eq!(code("2025-04-27T11:59:59Z"), Some("event_too_old"));
    }

    #[test]
    fn a_plan_knows_whether_anybody_may_ask_for_it() {
        let now = Timestamp::now();
        let leave = event(Some("contoso"), "/hr", None);
        let refusal = |listed: &[(&str, Rights)], at| publishers(listed).refusal_of_all(&leave, at);
        let onboards = Rights { types: list(&["onboarding.requested"]), ..by_user("hr") };
        assert!(refusal(&[], now).is_none());
        assert!(refusal(&[("hr", onboards.clone()), ("itsm", Rights::default())], now).is_none());
        assert!(matches!(refusal(&[("hr", onboards)], now), Some(NotAdmitted::Publisher(_))));
        let too_soon = now - SignedDuration::from_mins(6);
        assert!(matches!(refusal(&[], too_soon), Some(NotAdmitted::TimeInFuture { .. })));
    }

    #[test]
    fn what_a_worker_wrote_has_been_admitted() {
        let message = Message { origin: Origin::Worker, ..Message::default() };
        let admitted =
            publishers(&[("hr", by_user("hr"))]).admit(&message, &event(None, "/x", None), Timestamp::now());
        assert_eq!(admitted, Ok(None));
    }
}
