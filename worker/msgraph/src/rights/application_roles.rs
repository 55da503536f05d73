//! The directory roles of an application.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::path::quoted;
use crate::http::request::Query;
use crate::token::grants::cannot_change_administrators;

/// A directory role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct DirectoryRole {
    pub display_name: String,
    pub role_template_id: Option<String>,
}

impl DirectoryRole {
    /// Whether the role may allow changes to administrators.
    pub fn may_change_administrators(&self) -> bool {
        self.role_template_id.as_deref().is_none_or(|template| !cannot_change_administrators(template))
    }
}

impl Reader<'_> {
    /// The directory roles of the application itself; see [`Client::client_id`](crate::Client::client_id).
    ///
    /// # Errors
    ///
    /// Needs `Application.Read.All`; without it, [`Error::is_forbidden`].
    pub async fn own_roles(self) -> Result<Vec<DirectoryRole>, Error> {
        self.roles_of_application(self.client_id()).await
    }

    /// The directory roles of an application in the tenant.
    ///
    /// # Errors
    ///
    /// Needs `Application.Read.All`; without it, [`Error::is_forbidden`].
    pub async fn roles_of_application(self, client_id: &str) -> Result<Vec<DirectoryRole>, Error> {
        let principal = format!("servicePrincipals(appId={})", quoted(client_id));
        let query = Query::new(&[&principal, "memberOf", "microsoft.graph.directoryRole"])?
            .select(&["displayName", "roleTemplateId"]);
        self.list(query).await
    }
}
