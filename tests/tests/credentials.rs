//! Credentials: a service account that signs in, and credentials replaced while a worker runs.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use msgraph_emulator::{Application, CERTIFICATE, Decision, Tenant, User};
use serde_json::{Value, json};
use system_tests::worker_process::fetch;
use system_tests::{Testbed, events};

const SERVICE: &str = "service@contoso.example";
const EDSGER: &str = "edsger@contoso.example";

/// A testbed without a working credential, and the path for one.
async fn unopened(tenant: Tenant, name: &str) -> (Testbed, PathBuf) {
    let testbed = Testbed::with(tenant).set("TENANTS__CONTOSO__CLIENT_SECRET", "").build().await;
    let path = testbed.file("anything", "").with_file_name(name);
    (testbed, path)
}

fn leaves(id: &str, tenant: Option<&str>) -> Value {
    let mut event = events::offboarding(id, json!({ "upn": EDSGER }));
    if let Some(tenant) = tenant {
        event["tenant"] = tenant.into();
    }
    event
}

const SCOPES: [&str; 9] = [
    "Channel.ReadBasic.All",
    "ChannelMember.ReadWrite.All",
    "Directory.Read.All",
    "GroupMember.ReadWrite.All",
    "LicenseAssignment.ReadWrite.All",
    "TeamMember.ReadWrite.All",
    "User.ReadWrite.All",
    "User.RevokeSessions.All",
    "Member.Read.Hidden",
];

fn public() -> Application {
    Application::default().roles(&[]).scopes(&SCOPES).public().poll_interval(1)
}

/// Runs `gatehouse connect` while the person decides; returns the exit code and the output.
async fn connect(testbed: &mut Testbed, decision: Decision) -> (Option<i32>, String) {
    let log = testbed.file("anything", "");
    let mut child = testbed.start_gatehouse(&["connect", "--tenant", "contoso"]);
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let user_code = loop {
        looks.tick().await;
        assert!(child.try_wait().unwrap().is_none(), "it ended before anybody could sign in");
        if let Some(pending) = testbed.emulator.pending_sign_ins().first() {
            break pending.user_code.clone();
        }
    };
    assert!(testbed.emulator.decide_sign_in(&user_code, &decision));
    let code = child.wait().await.unwrap().code();
    let said = ["tool-1.log", "tool-1.stderr.log"];
    let said = said.map(|name| std::fs::read_to_string(log.with_file_name(name)).unwrap()).concat();
    assert!(said.contains(&user_code) && said.contains("https://microsoft.com/devicelogin"), "{said}");
    (code, said)
}

