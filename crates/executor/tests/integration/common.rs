//! Helpers: futures that are done, each in its way, and tests in a process of their own.

use std::os::unix::process::CommandExt;

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

/// Keeps std from listing each thread's stack for the message of an overflow. The list has a lock that std does not hold
/// across a fork, so threads of a child may wait for it without end. As in the process of cells, no such list exists if these
/// signals are not the default ones when the program starts.
fn leave_stacks_unlisted() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: ignoring a signal touches no memory.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Runs a test again, in a process of its own, by its path without the crate. Returns whether this is that run.
pub fn alone(test: &str) -> bool {
    const ALONE: &str = "THREADBOOK_TEST_ALONE";
    if std::env::var(ALONE).is_ok_and(|alone| alone == test) {
        return true;
    }
    let mut run = std::process::Command::new(std::env::current_exe().unwrap());
    run.args(["--exact", test, "--nocapture"]).env(ALONE, test);
    // SAFETY: `signal` may be called between fork and exec.
    unsafe {
        run.pre_exec(|| {
            leave_stacks_unlisted();
            Ok(())
        })
    };
    let run = run.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    // A path that names no test passes, too.
    assert!(run.status.success() && out.contains("1 passed"), "{test} alone:\n{out}\n{err}");
    false
}
