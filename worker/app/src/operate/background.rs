//! Threads that give way: work there takes what processor time the rest of the worker leaves.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// How much such a thread gives way: the usual value of `nice`, with which it gets a tenth of the time of another.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Threads for work that may be late. To read a page of a thousand people takes a millisecond; on the threads of the
/// runs a leaver would wait for it.
pub struct Background {
    handle: Handle,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Background {
    /// Starts so many threads.
    ///
    /// # Errors
    ///
    /// The system gives none.
    pub fn start(threads: usize) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads).thread_name("gatehouse-sync").on_thread_start(give_way).enable_all();
        let runtime = builder.build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Where to spawn.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A runtime that is simply dropped waits for its threads, which no task of another may do.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// On Linux the value belongs to the thread (setpriority(2), "C library/kernel differences"). Elsewhere it would slow
/// down the whole process.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a thread of syncs has the priority of others");
    }
}
