//! What Graph does not show is said, and nothing is called done that was not looked at.

use msgraph_emulator::{Application, Group, Sku, Tenant, User};
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
) -> (Value, Vec<(String, String)>, Vec<String>) {
    let tenant = Tenant::empty().application(application).sku(Sku::new("SPE_E3", 9)).sku(Sku::new("EMS", 9));
    let tenant = tenant.user(User::new(ADA, "Ada Lovelace")).user(grace);
    let tenant = groups.into_iter().fold(tenant, Tenant::group);
    let mut testbed = Testbed::with(tenant).workflows(WORKFLOW).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&events::offboarding("leave", json!({ "upn": GRACE }))).await;
    let end = testbed.results.end_of("leave").await;
    let mut left = Vec::new();
    for step in end["steps"].as_array().unwrap() {
        for one in step["left"].as_array().unwrap() {
            left.push((one["code"].as_str().unwrap().to_owned(), step["step"].as_str().unwrap().to_owned()));
        }
    }
    let effects = testbed.effects();
    testbed.drain([worker]).await;
    testbed.close().await;
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
    let (end, told, effects) = left(application(), grace(), vec![hidden()]).await;
    assert_eq!((&end["state"], said(&told)), (&json!("succeeded"), 0), "{end:#}");
    assert!(effects.iter().any(|effect| effect.contains("from group")), "{effects:#?}");
    // Not seen: once a run says so, even if there is none.
    for groups in [vec![hidden()], vec![hidden(), Group::security("Engineers").member(GRACE)], vec![]] {
        let (end, told, _) = left(blind(), grace(), groups).await;
        assert_eq!((&end["state"], said(&told)), (&json!("partial"), 1), "{end:#}");
        assert_eq!(told[0].1, "remove_from_teams", "the first that would have to see them: {told:?}");
    }
    // A hidden group that gives a licence.
    let giving = Group::microsoft365("Works council").member(GRACE).licensing("EMS").hidden_members();
    let (_, told, _) = left(blind(), grace(), vec![giving]).await;
    assert!(told.contains(&("hidden_groups".to_owned(), "remove_licenses".to_owned())), "{told:?}");
}

#[tokio::test]
async fn no_role_is_said_only_after_a_look_at_what_the_person_may_activate() {
    let may = || grace().eligible_for("User Administrator");
    let (end, told, effects) = left(application(), may(), vec![]).await;
    assert_eq!((&end["state"], told.len()), (&json!("succeeded"), 0), "{end:#}");
    assert!(
        effects.iter().any(|it| it.starts_with("take eligibility for role User Administrator")),
        "{effects:#?}"
    );
    let weak = application().without_role("RoleEligibilitySchedule.ReadWrite.Directory");
    let (end, told, effects) = left(weak, may(), vec![]).await;
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
    let (_, told, _) = left(blind, may(), vec![]).await;
    assert_eq!(told, [("eligible_roles_unseen".to_owned(), "remove_directory_roles".to_owned())]);
}
