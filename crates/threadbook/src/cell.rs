//! What the generated code of a cell calls.

pub use threadbook_cell::*;

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::{EnterGuard, Runtime};

/// The runtime of the cells, and the process that has its threads.
static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);

/// Runs the statements of a cell that awaits.
pub fn run_async<O: Outcome>(statements: impl Future<Output = O>) -> End {
    run(move || runtime().block_on(statements))
}

/// Lets code that this thread runs find the runtime, for `tokio::spawn` and its like.
pub(crate) fn enter() -> EnterGuard<'static> {
    runtime().enter()
}

/// The runtime, which a restored process makes anew: the threads of the earlier one are gone.
fn runtime() -> &'static Runtime {
    let mut known = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    match *known {
        Some((of, runtime)) if of == process => runtime,
        _ => {
            let runtime = Runtime::new().expect("the threads of a runtime can be started");
            let runtime = Box::leak(Box::new(runtime));
            *known = Some((process, runtime));
            runtime
        }
    }
}
