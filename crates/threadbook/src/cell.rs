//! The functions that a cell's generated code calls.

pub use threadbook_cell::*;

use std::future::Future;
use std::io;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::{EnterGuard, Runtime};

/// The tokio runtime of the cells, and the id of the process that owns its threads.
static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);

/// Runs the statements of a cell that awaits.
pub fn run_async<O: Outcome>(statements: impl Future<Output = O>) -> End {
    run(move || match runtime() {
        Ok(runtime) => runtime.block_on(statements),
        Err(error) => panic!("a runtime for `.await` cannot be started: {error}"),
    })
}

/// Enters the runtime on this thread, for `tokio::spawn` and similar functions. If the runtime cannot start,
/// tokio reports its absence to the code that needs it.
pub(crate) fn enter() -> Option<EnterGuard<'static>> {
    runtime().ok().map(Runtime::enter)
}

/// Restarts the runtime in a restored process, if there was one: its threads are gone.
pub(crate) fn restored() {
    let was_there = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    if was_there {
        let _ = runtime();
    }
}

/// Returns the runtime of this process.
fn runtime() -> io::Result<&'static Runtime> {
    let mut known = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    match *known {
        Some((of, runtime)) if of == process => Ok(runtime),
        _ => {
            let runtime = &*Box::leak(Box::new(Runtime::new()?));
            *known = Some((process, runtime));
            Ok(runtime)
        }
    }
}
