//! Who is protected, against one tenant.

use std::sync::Arc;

use msgraph_emulator::{Application, Emulator, Group, Options, Tenant, User};
use outcome::{Mode, Protected};
use serde_json::{Value, json};

use super::{ProtectedPeople, Protection};
use crate::conformance::call::FirstAttempt;
use crate::conformance::client::client;
use crate::{World, roster};

const GLOBAL: &str = "Global Administrator";
const PRIVILEGED: &str = "Privileged Role Administrator";

fn upn(name: &str) -> String {
    format!("{name}@contoso.example")
}

/// Two administrators of their own, one through a group, one who may become one, and ordinary people in groups.
fn tenant(permissions: &[&str]) -> Tenant {
    let person = |name: &str| User::new(&upn(name), name);
    Tenant::empty()
        .application(Application::default().roles(permissions))
        .user(person("ada").with("employeeId", "1815"))
        .user(person("grace").holding_role(GLOBAL))
        .user(person("edsger"))
        .user(person("operator"))
        .user(person("deputy").eligible_for(PRIVILEGED))
        .user(person("stand-in"))
        .user(person("helper").holding_role("Helpdesk Administrator"))
        .group(Group::security("Chairs").member(&upn("edsger")))
        .group(Group::security("Board").member("Chairs"))
        .group(Group::role_assignable("Operators").holding_role(PRIVILEGED).member(&upn("operator")))
        .group(Group::role_assignable("Stand-ins").eligible_for(GLOBAL).member(&upn("stand-in")))
}

const ALL: &[&str] = &["User.ReadWrite.All", "GroupMember.Read.All", "RoleManagement.Read.Directory"];

struct Asked {
    emulator: Emulator,
    protection: Arc<Protection>,
    released: Vec<Protected>,
}

