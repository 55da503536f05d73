//! The clouds of Microsoft Graph, by name.

use serde::{Deserialize, Serialize};

/// A cloud: a sign-in service and the Graph that accepts its tokens. Another cloud does not accept them.
///
/// The addresses are those of "National cloud deployments" in Graph's documentation (read 2025).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Cloud {
    /// The global service, including GCC.
    #[default]
    Global,
    /// Microsoft for US Government L4: GCC High.
    UsGovL4,
    /// Microsoft for US Government L5: DoD.
    UsGovL5,
    /// Microsoft in China, operated by 21Vianet.
    China,
}

impl TryFrom<String> for Cloud {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "global" => Ok(Self::Global),
            "us_gov_l4" => Ok(Self::UsGovL4),
            "us_gov_l5" => Ok(Self::UsGovL5),
            "china" => Ok(Self::China),
            _ => {
                Err(format!("unknown cloud `{name}`; the clouds are global, us_gov_l4, us_gov_l5 and china"))
            }
        }
    }
}

impl Cloud {
    /// Where tokens come from.
    pub fn login_url(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGovL4 | Self::UsGovL5 => "https://login.microsoftonline.us",
            Self::China => "https://login.partner.microsoftonline.cn",
        }
    }

    /// The root of Microsoft Graph.
    pub fn graph_url(self) -> &'static str {
        match self {
            Self::Global => "https://graph.microsoft.com",
            Self::UsGovL4 => "https://graph.microsoft.us",
            Self::UsGovL5 => "https://dod-graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        }
    }
}
