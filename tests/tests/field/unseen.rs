//! What Graph does not show is said, and nothing is called done that was not looked at.

use msgraph_emulator::{Application, Fault, Group, Mailbox, Odd, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";

const WORKFLOW: &str = "offboarding:
  stages:
    - { name: teams, steps: [remove_from_teams] }
    - { name: groups, steps: [{ remove_from_groups: { licensing_groups: keep } }] }
    - { name: rights, steps: [remove_directory_roles] }
    - { name: licences, steps: [remove_licenses] }
";

fn application() -> Application {
    let roles = ["RoleManagement.ReadWrite.Directory", "RoleEligibilitySchedule.ReadWrite.Directory"];
    roles.into_iter().fold(Application::default(), Application::role)
}

/// The end of Grace's offboarding in a tenant with these groups, what was left, as code and step, and the changes.
async fn left(
    application: Application,
    grace: User,
    groups: Vec<Group>,
    answers: Option<Fault>,
) -> (Value, Vec<(String, String)>, Vec<String>) {
    let tenant = Tenant::empty().application(application).sku(Sku::new("SPE_E3", 9)).sku(Sku::new("EMS", 9));
    let tenant = tenant.user(User::new(ADA, "Ada Lovelace")).user(grace);
    let tenant = groups.into_iter().fold(tenant, Tenant::group);
    let testbed = Testbed::with(tenant).workflows(WORKFLOW);
    let testbed = testbed.set("RETRY__MAX_ATTEMPTS", 2).set("RETRY__FIRST_DELAY_SECONDS", 1);
    let mut testbed = testbed.build().await;
    if let Some(answers) = answers {
        testbed.emulator.fault(answers);
    }
    let worker = testbed.worker().await;
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": GRACE }))).await;
    let end = testbed.results.end_of("leave").await;
    let mut left = Vec::new();
    for step in end["steps"].as_array().unwrap() {
        // Said of everybody.
        for one in step["left"].as_array().unwrap().iter().filter(|left| left["code"] != "access_unseen") {
            left.push((one["code"].as_str().unwrap().to_owned(), step["step"].as_str().unwrap().to_owned()));
        }
    }
    let effects = testbed.effects();
    testbed.drain([worker]).await;
    testbed.tear_down().await;
    (end, left, effects)
}

fn grace() -> User {
    User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3")
}

#[tokio::test]
async fn groups_that_hide_their_members_are_left_with_a_word_or_seen() {
    let hidden = || Group::microsoft365("Works council").member(GRACE).hidden_members();
    let blind = || application().without_role("Member.Read.Hidden");
    let said = |left: &[(String, String)]| left.iter().filter(|(code, _)| code == "hidden_groups").count();
    // Seen, and left like any other.
    let (end, told, effects) = left(application(), grace(), vec![hidden()], None).await;
    assert_eq!((&end["state"], said(&told)), (&json!("succeeded"), 0), "{end:#}");
    assert!(effects.iter().any(|effect| effect.contains("from group")), "{effects:#?}");
    // Not seen: once a run says so, even if there is none.
    for groups in [vec![hidden()], vec![hidden(), Group::security("Engineers").member(GRACE)], vec![]] {
        let (end, told, _) = left(blind(), grace(), groups, None).await;
        assert_eq!((&end["state"], said(&told)), (&json!("partial"), 1), "{end:#}");
        assert_eq!(told[0].1, "remove_from_teams", "the first that would have to see them: {told:?}");
    }
    // A hidden group that gives a licence.
    let giving = Group::microsoft365("Works council").member(GRACE).licensing("EMS").hidden_members();
    let (_, told, _) = left(blind(), grace(), vec![giving], None).await;
    assert!(told.contains(&("hidden_groups".to_owned(), "remove_licenses".to_owned())), "{told:?}");
}

#[tokio::test]
async fn no_role_is_said_only_after_a_look_at_what_the_person_may_activate() {
    let may = || grace().eligible_for("User Administrator");
    let (end, told, effects) = left(application(), may(), vec![], None).await;
    assert_eq!((&end["state"], told.len()), (&json!("succeeded"), 0), "{end:#}");
    assert!(
        effects.iter().any(|it| it.starts_with("take eligibility for role User Administrator")),
        "{effects:#?}"
    );
    let weak = application().without_role("RoleEligibilitySchedule.ReadWrite.Directory");
    let (end, told, effects) = left(weak, may(), vec![], None).await;
    assert_eq!(end["state"], "partial", "{end:#}");
    assert_eq!(told, [("eligible_role".to_owned(), "remove_directory_roles".to_owned())]);
    assert!(!effects.iter().any(|it| it.starts_with("take eligibility")), "{effects:#?}");
    let blind = application().roles(&[
        "Directory.Read.All",
        "GroupMember.ReadWrite.All",
        "LicenseAssignment.ReadWrite.All",
        "User.ReadWrite.All",
        "TeamMember.ReadWrite.All",
        "ChannelMember.ReadWrite.All",
        "LicenseAssignment.Read.All",
        "Member.Read.Hidden",
    ]);
    let (_, told, _) = left(blind, may(), vec![], None).await;
    assert_eq!(told, [("eligible_roles_unseen".to_owned(), "remove_directory_roles".to_owned())]);
}

#[tokio::test]
async fn applications_that_the_person_owns_are_named_and_left() {
    let roles = ["User.Read.All", "Group.ReadWrite.All", "RoleManagement.Read.Directory"];
    let all = || roles.into_iter().fold(Application::default(), Application::role);
    for (application, named) in [(all(), true), (all().without_role("Directory.Read.All"), false)] {
        let grace = grace().owning_application("Payroll sync").owning_application("Badge printer");
        let tenant = Tenant::empty().application(application).sku(Sku::new("SPE_E3", 9)).user(grace);
        let tenant = tenant.user(User::new(ADA, "Ada Lovelace"));
        let tenant = tenant.group(Group::security("Engineers").owner(GRACE).owner(ADA));
        let workflow = "offboarding:
  stages:
    - { name: all, steps: [{ transfer_group_ownership: { to: ada@contoso.example } }] }
";
        let mut testbed = Testbed::with(tenant).workflows(workflow).build().await;
        let worker = testbed.worker().await;
        testbed.publisher.event(&events::offboarding("leave", json!({ "upn": GRACE }))).await;
        let end = testbed.results.end_of("leave").await;
        assert_eq!(end["state"], "partial", "{end:#}");
        let steps = end["steps"].as_array().unwrap();
        let left: Vec<_> = steps.iter().flat_map(|step| step["left"].as_array().unwrap()).collect();
        assert_eq!(left.len(), 2, "{end:#}");
        let details: Vec<_> = left.iter().map(|left| left["detail"].as_str().unwrap()).collect();
        assert!(left.iter().all(|left| left["code"] == "owned_application" && left["needs"] == "operator"));
        let has = |name: &str| details.iter().any(|detail| detail.contains(name));
        assert_eq!((has("Payroll sync"), has("Badge printer")), (named, named), "{details:?}");
        // The group, which has another owner, is done all the same.
        assert_eq!(testbed.effects().len(), 1, "{:?}", testbed.effects());
        testbed.drain([worker]).await;
        testbed.tear_down().await;
    }
}

#[tokio::test]
async fn an_answer_without_a_list_is_not_read_as_an_empty_one() {
    let owned = || Group::microsoft365("Kiruna").with_team().member(GRACE).owner(GRACE);
    let groups = || vec![Group::security("Engineers").member(GRACE).licensing("EMS"), owned()];
    let rows = [
        // Reported by people who run this in production, 2026: `null` for a list in a row, or for all rows.
        (Odd::NullLists, "licenseAssignmentStates", "licenses_unseen", "remove_licenses"),
        (Odd::NullLists, "/memberOf", "licenses_unseen", "remove_from_groups"),
        (Odd::NullLists, "/members", "team_role_unseen", "remove_from_teams"),
        (Odd::NullListing, "roleEligibilitySchedules", "eligible_roles_unseen", "remove_directory_roles"),
    ];
    for (odd, path, code, step) in rows {
        let answers = Fault::odd(odd).method("GET").path(path);
        let (end, told, effects) = left(application(), grace(), groups(), Some(answers)).await;
        let (code, step) = (code.to_owned(), step.to_owned());
        assert!(told.contains(&(code, step)), "{path}: {told:?}, {effects:#?}");
        assert_eq!(end["state"], "partial", "{path}: {end:#}");
    }
}

#[tokio::test]
async fn a_listing_that_never_has_its_list_is_an_operators_and_names_the_request() {
    let answers = Fault::odd(Odd::NullListing).method("GET").path("roleManagement/directory/roleAssignments");
    let (end, _, _) = left(application(), grace(), vec![], Some(answers)).await;
    let failed = end["steps"].as_array().unwrap().iter().find(|it| it["outcome"] == "failed").unwrap();
    assert_eq!(failed["step"], "remove_directory_roles", "{end:#}");
    let failure = &failed["failure"];
    assert_eq!(
        (&failure["class"], &failure["code"]),
        (&json!("blocked"), &json!("refused_each_time")),
        "{end:#}"
    );
    let message = failure["message"].as_str().unwrap();
    assert!(
        message.contains("without the list that was asked for (GET /roleManagement/directory/"),
        "{message}"
    );
    // One answer without its list is a matter of time.
    let once =
        Fault::odd(Odd::NullListing).method("GET").path("roleManagement/directory/roleAssignments").nth(1);
    let (end, told, _) = left(application(), grace(), vec![], Some(once)).await;
    assert_eq!((&end["state"], told.len()), (&json!("succeeded"), 0), "{end:#}");
}

/// The end of a run of one step, where Graph has `null` for the lists in answers at this path.
async fn without_lists(workflow: &str, tenant: Tenant, path: &str, event: Value) -> Value {
    let mut testbed = Testbed::with(tenant).workflows(workflow).build().await;
    testbed.emulator.fault(Fault::odd(Odd::NullLists).method("GET").path(path));
    let worker = testbed.worker().await;
    testbed.publisher.event(&event).await;
    let end = testbed.results.end_of(event["id"].as_str().unwrap()).await;
    testbed.drain([worker]).await;
    testbed.tear_down().await;
    end
}

#[tokio::test]
async fn plans_and_domains_that_are_not_told_are_not_called_missing() {
    let awaited = grace().mailbox(Mailbox::new().pending());
    let tenant = Tenant::empty().sku(Sku::new("SPE_E3", 9).plan("EXCHANGE_S_ENTERPRISE")).user(awaited);
    let rules = "offboarding:\n  stages: [{ name: mail, steps: [remove_inbox_rules] }]\n";
    let leave = events::offboarding("leave", json!({ "upn": GRACE }));
    let end = without_lists(rules, tenant.clone(), "/licenseDetails", leave).await;
    assert_eq!(end["steps"][0]["left"][0]["code"], "licenses_unseen", "{end:#}");
    let hire = "onboarding:\n  stages: [{ name: account, steps: [create_user] }]\n";
    let person = json!({ "upn": "alan@contoso.example", "display_name": "Alan Turing" });
    let event = events::onboarding("hire", person, json!({}));
    let end = without_lists(hire, tenant, "/organization", event).await;
    assert_eq!(end["state"], "succeeded", "the domain may well be verified: {end:#}");
}

#[tokio::test]
async fn lists_of_licences_plans_and_roles_that_are_not_told_are_named_and_nothing_is_given() {
    let (payroll, role) = Tenant::application_ids("Payroll", "");
    let application =
        format!("assign_applications: {{ assignments: [{{ resource: {payroll}, role: {role} }}] }}");
    let rows = [
        (
            "assign_licenses: { licenses: [EMS], usage_location: US }",
            "licenseAssignmentStates",
            "licenses_unseen",
        ),
        (
            "assign_licenses: { licenses: [], instead_of: [SPE_E3] }",
            "licenseAssignmentStates",
            "licenses_unseen",
        ),
        (
            "assign_licenses: { licenses: [{ license: EMS, disabled_plans: [INTUNE_A] }] }",
            "/subscribedSkus",
            "plans_unseen",
        ),
        ("remove_from_groups", "/memberOf", "group_kind_unseen"),
        (application.as_str(), "/servicePrincipals/", "app_roles_unseen"),
    ];
    for (step, path, code) in rows {
        let team = Group::microsoft365("Kiruna").member(GRACE).member(ADA);
        let tenant = Tenant::empty().sku(Sku::new("SPE_E3", 9).plan("EXCHANGE_S_ENTERPRISE"));
        let tenant = tenant.sku(Sku::new("EMS", 9).plan("INTUNE_A"));
        let tenant =
            tenant.user(User::new(ADA, "Ada Lovelace").assigned_to("Payroll")).user(grace()).group(team);
        let step = if step.contains(':') { format!("{{ {step} }}") } else { step.to_owned() };
        let workflow = format!("offboarding: {{ stages: [{{ name: only, steps: [{step}] }}] }}\n");
        let leave = events::offboarding("leave", json!({ "upn": GRACE }));
        let end = without_lists(&workflow, tenant, path, leave).await;
        let step = &end["steps"][0];
        let mut left = step["left"].as_array().unwrap().iter();
        let is_named = left.any(|left| left["code"] == code) || step["failure"]["code"] == code;
        assert!(is_named, "{code}: {end:#}");
        assert!(step["failure"].is_null() || step["failure"]["class"] == "blocked", "{end:#}");
        assert_eq!(step["changes"], 0, "{code}: {end:#}");
    }
}

#[tokio::test]
async fn devices_that_stay_and_what_no_action_looks_at_are_said_once() {
    let reads =
        || Application::default().role("UserAuthenticationMethod.ReadWrite.All").role("User.Read.All");
    let two = || grace().owning_device("Grace's laptop").owning_device("Badge printer");
    let refuses = || Fault::status(403).method("GET").path("/ownedDevices");
    let rows = [
        (two(), None, Some("owned_devices")),
        (two(), Some(refuses()), Some("owned_devices_unseen")),
        (
            two(),
            Some(Fault::odd(Odd::NullListing).method("GET").path("/ownedDevices")),
            Some("owned_devices_unseen"),
        ),
        (grace(), None, None),
    ];
    for (grace, fault, code) in rows {
        let workflow = "offboarding:
  stages:
    - { name: all, steps: [remove_authentication_methods, remove_directory_roles] }
";
        let application = reads().role("RoleManagement.ReadWrite.Directory");
        let application = application.role("RoleEligibilitySchedule.ReadWrite.Directory");
        let tenant = Tenant::empty().application(application).sku(Sku::new("SPE_E3", 9)).user(grace);
        let mut testbed = Testbed::with(tenant).workflows(workflow).build().await;
        if let Some(fault) = fault {
            testbed.emulator.fault(fault);
        }
        let worker = testbed.worker().await;
        testbed.publisher.event(&events::offboarding("leave", json!({ "upn": GRACE }))).await;
        let end = testbed.results.end_of("leave").await;
        assert_eq!(end["state"], "succeeded", "nothing of this is left for an operator: {end:#}");
        let [methods, roles] = [0, 1].map(|step| end["steps"][step]["left"].as_array().unwrap().clone());
        assert_eq!(methods.iter().map(|left| left["code"].as_str().unwrap()).next(), code, "{end:#}");
        assert!(
            methods.len() < 2 && !methods.iter().any(|left| left.to_string().contains("laptop")),
            "{end:#}"
        );
        assert_eq!(roles.iter().filter(|left| left["code"] == "access_unseen").count(), 1, "{end:#}");
        testbed.drain([worker]).await;
        testbed.tear_down().await;
    }
}
