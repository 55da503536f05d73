//! The controls under `/_emulator/`, and faults.

mod faults;
mod paths;
