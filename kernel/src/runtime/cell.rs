//! The cell process: loads shared objects and runs the cells in them, one after the other.

use crate::wire;
use libloading::Library;
use std::ffi::{CStr, OsStr, c_void};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// The ends that the cell process keeps of what the supervisor opened.
pub struct Ends {
    pub control: UnixStream,
    pub companion: UnixStream,
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// What the supervisor reads when a cell has been run.
pub const DONE: u8 = b'.';

/// What it reads when a cell begins with the companion loaded.
pub const COMPANION_BEGINS: u8 = b'c';

/// Functions that the companion crate exports for the cell process. Its library stays loaded.
struct Companion {
    cell_begins: extern "C" fn(),
    cell_ends: extern "C" fn(),
}

/// Runs cells until the supervisor closes the control stream.
pub fn main(ends: Ends) -> ! {
    let companion_path = std::env::var_os(super::COMPANION).unwrap_or_default();
    prepare_process(&ends);
    let mut control_out = ends.control.try_clone().expect("a socket can be cloned");
    let mut variables: *mut c_void = std::ptr::null_mut();
    let mut companion = None;
    for line in BufReader::new(&ends.control).lines() {
        let Ok(line) = line else { break };
        let Some((path, symbol)) = line.rsplit_once(' ') else { continue };
        companion = companion.or_else(|| Companion::load(&companion_path));
        if companion.is_some() && control_out.write_all(&[COMPANION_BEGINS]).is_err() {
            break;
        }
        if let Err(error) = run(path, symbol, &mut variables, companion.as_ref()) {
            eprintln!("The compiled cell could not be loaded: {error:?}");
            std::process::exit(1);
        }
        if control_out.write_all(&[DONE]).is_err() {
            break;
        }
    }
    std::process::exit(0)
}

fn run(
    path: &str,
    symbol: &str,
    variables: &mut *mut c_void,
    companion: Option<&Companion>,
) -> Result<(), libloading::Error> {
    // SAFETY: the object was compiled by the engine for just this: its initialisers are those of Rust's
    // standard library and of the crates that the user asked for.
    let object = unsafe { Library::new(path) }?;
    // SAFETY: this is the signature that the engine gives to the function that runs a cell.
    let cell = unsafe { object.get::<extern "C" fn(*mut c_void) -> *mut c_void>(symbol) }?;
    if let Some(companion) = companion {
        (companion.cell_begins)();
    }
    *variables = cell(*variables);
    if let Some(companion) = companion {
        (companion.cell_ends)();
    }
    // Never unloaded: variables, threads and thread-local destructors may point into it.
    std::mem::forget(object);
    Ok(())
}

impl Companion {
    /// Loads the companion, if there is one by now. The same library is then found again for the cells
    /// that use it.
    fn load(path: &OsStr) -> Option<Companion> {
        // SAFETY: the companion is ours, and has no initialisers but those of the standard library.
        let library = unsafe { Library::new(path) }.ok()?;
        let find = |name: &CStr| {
            // SAFETY: the companion exports both as `extern "C" fn()`.
            unsafe { library.get::<extern "C" fn()>(name) }.ok().map(|symbol| *symbol)
        };
        let companion = Companion {
            cell_begins: find(c"threadbook_cell_begins")?,
            cell_ends: find(c"threadbook_cell_ends")?,
        };
        std::mem::forget(library);
        Some(companion)
    }
}

fn prepare_process(ends: &Ends) {
    use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, setpgid};
    // A group of its own: whatever user code starts can be ended together with it.
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    for result in [dup2_stdin(&ends.stdin), dup2_stdout(&ends.stdout), dup2_stderr(&ends.stderr)] {
        result.expect("a descriptor can be duplicated");
    }
    // SAFETY: the process has one thread.
    unsafe {
        std::env::remove_var("RUST_BACKTRACE");
        std::env::remove_var(super::LIBRARY_PATH);
        std::env::remove_var(super::COMPANION);
        std::env::set_var(
            wire::COMPANION_VARIABLE,
            format!("{}:{}", wire::VERSION, ends.companion.as_raw_fd()),
        );
    }
}
