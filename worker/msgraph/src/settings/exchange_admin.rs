//! Where the client administers Exchange.

use super::cloud::Cloud;

/// The address to administer Exchange at, and the scope of its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeAdmin {
    /// The root of the address.
    pub url: String,
    /// The scope of a token.
    pub scope: String,
}

impl ExchangeAdmin {
    /// The address of a cloud (`Connect-ExchangeOnline`, `-ExchangeEnvironmentName`, 2025).
    pub fn in_cloud(cloud: Cloud) -> Self {
        let url = match cloud {
            Cloud::Global => "https://outlook.office365.com",
            Cloud::UsGovL4 => "https://outlook.office365.us",
            Cloud::UsGovL5 => "https://webmail.apps.mil",
            Cloud::China => "https://partner.outlook.cn",
        };
        Self { url: url.to_owned(), scope: format!("{url}/.default") }
    }
}

/// The system mailbox that every organization has in Exchange Online (client code, 2026).
pub(crate) fn organization_mailbox(tenant_id: &str) -> String {
    format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{tenant_id}")
}