#[tokio::test]
async fn a_service_account_is_connected_and_a_worker_works_as_it() {
    let service = User::new(SERVICE, "Service").holding_role("User Administrator");
    let (mut testbed, file) =
        unopened(Tenant::contoso().user(service).application(public()), "refresh-token").await;
    testbed.set("TENANTS__CONTOSO__REFRESH_TOKEN_FILE", file.display());
    let event = testbed.file("leave.json", &leaves("leave", None).to_string());
    let early = testbed.gatehouse(&["plan", &event.display().to_string()]).await;
    assert!(early.code == Some(3) && early.stderr.contains("run `gatehouse connect`"), "{early:?}");

    let (code, said) = connect(&mut testbed, Decision::Approve(SERVICE.into())).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("as {SERVICE}")) && said.contains("User.ReadWrite.All"), "{said}");
    let first = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!said.contains(&first));

    let worker = testbed.worker().await;
    testbed.publisher.event(&leaves("leave", None)).await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!(end["state"], "partial", "a dynamic group is left: {end}");
    assert_ne!(std::fs::read_to_string(&file).unwrap(), first, "the next token is kept");

    // It changes nobody it signs in as.
    testbed.publisher.event(&events::offboarding("itself", json!({ "upn": SERVICE }))).await;
    let end = testbed.results.end_of("itself").await;
    assert_eq!(end["failure"]["code"], "protected", "{end}");
    let message = end["failure"]["message"].as_str().unwrap();
    assert!(message.contains("Gatehouse itself signs in with this account"), "{message}");
    testbed.holds("workflows.dlq", 1).await;
    testbed.gatehouse(&["dead", "discard", "--yes", "--all"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_rotation_leaves_a_token_that_works() {
    let service = User::new(SERVICE, "Service").holding_role("User Administrator");
    let (mut testbed, file) =
        unopened(Tenant::contoso().user(service).application(public()), "refresh-token").await;
    testbed.set("TENANTS__CONTOSO__REFRESH_TOKEN_FILE", file.display());
    let (code, said) = connect(&mut testbed, Decision::Approve(SERVICE.into())).await;
    assert_eq!(code, Some(0), "{said}");
    let event = testbed.file("leave.json", &leaves("leave", None).to_string()).display().to_string();
    let (mut rotated, mut killed, mut patience) = (0, 0, 0);
    let mut token = std::fs::read_to_string(&file).unwrap();
    // Each command gets a token and a new refresh token, and is killed a little later than the one before.
    while rotated < 5 || killed < 20 {
        let mut child = testbed.start_gatehouse(&["plan", &event]);
        let ended = tokio::time::timeout(Duration::from_millis(patience), child.wait()).await.is_ok();
        patience = if ended { 0 } else { patience + 2 };
        if !ended {
            child.kill().await.unwrap();
            killed += 1;
        }
        let left = std::fs::read_to_string(&file).unwrap();
        assert!(testbed.emulator.secrets().tokens.contains(&left), "the file holds no whole token: {left:?}");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        rotated += usize::from(left != token);
        token = left;
    }
    testbed.gatehouse(&["plan", &event]).await.ok();
    testbed.close().await;
}

#[tokio::test]
async fn a_sign_in_that_is_declined_connects_nothing() {
    let (mut testbed, file) = unopened(Tenant::contoso().application(public()), "refresh-token").await;
    let unset = testbed.gatehouse(&["connect"]).await;
    assert_eq!(unset.code, Some(3), "{unset:?}");
    testbed.set("TENANTS__CONTOSO__REFRESH_TOKEN_FILE", file.display());
    let (code, said) = connect(&mut testbed, Decision::Decline).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the sign-in was declined") && !file.exists(), "{said}");
    let unknown = testbed.gatehouse(&["connect", "--tenant", "fabrikam"]).await;
    assert_eq!(unknown.code, Some(3));
    assert!(unknown.stderr.contains("known: contoso"), "{unknown:?}");
    testbed.set("TENANTS__CONTOSO__REFRESH_TOKEN_FILE", "");
    testbed.set("TENANTS__CONTOSO__CLIENT_SECRET", testbed.emulator.application().client_secret);
    testbed.close().await;
}

#[tokio::test]
async fn an_event_is_worked_on_with_the_credential_of_its_tenant() {
    let other = Application::new("other", "the-other-secret").roles(&[]);
    let tenant = Tenant::contoso().application(Application::default().certificate(CERTIFICATE));
    let (mut testbed, file) = unopened(tenant.application(other), "certificate.pem").await;
    std::fs::write(&file, CERTIFICATE).unwrap();
    testbed.set("TENANTS__CONTOSO__CERTIFICATE_FILE", file.display());
    testbed.set("TENANTS__FABRIKAM__TENANT_ID", testbed.emulator.application().tenant_id);
    testbed.set("TENANTS__FABRIKAM__CLIENT_ID", "other");
    testbed.set("TENANTS__FABRIKAM__CLIENT_SECRET", "the-other-secret");
    let worker = testbed.worker().await;
    testbed.publisher.event(&leaves("leave-fabrikam", Some("fabrikam"))).await;
    let end = testbed.results.end_of("leave-fabrikam").await;
    assert_eq!((&end["state"], &end["failure"]["code"]), (&"failed".into(), &"permission_missing".into()));
    assert_eq!(testbed.effects(), Vec::<String>::new());
    testbed.publisher.event(&leaves("leave-contoso", Some("contoso"))).await;
    let end = testbed.results.end_of("leave-contoso").await;
    assert_eq!(end["state"], "partial", "{end}");
    for (id, tenant) in [("leave-nowhere", Some("nowhere")), ("leave-unnamed", None)] {
        testbed.publisher.event(&leaves(id, tenant)).await;
        let end = testbed.results.end_of(id).await;
        assert_eq!(end["state"], "rejected", "{end}");
        assert!(end.to_string().contains("contoso, fabrikam"), "{end}");
    }
    testbed.drain([worker]).await;
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "looked at"]).await.ok();
    testbed.close().await;
}

