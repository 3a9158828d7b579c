//! What the Threadbook kernel's cell process calls: to run a cell, to fork a copy of itself, and to go on
//! as that copy.
//!
//! Cells print through the standard library's shared object, which only code that is linked to it can
//! flush, and whose panics only a hook set through it can see. Hence these functions, which the process finds by name.

use serde_json::json;
use std::backtrace::Backtrace;
use std::ffi::{c_int, c_void};
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;
use threadbook_cell::{CellFn, End, Error, Variables};
use threadbook_display::{inbox, wire};
use threadbook_worker::panic_place;

use crate::cell;
use crate::printing;
use crate::stack::{self, Address};
use crate::threads;

/// How often, while a cell runs, a partial line is pushed out and an interrupt is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a thread may keep standard output to itself when a cell has ended.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

static FLUSHER: Mutex<Option<Sender<Sender<()>>>> = Mutex::new(None);
static RUNNING: AtomicBool = AtomicBool::new(false);
static CELL_THREAD: Mutex<Option<ThreadId>> = Mutex::new(None);
static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Whether a cell runs at this moment.
pub fn is_running() -> bool {
    RUNNING.load(Ordering::Relaxed)
}

/// Drops variables, then runs a cell if there is one.
/// `names` has a line for each variable to drop; one that begins with `!` is removed without its destructor. The end is sent over the wire, unless it is that of the last statement.
///
/// # Safety
///
/// `cell` is null or the entry point of a cell's object, `names` has `length` bytes of text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn threadbook_execute(
    cell: *const c_void,
    names: *const u8,
    length: usize,
    in_runtime: bool,
) {
    /// The variables of the session. Cells run one after the other.
    static VARIABLES: AtomicPtr<Variables> = AtomicPtr::new(std::ptr::null_mut());
    // SAFETY: the caller promises it.
    let names = unsafe { std::slice::from_raw_parts(names, length) };
    // SAFETY: a null pointer is `None`, and the caller promises that any other is the function.
    let cell = unsafe { std::mem::transmute::<*const c_void, Option<CellFn>>(cell) };
    run(|| {
        let variables = VARIABLES.swap(std::ptr::null_mut(), Ordering::Relaxed);
        let mut variables = match variables.is_null() {
            true => Box::default(),
            // SAFETY: it comes from `Box::into_raw` below, and is taken once.
            false => unsafe { Box::from_raw(variables) },
        };
        for name in names.split(|byte| *byte == b'\n').filter(|name| !name.is_empty()) {
            let name = String::from_utf8_lossy(name);
            match name.strip_prefix('!') {
                Some(name) => variables.forget(name),
                // The hook has reported a panic.
                None => drop(variables.remove(&name)),
            }
        }
        if let Some(cell) = cell {
            let _guard = in_runtime.then(cell::enter).flatten();
            report_end(cell(&mut variables));
        }
        VARIABLES.store(Box::into_raw(variables), Ordering::Relaxed);
    });
}

fn report_end(end: End) {
    match end {
        End::Done => {}
        End::Returned(index) => {
            wire::send(&json!({"type": "ended", "how": "returned", "index": index}));
        }
        End::Failed(Error { text, causes, place }) => {
            // The name of the file is a constant in the object that failed.
            let object = Address::of(place.file().as_ptr()).map(|address| address.object);
            wire::send(&json!({
                "type": "ended", "how": "failed", "text": text, "causes": causes,
                "file": place.file(), "line": place.line(), "object": object,
            }));
        }
        End::Panicked(payload) => {
            wire::send(&json!({"type": "ended", "how": "panicked"}));
            // Its destructor might panic.
            std::mem::forget(payload);
        }
    }
}

/// Runs the work of a cell.
fn run<T>(work: impl FnOnce() -> T) -> T {
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
    *CELL_THREAD.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
    let result = work();
    threadbook_display::send_updates();
    printing::end_cell();
    RUNNING.store(false, Ordering::Relaxed);
    flush();
    result
}

/// Forks, at a moment when no thread prints or sends, so that the copy can go on where this process is.
/// Returns what `fork` does, and its failure if a thread keeps standard output to itself.
#[unsafe(no_mangle)]
pub extern "C" fn threadbook_fork() -> c_int {
    if !flush() {
        return -1;
    }
    // These first: a thread that has them may go on printing, for which it needs the others.
    let _stdout = std::io::stdout().lock();
    let _stderr = std::io::stderr().lock();
    let between = |fork: fn() -> c_int| {
        wire::between_messages(|| threadbook_widgets::between_changes(|| threads::between_questions(fork)))
    };
    between(|| {
        // SAFETY: the copy has this thread only. The locks of the allocator are set right by the C library; those of
        // the standard streams, of the wire, of the widgets and of what threads belong to are this thread's, and
        // nobody is within those of the executors.
        unsafe { libc::fork() }
    })
}

