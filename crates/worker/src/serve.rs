//! The code of a worker: everything in this module runs in the other process.

use std::cell::RefCell;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use threadbook_base::location;
use threadbook_trace::Ticks;

use crate::call::Call;
use crate::descriptors::{self, Descriptor};
use crate::fn_address::Loader;
use crate::frame::{Connection, Frame, Kind, put_text, take_number};

/// Says that a process is a worker, or a fork server.
pub(crate) const VARIABLE: &str = "THREADBOOK_WORKER";
pub(crate) const WORKER: &str = "worker";
pub(crate) const FORK_SERVER: &str = "fork server";

/// The variables that were set for the dynamic linker, and are reset.
pub(crate) const LIBRARY_PATH_BEFORE: &str = "THREADBOOK_WORKER_LIBRARY_PATH";
#[cfg(not(target_os = "macos"))]
pub(crate) const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";
#[cfg(not(target_os = "macos"))]
pub(crate) const PRELOAD: &str = "LD_PRELOAD";
#[cfg(target_os = "macos")]
pub(crate) const LIBRARY_PATH: &str = "DYLD_LIBRARY_PATH";
#[cfg(target_os = "macos")]
pub(crate) const PRELOAD: &str = "DYLD_INSERT_LIBRARIES";

/// The exit code of a worker with one call, if that panicked.
const PANICKED: i32 = 1;

static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// Whether this process is a worker.
pub fn is_worker() -> bool {
    IS_WORKER.load(Ordering::Relaxed)
}

/// The system calls this before `main`, in every program that this crate is part of.
#[used]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
pub(crate) static INITIALISER: extern "C" fn() = begin;

extern "C" fn begin() {
    let Some(role) = std::env::var_os(VARIABLE) else { return };
    IS_WORKER.store(true, Ordering::Relaxed);
    let before = std::env::var_os(LIBRARY_PATH_BEFORE);
    // SAFETY: this runs before `main`, in the only thread.
    unsafe {
        std::env::remove_var(VARIABLE);
        std::env::remove_var(LIBRARY_PATH_BEFORE);
        if let Some(before) = before {
            std::env::remove_var(PRELOAD);
            match before.is_empty() {
                true => std::env::remove_var(LIBRARY_PATH),
                false => std::env::set_var(LIBRARY_PATH, before),
            }
        }
    }
    // As the standard library before `main`: a closed pipe is an error, and does not end the process.
    // SAFETY: to ignore a signal needs no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let socket = take_stdin().unwrap_or_else(|error| end(&format!("a worker has no socket: {error}")));
    if role == FORK_SERVER { serve_forks(Connection::new(socket)) } else { serve(socket) }
}

/// Ends the process because of an error outside of any call.
fn end(reason: &str) -> ! {
    eprintln!("threadbook: {reason}");
    exit(2)
}

/// Ends the process, without the program's exit handlers.
fn exit(code: i32) -> ! {
    let _ = io::stdout().flush();
    // SAFETY: ending is always possible.
    unsafe { libc::_exit(code) }
}

/// The socket that stands in the place of standard input, which is empty from now on.
fn take_stdin() -> io::Result<UnixStream> {
    let null = File::open("/dev/null")?;
    // SAFETY: descriptor 0 is open: it is the socket.
    unsafe {
        let socket = libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3);
        if socket < 0 || libc::dup2(null.as_raw_fd(), 0) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(UnixStream::from(OwnedFd::from_raw_fd(socket)))
    }
}

/// Makes the calls that come until the socket is closed.
fn serve(socket: UnixStream) -> ! {
    end_with(&socket);
    quiet_panics();
    let mut connection = Connection::new(socket);
    let mut loader = Loader::default();
    let mut permits = None;
    loop {
        let frame = match connection.receive() {
            Ok(Some(frame)) => frame,
            Ok(None) => exit(0),
            Err(error) => end(&format!("what came over a worker's socket is no call: {error}")),
        };
        let number = frame.number;
        let answer = match frame.kind {
            Kind::Call => call(&mut loader, frame),
            Kind::Offer if has_permit(&permits) => call(&mut loader, frame),
            Kind::Offer => Frame::new(Kind::Declined, Vec::new(), Vec::new()),
            Kind::Permits => {
                permits = socket_of(frame.descriptors);
                continue;
            }
            Kind::Run => exit(run(&mut loader, frame)),
            _ => exit(0),
        };
        let _ = io::stdout().flush();
        if connection.send(&Frame { number, ..answer }).is_err() {
            exit(0);
        }
    }
}

/// Takes a permit, if there is one: the sender of the call may have taken it back.
fn has_permit(permits: &Option<UnixStream>) -> bool {
    permits.as_ref().is_some_and(|mut permits| permits.read(&mut [0]).is_ok_and(|count| count == 1))
}

/// The socket among the files of a message.
fn socket_of(descriptors: Vec<Descriptor>) -> Option<UnixStream> {
    descriptors.into_iter().next()?.into_owned().ok().map(UnixStream::from)
}

