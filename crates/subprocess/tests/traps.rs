//! The traps of `TRAPS.md`, in its order.

mod common;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arbtest::arbtest;
use common::*;
use tempfile::TempDir;
use threadbook_subprocess::Redirect::{Null, Pipe, Stdout, Tee};
use threadbook_subprocess::{
    Command, SIGKILL, SubprocessError as Error, call, check_output, check_output_bytes, run, shell, spawn,
};

/// Any input, through any number of commands, with standard error flooded on the way: every pipe is full at
/// some time, unless it is small.
#[test]
fn full_pipes_both_ways() {
    arbtest(|random| {
        let bytes: Vec<u8> = random.arbitrary()?;
        let input = bytes.repeat(random.int_in_range(1..=200_000)?);
        let input = &input[..input.len().min(3 << 20)];
        let flood = random.int_in_range(0..=1_000_000)?;
        let stage = || shell(format!("head -c {flood} /dev/zero >&2; cat"));
        let stages = random.int_in_range(0..=3)?;
        let pipeline = (0..stages).fold(stage().input(input) | ["cat"], |pipeline, _| pipeline | stage());
        let done = run(pipeline).unwrap();
        assert!(done.stdout == input, "{} of {} bytes", done.stdout.len(), input.len());
        assert_eq!(done.stderr.len(), flood * (1 + stages));
        Ok(())
    })
    .budget_ms(1500);
}

#[test]
fn a_wait_reads_what_nobody_asked_for_yet() {
    let child = spawn(captured("head -c 5000000 /dev/zero; exit 3")).unwrap();
    assert_eq!(child.wait().unwrap(), 3);
    assert_eq!(child.communicate().unwrap().0.len(), 5_000_000);
}

#[test]
fn a_poll_reads_what_nobody_asked_for_yet() {
    let child = spawn(captured("head -c 500000 /dev/zero; exit 3")).unwrap();
    until(|| child.poll().unwrap().is_some());
    assert_eq!(child.communicate().unwrap().0.len(), 500_000);
}

#[test]
fn input_that_nobody_reads() {
    let lots = vec![0; 10 << 20];
    assert_eq!(call(Command::new("true").input(&lots)).unwrap(), 0);
    assert_eq!(check_output_bytes(Command::new("head").args(["-c", "3"]).input(&lots)).unwrap(), [0; 3]);
    let sleeper = shell("exec sleep 1000").input(&lots).timeout(Duration::from_millis(50));
    assert!(matches!(run(sleeper), Err(Error::TimedOut { .. })));
}

/// Runs a command into its time-out. Returns the process id of a grandchild, from the output so far.
fn timed_out(line: &str) -> i32 {
    with_time(|limit| {
        let error = run(shell(line).timeout(limit)).unwrap_err();
        let Error::TimedOut { stdout, ended: true, .. } = error else { panic!("{error}") };
        String::from_utf8(stdout).unwrap().trim().parse().ok()
    })
}

#[test]
fn a_grandchild_holds_the_pipe_and_the_time_out_ends_it() {
    // With a shell that waits for the grandchild, and with one that has ended long before.
    for line in ["sleep 1000 & echo $!; wait", "sleep 1000 & echo $!"] {
        let grandchild = timed_out(line);
        until(|| !is_alive(grandchild));
    }
}

#[test]
fn a_grandchild_ignores_all_that_can_be_ignored() {
    let grandchild = timed_out("trap '' HUP INT TERM; sleep 1000 & echo $!; wait");
    until(|| !is_alive(grandchild));
}

#[cfg(target_os = "linux")]
#[test]
fn a_grandchild_that_has_left_the_group_holds_the_pipe() {
    // It prints its id after it has left the group.
    let grandchild = timed_out("setsid sh -c 'echo $$; exec sleep 1000' & sleep 1000");
    assert!(is_alive(grandchild), "nobody has reached it, and nobody has waited for it");
    end(grandchild);
}

