//! Whether reports show names of people.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::request::Query;

/// The settings of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportSettings {
    /// Whether reports show pseudonyms instead of names. Microsoft turned that on for every tenant in 2021.
    pub display_concealed_names: bool,
}

impl Reader<'_> {
    /// The settings of reports.
    ///
    /// # Errors
    ///
    /// Needs `ReportSettings.Read.All`; without it, [`Error::is_forbidden`].
    pub async fn report_settings(self) -> Result<ReportSettings, Error> {
        self.get(Query::new(&["admin", "reportSettings"])?).await
    }
}
