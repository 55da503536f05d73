//! The client's calls to mailboxes and calendars, against the emulator.

use msgraph::{
    AutomaticReplies, AutomaticRepliesStatus, ExternalAudience, NewInboxRule, Recipient, RuleActions,
};
use msgraph_emulator::{Calendar, Emulator, Event, Fault, Mailbox, Options, Sku, Tenant, User};

use crate::testing::emulator_client;

const GRACE: &str = "grace@contoso.example";
const ADA: &str = "ada@contoso.example";

/// Grace has a mailbox; Ada has none.
fn emulator() -> Emulator {
    let tenant = Tenant::empty()
        .sku(Sku::new("E3", 2).plan("EXCHANGE_S_ENTERPRISE"))
        .user(
            User::new(GRACE, "Grace Hopper")
                .located("US")
                .licensed("E3")
                .mailbox(Mailbox::new().replying("At sea").folder("Ships")),
        )
        .user(User::new(ADA, "Ada Lovelace"));
    Emulator::start(Options::new(tenant)).unwrap()
}

#[tokio::test]
async fn a_missing_mailbox_shows_nothing_and_takes_nothing() {
    let emulator = emulator();
    let client = emulator_client(&emulator);
    assert_eq!(client.reader().automatic_replies(ADA).await.unwrap(), None);
    assert_eq!(client.reader().inbox_rules(ADA).await.unwrap(), None);
    let error = client.writer().disable_automatic_replies(ADA).await.unwrap_err();
    assert!(error.is_mailbox_missing(), "{error}");
    // Another code, also seen: the store has no such item.
    emulator.fault(Fault::status(404).code("ErrorItemNotFound"));
    assert_eq!(client.reader().inbox_rules(GRACE).await.unwrap(), None);
    // A proxy's page does not come from Graph.
    emulator.clear_faults();
    emulator.fault(Fault::status(404).code("SomethingElse"));
    assert!(client.reader().inbox_rules(GRACE).await.is_err());
    assert!(emulator.effects().is_empty());
}

#[tokio::test]
async fn automatic_replies_are_set_whole_and_turned_off_alone() {
    let emulator = emulator();
    let client = emulator_client(&emulator);
    let replies = AutomaticReplies {
        status: AutomaticRepliesStatus::AlwaysEnabled,
        external_audience: ExternalAudience::None,
        internal_reply_message: Some("Ada is the successor".into()),
        external_reply_message: Some(String::new()),
        ..AutomaticReplies::default()
    };
    client.writer().set_automatic_replies(GRACE, &replies).await.unwrap();
    let seen = client.reader().automatic_replies(GRACE).await.unwrap().unwrap();
    assert_eq!((seen.status, seen.external_audience), (replies.status, replies.external_audience));
    assert!(seen.internal_reply_message.as_ref().unwrap().contains("Ada is the successor"));
    assert_eq!(seen.external_reply_message.as_deref(), Some(""));
    client.writer().disable_automatic_replies(GRACE).await.unwrap();
    let off = client.reader().automatic_replies(GRACE).await.unwrap().unwrap();
    let status = AutomaticRepliesStatus::Disabled;
    assert_eq!(off, AutomaticReplies { status, ..seen });
}

#[tokio::test]
async fn a_rule_is_created_found_and_removed_twice() {
    let emulator = emulator();
    let client = emulator_client(&emulator);
    let actions = RuleActions {
        redirect_to: vec![Recipient::at(ADA)],
        stop_processing_rules: Some(true),
        ..RuleActions::default()
    };
    let rule = NewInboxRule {
        display_name: "Hand over".into(),
        sequence: 1,
        is_enabled: true,
        actions,
        ..NewInboxRule::default()
    };
    client.writer().create_inbox_rule(GRACE, &rule).await.unwrap();
    let rules = client.reader().inbox_rules(GRACE).await.unwrap().unwrap();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].display_name.as_deref(), Some("Hand over"));
    assert_eq!(rules[0].actions, Some(rule.actions));
    assert!(rules[0].is_unconditional() && rules[0].is_enabled == Some(true));
    for _ in 0..2 {
        client.writer().delete_inbox_rule(GRACE, &rules[0].id).await.unwrap();
    }
    assert_eq!(client.reader().inbox_rules(GRACE).await.unwrap(), Some(vec![]));
    assert_eq!(emulator.effects().len(), 2);
}

#[tokio::test]
async fn a_folder_is_there_or_not_whatever_its_id_looks_like() {
    let emulator = emulator();
    let client = emulator_client(&emulator);
    let has = async |id: &str| client.reader().has_mail_folder(GRACE, id).await;
    assert!(has(&Mailbox::folder_id("Ships")).await.unwrap());
    assert!(!has("AAMkgone=").await.unwrap());
    for code in ["ErrorInvalidIdMalformed", "ErrorInvalidMailboxItemId"] {
        emulator.clear_faults();
        emulator.fault(Fault::status(400).code(code));
        assert!(!has("another/mailbox's").await.unwrap(), "{code}");
    }
    emulator.clear_faults();
    emulator.fault(Fault::status(403).code("ErrorAccessDenied"));
    assert!(has("AAMkgone=").await.unwrap_err().is_forbidden());
}

