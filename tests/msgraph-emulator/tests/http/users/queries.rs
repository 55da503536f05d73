//! `$filter`, `$search`, `$orderby` and `$count` of directory objects, and which of them only work in advanced queries.

use msgraph_emulator::Options;
use serde_json::Value;

use crate::harness::{Desk, GRACE, read, refused, tenant};

const UNSUPPORTED: &str = "Request_UnsupportedQuery";
const MISSING: &str = "the required parameters might be missing. Try adding $count=true query parameter";

/// A query with the header of advanced ones.
async fn eventually(desk: &Desk, path: &str) -> (u16, Value) {
    read(desk.request("GET", path).header("ConsistencyLevel", "eventual").send().await.unwrap()).await
}

fn names(page: &Value) -> Vec<&str> {
    page["value"].as_array().unwrap().iter().map(|one| one["displayName"].as_str().unwrap()).collect()
}

async fn advanced(desk: &Desk, path: &str) -> Vec<String> {
    let (status, page) = eventually(desk, path).await;
    assert_eq!(status, 200, "{path}: {page}");
    names(&page).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_filter_combines_what_graph_filters_by_default() {
    let desk = Desk::open().await;
    for (filter, expected) in [
        ("startswith(displayName,'ada') and usageLocation eq 'GB'", vec!["Ada Lovelace"]),
        ("(usageLocation eq 'GB' or usageLocation eq 'US') and startswith(surname,'x')", vec![]),
        ("accountEnabled eq true and onPremisesSyncEnabled eq true", vec!["Edsger Dijkstra"]),
        ("userPrincipalName in ('ADA@contoso.example','x')", vec!["Ada Lovelace"]),
    ] {
        assert_eq!(names(&desk.found(&format!("users?$filter={filter}")).await), expected, "{filter}");
    }
    let unified = desk.found("groups?$filter=groupTypes/any(c:c eq 'unified')").await;
    assert_eq!(names(&unified), ["Project"]);
    let sku = desk.sku("SPE_E3");
    let licensed = desk.found(&format!("users?$filter=assignedLicenses/any(l:l/skuId eq {sku})")).await;
    assert_eq!(names(&licensed), ["Grace Hopper"]);
}

#[tokio::test]
async fn some_operators_need_the_header_and_the_count() {
    let desk = Desk::open().await;
    for (filter, expected, operator) in [
        ("usageLocation ne 'GB' and usageLocation ne 'US'", 2, "NotEqualsMatch"),
        ("not(startswith(displayName,'A'))", 2, "Not"),
        ("endswith(userPrincipalName,'@contoso.example')", 4, "endsWith"),
        ("assignedLicenses/$count eq 0", 3, "$count"),
    ] {
        let path = format!("users?$filter={filter}");
        for answer in [
            desk.get(&path).await,
            desk.get(&format!("{path}&$count=true")).await,
            eventually(&desk, &path).await,
        ] {
            refused(&answer, 400, UNSUPPORTED, MISSING);
            refused(&answer, 400, UNSUPPORTED, &format!("Operator '{operator}'"));
        }
        let (_, page) = eventually(&desk, &format!("{path}&$count=true")).await;
        assert_eq!(page["@odata.count"], expected, "{filter}");
        assert_eq!(names(&page).len(), expected, "{filter}");
    }
    // Not indexed for the default store.
    let company = "users?$filter=companyName eq null";
    refused(&desk.get(company).await, 400, UNSUPPORTED, "property 'companyName' of resource 'User'");
    assert_eq!(advanced(&desk, &format!("{company}&$count=true")).await.len(), 4);
    // Nor is `$expand` answered by the index.
    let expanded = format!("{company}&$count=true&$expand=manager");
    refused(&eventually(&desk, &expanded).await, 400, UNSUPPORTED, "companyName");
}

#[tokio::test]
async fn what_graph_never_filters_by_is_refused() {
    let desk = Desk::open().await;
    let many = vec!["displayName eq 'x'"; 16].join(" or ");
    for (path, code, words) in [
        (
            "users?$filter=contains(displayName,'a')",
            UNSUPPORTED,
            "Filter operator 'Contains' is not supported.",
        ),
        (
            "users?$filter=licenseAssignmentStates/any(s:s/error eq 'x')",
            UNSUPPORTED,
            "'licenseAssignmentStates'",
        ),
        ("users?$filter=colour eq 'red'", "BadRequest", "Could not find a property named 'colour'"),
        ("users?$filter=displayName eq 'a", "BadRequest", "unterminated string literal"),
        ("users?$filter=displayName", "BadRequest", "Invalid filter clause"),
        (
            "groups?$filter=createdDateTime ge 2021-11-01",
            UNSUPPORTED,
            "'createdDateTime' of resource 'Group'",
        ),
        (&format!("groups?$filter={many}"), UNSUPPORTED, "operators: 16. Max allowed: 15."),
    ] {
        refused(&desk.get(path).await, 400, code, words);
    }
}

#[tokio::test]
async fn a_search_looks_for_words_of_names_and_needs_the_header() {
    let desk = Desk::open().await;
    let search = "users?$search=\"displayName:hop\"";
    refused(
        &desk.get(search).await,
        400,
        UNSUPPORTED,
        "special request header: 'ConsistencyLevel: eventual'",
    );
    assert_eq!(advanced(&desk, search).await, ["Grace Hopper"]);
    let either =
        "users?$orderby=displayName&$search=\"displayName:lovelace\" OR \"mail:x\" OR \"displayName:grace\"";
    assert_eq!(advanced(&desk, either).await, ["Ada Lovelace", "Grace Hopper"]);
    let both = "users?$search=\"displayName:ada\" AND \"displayName:grace\"";
    assert!(advanced(&desk, both).await.is_empty());
    assert_eq!(advanced(&desk, "groups?$search=\"displayName:lead\"").await, ["Shift Leads"]);
    let bare = eventually(&desk, "users?$search=displayName:ada").await;
    refused(&bare, 400, "BadRequest", "character ':' is not valid at position 11 in 'displayName:ada'");
    let other = eventually(&desk, "users?$search=\"city:x\"").await;
    refused(&other, 400, UNSUPPORTED, "An unsupported property was specified.");
}

#[tokio::test]
async fn an_order_goes_on_from_page_to_page() {
    let desk = Desk::open().await;
    let all = desk.found("users?$orderby=displayName desc").await;
    let expected = ["Grace Hopper", "Edsger Dijkstra", "Administrator", "Ada Lovelace"];
    assert_eq!(names(&all), expected);
    let mut path = "users?$orderby=displayName desc&$top=3".to_owned();
    let mut found = Vec::new();
    loop {
        let page = desk.found(&path).await;
        found.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        path = next.split_once("/v1.0/").unwrap().1.to_owned();
    }
    assert_eq!(found, expected);

    let filtered = "users?$filter=startswith(displayName,'a')&$orderby=displayName";
    refused(&desk.get(filtered).await, 400, UNSUPPORTED, "Sorting not supported for current query.");
    assert_eq!(advanced(&desk, &format!("{filtered}&$count=true")).await, ["Ada Lovelace", "Administrator"]);
    let created = "users?$orderby=createdDateTime";
    refused(
        &desk.get(created).await,
        400,
        UNSUPPORTED,
        "Unsupported sort property 'createdDateTime' for 'User'.",
    );
    assert_eq!(advanced(&desk, &format!("{created}&$count=true")).await.len(), 4);
    let hired = eventually(&desk, "users?$orderby=employeeHireDate&$count=true").await;
    refused(&hired, 400, UNSUPPORTED, "An unsupported property was specified.");
}

#[tokio::test]
async fn counts_and_casts_take_filters_too() {
    let desk = Desk::open().await;
    let count = |path: &'static str| async {
        let request = desk.request("GET", path).header("ConsistencyLevel", "eventual");
        request.send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(count("users/$count?$filter=displayName ne 'x'").await, "4");
    assert_eq!(count("groups/$count?$search=\"displayName:project\"").await, "1");
    refused(
        &desk.get("groups/$count").await,
        400,
        "Request_BadRequest",
        "$count is not currently supported.",
    );

    let members = format!("groups/{}/members", desk.group("Engineers"));
    let wanted = "$count=true&$filter=startswith(displayName,'grace')";
    assert_eq!(advanced(&desk, &format!("{members}/graph.user?{wanted}")).await, ["Grace Hopper"]);
    assert_eq!(advanced(&desk, &format!("{members}?{wanted}")).await, ["Grace Hopper"]);
    let groups =
        format!("users/{GRACE}/transitiveMemberOf/graph.group?$count=true&$orderby=displayName&$top=2");
    assert_eq!(advanced(&desk, &groups).await, ["Building 7", "Engineers"]);
}

#[tokio::test]
async fn a_crowd_is_filtered_as_well() {
    let desk = Desk::with(Options::new(tenant().crowd(7, 50))).await;
    let (_, all) = eventually(&desk, "users?$count=true&$top=1&$filter=department eq 'Engineering'").await;
    let (_, others) = eventually(&desk, "users?$count=true&$top=1&$filter=department ne 'Engineering'").await;
    let (all, others) = (all["@odata.count"].as_u64().unwrap(), others["@odata.count"].as_u64().unwrap());
    assert_eq!(all + others, 54);
    assert!(all > 0 && others > 4, "{all} and {others}");
}
