//! What comes back of what a run took, against one tenant.

use msgraph_emulator::{Application, Channel, Emulator, Group, Options, Sku, Tenant, User};
use serde_json::json;

use super::*;
use crate::conformance::client::client;

const GRACE: &str = "grace@contoso.example";

fn tenant() -> Tenant {
    Tenant::empty()
        .application(
            Application::default().role("Group.ReadWrite.All").role("AppRoleAssignment.ReadWrite.All"),
        )
        .sku(Sku::new("SPE_E3", 5).plan("TEAMS1"))
        .user(User::new("ada@contoso.example", "Ada Lovelace"))
        .user(User::new(GRACE, "Grace Hopper"))
        .deleted_user(User::new("edsger@contoso.example", "Edsger Dijkstra"))
        .group(Group::security("Engineers"))
        .group(Group::synced("Building 7"))
        .group(Group::role_assignable("Operators"))
        .group(
            Group::microsoft365("Compilers").member(GRACE).channel(Channel::private("Grammar").owner(GRACE)),
        )
}

/// The tenant, and the ids of its objects by name.
struct Contoso {
    emulator: Emulator,
    state: Value,
}

impl Contoso {
    fn start() -> Self {
        let emulator = Emulator::start(Options::new(tenant())).unwrap();
        Self { state: emulator.state(), emulator }
    }

    fn id(&self, list: &str, name: &str) -> String {
        let all = self.state[list].as_object().unwrap();
        let names = ["userPrincipalName", "displayName", "skuPartNumber"];
        let is_it = |object: &Value| names.iter().any(|field| object[field] == name);
        all.iter().find(|(_, object)| is_it(object)).unwrap().0.clone()
    }

    async fn restorable(&self, user: &str, taken: Vec<Taken>) -> Result<Restorable, Failure> {
        let things = taken.into_iter().map(|taken| Remembered { taken, lacks: None });
        let world = World::of(&client(&self.emulator));
        restorable(user, things.collect(), &world).await
    }
}

fn codes(restorable: &Restorable) -> Vec<(&str, Needs)> {
    restorable.left.iter().map(|left| (left.code.as_str(), left.needs)).collect()
}

#[tokio::test]
async fn groups_that_are_there_come_back_and_power_does_not() {
    let contoso = Contoso::start();
    let grace = contoso.id("users", GRACE);
    let membership = |group: &str| Taken::from(&grace, TakenKind::Membership).with("group", group);
    let [engineers, building, operators, compilers] =
        ["Engineers", "Building 7", "Operators", "Compilers"].map(|name| contoso.id("groups", name));
    let channel = |id: &str| {
        let taken = Taken::from(&grace, TakenKind::ChannelMembership).with("team", compilers.clone());
        taken.with("channel", id).with("owner", false)
    };
    let gone = "00000000-0000-4000-8000-000000000000";
    let taken = vec![
        membership(&engineers),
        membership(&engineers),
        membership(gone),
        membership(&building),
        membership(&operators),
        Taken::from(&grace, TakenKind::TeamMembership).with("team", compilers.clone()).with("owner", true),
        channel("19:gone@thread.tacv2"),
        Taken::from(&grace, TakenKind::DirectoryRole).with("role", "r").with("scope", "/"),
        Taken::from(&grace, TakenKind::AppAssignment).with("resource", "s").with("role", "r"),
    ];
    let found = contoso.restorable(&grace, taken).await.unwrap();
    let snapshot = &found.snapshot;
    assert_eq!((&snapshot["account"], &snapshot["user"]), (&json!("present"), &json!({ "entra_id": grace })));
    assert_eq!(snapshot["groups"], json!([engineers]), "once, though two steps named it");
    assert_eq!(snapshot["teams"], json!([compilers]));
    assert_eq!(snapshot["owned_groups"], json!([compilers]));
    assert_eq!(snapshot["applications"], json!([{ "resource": "s", "role": "r" }]));
    let operator = ["group_gone", "synced_group", "gives_power", "channel_gone", "gives_power"];
    assert_eq!(codes(&found), operator.map(|code| (code, Needs::Operator)));
}

