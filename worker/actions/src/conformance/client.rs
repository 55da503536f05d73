//! A client for an emulated tenant: the one way in which this crate's tests build one.

use std::sync::Arc;

use msgraph::{Client, Settings};
use msgraph_emulator::Emulator;

/// The settings for the emulator's first application.
pub fn settings(emulator: &Emulator) -> Settings {
    let application = emulator.application();
    Settings {
        login_url: emulator.url(),
        graph_url: emulator.url(),
        ..Settings::new(application.tenant_id, application.client_id, application.client_secret.into())
    }
}

/// A client with these settings.
pub fn client(emulator: &Emulator) -> Client {
    client_with(settings(emulator))
}

/// A client with other settings.
pub fn client_with(settings: Settings) -> Client {
    Client::new(settings, Arc::new(())).unwrap()
}