#[tokio::test]
async fn a_calendar_is_shared_and_the_role_changed() {
    let emulator = Emulator::start(Options::new(with_calendars())).unwrap();
    let client = emulator_client(&emulator);
    let voyages = emulator.with_tenant(|tenant| tenant.calendar_id(GRACE, "Voyages")).unwrap();
    let held = async || {
        let all = client.reader().calendar_permissions(GRACE, &voyages).await.unwrap().unwrap();
        let of_ada = all.into_iter().find(|held| {
            held.email_address.as_ref().is_some_and(|held| held.address.as_deref() == Some(ADA))
        });
        of_ada.map(|held| (held.id, held.role.unwrap()))
    };
    assert_eq!(held().await, None);
    client.writer().add_calendar_permission(GRACE, &voyages, ADA, "read").await.unwrap();
    let (id, role) = held().await.unwrap();
    assert_eq!(role, "read");
    client.writer().set_calendar_role(GRACE, &voyages, &id, "write").await.unwrap();
    assert_eq!(held().await, Some((id, "write".to_owned())));
    assert!(client.reader().has_person_with_address("ADA@contoso.example").await.unwrap());
    assert!(client.reader().has_person_with_address("mail.of.ada@contoso.example").await.unwrap());
    assert!(!client.reader().has_person_with_address("nobody@contoso.example").await.unwrap());
}

#[tokio::test]
async fn calendars_are_read_over_pages_and_can_be_deleted_twice() {
    let emulator = Emulator::start(Options::new(with_calendars()).page_limit(2)).unwrap();
    let client = emulator_client(&emulator);
    let calendars = client.reader().calendars(GRACE).await.unwrap().unwrap();
    let is = |of: fn(&msgraph::Calendar) -> Option<bool>| calendars.iter().map(of).collect::<Vec<_>>();
    assert_eq!(is(|calendar| calendar.is_default_calendar), [Some(true), Some(false), Some(false)]);
    assert_eq!(is(|calendar| calendar.can_share), [Some(true), Some(true), Some(false)]);
    let primary = calendars[0].id.as_str();
    let permissions = client.reader().calendar_permissions(GRACE, primary).await.unwrap().unwrap();
    let roles: Vec<_> = permissions.iter().map(|held| (held.role.as_deref(), held.is_removable)).collect();
    assert_eq!(roles, [(Some("freeBusyRead"), Some(false)), (Some("write"), Some(true))]);
    for _ in 0..2 {
        client.writer().delete_calendar_permission(GRACE, primary, &permissions[1].id).await.unwrap();
    }
    for _ in 0..2 {
        client.writer().delete_calendar(GRACE, &calendars[1].id).await.unwrap();
    }
    assert_eq!(emulator.effects().len(), 2);
    assert_eq!(client.reader().calendars(ADA).await.unwrap(), None);
    assert_eq!(client.reader().calendar_permissions(GRACE, "gone").await.unwrap(), None);
}

fn with_calendars() -> Tenant {
    let mailbox = Mailbox::new()
        .calendar(Calendar::primary().shared_with(ADA, "write"))
        .calendar(Calendar::named("Voyages"))
        .calendar(Calendar::named("Engines").of(ADA));
    Tenant::empty()
        .sku(Sku::new("E3", 2).plan("EXCHANGE_S_ENTERPRISE"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("E3").mailbox(mailbox))
        .user(User::new(ADA, "Ada Lovelace").with("mail", "mail.of.ada@contoso.example"))
}

#[tokio::test]
async fn events_are_read_page_by_page_and_can_be_cancelled_and_deleted_twice() {
    let event = |n: usize| Event::new(&format!("Event {n}"), "2026-03-02T08:00:00", "2026-03-02T09:00:00");
    let mailbox = Mailbox::new().events((0..1_200).map(|n| event(n).with(ADA)));
    let tenant = Tenant::empty()
        .sku(Sku::new("E3", 2).plan("EXCHANGE_S_ENTERPRISE"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("E3").mailbox(mailbox));
    let emulator = Emulator::start(Options::new(tenant)).unwrap();
    let client = emulator_client(&emulator);
    assert_eq!(client.reader().events(ADA).await.unwrap(), None);
    let events = client.reader().events(GRACE).await.unwrap().unwrap();
    let invited = events[0].attendees.as_ref().unwrap().len();
    assert_eq!((events.len(), invited, events[0].is_organizer), (1_200, 1, Some(true)));
    for _ in 0..2 {
        client.writer().cancel_event(GRACE, &events[0].id, "Grace has left.").await.unwrap();
        client.writer().delete_event(GRACE, &events[1].id).await.unwrap();
    }
    assert_eq!(emulator.effects().len(), 2);
}
