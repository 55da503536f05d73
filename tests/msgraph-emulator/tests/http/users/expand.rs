//! `$expand` of users and groups: which relations, how many objects, and what may stand inside.

use msgraph_emulator::{Application, Group, Options, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, read, refused, tenant};

const UNSUPPORTED: &str = "Request_UnsupportedQuery";
const ALAN: &str = "alan@contoso.example";

fn names(rows: &Value) -> Vec<&str> {
    let mut names: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| row["displayName"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_user_comes_with_reports_or_with_memberships() {
    let nested = Group::security("Everyone").member("Engineers");
    let desk = Desk::with(Options::new(tenant().group(nested))).await;
    let grace = desk.found(&format!("users/{GRACE}?$select=id&$expand=directReports")).await;
    assert_eq!(names(&grace["directReports"]), ["Ada Lovelace"]);
    assert_eq!(grace["directReports"][0]["@odata.type"], "#microsoft.graph.user");
    assert_eq!(grace.as_object().unwrap().keys().count(), 3, "context, id and reports");

    let of = ["Building 7", "Engineers", "Everybody", "Newsletter", "Shift Leads"];
    for relation in ["memberOf", "transitiveMemberOf"] {
        let grace = desk.found(&format!("users/{GRACE}?$expand={relation}")).await;
        assert_eq!(names(&grace[relation]), of, "{relation}: direct ones only, as Graph does");
        assert_eq!(grace[relation][0]["@odata.type"], "#microsoft.graph.group");
    }
    let page = desk.found("users?$select=displayName&$expand=memberOf").await;
    let row =
        |name: &str| page["value"].as_array().unwrap().iter().find(|row| row["displayName"] == name).unwrap();
    assert_eq!(names(&row("Grace Hopper")["memberOf"]), of);
    assert_eq!(names(&row("Administrator")["memberOf"]), ["User Administrator"]);
    assert_eq!(row("Ada Lovelace")["memberOf"], json!([]));
}

#[tokio::test]
async fn a_chain_of_managers_ends_at_the_top_or_where_it_began() {
    let person = |upn: &str, name: &str| User::new(upn, name);
    let tenant = Tenant::empty()
        .user(person(ALAN, "Alan Turing"))
        .user(person(GRACE, "Grace Hopper").manager(ALAN))
        .user(person(ADA, "Ada Lovelace").manager(GRACE))
        .user(person(EDSGER, "Edsger Dijkstra").manager(ADA));
    let desk = Desk::with(Options::new(tenant)).await;
    let path = |levels: &str| {
        format!("users/{EDSGER}?$select=displayName&$expand=manager($levels={levels};$select=displayName)")
    };
    let chain = |user: &Value| {
        let managers = std::iter::successors(user.get("manager"), |manager| manager.get("manager"));
        managers.map(|manager| manager["displayName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // As Microsoft shows it, with a count that counts nothing.
    let request = desk.request("GET", &format!("{}&$count=true", path("max")));
    let (_, edsger) = read(request.header("ConsistencyLevel", "eventual").send().await.unwrap()).await;
    assert_eq!(chain(&edsger), ["Ada Lovelace", "Grace Hopper", "Alan Turing"]);
    assert_eq!(chain(&desk.found(&path("2")).await), ["Ada Lovelace", "Grace Hopper"]);
    assert_eq!(chain(&desk.found(&path("1000")).await).len(), 3);
    for wrong in ["0", "1001", "all"] {
        refused(&desk.get(&path(wrong)).await, 400, "BadRequest", "$levels");
    }
    refused(&desk.get(&format!("users/{EDSGER}?$count=true")).await, 400, "BadRequest", "$count");
    let list = desk.get("users?$expand=manager($levels=2)").await;
    refused(&list, 400, UNSUPPORTED, "only supported on a single user");

    let alan = format!("users/{ALAN}/manager/$ref");
    let edsger = format!("https://graph.microsoft.com/v1.0/users/{}", desk.user(EDSGER));
    assert_eq!(desk.send("PUT", &alan, Some(json!({ "@odata.id": edsger }))).await.0, 204);
    assert_eq!(chain(&desk.found(&path("max")).await), ["Ada Lovelace", "Grace Hopper", "Alan Turing"]);
}

#[tokio::test]
async fn groups_come_with_the_selected_properties_of_members_or_owners() {
    let everyone = Group::security("Everyone").member(ADA).member("Engineers").owner(GRACE);
    let desk = Desk::with(Options::new(tenant().group(everyone))).await;
    let select = "$select=id,userPrincipalName,displayName";
    let path = format!(
        "groups?$filter=startswith(displayName,'Everyo')&$select=displayName&$expand=members({select})"
    );
    let page = desk.found(&path).await;
    let members = &page["value"][0]["members"];
    assert_eq!(names(members), ["Ada Lovelace", "Engineers"]);
    let ada = members.as_array().unwrap().iter().find(|row| row["displayName"] == "Ada Lovelace").unwrap();
    let row = json!({ "@odata.type": "#microsoft.graph.user", "id": desk.user(ADA), "displayName": "Ada Lovelace",
                      "userPrincipalName": ADA });
    assert_eq!(*ada, row);
    let everyone = format!("groups/{}", desk.group("Everyone"));
    let owned = desk.found(&format!("{everyone}?$select=id&$expand=owners($select=displayName)")).await;
    assert_eq!(names(&owned["owners"]), ["Grace Hopper"]);
    assert_eq!(names(&desk.found(&format!("{everyone}?$expand=members")).await["members"]), names(members));
    // Lists go on from page to page with what is expanded.
    let first = desk.found("groups?$top=2&$expand=members").await;
    assert_eq!(first["value"].as_array().unwrap().len(), 2);
    assert!(first["@odata.nextLink"].as_str().unwrap().contains("$expand=members"));
}

#[tokio::test]
async fn twenty_objects_are_expanded_and_nothing_tells_of_more() {
    let upn = |n: usize| format!("user{n}@contoso.example");
    let mut tenant = tenant();
    let mut crowded = Group::security("Crowded");
    for n in 0..25 {
        tenant = tenant.user(User::new(&upn(n), &format!("User {n}")).manager(GRACE));
        crowded = crowded.member(&upn(n));
    }
    let desk = Desk::with(Options::new(tenant.group(crowded))).await;
    let group = desk.found(&format!("groups/{}?$expand=members", desk.group("Crowded"))).await;
    assert_eq!(group["members"].as_array().unwrap().len(), 20);
    assert!(!group.to_string().contains("nextLink"), "{group}");
    let grace = desk.found(&format!("users/{GRACE}?$expand=directReports")).await;
    assert_eq!(grace["directReports"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn what_is_not_expanded_is_refused() {
    let desk = Desk::open().await;
    for (path, code, words) in [
        ("users?$expand=memberOf($select=id)", UNSUPPORTED, "'$select' is not supported inside"),
        ("users?$expand=directReports($filter=id eq '1')", UNSUPPORTED, "'$filter' is not supported inside"),
        ("users?$expand=directReports($levels=2)", UNSUPPORTED, "'$levels' is not supported inside"),
        ("users?$expand=manager($expand=manager)", UNSUPPORTED, "'$expand' is not supported inside"),
        ("users?$expand=ownedObjects", UNSUPPORTED, "Unsupported Query: '$expand'."),
        ("groups?$expand=memberOf", UNSUPPORTED, "Unsupported Query: '$expand'."),
        ("groups?$expand=manager", "BadRequest", "'manager' on type 'microsoft.graph.group'"),
        ("groups?$expand=members,owners", "BadRequest", "at least 2 items, but the maximum allowed is 1"),
        ("groups?$expand=members($select=shoeSize)", "BadRequest", "shoeSize"),
        ("groups?$expand=members(x=1)", "BadRequest", "Syntax error"),
    ] {
        refused(&desk.get(path).await, 400, code, words);
    }
}

#[tokio::test]
async fn objects_that_may_not_be_read_show_their_id_only() {
    let only = |role: &str| {
        let application = Application::default().roles(&[role]);
        Desk::with(Options::new(tenant().application(application)))
    };
    let desk = only("Group.Read.All").await;
    let group = format!("groups/{}?$expand=members($select=id,displayName)", desk.group("Engineers"));
    let grace =
        json!({ "@odata.type": "#microsoft.graph.user", "id": desk.user(GRACE), "displayName": null });
    assert_eq!(desk.found(&group).await["members"], json!([grace]));
    let desk = only("User.Read.All").await;
    let user = desk.found(&format!("users/{GRACE}?$expand=memberOf")).await;
    assert!(user["memberOf"].as_array().unwrap().iter().all(|group| group["id"].is_string()
        && group["displayName"].is_null()
        && group["@odata.type"] == "#microsoft.graph.group"));
}
