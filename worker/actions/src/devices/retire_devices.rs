//! Makes true: the person's devices have been ordered to remove the company's data.
//!
//! **Needs** `DeviceManagementManagedDevices.PrivilegedOperations.All`, `DeviceManagementManagedDevices.Read.All` and
//! `User.Read.All`.
//! **Refuses** `user_not_found`; `wipe_not_confirmed` (to erase company devices needs `confirm`);
//! `permission_missing`; after a pause `person_returned`, `person_changed`.
//! **Leaves** a tenant without Intune (`no_intune`); devices to erase that are already being retired
//! (`device_retiring`); devices to erase whose owner Intune does not know, which it retires instead
//! (`owner_unknown`).
//! **Idempotent because** it reads the pending order of each device and sends one only to devices without; Intune
//! treats a second order as the first.
//! **Caveat:** a device obeys when it next reports to Intune. One that never does keeps its data.
//!
//! A personal device is never erased: it is retired, whatever the parameters say.

use std::fmt;

use msgraph::{ManagedDevice, PendingOrder, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RetireDevices;

/// The person, and what to do with company devices.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Which devices to erase instead of retiring them.
    #[serde(default)]
    wipe: Wipe,
    /// Confirms that devices are to be erased. Required for `wipe`.
    #[serde(default)]
    confirm: bool,
}

/// Which devices to erase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wipe {
    /// None.
    #[default]
    None,
    /// Devices that the company owns.
    Company,
}

/// The account, and its devices if the tenant has Intune.
pub struct Observed {
    person: Person,
    devices: Option<Vec<ManagedDevice>>,
}

/// Sends an order to a device.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Remove the company's data.
    Retire {
        /// Its id in Intune.
        device: String,
    },
    /// Erase everything.
    Wipe {
        /// Its id in Intune.
        device: String,
    },
}

impl Action for RetireDevices {
    const NAME: &'static str = "retire_devices";
    const MAKES_TRUE: &'static str = "The person's devices have been ordered to remove the company's data";
    const NEEDS: &'static [&'static str] = &[
        "DeviceManagementManagedDevices.PrivilegedOperations.All",
        "DeviceManagementManagedDevices.Read.All",
        "User.Read.All",
    ];
    const REMOVES_FOR_GOOD: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &["id"]).await?;
        let devices = match &person {
            Person::Present(user) => graph.managed_devices(&user.id).await?,
            Person::ToBeCreated | Person::Absent => Some(Vec::new()),
        };
        Ok(Observed { person, devices })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        observed.person.account()?;
        if params.wipe != Wipe::None && !params.confirm {
            let detail = "`wipe` erases company devices completely; add `confirm: true` to do so, or remove `wipe` to \
                          retire them";
            return Err(Error::rejected(&["wipe", "confirm"], "wipe_not_confirmed", detail));
        }
        let Some(devices) = &observed.devices else {
            let detail = "the tenant has no Intune, so it manages no devices".to_owned();
            let left = vec![Left { code: "no_intune".to_owned(), detail, needs: Needs::Nobody }];
            return Ok(Plan::nothing().leaving(left));
        };
        let (mut changes, mut stays) = (Vec::new(), Vec::new());
        for device in devices {
            let is_to_be_erased = params.wipe == Wipe::Company && !device.is_personal();
            match device.pending() {
                Some(PendingOrder::Retire) if is_to_be_erased && device.is_company_owned() => {
                    stays.push(left("device_retiring", device, "is being retired, so it is not erased"));
                }
                Some(_) => {}
                None if is_to_be_erased && device.is_company_owned() => {
                    changes.push(Change::Wipe { device: device.id.clone() });
                }
                None => {
                    changes.push(Change::Retire { device: device.id.clone() });
                    if is_to_be_erased {
                        let why = "is retired and not erased, because Intune does not know its owner";
                        stays.push(left("owner_unknown", device, why));
                    }
                }
            }
        }
        Ok(Plan::together(changes).leaving(stays))
    }

    fn takes(observed: &Observed, changes: &[&Change]) -> Vec<Taken> {
        let Ok((user, _)) = observed.person.account() else { return Vec::new() };
        let taken = changes.iter().filter_map(|change| {
            let (Change::Retire { device } | Change::Wipe { device }) = change;
            Some(user.loses(TakenKind::Device)?.with("device", device.clone()))
        });
        taken.collect()
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        let told = match change {
            Change::Retire { device } => graph.retire_device(device).await,
            Change::Wipe { device } => graph.wipe_device(device).await,
        };
        told.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "retiring and erasing devices needs DeviceManagementManagedDevices.PrivilegedOperations.All"
                    .to_owned()
            })
        })
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({
            "user": "grace@contoso.example", "wipe": "company", "confirm": true,
        }))
    }
}

