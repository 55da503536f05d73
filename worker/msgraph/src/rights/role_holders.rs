//! Who holds a directory role or may activate it, and what a person belongs to through groups as well.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::error::Error;
use crate::groups::owners::Owner;
use crate::http::client::Reader;
use crate::http::path::quoted;
use crate::http::request::Query;

/// The largest page of the directory.
const LARGEST_PAGE: usize = 999;

/// What a person belongs to, directly and through groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Belongings {
    /// The object ids of groups and of what else has members.
    pub objects: BTreeSet<String>,
    /// The templates of active directory roles of the whole tenant. A role that may not be read is only in `objects`.
    pub roles: BTreeSet<String>,
    /// Whether it is a role, or a group that can have roles, even if that may not be read further.
    pub administers: bool,
}

/// An entry of `transitiveMemberOf`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Belonging {
    id: String,
    #[serde(rename = "@odata.type")]
    odata_type: Option<String>,
    role_template_id: Option<String>,
    is_assignable_to_role: Option<bool>,
}

/// An assignment of a role, or an eligibility for one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Held {
    principal_id: Option<String>,
}

impl Reader<'_> {
    /// What a person belongs to, by object id or user principal name.
    ///
    /// # Errors
    ///
    /// Needs `User.Read.All`; without it, [`Error::is_forbidden`].
    pub async fn belongings(self, user: &str) -> Result<Belongings, Error> {
        let query = Query::new(&["users", user, "transitiveMemberOf"])?
            .select(&["id", "roleTemplateId", "isAssignableToRole"])
            .page_size(LARGEST_PAGE);
        let all: Vec<Belonging> = self.list(query).await?;
        let mut belongings = Belongings::default();
        for Belonging { id, odata_type, role_template_id, is_assignable_to_role } in all {
            let is_role = odata_type
                .is_some_and(|name| name.eq_ignore_ascii_case("#microsoft.graph.directoryRole"))
                || role_template_id.is_some();
            belongings.administers |= is_role || is_assignable_to_role == Some(true);
            belongings.objects.insert(id.to_lowercase());
            belongings.roles.extend(role_template_id.map(|template| template.to_lowercase()));
        }
        Ok(belongings)
    }

    /// The people, groups and applications to which a role is assigned, of every scope. The id of a built-in role is
    /// that of its template.
    ///
    /// # Errors
    ///
    /// Needs `RoleManagement.Read.Directory`; without it, [`Error::is_forbidden`].
    pub async fn role_holders(self, role: &str) -> Result<BTreeSet<String>, Error> {
        self.principals("roleAssignments", "roleDefinitionId", role).await
    }

    /// The people and groups who may activate a role (Privileged Identity Management).
    ///
    /// # Errors
    ///
    /// Needs `RoleManagement.Read.Directory`; without it, [`Error::is_forbidden`]. In a tenant without Entra ID P2,
    /// [`Error::is_not_bought`].
    pub async fn eligible_for_role(self, role: &str) -> Result<BTreeSet<String>, Error> {
        self.principals("roleEligibilitySchedules", "roleDefinitionId", role).await
    }

    /// Whether a person or a group may activate any role.
    ///
    /// # Errors
    ///
    /// As [`Self::eligible_for_role`].
    pub async fn is_eligible_for_a_role(self, principal: &str) -> Result<bool, Error> {
        Ok(!self.principals("roleEligibilitySchedules", "principalId", principal).await?.is_empty())
    }

    /// The members of a group, as owners are shown.
    pub async fn members(self, group_id: &str) -> Result<Vec<Owner>, Error> {
        let query = Query::new(&["groups", group_id, "members"])?.select(&["id", "accountEnabled"]);
        self.list(query).await
    }

    async fn principals(
        self,
        relation: &str,
        property: &str,
        value: &str,
    ) -> Result<BTreeSet<String>, Error> {
        if value.is_empty() {
            return Err(Error::internal("the id is empty"));
        }
        let condition = format!("{property} eq {}", quoted(value));
        let query = Query::new(&["roleManagement", "directory", relation])?.filter(&condition);
        let held: Vec<Held> = self.list(query).await?;
        Ok(held.into_iter().filter_map(|held| Some(held.principal_id?.to_lowercase())).collect())
    }
}
