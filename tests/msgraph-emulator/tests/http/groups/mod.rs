//! Groups, their members and their owners.

mod group;
mod members;
mod owners;
