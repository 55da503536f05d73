//! Groups, their members and their owners.

mod changes;
mod group;
mod members;
mod owners;
mod relations;
