//! Temporary access passes.

use msgraph_emulator::{Application, Options, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, GRACE, refused};

async fn desk(user: User) -> Desk {
    let roles = ["UserAuthMethod-TAP.ReadWrite.All", "UserAuthenticationMethod.Read.All"];
    let application = Application::default().roles(&roles);
    Desk::with(Options::new(Tenant::empty().application(application).user(user))).await
}

fn path() -> String {
    format!("users/{ADA}/authentication/temporaryAccessPassMethods")
}

async fn held(desk: &Desk) -> Vec<Value> {
    desk.found(&path()).await["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_pass_is_shown_once_and_a_user_has_one_at_most() {
    let desk = desk(User::new(ADA, "Ada Lovelace")).await;
    let wanted = json!({ "lifetimeInMinutes": 480, "isUsableOnce": true });
    let (status, issued) = desk.send("POST", &path(), Some(wanted.clone())).await;
    assert_eq!((status, &issued["isUsable"], &issued["isUsableOnce"]), (201, &json!(true), &json!(true)));
    let value = issued["temporaryAccessPass"].as_str().unwrap();
    assert_eq!(desk.emulator.secrets().passes, [value]);
    let held = held(&desk).await;
    assert_eq!((held.len(), &held[0]["temporaryAccessPass"]), (1, &Value::Null));
    let methods = desk.found(&format!("users/{ADA}/authentication/methods")).await;
    assert_eq!(methods["value"][1]["id"], held[0]["id"]);
    refused(&desk.send("POST", &path(), Some(wanted.clone())).await, 400, "badRequest", "already");

    let one = format!("{}/{}", path(), held[0]["id"].as_str().unwrap());
    assert_eq!(desk.send("DELETE", &one, None).await.0, 204);
    refused(&desk.send("DELETE", &one, None).await, 404, "Request_ResourceNotFound", "");
    let (_, again) = desk.send("POST", &path(), Some(wanted)).await;
    assert_eq!(again["id"], issued["id"]);
    assert_ne!(again["temporaryAccessPass"], issued["temporaryAccessPass"]);
    let ada = desk.user(ADA);
    let issue = format!("issue temporaryAccessPass to user {ada}");
    assert_eq!(
        desk.emulator.effects(),
        [issue.clone(), format!("remove temporaryAccessPass of user {ada}"), issue]
    );
    let state = desk.emulator.state().to_string();
    assert!(desk.emulator.secrets().passes.iter().all(|pass| !state.contains(pass)));
}

#[tokio::test]
async fn a_pass_has_its_time_and_the_policy_has_a_say() {
    let desk = desk(User::new(ADA, "Ada Lovelace")).await;
    let past = json!({ "startDateTime": "2024-01-15T08:00:00Z", "lifetimeInMinutes": 60 });
    assert_eq!(desk.send("POST", &path(), Some(past)).await.0, 201);
    let found = held(&desk).await;
    assert_eq!(
        (&found[0]["isUsable"], &found[0]["methodUsabilityReason"]),
        (&json!(false), &json!("Expired"))
    );
    let one = format!("{}/{}", path(), found[0]["id"].as_str().unwrap());
    assert_eq!(desk.send("DELETE", &one, None).await.0, 204);
    for minutes in [10, 481] {
        let answer = desk.send("POST", &path(), Some(json!({ "lifetimeInMinutes": minutes }))).await;
        refused(&answer, 400, "badRequest", "Invalid LifetimeInMinutes specified");
    }
    assert_eq!(desk.send("POST", &path(), Some(json!({ "value": "1" }))).await.0, 400);
    let (_, later) =
        desk.send("POST", &path(), Some(json!({ "startDateTime": "2999-01-01T08:00:00Z" }))).await;
    assert_eq!((&later["isUsable"], &later["methodUsabilityReason"]), (&json!(false), &json!("NotYetValid")));
    assert_eq!(later["lifetimeInMinutes"], 60);
}

#[tokio::test]
async fn passes_ask_for_their_permission() {
    let desk = Desk::open().await;
    for method in ["GET", "POST"] {
        let path = format!("users/{GRACE}/authentication/temporaryAccessPassMethods");
        let answer = desk.send(method, &path, (method == "POST").then(|| json!({}))).await;
        refused(&answer, 403, "Authorization_RequestDenied", "");
    }
}
