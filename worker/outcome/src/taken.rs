//! What a run takes away: enough to give it back.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One thing that a step is about to take away from an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// What it is.
    pub kind: TakenKind,
    /// The account that loses it, by object id.
    pub user: String,
    /// What names it: object ids, and nothing that is a name, an address or a text.
    pub object: Map<String, Value>,
    /// The names, addresses and texts that it needs to come back. Nobody may store them unsealed.
    pub text: Option<Value>,
}

/// What can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakenKind {
    /// The account itself.
    Account,
    /// That the account could sign in.
    SignIn,
    /// The password.
    Password,
    /// A method to sign in.
    AuthenticationMethod,
    /// Properties, as they were before.
    Properties,
    /// Whether the person was a member or a guest.
    UserType,
    /// The manager.
    Manager,
    /// A licence of the account's own.
    License,
    /// The membership in a group, with the licences that it gives.
    Membership,
    /// The ownership of a group or a team.
    Ownership,
    /// The membership in a team.
    TeamMembership,
    /// The membership in a channel.
    ChannelMembership,
    /// A role in the directory.
    DirectoryRole,
    /// The assignment to an application.
    AppAssignment,
    /// The consent that lets an application act in the person's name.
    AppConsent,
    /// The automatic reply, as it was before.
    AutomaticReply,
    /// That new mail was forwarded to nobody.
    MailDelivery,
    /// A rule of the inbox.
    InboxRule,
    /// The kind of the mailbox.
    Mailbox,
    /// A permission for a calendar of the person.
    CalendarPermission,
    /// A calendar beside the primary one.
    Calendar,
    /// Events of the primary calendar.
    CalendarEvents,
    /// The company's data on a device.
    Device,
}

impl TakenKind {
    /// Every kind, in the order in which a restore gives them back.
    pub const ALL: [Self; 23] = [
        Self::Account,
        Self::Properties,
        Self::UserType,
        Self::Manager,
        Self::License,
        Self::Membership,
        Self::Ownership,
        Self::TeamMembership,
        Self::ChannelMembership,
        Self::AppAssignment,
        Self::DirectoryRole,
        Self::AppConsent,
        Self::AutomaticReply,
        Self::MailDelivery,
        Self::InboxRule,
        Self::Mailbox,
        Self::CalendarPermission,
        Self::Calendar,
        Self::CalendarEvents,
        Self::Device,
        Self::AuthenticationMethod,
        Self::Password,
        Self::SignIn,
    ];

    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::SignIn => "sign_in",
            Self::Password => "password",
            Self::AuthenticationMethod => "authentication_method",
            Self::Properties => "properties",
            Self::UserType => "user_type",
            Self::Manager => "manager",
            Self::License => "license",
            Self::Membership => "membership",
            Self::Ownership => "ownership",
            Self::TeamMembership => "team_membership",
            Self::ChannelMembership => "channel_membership",
            Self::DirectoryRole => "directory_role",
            Self::AppAssignment => "app_assignment",
            Self::AppConsent => "app_consent",
            Self::AutomaticReply => "automatic_reply",
            Self::MailDelivery => "mail_delivery",
            Self::InboxRule => "inbox_rule",
            Self::Mailbox => "mailbox",
            Self::CalendarPermission => "calendar_permission",
            Self::Calendar => "calendar",
            Self::CalendarEvents => "calendar_events",
            Self::Device => "device",
        }
    }
}

impl Taken {
    /// This kind of thing, of the account with this object id.
    pub fn from(user: &str, kind: TakenKind) -> Self {
        Self { kind, user: user.to_owned(), object: Map::new(), text: None }
    }

    /// The same, named by this id or count.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.object.insert(name.to_owned(), value.into());
        self
    }

    /// The same with names, addresses or texts.
    #[must_use]
    pub fn with_text(self, text: Value) -> Self {
        Self { text: Some(text), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_word_and_one_place() {
        let mut kinds = TakenKind::ALL.to_vec();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds.len(), TakenKind::ALL.len());
        for kind in kinds {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
