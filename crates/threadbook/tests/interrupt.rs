//! One interrupt ends all waits of all crates. It affects the whole process, so this is the only test in the
//! file.

use std::time::Duration;
use threadbook::prelude::*;

#[test]
fn an_interrupt_ends_a_wait_for_a_command_and_one_for_a_task() {
    let (promise, future) = Promise::<i32>::new();
    let waiting = std::thread::spawn(move || future.result());
    let later = std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(100));
        threadbook::interrupt();
    });
    let error = subprocess::call(["sleep", "1000"]).unwrap_err();
    assert!(matches!(error, subprocess::SubprocessError::Interrupted), "{error}");
    assert_eq!(waiting.join().unwrap(), Err(TaskError::Interrupted));
    later.join().unwrap();
    drop(promise);

    threadbook::clear_interrupt();
    assert_eq!(subprocess::check_output(["echo", "on we go"]).unwrap(), "on we go\n");
}
