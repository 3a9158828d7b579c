//! What the generated code of a cell calls.

pub use threadbook_cell::*;

use std::future::Future;
use std::io;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::{EnterGuard, Runtime};

/// The runtime of the cells, and the process that has its threads.
static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);

/// Runs the statements of a cell that awaits.
pub fn run_async<O: Outcome>(statements: impl Future<Output = O>) -> End {
    run(move || match runtime() {
        Ok(runtime) => runtime.block_on(statements),
        Err(error) => panic!("a runtime for `.await` cannot be started: {error}"),
    })
}

/// Lets code that this thread runs find the runtime, for `tokio::spawn` and its like. If there cannot be one, tokio says
/// so where the code asks for it.
pub(crate) fn enter() -> Option<EnterGuard<'static>> {
    runtime().ok().map(Runtime::enter)
}

/// Starts the runtime again in a restored process, if there was one: its threads are gone.
pub(crate) fn restored() {
    let was_there = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    if was_there {
        let _ = runtime();
    }
}

/// The runtime of this process.
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
