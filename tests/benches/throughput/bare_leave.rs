//! The lower bound of an offboarding: only its HTTP calls, in the round trips in which a worker made them.

use std::sync::Arc;
use std::time::Instant;

use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::bare_sign_in;

/// A call as a worker made it for the first leaver.
#[derive(Clone, Deserialize, Serialize)]
pub struct Call {
    pub method: String,
    /// Path and query below `/v1.0`.
    pub path: String,
    pub body: Option<Value>,
}

/// What to repeat, and for whom.
#[derive(Deserialize, Serialize)]
pub struct Script {
    pub round_trips: Vec<Vec<Call>>,
    /// Object id and name of each leaver. The calls are those for the first one.
    pub people: Vec<(String, String)>,
}

/// `bare-leave URL TENANT CLIENT SECRET SCRIPT IN_FLIGHT`: prints the seconds it took.
pub async fn run(arguments: &[&str]) {
    let [url, tenant, client, secret, script, in_flight] = arguments else { panic!("{arguments:?}") };
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let http = Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
    let token = bare_sign_in::token(&http, url, tenant, client, secret).await;
    let script: Script = serde_json::from_slice(&std::fs::read(script).unwrap()).unwrap();
    let graph = Arc::new((http, format!("{url}/v1.0"), token, script));
    let permits = Arc::new(Semaphore::new(in_flight.parse().unwrap()));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..graph.3.people.len() {
        let (graph, permit) = (Arc::clone(&graph), Arc::clone(&permits).acquire_owned().await.unwrap());
        tasks.spawn(async move {
            let (http, root, token, script) = &*graph;
            for calls in &script.round_trips {
                let calls: Vec<Call> = calls.iter().map(|call| call.about(number, script)).collect();
                round_trip(http, root, token, &calls).await;
            }
            drop(permit);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    println!("{}", started.elapsed().as_secs_f64());
}

impl Call {
    /// The same call about another person.
    fn about(&self, number: usize, script: &Script) -> Self {
        let ((first, upn), (id, name)) = (&script.people[0], &script.people[number]);
        let path = self.path.replace(first, id).replace(upn, name);
        Self { method: self.method.clone(), path, body: self.body.clone() }
    }
}

async fn round_trip(http: &Client, root: &str, token: &str, calls: &[Call]) {
    let (method, path, body) = match calls {
        [call] => (call.method.as_str(), call.path.as_str(), call.body.clone()),
        calls => {
            let part = |(number, call): (usize, &Call)| {
                let mut part = json!({ "id": number.to_string(), "method": call.method, "url": call.path });
                if let Some(body) = &call.body {
                    part["headers"] = json!({ "Content-Type": "application/json" });
                    part["body"] = body.clone();
                }
                part
            };
            let parts: Vec<Value> = calls.iter().enumerate().map(part).collect();
            ("POST", "/$batch", Some(json!({ "requests": parts })))
        }
    };
    let request = http.request(method.parse().unwrap(), format!("{root}{path}")).bearer_auth(token);
    let request = match &body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success() || answer.status() == 404, "{method} {path}: {}", answer.status());
    answer.bytes().await.unwrap();
}