/// Called in a copy that goes on in the place of its original, which has died. All threads have begun when
/// it returns: the next fork comes soon, and should not find them in the middle of that.
#[unsafe(no_mangle)]
pub extern "C" fn threadbook_restored() {
    wire::take_over();
    threadbook_widgets::take_over();
    threads::forget();
    cell::restored();
    if let Some(interrupted) = INTERRUPTED.get() {
        interrupted.store(false, Ordering::Relaxed);
    }
    start_threads();
}

/// A panic of the cell's own thread becomes the cell's error, so it is told and not printed. Panics of
/// other threads are told as well: the kernel knows which line of which cell it was, and prints it. A backtrace is
/// printed if `RUST_BACKTRACE` asks for it.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let current = thread::current();
        let cell_thread = *CELL_THREAD.lock().unwrap_or_else(PoisonError::into_inner);
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            eprintln!("{}", Backtrace::force_capture());
        }
        let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
        // The name of the file is a constant in the object that panics.
        let object = Address::of(file.as_ptr()).map(|address| address.object);
        let text = panic_message(panic);
        let mut message = json!({"message": text, "file": file, "line": line, "object": object});
        if cell_thread == Some(current.id()) {
            message["type"] = "panic".into();
            message["frames"] = json!(stack::calls());
            wire::send(&message);
        } else {
            let thread = current.name().unwrap_or("<unnamed>");
            message["type"] = "thread_panic".into();
            message["thread"] = thread.into();
            if !wire::send(&message) {
                let place = panic.location().map(panic_place).unwrap_or_default();
                eprintln!("thread '{thread}' panicked at {place}: {text}");
            }
        }
    }));
}

/// Ends the cell with an error that is not the panic of its own thread, at a line of its generated code.
pub(crate) fn end_cell(message: &str, place: Option<(&'static str, u32)>) -> ! {
    let (file, line) = place.unwrap_or_default();
    let object = Address::of(file.as_ptr()).map(|address| address.object);
    let frames: [(); 0] = [];
    let panic = json!({
        "type": "panic", "message": message, "file": file, "line": line, "object": object, "frames": frames,
    });
    match wire::send(&panic) {
        true => std::panic::resume_unwind(Box::new(message.to_owned())),
        false => panic!("{message}"),
    }
}

fn panic_message(panic: &PanicHookInfo<'_>) -> String {
    match panic.payload_as_str() {
        Some(message) => message.to_owned(),
        None => "a panic with a value that is not a string".to_owned(),
    }
}

type Task = Box<dyn FnOnce() + Send>;

/// Starts what this process does beside running cells. All threads have begun when it returns: the process is
/// forked soon, and a copy cannot go on from the middle of that.
fn start_threads() {
    let (flusher, asked) = mpsc::channel();
    *FLUSHER.lock().unwrap_or_else(PoisonError::into_inner) = Some(flusher);
    let tasks: [(&str, Task); 4] = [
        ("threadbook", Box::new(attend)),
        ("flusher", Box::new(|| flush_when_asked(asked))),
        ("inbox", Box::new(inbox::read)),
        ("widgets", Box::new(threadbook_widgets::listen)),
    ];
    for (name, task) in tasks {
        let (begun, has_begun) = mpsc::channel();
        let _ = thread::Builder::new().name(name.into()).spawn(move || {
            let _ = begun.send(());
            task();
        });
        let _ = has_begun.recv();
    }
}

/// Flushes standard output. Returns false if a thread has locked it and does not let go.
fn flush() -> bool {
    let (done, is_done) = mpsc::channel();
    let flusher = FLUSHER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match flusher.map(|flusher| flusher.send(done)) {
        Some(Ok(())) => is_done.recv_timeout(FLUSH_WITHIN).is_ok(),
        // There is no such thread without a kernel, or none could be started.
        _ => std::io::stdout().flush().is_ok(),
    }
}

/// Flushes standard output when asked to, and while a cell runs: it flushes itself at each newline only, but a
/// progress line without one should be seen too.
fn flush_when_asked(asked: Receiver<Sender<()>>) {
    loop {
        let done = match asked.recv_timeout(LOOK_EVERY) {
            Ok(done) => Some(done),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if done.is_some() || is_running() {
            let _ = std::io::stdout().flush();
        }
        // Who asked may have stopped waiting.
        done.map(|done| done.send(()));
    }
}

/// Attends to the running cell: the supervisor interrupts it by SIGINT. Then all that waits through the companion's
/// types is told to stop waiting. (A cell that does not wait for them is ended with its process, a little later.)
fn attend() {
    let Some(interrupted) = INTERRUPTED.get() else { return };
    loop {
        thread::sleep(LOOK_EVERY);
        if interrupted.swap(false, Ordering::Relaxed) {
            threadbook_executor::interrupt();
        }
    }
}
