//! Teams and channels: members by opaque ids, and the last owner, who stays.

use msgraph_emulator::{Application, Channel, Group, Options};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused, tenant};

/// A team that Grace owns and Edsger is in, with a channel of each kind that Grace owns.
async fn desk(roles: &[&str]) -> Desk {
    let team = Group::microsoft365("Kiruna")
        .member(GRACE)
        .member(EDSGER)
        .owner(GRACE)
        .channel(Channel::private("Budget").owner(GRACE).member(EDSGER))
        .channel(Channel::shared("Suppliers").owner(GRACE).member(EDSGER));
    let bare = Application::default().without_role("TeamMember.ReadWrite.All");
    let bare = bare.without_role("ChannelMember.ReadWrite.All");
    let application = roles.iter().fold(bare, |application, role| application.role(role));
    Desk::with(Options::new(tenant().group(team).application(application))).await
}

const ALL: &[&str] = &["TeamMember.ReadWrite.All", "ChannelMember.ReadWrite.All"];

impl Desk {
    /// The path of the members of a team or channel.
    async fn members_path(&self, channel: Option<&str>) -> String {
        let team = self.group("Kiruna");
        let Some(name) = channel else { return format!("teams/{team}/members") };
        let channels = self.found(&format!("teams/{team}/channels?$select=id,displayName")).await;
        let channels = channels["value"].as_array().unwrap();
        let channel = channels.iter().find(|channel| channel["displayName"] == name).unwrap();
        format!("teams/{team}/channels/{}/members", channel["id"].as_str().unwrap())
    }

    /// The membership of somebody, where there is one.
    async fn membership(&self, channel: Option<&str>, upn: &str) -> Option<Value> {
        let id = self.user(upn);
        let page = self.found(&self.members_path(channel).await).await;
        page["value"].as_array().unwrap().iter().find(|member| member["userId"] == id.as_str()).cloned()
    }

    async fn invite(&self, channel: Option<&str>, upn: &str, roles: &[&str]) -> (u16, Value) {
        let user = format!("https://graph.microsoft.com/v1.0/users('{}')", self.user(upn));
        let kind = "#microsoft.graph.aadUserConversationMember";
        let body = json!({ "@odata.type": kind, "roles": roles, "user@odata.bind": user });
        self.send("POST", &self.members_path(channel).await, Some(body)).await
    }

    async fn dismiss(&self, channel: Option<&str>, upn: &str) -> (u16, Value) {
        let member = self.membership(channel, upn).await.unwrap();
        let path = format!("{}/{}", self.members_path(channel).await, member["id"].as_str().unwrap());
        self.send("DELETE", &path, None).await
    }

    async fn promote(&self, channel: Option<&str>, upn: &str, roles: &[&str]) -> (u16, Value) {
        let member = self.membership(channel, upn).await.unwrap();
        let path = format!("{}/{}", self.members_path(channel).await, member["id"].as_str().unwrap());
        let body = json!({ "@odata.type": "#microsoft.graph.aadUserConversationMember", "roles": roles });
        self.send("PATCH", &path, Some(body)).await
    }
}

#[tokio::test]
async fn a_member_joins_and_leaves_team_and_group_alike() {
    let desk = desk(ALL).await;
    let (ada, team) = (desk.user(ADA), desk.group("Kiruna"));
    assert_eq!(desk.invite(None, ADA, &[]).await.0, 201);
    refused(&desk.invite(None, ADA, &[]).await, 400, "BadRequest", "already");
    let groups = desk.found(&format!("users/{ada}/memberOf?$select=id")).await;
    assert_eq!(groups["value"][0]["id"], team.as_str());
    assert_eq!(desk.membership(None, ADA).await.unwrap()["roles"], json!([]));
    assert_eq!(desk.dismiss(None, ADA).await.0, 204);
    assert!(desk.membership(None, ADA).await.is_none());
    assert_eq!(
        desk.emulator.effects(),
        [format!("add user {ada} to team {team}"), format!("remove user {ada} from team {team}")]
    );
    let missing = desk.send("DELETE", &format!("teams/{team}/members/nobody"), None).await;
    refused(&missing, 404, "NotFound", "");
    let no_team = desk.get(&format!("teams/{}/members", desk.group("Engineers"))).await;
    refused(&no_team, 404, "NotFound", "No team found with Group Id");
}

