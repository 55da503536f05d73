//! The people of the directory beside the reports, and who is inactive.

use directory_sync::{Prices, Subject, UsageOptions};
use serde_json::{Value, json};

use crate::report::{day, used};
use crate::server::{Place, Read, Reply, World, options, person, sku};

const SKU: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
const OTHER: &str = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";

fn plans(plans: &[&str]) -> World {
    let rows = [used("ada@contoso.example", &[("Word", "Web")])];
    let mut world = (2..=4).fold(World::default(), |world, back| world.day(day(back), &rows));
    world.skus = Some(vec![sku(SKU, plans)]);
    world.user(person("ada@contoso.example", &[SKU]))
}

type Change = Box<dyn FnOnce(&mut Value)>;

/// The row of `idle`, made otherwise, and whether the licence is waste.
async fn idle(change: impl FnOnce(&mut Value)) -> (Value, usize) {
    let mut idle = person("idle@contoso.example", &[SKU]);
    change(&mut idle);
    let read = Place::of(plans(&["OFFICESUBSCRIPTION", "TEAMS1"]).user(idle)).await.read(3).await;
    (read.find("usage_person", "user_id", "id-of-idle@contoso.example").clone(), read.of("waste").len())
}

#[tokio::test]
async fn who_was_there_licensed_and_idle_all_the_time_is_inactive_and_the_licence_is_waste() {
    let (row, waste) = idle(|_| {}).await;
    assert_eq!((&row["use"], &row["reasons"], waste), (&json!("inactive"), &json!([]), 1));
    assert_eq!(row["licensed_for"], json!(["Word", "Excel", "PowerPoint", "OneNote", "Teams"]));
    let read = Place::of(plans(&["OFFICESUBSCRIPTION"]).user(person("idle@contoso.example", &[SKU])))
        .await
        .read(3)
        .await;
    let waste = read.of("waste")[0];
    assert_eq!((&waste["reason"], &waste["sku_id"]), (&json!("inactive"), &json!(SKU)));
    assert_eq!(waste["unused_from"], day(4).to_string());
    assert_eq!(waste["unused_to"], day(2).to_string());
    assert_eq!((read.summary.totals.inactive, read.summary.totals.unused_licenses), (1, 1));
}

#[tokio::test]
async fn an_unused_licence_costs_what_the_prices_say() {
    let idle = ["idle@contoso.example", "lazy@contoso.example"].map(|upn| person(upn, &[SKU]));
    let world = idle.into_iter().fold(plans(&["OFFICESUBSCRIPTION"]), World::user);
    let prices = Prices::read("SPE_E3,36.005,EUR\n").unwrap();
    let read = Place::of(world).await.read_with(UsageOptions { prices, ..options(3) }).await.unwrap();
    let waste = read.of("waste");
    assert_eq!(
        (waste.len(), &waste[0]["monthly_price"], &waste[0]["currency"]),
        (2, &json!("36.005"), &json!("EUR"))
    );
    assert_eq!(read.summary.totals.unused_cost.to_string(), "72.01 EUR");
}

#[tokio::test]
async fn nothing_used_proves_nothing_of_who_was_not_there_all_the_time() {
    let recently = format!("{}T08:00:00Z", day(3));
    let cases: [(Change, &str); 5] = [
        (
            Box::new({
                let at = recently.clone();
                move |user| user["createdDateTime"] = json!(at)
            }),
            "created_in_window",
        ),
        (Box::new(|user| user["createdDateTime"] = json!(null)), "created_unknown"),
        (Box::new(|user| user["userType"] = json!("Guest")), "guest"),
        (
            Box::new(move |user| user["licenseAssignmentStates"][0]["lastUpdatedDateTime"] = json!(recently)),
            "licensed_in_window",
        ),
        (Box::new(|user| user["licenseAssignmentStates"] = json!([])), "license_date_unknown"),
    ];
    for (change, reason) in cases {
        let (row, waste) = idle(change).await;
        assert_eq!((&row["use"], &row["reasons"], waste), (&json!("unknown"), &json!([reason]), 0), "{row}");
    }
}

