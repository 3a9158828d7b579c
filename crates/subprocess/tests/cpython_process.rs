//! The portable cases of CPython's `test_subprocess.ProcessTestCase`, under their names. Not here: tests of
//! Python's types (`bufsize`, `encoding`, `__del__`), of Windows, and of `executable=`, which this crate does
//! not have.

mod common;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use common::*;
use tempfile::{TempDir, tempfile};
use threadbook_subprocess::Redirect::{Inherit, Null, Pipe, Stdout};
use threadbook_subprocess::{
    Command, SIGKILL, SubprocessError as Error, call, check_call, check_output, check_output_bytes, run,
    shell, spawn,
};

fn file_with(text: &str) -> File {
    let mut file = tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

fn contents(mut file: File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn test_call_seq() {
    assert_eq!(call(["sh", "-c", "exit 47"]).unwrap(), 47);
}

#[test]
fn test_call_timeout() {
    let endless = shell("while :; do :; done").timeout(Duration::from_millis(100));
    assert!(matches!(call(endless), Err(Error::TimedOut { ended: true, .. })));
}

#[test]
fn test_check_call_zero() {
    assert_eq!(check_call("true").unwrap(), 0);
}

#[test]
fn test_check_call_nonzero() {
    let error = check_call(shell("exit 47")).unwrap_err();
    assert!(matches!(error, Error::NonZero { status: 47, .. }), "{error}");
}

#[test]
fn test_check_output() {
    assert_eq!(check_output(["echo", "BDFL"]).unwrap(), "BDFL\n");
}

#[test]
fn test_check_output_nonzero() {
    let error = check_output(shell("echo out; echo err >&2; exit 5")).unwrap_err();
    let Error::NonZero { status: 5, stdout, stderr, .. } = error else { panic!("{error}") };
    assert_eq!((stdout.as_slice(), stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
}

#[test]
fn test_check_output_stderr() {
    assert_eq!(check_output(shell("echo BDFL >&2").stderr(Stdout)).unwrap(), "BDFL\n");
}

#[test]
fn test_check_output_stdin_arg() {
    let upper = Command::new("tr").args(["a-z", "A-Z"]).stdin(file_with("pear"));
    assert_eq!(check_output(upper).unwrap(), "PEAR");
}

#[test]
fn test_check_output_input_arg() {
    assert_eq!(check_output(Command::new("tr").args(["a-z", "A-Z"]).input("pear")).unwrap(), "PEAR");
}

#[test]
fn test_check_output_input_none() {
    assert_eq!(check_output("cat").unwrap(), "");
}

#[test]
fn test_check_output_stdout_arg() {
    let error = check_output(shell("echo will not be run").stdout(Inherit)).unwrap_err();
    assert!(matches!(&error, Error::Invalid { reason } if reason.contains("stdout")), "{error}");
}

#[test]
fn test_check_output_stdin_with_input_arg() {
    let error = check_output(Command::new("cat").stdin(file_with("pear")).input("hare")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("stdin") && text.contains("input"), "{text}");
}

#[test]
fn test_check_output_timeout() {
    with_time(|limit| {
        let error = check_output(shell("printf BDFL; sleep 3600").timeout(limit)).unwrap_err();
        let Error::TimedOut { stdout, ended: true, .. } = error else { panic!("{error}") };
        (stdout == b"BDFL").then_some(())
    });
}

#[test]
fn test_call_kwargs() {
    assert_eq!(call(shell("test $FRUIT = banana").env("FRUIT", "banana")).unwrap(), 0);
}

#[test]
fn test_stdin_none() {
    let child = spawn(shell("echo banana").stdout(Pipe).stderr(Pipe)).unwrap();
    assert!(child.take_stdin().is_none());
    child.wait().unwrap();
}

#[test]
fn test_stdout_none() {
    let Some(done) = in_own_process("test_stdout_none") else {
        let child = spawn(shell("echo 'to the parent'").stderr(Pipe)).unwrap();
        assert!(child.take_stdout().is_none());
        child.wait().unwrap();
        return;
    };
    assert!(done.stdout_lossy().contains("to the parent"), "{done}");
}

#[test]
fn test_stderr_none() {
    let Some(done) = in_own_process("test_stderr_none") else {
        let child = spawn(shell("echo 'to the parent' >&2").stdout(Pipe)).unwrap();
        assert!(child.take_stderr().is_none());
        child.wait().unwrap();
        return;
    };
    assert_eq!(done.stderr_lossy(), "to the parent\n");
}

fn assert_cwd(expected: &Path, command: Command) {
    let expected = format!("{}\n", expected.canonicalize().unwrap().display());
    assert_eq!(check_output(command).unwrap(), expected);
}

#[test]
fn test_cwd() {
    let directory = TempDir::new().unwrap();
    assert_cwd(directory.path(), shell("pwd -P").cwd(directory.path()));
}

/// A directory with a program `where` in it.
fn directory_with_program() -> TempDir {
    let directory = TempDir::new().unwrap();
    std::os::unix::fs::symlink("/bin/sh", directory.path().join("where")).unwrap();
    directory
}

#[test]
fn test_cwd_with_relative_arg() {
    let (directory, wrong) = (directory_with_program(), TempDir::new().unwrap());
    let relative = Command::new("./where").args(["-c", "pwd -P"]);
    for wrong in [relative.clone(), relative.clone().cwd(wrong.path())] {
        assert!(matches!(run(wrong), Err(Error::NotFound { .. })));
    }
    assert_cwd(directory.path(), relative.cwd(directory.path()));
}

#[test]
fn test_cwd_with_absolute_arg() {
    let (directory, other) = (directory_with_program(), TempDir::new().unwrap());
    let relative = Command::new("./where").args(["-c", "pwd -P"]).cwd(other.path());
    assert!(matches!(run(relative), Err(Error::NotFound { .. })));
    let absolute = Command::new(directory.path().join("where")).args(["-c", "pwd -P"]);
    assert_cwd(other.path(), absolute.cwd(other.path()));
}

#[test]
fn test_stdin_pipe() {
    let child = spawn(captured("test $(cat) = pear").stdin(Pipe)).unwrap();
    child.take_stdin().unwrap().write_all(b"pear").unwrap();
    assert_eq!(child.wait().unwrap(), 0);
}

#[test]
fn test_stdin_fileobj() {
    assert_eq!(call(shell("test $(cat) = pear").stdin(file_with("pear"))).unwrap(), 0);
}

#[test]
fn test_stdout_pipe() {
    let child = spawn(shell("printf orange").stdout(Pipe)).unwrap();
    let mut text = String::new();
    child.take_stdout().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), child.wait().unwrap()), ("orange", 0));
}

#[test]
fn test_stdout_fileobj() {
    let file = tempfile().unwrap();
    call(shell("printf orange").stdout(file.try_clone().unwrap())).unwrap();
    assert_eq!(contents(file), "orange");
}

#[test]
fn test_stderr_pipe() {
    let child = spawn(shell("printf strawberry >&2").stderr(Pipe)).unwrap();
    let mut text = String::new();
    child.take_stderr().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), child.wait().unwrap()), ("strawberry", 0));
}

