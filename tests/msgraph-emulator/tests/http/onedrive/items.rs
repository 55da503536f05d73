//! Items in a drive: listings of whole trees, folders, small files, and copies with their quirks.

use msgraph_emulator::{Drive, Options, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, read, refused};

async fn desk(grace: Drive) -> Desk {
    let tenant = Tenant::empty()
        .user(User::new(GRACE, "Grace Hopper").drive(grace))
        .user(User::new(ADA, "Ada Lovelace").drive(Drive::new()))
        .user(User::new(EDSGER, "Edsger Dijkstra").drive(Drive::new().locked()));
    Desk::with(Options::new(tenant)).await
}

async fn drive(desk: &Desk, upn: &str) -> String {
    desk.found(&format!("users/{upn}/drive")).await["id"].as_str().unwrap().to_owned()
}

/// Every item of a drive, page by page.
async fn items(desk: &Desk, drive: &str, top: usize) -> Vec<Value> {
    let mut path = format!("drives/{drive}/root/delta?$top={top}&$select=id,name,size,file,parentReference");
    let mut items = Vec::new();
    loop {
        let page = desk.found(&path).await;
        items.extend(page["value"].as_array().unwrap().iter().cloned());
        let Some(next) = page["@odata.nextLink"].as_str() else { return items };
        path = next.split_once("/v1.0/").unwrap().1.to_owned();
    }
}

