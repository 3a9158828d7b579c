//! What the Threadbook kernel's cell process calls around each cell.
//!
//! Cells print through the standard library's shared object, which only code that is linked to it can
//! flush, and whose panics only a hook set through it can see. Hence these two functions: the process
//! looks them up by name, and does without them if the companion is not loaded.

use serde_json::json;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;
use threadbook_display::wire;

/// How often, while a cell runs, a partial line is pushed out and an interrupt is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

static RUNNING: AtomicBool = AtomicBool::new(false);
static CELL_THREAD: OnceLock<ThreadId> = OnceLock::new();

/// Called before a cell runs, on the thread that runs it.
#[unsafe(no_mangle)]
pub extern "C" fn threadbook_cell_begins() {
    static FIRST: Once = Once::new();
    FIRST.call_once(|| {
        if wire::is_connected() {
            let _ = CELL_THREAD.set(thread::current().id());
            report_panics();
            attend();
        }
    });
    threadbook_executor::clear_interrupt();
    RUNNING.store(true, Ordering::Relaxed);
}

/// Called when a cell has run, on the same thread.
#[unsafe(no_mangle)]
pub extern "C" fn threadbook_cell_ends() {
    RUNNING.store(false, Ordering::Relaxed);
    let _ = std::io::stdout().flush();
}

/// A panic of the cell's own thread becomes the cell's error, so it is told and not printed. Panics of
/// other threads are printed, in one line and without a backtrace.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic_message(panic);
        let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
        let current = thread::current();
        if CELL_THREAD.get() == Some(&current.id()) {
            wire::send(&json!({"type": "panic", "message": message, "file": file, "line": line}));
        } else {
            let name = current.name().unwrap_or("<unnamed>");
            eprintln!("thread '{name}' panicked at {file}:{line}: {message}");
        }
    }));
}

fn panic_message(panic: &PanicHookInfo<'_>) -> String {
    match panic.payload_as_str() {
        Some(message) => message.to_owned(),
        None => "a panic with a value that is not a string".to_owned(),
    }
}

/// Attends to the running cell from a thread of its own. Standard output is flushed at each newline only,
/// but a progress line without one should be seen too. And the supervisor interrupts a cell by SIGINT: then
/// all that waits through the companion's types is told to stop waiting. (A cell that does not wait for
/// them is ended with its process, a little later.)
fn attend() {
    let interrupted = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, interrupted.clone());
    let attendant = thread::Builder::new().name("threadbook".into());
    let _ = attendant.spawn(move || {
        loop {
            thread::sleep(LOOK_EVERY);
            if interrupted.swap(false, Ordering::Relaxed) {
                threadbook_executor::interrupt();
            }
            if RUNNING.load(Ordering::Relaxed) {
                let _ = std::io::stdout().flush();
            }
        }
    });
}
