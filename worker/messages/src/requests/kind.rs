//! The types of events: one table with everything that is particular to each.

use crate::schema::{self, Schema};

/// What an event requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Lets a person in.
    Onboarding,
    /// Lets a person out.
    Offboarding,
    /// Updates a person who stays.
    Change,
    /// Locks a person out at once.
    AccessRevoke,
    /// Gives a person back what a run took away.
    Restore,
    /// Takes runs or a sync out.
    Cancel,
    /// Reads a tenant.
    Sync,
}

/// What is particular to a type of event.
struct Row {
    event_type: &'static str,
    routing_key: &'static str,
    /// The default workflow; nothing if no workflow runs.
    workflow: Option<&'static str>,
    schema: &'static Schema,
}

impl EventKind {
    /// Every kind this worker knows.
    pub const ALL: [Self; 7] = [
        Self::Onboarding,
        Self::Offboarding,
        Self::Change,
        Self::AccessRevoke,
        Self::Restore,
        Self::Cancel,
        Self::Sync,
    ];

    fn row(self) -> Row {
        match self {
            Self::Onboarding => Row {
                event_type: "gatehouse.onboarding.requested.v1",
                routing_key: "onboarding.requested",
                workflow: Some("onboarding"),
                schema: &schema::ONBOARDING_REQUESTED,
            },
            Self::Offboarding => Row {
                event_type: "gatehouse.offboarding.requested.v1",
                routing_key: "offboarding.requested",
                workflow: Some("offboarding"),
                schema: &schema::OFFBOARDING_REQUESTED,
            },
            Self::Change => Row {
                event_type: "gatehouse.change.requested.v1",
                routing_key: "change.requested",
                workflow: Some("change"),
                schema: &schema::CHANGE_REQUESTED,
            },
            Self::AccessRevoke => Row {
                event_type: "gatehouse.access.revoke.requested.v1",
                routing_key: "access.revoke.requested",
                workflow: Some("access_revoke"),
                schema: &schema::ACCESS_REVOKE_REQUESTED,
            },
            Self::Restore => Row {
                event_type: "gatehouse.restore.requested.v1",
                routing_key: "restore.requested",
                workflow: Some("restore"),
                schema: &schema::RESTORE_REQUESTED,
            },
            Self::Cancel => Row {
                event_type: "gatehouse.run.cancel.requested.v1",
                routing_key: "run.cancel.requested",
                workflow: None,
                schema: &schema::RUN_CANCEL_REQUESTED,
            },
            Self::Sync => Row {
                event_type: "gatehouse.sync.requested.v1",
                routing_key: "sync.requested",
                workflow: None,
                schema: &schema::SYNC_REQUESTED,
            },
        }
    }

    /// The kind with this CloudEvents `type`.
    pub fn of_type(event_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.event_type() == event_type)
    }

    /// The CloudEvents `type`.
    pub fn event_type(self) -> &'static str {
        self.row().event_type
    }

    /// The key under which a publisher sends it.
    pub fn routing_key(self) -> &'static str {
        self.row().routing_key
    }

    /// The workflow that runs when the event names none; nothing if no workflow runs.
    pub fn default_workflow(self) -> Option<&'static str> {
        self.row().workflow
    }

    /// The schema of such an event.
    pub fn schema(self) -> &'static Schema {
        self.row().schema
    }
}
