//! Sign-in on another device, and the permissions of its tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use msgraph_emulator::{Application, CLIENT_ID, Decision, Options, TENANT_ID, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, GRACE, read, refused, tenant};

const SCOPE: &str = "https://graph.microsoft.com/.default offline_access openid profile";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SERVICE: &str = "service@contoso.example";

fn public() -> Application {
    let scopes = ["User.ReadWrite.All", "GroupMember.ReadWrite.All", "User.RevokeSessions.All"];
    Application::default().roles(&[]).scopes(&scopes).public().poll_interval(0)
}

fn desk(application: Application) -> Desk {
    let tenant = tenant().user(User::new(SERVICE, "Service").holding_role("User Administrator"));
    let options = Options::new(tenant.application(application));
    Desk::unsigned(options)
}

async fn post(desk: &Desk, endpoint: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let address = format!("{}/{TENANT_ID}/oauth2/v2.0/{endpoint}", desk.emulator.url());
    read(desk.http.post(address).form(form).send().await.unwrap()).await
}

async fn begin(desk: &Desk) -> (String, String) {
    let (status, body) = post(desk, "devicecode", &[("client_id", CLIENT_ID), ("scope", SCOPE)]).await;
    assert_eq!((status, &body["expires_in"]), (200, &json!(900)), "{body}");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("device_code"), text("user_code"))
}

async fn poll(desk: &Desk, code: &str) -> (u16, Value) {
    let form = [("grant_type", DEVICE_CODE), ("client_id", CLIENT_ID), ("device_code", code)];
    post(desk, "token", &form).await
}

async fn refresh(desk: &Desk, token: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", CLIENT_ID),
        ("refresh_token", token),
        ("scope", SCOPE),
    ];
    post(desk, "token", &form).await
}

async fn sign_in(desk: &Desk, user: &str) -> Value {
    let (code, user_code) = begin(desk).await;
    assert!(desk.emulator.decide_sign_in(&user_code, &Decision::Approve(user.to_owned())));
    let (status, body) = poll(desk, &code).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap()
}

fn refused_as(answer: &(u16, Value), error: &str, code: u64) {
    let (status, body) = answer;
    assert_eq!((*status, &body["error"], &body["error_codes"][0]), (400, &json!(error), &json!(code)));
}

#[tokio::test]
async fn a_device_waits_until_its_person_has_decided() {
    let desk = desk(public());
    let (code, user_code) = begin(&desk).await;
    refused_as(&poll(&desk, &code).await, "authorization_pending", 70_016);
    let pending = desk.emulator.pending_sign_ins();
    assert_eq!((pending.len(), pending[0].polls, &pending[0].user_code), (1, 1, &user_code));
    assert!(!desk.emulator.decide_sign_in(&user_code, &Decision::Approve("nobody".into())));
    assert!(!desk.emulator.decide_sign_in("ELSEWHERE", &Decision::Decline));
    assert!(desk.emulator.decide_sign_in(&user_code, &Decision::Approve(SERVICE.into())));
    let (status, body) = poll(&desk, &code).await;
    assert_eq!(status, 200, "{body}");
    let claims = |token: &str| -> Value {
        let payload = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    };
    let access = claims(text(&body, "access_token"));
    assert!(text(&access, "scp").contains("User.ReadWrite.All") && access.get("roles").is_none());
    assert_eq!(claims(text(&body, "id_token"))["preferred_username"], SERVICE);
    refused_as(&poll(&desk, &code).await, "bad_verification_code", 70_018);
}

#[tokio::test]
async fn a_device_hears_why_it_gets_nothing() {
    let desk = desk(public());
    let (code, user_code) = begin(&desk).await;
    desk.emulator.decide_sign_in(&user_code, &Decision::Decline);
    refused_as(&poll(&desk, &code).await, "authorization_declined", 65_004);
    let (code, user_code) = begin(&desk).await;
    desk.emulator.decide_sign_in(&user_code, &Decision::Expire);
    refused_as(&poll(&desk, &code).await, "expired_token", 70_019);
    desk.emulator.with_tenant(|tenant| tenant.put_application(public().poll_interval(60)));
    let (code, _) = begin(&desk).await;
    refused_as(&poll(&desk, &code).await, "slow_down", 70_016);
    desk.emulator.with_tenant(|tenant| tenant.put_application(public().scopes(&[])));
    let (code, user_code) = begin(&desk).await;
    desk.emulator.decide_sign_in(&user_code, &Decision::Approve(SERVICE.into()));
    refused_as(&poll(&desk, &code).await, "invalid_grant", 65_001);
    desk.emulator.with_tenant(|tenant| tenant.put_application(Application::default()));
    let (status, body) = poll(&desk, &code).await;
    assert_eq!((status, &body["error_codes"][0]), (401, &json!(7_000_218)));
}

