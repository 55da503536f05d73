//! Devices: those that Intune manages, and those of the directory.

pub(crate) mod managed_devices;
mod owned_devices;