#[tokio::test]
async fn a_mailbox_is_not_every_plan_of_exchange_and_a_plan_that_is_off_gives_nothing() {
    let world = |plan: &str| plans(&[plan]).user(person("idle@contoso.example", &[SKU]));
    let rows = |read: &Read| {
        read.of("usage_person").iter().filter(|row| row["user_id"] == "id-of-idle@contoso.example").count()
    };
    let read = Place::of(world("EXCHANGE_S_FOUNDATION")).await.read(3).await;
    assert_eq!((rows(&read), read.of("waste").len()), (0, 0), "nobody is licensed for an app");
    let read = Place::of(world("EXCHANGE_S_ENTERPRISE")).await.read(3).await;
    let row = read.find("usage_person", "user_id", "id-of-idle@contoso.example");
    assert_eq!((&row["licensed_for"], &row["use"]), (&json!(["Outlook"]), &json!("inactive")));

    let mut off = person("idle@contoso.example", &[SKU]);
    off["assignedLicenses"][0]["disabledPlans"] = json!(["00000000-0000-0000-0000-000000000000"]);
    let read = Place::of(plans(&["EXCHANGE_S_ENTERPRISE"]).user(off)).await.read(3).await;
    assert_eq!(rows(&read), 0);
}

#[tokio::test]
async fn a_licence_of_which_no_app_was_used_is_waste_although_another_is_used() {
    let mut world = plans(&["OFFICESUBSCRIPTION"]);
    let mut second = sku(OTHER, &["TEAMS1"]);
    second["servicePlans"][0]["servicePlanId"] = json!("00000000-0000-0000-0000-000000000099");
    world.skus.as_mut().unwrap().push(second);
    world.users = Some(vec![person("ada@contoso.example", &[SKU, OTHER])]);
    let read = Place::of(world).await.read(3).await;
    assert_eq!(read.find("usage_person", "person", "ada@contoso.example")["use"], "active");
    let waste = read.of("waste");
    assert_eq!((waste.len(), &waste[0]["sku_id"]), (1, &json!(OTHER)));
}

#[tokio::test]
async fn a_renamed_person_is_one_person_and_not_inactive() {
    // Renamed after the first of three days: the former name is still an address.
    let world = World::default()
        .day(day(4), &[used("ada.byron@contoso.example", &[("Word", "Web"), ("Excel", "Web")])])
        .day(day(3), &[used("ada@contoso.example", &[("Word", "Web")])])
        .day(day(2), &[used("ada@contoso.example", &[("Word", "Mac")])]);
    let mut ada = person("Ada@contoso.example", &[]);
    ada["proxyAddresses"] =
        json!(["SMTP:ada@contoso.example", "smtp:Ada.Byron@contoso.example", "x500:/o=x"]);
    let read = Place::of(world.user(ada)).await.read(3).await;
    let rows = read.of("usage_person");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["found_by"], &rows[0]["word_days"]), (&json!("alias"), &json!(3)));
    assert_eq!((&rows[0]["suite_days"], read.summary.totals.not_found), (&json!(3), 0));
}

/// What is said of somebody idle whose account was made so many days ago, beside so many named people.
async fn beside_nameless(made: i32, named: usize) -> (Value, Read) {
    let names: Vec<_> = (0..named).map(|number| format!("u{number}@contoso.example")).collect();
    let mut rows: Vec<_> = names.iter().map(|name| used(name, &[("Word", "Web")])).collect();
    rows.extend(["ada@contoso.example", "(Unknown)"].map(|name| used(name, &[("Word", "Web")])));
    let mut world = plans(&["OFFICESUBSCRIPTION"]).day(day(2), &rows);
    let mut idle = person("idle@contoso.example", &[SKU]);
    idle["createdDateTime"] = json!(format!("{}T08:00:00Z", day(made)));
    world = world.user(idle);
    let read = Place::of(world).await.read(1).await;
    (read.find("usage_person", "user_id", "id-of-idle@contoso.example").clone(), read)
}

