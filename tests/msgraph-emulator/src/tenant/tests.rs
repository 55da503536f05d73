//! Rules that hold for every tenant.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Add, Group, NotLicensed, Sku, TENANT_ID, Tenant, User};

fn add(sku: Uuid) -> Add {
    Add { sku, disabled: BTreeSet::new() }
}

#[test]
fn the_built_in_tenant_is_whole() {
    let tenant = Tenant::contoso();
    assert_eq!(tenant.check(), Ok(()));
    assert_eq!(tenant.users.len(), 4);
    let e3 = tenant.sku_id("SPE_E3").unwrap();
    assert_eq!(tenant.consumed(e3), 3);
}

#[test]
fn two_equal_starts_are_equal_in_every_id() {
    let grown = || {
        let mut tenant = Tenant::contoso();
        tenant.grow(7, 50).unwrap();
        tenant.state()
    };
    assert_eq!(grown(), grown());
    let mut other = Tenant::contoso();
    other.grow(8, 50).unwrap();
    assert_ne!(grown(), other.state());
}

#[test]
fn a_builder_s_mistake_names_its_place() {
    let tenant = Tenant::empty().user(User::new("ada@contoso.example", "Ada").licensed("NOPE"));
    assert_eq!(
        tenant.check().unwrap_err().to_string(),
        "user ada@contoso.example: the SKU NOPE is not in the tenant"
    );
    let tenant = Tenant::empty().user(User::new("ada@elsewhere.example", "Ada"));
    assert!(tenant.check().is_err());
    let tenant = Tenant::empty()
        .user(User::new("ada@contoso.example", "Ada"))
        .user(User::new("ADA@contoso.example", "Ada"));
    assert!(tenant.check().is_err());
}

#[test]
fn seats_are_counted_once_a_user_and_freed_on_delete() {
    let mut tenant = Tenant::empty()
        .sku(Sku::new("EMS", 1))
        .user(User::new("ada@contoso.example", "Ada Lovelace").located("GB").licensed("EMS"))
        .group(Group::security("Licensed").licensing("EMS").member("ada@contoso.example"));
    let ems = tenant.sku_id("EMS").unwrap();
    let ada = tenant.user_id("ada@contoso.example").unwrap();
    assert_eq!(tenant.consumed(ems), 1, "direct and inherited are one seat");
    assert_eq!(
        tenant.assign_licenses(ada, &[], &[ems]).unwrap().len(),
        1,
        "the direct one can go while the group gives another"
    );
    assert_eq!(tenant.consumed(ems), 1);
    assert!(tenant.soft_delete(ada));
    assert_eq!(tenant.consumed(ems), 0);
    assert!(tenant.upn_is_taken("Ada@contoso.example"));
    assert!(tenant.groups.values().all(|group| group.members.is_empty()));
}

#[test]
fn a_group_licence_without_a_seat_is_an_error_state_that_leaves_with_the_member() {
    let mut tenant = Tenant::empty()
        .sku(Sku::new("EMS", 0))
        .sku(Sku::new("VISIOCLIENT", 5))
        .user(User::new("ada@contoso.example", "Ada Lovelace").located("GB"))
        .group(
            Group::security("Licensed")
                .licensing("EMS")
                .licensing("VISIOCLIENT")
                .member("ada@contoso.example"),
        );
    let ada = tenant.user_id("ada@contoso.example").unwrap();
    let group = tenant.group_id("Licensed").unwrap();
    let errors: BTreeSet<_> = tenant.users[&ada].inherited.values().map(|held| held.error).collect();
    assert_eq!(errors, BTreeSet::from([Some("CountViolation"), Some("Other")]));
    assert!(tenant.users[&ada].held_skus().is_empty());
    assert!(tenant.leave(group, ada));
    assert!(tenant.users[&ada].inherited.is_empty());
}