#[test]
fn a_call_does_not_wait_for_a_grandchild() {
    let directory = TempDir::new().unwrap();
    let line = shell("sleep 1000 & echo $! > pid").cwd(directory.path());
    assert_eq!(call(line).unwrap(), 0);
    end(fs::read_to_string(directory.path().join("pid")).unwrap().trim().parse().unwrap());
}

#[test]
fn late_output_of_a_grandchild_is_output() {
    assert_eq!(check_output(shell("(sleep 0.2; echo late) & echo early")).unwrap(), "early\nlate\n");
}

#[test]
fn a_kill_races_with_the_end_and_the_wait() {
    for n in 0..200 {
        let child = Arc::new(spawn(Command::new("true") | ["sh", "-c", "exit 4"]).unwrap());
        let other = child.clone();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(20 * n));
            other.kill().unwrap();
        });
        let code = child.wait().unwrap();
        killer.join().unwrap();
        assert!([4, -SIGKILL].contains(&code), "{code}");
        assert_eq!(child.wait().unwrap(), code);
        // After the wait, the id counts as that of another process.
        child.kill().unwrap();
    }
}

#[test]
fn the_first_of_a_pipeline_has_ended_and_the_others_can_be_signalled() {
    let child = spawn(Command::new("true") | ["sleep", "1000"] | ["sleep", "1000"]).unwrap();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(10));
        assert_eq!(child.poll().unwrap(), None);
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap(), -SIGKILL);
}

#[test]
fn any_exit_code_and_any_signal() {
    arbtest(|random| {
        let code = random.int_in_range(0..=255)?;
        assert_eq!(call(["sh", "-c", "exit $0", &code.to_string()]).unwrap(), code);
        // Not the signals of a terminal: tests that run in the background ignore them.
        let signal = random.choose_iter([9, 13, 14, 15, libc::SIGUSR1, libc::SIGUSR2])?;
        let child = spawn(["sleep", "1000"]).unwrap();
        child.send_signal(signal).unwrap();
        assert_eq!(child.wait().unwrap(), -signal);
        Ok(())
    })
    .budget_ms(500);
}

