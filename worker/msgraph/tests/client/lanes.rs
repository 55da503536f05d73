//! Lanes and batches: the order of calls, what shares a batch, and that the effect is the same.

use std::time::Duration;

use futures_util::future::join_all;
use msgraph::{Access, AddLicense, Client, Error, Limits, Priority, Settings, TenantSize, UserKey};
use msgraph_emulator::{Emulator, Fault, Group, Options, Sku, Tenant, User};

use crate::server::{Server, client, json, refusal};
use crate::testing::{patient_settings, settings};

const GROUPS: usize = 45;
const ADA: &str = "ada@contoso.example";

fn tenant() -> Tenant {
    let tenant = Tenant::empty().user(User::new(ADA, "Ada Lovelace"));
    (0..GROUPS).fold(tenant, |tenant, number| tenant.group(Group::security(&format!("Group {number}"))))
}

fn emulator() -> Emulator {
    Emulator::start(Options::new(tenant())).unwrap()
}

fn batching(emulator: &Emulator, batching: bool) -> Client {
    client(Settings { batching, ..settings(emulator) })
}

/// Adds Ada to every group at the same time.
async fn add_to_all(emulator: &Emulator, client: &Client) -> Vec<Result<(), Error>> {
    let ada = emulator.with_tenant(|tenant| tenant.user_id(ADA)).unwrap().to_string();
    let groups: Vec<String> = emulator.with_tenant(|tenant| {
        (0..GROUPS)
            .filter_map(|number| tenant.group_id(&format!("Group {number}")))
            .map(|id| id.to_string())
            .collect()
    });
    assert_eq!(groups.len(), GROUPS);
    join_all(groups.iter().map(|group| client.writer().add_member(group, &ada))).await
}

#[tokio::test]
async fn simultaneous_calls_share_a_batch_with_the_same_effect() {
    let (alone, together) = (emulator(), emulator());
    let mut errors = Vec::new();
    for (emulator, is_batching) in [(&alone, false), (&together, true)] {
        let client = batching(emulator, is_batching);
        client.reader().subscribed_skus().await.unwrap();
        emulator.clear_journal();
        emulator.fault(Fault::status(404).path("/members/$ref").nth(7));
        let outcomes = add_to_all(emulator, &client).await;
        errors.push(
            outcomes.into_iter().filter_map(Result::err).map(|error| error.status()).collect::<Vec<_>>(),
        );
        add_to_all(emulator, &client).await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    }
    assert_eq!(errors, [[Some(404)], [Some(404)]]);
    assert_eq!(alone.state(), together.state());
    assert_eq!(alone.round_trips(), 2 * GROUPS);
    assert!(together.round_trips() <= 8, "{} round trips", together.round_trips());
}

#[tokio::test]
async fn a_single_caller_is_never_sent_in_a_batch() {
    let emulator = emulator();
    let client = batching(&emulator, true);
    for _ in 0..10 {
        client.reader().user(&UserKey::Upn(ADA.into()), &["id"]).await.unwrap();
    }
    assert!(emulator.journal().iter().all(|entry| entry.batch.is_none()));
}

#[tokio::test]
async fn a_write_without_a_body_shares_a_batch() {
    let emulator = emulator();
    let client = batching(&emulator, true);
    let ada = emulator.with_tenant(|tenant| tenant.user_id(ADA)).unwrap().to_string();
    client.reader().subscribed_skus().await.unwrap();
    emulator.clear_journal();
    let writer = client.writer();
    let (revoked, disabled, cleared) = tokio::join!(
        writer.revoke_sessions(&ada),
        writer.set_account_enabled(&ada, false),
        writer.remove_manager(&ada)
    );
    revoked.and(disabled).and(cleared).unwrap();
    let journal = emulator.journal();
    let batches: Vec<_> = journal.iter().filter(|entry| entry.batch.is_none()).collect();
    assert!(batches.iter().all(|entry| entry.path.ends_with("/$batch")), "{batches:?}");
    assert_eq!(batches.iter().map(|entry| entry.status).collect::<Vec<_>>(), [Some(200)]);
}