#[test]
fn test_stderr_fileobj() {
    let file = tempfile().unwrap();
    call(shell("printf strawberry >&2").stderr(file.try_clone().unwrap())).unwrap();
    assert_eq!(contents(file), "strawberry");
}

#[test]
fn test_stderr_redirect_with_no_stdout_redirect() {
    let Some(done) = in_own_process("test_stderr_redirect_with_no_stdout_redirect") else {
        assert_eq!(call(shell("echo forty-two >&2").stderr(Stdout)).unwrap(), 0);
        return;
    };
    assert!(done.stdout_lossy().contains("forty-two"), "{done}");
    assert_eq!(done.stderr_lossy(), "");
}

#[test]
fn test_stdout_stderr_pipe() {
    let done = run(shell("printf apple; printf orange >&2").stderr(Stdout)).unwrap();
    assert_eq!((done.stdout_lossy().as_str(), done.stderr.len()), ("appleorange", 0));
}

#[test]
fn test_stdout_stderr_file() {
    let file = tempfile().unwrap();
    let both = shell("printf apple; printf orange >&2").stdout(file.try_clone().unwrap());
    call(both.clone().stderr(file.try_clone().unwrap())).unwrap();
    call(both.stderr(Stdout)).unwrap();
    assert_eq!(contents(file), "appleorangeappleorange");
}

