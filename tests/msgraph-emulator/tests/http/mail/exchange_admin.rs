//! Exchange's administration, with tokens of its own.

use msgraph_emulator::{
    Application, CLIENT_ID, CLIENT_SECRET, Mailbox, Options, Sku, TENANT_ID, Tenant, User,
};
use serde_json::{Value, json};

use crate::harness::{Desk, GRACE, read, refused};

async fn desk() -> Desk {
    let grace = User::new(GRACE, "Grace Hopper")
        .located("US")
        .licensed("SPE_E3")
        .mailbox(Mailbox::new().sized(5_000));
    let tenant = Tenant::empty()
        .application(Application::default().role("Exchange.ManageAsApp"))
        .sku(Sku::new("SPE_E3", 1).plan("EXCHANGE_S_ENTERPRISE"))
        .user(grace);
    Desk::with(Options::new(tenant)).await
}

async fn token(desk: &Desk) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("scope", "https://outlook.office365.com/.default"),
    ];
    let address = format!("{}/{TENANT_ID}/oauth2/v2.0/token", desk.emulator.url());
    let (_, body) = read(desk.http.post(address).form(&form).send().await.unwrap()).await;
    body["access_token"].as_str().unwrap().to_owned()
}

async fn invoke(desk: &Desk, token: &str, name: &str, parameters: Value) -> (u16, Value) {
    let body = json!({ "CmdletInput": { "CmdletName": name, "Parameters": parameters } });
    let address = format!("{}/adminapi/beta/{TENANT_ID}/InvokeCommand", desk.emulator.url());
    let request = desk.http.post(address).bearer_auth(token).header("X-AnchorMailbox", "APP:anybody");
    let request = request.header("Content-Type", "application/json").body(body.to_string());
    read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_mailbox_is_found_changed_and_shows_it() {
    let desk = desk().await;
    let (token, id) = (token(&desk).await, desk.user(GRACE));
    let filter = json!({ "Filter": format!("ExternalDirectoryObjectId -eq '{id}'") });
    let (_, found) = invoke(&desk, &token, "Get-Mailbox", filter.clone()).await;
    assert_eq!(found["value"][0]["RecipientTypeDetails"], "UserMailbox");
    let guid = found["value"][0]["Guid"].clone();
    let (_, size) = invoke(&desk, &token, "Get-MailboxStatistics", json!({ "Identity": guid })).await;
    assert_eq!(size["value"][0]["TotalItemSize"], "0 MB (5,000 bytes)");
    for _ in 0..2 {
        let share = json!({ "Identity": guid, "Type": "Shared" });
        assert_eq!(invoke(&desk, &token, "Set-Mailbox", share).await.0, 200);
    }
    let (_, found) = invoke(&desk, &token, "Get-Mailbox", filter).await;
    assert_eq!(found["value"][0]["RecipientTypeDetails"], "SharedMailbox");
    assert_eq!(desk.found(&format!("users/{id}/mailboxSettings")).await["userPurpose"], "shared");
    assert_eq!(desk.emulator.effects(), [format!("set Type of mailbox of user {id}")]);
    let writes = desk.emulator.journal().into_iter().filter(|entry| entry.write).count();
    assert_eq!(writes, 2, "a cmdlet that gets is no write");
}

#[tokio::test]
async fn tokens_cmdlets_and_parameters_are_checked() {
    let desk = desk().await;
    let token = token(&desk).await;
    let wrong_token = invoke(&desk, &desk.token, "Get-Mailbox", json!({})).await;
    refused(&wrong_token, 401, "InvalidAuthenticationToken", "audience");
    let unknown = invoke(&desk, &token, "Remove-Mailbox", json!({})).await;
    refused(&unknown, 400, "BadRequest", "not recognized");
    assert!(unknown.1["error"]["details"][0]["message"].as_str().unwrap().contains("Remove-Mailbox"));
    let misspelt = invoke(&desk, &token, "Set-Mailbox", json!({ "Id": "x" })).await;
    refused(&misspelt, 400, "BadRequest", "'Id'");
    let nobodys = invoke(&desk, &token, "Get-MailboxStatistics", json!({ "Identity": "x" })).await;
    refused(&nobodys, 404, "NotFound", "couldn't be found");
}
