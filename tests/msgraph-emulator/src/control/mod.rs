//! Control of the emulator itself: `/_emulator/`, faults, and the journal.

pub(crate) mod faults;
pub(crate) mod journal;
pub(crate) mod odd;
pub(crate) mod paths;
