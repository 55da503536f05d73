//! Makes true: the person's devices have been told to give up what is the company's.
//!
//! **Needs** `DeviceManagementManagedDevices.PrivilegedOperations.All`, `DeviceManagementManagedDevices.Read.All` and
//! `User.Read.All`.
//! **Refuses** `user_not_found`; `wipe_not_confirmed` (company devices are to be erased, and nobody said so twice);
//! `permission_missing`.
//! **Leaves** a tenant without Intune (`no_intune`); devices that were to be erased and are being retired already
//! (`device_retiring`), or of which Intune does not know the owner (`owner_unknown`): those are retired.
//! **Idempotent because** it reads what each device is being told, and tells those that are told nothing; Intune
//! takes a second order for the first.
//! **Caveat** A device obeys when it next reports to Intune. One that never does keeps what it has.
//!
//! Nothing of a person's own is ever erased: a personal device is retired, whatever is asked.

use std::fmt;

use msgraph::{ManagedDevice, PendingOrder, Writer};
use schemars::JsonSchema;
use serde::Deserialize;
use workflow::{Left, Needs};

use crate::{Action, Error, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RetireDevices;

/// Whose devices, and what becomes of those that are the company's.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person; the event's unless given.
    user: PersonRef,
    /// Which devices are erased instead of retired.
    #[serde(default)]
    wipe: Wipe,
    /// Says once more that devices are to be erased; without it nothing is.
    #[serde(default)]
    confirm: bool,
}

/// Which devices are erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wipe {
    /// None.
    #[default]
    None,
    /// Those that the company owns.
    Company,
}

/// The account and its devices, if the tenant has Intune.
pub struct Observed {
    person: Person,
    devices: Option<Vec<ManagedDevice>>,
}

/// A device is to be told.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// To give up what is the company's.
    Retire {
        /// Its id in Intune.
        device: String,
    },
    /// To erase itself.
    Wipe {
        /// Its id in Intune.
        device: String,
    },
}

impl Action for RetireDevices {
    const NAME: &'static str = "retire_devices";
    const MAKES_TRUE: &'static str = "The person's devices have been told to give up what is the company's";
    const NEEDS: &'static [&'static str] = &[
        "DeviceManagementManagedDevices.PrivilegedOperations.All",
        "DeviceManagementManagedDevices.Read.All",
        "User.Read.All",
    ];
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
            let detail = "company devices are to be erased with all that is on them; set `confirm: true` beside \
                          `wipe` if that is meant, or leave `wipe` out to retire them";
            return Err(Error::rejected("wipe_not_confirmed", detail));
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
                        let why = "is retired and not erased, since Intune does not know whose it is";
                        stays.push(left("owner_unknown", device, why));
                    }
                }
            }
        }
        Ok(Plan::together(changes).leaving(stays))
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
    let detail = format!("device {} {what}; see to it in the Intune admin center", device.id);
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
    use serde_json::{Value, json};
    use workflow::{Mode, Outcome};

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
            .map_err(|error| workflow::Failure::from(error).code)?;
        let changes = plan.changes().map(ToString::to_string).collect();
        Ok((changes, plan.left.into_iter().map(|left| left.code).collect()))
    }

    #[test]
    fn what_is_told_already_is_not_told_again() {
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
    fn only_what_the_company_owns_is_erased_and_only_if_that_is_confirmed() {
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
        assert_eq!(report.outcome, Outcome::Unchanged);
        assert_eq!(report.left[0].code, "no_intune");
    }
}
