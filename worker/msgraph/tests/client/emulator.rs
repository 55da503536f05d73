//! The client against the emulator, a second reading of Graph's documentation.

use std::time::Duration;

use msgraph::{AddLicense, Client, Error, Group, GroupKind, NewUser, Settings, User, UserKey, UserPatch};
use msgraph_emulator::{Application, Emulator, Fault, Options, Tenant};

use crate::server::client;
use crate::testing::{emulator_client, patient_settings, settings};

const ADA: &str = "ada@contoso.example";
const EDSGER: &str = "edsger@contoso.example";
type Predicate = fn(&Error) -> bool;

const EVERYTHING: [&str; 20] = [
    "id",
    "userPrincipalName",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "mailNickname",
    "jobTitle",
    "department",
    "officeLocation",
    "mobilePhone",
    "employeeId",
    "companyName",
    "usageLocation",
    "accountEnabled",
    "userType",
    "onPremisesSyncEnabled",
    "signInSessionsValidFromDateTime",
    "assignedLicenses",
    "licenseAssignmentStates",
];

fn contoso() -> Emulator {
    Emulator::start(Options::default()).unwrap()
}

async fn person(client: &Client, upn: &str) -> User {
    let key = UserKey::Upn(upn.to_owned());
    client.reader().user(&key, &EVERYTHING).await.unwrap().unwrap()
}

async fn group(client: &Client, name: &str) -> Group {
    let mut groups = client.reader().groups_named(name).await.unwrap();
    assert_eq!(groups.len(), 1, "{name}");
    groups.remove(0)
}

fn hire() -> NewUser {
    let properties = UserPatch {
        account_enabled: Some(true),
        user_principal_name: Some("ada.new@contoso.example".into()),
        display_name: Some("Ada Lovelace".into()),
        mail_nickname: Some("ada.new".into()),
        mail: Some("ada.new@contoso.example".into()),
        employee_id: Some("1852".into()),
        usage_location: Some("GB".into()),
        ..UserPatch::default()
    };
    NewUser { password: "Analytical-3ngine-1843".into(), properties }
}

#[tokio::test]
async fn a_person_is_read_by_every_identifier() {
    let emulator = contoso();
    let client = emulator_client(&emulator);
    let ada = person(&client, ADA).await;
    assert_eq!(ada.given_name.as_deref(), Some("Ada"));
    assert_eq!((ada.account_enabled, ada.assigned_licenses.len()), (Some(true), 2));
    assert!(ada.license_assignment_states.iter().flatten().all(|state| state.assigned_by_group.is_none()));
    assert!(ada.sign_in_sessions_valid_from_date_time.is_some());

    let reader = client.reader();
    for key in [UserKey::Id(ada.id.clone()), UserKey::EmployeeId("1815".into())] {
        assert_eq!(reader.user(&key, &EVERYTHING).await.unwrap().as_ref(), Some(&ada));
    }
    for key in [UserKey::Upn("nobody@contoso.example".into()), UserKey::EmployeeId("0".into())] {
        assert_eq!(reader.user(&key, &[]).await.unwrap(), None);
    }
    let manager = reader.manager(&ada.id).await.unwrap().unwrap();
    assert_eq!(manager.id, person(&client, "grace@contoso.example").await.id);
    assert_eq!(manager.odata_type.as_deref(), Some("#microsoft.graph.user"));
    assert_eq!(reader.manager(&manager.id).await.unwrap(), None);
    assert_eq!(reader.deleted_namesakes(&[ADA.into()], None).await.unwrap(), []);
}

#[tokio::test]
async fn groups_of_every_kind_are_distinguished_over_pages() {
    let emulator = Emulator::start(Options::default().page_limit(2)).unwrap();
    let client = emulator_client(&emulator);
    let edsger = person(&client, EDSGER).await;
    emulator.clear_journal();
    let groups = client.reader().groups_of(&edsger.id).await.unwrap();
    assert_eq!(emulator.journal().len(), 4, "seven groups are four pages of two");
    let mut kinds: Vec<_> = groups
        .iter()
        .map(|group| (group.display_name.as_deref().unwrap(), group.kind(), group.is_team()))
        .collect();
    kinds.sort_by_key(|(name, ..)| *name);
    assert_eq!(
        kinds,
        [
            ("All Employees", GroupKind::Dynamic, false),
            ("Building 7", GroupKind::Synced, false),
            ("Engineers", GroupKind::Security, false),
            ("Licensed Devices", GroupKind::Security, false),
            ("Newsletter", GroupKind::DistributionList, false),
            ("Project Kiruna", GroupKind::Microsoft365, true),
            ("Shift Leads", GroupKind::MailEnabledSecurity, false),
        ]
    );
    let helpdesk = group(&client, "Helpdesk Operators").await;
    assert_eq!(helpdesk.kind(), GroupKind::RoleAssignable);
    assert_eq!(client.reader().group(&helpdesk.id).await.unwrap(), Some(helpdesk));
    assert_eq!(client.reader().group(&edsger.id).await.unwrap(), None);
}

