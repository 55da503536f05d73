//! The scenario that each action gives for its tests.

use msgraph_emulator::Tenant;
use serde_json::Value;

use super::tenant;

/// A tenant and a request on which an action has something to do.
pub struct Scenario {
    /// The tenant.
    pub tenant: Tenant,
    /// The parameters.
    pub params: Value,
}

impl Scenario {
    /// This request on the tenant that all scenarios share.
    pub fn new(params: Value) -> Self {
        Self { tenant: tenant::tenant(), params }
    }
}
