//! The settings of a worker, as variables of its environment: the one list for tests, benches, demo and playground.

use std::time::Duration;

use messages::EventKind;
use msgraph_emulator::Emulator;

/// Settings of a worker between this tenant and this broker, with delays of one second. What a dead worker held is
/// taken over after 11 seconds.
pub fn worker_settings(emulator: &Emulator, url: &str, prefix: &str) -> Vec<(String, String)> {
    let mut settings = connection_settings(emulator, url, prefix);
    settings.extend([
        setting("RETRY__FIRST_DELAY_SECONDS", 1),
        setting("RETRY__MAX_DELAY_SECONDS", 1),
        setting("GRAPH__RETRY_BUDGET_SECONDS", 0),
        setting("GRAPH__REQUEST_TIMEOUT_SECONDS", 8),
        // A worker that comes to others would wait for its share. Tests of the limits set `auto`.
        setting("GRAPH__LIMITS_SHARE", 1),
        setting("LEDGER__RENEW_WITHIN_SECONDS", 2),
        setting("LEDGER__TAKE_AFTER_SECONDS", 11),
        // Crowds leave in tests. Those of the brake switch it on.
        setting("TENANTS__CONTOSO__BRAKE__LIMIT", "off"),
        setting("TENANTS__CONTOSO__BRAKE__FIRST_DELAY", "1s"),
        setting("TENANTS__CONTOSO__BRAKE__MAX_DELAY", "1s"),
        setting("ADMIN__LISTEN", "127.0.0.1:0"),
    ]);
    settings
}

/// What every command of `gatehouse` needs to reach this tenant and this broker.
pub fn connection_settings(emulator: &Emulator, url: &str, prefix: &str) -> Vec<(String, String)> {
    let application = emulator.application();
    vec![
        setting("BROKER__URL", url),
        setting("BROKER__PREFIX", prefix),
        setting("GRAPH__URL", emulator.url()),
        setting("GRAPH__LOGIN_URL", emulator.url()),
        setting("EXCHANGE__URL", emulator.url()),
        setting("TENANTS__CONTOSO__TENANT_ID", application.tenant_id),
        setting("TENANTS__CONTOSO__CLIENT_ID", application.client_id),
        setting("TENANTS__CONTOSO__CLIENT_SECRET", application.client_secret),
    ]
}

/// One setting, such as `RETRY__MAX_ATTEMPTS`, as a variable.
pub fn setting(key: &str, value: impl ToString) -> (String, String) {
    (format!("GATEHOUSE__{key}"), value.to_string())
}

/// How the `broker` crate reaches the queues with this prefix.
pub fn broker_settings(url: &str, prefix: &str) -> broker::Settings {
    let queue =
        |name, kinds: &[EventKind]| broker::WorkQueue::new(name, kinds.iter().map(|kind| kind.routing_key()));
    let lifecycle = [EventKind::Onboarding, EventKind::Offboarding, EventKind::Change];
    let workflows = queue("workflows", &lifecycle);
    let access = queue("access", &[EventKind::AccessRevoke, EventKind::Cancel]);
    let sync = queue("sync", &[EventKind::Sync]).held_for(Duration::from_secs(86_400));
    let settings = broker::Settings::new(url.to_owned().into(), vec![workflows, access, sync]);
    broker::Settings { prefix: prefix.to_owned(), ..settings }
}