#[tokio::test]
async fn a_part_is_retried_alone_and_a_lost_batch_fails_each_call_by_its_method() {
    let emulator = emulator();
    let client = client(patient_settings(&emulator));
    emulator.fault(Fault::status(429).path("/members/$ref").times(3));
    add_to_all(&emulator, &client).await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    let writes = emulator.journal().iter().filter(|entry| entry.write).count();
    assert_eq!(writes, GROUPS + 3, "only what was refused went again");

    emulator.fault(Fault::acted_then_dropped().path("$batch"));
    let reads = join_all((0..5).map(|_| client.reader().subscribed_skus()));
    let (errors, reads) = tokio::join!(add_to_all(&emulator, &client), reads);
    let unknown = |outcome: &Result<(), Error>| outcome.as_ref().is_err_and(Error::is_ambiguous);
    assert!(errors.iter().all(|outcome| outcome.is_ok() || unknown(outcome)));
    assert!(errors.iter().any(unknown), "a POST is never repeated blindly");
    assert!(reads.iter().all(|read| read.is_ok() || read.as_ref().is_err_and(|error| !error.is_ambiguous())));
}

#[tokio::test]
async fn calls_that_depend_on_each_other_share_a_batch_and_stop_at_the_first_failure() {
    for is_batching in [true, false] {
        let tenant = tenant().sku(Sku::new("EMS", 5).plan("INTUNE_A"));
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        let client = batching(&emulator, is_batching);
        let ada = emulator.with_tenant(|tenant| tenant.user_id(ADA)).unwrap().to_string();
        let sku_id = client.reader().subscribed_skus().await.unwrap().remove(0).sku_id;
        let add = [AddLicense { sku_id, disabled_plans: Vec::new() }];
        emulator.clear_journal();

        emulator.fault(Fault::status(403).writes().nth(1));
        let error = client.writer().locate_and_license(&ada, "GB", &add, &[]).await.unwrap_err();
        assert_eq!(error.status(), Some(403), "the failure itself is reported, not the write it prevented");
        assert_eq!(emulator.effects(), [""; 0]);

        emulator.clear_faults();
        emulator.clear_journal();
        client.writer().locate_and_license(&ada, "GB", &add, &[]).await.unwrap();
        assert_eq!(emulator.effects().len(), 2);
        assert_eq!(emulator.round_trips(), if is_batching { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_lost_batch_with_a_post_in_it_is_not_repeated() {
    let tenant = tenant().sku(Sku::new("EMS", 5).plan("INTUNE_A"));
    let emulator = Emulator::start(Options::new(tenant)).unwrap();
    let client = client(patient_settings(&emulator));
    let ada = emulator.with_tenant(|tenant| tenant.user_id(ADA)).unwrap().to_string();
    let sku_id = client.reader().subscribed_skus().await.unwrap().remove(0).sku_id;
    emulator.fault(Fault::acted_then_dropped().path("$batch"));
    let add = [AddLicense { sku_id, disabled_plans: Vec::new() }];
    let error = client.writer().locate_and_license(&ada, "GB", &add, &[]).await.unwrap_err();
    assert!(error.is_ambiguous(), "{error}");
    assert_eq!(emulator.effects().len(), 2, "Graph had acted");
}

#[tokio::test]
async fn a_service_that_refuses_batches_is_asked_one_by_one() {
    let server = Server::start(|seen, _| match seen.path.ends_with("/$batch") {
        true => refusal(404, "NotFound", "There is no such thing"),
        false => json(200, r#"{"value":[]}"#),
    })
    .await;
    let client = client(Settings { batching: true, ..server.settings() });
    let reads = join_all((0..6).map(|_| client.reader().subscribed_skus())).await;
    assert!(reads.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_lane_parked_by_one_caller_holds_the_others_and_no_other_lane() {
    let server = Server::start(|_, number| match number {
        1 => refusal(429, "TooManyRequests", "Slow down").with("Retry-After", "600"),
        _ => json(200, r#"{"value":[]}"#),
    })
    .await;
    let directory = client(server.settings());
    let first = directory.reader().subscribed_skus().await.unwrap_err();
    assert!(first.is_throttled() && first.retry_after() == Some(Duration::from_secs(600)));
    let held = directory.reader().subscribed_skus().await.unwrap_err();
    assert!(held.is_throttled() && held.is_transient() && held.status().is_none(), "{held}");
    assert!(held.retry_after().is_some_and(|wait| wait > Duration::from_secs(590)), "{held:?}");
    assert_eq!(server.graph_requests().len(), 1, "nothing was sent while the lane was parked");
    // Another tenant has lanes of its own.
    client(server.settings()).reader().subscribed_skus().await.unwrap();
}

#[tokio::test]
async fn a_caller_with_patience_waits_for_the_lane() {
    let server = Server::start(|_, number| match number {
        1 => refusal(503, "ServiceUnavailable", "Later").with("Retry-After", "0.2"),
        _ => json(200, r#"{"value":[]}"#),
    })
    .await;
    let client = server.patient_client();
    let reads = join_all((0..8).map(|_| client.reader().subscribed_skus())).await;
    assert!(reads.iter().all(Result::is_ok));
}

#[tokio::test]
async fn the_published_limit_is_kept_before_graph_throttles() {
    let emulator = emulator();
    let limits = Limits { size: TenantSize::Small, share: 0.004 };
    let client = client(Settings { limits, ..settings(&emulator) });
    // 0.004 of 3,000 writes in two and a half minutes are twelve, of which one is kept for a lock-out.
    let outcomes = add_to_all(&emulator, &client).await;
    let sent = || emulator.journal().iter().filter(|entry| entry.write).count();
    assert_eq!(sent(), 11);
    let errors: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), GROUPS - 11);
    assert!(errors.iter().all(|error| error.is_throttled() && error.retry_after().is_some()));

    let ada = emulator.with_tenant(|tenant| tenant.user_id(ADA)).unwrap().to_string();
    let lock_out = client.with_priority(Priority::LockOut);
    lock_out.writer().revoke_sessions(&ada).await.unwrap();
    let error = lock_out.writer().revoke_sessions(&ada).await.unwrap_err();
    assert!(error.is_throttled(), "a lock-out keeps the limit as well: {error}");
    assert_eq!(sent(), 12);
}

#[tokio::test]
async fn graph_receives_the_priority() {
    let server = Server::start(|_, _| json(200, r#"{"value":[]}"#)).await;
    let client = server.client();
    for priority in [Priority::LockOut, Priority::Lifecycle, Priority::Sync] {
        client.with_priority(priority).reader().subscribed_skus().await.unwrap();
    }
    let requests = server.graph_requests();
    let priorities: Vec<_> = requests.iter().map(|seen| seen.header("x-ms-throttle-priority")).collect();
    assert_eq!(priorities, [Some("High"), None, Some("Low")]);
}

#[tokio::test]
async fn a_connection_that_may_only_read_sends_no_write() {
    let emulator = emulator();
    let client = client(Settings { access: Access::Read, ..settings(&emulator) });
    let ada = client.reader().user(&UserKey::Upn(ADA.into()), &["id"]).await.unwrap().unwrap();
    let refused = [
        client.writer().revoke_sessions(&ada.id).await,
        client.writer().add_member("g", &ada.id).await,
        client.writer().remove_member("g", &ada.id).await,
    ];
    for error in refused.into_iter().map(Result::unwrap_err) {
        assert!(error.is_read_only() && !error.is_transient(), "{error}");
    }
    assert!(emulator.journal().iter().all(|entry| !entry.write));
}
