//! Helpers: futures that are done, each in its way, and tests in a process of their own.

use threadbook_executor::{Future, Promise};

pub fn cancelled() -> Future<i32> {
    let (_promise, future) = Promise::new();
    assert!(future.cancel());
    future
}

pub fn failed() -> Future<i32> {
    let (promise, future) = Promise::new();
    promise.set_exception("trouble");
    future
}

pub fn successful() -> Future<i32> {
    let (promise, future) = Promise::new();
    promise.set_result(42);
    future
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