#[tokio::test]
async fn every_write_is_a_success_the_second_time() {
    let emulator = contoso();
    let client = emulator_client(&emulator);
    let (reader, writer) = (client.reader(), client.writer());
    let edsger = person(&client, EDSGER).await.id;
    let hired = writer.create_user(&hire()).await.unwrap();
    let again = writer.create_user(&hire()).await.unwrap_err();
    assert!(again.is_already_exists() && !again.is_ambiguous() && !again.is_transient(), "{again}");

    let analysts = group(&client, "Analysts").await.id;
    let skus = reader.subscribed_skus().await.unwrap();
    let sku = |name: &str| skus.iter().find(|sku| sku.sku_part_number.as_deref() == Some(name)).unwrap();
    assert_eq!((sku("SPE_E3").available(), sku("POWER_BI_PRO").available()), (Some(22), Some(0)));
    let e3 = sku("SPE_E3").sku_id.as_str();
    let add = [AddLicense { sku_id: e3.to_owned(), disabled_plans: Vec::new() }];

    emulator.clear_journal();
    for _ in 0..2 {
        writer.set_manager(&hired.id, &edsger).await.unwrap();
        writer.add_member(&analysts, &hired.id).await.unwrap();
        writer.assign_licenses(&hired.id, &add, &[]).await.unwrap();
        writer.set_account_enabled(&hired.id, false).await.unwrap();
    }
    let effects = emulator.effects();
    assert_eq!(effects.len(), 4, "{effects:?}");
    let seen = person(&client, "ada.new@contoso.example").await;
    assert_eq!((seen.account_enabled, seen.assigned_licenses.len()), (Some(false), 1));
    assert_eq!(reader.manager(&hired.id).await.unwrap().unwrap().id, edsger);

    emulator.clear_journal();
    for _ in 0..2 {
        writer.remove_member(&analysts, &hired.id).await.unwrap();
        writer.assign_licenses(&hired.id, &[], &[e3]).await.unwrap();
    }
    assert_eq!(emulator.effects().len(), 2, "{:?}", emulator.effects());
    assert_eq!(reader.groups_of(&hired.id).await.unwrap(), []);
    assert!(person(&client, "ada.new@contoso.example").await.assigned_licenses.is_empty());

    let before = seen.sign_in_sessions_valid_from_date_time;
    writer.revoke_sessions(&hired.id).await.unwrap();
    assert!(person(&client, "ada.new@contoso.example").await.sign_in_sessions_valid_from_date_time >= before);
}

#[tokio::test]
async fn an_effect_whose_answer_was_lost_is_found_done() {
    let emulator = contoso();
    let client = emulator_client(&emulator);
    let analysts = group(&client, "Analysts").await.id;
    let (ada, edsger) = (person(&client, ADA).await.id, person(&client, EDSGER).await.id);

    emulator.fault(Fault::acted_then_dropped().writes().times(1));
    let error = client.writer().add_member(&analysts, &edsger).await.unwrap_err();
    assert!(error.is_ambiguous() && error.is_transient(), "{error}");
    client.writer().add_member(&analysts, &edsger).await.unwrap();

    emulator.fault(Fault::acted_then_dropped().writes().times(1));
    let patient = crate::server::client(patient_settings(&emulator));
    patient.writer().remove_member(&analysts, &ada).await.unwrap();
    let members = emulator.effects();
    assert_eq!(members.len(), 2, "{members:?}");
}