#[test]
fn test_stdout_devnull() {
    let child = spawn(shell("head -c 10000000 /dev/zero").stdout(Null)).unwrap();
    assert_eq!(child.wait().unwrap(), 0);
    assert!(child.take_stdout().is_none());
}

#[test]
fn test_stderr_devnull() {
    let child = spawn(shell("head -c 10000000 /dev/zero >&2").stderr(Null)).unwrap();
    assert_eq!(child.wait().unwrap(), 0);
    assert!(child.take_stderr().is_none());
}

#[test]
fn test_stdin_devnull() {
    let child = spawn(Command::new("cat").stdin(Null)).unwrap();
    assert_eq!(child.wait().unwrap(), 0);
}

#[test]
fn test_env() {
    let fruit = shell("echo $FRUIT").env("FRUIT", "orange");
    assert_eq!(check_output(&fruit).unwrap(), "orange\n");
    assert_eq!(check_output(fruit.clone().env_remove("FRUIT")).unwrap(), "\n");
    assert_eq!(check_output(fruit.envs([("FRUIT", "pear"), ("X", "y")])).unwrap(), "pear\n");
}

#[test]
fn test_empty_env() {
    assert_eq!(check_output(Command::new("/usr/bin/env").env_clear()).unwrap(), "");
}

#[test]
fn test_one_environment_variable() {
    let command = Command::new("/usr/bin/env").env("gone", "1").env_clear().env("fruit", "orange");
    assert_eq!(check_output(command).unwrap(), "fruit=orange\n");
}

#[test]
fn test_invalid_cmd() {
    let both = [run("true\0"), run(["true", "pass#\0"])];
    assert!(both.iter().all(|result| matches!(result, Err(Error::Invalid { .. }))), "{both:?}");
}

#[test]
fn test_invalid_env() {
    let wrong = [("FRUIT\0VEGETABLE", "cabbage"), ("FRUIT", "a\0b"), ("FRUIT=ORANGE", "lemon"), ("", "x")];
    for (name, value) in wrong {
        let error = run(Command::new("true").env(name, value)).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }
    assert_eq!(check_output(shell("echo $FRUIT").env("FRUIT", "orange=lemon")).unwrap(), "orange=lemon\n");
}

#[test]
fn test_communicate() {
    let child = spawn(captured("printf pineapple >&2; cat").input("banana")).unwrap();
    assert_eq!(child.communicate().unwrap(), (b"banana".to_vec(), b"pineapple".to_vec()));
    // And once more.
    assert_eq!(child.communicate().unwrap(), (b"banana".to_vec(), b"pineapple".to_vec()));
}

#[test]
fn test_communicate_stdin() {
    let child = spawn(shell("test $(cat) = pear").input("pear")).unwrap();
    child.communicate().unwrap();
    assert_eq!(child.poll().unwrap(), Some(0));
}

#[test]
fn test_communicate_timeout() {
    let directory = TempDir::new().unwrap();
    check_call(Command::new("mkfifo").arg(directory.path().join("fifo"))).unwrap();
    let line = "echo pineapple >&2; read go < fifo; echo pear >&2; cat";
    let child = spawn(captured(line).input("banana").cwd(directory.path())).unwrap();
    let error = child.communicate_timeout(Duration::from_millis(100)).unwrap_err();
    assert!(matches!(error, Error::TimedOut { ended: false, .. }), "{error}");
    fs::write(directory.path().join("fifo"), "go\n").unwrap();
    assert_eq!(child.communicate().unwrap(), (b"banana".to_vec(), b"pineapple\npear\n".to_vec()));
}