/// Ends this process as soon as the other end of the socket is closed.
fn end_with(socket: &UnixStream) {
    let descriptor = socket.as_raw_fd();
    let watch = move || loop {
        // No event is requested, so the only one is the hang-up.
        let mut polled = libc::pollfd { fd: descriptor, events: 0, revents: 0 };
        // SAFETY: one descriptor is there, as the count says.
        let count = unsafe { libc::poll(&mut polled, 1, -1) };
        if count > 0 {
            // SAFETY: ending is always possible. The reader of unflushed output is gone.
            unsafe { libc::_exit(0) };
        }
    };
    let thread = std::thread::Builder::new().name("threadbook".into()).stack_size(64 << 10).spawn(watch);
    if let Err(error) = thread {
        end(&format!("a worker could not start a thread: {error}"));
    }
}

thread_local! {
    /// The location of the last panic of a call.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic of a call goes to the caller, so it is not printed; that of another thread is.
fn quiet_panics() {
    let serving = std::thread::current().id();
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == serving {
            LOCATION.replace(panic.location().map(location::describe));
        } else {
            default(panic);
        }
    }));
}

/// Makes a call and puts its outcome into a frame.
fn call(loader: &mut Loader, frame: Frame) -> Frame {
    attempt(loader, frame).unwrap_or_else(|failure| match failure {
        Failure::Refused(reason) => Frame::new(Kind::Failed, Vec::new(), reason.into_bytes()),
        Failure::Panicked { started, finished, message, location } => {
            let mut frame = Frame::of_numbers(Kind::Panicked, &[started, finished]);
            put_text(&mut frame.body, location.as_deref().unwrap_or_default());
            frame.body.extend(message.as_bytes());
            frame
        }
    })
}

/// Why a call has no value.
enum Failure {
    /// There could be no call, or its value could not be written.
    Refused(String),
    Panicked {
        started: u64,
        finished: u64,
        message: String,
        location: Option<String>,
    },
}

/// Makes a call; its value comes as the frame of an answer.
fn attempt(loader: &mut Loader, frame: Frame) -> Result<Frame, Failure> {
    let Frame { head, body: argument, descriptors, .. } = frame;
    let address = Call::address(&head).ok_or_else(|| Failure::Refused("what came is no call".to_owned()))?;
    // SAFETY: the other process runs the same program, and the address is that of a function of it.
    let entry = unsafe { loader.find(&address) }.map_err(Failure::Refused)?;
    let started = Ticks::now().to_number();
    let (result, descriptors) = descriptors::collect(|| {
        descriptors::provide(descriptors, || catch_unwind(AssertUnwindSafe(|| entry(argument))))
    });
    let finished = Ticks::now().to_number();
    match result {
        Ok(Ok(body)) => {
            Ok(Frame { body, descriptors, ..Frame::of_numbers(Kind::Returned, &[started, finished]) })
        }
        Ok(Err(error)) => Err(Failure::Refused(error.to_string())),
        Err(payload) => {
            let (message, location) = (message(&*payload).to_owned(), LOCATION.take());
            // The drop of a foreign value may panic, too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            Err(Failure::Panicked { started, finished, message, location })
        }
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "the panic carried a value that is not text",
    }
}

/// Makes the one call of this process; returns its exit code.
fn run(loader: &mut Loader, frame: Frame) -> i32 {
    let said = match attempt(loader, frame) {
        Ok(_) => return 0,
        Err(Failure::Refused(reason)) => format!(": {reason}"),
        Err(Failure::Panicked { message, location, .. }) => {
            let place = location.map(|place| format!(" at {place}")).unwrap_or_default();
            format!(" panicked{place}: {message}")
        }
    };
    eprintln!("process {}{said}", std::process::id());
    PANICKED
}

/// Forks a worker on each request, and reports how they ended.
fn serve_forks(mut connection: Connection) -> ! {
    loop {
        let frame = match connection.receive() {
            Ok(Some(frame)) => frame,
            _ => exit(0),
        };
        let (first, second) = match frame.kind {
            Kind::Fork => match fork_worker(frame.descriptors) {
                Forked::Parent(pid) => (pid, 0),
                Forked::Failed(error) => (0, error),
                Forked::Worker(socket) => {
                    drop(connection);
                    serve(socket)
                }
            },
            Kind::Status => take_number(&frame.head).map_or((0, 0), |(pid, _)| status(pid)),
            _ => exit(0),
        };
        if connection.send(&Frame::of_numbers(Kind::Numbers, &[first, second])).is_err() {
            exit(0);
        }
    }
}

enum Forked {
    Parent(u64),
    Failed(u64),
    Worker(UnixStream),
}

fn fork_worker(mut descriptors: Vec<Descriptor>) -> Forked {
    let outputs = descriptors.split_off(descriptors.len().min(1));
    let Some(socket) = socket_of(descriptors) else { return Forked::Failed(libc::EINVAL as u64) };
    // SAFETY: this process has one thread, so its copy may do anything.
    match unsafe { libc::fork() } {
        -1 => Forked::Failed(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EAGAIN) as u64),
        0 => {
            for (output, standard) in outputs.iter().zip([1, 2]) {
                // SAFETY: both descriptors are open.
                unsafe { libc::dup2(output.as_fd().as_raw_fd(), standard) };
            }
            Forked::Worker(socket)
        }
        pid => Forked::Parent(pid as u64),
    }
}

/// A worker's number and its status, if it has ended.
fn status(pid: u64) -> (u64, u64) {
    let mut status = 0;
    // SAFETY: a plain call.
    match unsafe { libc::waitpid(pid as i32, &mut status, libc::WNOHANG) } {
        0 => (0, 0),
        _ => (pid, status as u32 as u64),
    }
}
