//! Teams, and Intune's one refusal.

use crate::sample::{Call, Sample, sample};

pub fn samples() -> Vec<Sample> {
    let partly = r##"{"value":[
        {"@odata.type":"#microsoft.graph.aadUserConversationMemberResult","userId":"1",
         "error":{"code":"NotFound","message":""}},
        {"@odata.type":"#microsoft.graph.aadUserConversationMemberResult","userId":"2","error":null}]}"##;
    vec![
        // A success of which some items failed: the call that asks for it has to read them.
        sample("team-members-add-partial", Call::Post, 207, "", "").with_body(partly),
        sample(
            "team-missing-role",
            Call::Get,
            403,
            "Forbidden",
            "Missing role permissions on the request. API requires one of 'TeamMember.Read.All, \
             TeamMember.ReadWrite.All'. Roles on the request 'User.Read.All'. Resource specific consent grants \
             on the request ''.",
        )
        .blocked("permission_missing", "forbidden"),
        sample("team-not-found", Call::User, 404, "NotFound", "No team found with Group Id g")
            .with_inner_code("ItemNotFound")
            .absent(),
        sample("team-not-found, to a write", Call::Post, 404, "NotFound", "No team found with Group Id g")
            .retry("object_disappeared", "already_gone not_found"),
        sample(
            "team-backend",
            Call::User,
            404,
            "ItemNotFound",
            "Failed to execute Skype backend request GetThreadS2SRequest.",
        )
        .retry("graph_unavailable", "not_found transient"),
        sample("team-member-missing", Call::Delete, 404, "NotFound", ""),
        sample(
            "intune-no-tenant",
            Call::Get,
            400,
            "BadRequest",
            r#"{"_version":3,"Message":"Request not applicable to target tenant.","CustomApiErrorPhrase":""}"#,
        )
        .blocked("service_not_bought", "not_bought"),
    ]
}
