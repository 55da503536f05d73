//! What a run wants with a person.

use serde::{Deserialize, Serialize};

/// What a run wants. The order of the variants decides between events of one time: the more locking one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Takes other runs out.
    Cancel,
    /// Changes some properties of the person.
    Change,
    /// Lets the person in.
    Onboarding,
    /// Brings back what an offboarding took.
    Restore,
    /// Locks the person out at once; leaves everything else as it is.
    AccessRevoke,
    /// Ends the person's access, and removes what they have.
    Offboarding,
}

/// Runs of one side replace each other: a newer date for the end takes the place of the older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Onboarding and restore.
    Join,
    /// Offboarding.
    Leave,
    /// Change: each name it sets is a side of its own.
    Change,
    /// Access revoke.
    Revoke,
}

impl Intent {
    /// The side it is on. A cancel is on none, and nothing shuts it.
    pub fn side(self) -> Option<Side> {
        match self {
            Self::Cancel => None,
            Self::Change => Some(Side::Change),
            Self::Onboarding | Self::Restore => Some(Side::Join),
            Self::AccessRevoke => Some(Side::Revoke),
            Self::Offboarding => Some(Side::Leave),
        }
    }

    /// Its rank between events of one time and sequence.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Cancel => 0,
            Self::Change => 1,
            Self::Onboarding | Self::Restore => 2,
            Self::AccessRevoke => 3,
            Self::Offboarding => 4,
        }
    }
}
