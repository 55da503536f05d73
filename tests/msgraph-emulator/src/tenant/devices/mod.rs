//! Devices that Intune manages.

pub(super) mod device;
