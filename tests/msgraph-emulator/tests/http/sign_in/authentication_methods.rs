//! Sign-in methods.

use msgraph_emulator::{Application, Options, Tenant, User};
use serde_json::Value;

use crate::harness::{Desk, GRACE, refused};

const PASSWORD: &str = "28c10230-6103-485e-b985-444c60001490";

#[tokio::test]
async fn the_default_goes_last_and_the_password_not_at_all() {
    let grace = User::new(GRACE, "Grace Hopper").default_method("phone").method("fido2").method("external");
    let application = Application::default().role("UserAuthenticationMethod.ReadWrite.All");
    let tenant = Tenant::empty().application(application).user(grace);
    let desk = Desk::with(Options::new(tenant)).await;
    let id = desk.user(GRACE);
    let base = format!("users/{id}/authentication");
    let listing = desk.found(&format!("{base}/methods")).await;
    let methods = listing["value"].as_array().unwrap();
    let types: Vec<_> = methods.iter().map(|method| method["@odata.type"].as_str().unwrap()).collect();
    let named = |name: &str| format!("#microsoft.graph.{name}AuthenticationMethod");
    assert_eq!(types, ["password", "external", "fido2", "phone"].map(named));
    let path = |segment: &str, method: &Value| format!("{base}/{segment}/{}", method["id"].as_str().unwrap());

    let default = desk.send("DELETE", &path("phoneMethods", &methods[3]), None).await;
    refused(&default, 400, "badRequest", "current default");
    let wrong = desk.send("DELETE", &path("phoneMethods", &methods[2]), None).await;
    refused(&wrong, 404, "Request_ResourceNotFound", "");
    let password = desk.send("DELETE", &format!("{base}/passwordMethods/{PASSWORD}"), None).await;
    assert_eq!(password.0, 405);
    let generic = desk.send("DELETE", &path("methods", &methods[2]), None).await;
    assert_eq!(generic.0, 405);
    for (segment, method) in [("externalAuthenticationMethods", 1), ("fido2Methods", 2), ("phoneMethods", 3)]
    {
        assert_eq!(desk.send("DELETE", &path(segment, &methods[method]), None).await.0, 204, "{segment}");
    }
    assert_eq!(
        desk.emulator.effects(),
        ["external", "fido2", "phone"].map(|kind| format!("remove {kind} of user {id}"))
    );
}

#[tokio::test]
async fn methods_ask_for_their_permission() {
    let desk = Desk::open().await;
    for (method, path) in [("GET", "methods"), ("DELETE", "phoneMethods/1")] {
        let answer = desk.send(method, &format!("users/{GRACE}/authentication/{path}"), None).await;
        refused(&answer, 403, "Authorization_RequestDenied", "");
    }
}