#[tokio::test]
async fn refresh_tokens_rotate_and_the_old_one_stays_good_until_it_is_revoked() {
    let desk = desk(public());
    let first = sign_in(&desk, SERVICE).await;
    let (status, second) = refresh(&desk, text(&first, "refresh_token")).await;
    assert_eq!(status, 200, "{second}");
    assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
    assert_eq!(refresh(&desk, text(&first, "refresh_token")).await.0, 200);
    refused_as(&refresh(&desk, "elsewhere").await, "invalid_grant", 70_000);
    desk.emulator.expire_refresh_tokens();
    refused_as(&refresh(&desk, text(&second, "refresh_token")).await, "invalid_grant", 70_008);
    desk.emulator.revoke_refresh_tokens();
    refused_as(&refresh(&desk, text(&second, "refresh_token")).await, "invalid_grant", 50_173);
    let third = sign_in(&desk, SERVICE).await;
    desk.emulator.with_tenant(|tenant| tenant.set(SERVICE, "accountEnabled", false)).unwrap();
    refused_as(&refresh(&desk, text(&third, "refresh_token")).await, "invalid_grant", 50_057);
}

#[tokio::test]
async fn a_delegated_token_does_no_more_than_its_permissions_and_its_user_may() {
    let mut desk = desk(public());
    let change = json!({ "jobTitle": "Countess" });
    for (user, status) in [(SERVICE, 204), (GRACE, 403)] {
        desk.token = text(&sign_in(&desk, user).await, "access_token").to_owned();
        assert_eq!(desk.get("users").await.0, 200);
        assert_eq!(
            desk.send("PATCH", &format!("users/{ADA}"), Some(change.clone())).await.0,
            status,
            "{user}"
        );
        assert_eq!(desk.get("subscribedSkus").await.0, 403, "nobody has consented to that");
    }
    desk.emulator.with_tenant(|tenant| tenant.set(GRACE, "accountEnabled", false)).unwrap();
    refused(&desk.get("users").await, 401, "InvalidAuthenticationToken", "gone or disabled");
}

#[tokio::test]
async fn the_controls_decide_and_revoke_over_http() {
    let mut desk = desk(public());
    let (code, user_code) = begin(&desk).await;
    let control = |method: &str, path: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        desk.http.request(method, format!("{}/_emulator/{path}", desk.emulator.url()))
    };
    let listed = read(control("GET", "sign-ins").send().await.unwrap()).await.1;
    assert_eq!(listed[0]["user_code"], user_code.as_str());
    let decision = json!({ "user_code": user_code, "decision": { "approve": SERVICE } });
    assert_eq!(control("POST", "sign-ins").json(&decision).send().await.unwrap().status(), 204);
    let elsewhere = json!({ "user_code": "ELSEWHERE", "decision": "decline" });
    assert_eq!(control("POST", "sign-ins").json(&elsewhere).send().await.unwrap().status(), 400);
    let change = json!({ "client_id": CLIENT_ID, "expires_in": 7 });
    assert_eq!(control("PATCH", "applications").json(&change).send().await.unwrap().status(), 204);
    let body = poll(&desk, &code).await.1;
    assert_eq!(body["expires_in"], 7);
    assert_eq!(control("POST", "tokens").json("revoke_access").send().await.unwrap().status(), 204);
    assert_eq!(control("POST", "tokens").json("expire_refresh").send().await.unwrap().status(), 204);
    refused_as(&refresh(&desk, text(&body, "refresh_token")).await, "invalid_grant", 70_008);
    assert_eq!(control("POST", "tokens").json("colour").send().await.unwrap().status(), 400);
    desk.token = text(&body, "access_token").to_owned();
    refused(&desk.get("users").await, 401, "InvalidAuthenticationToken", "revoked");
    let secrets = desk.emulator.secrets().tokens;
    assert!(secrets.iter().any(|token| token == text(&body, "refresh_token")), "{}", secrets.len());
}
