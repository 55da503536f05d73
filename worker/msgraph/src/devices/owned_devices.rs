//! Devices that people joined or registered in the directory, whether Intune manages them or not.

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::request::Query;
use crate::users::user::DirectoryObject;

impl Reader<'_> {
    /// The ids of the devices that a person owns in the directory; `None` if Graph does not show them. Their names can be
    /// personal, and are not read.
    ///
    /// Graph's permission table (2026-08-07) lets an application read them that reads users. Its reference ("List
    /// ownedDevices", 2024) names no application permission.
    pub async fn owned_devices(self, user_id: &str) -> Result<Option<Vec<String>>, Error> {
        let query = Query::new(&["users", user_id, "ownedDevices"])?.select(&["id"]);
        match self.list::<DirectoryObject>(query).await {
            Ok(devices) => Ok(Some(devices.into_iter().map(|device| device.id).collect())),
            Err(error) if error.is_forbidden() || error.is_without_list() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
