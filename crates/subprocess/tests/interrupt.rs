//! Interrupts. An interrupt affects the whole process, so each test runs in a process of its own.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use common::*;
use tempfile::TempDir;
use threadbook_base::interrupt::{clear_interrupt, interrupt};
use threadbook_subprocess::Redirect::Pipe;
use threadbook_subprocess::{
    Command, SIGINT, SubprocessError as Error, call, check_output, run, shell, spawn,
};

/// Interrupts once a file contains a process id, and returns the id when that process has ended.
fn interrupt_later(directory: &Path) -> std::thread::JoinHandle<i32> {
    let file = directory.join("pid");
    std::thread::spawn(move || {
        let pid = || fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'));
        until(|| pid().is_some());
        let pid = pid().unwrap().trim().parse().unwrap();
        interrupt();
        until(|| !is_alive(pid));
        pid
    })
}

#[test]
fn test_call_keyboardinterrupt() {
    let Some(_) = in_own_process("test_call_keyboardinterrupt") else {
        // A command that ends at the interrupt, one that ignores it, and one whose children do.
        for line in [
            "echo $$ > pid; exec sleep 1000",
            "trap '' INT; echo $$ > pid; while :; do sleep 0.1; done",
            "sleep 1000 & echo $! > pid; wait",
            "sleep 1000 & echo $! > pid",
        ] {
            let directory = TempDir::new().unwrap();
            let line = shell(line).cwd(directory.path());
            let interrupted = interrupt_later(directory.path());
            // The last one ends, but its output stays open.
            assert!(matches!(check_output(&line), Err(Error::Interrupted)));
            interrupted.join().unwrap();
            // Until the interrupt is cleared, no command is spawned.
            fs::remove_file(directory.path().join("pid")).unwrap();
            assert!(matches!(call(&line), Err(Error::Interrupted)));
            assert!(!directory.path().join("pid").exists());
            clear_interrupt();
            assert_eq!(call("true").unwrap(), 0);
        }
        return;
    };
}

#[test]
fn test_run_keyboardinterrupt() {
    let Some(_) = in_own_process("test_run_keyboardinterrupt") else {
        let directory = TempDir::new().unwrap();
        let interrupted = interrupt_later(directory.path());
        let first = Command::new("sleep").arg("1000").input(vec![0; 1 << 20]);
        assert!(matches!(
            run(first | shell("echo $$ > pid; exec sleep 1000").cwd(directory.path())),
            Err(Error::Interrupted)
        ));
        interrupted.join().unwrap();
        return;
    };
}

#[test]
fn a_wait_of_a_child_is_interrupted_and_the_child_ended_as_ctrl_c_would() {
    let Some(_) = in_own_process("a_wait_of_a_child_is_interrupted_and_the_child_ended_as_ctrl_c_would")
    else {
        let directory = TempDir::new().unwrap();
        let child = spawn(shell("echo $$ > pid; exec sleep 1000").cwd(directory.path())).unwrap();
        let interrupted = interrupt_later(directory.path());
        assert!(matches!(child.wait(), Err(Error::Interrupted)));
        interrupted.join().unwrap();
        assert_eq!(child.wait().unwrap(), -SIGINT, "what has ended can be asked about after an interrupt");
        return;
    };
}

#[test]
fn reading_and_writing_are_interrupted() {
    let Some(_) = in_own_process("reading_and_writing_are_interrupted") else {
        let directory = TempDir::new().unwrap();
        let line = captured("echo $$ > pid; exec sleep 1000").stdin(Pipe).cwd(directory.path());
        let child = spawn(&line).unwrap();
        let interrupted = interrupt_later(directory.path());
        let mut text = String::new();
        let error = child.take_stdout().unwrap().read_to_string(&mut text).unwrap_err();
        assert!(error.to_string().contains("interrupted"), "{error}");
        interrupted.join().unwrap();
        clear_interrupt();
        fs::remove_file(directory.path().join("pid")).unwrap();

        let child = spawn(&line).unwrap();
        let interrupted = interrupt_later(directory.path());
        let error = child.take_stdin().unwrap().write_all(&vec![0; 1 << 20]).unwrap_err();
        assert!(error.to_string().contains("interrupted"), "{error}");
        interrupted.join().unwrap();
        return;
    };
}
