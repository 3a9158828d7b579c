//! The functions that the kernel's cell process calls: to run a cell, to fork a copy of itself, and to go on
//! as that copy.
//!
//! Cells print through the standard library's shared object, which only code that is linked to it can flush,
//! and whose panics only a hook set through it receives. Hence these functions, which the process looks up by
//! name.

use std::backtrace::Backtrace;
use std::ffi::{c_int, c_void};
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;
use threadbook_base::{interrupt, location};
use threadbook_cell::{CellFn, End, Error, Variables};
use threadbook_display::wire;
use threadbook_wire::{CellEnd, Message, PanicPlace};

use crate::cell;
use crate::printing;
use crate::stack::{self, code_address};
use crate::threads;

/// The interval at which, while a cell runs, partial lines are flushed and interrupts are checked.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The maximum time that a thread may hold the lock of standard output after the end of a cell.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

static FLUSHER: Mutex<Option<Sender<Sender<()>>>> = Mutex::new(None);
static CELL_THREAD: Mutex<Option<ThreadId>> = Mutex::new(None);
static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Drops variables, then runs a cell if there is one. `names` has a line for each variable to drop; a
/// variable with `!` before its name is removed without running its destructor. The end is sent over the
/// wire, unless it is that of the last statement.
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
    // SAFETY: guaranteed by the caller.
    let names = unsafe { std::slice::from_raw_parts(names, length) };
    // SAFETY: a null pointer is `None`, and the caller guarantees that any other is the function.
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
                // The hook has already reported a panic.
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
            wire::send(&Message::Ended { end: CellEnd::Returned { index } });
        }
        End::Failed(Error { text, causes, place }) => {
            let place = place_of(place.file(), place.line());
            wire::send(&Message::Ended { end: CellEnd::Failed { text, causes, place } });
        }
        End::Panicked(payload) => {
            wire::send(&Message::Ended { end: CellEnd::Panicked });
            // Its destructor may panic.
            std::mem::forget(payload);
        }
    }
}

/// A place in the source of a loaded object. The file name is a constant in that object.
fn place_of(file: &str, line: u32) -> PanicPlace {
    let object = code_address(file.as_ptr()).map(|address| address.object);
    PanicPlace { file: file.to_owned(), line, object }
}

/// Runs the work of a cell.
fn run<T>(work: impl FnOnce() -> T) -> T {
    static FIRST: Once = Once::new();
    FIRST.call_once(|| {
        if wire::is_connected() {
            report_panics();
            let interrupted = INTERRUPTED.get_or_init(Arc::default);
            let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, interrupted.clone());
            // Otherwise a worker of rayon may be initialising this when the process is forked, and the
            // workers in the copy would wait for it for ever.
            drop(crossbeam_epoch::pin());
            start_threads();
            printing::begin();
        }
    });
    printing::begin_cell();
    threadbook_widgets::begin_cell();
    interrupt::clear_interrupt();
    printing::set_running(true);
    *CELL_THREAD.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
    let result = work();
    threadbook_display::send_updates();
    printing::end_cell();
    printing::set_running(false);
    flush();
    result
}

/// Forks while no thread prints or sends, so that the copy can go on from the same state. Returns the result
/// of `fork`, or its failure value if a thread does not release standard output.
#[unsafe(no_mangle)]
pub extern "C" fn threadbook_fork() -> c_int {
    if !flush() {
        return -1;
    }
    // The standard streams first: a thread that holds them may go on printing, for which it needs the other
    // locks.
    let _stdout = std::io::stdout().lock();
    let _stderr = std::io::stderr().lock();
    let between = |fork: fn() -> c_int| {
        wire::between_messages(|| threadbook_widgets::between_changes(|| threads::between_questions(fork)))
    };
    between(|| {
        // SAFETY: the copy has this thread only. The C library restores the locks of the allocator, and `base::fork` those of
        // the executors; this thread holds those of the standard streams, of the wire, of the widgets and of the table
        // of threads.
        unsafe { libc::fork() }
    })
}

/// Called in a copy that replaces its original, which has died. All threads have started when it returns,
/// because the next fork follows soon and must not interrupt their start.
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

/// Installs the panic hook. A panic of the cell's own thread becomes the cell's error, so it is sent to the
/// kernel and not printed. Panics of other threads are sent as well: the kernel maps them to a line of a
/// cell, and prints them. A backtrace is printed if `RUST_BACKTRACE` is set.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let current = thread::current();
        let cell_thread = *CELL_THREAD.lock().unwrap_or_else(PoisonError::into_inner);
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            eprintln!("{}", Backtrace::force_capture());
        }
        let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
        let (place, text) = (place_of(file, line), panic_message(panic));
        if cell_thread == Some(current.id()) {
            wire::send(&Message::Panic { message: text, place, frames: stack::calls() });
        } else {
            let thread = current.name().unwrap_or("<unnamed>");
            let message = Message::ThreadPanic { thread: thread.to_owned(), message: text.clone(), place };
            if !wire::send(&message) {
                let place = panic.location().map(location::describe).unwrap_or_default();
                eprintln!("thread '{thread}' panicked at {place}: {text}");
            }
        }
    }));
}

/// Ends the cell with an error that is not the panic of its own thread, at a line of its generated code.
pub(crate) fn end_cell(message: &str, place: Option<(&'static str, u32)>) -> ! {
    let (file, line) = place.unwrap_or_default();
    let panic =
        Message::Panic { message: message.to_owned(), place: place_of(file, line), frames: Vec::new() };
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

/// Spawns the background threads of this process. All of them have started when it returns, because the
/// process is forked soon and a copy cannot finish an interrupted start.
fn start_threads() {
    let (flusher, asked) = mpsc::channel();
    *FLUSHER.lock().unwrap_or_else(PoisonError::into_inner) = Some(flusher);
    let tasks: [(&str, Task); 4] = [
        ("threadbook", Box::new(attend)),
        ("flusher", Box::new(|| flush_when_asked(asked))),
        ("inbox", Box::new(wire::read_inbox)),
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

/// Flushes standard output. Returns false if a thread does not release its lock in time.
fn flush() -> bool {
    let (done, is_done) = mpsc::channel();
    let flusher = FLUSHER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match flusher.map(|flusher| flusher.send(done)) {
        Some(Ok(())) => is_done.recv_timeout(FLUSH_TIMEOUT).is_ok(),
        // Without a kernel there is no such thread; or its spawn has failed.
        _ => std::io::stdout().flush().is_ok(),
    }
}

/// Flushes standard output on request, and regularly while a cell runs: std flushes at newlines only, but a
/// progress line without a newline must be visible, too.
fn flush_when_asked(asked: Receiver<Sender<()>>) {
    loop {
        let done = match asked.recv_timeout(POLL_INTERVAL) {
            Ok(done) => Some(done),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if done.is_some() || printing::is_running() {
            let _ = std::io::stdout().flush();
        }
        // The requester may have stopped waiting.
        done.map(|done| done.send(()));
    }
}

/// Watches the running cell for the supervisor's SIGINT, and then interrupts all waits of the companion's
/// types. (A cell outside of such a wait is ended with its process, a little later.)
fn attend() {
    let Some(interrupted) = INTERRUPTED.get() else { return };
    loop {
        thread::sleep(POLL_INTERVAL);
        if interrupted.swap(false, Ordering::Relaxed) {
            interrupt::interrupt();
        }
    }
}
