//! Keeps the memory of the process, which holds passwords, tokens and keys, from everyone else on the machine.

/// Rules out core dumps, and that other processes of the same user read the memory, as a debugger does.
///
/// # Errors
///
/// The system refuses.
#[cfg(target_os = "linux")]
pub fn close() -> std::io::Result<()> {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// Other systems are for development only.
///
/// # Errors
///
/// Never.
#[cfg(not(target_os = "linux"))]
pub fn close() -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn afterwards_there_are_no_core_dumps() {
        close().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    }
}
