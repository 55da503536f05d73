//! Devices that Intune manages: list a user's, retire, wipe.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::graph::devices::owned_devices::list_owned;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{LIST, NONE, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::route::DeviceOperation;
use crate::tenant::DEVICE_PROPERTIES;

const TYPE: &str = "microsoft.graph.managedDevice";

/// The parameters of a wipe ("wipe action", Microsoft's published model, 2026-08).
const WIPE: &[&str] = &["keepEnrollmentData", "keepUserData", "macOsUnlockCode", "persistEsimDataPlan"];

/// Carries out an operation on devices.
pub(crate) fn answer(visit: &mut Visit<'_>, operation: DeviceOperation<'_>) -> Answer {
    match operation {
        DeviceOperation::List(user) => list(visit, user),
        DeviceOperation::ListOwned(user) => list_owned(visit, user),
        DeviceOperation::Retire(device) => retire(visit, device),
        DeviceOperation::Wipe(device) => wipe(visit, device),
    }
}

fn list(visit: &mut Visit<'_>, key: &str) -> Answer {
    bought(visit)?;
    let query = Query::read(visit.request, LIST)?;
    let has = |name: &str| DEVICE_PROPERTIES.contains(&name);
    let names = query.selected(has, TYPE, DEVICE_PROPERTIES)?;
    let user = visit.user(key)?;
    let shown = user.devices.iter().map(|device| project(&names, |name| device.property(name, user.id)));
    let value: Vec<Value> = shown.map(Value::Object).collect();
    let context = metadata(visit.request, &format!("users('{}')/managedDevices", user.id));
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": value })))
}

fn retire(visit: &mut Visit<'_>, key: &str) -> Answer {
    visit.request.no_body()?;
    tell(visit, key, "retire", "retirePending")
}

fn wipe(visit: &mut Visit<'_>, key: &str) -> Answer {
    let body = visit.request.object()?;
    if let Some(name) = body.keys().find(|name| !WIPE.contains(&name.as_str())) {
        return Err(Refusal::malformed(format!("The parameter '{name}' is not one of the action 'wipe'.")));
    }
    tell(visit, key, "wipe", "wipePending")
}

/// The device gets the order when it next reports; until then the order is pending.
fn tell(visit: &mut Visit<'_>, key: &str, order: &str, state: &str) -> Answer {
    bought(visit)?;
    Query::read(visit.request, NONE)?;
    let (user, at) = visit.tenant.device(key).ok_or_else(|| missing(key))?;
    let changed = visit.tenant.edit_user(user, |user| {
        let device = user.devices.get_mut(at)?;
        let is_told = device.state == state;
        state.clone_into(&mut device.state);
        (!is_told).then(|| device.id(user.id))
    });
    if let Some(id) = changed.flatten() {
        visit.effects.push(format!("{order} device {id}"));
    }
    Ok(Reply::no_content())
}

/// The wording is ours; the code is the one services behind Graph have in common.
fn missing(key: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "ResourceNotFound", format!("Device {key} is not found."))
}

fn bought(visit: &Visit<'_>) -> Result<(), Refusal> {
    if visit.tenant.intune {
        return Ok(());
    }
    Err(Refusal::malformed("Request not applicable to target tenant."))
}
