//! Which operation a request asks for, and which permissions it needs.

mod drives;
mod found;
mod operations;
mod paths;
pub(crate) mod permissions;
mod role_permissions;
mod service_permissions;
mod teams;

pub(crate) use operations::{
    CalendarOperation, DeviceOperation, DriveOperation, Operation, OwnerOperation, Place, Right,
    TeamOperation,
};
pub(crate) use paths::operation;
