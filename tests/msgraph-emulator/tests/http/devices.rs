//! Devices that Intune manages.

use msgraph_emulator::{Application, Device, Options, Tenant, User};
use serde_json::json;

use crate::harness::{Desk, GRACE, refused};

const READ: &str = "DeviceManagementManagedDevices.Read.All";
const ORDER: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";

fn tenant(roles: &[&str]) -> Tenant {
    let grace = User::new(GRACE, "Grace Hopper")
        .device(Device::company("Laptop"))
        .device(Device::personal("Phone").in_state("retireIssued"));
    let roles: Vec<_> = roles.iter().copied().chain(["User.Read.All"]).collect();
    Tenant::empty().application(Application::default().roles(&roles)).user(grace)
}

#[tokio::test]
async fn a_device_gets_an_order_once_and_shows_it() {
    let desk = Desk::with(Options::new(tenant(&[READ, ORDER]))).await;
    let path = format!("users/{}/managedDevices", desk.user(GRACE));
    let devices = desk.found(&path).await["value"].clone();
    assert_eq!(devices[0]["managedDeviceOwnerType"], "company");
    assert_eq!(devices[1]["managementState"], "retireIssued");
    let id = devices[0]["id"].as_str().unwrap();
    let order = |order: &str| format!("deviceManagement/managedDevices/{id}/{order}");
    for _ in 0..2 {
        assert_eq!(desk.send("POST", &order("retire"), None).await.0, 204);
    }
    let selected = desk.found(&format!("{path}?$select=id,managementState")).await["value"].clone();
    assert_eq!(selected[0], json!({ "id": id, "managementState": "retirePending" }));
    let wipe = json!({ "keepEnrollmentData": false, "keepUserData": false });
    assert_eq!(desk.send("POST", &order("wipe"), Some(wipe)).await.0, 204);
    assert_eq!(desk.emulator.effects(), [format!("retire device {id}"), format!("wipe device {id}")]);
    let misspelt = desk.send("POST", &order("wipe"), Some(json!({ "keepData": true }))).await;
    refused(&misspelt, 400, "BadRequest", "keepData");
    let nobodys = format!("deviceManagement/managedDevices/{}/retire", desk.user(GRACE));
    refused(&desk.send("POST", &nobodys, None).await, 404, "ResourceNotFound", "");
}

#[tokio::test]
async fn reading_and_telling_are_permitted_apart() {
    let desk = Desk::with(Options::new(tenant(&[READ]))).await;
    let devices = desk.found(&format!("users/{}/managedDevices", desk.user(GRACE))).await;
    let id = devices["value"][0]["id"].as_str().unwrap().to_owned();
    let retire = format!("deviceManagement/managedDevices/{id}/retire");
    refused(&desk.send("POST", &retire, None).await, 403, "Authorization_RequestDenied", "");
    let desk = Desk::with(Options::new(tenant(&[ORDER]))).await;
    refused(
        &desk.get(&format!("users/{}/managedDevices", desk.user(GRACE))).await,
        403,
        "Authorization_RequestDenied",
        "",
    );
}

#[tokio::test]
async fn a_tenant_without_intune_refuses() {
    let desk = Desk::with(Options::new(tenant(&[READ]).without_intune())).await;
    let asked = desk.get(&format!("users/{}/managedDevices", desk.user(GRACE))).await;
    refused(&asked, 400, "BadRequest", "not applicable to target tenant");
}
