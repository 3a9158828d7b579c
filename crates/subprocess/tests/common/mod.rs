//! Helpers of the tests.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::time::Duration;

use threadbook_subprocess::{Command, CompletedProcess, Redirect, run, shell};

/// A time-out that only a hang exceeds.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(100);

const VARIABLE: &str = "THREADBOOK_SUBPROCESS_TEST";

/// Runs the calling test in a process of its own, where no other test opens files or spawns processes, and
/// returns its result. In that process, returns `None`, and the test goes on.
pub fn in_own_process(test: &str) -> Option<CompletedProcess> {
    allow_sigint();
    if std::env::var_os(VARIABLE).is_some_and(|name| name == test) {
        return None;
    }
    let own = std::env::current_exe().unwrap();
    let command = Command::new(own).args(["--exact", test, "--nocapture", "--test-threads=1"]);
    let done = run(command.env(VARIABLE, test).timeout(2 * TEST_TIMEOUT)).unwrap();
    assert!(done.stdout_lossy().contains("1 passed"), "{done}");
    Some(done)
}

/// Restores SIGINT, which a shell's background jobs and all their children ignore; a child shell cannot even
/// trap it.
pub fn allow_sigint() {
    // SAFETY: the default action runs no handler.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
}

/// Calls `attempt` with longer and longer limits until it returns a value.
pub fn with_time<T>(mut attempt: impl FnMut(Duration) -> Option<T>) -> T {
    let mut limit = Duration::from_millis(100);
    while limit < 10 * TEST_TIMEOUT {
        if let Some(value) = attempt(limit) {
            return value;
        }
        limit *= 2;
    }
    panic!("it does not come, however long it is waited for");
}

/// Waits until `is_so`.
pub fn until(is_so: impl Fn() -> bool) {
    with_time(|_| {
        let started = std::time::Instant::now();
        while started.elapsed() < Duration::from_secs(5) && !is_so() {
            std::thread::sleep(Duration::from_millis(2));
        }
        is_so().then_some(())
    });
}

/// Whether the process runs. A zombie does not.
pub fn is_alive(pid: libc::pid_t) -> bool {
    let state = if cfg!(target_os = "linux") {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").map_or(String::new(), |(_, rest)| rest.to_owned())
    } else {
        run(["ps", "-o", "stat=", "-p", &pid.to_string()]).unwrap().stdout_lossy()
    };
    !(state.trim().is_empty() || state.trim().starts_with(['Z', 'X']))
}

/// Ends a process that a test has left behind on purpose.
pub fn end(pid: libc::pid_t) {
    // SAFETY: this only sends a signal, to a process that the test has spawned.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// A shell line whose output is captured.
pub fn captured(line: &str) -> Command {
    shell(line).stdout(Redirect::Pipe).stderr(Redirect::Pipe)
}

/// The descriptors of this process.
pub fn descriptors() -> usize {
    std::fs::read_dir(if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" }).unwrap().count()
}
