//! Managed devices: their owner, their pending orders, and new orders to retire or wipe.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::{Query, Write};

/// An enrolled device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedDevice {
    /// Its id in Intune, which differs from its id in the directory.
    pub id: String,
    /// The owner: `company`, `personal`, `unknown`.
    pub managed_device_owner_type: Option<String>,
    /// The state of its management: `managed`, `retirePending` and the like.
    pub management_state: Option<String>,
}

/// An order that a device has not carried out yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingOrder {
    /// Remove the company's data.
    Retire,
    /// Erase the device.
    Wipe,
    /// Intune is about to delete the device.
    Delete,
}

impl ManagedDevice {
    /// Whether the company owns it.
    pub fn is_company_owned(&self) -> bool {
        self.is_owned_by("company")
    }

    /// Whether the person owns it.
    pub fn is_personal(&self) -> bool {
        self.is_owned_by("personal")
    }

    fn is_owned_by(&self, owner: &str) -> bool {
        self.managed_device_owner_type.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(owner))
    }

    /// The pending order, if any. A failed or cancelled order is not pending.
    pub fn pending(&self) -> Option<PendingOrder> {
        match self.management_state.as_deref() {
            Some("retirePending" | "retireIssued") => Some(PendingOrder::Retire),
            Some("wipePending" | "wipeIssued") => Some(PendingOrder::Wipe),
            Some("deletePending") => Some(PendingOrder::Delete),
            _ => None,
        }
    }
}

/// Erases everything: the device returns to factory settings.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WipeBody {
    keep_enrollment_data: bool,
    keep_user_data: bool,
}

impl Reader<'_> {
    /// The devices a person enrolled in Intune; `None` if the tenant has no Intune.
    pub async fn managed_devices(self, user_id: &str) -> Result<Option<Vec<ManagedDevice>>, Error> {
        let query = Query::new(&["users", user_id, "managedDevices"])?.select(&[
            "id",
            "managedDeviceOwnerType",
            "managementState",
        ]);
        match self.list(query).await {
            Ok(devices) => Ok(Some(devices)),
            // 400 "Request not applicable to target tenant." (issue threads of several clients, 2021 to 2025).
            Err(error) if error.is_not_bought() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Writer<'_> {
    /// Orders a device to remove the company's data, which it does at its next contact with Intune.
    pub async fn retire_device(self, device_id: &str) -> Result<(), Error> {
        self.order(Write::post(&["deviceManagement", "managedDevices", device_id, "retire"])?).await
    }

    /// Orders a device to erase itself, which it does at its next contact with Intune.
    pub async fn wipe_device(self, device_id: &str) -> Result<(), Error> {
        let body = WipeBody { keep_enrollment_data: false, keep_user_data: false };
        self.order(Write::post(&["deviceManagement", "managedDevices", device_id, "wipe"])?.json(&body)?)
            .await
    }

    /// Sends an order. A device that does not exist has nothing to remove.
    async fn order(self, write: Write) -> Result<(), Error> {
        match self.send(write).await {
            Err(error) if error.is_already_gone() => Ok(()),
            outcome => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_failed_is_given_again() {
        let pending = |state: Option<&str>| {
            let management_state = state.map(Into::into);
            ManagedDevice { management_state, ..ManagedDevice::default() }.pending()
        };
        assert_eq!(pending(Some("retireIssued")), Some(PendingOrder::Retire));
        assert_eq!(pending(Some("wipePending")), Some(PendingOrder::Wipe));
        assert_eq!(pending(Some("deletePending")), Some(PendingOrder::Delete));
        for state in [None, Some("managed"), Some("retireFailed"), Some("wipeCanceled"), Some("unhealthy")] {
            assert_eq!(pending(state), None, "{state:?}");
        }
    }
}
