//! Helpers of several tests.

use std::time::{Duration, Instant};

use threadbook_executor::TaskError;
use threadbook_multiprocessing::{Error, Process};

/// A wait that should end by itself.
pub const SHORT: Duration = Duration::from_millis(50);

/// A wait that ends this late only in a test that fails.
pub const LONG: Duration = Duration::from_secs(60);

/// Waits until `condition` holds, and says whether it does.
pub fn wait_until(condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + LONG;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    condition()
}

/// Whether a process runs; a zombie does not.
pub fn exists(pid: u32) -> bool {
    let status = std::process::Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output();
    status.is_ok_and(|output| !output.stdout.is_empty() && !output.stdout.starts_with(b"Z"))
}

/// Waits for a process that should end.
pub fn ended(process: &Process) -> Option<i32> {
    assert!(process.join_timeout(LONG).unwrap(), "{process:?} should have ended");
    process.exitcode()
}

/// What this crate says went wrong.
pub fn error<T: std::fmt::Debug>(result: Result<T, TaskError>) -> Error {
    match result {
        Err(TaskError::Failed(error)) => {
            error.downcast_ref::<Error>().expect("an error of this crate").clone()
        }
        other => panic!("{other:?}"),
    }
}

/// Runs a test again, in a process of its own, by its path without the crate. Returns whether this is that run.
pub fn alone(test: &str) -> bool {
    const ALONE: &str = "THREADBOOK_TEST_ALONE";
    if std::env::var(ALONE).is_ok_and(|alone| alone == test) {
        return true;
    }
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, test)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    // A path that names no test passes, too.
    assert!(run.status.success() && out.contains("1 passed"), "{test} alone:\n{out}\n{err}");
    false
}