#[test]
fn test_communicate_timeout_large_output() {
    let line = "for i in 1 2 3 4; do head -c 65536 /dev/zero; sleep 0.05; done";
    let child = spawn(captured(line)).unwrap();
    let output = with_time(|limit| match child.communicate_timeout(limit / 4) {
        Err(Error::TimedOut { .. }) => None,
        result => Some(result.unwrap().0),
    });
    assert_eq!(output.len(), 4 * 65536);
}

#[test]
fn test_communicate_pipe_fd_leak() {
    let Some(_) = in_own_process("test_communicate_pipe_fd_leak") else {
        let before = descriptors();
        for n in 0..8 {
            let pipe = |bit: usize, other| if n & bit > 0 { Pipe } else { other };
            let command = Command::new("true").stdin(pipe(1, Null)).stdout(pipe(2, Null));
            let child = spawn(command.stderr(pipe(4, Null))).unwrap();
            child.communicate().unwrap();
            drop(child);
            assert_eq!(descriptors(), before);
        }
        return;
    };
}

#[test]
fn test_communicate_returns() {
    let child = spawn(shell("exit 47")).unwrap();
    assert_eq!(child.communicate().unwrap(), (vec![], vec![]));
    assert_eq!(child.wait().unwrap(), 47);
}

#[test]
fn test_communicate_pipe_buf() {
    let many = vec![b'a'; 4 << 20];
    let line = "head -c 47; head -c 4194304 /dev/zero >&2; cat";
    let (stdout, stderr) = spawn(captured(line).input(&many)).unwrap().communicate().unwrap();
    // The bytes that `head` has read beyond its 47 are lost to `cat`.
    assert!(stdout.len() > 4_000_000 && stdout.iter().all(|byte| *byte == b'a'));
    assert_eq!(stderr.len(), 4 << 20);
}

#[test]
fn test_writes_before_communicate() {
    let child = spawn(captured("cat").stdin(Pipe)).unwrap();
    let mut stdin = child.take_stdin().unwrap();
    stdin.write_all(b"banana").unwrap();
    stdin.write_all(b"split").unwrap();
    drop(stdin);
    assert_eq!(child.communicate().unwrap(), (b"bananasplit".to_vec(), vec![]));
}

#[test]
fn test_communicate_errors() {
    let line = shell(r"printf '[\200\200]'");
    assert_eq!(check_output_bytes(&line).unwrap(), b"[\x80\x80]");
    assert_eq!(run(&line).unwrap().stdout_lossy(), "[\u{fffd}\u{fffd}]");
    assert!(matches!(check_output(&line), Err(Error::NotUtf8 { at: 1, .. })));
}

#[test]
fn test_no_leaking() {
    let Some(_) = in_own_process("test_no_leaking") else {
        let before = descriptors();
        for _ in 0..15 {
            assert_eq!(run(captured("cat").input("lime")).unwrap().stdout, b"lime");
        }
        assert_eq!(descriptors(), before);
        return;
    };
}

#[test]
fn test_poll() {
    let child = spawn(captured("read line").stdin(Pipe)).unwrap();
    assert_eq!(child.poll().unwrap(), None);
    child.take_stdin().unwrap().write_all(b"A\n").unwrap();
    child.wait().unwrap();
    assert_eq!(child.poll().unwrap(), Some(0));
}

#[test]
fn test_wait() {
    let child = spawn("true").unwrap();
    assert_eq!(child.wait().unwrap(), 0);
    assert_eq!(child.wait().unwrap(), 0);
}

#[test]
fn test_wait_timeout() {
    let child = spawn(captured("cat").stdin(Pipe)).unwrap();
    let stdin = child.take_stdin();
    let error = child.wait_timeout(Duration::from_micros(100)).unwrap_err();
    assert!(error.to_string().contains("100µs; it goes on"), "{error}");
    drop(stdin);
    assert_eq!(child.wait_timeout(TEST_TIMEOUT).unwrap(), 0);
}

