//! Devices that Intune manages.

pub(crate) mod managed_devices;