#[tokio::test]
async fn who_may_be_somebody_without_a_name_is_not_inactive() {
    let cases = [(60, 40, "unknown"), (120, 40, "inactive"), (120, 10, "unknown")];
    for (made, named, verdict) in cases {
        let (row, read) = beside_nameless(made, named).await;
        assert_eq!(row["use"], verdict, "{made} {named}: {row}");
        let because = read.summary.totals.unknown_because.get("nameless_use").copied();
        let is_unknown = verdict == "unknown";
        assert_eq!((because, read.of("waste").len()), (is_unknown.then_some(1), usize::from(!is_unknown)));
        assert!(read.summary.notes.iter().any(|note| note.about == Subject::Nameless));
    }
}

#[tokio::test]
async fn a_deleted_person_stays_in_the_days_and_is_named_so_and_others_are_left_over() {
    let rows = [
        used("gone@contoso.example", &[("Word", "Web")]),
        used("nobody@contoso.example", &[("Word", "Web")]),
        used("ada@contoso.example", &[("Word", "Web")]),
    ];
    let mut world = World::default().day(day(2), &rows).user(person("ada@contoso.example", &[]));
    let id = "11111111-2222-3333-4444-555555555555";
    world.deleted = vec![
        json!({ "id": id, "userPrincipalName": "11111111222233334444555555555555Gone@contoso.example" }),
    ];
    let read = Place::of(world).await.read(1).await;
    assert_eq!(read.find("usage_person", "person", "gone@contoso.example")["found_by"], "deleted");
    let left = read.find("usage_person", "person", "nobody@contoso.example");
    assert_eq!((&left["found_by"], &left["user_id"]), (&json!("nothing"), &json!(null)));
    let totals = &read.summary.totals;
    assert_eq!((totals.deleted, totals.not_found, read.people("word", "any")), (1, 1, Some(3)));
}

#[tokio::test]
async fn what_may_not_be_read_is_said_and_is_nobody_s_inactivity() {
    let mut world = plans(&["OFFICESUBSCRIPTION"]).user(person("idle@contoso.example", &[SKU]));
    world.skus = None;
    let read = Place::of(world.clone()).await.read(3).await;
    assert_eq!((read.summary.totals.inactive, read.of("waste").len()), (0, 0));
    let note = read.summary.notes.iter().find(|note| note.about == Subject::Inactive).unwrap();
    assert!(note.why.contains("LicenseAssignment.Read.All"));

    world.users = None;
    let read = Place::of(world).await.read(3).await;
    assert!(
        read.summary.notes.iter().any(|note| note.why.contains("User.Read.All")),
        "{:?}",
        read.summary.notes
    );
    assert_eq!(read.people("word", "any"), Some(1), "figures need nobody's directory");
}

#[tokio::test]
async fn without_the_permission_for_reports_the_role_is_named_as_well() {
    let mut world = plans(&[]);
    world.app_counts = Reply::Refusal(403, "S2SUnauthorized", "Invalid permission.".to_owned());
    let error = Place::of(world).await.read_with(crate::server::options(1)).await.err().unwrap().to_string();
    assert!(error.contains("Reports.Read.All") && error.contains("Reports Reader"), "{error}");
}

#[tokio::test]
async fn departments_of_fewer_than_five_people_are_not_shown() {
    let people = |department: &str, count: usize| {
        let department = department.to_owned();
        (0..count).map(move |number| format!("{department}{number}@contoso.example")).collect::<Vec<_>>()
    };
    let sizes = [("Small", 3), ("Tiny", 2), ("Large", 6)];
    let mut world = World::default();
    let mut rows = Vec::new();
    for (department, count) in sizes {
        for upn in people(department, count) {
            let mut user = person(&upn, &[]);
            user["department"] = json!(department);
            rows.push(used(&upn, &[("Word", "Web")]));
            world = world.user(user);
        }
    }
    let read = Place::of(world.day(day(2), &rows)).await.read(1).await;
    let groups = read.of("usage_group");
    assert_eq!(groups.len(), 2, "{groups:?}");
    assert_eq!(
        (&groups[0]["group"], &groups[0]["people"], &groups[0]["word"]),
        (&json!("Large"), &json!(6), &json!(6))
    );
    assert_eq!(
        (&groups[1]["group"], &groups[1]["smaller"], &groups[1]["people"]),
        (&json!("(smaller)"), &json!(2), &json!(5))
    );
}
