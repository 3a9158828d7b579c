//! The functions that replace magics in a cell's code. Only the kernel calls them.
//!
//! `%%time` must not wrap the cell in a closure, or its variables would be lost to the next cell, and a
//! variable for the stopwatch would become one of the notebook's. So the running stopwatches are kept here.

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use threadbook_base::interrupt::is_interrupted;
use threadbook_timing::Stopwatch;

/// The time that an interrupted command has to end after SIGINT. (The supervisor ends the cell within a
/// second.)
const GRACE: Duration = Duration::from_millis(200);

/// The maximum time between two checks of a running command.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The running stopwatches, the innermost last.
static STOPWATCHES: Mutex<Vec<Stopwatch>> = Mutex::new(Vec::new());

/// `%time` and `%%time` begin.
pub fn start() {
    STOPWATCHES.lock().unwrap_or_else(PoisonError::into_inner).push(Stopwatch::start());
}

/// `%time` and `%%time` end: prints the times.
#[inline(never)]
pub fn stop() {
    let stopwatch = STOPWATCHES.lock().unwrap_or_else(PoisonError::into_inner).pop();
    if let Some(stopwatch) = stopwatch {
        println!("{}", stopwatch.elapsed());
    }
}

/// As [`stop`], and returns the value.
pub fn stopped<T>(value: T) -> T {
    stop();
    value
}

/// `!command`, `%%bash` and `%%sh`: runs a command of the program `shell`. Its output goes to the cell. As in
/// IPython, a command that fails is no error.
///
/// # Panics
///
/// If the shell cannot be started, and, to end the cell, if the cell is interrupted: the command and all
/// processes that it has started are ended before.
#[track_caller]
pub fn shell(shell: &str, command: &str) {
    // Earlier output of the cell must appear first.
    let _ = std::io::stdout().flush();
    let mut shell_command = Command::new(shell);
    shell_command.arg("-c").arg(command).stdin(Stdio::null()).process_group(0);
    end_with_this_process(&mut shell_command);
    let mut child = match shell_command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("`{shell}` cannot be run: {error}"),
    };
    match wait(&mut child) {
        Some(status) if status.success() => {}
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => eprintln!("exit code {code}"),
            (_, signal) => eprintln!("ended by signal {}", signal.unwrap_or_default()),
        },
        None => {
            end_group(&mut child);
            panic!("interrupted");
        }
    }
}

/// Waits for the end; returns `None` if an interrupt comes first.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if is_interrupted() {
            return None;
        }
        std::thread::sleep(pause);
        pause = (2 * pause).min(POLL_INTERVAL);
    }
}

/// Ends a command and all processes that it has started: by SIGINT, and after [`GRACE`] by SIGKILL.
fn end_group(child: &mut Child) {
    let group = child.id() as libc::pid_t;
    // SAFETY: this only sends a signal, to the group of this child, which is not reaped, so that the id is
    // still its own.
    unsafe { libc::killpg(group, libc::SIGINT) };
    let asked = Instant::now();
    // SAFETY: as above; signal 0 only checks whether the group has a process.
    while asked.elapsed() < GRACE && unsafe { libc::killpg(group, 0) } == 0 && !is_zombie(child) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: as above.
    unsafe { libc::killpg(group, libc::SIGKILL) };
    let _ = child.wait();
}

/// Whether the child has ended. Does not reap it, which would free its id.
fn is_zombie(child: &Child) -> bool {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the system writes a `siginfo_t` to this memory, which has the size of one; with WNOHANG it may
    // leave the zeros, which are a valid one.
    unsafe {
        libc::waitid(libc::P_PID, child.id(), info.as_mut_ptr(), options) == 0
            && info.assume_init().si_signo == libc::SIGCHLD
    }
}

/// Makes the command end with the cells' process, which it would survive in its own group.
fn end_with_this_process(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: `prctl` is a plain system call, which may be made between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    let _ = command;
}

/// `%cd`: changes to the named directory, or to the home directory without a name, and prints the new one.
///
/// # Panics
///
/// If the directory does not exist.
#[track_caller]
pub fn cd(directory: &str) {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/".into()));
    let directory = match directory.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => home().join(rest.trim_start_matches('/')),
        _ if directory.is_empty() => home(),
        _ => directory.into(),
    };
    if let Err(error) = std::env::set_current_dir(&directory) {
        panic!("{} is no directory to go to: {error}", directory.display());
    }
    pwd();
}

/// `%pwd`: prints the directory.
pub fn pwd() {
    match std::env::current_dir() {
        Ok(directory) => println!("{}", directory.display()),
        Err(error) => eprintln!("there is no directory any more: {error}"),
    }
}

/// `%env`: prints all variables of the environment, or one, or sets one (`NAME=value` or `NAME value`).
///
/// # Panics
///
/// If the requested variable is not set.
#[track_caller]
pub fn env(what: &str) {
    if what.is_empty() {
        let mut variables: Vec<_> = std::env::vars_os().collect();
        variables.sort();
        for (name, value) in variables {
            println!("{}={}", name.display(), value.display());
        }
        return;
    }
    match what.split_once(['=', ' ']) {
        // SAFETY: std's own readers take a lock. Another thread may read the environment in a C library at
        // this moment; a notebook that sets a variable takes that risk, as with `std::env::set_var` in a
        // cell.
        Some((name, value)) if !name.is_empty() => unsafe { std::env::set_var(name, value.trim()) },
        _ => match std::env::var_os(what) {
            Some(value) => println!("{}", value.display()),
            None => panic!("the variable {what} is not set"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    #[test]
    fn a_value_passes_through_and_a_stopwatch_that_was_never_started_is_no_harm() {
        start();
        start();
        assert_eq!(stopped(7), 7);
        stop();
        stop();
    }

    #[test]
    fn a_child_that_has_ended_is_noticed_before_it_is_waited_for() {
        let mut child = Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap();
        while !is_zombie(&child) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(wait(&mut child).unwrap().code(), Some(3));
    }

    #[test]
    fn a_group_is_ended_with_all_that_is_in_it() {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' INT; echo ready; { sleep 30; echo alive; } & wait"]);
        let mut child = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert_eq!(lines.next().as_deref(), Some("ready"));
        end_group(&mut child);
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        // The pipe reaches end of file when all processes that hold it have ended.
        assert_eq!(lines.next(), None);
    }
}