#[tokio::test]
async fn licences_that_the_tenant_still_has_come_back_without_the_plans_that_were_off() {
    let contoso = Contoso::start();
    let (grace, e3) = (contoso.id("users", GRACE), contoso.id("skus", "SPE_E3"));
    let license = |sku: &str| Taken::from(&grace, TakenKind::License).with("sku", sku).with("name", "a name");
    let taken = vec![license(&e3).with("disabled_plans", json!(["TEAMS1", "gone"])), license("gone")];
    let found = contoso.restorable(&grace, taken).await.unwrap();
    assert_eq!(found.snapshot["licenses"], json!([{ "license": e3, "disabled_plans": ["TEAMS1"] }]));
    assert_eq!(codes(&found), [("license_gone", Needs::Operator)]);
    let found = contoso.restorable(&grace, vec![license(&e3)]).await.unwrap();
    assert_eq!(found.snapshot["licenses"], json!([e3]));
    assert_eq!(codes(&found), [("plans_unseen", Needs::Operator)]);
}

#[tokio::test]
async fn an_account_is_restored_while_it_can_be_and_made_anew_after_that() {
    let contoso = Contoso::start();
    let deleted = contoso.id("deletedUsers", "Edsger Dijkstra");
    let account = |user: &str| {
        let properties =
            json!({ "upn": "new@contoso.example", "mail": "new@contoso.example", "surname": "New" });
        Taken::from(user, TakenKind::Account).with_text(properties)
    };
    let found = contoso.restorable(&deleted, vec![account(&deleted)]).await.unwrap();
    assert_eq!(found.snapshot["account"], "deleted");
    let gone = "00000000-0000-4000-8000-000000000000";
    let sign_in = Taken::from(gone, TakenKind::SignIn);
    let found = contoso.restorable(gone, vec![account(gone), sign_in.clone()]).await.unwrap();
    assert_eq!(found.snapshot["account"], "gone");
    assert_eq!(found.snapshot["user"], json!({ "upn": "new@contoso.example" }));
    assert_eq!(found.snapshot["sign_in"], false, "a new account can sign in");
    let person =
        json!({ "upn": "new@contoso.example", "email": "new@contoso.example", "family_name": "New" });
    assert_eq!(Value::Object(found.person), person);
    let refused = contoso.restorable(gone, vec![sign_in]).await.unwrap_err();
    assert_eq!(refused.code, "user_not_found");
    let without_text = Remembered {
        taken: Taken::from(gone, TakenKind::Account),
        lacks: Some("it was not kept".to_owned()),
    };
    let world = World::of(&client(&contoso.emulator));
    let refused = restorable(gone, vec![without_text], &world).await.unwrap_err();
    assert_eq!(refused.code, "account_gone");
    assert!(refused.message.contains("it was not kept"), "{}", refused.message);
}

#[tokio::test]
async fn the_first_word_counts_and_what_is_not_known_is_said() {
    let contoso = Contoso::start();
    let (grace, ada) = (contoso.id("users", GRACE), contoso.id("users", "ada@contoso.example"));
    let manager = |id: &str| Taken::from(&grace, TakenKind::Manager).with("manager", id);
    let names = Taken::from(&grace, TakenKind::Properties).with("names", vec!["department", "job_title"]);
    let taken = vec![
        manager(&ada),
        manager("another"),
        names.with_text(json!({ "department": "Research" })),
        Taken::from(&grace, TakenKind::MailDelivery),
        Taken::from(&grace, TakenKind::CalendarEvents).with("events", 3),
        Taken::from(&grace, TakenKind::Password),
        Taken::from(&ada, TakenKind::SignIn),
    ];
    let mut things: Vec<_> = taken.into_iter().map(|taken| Remembered { taken, lacks: None }).collect();
    let rule = Taken::from(&grace, TakenKind::InboxRule).with("rule", "1");
    things.push(Remembered { taken: rule, lacks: Some("no key".to_owned()) });
    let world = World::of(&client(&contoso.emulator));
    let found = restorable(&grace, things, &world).await.unwrap();
    assert_eq!(found.snapshot["manager"], json!({ "entra_id": ada }));
    assert_eq!(found.snapshot["properties"], true);
    assert_eq!(Value::Object(found.person.clone()), json!({ "department": "Research" }));
    assert_eq!(found.snapshot["stop_forwarding"], true);
    assert_eq!(found.snapshot["sign_in"], false, "that was another account");
    let expected = [
        ("property_was_empty", Needs::Operator),
        ("text_not_kept", Needs::Operator),
        ("password", Needs::Operator),
        ("events_deleted", Needs::Nobody),
    ];
    assert_eq!(codes(&found), expected);
    assert!(found.left.iter().all(|left| !left.detail.contains('@')));
}
