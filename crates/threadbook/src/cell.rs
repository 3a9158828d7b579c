//! What the Threadbook kernel's cell process calls: to run a cell, to fork a copy of itself, and to go on
//! as that copy.
//!
//! Cells print through the standard library's shared object, which only code that is linked to it can
//! flush, and whose panics only a hook set through it can see. Hence these functions: the process looks
//! them up by name, and does without them if the companion is not loaded.

use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::json;
use std::backtrace::Backtrace;
use std::ffi::{c_int, c_void};
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;
use threadbook_display::{inbox, wire};

use crate::printing;

/// How often, while a cell runs, a partial line is pushed out and an interrupt is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// As much as a main thread has.
const STACK_BYTES: usize = 8 << 20;

static RUNNING: AtomicBool = AtomicBool::new(false);
static CELL_THREAD: Mutex<Option<ThreadId>> = Mutex::new(None);
static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
/// Where cells run in a restored process: rayon's own threads stayed behind in the one that died, and its
/// global pool cannot be made anew. In a thread of another pool, parallel iterators use that one.
static POOL: Mutex<Option<&'static ThreadPool>> = Mutex::new(None);

/// Whether a cell runs at this moment.
pub fn is_running() -> bool {
    RUNNING.load(Ordering::Relaxed)
}

/// Runs a cell, on the thread that calls this unless the process was restored.
#[unsafe(no_mangle)]
pub extern "C" fn threadbook_run(
    cell: extern "C" fn(*mut c_void) -> *mut c_void,
    variables: *mut c_void,
) -> *mut c_void {
    static FIRST: Once = Once::new();
    FIRST.call_once(|| {
        if wire::is_connected() {
            report_panics();
            let interrupted = INTERRUPTED.get_or_init(Arc::default);
            let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, interrupted.clone());
            // Else a worker of rayon may be setting this up when the process is forked, and those in the
            // copy would wait for it for ever.
            drop(crossbeam_epoch::pin());
            start_threads();
            printing::begin();
        }
    });
    printing::begin_cell();
    threadbook_widgets::begin_cell();
    threadbook_executor::clear_interrupt();
    RUNNING.store(true, Ordering::Relaxed);
    let pool = *POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let variables = AtomicPtr::new(variables);
    let run = || {
        *CELL_THREAD.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        AtomicPtr::new(cell(variables.load(Ordering::Relaxed)))
    };
    let variables = match pool {
        None => run(),
        Some(pool) => pool.install(run),
    };
    RUNNING.store(false, Ordering::Relaxed);
    let _ = std::io::stdout().flush();
    variables.into_inner()
}

/// Forks, at a moment when no thread prints or sends, so that the copy can go on where this process is.
/// Returns what `fork` does.
#[unsafe(no_mangle)]
pub extern "C" fn threadbook_fork() -> c_int {
    let between = |fork: fn() -> c_int| wire::between_messages(|| threadbook_widgets::between_changes(fork));
    between(|| {
        let _stdout = std::io::stdout().lock();
        let _stderr = std::io::stderr().lock();
        // SAFETY: the copy has this thread only. The locks of the allocator are set right by the C
        // library, those of the standard streams, the wire, the widgets and the executors are free.
        unsafe { libc::fork() }
    })
}

/// Called in a copy that goes on in the place of its original, which has died. All threads have begun when
/// it returns: the next fork comes soon, and should not find them in the middle of that.
#[unsafe(no_mangle)]
pub extern "C" fn threadbook_restored() {
    wire::take_over();
    threadbook_widgets::take_over();
    if let Some(interrupted) = INTERRUPTED.get() {
        interrupted.store(false, Ordering::Relaxed);
    }
    start_threads();
    let pool = ThreadPoolBuilder::new().thread_name(|_| "main".into()).stack_size(STACK_BYTES).build();
    let pool = pool.ok().map(|pool| &*Box::leak(Box::new(pool)));
    if let Some(pool) = pool {
        pool.broadcast(|_| ());
    }
    *POOL.lock().unwrap_or_else(PoisonError::into_inner) = pool;
}

/// A panic of the cell's own thread becomes the cell's error, so it is told and not printed. Panics of
/// other threads are printed, in one line. A backtrace is printed if `RUST_BACKTRACE` asks for it.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic_message(panic);
        let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
        let current = thread::current();
        let cell_thread = *CELL_THREAD.lock().unwrap_or_else(PoisonError::into_inner);
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            eprintln!("{}", Backtrace::force_capture());
        }
        if cell_thread == Some(current.id()) {
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

/// Starts what this process does beside running cells. All threads have begun when it returns: the process is
/// forked soon, and a copy cannot go on from the middle of that.
fn start_threads() {
    let tasks: [(&str, fn()); 3] =
        [("threadbook", attend), ("inbox", inbox::read), ("widgets", threadbook_widgets::listen)];
    for (name, task) in tasks {
        let (begun, has_begun) = mpsc::channel();
        let _ = thread::Builder::new().name(name.into()).spawn(move || {
            let _ = begun.send(());
            task();
        });
        let _ = has_begun.recv();
    }
}

/// Attends to the running cell. Standard output is flushed at each newline only, but a progress line without
/// one should be seen too. And the supervisor interrupts a cell by SIGINT: then all that waits through the
/// companion's types is told to stop waiting. (A cell that does not wait for them is ended with its process,
/// a little later.)
fn attend() {
    let Some(interrupted) = INTERRUPTED.get() else { return };
    loop {
        thread::sleep(LOOK_EVERY);
        if interrupted.swap(false, Ordering::Relaxed) {
            threadbook_executor::interrupt();
        }
        if is_running() {
            let _ = std::io::stdout().flush();
        }
    }
}
