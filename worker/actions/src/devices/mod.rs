//! Devices that Intune manages.

mod retire_devices;

use crate::action::register::register;

register! {
    retire_devices::RetireDevices,
}
