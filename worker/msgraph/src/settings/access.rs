//! What may be done in a tenant.

use serde::{Deserialize, Serialize};

/// What may be done in a tenant: `read` or `act` in settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Read the tenant. The client never sends a write.
    Read,
    /// Read the tenant and change it.
    #[default]
    Act,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_each_access() {
        for (access, name) in [(Access::Read, "read"), (Access::Act, "act")] {
            assert_eq!(serde_json::to_value(access).unwrap(), name);
            assert_eq!(serde_json::from_value::<Access>(name.into()).unwrap(), access);
        }
        assert_eq!(Access::default(), Access::Act);
    }
}
