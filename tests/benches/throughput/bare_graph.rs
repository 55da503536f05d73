//! The lower bound: only the HTTP calls of an onboarding, one after the other.

use std::sync::Arc;
use std::time::Instant;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::bare_sign_in;

const USER: &str = "id,userPrincipalName,displayName,mail,employeeId,givenName,surname,jobTitle,department,\
                    officeLocation,companyName,mobilePhone,usageLocation,onPremisesSyncEnabled";
const GROUP: &str = "id,displayName,groupTypes,mailEnabled,securityEnabled,membershipRule,onPremisesSyncEnabled,\
                     isAssignableToRole,assignedLicenses,resourceProvisioningOptions";
const SKU: &str = "skuId,skuPartNumber,consumedUnits,prepaidUnits,capabilityStatus,appliesTo,servicePlans";

/// `bare-graph URL TENANT CLIENT SECRET COUNT IN_FLIGHT`: prints the seconds it took.
pub async fn run(arguments: &[&str]) {
    let [url, tenant, client, secret, count, in_flight] = arguments else { panic!("{arguments:?}") };
    let (count, in_flight): (usize, usize) = (count.parse().unwrap(), in_flight.parse().unwrap());
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let http = Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
    let token = bare_sign_in::token(&http, url, tenant, client, secret).await;
    let graph = Arc::new(Graph { http, root: format!("{url}/v1.0"), token });
    let permits = Arc::new(Semaphore::new(in_flight));
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..count {
        let (graph, permit) = (Arc::clone(&graph), Arc::clone(&permits).acquire_owned().await.unwrap());
        tasks.spawn(async move {
            graph.onboard(number).await;
            drop(permit);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    println!("{}", started.elapsed().as_secs_f64());
}

struct Graph {
    http: Client,
    root: String,
    token: String,
}

impl Graph {
    async fn onboard(&self, number: usize) {
        let upn = format!("bare{number}@contoso.example");
        let named = [("$filter", "displayName eq 'Engineers'"), ("$select", GROUP)];
        // A run looks up all that it names before its first write.
        self.get("/users/grace@contoso.example", &[("$select", "id")]).await;
        self.get("/subscribedSkus", &[("$select", SKU)]).await;
        let groups = self.get("/groups", &named).await;
        self.get("/organization", &[("$select", "id,displayName,verifiedDomains")]).await;
        self.get("/users", &[("$filter", &format!("employeeId eq 'P{number}'")), ("$select", USER)]).await;
        self.get(&format!("/users/{upn}"), &[("$select", USER)]).await;
        let deleted = "id,userPrincipalName,displayName,mail,employeeId";
        let query = [("$select", deleted), ("$top", "999")];
        self.get("/directory/deletedItems/microsoft.graph.user", &query).await;
        let user = json!({
            "accountEnabled": true, "userPrincipalName": upn, "displayName": "Ada Lovelace",
            "mailNickname": format!("bare{number}"), "employeeId": format!("P{number}"), "usageLocation": "GB",
            "passwordProfile": { "password": "bare-Loop-4711!", "forceChangePasswordNextSignIn": true },
        });
        let user = json_of(self.to("POST", "/users").json(&user)).await;
        let id = user["id"].as_str().unwrap();
        self.look_again(number, id).await;
        self.get(&format!("/users/{upn}"), &[("$select", "id")]).await;
        let manager = self.get("/users/grace@contoso.example", &[("$select", "id")]).await;
        self.get(&format!("/users/{id}/manager"), &[("$select", "id")]).await;
        let manager = format!("{}/users/{}", self.root, manager["id"].as_str().unwrap());
        self.send("PUT", &format!("/users/{id}/manager/$ref"), json!({ "@odata.id": manager })).await;
        self.get(&format!("/users/{upn}"), &[("$select", "id,usageLocation,licenseAssignmentStates")]).await;
        let skus = self.get("/subscribedSkus", &[("$select", SKU)]).await;
        let add = json!([{ "skuId": skus["value"][0]["skuId"], "disabledPlans": [] }]);
        let licenses = json!({ "addLicenses": add, "removeLicenses": [] });
        self.send("POST", &format!("/users/{id}/assignLicense"), licenses).await;
        self.get(&format!("/users/{upn}"), &[("$select", "id")]).await;
        self.get(&format!("/users/{id}/memberOf"), &[("$select", GROUP)]).await;
        let path = format!("/groups/{}/members/$ref", groups["value"][0]["id"].as_str().unwrap());
        let member = format!("{}/directoryObjects/{id}", self.root);
        self.send("POST", &path, json!({ "@odata.id": member })).await;
    }

    /// What a run looks at besides: before its first write, when that is stored, and whether anybody is protected.
    async fn look_again(&self, number: usize, id: &str) {
        self.get("/organization", &[("$select", "id,displayName,verifiedDomains")]).await;
        self.get("/groups", &[("$filter", "displayName eq 'Engineers'"), ("$select", GROUP)]).await;
        for _ in 0..3 {
            self.get("/users", &[("$filter", &format!("employeeId eq 'P{number}'")), ("$select", USER)])
                .await;
        }
        for _ in 0..3 {
            self.get(&format!("/users/{id}/transitiveMemberOf"), &[("$select", "id")]).await;
        }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        json_of(self.to("GET", path).query(query)).await
    }

    async fn send(&self, method: &str, path: &str, body: Value) {
        let answer = self.to(method, path).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{method} {path}: {}", answer.status());
        answer.bytes().await.unwrap();
    }

    fn to(&self, method: &str, path: &str) -> RequestBuilder {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.root));
        request.bearer_auth(&self.token)
    }
}

async fn json_of(request: RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}
