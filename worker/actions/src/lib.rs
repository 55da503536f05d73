//! What the worker can make true in a tenant: one file an action.
