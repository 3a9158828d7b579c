//! The cell process: loads shared objects and runs the cells in them, one after the other.

use super::mappings::Mappings;
use super::{checkpoint, pages, spare};
use crate::wire::{self, Run};
use libloading::Library;
use libloading::os::unix::{Library as UnixLibrary, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};
use nix::unistd::{ForkResult, Pid, setpgid};
use std::ffi::{CStr, OsStr, OsString, c_int, c_void};
use std::io::{self, BufRead, BufReader, PipeReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// The ends that the cell process keeps of what the supervisor opened.
pub struct Ends {
    pub control: UnixStream,
    pub companion: UnixStream,
    pub inbox: UnixStream,
    pub alarm: UnixStream,
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// The report of the cell process, over the control stream: a cell has been run, or the process been restored.
#[derive(Debug, PartialEq, Eq)]
pub struct Done {
    pub checkpoint: Option<Pid>,
    /// What a restored process does not have any more, in words.
    pub lost: String,
}

impl Done {
    /// In bytes, it is a dot, the process id of the checkpoint or 0, and the length of a text and the text.
    fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let pid = self.checkpoint.map_or(0, Pid::as_raw);
        let end = self.lost.floor_char_boundary(u16::MAX.into());
        let length = (end as u16).to_le_bytes();
        stream.write_all(&[b".", &pid.to_le_bytes()[..], &length, &self.lost.as_bytes()[..end]].concat())
    }

    pub fn read(stream: &mut impl Read) -> io::Result<Done> {
        let mut head = [0; 7];
        stream.read_exact(&mut head)?;
        let [b'.', a, b, c, d, e, f] = head else {
            return Err(io::Error::other("what the process has written is no report"));
        };
        let pid = i32::from_le_bytes([a, b, c, d]);
        let mut text = vec![0; u16::from_le_bytes([e, f]).into()];
        stream.read_exact(&mut text)?;
        let lost = String::from_utf8_lossy(&text).into_owned();
        Ok(Done { checkpoint: (pid > 0).then(|| Pid::from_raw(pid)), lost })
    }
}

/// The symbol of the function that runs a cell, in its object.
const ENTRY_POINT: &str = "threadbook_cell";

/// Functions that the companion crate exports for the cell process. Its library stays loaded.
struct Companion {
    execute: unsafe extern "C" fn(*const c_void, *const u8, usize, bool),
    fork: extern "C" fn() -> c_int,
    restored: extern "C" fn(),
}

struct CellProcess {
    control: UnixStream,
    alarm: UnixStream,
    /// The sockets of the companion, which knows them by number.
    sockets: [UnixStream; 2],
    companion: Companion,
    /// The companion's library.
    path: OsString,
    takes_checkpoints: bool,
    /// Checkpoints that this process has forked, ended or not.
    forked: Vec<Pid>,
    /// Readable when the newest checkpoint has let go of its descriptors.
    settled: Option<PipeReader>,
    /// What this process lost when it was restored, in words.
    lost: String,
    mappings: Mappings,
}

/// Runs cells until the supervisor closes the control stream.
pub fn main(ends: Ends) -> ! {
    let path = std::env::var_os(super::COMPANION).unwrap_or_default();
    prepare_process(&ends);
    let Ends { control, alarm, companion, inbox, .. } = ends;
    let sockets = [companion, inbox];
    let companion = match Companion::load(&path) {
        Ok(companion) => companion,
        Err(error) => {
            eprintln!("The companion cannot be loaded: {error}");
            std::process::exit(1);
        }
    };
    let process = CellProcess {
        control,
        alarm,
        sockets,
        companion,
        path,
        takes_checkpoints: checkpoint::is_wanted(),
        forked: Vec::new(),
        settled: None,
        lost: String::new(),
        mappings: Mappings::new(),
    };
    std::process::exit(i32::from(process.serve().is_err()))
}

impl CellProcess {
    fn serve(mut self) -> io::Result<()> {
        for line in BufReader::new(self.control.try_clone()?).lines() {
            let cell = serde_json::from_str(&line?)?;
            self.await_checkpoint();
            let executed = self.execute(&cell);
            if let Some(warning) = self.mappings.warning() {
                eprintln!("threadbook: {warning}");
            }
            if let Err(error) = executed {
                eprintln!("The compiled cell could not be loaded: {error:?}");
                return Err(io::Error::other(error));
            }
            let checkpoint = if self.takes_checkpoints { self.take_checkpoint() } else { None };
            let lost = std::mem::take(&mut self.lost);
            Done { checkpoint, lost }.write(&mut self.control)?;
            if checkpoint.is_some() {
                pages::take_back();
            }
        }
        Ok(())
    }

    /// Loads and runs a compiled cell.
    fn execute(&mut self, cell: &Run) -> Result<(), libloading::Error> {
        let how = if cell.is_global { RTLD_GLOBAL } else { RTLD_LOCAL };
        let entry = match &cell.object {
            None => std::ptr::null(),
            Some(object) => {
                // SAFETY: the engine has compiled the object. Its initialisers are those of the standard library and
                // of the crates that the user asked for.
                let open = || unsafe { UnixLibrary::open(Some(object), RTLD_NOW | how) };
                let object = self.mappings.load(|| spare::with(open))?;
                // SAFETY: only the address is used.
                let entry = unsafe { object.get::<*const c_void>(ENTRY_POINT) }?.into_raw();
                // Never unloaded: variables, threads and thread-local destructors may point into it.
                std::mem::forget(object);
                entry.cast_const()
            }
        };
        let to_forget = cell.to_forget.iter().map(|name| format!("!{name}"));
        let names = to_forget.chain(cell.to_drop.iter().cloned()).collect::<Vec<_>>().join("\n");
        // SAFETY: the entry point is null or that of a cell's object, and the names are text of this length.
        unsafe { (self.companion.execute)(entry, names.as_ptr(), names.len(), cell.in_runtime) };
        Ok(())
    }

    /// Waits until the newest checkpoint has let go of its descriptors, so that what the next cell closes is closed.
    fn await_checkpoint(&mut self) {
        if let Some(mut settled) = self.settled.take() {
            // A byte, or the end of a checkpoint that has died.
            let _ = settled.read(&mut [0]);
        }
    }

    /// Forks a checkpoint and returns its process id. The checkpoint itself, when it is woken, forks its
    /// own and goes on as the cell process.
    fn take_checkpoint(&mut self) -> Option<Pid> {
        loop {
            self.forked.retain(|&pid| !checkpoint::bury(pid));
            let _ = io::stdout().flush();
            let (settled, mut settling) = spare::with(io::pipe).ok()?;
            match spare::with(|| self.fork()).ok()? {
                ForkResult::Parent { child } => {
                    self.settled = Some(settled);
                    // A group of its own, so that it outlives what ends with this process. Said by both:
                    // neither knows who comes first.
                    let _ = setpgid(child, child);
                    self.forked.push(child);
                    return Some(child);
                }
                ForkResult::Child => {
                    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                    drop(settled);
                    self.lost = spare::with(|| self.let_go(settling.as_fd()));
                    let _ = settling.write_all(b".");
                    drop(settling);
                    checkpoint::sleep(&self.alarm);
                    self.forked.clear();
                    end_with_parent();
                    spare::with(|| {
                        self.begin_statics_anew();
                        (self.companion.restored)();
                    });
                }
            }
        }
    }

    /// Begins anew with the statics of crates whose threads are those of the process that died.
    fn begin_statics_anew(&self) {
        #[cfg(target_os = "linux")]
        if let Err(error) =
            super::statics::begin_anew(self.path.as_ref(), self.companion.restored as *const c_void)
        {
            eprintln!("threadbook: rayon's pool cannot be started again in this process: {error:#}");
        }
    }

    /// Lets go of the descriptors of what others can see being closed. Returns what is lost so, in words.
    #[cfg(target_os = "linux")]
    fn let_go(&self, settling: BorrowedFd) -> String {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        let [companion, inbox] = self.sockets.each_ref().map(AsFd::as_fd);
        let standard = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
        let own = [self.control.as_fd(), self.alarm.as_fd(), companion, inbox, settling];
        match super::descriptors::let_go(&[&standard[..], &own].concat()) {
            Ok(lost) => lost.join(", "),
            Err(error) => format!("what the process shared with others (it could not be closed: {error})"),
        }
    }

    /// There are no checkpoints on this system.
    #[cfg(not(target_os = "linux"))]
    fn let_go(&self, _settling: BorrowedFd) -> String {
        String::new()
    }

    fn fork(&self) -> nix::Result<ForkResult> {
        match (self.companion.fork)() {
            0 => Ok(ForkResult::Child),
            pid if pid > 0 => Ok(ForkResult::Parent { child: Pid::from_raw(pid) }),
            _ => Err(nix::errno::Errno::last()),
        }
    }
}

impl Companion {
    /// Loads the companion. The same library is then found again for the cells that use it.
    fn load(path: &OsStr) -> Result<Companion, libloading::Error> {
        // SAFETY: the companion is ours, and has no initialisers but those of the standard library.
        let library = unsafe { Library::new(path) }?;
        let name = |name: &'static CStr| name.to_bytes_with_nul();
        // SAFETY: the companion exports these with these signatures.
        let companion = unsafe {
            Companion {
                execute: *library.get(name(c"threadbook_execute"))?,
                fork: *library.get(name(c"threadbook_fork"))?,
                restored: *library.get(name(c"threadbook_restored"))?,
            }
        };
        std::mem::forget(library);
        Ok(companion)
    }
}

/// Has the system end this process with the supervisor, its parent.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
}

/// Has the system end this process, and none of the kernel's, when the machine runs out of memory: what a cell takes
/// is the likely reason, and there is a checkpoint. What cells start inherits it.
fn end_first_without_memory() {
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/oom_score_adj", "800");
}

fn prepare_process(ends: &Ends) {
    use nix::sys::signal::{SigHandler, Signal, signal};
    use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};
    // A group of its own: whatever user code starts can be ended together with it.
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    end_with_parent();
    end_first_without_memory();
    spare::keep();
    // SAFETY: this is no function of ours. (The supervisor's handler came along in the fork.)
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
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
            format!("{}:{}:{}", wire::VERSION, ends.companion.as_raw_fd(), ends.inbox.as_raw_fd()),
        );
    }
}
