//! The writes that give licences to a person.

use std::fmt;

use msgraph::{AddLicense, UserPatch, Writer};

use crate::licenses::reference::ToAssign;
use crate::licenses::removal::take_back;
use crate::licenses::subscriptions::{self as licenses, Plans};
use crate::{Account, Error, Made};

/// One write that is missing.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Sets the usage location, without which no licence can be assigned.
    SetUsageLocation {
        /// The account.
        user: Account,
        /// The country.
        country: String,
    },
    /// Assigns all missing licences and removes those they replace in one request, which resolves dependencies and
    /// exclusions.
    Assign {
        /// The account.
        user: Account,
        /// The missing ones.
        licenses: Vec<ToAssign>,
        /// The removed ones: SKU id and name.
        instead_of: Vec<(String, String)>,
        /// The plans to explain a refusal with.
        plans: Plans,
    },
}

impl Change {
    /// Makes it.
    pub async fn apply(&self, graph: Writer<'_>) -> Result<(), Error> {
        match self {
            Self::SetUsageLocation { user, country } => {
                let patch = UserPatch { usage_location: Some(country.clone()), ..UserPatch::default() };
                Ok(graph.update_user(user.id()?, &patch).await?)
            }
            // Nothing is assigned that needs them gone, so one that is refused keeps none of the others.
            Self::Assign { user, licenses, instead_of, plans } if licenses.is_empty() => {
                take_back(user, instead_of, plans, graph).await.1
            }
            Self::Assign { user, licenses, instead_of, plans } => {
                let outcome = graph.assign_licenses(user.id()?, &added(licenses), &taken(instead_of)).await;
                outcome.map_err(|error| licenses::explain_assignment(error, plans))
            }
        }
    }

    /// Makes these, in one round trip where one needs the other.
    pub async fn apply_in_order(changes: &[Self], graph: Writer<'_>, made: &mut Made) -> Result<(), Error> {
        if let [Self::SetUsageLocation { user, country }, Self::Assign { licenses, instead_of, plans, .. }] =
            changes
        {
            let (add, remove) = (added(licenses), taken(instead_of));
            let outcome = graph.locate_and_license(user.id()?, country, &add, &remove).await;
            outcome.map_err(|error| licenses::explain_assignment(error, plans))?;
            changes.iter().for_each(|change| made.note(change));
            return Ok(());
        }
        for change in changes {
            change.apply(graph).await?;
            made.note(change);
        }
        Ok(())
    }
}

fn taken(licenses: &[(String, String)]) -> Vec<&str> {
    licenses.iter().map(|(sku_id, _)| sku_id.as_str()).collect()
}

fn added(licenses: &[ToAssign]) -> Vec<AddLicense> {
    licenses.iter().map(|license| license.add.clone()).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetUsageLocation { user, country } => write!(f, "set usage location {country} of {user}"),
            Self::Assign { user, licenses, instead_of, .. } => {
                let given: Vec<_> = licenses.iter().map(ToString::to_string).collect();
                let taken: Vec<_> = instead_of.iter().map(|(_, name)| name.as_str()).collect();
                match (given.join(", "), taken.join(", ")) {
                    (given, taken) if taken.is_empty() => write!(f, "assign {given} to {user}"),
                    (given, taken) if given.is_empty() => write!(f, "take {taken} back from {user}"),
                    (given, taken) => write!(f, "assign {given} to {user} instead of {taken}"),
                }
            }
        }
    }
}
