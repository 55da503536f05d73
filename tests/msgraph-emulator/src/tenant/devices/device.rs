//! Devices that Intune manages: owner, state and system.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tenant::error::TenantError;

/// A device that a user enrolled.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Device {
    pub(crate) device_name: String,
    /// Who owns it: `company`, `personal`, `unknown`.
    #[serde(rename = "managedDeviceOwnerType", default = "company")]
    pub(crate) owner: String,
    /// Its management state: `managed`, `retirePending` and the like.
    #[serde(rename = "managementState", default = "managed")]
    pub(crate) state: String,
    #[serde(default = "windows")]
    pub(crate) operating_system: String,
}

/// Every state in Microsoft's published model (2026-08).
const STATES: [&str; 12] = [
    "managed",
    "retirePending",
    "retireFailed",
    "wipePending",
    "wipeFailed",
    "unhealthy",
    "deletePending",
    "retireIssued",
    "wipeIssued",
    "wipeCanceled",
    "retireCanceled",
    "discovered",
];

fn company() -> String {
    "company".to_owned()
}

fn managed() -> String {
    "managed".to_owned()
}

fn windows() -> String {
    "Windows".to_owned()
}

impl Device {
    /// A managed device of the company's.
    #[must_use]
    pub fn company(name: &str) -> Self {
        Self { device_name: name.to_owned(), owner: company(), state: managed(), operating_system: windows() }
    }

    /// A managed device of the person's own.
    #[must_use]
    pub fn personal(name: &str) -> Self {
        Self { owner: "personal".to_owned(), operating_system: "iOS".to_owned(), ..Self::company(name) }
    }

    /// Sets its state, such as `retirePending`.
    #[must_use]
    pub fn in_state(mut self, state: &str) -> Self {
        state.clone_into(&mut self.state);
        self
    }

    pub(in crate::tenant) fn parse(place: &str, value: &Value) -> Result<Vec<Self>, TenantError> {
        let wrong = |why: String| TenantError::new(format!("{place}.devices: {why}"));
        let devices: Vec<Self> =
            serde_json::from_value(value.clone()).map_err(|error| wrong(error.to_string()))?;
        for device in &devices {
            if !STATES.contains(&device.state.as_str()) {
                return Err(wrong(format!("`{}` is not a state of a device", device.state)));
            }
            if !["company", "personal", "unknown"].contains(&device.owner.as_str()) {
                return Err(wrong(format!(
                    "`{}` is not an owner type: use company, personal or unknown",
                    device.owner
                )));
            }
        }
        Ok(devices)
    }

    /// The id, which follows from the owner and the name.
    pub(crate) fn id(&self, user: Uuid) -> Uuid {
        Uuid::new_v5(&user, format!("device/{}", self.device_name).as_bytes())
    }

    pub(crate) fn property(&self, name: &str, user: Uuid) -> Option<Value> {
        Some(match name {
            "id" => json!(self.id(user)),
            "userId" => json!(user),
            "deviceName" => json!(self.device_name),
            "managedDeviceOwnerType" => json!(self.owner),
            "managementState" => json!(self.state),
            "operatingSystem" => json!(self.operating_system),
            _ => return None,
        })
    }
}

/// Everything a device shows here; Graph has some sixty properties more.
pub(crate) const PROPERTIES: &[&str] =
    &["id", "userId", "deviceName", "managedDeviceOwnerType", "managementState", "operatingSystem"];