#[test]
fn test_leaking_fds_on_error() {
    let Some(_) = in_own_process("test_leaking_fds_on_error") else {
        let before = descriptors();
        for _ in 0..100 {
            assert!(matches!(run("/nonexistent/program"), Err(Error::NotFound { .. })));
        }
        assert_eq!(descriptors(), before);
        return;
    };
}

#[test]
fn test_threadsafe_wait() {
    for _ in 0..20 {
        let child = Arc::new(spawn(["sleep", "1000"]).unwrap());
        let together = Arc::new(Barrier::new(4));
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let (child, together) = (child.clone(), together.clone());
                std::thread::spawn(move || {
                    together.wait();
                    child.wait_timeout(TEST_TIMEOUT).unwrap()
                })
            })
            .collect();
        assert_eq!(child.poll().unwrap(), None);
        together.wait();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap(), -SIGKILL);
        assert!(waiting.into_iter().all(|thread| thread.join().unwrap() == -SIGKILL));
        assert_eq!(child.wait().unwrap(), -SIGKILL);
    }
}

#[test]
fn test_handles_closed_on_exception() {
    let Some(_) = in_own_process("test_handles_closed_on_exception") else {
        let before = descriptors();
        let [stdin, stdout, stderr] = [tempfile(), tempfile(), tempfile()].map(Result::unwrap);
        assert!(call(Command::new("*").stdin(stdin).stdout(stdout).stderr(stderr)).is_err());
        assert_eq!(descriptors(), before);
        return;
    };
}

#[test]
fn test_communicate_epipe() {
    for _ in 0..20 {
        let child = spawn(Command::new("true").input(vec![b'x'; 1 << 20]).stdout(Pipe).stderr(Pipe)).unwrap();
        child.communicate().unwrap();
        assert_eq!(child.wait().unwrap(), 0);
    }
}

#[test]
fn test_communicate_epipe_only_stdin() {
    let child = spawn(Command::new("true").input(vec![b'x'; 1 << 20])).unwrap();
    assert_eq!(child.wait().unwrap(), 0);
    child.communicate().unwrap();
}

#[test]
fn test_repr() {
    let child = spawn(["sh", "-c", "exit 123"]).unwrap();
    assert!(format!("{child:?}").starts_with("`sh -c 'exit 123'` (process "));
    child.wait().unwrap();
    assert!(format!("{child:?}").ends_with(" ended with exit code 123"));
}

#[test]
fn test_communicate_eintr() {
    let Some(_) = in_own_process("test_communicate_eintr") else {
        extern "C" fn nothing(_: libc::c_int) {}
        // SAFETY: the handler does nothing, which may be done at any time.
        unsafe { libc::signal(libc::SIGUSR1, nothing as *const () as libc::sighandler_t) };
        for _ in 0..20 {
            let line = shell("for i in 1 2 3 4 5; do kill -USR1 $PPID; done; echo done");
            assert_eq!(run(&line).unwrap().stdout, b"done\n");
            assert_eq!(call(line.stdout(Null)).unwrap(), 0);
        }
        return;
    };
}

#[test]
fn test_file_not_found_includes_filename() {
    let error = call(["/opt/nonexistent_binary", "with", "some", "args"]).unwrap_err();
    assert!(matches!(&error, Error::NotFound { program, .. } if program == "/opt/nonexistent_binary"));
    assert_eq!(error.to_string(), "there is no file `/opt/nonexistent_binary`");
}

#[test]
fn test_file_not_found_with_bad_cwd() {
    let error = run(Command::new("true").cwd("/some/nonexistent/directory")).unwrap_err();
    assert!(error.to_string().contains("/some/nonexistent/directory`, which does not exist"), "{error}");
}

#[test]
fn test_undecodable_env() {
    let value = OsString::from_vec(b"abc\xff".to_vec());
    let printed = check_output_bytes(shell("printf %s \"$test\"").env("test", value)).unwrap();
    assert_eq!(printed, b"abc\xff");
}