#[tokio::test]
async fn a_secret_is_replaced_in_its_file_while_a_worker_runs() {
    let (mut testbed, file) = unopened(Tenant::contoso(), "secret").await;
    let first = testbed.emulator.application();
    std::fs::write(&file, &first.client_secret).unwrap();
    testbed.set("TENANTS__CONTOSO__CLIENT_SECRET_FILE", file.display());
    let worker = testbed.worker().await;
    testbed.publisher.event(&leaves("leave-1", None)).await;
    assert_eq!(testbed.results.end_of("leave-1").await["state"], "partial");

    let second = Application::default().secret("the-second-secret-of-contoso");
    testbed.emulator.with_tenant(|tenant| tenant.put_application(second));
    testbed.emulator.revoke_access_tokens();
    std::fs::write(&file, "the-second-secret-of-contoso\n").unwrap();
    testbed.publisher.event(&leaves("leave-2", None)).await;
    assert_eq!(testbed.results.end_of("leave-2").await["state"], "partial");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_tenant_whose_credential_does_not_work_waits_and_no_other_does() {
    let expired = Application::new("old", "the-old-secret").secret_expired();
    let mut testbed = Testbed::with(Tenant::contoso().application(expired)).build().await;
    let secret = testbed.file("secret", "the-old-secret");
    let missing = secret.with_file_name("never-written");
    for (name, file) in [("FABRIKAM", &secret), ("ADATUM", &missing)] {
        testbed.set(&format!("TENANTS__{name}__TENANT_ID"), testbed.emulator.application().tenant_id);
        testbed.set(&format!("TENANTS__{name}__CLIENT_ID"), "old");
        testbed.set(&format!("TENANTS__{name}__CLIENT_SECRET_FILE"), file.display());
    }
    let worker = testbed.worker().await;
    for number in 0..40 {
        let tenant = if number % 2 == 0 { "fabrikam" } else { "adatum" };
        testbed.publisher.event(&leaves(&format!("leave-{tenant}-{number}"), Some(tenant))).await;
    }
    testbed.publisher.event(&leaves("leave-contoso", Some("contoso"))).await;
    let end = testbed.results.end_of("leave-contoso").await;
    assert_eq!(end["state"], "partial", "{end}");
    worker.counts_with("gatehouse_tenant_paused", "fabrikam", 1.0).await;
    worker.counts_with("gatehouse_tenant_paused", "adatum", 1.0).await;
    assert_eq!(worker.metrics().await.sum("gatehouse_tenant_paused", "contoso"), 0.0);
    let (status, page) = fetch(&worker.admin_address().await, "/readyz").await;
    assert_eq!(status, 200, "{page}");
    for says in [
        "ready\n",
        "tenant fabrikam is paused: the client secret has expired",
        "tenant adatum is paused: cannot",
    ] {
        assert!(page.contains(says), "{page}");
    }
    let checked = testbed.gatehouse(&["check"]).await;
    let says = checked.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(checked.code, Some(1));
    assert!(
        says.contains("the client secret has expired") && says.contains("cannot read the client secret"),
        "{says}"
    );

    let renewed = Application::new("old", "the-renewed-secret").roles(&SCOPES);
    testbed.emulator.with_tenant(|tenant| tenant.put_application(renewed));
    for file in [&secret, &missing] {
        std::fs::write(file, "the-renewed-secret\n").unwrap();
    }
    let ends = testbed.results.ends(40).await;
    for end in ends.into_values() {
        assert_eq!((&end["attempts"], &end["replays"]), (&1.into(), &0.into()), "{end}");
        assert_ne!(end["state"], "failed", "{end}");
    }
    let page = worker.metrics().await;
    assert_eq!(page.sum("gatehouse_tenant_paused", ""), 0.0);
    assert_eq!(page.sum("gatehouse_deliveries_total", "redelivered=\"true\""), 0.0);
    assert!(page.sum("gatehouse_put_off_total", "tenant_paused") >= 40.0, "{}", page.0);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_worker_none_of_whose_tenants_works_is_not_ready() {
    let expired = Application::default().secret_expired();
    let mut testbed = Testbed::with(Tenant::contoso().application(expired)).build().await;
    let mut worker = testbed.worker().await;
    // Until the ledger answers the page says that first.
    worker.counts("gatehouse_ledger_ready", 1.0).await;
    worker.answers("/readyz", 503).await;
    let (_, page) = fetch(&worker.admin_address().await, "/readyz").await;
    assert!(page.starts_with("every tenant is paused\ntenant contoso is paused: "), "{page}");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}