#[test]
fn a_program_that_does_not_exist() {
    let error = run("threadbook-no-such-program").unwrap_err();
    assert!(error.to_string().contains("no program `threadbook-no-such-program` in the dir"), "{error}");
    let error = run("ls -l").unwrap_err();
    assert!(error.to_string().contains(r#"shell("ls -l")"#), "{error}");
    assert!(run("./nowhere").unwrap_err().to_string().contains("there is no file `./nowhere`"));
    // A file where a directory should be.
    assert!(matches!(run("/etc/passwd/x"), Err(Error::NotFound { .. })));
    let empty: [&str; 0] = [];
    for error in [run("").unwrap_err(), run(empty).unwrap_err()] {
        assert!(error.to_string().contains("no program to run"), "{error}");
    }
}

/// A file in a temporary directory, written by `sh`: if this process had it open for writing, a child of
/// another test could inherit the descriptor, and the system would refuse to execute the file.
fn file(text: &str, mode: u32) -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file").display().to_string();
    assert_eq!(call(Command::new("tee").arg(&path).input(text).stdout(Null)).unwrap(), 0);
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    (directory, path)
}

#[test]
fn a_program_that_cannot_be_run() {
    let reason = |path: &str| match run(path).unwrap_err() {
        Error::NotExecutable { reason, .. } => reason,
        other => panic!("{other}"),
    };
    let (_a, no_permission) = file("#!/bin/sh\n", 0o600);
    assert!(reason(&no_permission).contains("chmod +x"));
    let (directory, no_interpreter) = file("#!/no/such/interpreter\n", 0o700);
    assert!(reason(&no_interpreter).contains("interpreter"));
    assert!(reason(directory.path().to_str().unwrap()).contains("directory"));
    let (_c, no_format) = file("echo no first line\n", 0o700);
    assert!(reason(&no_format).contains("no program for this machine"));
}

#[test]
fn a_directory_that_is_none() {
    let (_directory, path) = file("", 0o600);
    let error = run(Command::new("true").cwd(&path)).unwrap_err();
    assert!(error.to_string().ends_with("which is no directory"), "{error}");
}

#[test]
fn words_that_cannot_be() {
    let error = run(["echo", "a\0b"]).unwrap_err();
    assert!(error.to_string().contains(r#""a\0b" has a zero byte"#), "{error}");
    assert!(matches!(run(Command::new("true").cwd("/tmp\0/x")), Err(Error::Invalid { .. })));
    let error = run(["true", &"x".repeat(4 << 20)]).unwrap_err();
    assert!(matches!(error, Error::System { .. }), "{error}");
}

#[test]
fn ends_that_contradict_each_other() {
    let cat = || Command::new("cat");
    let wrong = [
        run(cat() | cat().input("x")),
        run(cat() | cat().stdin(Null)),
        run(cat().stdout(Null) | cat()),
        run(cat().stdin(Tee)),
        run(cat().stdin(Stdout)),
    ];
    for result in wrong {
        assert!(matches!(result, Err(Error::Invalid { .. })), "{result:?}");
    }
}

#[test]
fn output_that_is_no_text() {
    let bytes = shell(r"printf 'ab\377c'");
    let error = check_output(&bytes).unwrap_err();
    assert!(error.to_string().contains("the byte 2 is 0xff; take it with `check_output_bytes`"), "{error}");
    assert_eq!(check_output_bytes(&bytes).unwrap(), b"ab\xffc");
}

#[test]
fn sigpipe_ends_who_writes_to_nobody() {
    let done = run(Command::new("yes") | ["cat"] | ["head", "-n", "1"]).unwrap();
    let codes: Vec<i32> = done.stages.iter().map(|stage| stage.returncode).collect();
    assert_eq!((codes, done.returncode), (vec![-libc::SIGPIPE, -libc::SIGPIPE, 0], 0));
    // Our end of a pipe that is dropped.
    let child = spawn(Command::new("yes").stdout(Pipe)).unwrap();
    let mut some = [0; 2];
    child.take_stdout().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(child.wait().unwrap(), -libc::SIGPIPE);
}

#[test]
fn a_pipeline_that_starts_in_part_is_ended() {
    let Some(_) = in_own_process("a_pipeline_that_starts_in_part_is_ended") else {
        let before = descriptors();
        for _ in 0..20 {
            let error = run(Command::new("sleep").arg("1000") | ["sleep", "1000"] | ["/nonexistent"]);
            assert!(matches!(error, Err(Error::NotFound { .. })));
        }
        assert_eq!(descriptors(), before);
        // SAFETY: with a null pointer, the status is not written.
        let child = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
        assert_eq!(child, -1, "there is no child left, running or ended");
        return;
    };
}

#[test]
fn a_copy_of_the_process_does_not_take_children_for_its_own() {
    let Some(_) = in_own_process("a_copy_of_the_process_does_not_take_children_for_its_own") else {
        let child = spawn(captured("sleep 1000")).unwrap();
        // SAFETY: the forked child uses only locks that no other thread holds, and ends without destructors.
        let copy = unsafe { libc::fork() };
        if copy == 0 {
            let is_lost = matches!(child.wait(), Err(Error::Lost { .. }))
                && matches!(child.communicate(), Err(Error::Lost { .. }))
                && child.kill().is_ok();
            drop(child);
            let still_works = call("true").is_ok();
            // SAFETY: the forked child ends here.
            unsafe { libc::_exit(i32::from(!(is_lost && still_works))) };
        }
        let mut status = 0;
        // SAFETY: the system writes the status to this variable.
        assert_eq!(unsafe { libc::waitpid(copy, &raw mut status, 0) }, copy);
        assert_eq!(status, 0);
        assert_eq!(child.poll().unwrap(), None, "the copy has not ended it");
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap(), -SIGKILL);
        return;
    };
}

#[test]
fn memory_that_was_the_parents() {
    let Some(_) = in_own_process("memory_that_was_the_parents") else {
        let large = Command::new("dd").args(["if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"]);
        let usage = run(&large).unwrap().usage;
        assert!(usage.peak_memory > 100 << 20 && !usage.peak_memory_is_bound(), "{usage}");
        let held = std::hint::black_box(vec![1_u8; 300 << 20]);
        let usage = run("true").unwrap().usage;
        drop(held);
        if cfg!(target_os = "linux") {
            assert!(usage.peak_memory_is_bound() && usage.to_string().contains("at most"), "{usage}");
        } else {
            assert!(!usage.peak_memory_is_bound(), "{usage}");
        }
        return;
    };
}

#[test]
fn times_of_each_command_and_of_all() {
    let busy = || shell("i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done");
    let done = run(busy() | ["sleep", "0.01"] | busy()).unwrap();
    let users: Vec<Duration> = done.stages.iter().map(|stage| stage.usage.user).collect();
    assert!(users[0] > users[1] && users[2] > users[1], "{users:?}");
    assert_eq!(done.usage.user, users.iter().sum());
    assert_eq!(done.stages[1].args, ["sleep", "0.01"]);
    assert_eq!(done.args.iter().filter(|word| *word == "|").count(), 2);
}

#[test]
fn a_time_out_of_any_command_is_that_of_the_pipeline() {
    let quick = Command::new("sleep").arg("1000").timeout(Duration::from_millis(50));
    let error = call(quick | Command::new("sleep").arg("1000").timeout(TEST_TIMEOUT)).unwrap_err();
    assert!(matches!(error, Error::TimedOut { ended: true, .. }), "{error}");
}

#[test]
fn a_time_out_is_noticed_by_whoever_looks() {
    let sleeper = || Command::new("sleep").arg("1000").timeout(Duration::from_millis(10));
    let child = spawn(sleeper()).unwrap();
    until(|| {
        matches!(child.poll(), Err(Error::TimedOut { ended: true, .. }))
            || child.poll().is_ok_and(|c| c.is_some())
    });
    assert_eq!(child.wait().unwrap(), -SIGKILL);
    let child = spawn(sleeper()).unwrap();
    assert!(matches!(child.wait_timeout(TEST_TIMEOUT), Err(Error::TimedOut { ended: true, .. })));
    // A time-out beyond the range of the clock never expires.
    assert_eq!(call(Command::new("true").timeout(Duration::MAX)).unwrap(), 0);
    assert_eq!(spawn("true").unwrap().wait_timeout(Duration::MAX).unwrap(), 0);
}

#[test]
fn a_fifo_without_a_reader_does_not_hang_us() {
    let directory = TempDir::new().unwrap();
    let fifo = directory.path().join("fifo");
    call([Path::new("mkfifo"), &fifo]).unwrap();
    let line = shell("echo x > fifo").cwd(directory.path()).timeout(Duration::from_millis(50));
    assert!(matches!(run(line), Err(Error::TimedOut { ended: true, .. })));
}

#[test]
fn a_stopped_command_is_ended_too() {
    let child = spawn(Command::new("sleep").arg("1000").timeout(Duration::from_millis(50))).unwrap();
    child.send_signal(threadbook_subprocess::SIGSTOP).unwrap();
    assert!(matches!(child.wait(), Err(Error::TimedOut { ended: true, .. })));
    assert_eq!(child.wait().unwrap(), -SIGKILL);
}

#[test]
fn who_writes_to_a_full_pipe_waits_for_the_reader() {
    let child = spawn(captured("cat").stdin(Pipe)).unwrap();
    let mut stdin = child.take_stdin().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&vec![7; 3 << 20]));
    assert_eq!(child.communicate().unwrap().0.len(), 3 << 20);
    writer.join().unwrap().unwrap();
}
