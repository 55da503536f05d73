//! Mail: a draft keeps its internet message id when it is sent, and is then another object.

use msgraph_emulator::{Application, Options, Sku, Tenant, User};
use serde_json::json;

use crate::harness::{ADA, Desk, GRACE, refused};

const MESSAGE_ID: &str = "<1@contoso.example>";

fn tenant() -> Tenant {
    Tenant::empty()
        .sku(Sku::new("EXCHANGESTANDARD", 5).plan("EXCHANGE_S_STANDARD"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("EXCHANGESTANDARD"))
        .user(User::new(ADA, "Ada Lovelace"))
}

fn mail(to: &str) -> serde_json::Value {
    json!({
        "subject": "Welcome", "internetMessageId": MESSAGE_ID, "body": { "contentType": "text", "content": "…" },
        "toRecipients": [{ "emailAddress": { "address": to } }],
    })
}

#[tokio::test]
async fn a_draft_is_found_by_its_id_before_and_after_it_is_sent() {
    let desk = Desk::with(Options::new(tenant())).await;
    let messages = format!("users/{GRACE}/messages");
    let by_id = format!("{messages}?$filter=internetMessageId eq '{MESSAGE_ID}'&$select=id,isDraft");
    assert_eq!(desk.found(&by_id).await["value"], json!([]));

    let draft = desk.send("POST", &messages, Some(mail(ADA))).await;
    assert_eq!((draft.0, &draft.1["isDraft"]), (201, &json!(true)));
    let id = draft.1["id"].as_str().unwrap();
    assert_eq!(desk.found(&by_id).await["value"], json!([{ "id": id, "isDraft": true }]));

    let send = format!("{messages}/{id}/send");
    assert_eq!(desk.send("POST", &send, None).await.0, 202);
    let sent = desk.found(&by_id).await["value"].clone();
    assert_eq!(sent[0]["isDraft"], false);
    assert_ne!(sent[0]["id"], id, "it has moved");
    refused(&desk.send("POST", &send, None).await, 404, "ErrorItemNotFound", "not found in the store");
    let sent = format!("{messages}/{}", sent[0]["id"].as_str().unwrap());
    assert_eq!(desk.send("DELETE", &sent, None).await.0, 204);
    refused(&desk.send("DELETE", &sent, None).await, 404, "ErrorItemNotFound", "not found in the store");
    assert_eq!(desk.emulator.effects().len(), 3);
}

#[tokio::test]
async fn sending_needs_a_recipient_a_mailbox_and_permission() {
    let desk = Desk::with(Options::new(tenant())).await;
    let draft = desk.send("POST", &format!("users/{GRACE}/messages"), Some(mail("nobody"))).await;
    let id = draft.1["id"].as_str().unwrap();
    let sent = desk.send("POST", &format!("users/{GRACE}/messages/{id}/send"), None).await;
    refused(&sent, 400, "ErrorInvalidRecipients", "recipient");
    let elsewhere = desk.send("POST", &format!("users/{ADA}/messages"), Some(mail(GRACE))).await;
    refused(&elsewhere, 404, "MailboxNotEnabledForRESTAPI", "inactive");

    let application = Application::default().without_role("Mail.Send");
    let desk = Desk::with(Options::new(tenant().application(application))).await;
    let draft = desk.send("POST", &format!("users/{GRACE}/messages"), Some(mail(ADA))).await;
    let id = draft.1["id"].as_str().unwrap();
    let sent = desk.send("POST", &format!("users/{GRACE}/messages/{id}/send"), None).await;
    refused(&sent, 403, "ErrorAccessDenied", "Access is denied");
}

#[tokio::test]
async fn mail_is_sent_without_a_draft_and_kept_unless_told_otherwise() {
    let desk = Desk::with(Options::new(tenant())).await;
    let path = format!("users/{GRACE}/sendMail");
    let mut html = mail(ADA);
    html["body"] = json!({ "contentType": "HTML", "content": "<p>…</p>" });
    for (body, kept) in [
        (json!({ "message": html }), 1),
        // As the SDKs write the parameters.
        (json!({ "Message": mail(ADA), "SaveToSentItems": true }), 2),
        (json!({ "message": mail(ADA), "saveToSentItems": false }), 2),
    ] {
        assert_eq!(desk.send("POST", &path, Some(body)).await.0, 202);
        let messages = desk.found(&format!("users/{GRACE}/messages")).await["value"].clone();
        assert_eq!(messages.as_array().unwrap().len(), kept);
        assert!(messages.as_array().unwrap().iter().all(|message| message["isDraft"] == false));
    }
    assert_eq!(desk.emulator.effects().len(), 3);
    let messages = desk.found(&format!("users/{GRACE}/messages?$select=id")).await;
    let first = format!("users/{GRACE}/messages/{}", messages["value"][0]["id"].as_str().unwrap());
    let read = desk.found(&format!("{first}?$select=body")).await;
    assert_eq!(read["body"], json!({ "contentType": "html", "content": "<p>…</p>" }));
    refused(
        &desk.get(&format!("users/{GRACE}/messages/x")).await,
        404,
        "ErrorItemNotFound",
        "not found in the store",
    );
    let to_nobody = json!({ "message": { "subject": "…" } });
    refused(
        &desk.send("POST", &path, Some(to_nobody)).await,
        400,
        "ErrorInvalidRecipients",
        "At least one recipient",
    );
    let odd = json!({ "message": mail(ADA), "colour": "red" });
    refused(&desk.send("POST", &path, Some(odd)).await, 400, "Request_BadRequest", "colour");
}