#[tokio::test]
async fn errors_that_differ_only_in_their_message_are_distinguished() {
    let emulator = contoso();
    let client = emulator_client(&emulator);
    let ada = person(&client, ADA).await.id;
    let skus = client.reader().subscribed_skus().await.unwrap();
    let full = skus.iter().find(|sku| sku.sku_part_number.as_deref() == Some("POWER_BI_PRO")).unwrap();
    let add = [AddLicense { sku_id: full.sku_id.clone(), disabled_plans: Vec::new() }];
    let error = client.writer().assign_licenses(&ada, &add, &[]).await.unwrap_err();
    assert!(error.mentions("does not have any available licenses"), "{error}");
    assert!(!error.to_string().contains("available"), "{error}");

    for (name, is) in [
        ("All Employees", Error::is_forbidden as Predicate),
        ("Newsletter", |error: &Error| error.mentions("distribution list")),
        ("Building 7", |error: &Error| matches!(error.status(), Some(400 | 403))),
    ] {
        let group = group(&client, name).await.id;
        let error = client.writer().add_member(&group, &ada).await.unwrap_err();
        assert!(is(&error) && !error.is_transient(), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_missing_group_or_person_is_missing() {
    let emulator = contoso();
    let client = emulator_client(&emulator);
    let (analysts, ada) = (group(&client, "Analysts").await.id, person(&client, ADA).await.id);
    let nobody = "00000000-0000-4000-8000-000000000000";
    for (group, user) in [(analysts.as_str(), nobody), (nobody, ada.as_str())] {
        let error = client.writer().add_member(group, user).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        client.writer().remove_member(group, user).await.unwrap();
    }
    assert_eq!(emulator.effects(), [""; 0]);
}

#[tokio::test]
async fn a_missing_permission_is_reported_as_such() {
    let application =
        Application::default().without_role("User.ReadWrite.All").without_role("User.RevokeSessions.All");
    let emulator = Emulator::start(Options::new(Tenant::contoso().application(application))).unwrap();
    let client = emulator_client(&emulator);
    let ada = emulator.with_tenant(|tenant| tenant.user_id(ADA)).unwrap().to_string();
    let error = client.writer().revoke_sessions(&ada).await.unwrap_err();
    assert!(error.is_forbidden() && !error.is_transient() && !error.is_credentials(), "{error}");
    assert_eq!(error.code(), "Authorization_RequestDenied");
    let journal = emulator.journal();
    assert_eq!(error.request_id(), journal.last().map(|entry| entry.request_id.as_str()));
}

#[tokio::test]
async fn every_wrong_credential_is_named() {
    let expired = Application::new("old", "old-secret").secret_expired();
    let emulator = Emulator::start(Options::new(Tenant::contoso().application(expired))).unwrap();
    let right = settings(&emulator);
    let cases = [
        (Settings { credential: "wrong".into(), ..right.clone() }, "AADSTS7000215", "client secret is wrong"),
        (Settings { client_id: "unknown".into(), ..right.clone() }, "AADSTS700016", "application is unknown"),
        (
            Settings { tenant_id: "fabrikam.example".into(), ..right.clone() },
            "AADSTS90002",
            "tenant is unknown",
        ),
        (
            Settings { client_id: "old".into(), credential: "old-secret".into(), ..right },
            "AADSTS7000222",
            "client secret has expired",
        ),
    ];
    for (settings, code, text) in cases {
        let error = client(settings).reader().subscribed_skus().await.unwrap_err();
        assert!(error.is_credentials() && !error.is_transient(), "{error}");
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn each_fault_is_classified() {
    let emulator = contoso();
    let cases: [(Fault, Predicate); 7] = [
        (Fault::status(429).retry_after("2.128"), |error| {
            error.is_throttled() && error.retry_after() == Some(Duration::from_millis(2128))
        }),
        (Fault::status(503).html_body(), Error::is_transient),
        (Fault::status(500).empty_body(), Error::is_transient),
        (Fault::status(404).html_body(), Error::is_not_found),
        (Fault::status(401), Error::is_unauthorized),
        (Fault::dropped(), Error::is_transient),
        (Fault::garbage(), Error::is_decode),
    ];
    for (fault, is) in cases {
        let name = format!("{fault:?}");
        // A new client for each fault, because a throttled one sends nothing else.
        let client = emulator_client(&emulator);
        emulator.fault(fault);
        let error = client.reader().user(&UserKey::Upn(ADA.into()), &[]).await.unwrap_err();
        assert!(is(&error) && !error.is_ambiguous(), "{name}: {error}");
        emulator.clear_faults();
    }
    emulator.fault(Fault::status(401).nth(1));
    person(&emulator_client(&emulator), ADA).await;
}

#[tokio::test]
async fn a_person_is_assigned_to_an_application_once_and_a_second_time_is_no_failure() {
    let permissions = ["User.Read.All", "AppRoleAssignment.ReadWrite.All", "Application.Read.All"];
    let tenant = Tenant::empty()
        .application(Application::default().roles(&permissions))
        .user(msgraph_emulator::User::new(EDSGER, "Edsger Dijkstra").assigned_to("Travel/Approver"))
        .user(msgraph_emulator::User::new(ADA, "Ada Lovelace"));
    let emulator = Emulator::start(Options::new(tenant)).unwrap();
    let client = emulator_client(&emulator);
    let (travel, approver) = Tenant::application_ids("Travel", "Approver");
    let (travel, approver) = (travel.to_string(), approver.to_string());
    let application = client.reader().service_principal(&travel).await.unwrap().unwrap();
    let gives = |role: &str| application.gives_people(role);
    assert_eq!((gives(&approver), gives(msgraph::DEFAULT_ACCESS)), (Some(true), Some(false)));
    assert_eq!(client.reader().service_principal(&approver).await.unwrap(), None);
    let ada = emulator.with_tenant(|tenant| tenant.user_id(ADA)).unwrap().to_string();
    for _ in 0..2 {
        client.writer().add_app_role_assignment(&ada, &travel, &approver).await.unwrap();
    }
    let held = client.reader().app_role_assignments(&ada).await.unwrap();
    let held: Vec<_> = held.iter().map(|held| (&held.resource_id, &held.app_role_id)).collect();
    assert_eq!(held, [(&travel, &approver)]);
    assert_eq!(emulator.effects().len(), 1);
}