#[tokio::test]
async fn the_last_owner_of_a_team_or_channel_stays() {
    let desk = desk(ALL).await;
    for channel in [None, Some("Budget"), Some("Suppliers")] {
        refused(&desk.dismiss(channel, GRACE).await, 400, "BadRequest", "last owner");
        refused(&desk.promote(channel, GRACE, &[]).await, 400, "BadRequest", "last owner");
        assert_eq!(desk.promote(channel, EDSGER, &["owner"]).await.0, 200);
        assert_eq!(desk.promote(channel, GRACE, &[]).await.0, 200);
        assert_eq!(desk.membership(channel, GRACE).await.unwrap()["roles"], json!([]));
    }
    let owners = desk.found(&format!("groups/{}/owners?$select=id", desk.group("Kiruna"))).await;
    assert_eq!(owners["value"][0]["id"], desk.user(EDSGER).as_str());
}

#[tokio::test]
async fn a_member_who_leaves_a_team_leaves_its_private_channels_only() {
    let desk = desk(ALL).await;
    assert_eq!(desk.dismiss(None, EDSGER).await.0, 204);
    assert!(desk.membership(Some("Budget"), EDSGER).await.is_none());
    assert!(desk.membership(Some("Suppliers"), EDSGER).await.is_some());
    refused(&desk.invite(Some("Budget"), ADA, &[]).await, 400, "BadRequest", "not in the team");
    assert_eq!(desk.invite(Some("Suppliers"), ADA, &["owner"]).await.0, 201);
    assert_eq!(desk.dismiss(Some("Suppliers"), GRACE).await.0, 204);
}

#[tokio::test]
async fn owners_of_a_team_need_the_broader_permission() {
    let desk = desk(&["TeamMember.Read.All", "TeamMember.ReadWriteNonOwnerRole.All"]).await;
    refused(&desk.invite(None, ADA, &["owner"]).await, 403, "Authorization_RequestDenied", "");
    refused(&desk.dismiss(None, GRACE).await, 403, "Authorization_RequestDenied", "");
    assert_eq!(desk.invite(None, ADA, &[]).await.0, 201);
    let channel = desk.get(&desk.members_path(Some("Budget")).await).await;
    refused(&channel, 403, "Forbidden", "ChannelMember.ReadWrite.All");
}

#[tokio::test]
async fn a_member_is_written_as_documented_or_not_at_all() {
    let desk = desk(ALL).await;
    let path = desk.members_path(None).await;
    let user = format!("https://graph.microsoft.com/v1.0/users('{}')", desk.user(ADA));
    let kind = "#microsoft.graph.aadUserConversationMember";
    let bodies = [
        json!({ "roles": [], "user@odata.bind": user }),
        json!({ "@odata.type": kind, "user@odata.bind": user }),
        json!({ "@odata.type": kind, "roles": ["guest"], "user@odata.bind": user }),
        json!({ "@odata.type": kind, "roles": [], "user@odata.bind": "users/1" }),
        json!({ "@odata.type": kind, "roles": [], "user@odata.bind": user, "color": "red" }),
    ];
    for body in bodies {
        assert_eq!(desk.send("POST", &path, Some(body.clone())).await.0, 400, "{body}");
    }
    assert!(desk.emulator.effects().is_empty());
}

#[tokio::test]
async fn a_team_is_read_by_its_id_and_by_its_members() {
    let desk = desk(&["Team.ReadBasic.All"]).await;
    let joined = desk.found(&format!("users/{EDSGER}/joinedTeams?$select=id,displayName")).await;
    assert_eq!(joined["value"], json!([{ "displayName": "Kiruna", "id": desk.group("Kiruna") }]));
    assert_eq!(desk.found(&format!("users/{ADA}/joinedTeams")).await["value"], json!([]));
    let team = desk.found(&format!("teams/{}", desk.group("Kiruna"))).await;
    assert_eq!((&team["displayName"], &team["isArchived"]), (&json!("Kiruna"), &json!(false)));
    let none = desk.get(&format!("teams/{}", desk.group("Engineers"))).await;
    refused(&none, 404, "NotFound", "No team found");
}
