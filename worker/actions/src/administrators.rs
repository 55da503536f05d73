//! People whose accounts Graph changes only for an application that holds a directory role itself.
//!
//! Sign-in, password, mobile number and the account itself of who holds a directory role, or is in a group that can hold
//! one, are closed to an application with permissions alone (Microsoft Graph documentation, "Users: who can perform
//! sensitive actions", 2026). Graph's refusal names nothing of that, and comes only with the write.

use msgraph::Administers;

use crate::error::Error;
use crate::person::{Account, Reader};

/// The actions that end what makes an administrator: what a plan shows of it before is as good as gone.
const ENDS_ROLES: &str = "remove_directory_roles";
const ENDS_GROUPS: &str = "remove_from_groups";

/// What makes an administrator of somebody whom the application is known not to be allowed to change.
#[derive(Debug, Default, PartialEq)]
pub struct Obstacle(Option<Administers>);

impl Obstacle {
    /// Nothing is known to be in the way.
    pub const NONE: Self = Self(None);

    /// Looks for one. What cannot be read is no obstacle: then Graph decides.
    pub async fn look(user_id: &str, graph: Reader<'_>) -> Result<Self, Error> {
        let grants = graph.grants().await?;
        let is_told = grants.role_templates.is_some();
        if is_told && grants.may_change_administrators() {
            return Ok(Self::NONE);
        }
        let by = match graph.administers(user_id).await {
            Err(error) if error.is_forbidden() || error.is_not_found() => return Ok(Self::NONE),
            found => found?.into_iter().find(|by| !is_ended(by, graph)),
        };
        if by.is_none() || grants.is_delegated {
            return Ok(Self(by.filter(|_| is_told)));
        }
        // A token is up to an hour older than the roles that were given meanwhile.
        match graph.own_roles().await {
            Ok(roles) if roles.iter().any(msgraph::DirectoryRole::may_change_administrators) => {
                Ok(Self::NONE)
            }
            Ok(_) => Ok(Self(by)),
            Err(error) if error.is_forbidden() => Ok(Self(by.filter(|_| is_told))),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses what cannot go well.
    ///
    /// # Errors
    ///
    /// `role_missing`.
    pub fn check(&self, user: &Account, what: &str) -> Result<(), Error> {
        let because = match &self.0 {
            None => return Ok(()),
            Some(Administers::Role(role)) => format!("holds directory role {role}"),
            Some(Administers::Group(group)) => {
                format!("is in group {group}, which can hold directory roles")
            }
        };
        let detail = format!(
            "{user} {because}, so {what} needs a directory role on the application itself: give it Privileged \
             Authentication Administrator, or take the person's role first"
        );
        Err(Error::blocked("role_missing", detail))
    }

    /// What makes an administrator of somebody, for tests.
    #[cfg(test)]
    pub(crate) fn role(id: &str) -> Self {
        Self(Some(Administers::Role(id.to_owned())))
    }
}

fn is_ended(by: &Administers, graph: Reader<'_>) -> bool {
    graph.was_changed(match by {
        Administers::Role(_) => ENDS_ROLES,
        Administers::Group(_) => ENDS_GROUPS,
    })
}
