//! Each resource's requests, and the errors that mean "already done".

use msgraph::{
    AddLicense, AppRoleAssignment, AuthenticationMethod, NewUser, Place, RestoreTerms, TeamRole, UserKey,
    UserPatch,
};

use crate::server::{Reply, Seen, Server, json, refusal};

const USER: &str =
    r#"{"id":"1","displayName":"Ada Lovelace","signInSessionsValidFromDateTime":"2026-03-02T10:00:00Z"}"#;
const NOT_ASSIGNED: &str = "User does not have a corresponding license.";

fn lines(server: &Server) -> Vec<String> {
    server.graph_requests().iter().map(Seen::line).collect()
}

#[tokio::test]
async fn a_person_is_asked_for_by_any_identifier() {
    let server = Server::start(|seen, _| match seen.path.contains("$filter") {
        true => json(200, &format!(r#"{{"value":[{USER}]}}"#)),
        false => json(200, USER),
    })
    .await;
    let client = server.client();
    let keys = [
        UserKey::Id("1".into()),
        UserKey::Upn("grace_fabrikam.example#EXT#@contoso.example".into()),
        UserKey::Upn("$o'hopper@contoso.example".into()),
        UserKey::EmployeeId("O'1 & 2".into()),
    ];
    for key in &keys {
        let user = client.reader().user(key, &["displayName", "id"]).await.unwrap().unwrap();
        assert_eq!((user.id.as_str(), user.display_name.as_deref()), ("1", Some("Ada Lovelace")));
        assert_eq!(user.sign_in_sessions_valid_from_date_time, Some("2026-03-02T10:00:00Z".parse().unwrap()));
    }
    assert_eq!(
        lines(&server),
        [
            "GET /v1.0/users/1?$select=id,displayName",
            "GET /v1.0/users/grace_fabrikam.example%23EXT%23@contoso.example?$select=id,displayName",
            "GET /v1.0/users('$o''hopper@contoso.example')?$select=id,displayName",
            "GET /v1.0/users?$filter=employeeId%20eq%20%27O%27%271%20%26%202%27&$select=id,displayName",
        ]
    );
}

#[tokio::test]
async fn an_employee_id_of_two_people_is_not_unique() {
    let server = Server::start(|_, _| json(200, r#"{"value":[{"id":"1"},{"id":"2"}]}"#)).await;
    let error = server.client().reader().user(&UserKey::EmployeeId("7".into()), &[]).await.unwrap_err();
    assert!(error.is_not_unique() && !error.is_ambiguous() && !error.is_transient(), "{error}");
    let server = Server::start(|_, _| json(200, r#"{"value":[]}"#)).await;
    assert_eq!(server.client().reader().user(&UserKey::EmployeeId("7".into()), &[]).await.unwrap(), None);
}

#[tokio::test]
async fn an_empty_identifier_is_not_sent() {
    let server = Server::start(|_, _| json(200, r#"{"value":[{"id":"1"}]}"#)).await;
    let client = server.client();
    for key in [UserKey::Id("".into()), UserKey::Upn("".into()), UserKey::EmployeeId("".into())] {
        assert!(client.reader().user(&key, &[]).await.is_err());
    }
    assert!(client.writer().remove_member("", "1").await.is_err());
    assert!(client.writer().remove_member("g", "").await.is_err());
    assert!(client.writer().add_member("g", "").await.is_err());
    assert_eq!(lines(&server), [""; 0]);
}

#[tokio::test]
async fn deleted_people_are_found_under_the_name_and_number_they_had() {
    let server = Server::start(|_, _| {
        json(
            200,
            r#"{"value":[{"id":"1-1","userPrincipalName":"11nevada@contoso.example"},
                {"id":"2-2","userPrincipalName":"22ada@contoso.example","employeeId":"8"},
                {"id":"3-3","userPrincipalName":"33grace@contoso.example","employeeId":"7"}]}"#,
        )
    })
    .await;
    let names = ["ada@contoso.example".to_owned()];
    let found = server.client().reader().deleted_namesakes(&names, Some("7")).await.unwrap();
    let found: Vec<_> = found.iter().map(|user| (&*user.id, user.user_principal_name.as_deref())).collect();
    assert_eq!(found, [("2-2", Some("ada@contoso.example")), ("3-3", None)]);
    let server = Server::start(|_, _| json(200, r#"{"value":[{"id":"1"}]}"#)).await;
    assert_eq!(server.client().reader().deleted_namesakes(&[], None).await.unwrap(), []);
}

#[tokio::test]
async fn only_people_are_found_among_the_deleted_and_all_of_a_name() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        path if path.contains("/deletedItems/g") => {
            json(200, r##"{"@odata.type":"#microsoft.graph.group","id":"g"}"##)
        }
        path if path.contains("/deletedItems/u") => {
            json(200, r##"{"@odata.type":"#microsoft.graph.user","id":"u"}"##)
        }
        path if path.contains("/deletedItems/n") => refusal(404, "Request_ResourceNotFound", "gone"),
        _ => json(
            200,
            r#"{"value":[{"id":"1-1","userPrincipalName":"11ada@contoso.example","employeeId":"7"},
                {"id":"2-2","userPrincipalName":"22nevada@contoso.example"},
                {"id":"3-3","userPrincipalName":"33ada@contoso.example"}]}"#,
        ),
    })
    .await;
    let client = server.client();
    let rows = [
        (UserKey::Id("u".into()), vec!["u"]),
        (UserKey::Id("g".into()), vec![]),
        (UserKey::Id("n".into()), vec![]),
        (UserKey::Upn("ada@contoso.example".into()), vec!["1-1", "3-3"]),
        (UserKey::EmployeeId("7".into()), vec!["1-1"]),
    ];
    for (key, expected) in rows {
        let found = client.reader().deleted_users(&key).await.unwrap();
        let ids: Vec<_> = found.into_iter().map(|deleted| deleted.id).collect();
        assert_eq!(ids, expected, "{key}");
    }
    assert!(client.reader().deleted_users(&UserKey::Upn("".into())).await.is_err());
    assert!(client.reader().deleted_users(&UserKey::EmployeeId("".into())).await.is_err());
}

#[tokio::test]
async fn writes_are_written_as_documented() {
    let server = Server::start(|_, n| if n == 1 { json(201, USER) } else { json(204, "") }).await;
    let client = server.client();
    let user = NewUser {
        password: "p4ss-word".into(),
        properties: UserPatch { display_name: Some("Ada Lovelace".into()), ..UserPatch::default() },
    };
    assert_eq!(client.writer().create_user(&user).await.unwrap().id, "1");
    client.writer().set_account_enabled("1", false).await.unwrap();
    client.writer().revoke_sessions("1").await.unwrap();
    client.writer().set_password("1", &"n3w-word".into()).await.unwrap();
    client.writer().delete_user("1").await.unwrap();
    client.writer().restore_user("1", &RestoreTerms::default()).await.unwrap();
    client.writer().set_manager("1", "2").await.unwrap();
    client.writer().remove_manager("1").await.unwrap();
    client.writer().add_member("g", "1").await.unwrap();
    client.writer().remove_member("g", "1").await.unwrap();
    let add = AddLicense { sku_id: "s".into(), disabled_plans: vec!["p".into()] };
    client.writer().assign_licenses("1", &[add], &["t"]).await.unwrap();

    assert_eq!(
        lines(&server),
        [
            "POST /v1.0/users",
            "PATCH /v1.0/users/1",
            "POST /v1.0/users/1/revokeSignInSessions",
            "PATCH /v1.0/users/1",
            "DELETE /v1.0/users/1",
            "POST /v1.0/directory/deletedItems/1/restore",
            "PUT /v1.0/users/1/manager/$ref",
            "DELETE /v1.0/users/1/manager/$ref",
            "POST /v1.0/groups/g/members/$ref",
            "DELETE /v1.0/groups/g/members/1/$ref",
            "POST /v1.0/users/1/assignLicense",
        ]
    );
    let bodies: Vec<_> = server.graph_requests().into_iter().map(|seen| seen.body).collect();
    assert!(bodies[0].contains(r#""password":"p4ss-word""#));
    assert_eq!(bodies[1], r#"{"accountEnabled":false}"#);
    assert_eq!(bodies[2], "");
    assert_eq!(
        bodies[3],
        r#"{"passwordProfile":{"password":"n3w-word","forceChangePasswordNextSignIn":true}}"#
    );
    assert_eq!(bodies[6], format!(r#"{{"@odata.id":"{}/v1.0/users/2"}}"#, server.url));
    assert_eq!(bodies[8], format!(r#"{{"@odata.id":"{}/v1.0/directoryObjects/1"}}"#, server.url));
    assert_eq!(bodies[10], r#"{"addLicenses":[{"skuId":"s","disabledPlans":["p"]}],"removeLicenses":["t"]}"#);
}

#[tokio::test]
async fn rights_are_read_and_removed_as_documented() {
    let server = Server::start(|seen, _| match seen.method.as_str() {
        "GET" => json(200, r#"{"value":[]}"#),
        _ => refusal(404, "Request_ResourceNotFound", "gone"),
    })
    .await;
    let client = server.client();
    client.reader().role_assignments("1").await.unwrap();
    client.reader().belongings("ada@contoso.example").await.unwrap();
    client.reader().role_holders("t").await.unwrap();
    client.reader().eligible_for_role("t").await.unwrap();
    client.reader().is_eligible_for_a_role("1").await.unwrap();
    client.reader().members("g").await.unwrap();
    client.reader().app_role_assignments("1").await.unwrap();
    client.reader().permission_grants("1").await.unwrap();
    client.writer().remove_role_assignment("r").await.unwrap();
    let assignment = AppRoleAssignment {
        id: "a".into(),
        principal_id: "1".into(),
        resource_id: "s".into(),
        ..AppRoleAssignment::default()
    };
    client.writer().remove_app_role_assignment(&assignment).await.unwrap();
    client.writer().remove_permission_grant("g").await.unwrap();
    client.reader().authentication_methods("1").await.unwrap();
    let odata_type = Some("#microsoft.graph.fido2AuthenticationMethod".into());
    let method = AuthenticationMethod { id: "m".into(), odata_type };
    client.writer().remove_authentication_method("1", &method).await.unwrap();
    let unknown = AuthenticationMethod { odata_type: None, ..method };
    assert!(client.writer().remove_authentication_method("1", &unknown).await.is_err());
    assert!(client.reader().role_assignments("").await.is_err());
    assert_eq!(
        lines(&server),
        [
            "GET /v1.0/roleManagement/directory/roleAssignments?$filter=principalId%20eq%20%271%27",
            "GET /v1.0/users/ada@contoso.example/transitiveMemberOf\
             ?$select=id,roleTemplateId,isAssignableToRole&$top=999",
            "GET /v1.0/roleManagement/directory/roleAssignments?$filter=roleDefinitionId%20eq%20%27t%27",
            "GET /v1.0/roleManagement/directory/roleEligibilitySchedules\
             ?$filter=roleDefinitionId%20eq%20%27t%27",
            "GET /v1.0/roleManagement/directory/roleEligibilitySchedules?$filter=principalId%20eq%20%271%27",
            "GET /v1.0/groups/g/members?$select=id,accountEnabled",
            "GET /v1.0/users/1/appRoleAssignments",
            "GET /v1.0/users/1/oauth2PermissionGrants",
            "DELETE /v1.0/roleManagement/directory/roleAssignments/r",
            "DELETE /v1.0/servicePrincipals/s/appRoleAssignedTo/a",
            "DELETE /v1.0/oauth2PermissionGrants/g",
            "GET /v1.0/users/1/authentication/methods",
            "DELETE /v1.0/users/1/authentication/fido2Methods/m",
        ]
    );
}

#[tokio::test]
async fn owners_and_teams_are_read_and_written_as_documented() {
    let server = Server::start(|seen, _| match seen.method.as_str() {
        "GET" => json(200, r#"{"value":[]}"#),
        "DELETE" => refusal(404, "NotFound", ""),
        "PATCH" => json(200, "{}"),
        _ => json(201, "{}"),
    })
    .await;
    let client = server.client();
    let (reader, writer) = (client.reader(), client.writer());
    let (team, channel) = (Place::team("t"), Place::channel("t", "19:c@thread.tacv2"));
    reader.owned_by("1").await.unwrap();
    reader.owners("g").await.unwrap();
    writer.add_owner("g", "1").await.unwrap();
    writer.remove_owner("g", "1").await.unwrap();
    reader.channels("u").await.unwrap();
    for place in [&team, &channel] {
        reader.team_members(place).await.unwrap();
        writer.add_team_member(place, "1", TeamRole::Owner).await.unwrap();
        writer.set_team_role(place, "m=", TeamRole::Member).await.unwrap();
        writer.remove_team_member(place, "m=").await.unwrap();
    }
    assert!(writer.remove_team_member(&team, "").await.is_err(), "not the whole listing");
    let owned = "id,displayName,groupTypes,mailEnabled,securityEnabled,membershipRule,onPremisesSyncEnabled,\
                 isAssignableToRole,assignedLicenses,resourceProvisioningOptions";
    assert_eq!(
        lines(&server),
        [
            &format!("GET /v1.0/users/1/ownedObjects?$select={owned}"),
            "GET /v1.0/groups/g/owners?$select=id,accountEnabled",
            "POST /v1.0/groups/g/owners/$ref",
            "DELETE /v1.0/groups/g/owners/1/$ref",
            "GET /v1.0/teams/u/channels?$select=id,displayName,membershipType",
            "GET /v1.0/teams/t/members?$top=999",
            "POST /v1.0/teams/t/members",
            "PATCH /v1.0/teams/t/members/m=",
            "DELETE /v1.0/teams/t/members/m=",
            "GET /v1.0/teams/t/channels/19:c@thread.tacv2/members?$top=999",
            "POST /v1.0/teams/t/channels/19:c@thread.tacv2/members",
            "PATCH /v1.0/teams/t/channels/19:c@thread.tacv2/members/m=",
            "DELETE /v1.0/teams/t/channels/19:c@thread.tacv2/members/m=",
        ]
    );
    let bodies: Vec<_> = server.graph_requests().into_iter().map(|seen| seen.body).collect();
    let kind = r##""@odata.type":"#microsoft.graph.aadUserConversationMember""##;
    let user = format!("{}/v1.0/users('1')", server.url);
    assert_eq!(bodies[6], format!(r#"{{{kind},"roles":["owner"],"user@odata.bind":"{user}"}}"#));
    assert_eq!(bodies[7], format!(r#"{{{kind},"roles":[]}}"#));
}

#[tokio::test]
async fn a_member_already_there_is_added_and_a_missing_one_is_not() {
    let outcome = async |reply: fn() -> Reply| {
        let server = Server::start(move |_, _| reply()).await;
        server.client().writer().add_member("g", "1").await
    };
    let already = || {
        let text = "One or more added object references already exist for the following modified properties: 'members'.";
        refusal(400, "Request_BadRequest", text)
    };
    outcome(already).await.unwrap();
    let gone = || refusal(404, "Request_ResourceNotFound", "Resource '1' does not exist or one of its");
    assert!(outcome(gone).await.unwrap_err().is_not_found());
    let other = || {
        refusal(
            400,
            "Request_BadRequest",
            "Cannot Update a mail-enabled security groups and or distribution list.",
        )
    };
    assert_eq!(outcome(other).await.unwrap_err().status(), Some(400));
    assert!(outcome(|| refusal(403, "Authorization_RequestDenied", "")).await.unwrap_err().is_forbidden());
}

#[tokio::test]
async fn a_member_already_gone_is_removed() {
    let outcome = async |reply: fn() -> Reply| {
        let server = Server::start(move |_, _| reply()).await;
        server.client().writer().remove_member("g", "1").await
    };
    outcome(|| refusal(404, "Request_ResourceNotFound", "Resource '1' does not exist")).await.unwrap();
    let raced = || {
        let text = "One or more removed object references do not exist for the following modified properties: 'members'.";
        refusal(400, "Request_BadRequest", text)
    };
    outcome(raced).await.unwrap();
    let other = || refusal(400, "Request_BadRequest", "Unable to update the specified properties");
    assert_eq!(outcome(other).await.unwrap_err().status(), Some(400));
}

#[tokio::test]
async fn a_licence_already_gone_is_taken_back() {
    let server = Server::start(|_, _| refusal(400, "Request_BadRequest", NOT_ASSIGNED)).await;
    let client = server.client();
    client.writer().assign_licenses("1", &[], &["s"]).await.unwrap();
    assert_eq!(server.graph_requests().len(), 1);
    let add = [AddLicense { sku_id: "t".into(), ..AddLicense::default() }];
    let error = client.writer().assign_licenses("1", &add, &["s"]).await.unwrap_err();
    assert_eq!(error.status(), Some(400), "nothing was given, so this is no success");
}

#[tokio::test]
async fn one_licence_already_gone_does_not_keep_the_others() {
    let server = Server::start(|seen, _| match seen.body.contains("gone") {
        true => refusal(400, "Request_BadRequest", NOT_ASSIGNED),
        false => json(200, USER),
    })
    .await;
    server.client().writer().assign_licenses("1", &[], &["s", "gone", "t"]).await.unwrap();
    let bodies: Vec<_> = server.graph_requests().into_iter().map(|seen| seen.body).collect();
    let taken = |skus: &str| format!(r#"{{"addLicenses":[],"removeLicenses":[{skus}]}}"#);
    assert_eq!(bodies, [taken(r#""s","gone","t""#), taken(r#""s""#), taken(r#""gone""#), taken(r#""t""#)]);
}

#[tokio::test]
async fn memberships_that_are_no_groups_are_left_out_and_unreadable_groups_are_not() {
    let server = Server::start(|_, _| {
        json(
            200,
            r##"{"value":[{"@odata.type":"#microsoft.graph.directoryRole","id":"r"},
                {"@odata.type":"#microsoft.graph.group","id":"g","displayName":null,"groupTypes":null,
                 "assignedLicenses":null,"mailEnabled":null},
                {"@odata.type":"#microsoft.graph.administrativeUnit","id":"a"}]}"##,
        )
    })
    .await;
    let groups = server.client().reader().groups_of("1").await.unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0].id.as_str(), groups[0].kind()), ("g", msgraph::GroupKind::Unreadable));
}
