//! The writes that take licences back from a person.
//!
//! Graph carries out a call of `assignLicense` whole or not at all (seen in client code and support threads, 2019 to 2025,
//! and in none otherwise): one licence that it refuses would keep all others. What it refuses together is therefore asked
//! for once more, one licence at a time.

use std::fmt;

use msgraph::Writer;

use crate::groups::membership as groups;
use crate::licenses::subscriptions::Plans;
use crate::{Account, Error};

/// One write that is missing.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Removes the person from a group that gives licences.
    Leave {
        /// The account.
        user: Account,
        /// The group's object id.
        group: String,
        /// Whether the group can hold directory roles.
        role_assignable: bool,
        /// The names of the licences that go with it.
        licenses: Vec<String>,
    },
    /// Removes all direct licences, in one request if Graph lets it.
    Remove {
        /// The account.
        user: Account,
        /// SKU id and name.
        licenses: Vec<(String, String)>,
        /// The plans to explain a refusal with.
        plans: Plans,
    },
}

impl Change {
    /// Makes it. Answers with what of it is done, which is a part if Graph refuses one of several licences.
    pub async fn apply(&self, graph: Writer<'_>) -> (Option<Self>, Result<(), Error>) {
        match self {
            Self::Leave { user, group, role_assignable, .. } => {
                let outcome = leave(user, group, *role_assignable, graph).await;
                (outcome.is_ok().then(|| self.clone()), outcome)
            }
            Self::Remove { user, licenses, plans } => {
                let (gone, outcome) = take_back(user, licenses, plans, graph).await;
                let done = (!gone.is_empty()).then(|| Self::Remove {
                    user: user.clone(),
                    licenses: gone,
                    plans: Plans::default(),
                });
                (done, outcome)
            }
        }
    }
}

async fn leave(user: &Account, group: &str, role_assignable: bool, graph: Writer<'_>) -> Result<(), Error> {
    graph.remove_member(group, user.id()?).await.map_err(|error| {
        Error::from(error)
            .or_missing("permission_missing", || groups::missing_for_members(group, role_assignable))
    })
}

/// Takes these licences back, in one call if Graph lets it. Answers with those that are gone, and with what was refused;
/// of several licences by name.
pub async fn take_back(
    user: &Account,
    licenses: &[(String, String)],
    plans: &Plans,
    graph: Writer<'_>,
) -> (Vec<(String, String)>, Result<(), Error>) {
    let all: Vec<_> = licenses.iter().map(|(sku, _)| sku.as_str()).collect();
    let id = match user.id() {
        Ok(id) => id,
        Err(error) => return (Vec::new(), Err(error)),
    };
    match graph.assign_licenses(id, &[], &all).await {
        Ok(()) => (licenses.to_vec(), Ok(())),
        Err(error) if licenses.len() > 1 && Error::from(error.clone()).is_of_one_object() => {
            one_by_one(id, licenses, plans, graph).await
        }
        Err(error) => (Vec::new(), Err(plans.explain_removal(error))),
    }
}

/// Goes through the refused ones again as long as others went: a plan of one licence may need a plan of another.
async fn one_by_one(
    id: &str,
    licenses: &[(String, String)],
    plans: &Plans,
    graph: Writer<'_>,
) -> (Vec<(String, String)>, Result<(), Error>) {
    let (mut gone, mut open) = (Vec::new(), licenses.to_vec());
    loop {
        let (mut refused, mut errors, before) = (Vec::new(), Vec::new(), open.len());
        for license in open {
            let (sku, name) = &license;
            let Err(error) = graph.assign_licenses(id, &[], &[sku.as_str()]).await else {
                gone.push(license);
                continue;
            };
            let goes_on = Error::from(error.clone()).is_of_one_object();
            errors.push(plans.explain_removal(error).of_object(format!("licence {name}")));
            if !goes_on {
                return (gone, Error::all(errors));
            }
            refused.push(license);
        }
        if refused.is_empty() || refused.len() == before {
            return (gone, Error::all(errors));
        }
        open = refused;
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leave { user, group, licenses, .. } => {
                write!(f, "remove {user} from group {group}, which gives {}", licenses.join(", "))
            }
            Self::Remove { user, licenses, .. } => {
                let names: Vec<_> = licenses.iter().map(|(_, name)| name.as_str()).collect();
                write!(f, "take {} back from {user}", names.join(", "))
            }
        }
    }
}