#[test]
fn conflicting_and_dependent_plans_are_refused_in_graph_s_words() {
    let mut tenant = Tenant::contoso();
    let grace = tenant.user_id("grace@contoso.example").unwrap();
    let admin = tenant.user_id("admin@contoso.example").unwrap();
    let standard = tenant.sku_id("EXCHANGESTANDARD").unwrap();
    let addon = tenant.sku_id("EXCHANGEARCHIVE_ADDON").unwrap();
    let e3 = tenant.sku_id("SPE_E3").unwrap();

    let conflict = tenant.assign_licenses(grace, &[add(standard)], &[]);
    assert!(matches!(conflict, Err(NotLicensed::Conflict(..))));
    assert_eq!(tenant.assign_licenses(admin, &[add(addon)], &[]), Err(NotLicensed::UsageLocation));
    tenant.set("admin@contoso.example", "usageLocation", "US").unwrap();
    let dependency = tenant.assign_licenses(admin, &[add(addon)], &[]);
    assert!(matches!(dependency, Err(NotLicensed::Dependency { .. })));
    let both = tenant.assign_licenses(admin, &[add(addon), add(e3)], &[]);
    assert_eq!(both.unwrap().len(), 2, "dependencies within the set resolve");
}

#[test]
fn a_file_s_mistakes_are_reported_with_their_place() {
    let file = |rest: &str| {
        let text = format!(
            r#"{{"tenantId":"{TENANT_ID}","displayName":"C","verifiedDomains":["contoso.example"]{rest}}}"#
        );
        Tenant::from_json(&text).unwrap_err().to_string()
    };
    assert!(file(r#","people":[]"#).contains("people"));
    assert!(file(r#","skus":[{"skuPartNumber":"EMS","seats":1}]"#).starts_with("skus[0]: "));
    let unknown =
        file(r#","users":[{"userPrincipalName":"ada@contoso.example","displayName":"Ada","shoeSize":7}]"#);
    assert!(unknown.starts_with("users[0]: ") && unknown.contains("shoeSize"), "{unknown}");
    let rule = file(
        r#","groups":[{"displayName":"D","mailEnabled":false,"securityEnabled":true,"groupTypes":["DynamicMembership"]}]"#,
    );
    assert!(rule.starts_with("groups[0]: "), "{rule}");
}

#[test]
fn a_file_makes_the_tenant_it_describes() {
    let tenant = Tenant::from_json(
        r#"{
            "tenantId": "11111111-2222-4333-8444-555555555555",
            "displayName": "Contoso",
            "verifiedDomains": ["contoso.example"],
            "applications": [{"clientId": "app", "clientSecret": "s", "roles": ["User.Read.All"]}],
            "skus": [{"skuPartNumber": "EMS", "enabled": 3,
                      "servicePlans": [{"servicePlanName": "INTUNE_A"}]}],
            "users": [
                {"userPrincipalName": "ada@contoso.example", "displayName": "Ada Lovelace",
                 "usageLocation": "GB", "manager": "grace@contoso.example", "licenses": ["EMS"]},
                {"userPrincipalName": "grace@contoso.example", "displayName": "Grace Hopper",
                 "directoryRole": "User Administrator"}
            ],
            "groups": [{"displayName": "Analysts", "mailEnabled": false, "securityEnabled": true,
                        "members": ["ada@contoso.example"], "owners": ["grace@contoso.example"]}]
        }"#,
    )
    .unwrap();
    let ada = tenant.user_id("ada@contoso.example").unwrap();
    let grace = tenant.user_id("grace@contoso.example").unwrap();
    assert_eq!(tenant.users[&ada].manager, Some(grace));
    assert_eq!(tenant.consumed(tenant.sku_id("EMS").unwrap()), 1);
    assert!(tenant.is_administrator(grace) && !tenant.is_administrator(ada));
    assert_eq!(tenant.groups_of(ada), [tenant.group_id("analysts").unwrap()]);
}

#[test]
fn the_readme_s_examples_are_taken() {
    let readme = include_str!("../../README.md");
    let mut blocks = readme.split("```json").skip(1).map(|rest| rest.split("```").next().unwrap());
    let faults: Vec<crate::Fault> = serde_json::from_str(blocks.next().unwrap()).unwrap();
    assert!(faults.iter().all(|fault| fault.check().is_ok()));
    let tenant = Tenant::from_json(blocks.next().unwrap()).unwrap();
    assert_eq!(tenant.check(), Ok(()));
    assert_eq!((blocks.next(), tenant.users.len()), (None, 2));
}
