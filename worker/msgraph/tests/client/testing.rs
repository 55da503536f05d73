//! Clients of the emulator.

use std::time::Duration;

use msgraph::{Client, Settings};
use msgraph_emulator::{CLIENT_ID, CLIENT_SECRET, Emulator, TENANT_ID};

use crate::server::client;

/// Settings for the emulator, without retries.
pub fn settings(emulator: &Emulator) -> Settings {
    Settings {
        login_url: emulator.url(),
        graph_url: emulator.url(),
        retry_budget: Duration::ZERO,
        ..Settings::new(TENANT_ID.to_string(), CLIENT_ID, CLIENT_SECRET.into())
    }
}

/// Settings for the emulator, with retries of up to 20 seconds.
pub fn patient_settings(emulator: &Emulator) -> Settings {
    Settings { retry_budget: Duration::from_secs(20), ..settings(emulator) }
}

/// A client of the emulator that sends every request once.
pub fn emulator_client(emulator: &Emulator) -> Client {
    client(settings(emulator))
}
