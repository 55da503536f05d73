//! Reasons to refuse a change of an account: a privileged person, an account mastered on premises, a deleted or
//! missing one. Tested for each action that changes accounts, through the real client.

use msgraph_emulator::{Fault, Tenant, User};
use outcome::{Class, Mode};
use serde_json::{Value, json};
use workflow::Answer;

use super::bench::Bench;
use crate::{Scenario, roster};

/// Ada has an ordinary account; Grace is mastered on premises and reports to Ada; Edsger holds a role, so that not
/// every application may change him. One ordinary and one privileged account were deleted.
fn tenant() -> Tenant {
    let ada = "ada@contoso.example";
    Tenant::empty()
        .user(User::new(ada, "Ada Lovelace").with("mail", ada).with("userType", "Guest"))
        .user(User::new("grace@contoso.example", "Grace Hopper").synced().manager(ada))
        .user(User::new("edsger@contoso.example", "Edsger Dijkstra").holding_role("User Administrator"))
        .deleted_user(User::new("alumna@contoso.example", "Ada King"))
        .deleted_user(User::new("emeritus@contoso.example", "Edsger Dijkstra").holding_role("Reader"))
}

fn bench(action: &str, user: &str, more: Value) -> Bench {
    let mut params = json!({ "user": format!("{user}@contoso.example") });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let entry = roster().into_iter().find(|entry| entry.name == action).unwrap();
    Bench::with(entry, Scenario { tenant: tenant(), params })
}

#[tokio::test]
async fn each_refusal_has_its_code_and_nothing_is_written() {
    use Class::{Blocked, Rejected};
    let none = || json!({});
    let rows = [
        ("update_user", "nobody", json!({ "department": "Engines" }), Rejected, "user_not_found"),
        ("update_user", "alumna", json!({ "department": "Engines" }), Rejected, "user_not_found"),
        ("update_user", "grace", json!({ "department": "Engines" }), Blocked, "synced_user"),
        ("update_user", "edsger", json!({ "mobile_phone": "+31 20" }), Blocked, "role_missing"),
        ("update_user", "edsger", json!({ "mail": "ada@contoso.example" }), Blocked, "value_taken"),
        ("update_user", "ada", json!({ "employee_id": "18150000000000000" }), Blocked, "invalid_properties"),
        ("set_user_type", "nobody", json!({ "user_type": "guest" }), Rejected, "user_not_found"),
        ("set_user_type", "grace", json!({ "user_type": "guest" }), Blocked, "synced_user"),
        ("set_manager", "nobody", json!({ "manager": "ada@contoso.example" }), Rejected, "user_not_found"),
        ("set_manager", "ada", json!({ "manager": "alumna@contoso.example" }), Rejected, "manager_not_found"),
        ("set_manager", "ada", json!({ "manager": "ada@contoso.example" }), Rejected, "own_manager"),
        ("set_manager", "grace", json!({ "manager": "edsger@contoso.example" }), Blocked, "synced_user"),
        ("remove_manager", "nobody", none(), Rejected, "user_not_found"),
        ("remove_manager", "grace", none(), Blocked, "synced_user"),
        ("restore_user", "nobody", none(), Rejected, "user_not_found"),
        ("restore_user", "emeritus", none(), Blocked, "permission_missing"),
        ("delete_user", "nobody", none(), Rejected, "user_not_found"),
        ("delete_user", "grace", none(), Blocked, "synced_user"),
        ("delete_user", "edsger", none(), Blocked, "role_missing"),
    ];
    for (action, user, params, class, code) in rows {
        let bench = bench(action, user, params);
        let report = bench.run(Mode::Apply).await;
        let Answer::Failed(failure) = report.answer else {
            panic!("{action} of {user} should be refused: {report:?}")
        };
        assert_eq!((failure.class, failure.code.as_str()), (class, code), "{action} of {user}: {failure}");
        assert!(!failure.message.contains('@'), "{action} of {user} names somebody: {failure}");
        assert_eq!(bench.effects(), [""; 0], "{action} of {user}");
    }
}

#[tokio::test]
async fn an_account_that_needs_no_change_is_unchanged_wherever_it_is_mastered() {
    let rows = [
        ("update_user", "grace", json!({ "display_name": "Grace Hopper" })),
        ("set_user_type", "ada", json!({ "user_type": "guest" })),
        ("set_user_type", "grace", json!({ "user_type": "member" })),
        ("set_manager", "grace", json!({ "manager": "ada@contoso.example" })),
        ("remove_manager", "ada", json!({})),
        ("restore_user", "ada", json!({})),
        ("delete_user", "alumna", json!({})),
    ];
    for (action, user, params) in rows {
        let report = bench(action, user, params).run(Mode::Apply).await;
        assert_eq!(report.answer, Answer::Unchanged, "{action} of {user}");
    }
}

#[tokio::test]
async fn a_name_that_was_taken_meanwhile_has_its_own_code() {
    let bench = bench("restore_user", "alumna", json!({}));
    let taken = "Another object with the same value for property userPrincipalName already exists.";
    bench.emulator.fault(Fault::status(400).code("Request_BadRequest").message(taken).path("*/restore"));
    let Answer::Failed(failure) = bench.run(Mode::Apply).await.answer else { panic!("should be refused") };
    assert_eq!((failure.class, failure.code.as_str()), (Class::Blocked, "upn_taken"));
    assert!(failure.message.contains("rename that one first"), "{failure}");
}

#[tokio::test]
async fn a_guest_is_changed_like_a_member() {
    let rows = [
        ("update_user", json!({ "department": "Engines" })),
        ("set_user_type", json!({ "user_type": "member" })),
        ("set_manager", json!({ "manager": "edsger@contoso.example" })),
        ("delete_user", json!({})),
    ];
    for (action, params) in rows {
        let report = bench(action, "ada", params).run(Mode::Apply).await;
        assert!(matches!(&report.answer, Answer::Changed(changes) if changes.len() == 1), "{report:?}");
    }
}