fn id_of(items: &[Value], name: &str) -> String {
    items.iter().find(|item| item["name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
}

/// Orders a copy and answers with the status line and what the monitor then says.
async fn copy(desk: &Desk, query: &str, drive: &str, item: &str, body: Value) -> (u16, Value) {
    let path = format!("drives/{drive}/items/{item}/copy{query}");
    let answer = desk.request("POST", &path).json(&body).send().await.unwrap();
    let Some(monitor) = answer.headers().get("location") else { return read(answer).await };
    assert_eq!(answer.status().as_u16(), 202);
    let monitor = monitor.to_str().unwrap().to_owned();
    let signed = desk.http.get(&monitor).bearer_auth(&desk.token).send().await.unwrap();
    assert_eq!(signed.status().as_u16(), 401, "a token of Graph's has no business there");
    read(desk.http.get(&monitor).send().await.unwrap()).await
}

#[tokio::test]
async fn a_tree_is_listed_whole_by_the_page() {
    let desk = desk(Drive::new().file("Plans/a.txt", 5).folder("Empty").made_up(90)).await;
    let grace = drive(&desk, GRACE).await;
    let listed = items(&desk, &grace, 7).await;
    // The root, Plans and what is in it, Empty, ninety files in three folders of one archive.
    assert_eq!(listed.len(), 1 + 2 + 1 + 90 + 3 + 1);
    let file = listed.iter().find(|item| item["name"] == "a.txt").unwrap();
    assert_eq!(file["size"], 5);
    assert_eq!(file["file"]["hashes"]["quickXorHash"].as_str().unwrap().len(), 28);
    assert_eq!(file["parentReference"]["id"], id_of(&listed, "Plans"));
    assert!(file["parentReference"].get("path").is_none(), "a delta tells no paths");
    let quota = desk.found(&format!("users/{GRACE}/drive?$select=quota")).await["quota"].clone();
    assert_eq!(
        quota["total"].as_u64().unwrap() - quota["used"].as_u64().unwrap(),
        quota["remaining"].as_u64().unwrap()
    );
}

#[tokio::test]
async fn a_folder_is_made_once_and_found_by_its_name() {
    let desk = desk(Drive::new()).await;
    let ada = drive(&desk, ADA).await;
    let folder =
        json!({ "name": "Ada & Co #1 100%", "folder": {}, "@microsoft.graph.conflictBehavior": "fail" });
    let path = format!("drives/{ada}/items/root/children");
    let (status, made) = desk.send("POST", &path, Some(folder.clone())).await;
    assert_eq!(status, 201, "{made}");
    refused(&desk.send("POST", &path, Some(folder)).await, 409, "nameAlreadyExists", "exists");
    let found = desk.found(&format!("drives/{ada}/items/root:/Ada%20&%20Co%20%231%20100%25")).await;
    assert_eq!(found["id"], made["id"]);
    refused(&desk.get(&format!("drives/{ada}/items/root:/Other")).await, 404, "itemNotFound", "not be found");
    let wrong = json!({ "name": "a/b", "folder": {} });
    refused(&desk.send("POST", &path, Some(wrong)).await, 400, "invalidRequest", "Invalid");
}

#[tokio::test]
async fn a_small_file_is_written_whole_and_again_without_effect() {
    let desk = desk(Drive::new()).await;
    let ada = drive(&desk, ADA).await;
    let path = format!("drives/{ada}/items/root:/list.csv:/content");
    for status in [201, 200] {
        let answer = desk.request("PUT", &path).body("path,size").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
    assert_eq!(desk.emulator.effects().len(), 1);
    assert_eq!(desk.emulator.file(ADA, "List.csv").unwrap(), b"path,size");
}

#[tokio::test]
async fn a_copy_is_a_new_tree_with_office_files_written_into_and_odd_names_mended() {
    let source = Drive::new()
        .file("Plans/a.txt", 5)
        .file("Plans/b.docx", 100)
        .file("Plans/old. ", 1)
        .file("top.txt", 3);
    let desk = desk(source).await;
    let (grace, ada) = (drive(&desk, GRACE).await, drive(&desk, ADA).await);
    let to = json!({ "driveId": ada, "id": "root" });
    let (_, done) =
        copy(&desk, "", &grace, "root", json!({ "parentReference": to, "childrenOnly": true })).await;
    assert_eq!(
        (done["status"].as_str(), done["percentageComplete"].as_f64()),
        (Some("completed"), Some(100.0))
    );
    let (from, copied) = (items(&desk, &grace, 99).await, items(&desk, &ada, 99).await);
    let hash = |items: &[Value], name: &str| {
        let item = items.iter().find(|item| item["name"] == name).unwrap();
        (item["size"].clone(), item["file"]["hashes"]["quickXorHash"].clone())
    };
    assert_eq!(hash(&from, "a.txt"), hash(&copied, "a.txt"));
    assert_ne!(hash(&from, "b.docx"), hash(&copied, "b.docx"));
    assert_eq!(hash(&from, "old. "), hash(&copied, "old"));
    assert_eq!(copied.len(), from.len());
}

#[tokio::test]
async fn a_copy_reports_the_items_it_did_not_copy() {
    let deep = format!("{}/end.txt", ["a folder with a name of forty characters"; 9].join("/"));
    let source = Drive::new().file("x/a.txt", 5).file(&deep, 1).infected_file("x/virus.exe", 9);
    let desk = desk(source).await;
    let (grace, ada) = (drive(&desk, GRACE).await, drive(&desk, ADA).await);
    let all = items(&desk, &grace, 99).await;
    let body = json!({ "parentReference": { "driveId": ada, "id": "root" }, "childrenOnly": true });
    let (_, failed) = copy(&desk, "", &grace, "root", body.clone()).await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].get("code").is_none(), "of several there is no code: {failed}");
    let codes: Vec<_> =
        failed["error"]["details"].as_array().unwrap().iter().map(|it| it["code"].clone()).collect();
    assert_eq!(codes, ["malwareDetected", "pathIsTooLong"]);
    assert_eq!(desk.emulator.state()["users"][desk.user(ADA)]["drive"]["files"]["x/a.txt"]["size"], 5);

    let (_, again) = copy(
        &desk,
        "",
        &grace,
        &id_of(&all, "x"),
        json!({ "parentReference": { "driveId": ada, "id": "root" } }),
    )
    .await;
    assert_eq!(again["error"]["details"][0]["code"], "nameAlreadyExists", "a folder is never merged");
    let a = id_of(&all, "a.txt");
    let x = id_of(&items(&desk, &ada, 99).await, "x");
    let into = json!({ "parentReference": { "driveId": ada, "id": x } });
    let (_, failed) = copy(&desk, "", &grace, &a, into.clone()).await;
    assert_eq!(failed["error"]["code"], "nameAlreadyExists");
    let replace = "?@microsoft.graph.conflictBehavior=replace";
    assert_eq!(copy(&desk, replace, &grace, &a, into.clone()).await.1["status"], "completed");
    assert_eq!(desk.emulator.state()["users"][desk.user(ADA)]["drive"]["files"]["x/a.txt"]["versions"], 2);
    let rename = "?@microsoft.graph.conflictBehavior=rename";
    copy(&desk, rename, &grace, &a, into).await;
    assert!(items(&desk, &ada, 99).await.iter().any(|item| item["name"] == "a 1.txt"));
}

#[tokio::test]
async fn orders_that_cannot_be_are_refused_at_once() {
    let desk = desk(Drive::new().file("a.txt", 5)).await;
    let (grace, ada) = (drive(&desk, GRACE).await, drive(&desk, ADA).await);
    let edsger = drive(&desk, EDSGER).await;
    let file = id_of(&items(&desk, &grace, 99).await, "a.txt");
    let to = json!({ "driveId": ada, "id": "root" });
    let cases = [
        ("root", json!({ "parentReference": to }), 400, "Cannot copy the root folder."),
        ("root", json!({ "parentReference": to, "name": "x", "childrenOnly": true }), 400, "alongside"),
        (&file, json!({ "parentReference": to, "childrenOnly": true }), 400, "file items"),
        (&file, json!({ "parentReference": { "driveId": edsger, "id": "root" } }), 423, "locked"),
        (&file, json!({ "parentReference": { "driveId": ada, "id": "nothing" } }), 404, "not be found"),
    ];
    for (item, body, status, words) in cases {
        let (got, answer) = copy(&desk, "", &grace, item, body).await;
        assert_eq!(got, status, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(words), "{answer}");
    }
    assert!(desk.emulator.effects().is_empty());
}

#[tokio::test]
async fn thirty_thousand_items_are_all_that_one_copy_takes_and_it_takes_its_time() {
    let tenant = Tenant::empty()
        .user(User::new(GRACE, "Grace Hopper").drive(Drive::new().made_up(30_001)))
        .user(User::new(ADA, "Ada Lovelace").drive(Drive::new()));
    let hour = std::time::Duration::from_secs(3600);
    let desk = Desk::with(Options::new(tenant).copy_pace(hour)).await;
    let (grace, ada) = (drive(&desk, GRACE).await, drive(&desk, ADA).await);
    let to = json!({ "driveId": ada, "id": "root" });
    let body = json!({ "parentReference": to, "childrenOnly": true });
    refused(&copy(&desk, "", &grace, "root", body).await, 400, "invalidRequest", "more items");
    let folder = id_of(&items(&desk, &grace, 999).await, "Folder 00000");
    let (status, begun) = copy(&desk, "", &grace, &folder, json!({ "parentReference": to })).await;
    assert_eq!(
        (status, begun["status"].as_str(), begun["percentageComplete"].as_f64()),
        (202, Some("inProgress"), Some(0.0))
    );
}

#[tokio::test]
async fn a_drive_that_is_full_closed_or_elsewhere_takes_nothing() {
    let tenant = Tenant::empty()
        .user(User::new(GRACE, "Grace Hopper").drive(Drive::new().file("a.txt", 500).file("b.txt", 1)))
        .user(User::new(ADA, "Ada Lovelace").drive(Drive::new().holding(100)))
        .user(User::new("far@contoso.example", "Ada King").drive(Drive::new().in_geo("eur")))
        .user(User::new(EDSGER, "Edsger Dijkstra").drive(Drive::new().closed()));
    let desk = Desk::with(Options::new(tenant)).await;
    let (grace, ada) = (drive(&desk, GRACE).await, drive(&desk, ADA).await);
    let far = drive(&desk, "far@contoso.example").await;
    let body =
        |drive: &str| json!({ "parentReference": { "driveId": drive, "id": "root" }, "childrenOnly": true });
    let (_, failed) = copy(&desk, "", &grace, "root", body(&ada)).await;
    assert_eq!(failed["error"]["details"][0]["code"], "quotaLimitReached");
    assert_eq!(items(&desk, &ada, 99).await.len(), 2, "what fits is there");
    refused(&copy(&desk, "", &grace, "root", body(&far)).await, 400, "invalidRequest", "geographies");
    refused(&desk.get(&format!("users/{EDSGER}/drive")).await, 403, "accessDenied", "denied");
}

#[tokio::test]
async fn a_folder_lists_its_children_by_the_page() {
    let desk =
        desk(Drive::new().file("b.txt", 1).file("a.txt", 2).folder("Plans").file("Plans/c.txt", 3)).await;
    let grace = drive(&desk, GRACE).await;
    assert_eq!(desk.found(&format!("drives/{grace}")).await["id"], grace);
    let root = desk.found(&format!("drives/{grace}/root")).await;
    let folder = format!("drives/{grace}/items/{}/children", root["id"].as_str().unwrap());
    let mut path = format!("{folder}?$top=2&$select=id,name");
    let mut found = Vec::new();
    loop {
        let page = desk.found(&path).await;
        found.extend(page["value"].as_array().unwrap().iter().cloned());
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        path = next.split_once("/v1.0/").unwrap().1.to_owned();
    }
    assert_eq!(found.iter().map(|item| &item["name"]).collect::<Vec<_>>(), ["a.txt", "b.txt", "Plans"]);
    let below = desk.found(&format!("drives/{grace}/items/{}/children", id_of(&found, "Plans"))).await;
    assert_eq!(below["value"][0]["name"], "c.txt");
    refused(
        &desk.get(&format!("drives/{grace}/items/x/children")).await,
        404,
        "itemNotFound",
        "could not be found",
    );
}

#[tokio::test]
async fn a_download_goes_to_another_host_without_a_token() {
    let desk = desk(Drive::new().file("b.bin", 1)).await;
    let grace = drive(&desk, GRACE).await;
    // The path below the root as an SDK encodes it: as one key.
    let upload = desk.request("PUT", &format!("drives/{grace}/items/root%3A%2Fnote.txt%3A/content"));
    let (status, note) = read(upload.body("hello").send().await.unwrap()).await;
    assert_eq!((status, &note["size"]), (201, &json!(5)));
    let content = format!("drives/{grace}/items/{}/content", note["id"].as_str().unwrap());
    let answer = desk.request("GET", &content).send().await.unwrap();
    assert_ne!(answer.url().host_str(), Some("127.0.0.1"), "it was redirected");
    let address = answer.url().clone();
    assert_eq!(answer.text().await.unwrap(), "hello");
    let signed = desk.http.get(address).bearer_auth(&desk.token).send().await.unwrap();
    assert_eq!(signed.status().as_u16(), 401);
    let made_up = desk.found(&format!("drives/{grace}/items/root:/b.bin")).await;
    let made_up = format!("drives/{grace}/items/{}/content", made_up["id"].as_str().unwrap());
    refused(&desk.get(&made_up).await, 400, "invalidRequest", "bytes");
    refused(&desk.get(&format!("drives/{grace}/items/root/content")).await, 400, "invalidRequest", "folder");
}

#[tokio::test]
async fn a_drive_is_shared_by_its_id_as_by_its_owner() {
    let desk = desk(Drive::new().file("b.bin", 1)).await;
    let grace = drive(&desk, GRACE).await;
    let invitation = json!({
        "recipients": [{ "email": ADA }], "roles": ["read"], "requireSignIn": true, "sendInvitation": false,
        "retainInheritedPermissions": true, "password": null,
    });
    let path = format!("drives/{grace}/items/root");
    assert_eq!(desk.send("POST", &format!("{path}/invite"), Some(invitation.clone())).await.0, 200);
    let by_id = desk.found(&format!("{path}/permissions")).await["value"].clone();
    assert_eq!(by_id, desk.found(&format!("users/{GRACE}/drive/root/permissions")).await["value"]);
    let file = desk.found(&format!("drives/{grace}/items/root:/b.bin")).await;
    let file = format!("drives/{grace}/items/{}/invite", file["id"].as_str().unwrap());
    refused(
        &desk.send("POST", &file, Some(invitation.clone())).await,
        400,
        "invalidRequest",
        "whole drives only",
    );
    let secret = json!({ "recipients": [{ "email": ADA }], "roles": ["read"], "password": "x" });
    refused(&desk.send("POST", &format!("{path}/invite"), Some(secret)).await, 400, "BadRequest", "password");
}
