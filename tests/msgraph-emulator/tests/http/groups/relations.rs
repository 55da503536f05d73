//! `$filter`, `$search` and `$orderby` of relations, with a cast and without one.

use msgraph_emulator::{Application, Group, Options};
use serde_json::Value;

use crate::harness::{ADA, Desk, GRACE, read, refused, tenant};

const UNSUPPORTED: &str = "Request_UnsupportedQuery";
const NOT_BY_DEFAULT: &str =
    "The specified filter to the reference property query is currently not supported.";

/// A group of a person and of a group.
async fn desk() -> Desk {
    let everyone = Group::security("Everyone").member(ADA).member(GRACE).member("Engineers").owner(ADA);
    Desk::with(Options::new(tenant().group(everyone))).await
}

async fn eventually(desk: &Desk, path: &str) -> (u16, Value) {
    read(desk.request("GET", path).header("ConsistencyLevel", "eventual").send().await.unwrap()).await
}

/// The names an advanced query finds.
async fn found(desk: &Desk, path: &str) -> Vec<String> {
    let (status, page) = eventually(desk, path).await;
    assert_eq!(status, 200, "{path}: {page}");
    let rows = page["value"].as_array().unwrap();
    rows.iter().map(|row| row["displayName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_filter_without_a_cast_needs_the_header_and_the_count() {
    let desk = desk().await;
    let members = format!("groups/{}/members", desk.group("Everyone"));
    let filter = format!("{members}?$filter=startswith(displayName,'A')");
    for answer in [
        desk.get(&filter).await,
        desk.get(&format!("{filter}&$count=true")).await,
        eventually(&desk, &filter).await,
    ] {
        refused(&answer, 400, UNSUPPORTED, NOT_BY_DEFAULT);
    }
    let (_, page) = eventually(&desk, &format!("{filter}&$count=true")).await;
    assert_eq!(
        (&page["@odata.count"], &page["value"][0]["displayName"]),
        (&1.into(), &"Ada Lovelace".into())
    );
    assert_eq!(page["value"][0]["@odata.type"], "#microsoft.graph.user");

    // People and groups alike.
    let order = "$count=true&$orderby=displayName desc";
    assert_eq!(
        found(&desk, &format!("{members}?{order}")).await,
        ["Grace Hopper", "Engineers", "Ada Lovelace"]
    );
    let others = format!("{members}?{order}&$filter=displayName ne 'Grace Hopper'");
    assert_eq!(found(&desk, &others).await, ["Engineers", "Ada Lovelace"]);
    assert_eq!(found(&desk, &format!("{members}?$search=\"displayName:engin\"")).await, ["Engineers"]);
    let ordered = desk.get(&format!("{members}?$orderby=displayName")).await;
    refused(&ordered, 400, UNSUPPORTED, "Sorting not supported for current query.");
}

#[tokio::test]
async fn every_relation_of_a_user_is_filtered_alike() {
    let desk = desk().await;
    let wanted =
        |start: &str| format!("$count=true&$orderby=displayName&$filter=startswith(displayName,'{start}')");
    for (path, start, expected) in [
        (format!("users/{GRACE}/memberOf"), "E", vec!["Engineers", "Everybody", "Everyone"]),
        (format!("users/{GRACE}/memberOf/graph.group"), "B", vec!["Building 7"]),
        (format!("users/{GRACE}/transitiveMemberOf"), "N", vec!["Newsletter"]),
        (format!("users/{ADA}/ownedObjects"), "E", vec!["Everyone"]),
        (format!("users/{GRACE}/directReports"), "A", vec!["Ada Lovelace"]),
        (format!("groups/{}/owners", desk.group("Everyone")), "A", vec!["Ada Lovelace"]),
        ("users/admin@contoso.example/memberOf".to_owned(), "User", vec!["User Administrator"]),
    ] {
        let path = format!("{path}?{}", wanted(start));
        assert_eq!(found(&desk, &path).await, expected, "{path}");
        refused(&desk.get(&path).await, 400, UNSUPPORTED, NOT_BY_DEFAULT);
    }
}

#[tokio::test]
async fn a_role_whose_name_may_not_be_read_is_not_found_by_it() {
    let tenant = tenant().application(Application::default().roles(&["GroupMember.Read.All"]));
    let desk = Desk::with(Options::new(tenant)).await;
    let path = "users/admin@contoso.example/memberOf?$count=true&$filter=displayName eq 'User Administrator'";
    assert!(found(&desk, path).await.is_empty());
}

#[tokio::test]
async fn properties_that_only_one_type_has_need_a_cast() {
    let desk = desk().await;
    let members = format!("groups/{}/members", desk.group("Everyone"));
    let by_mail = format!("$count=true&$filter=mail eq '{ADA}'");
    let uncast = eventually(&desk, &format!("{members}?{by_mail}")).await;
    refused(&uncast, 400, UNSUPPORTED, "property 'mail' of resource 'DirectoryObject'");
    assert_eq!(found(&desk, &format!("{members}/graph.user?{by_mail}")).await, ["Ada Lovelace"]);
    let unknown = eventually(&desk, &format!("{members}?$count=true&$filter=colour eq 'red'")).await;
    refused(&unknown, 400, "BadRequest", "named 'colour' on type 'microsoft.graph.directoryObject'");
}

#[tokio::test]
async fn a_cast_leaves_one_type_and_some_types_are_never_members() {
    let desk = desk().await;
    let members = format!("groups/{}/members", desk.group("Everyone"));
    assert_eq!(found(&desk, &format!("{members}/microsoft.graph.group")).await, ["Engineers"]);
    let filtered = format!("{members}/graph.group?$count=true&$filter=securityEnabled eq true");
    assert_eq!(found(&desk, &filtered).await, ["Engineers"]);
    for cast in ["microsoft.graph.directoryRole", "microsoft.graph.device"] {
        refused(&desk.get(&format!("{members}/{cast}")).await, 400, UNSUPPORTED, cast);
    }
}
