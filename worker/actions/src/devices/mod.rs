//! Devices that Intune manages.

mod retire_devices;

use crate::action::driver::Entry;

/// The actions.
pub fn entries() -> Vec<Entry> {
    vec![Entry::of::<retire_devices::RetireDevices>()]
}