fn left(code: &str, device: &ManagedDevice, what: &str) -> Left {
    let detail = format!("device {} {what}; check it in the Intune admin center", device.id);
    Left { code: code.to_owned(), detail, needs: Needs::Operator }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retire { device } => write!(f, "retire device {device}"),
            Self::Wipe { device } => write!(f, "erase device {device}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::bench::Bench;
    use crate::{Entry, Scenario};
    use msgraph::User;
    use outcome::Mode;
    use serde_json::{Value, json};
    use workflow::Answer;

    fn decide(params: Value, devices: &[(&str, &str)]) -> Result<(Vec<String>, Vec<String>), String> {
        let mut all = json!({ "user": "ada@contoso.example" });
        all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        let device = |(at, (owner, state)): (usize, &(&str, &str))| ManagedDevice {
            id: at.to_string(),
            managed_device_owner_type: Some((*owner).into()),
            management_state: Some((*state).into()),
        };
        let devices = Some(devices.iter().enumerate().map(device).collect());
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let plan = RetireDevices::plan(&serde_json::from_value(all).unwrap(), &Observed { person, devices })
            .map_err(|error| outcome::Failure::from(error).code)?;
        let changes = plan.changes().map(ToString::to_string).collect();
        Ok((changes, plan.left.into_iter().map(|left| left.code).collect()))
    }

    #[test]
    fn a_device_with_a_pending_order_gets_no_other() {
        let devices = [
            ("company", "managed"),
            ("personal", "managed"),
            ("personal", "retirePending"),
            ("company", "wipeIssued"),
            ("company", "retireFailed"),
        ];
        let three = ["retire device 0", "retire device 1", "retire device 4"].map(str::to_owned).to_vec();
        assert_eq!(decide(json!({}), &devices), Ok((three, vec![])));
    }

    #[test]
    fn only_company_devices_are_erased_and_only_with_confirmation() {
        let devices = [
            ("company", "managed"),
            ("personal", "managed"),
            ("unknown", "managed"),
            ("company", "retireIssued"),
        ];
        let unsure = json!({ "wipe": "company" });
        assert_eq!(decide(unsure, &devices), Err("wipe_not_confirmed".to_owned()));
        let changes = ["erase device 0", "retire device 1", "retire device 2"].map(str::to_owned).to_vec();
        let left = ["owner_unknown", "device_retiring"].map(str::to_owned).to_vec();
        assert_eq!(decide(json!({ "wipe": "company", "confirm": true }), &devices), Ok((changes, left)));
    }

    #[tokio::test]
    async fn a_tenant_without_intune_has_nothing_to_retire() {
        let Scenario { tenant, params } = RetireDevices::scenario();
        let scenario = Scenario { tenant: tenant.without_intune(), params };
        let report = Bench::with(Entry::of::<RetireDevices>(), scenario).run(Mode::Apply).await;
        assert_eq!(report.answer, Answer::Unchanged);
        assert_eq!(report.left[0].code, "no_intune");
    }
}