impl Asked {
    fn of(tenant: Tenant, people: &[&str], groups: &[&str], roles: &[&str]) -> Self {
        let [people, groups, roles] =
            [people, groups, roles].map(|list| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        let people = ProtectedPeople::new(&people, &groups, &roles).unwrap();
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        Self { emulator, protection: Arc::new(Protection::new(people)), released: Vec::new() }
    }

    /// What the settings protect by default.
    fn by_default(tenant: Tenant) -> Self {
        Self::of(tenant, &[], &[], &[GLOBAL, PRIVILEGED])
    }

    /// Why this step may not run, with whom it may not change.
    async fn ask(&self, action: &str, params: Value) -> (String, Vec<Protected>) {
        let entry = roster().into_iter().find(|entry| entry.name == action).unwrap();
        let world = World::of(&client(&self.emulator)).guarded(&self.protection, &self.released);
        let attempt = FirstAttempt::new();
        let answer = entry.step.may_change(attempt.call(&params, Mode::Apply, None, &world)).await;
        let said = answer
            .err()
            .map_or_else(|| "free".to_owned(), |failure| format!("{}: {}", failure.code, failure.message));
        (said, world.refused())
    }

    async fn user(&self, user: impl Into<Value>) -> String {
        self.ask("disable_account", json!({ "user": user.into() })).await.0
    }

    fn round_trips(&self) -> usize {
        self.emulator.journal().iter().filter(|entry| !entry.token && entry.batch.is_none()).count()
    }
}

fn id_of(asked: &Asked, name: &str) -> String {
    asked.emulator.with_tenant(|tenant| tenant.user_id(&upn(name))).unwrap().to_string()
}

#[tokio::test]
async fn holders_of_a_role_are_protected_however_they_hold_it() {
    let asked = Asked::by_default(tenant(ALL));
    for (name, because) in [
        ("ada", ""),
        ("edsger", ""),
        ("helper", ""),
        ("nobody", ""),
        ("grace", "it is the last Global Administrator that can sign in"),
        ("operator", "it holds the directory role Privileged Role Administrator"),
        ("deputy", "it may activate the directory role Privileged Role Administrator"),
        ("stand-in", "it may activate the directory role Global Administrator"),
    ] {
        let said = asked.user(upn(name)).await;
        match because {
            "" => assert_eq!(said, "free", "{name}"),
            because => assert!(said.starts_with("protected: ") && said.contains(because), "{name}: {said}"),
        }
    }
    // By any identifier, and in every place of a step that is changed.
    for person in
        [json!({ "upn": upn("grace"), "employee_id": "9" }), json!({ "entra_id": id_of(&asked, "grace") })]
    {
        assert!(asked.user(person).await.starts_with("protected"));
    }
    let send = json!({ "from": upn("grace"), "to": [], "subject": "", "text": "", "id": "1" });
    assert!(asked.ask("send_mail", send).await.0.starts_with("protected"));
    let create = json!({ "user_principal_name": upn("grace"), "display_name": "grace" });
    assert!(asked.ask("create_user", create).await.0.starts_with("protected"));
    // A manager or a recipient gets something and is not changed.
    let manager = json!({ "user": upn("ada"), "manager": upn("grace") });
    assert_eq!(asked.ask("set_manager", manager).await.0, "free");
    assert!(asked.emulator.journal().iter().all(|entry| !entry.write));
}

#[tokio::test]
async fn people_are_protected_by_name_by_id_and_by_group_of_a_group() {
    let people = [upn("Ada")];
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let asked = Asked::of(tenant(ALL), &people, &["Board"], &[]);
    assert!(asked.user(json!({ "employee_id": "1815" })).await.contains("names this account"));
    assert!(asked.user(upn("edsger")).await.contains("it is in the protected group"));
    assert_eq!(asked.user(upn("operator")).await, "free");
    let id = id_of(&asked, "operator");
    let asked = Asked::of(tenant(ALL), &[&id], &[], &[]);
    assert!(asked.user(upn("operator")).await.contains("names this account"));
    let misspelt = Asked::of(tenant(ALL), &[], &["Bored"], &[]).user(upn("ada")).await;
    assert!(misspelt.starts_with("protection_unknown: ") && misspelt.contains("names `Bored`"), "{misspelt}");
}

#[tokio::test]
async fn the_last_global_administrator_is_protected_always_and_apart() {
    let asked = |tenant| Asked::of(tenant, &[], &[], &[]);
    let last = asked(tenant(ALL));
    let (said, refused) = last.ask("disable_account", json!({ "user": upn("grace") })).await;
    assert!(said.contains("it is the last Global Administrator"), "{said}");
    let second = |user: User| tenant(ALL).user(user.holding_role(GLOBAL));
    let other = || User::new("other@contoso.example", "Other");
    assert_eq!(asked(second(other())).user(upn("grace")).await, "free");
    assert!(asked(second(other().disabled())).user(upn("grace")).await.starts_with("protected"));
    let group = Group::role_assignable("Globals").holding_role(GLOBAL).member(&upn("ada"));
    assert_eq!(asked(tenant(ALL).group(group)).user(upn("grace")).await, "free");
    // A release for somebody does not reach as far as the last administrator.
    let somebody = Protected { last_administrator: false, ..refused[0].clone() };
    let released = |released: Vec<Protected>| Asked { released, ..Asked::by_default(tenant(ALL)) };
    assert!(released(vec![somebody.clone()]).user(upn("grace")).await.contains("it is the last"));
    assert_eq!(released(refused.clone()).user(upn("grace")).await, "free");
    let two = Asked { released: vec![somebody], ..Asked::by_default(second(other())) };
    assert_eq!(two.user(upn("grace")).await, "free");
    assert!(two.user(upn("other")).await.starts_with("protected"), "the release is for one person");
}

#[tokio::test]
async fn where_roles_cannot_be_read_nothing_is_written_unless_the_settings_say_so() {
    let blind = || tenant(&["User.ReadWrite.All"]);
    let asked = Asked::by_default(blind());
    let (said, refused) = asked.ask("disable_account", json!({ "user": upn("ada") })).await;
    assert!(said.starts_with("protection_unknown: "), "{said}");
    assert!(said.contains("grant the application RoleManagement.Read.Directory"), "{said}");
    assert!(asked.user(upn("nobody")).await.starts_with("protection_unknown"));
    assert_eq!(Asked { released: refused, ..Asked::by_default(blind()) }.user(upn("ada")).await, "free");
    assert_eq!(Asked::of(blind(), &[], &[], &[]).user(upn("grace")).await, "free");
    // Who may activate a role is seen where that may be read.
    let broad = Asked::by_default(tenant(&["User.ReadWrite.All", "Directory.Read.All"]));
    assert_eq!(broad.user(upn("deputy")).await, "free");
    assert!(broad.user(upn("operator")).await.starts_with("protected"));
    let test = async |asked: &Asked| asked.protection.test(client(&asked.emulator).reader()).await;
    assert!(test(&asked).await.is_err());
    assert!(test(&broad).await.unwrap()[0].contains("Privileged Identity Management"));
    assert!(test(&Asked::by_default(tenant(ALL))).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_look_takes_one_round_trip_and_the_tenants_lists_are_read_once() {
    let asked = Asked::by_default(tenant(ALL));
    assert_eq!(asked.user(upn("ada")).await, "free");
    assert_eq!(asked.round_trips(), 1);
    let first = asked.emulator.journal().len();
    assert_eq!(asked.user(upn("edsger")).await, "free");
    assert_eq!(asked.round_trips(), 2);
    // The account, what it belongs to, and the batch around both.
    assert_eq!(asked.emulator.journal().len() - first, 4, "with the token of another client");
}
