//! The portable cases of CPython's `test_subprocess` about `run`, POSIX and the rest, under their names. Not
//! here: `preexec_fn`, users and groups, `umask`, `pass_fds` and `close_fds=False`, which this crate does not
//! have (std closes all that it opens, and so do we), and tests that replace functions of Python by mocks.

mod common;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::*;
use tempfile::TempDir;
use threadbook_subprocess::Redirect::{Null, Pipe, Stdout};
use threadbook_subprocess::{
    Child, Command, SIGINT, SIGKILL, SIGTERM, SubprocessError as Error, call, check_output, run, shell, spawn,
};

#[test]
fn test_returncode() {
    let done = run(shell("exit 47")).unwrap();
    assert_eq!(done.returncode, 47);
    assert!(matches!(done.check_returncode(), Err(Error::NonZero { status: 47, .. })));
}

#[test]
fn test_check_zero() {
    assert_eq!(run("true").unwrap().check_returncode().unwrap().returncode, 0);
}

#[test]
fn test_timeout() {
    let endless = shell("while :; do :; done").timeout(Duration::from_micros(100));
    let error = run(endless).unwrap_err();
    assert!(error.to_string().ends_with("did not end within 100µs, so it was ended"), "{error}");
}

#[test]
fn test_run_kwargs() {
    assert_eq!(run(shell("test $FRUIT = banana && exit 33").env("FRUIT", "banana")).unwrap().returncode, 33);
}

#[test]
fn test_run_with_pathlike_path() {
    assert_eq!(run(Path::new("/bin/sh")).unwrap().returncode, 0);
    assert_eq!(run(PathBuf::from("true")).unwrap().returncode, 0);
}

#[test]
fn test_run_with_bytes_path_and_arguments() {
    let words = [&b"printf"[..], b"%s", b"\xff"].map(OsStr::from_bytes);
    let done = run(words).unwrap();
    assert_eq!((done.stdout.as_slice(), done.args.len()), (&b"\xff"[..], 3));
    assert_eq!(run(words.map(OsString::from).to_vec()).unwrap().stdout, b"\xff");
}

#[test]
fn test_capture_output() {
    let done = run(shell("printf BDFL; printf FLUFL >&2")).unwrap();
    assert_eq!((done.stdout.as_slice(), done.stderr.as_slice()), (&b"BDFL"[..], &b"FLUFL"[..]));
}

#[test]
fn test_stdout_stdout() {
    let error = run(shell("echo will not be run").stdout(Stdout)).unwrap_err();
    assert!(error.to_string().contains("is for `stderr`"), "{error}");
}

#[test]
fn test_run_with_shell_timeout_and_capture_output() {
    // A shell that forks for the `sleep`, which holds the pipes.
    let line = shell("sleep 3600; true").timeout(Duration::from_millis(100));
    assert!(matches!(run(line), Err(Error::TimedOut { ended: true, .. })));
}

#[test]
fn test_exception_bad_args_0() {
    let error = run(["/_nonexistent/_directory", "-c", ""]).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[test]
fn test_restore_signals() {
    // Rust programs ignore SIGPIPE; if `yes` inherited that, it would print an error and exit with 1.
    let done = run(Command::new("yes") | ["head", "-n", "1"]).unwrap();
    let codes: Vec<i32> = done.stages.iter().map(|stage| stage.returncode).collect();
    assert_eq!((codes, done.stderr_lossy()), (vec![-libc::SIGPIPE, 0], String::new()));
}

#[test]
fn test_process_group_0() {
    let pids = check_output(shell("echo $$; ps -o pgid= -p $$ 2>/dev/null || cut -d ' ' -f 5 /proc/$$/stat"));
    let pids: Vec<i32> = pids.unwrap().split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids[0], pids[1], "the command leads a group of its own");
}

#[test]
fn test_run_abort() {
    assert_eq!(call(shell("ulimit -c 0; kill -ABRT $$")).unwrap(), -libc::SIGABRT);
}

/// A script in a directory.
fn script(text: &str) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a script");
    // Written by a copy: while this process has it open for writing, a child of another test can inherit the
    // descriptor, and the system refuses to execute the file.
    let source = directory.path().join("source");
    fs::write(&source, text).unwrap();
    fs::set_permissions(&source, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(call([OsStr::new("cp"), source.as_os_str(), path.as_os_str()]).unwrap(), 0);
    (directory, path)
}

#[test]
fn test_call_string() {
    let (_directory, path) = script("#!/bin/sh\nexit 47\n");
    assert_eq!(call(path.to_str().unwrap()).unwrap(), 47);
    assert_eq!(spawn(path).unwrap().wait().unwrap(), 47);
}

#[test]
fn test_shell_string() {
    assert_eq!(check_output(shell("echo $FRUIT").env("FRUIT", "apple")).unwrap(), "apple\n");
}

/// A child that has printed its first line.
fn started(line: &str) -> Child {
    allow_sigint();
    let child = spawn(captured(line)).unwrap();
    // One line only, so that the rest stays in the pipe for the test.
    let mut first = [0; 2];
    child.take_stdout().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"x\n");
    child
}

#[test]
fn test_send_signal() {
    let child = started("trap 'echo interrupted >&2; exit 7' INT; echo x; while :; do sleep 0.01; done");
    child.send_signal(SIGINT).unwrap();
    assert_eq!(child.communicate().unwrap().1, b"interrupted\n");
    assert_eq!(child.wait().unwrap(), 7);
}

#[test]
fn test_kill() {
    let child = started("trap '' INT TERM; echo x; sleep 1000");
    child.kill().unwrap();
    assert_eq!((child.communicate().unwrap().1, child.wait().unwrap()), (vec![], -SIGKILL));
}

#[test]
fn test_terminate() {
    // Not a shell that is about to start a program: it holds back SIGTERM until the program runs, which then
    // misses it.
    let child = started("echo x; exec sleep 1000");
    child.terminate().unwrap();
    assert_eq!((child.communicate().unwrap().1, child.wait().unwrap()), (vec![], -SIGTERM));
}

#[test]
fn test_send_signal_dead() {
    let child = spawn("true").unwrap();
    until(|| !is_alive(child.pid() as i32));
    // It has ended and is not reaped: a zombie.
    child.send_signal(SIGINT).unwrap();
    child.terminate().unwrap();
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap(), 0);
    // Now it is reaped.
    child.send_signal(SIGINT).unwrap();
    child.terminate().unwrap();
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap(), 0);
}

#[test]
fn there_is_no_such_signal() {
    let child = spawn(["sleep", "1000"]).unwrap();
    assert!(matches!(child.send_signal(-7), Err(Error::Invalid { .. })));
    assert!(matches!(child.send_signal(1000), Err(Error::Invalid { .. })));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap(), -SIGKILL);
}

#[test]
fn test_pipe_cloexec_real_tools() {
    // If `second` had inherited our end of the pipe to `first`, `first` would never see the end of its input.
    let first = spawn(captured("cat").stdin(Pipe)).unwrap();
    let second = spawn(captured("cat").stdin(Pipe)).unwrap();
    let held = second.take_stdin().unwrap();
    first.take_stdin().unwrap().write_all(b"zxcvbn").unwrap();
    assert_eq!(first.communicate().unwrap().0, b"zxcvbn");
    drop(held);
    assert_eq!(second.wait().unwrap(), 0);
}

#[test]
fn test_close_fds() {
    let Some(_) = in_own_process("test_close_fds") else {
        // Ours are open meanwhile: pipes and pidfds.
        let others: Vec<Child> = (0..5).map(|_| spawn(captured("cat").stdin(Pipe)).unwrap()).collect();
        let list = ["ls", if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" }];
        let ours = check_output(list).unwrap();
        drop(others);
        let theirs = std::process::Command::new(list[0]).arg(list[1]).output().unwrap().stdout;
        assert_eq!(ours.as_bytes(), theirs, "what a child of std gets of a process with nothing open");
        return;
    };
}

#[test]
fn test_std_streams_are_single_inout_fd() {
    let open = || OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    let both: [fn(File) -> Command; 3] = [
        |file| Command::new("true").stdin(file.try_clone().unwrap()).stdout(file),
        |file| Command::new("true").stdout(file.try_clone().unwrap()).stderr(file),
        |file| Command::new("true").stderr(file.try_clone().unwrap()).stdin(file),
    ];
    for command in both {
        assert_eq!(call(command(open())).unwrap(), 0);
    }
}

#[test]
fn test_wait_when_sigchild_ignored() {
    let Some(_) = in_own_process("test_wait_when_sigchild_ignored") else {
        // SAFETY: no handler is set.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        // Python returns 0 here, but the exit code is lost.
        assert!(matches!(call("false"), Err(Error::Lost { .. })));
        let child = spawn("true").unwrap();
        assert!(matches!(child.wait(), Err(Error::Lost { .. })));
        child.kill().unwrap();
        // SAFETY: as above. (The runner of this test waits for children, too.)
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        return;
    };
}

#[test]
fn test_select_unbuffered() {
    let child = spawn(captured("printf apple")).unwrap();
    let mut stdout = child.take_stdout().unwrap();
    let mut some = [0; 4];
    stdout.read_exact(&mut some).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((&some, rest.as_str(), child.wait().unwrap()), (b"appl", "e", 0));
}

fn zombies() -> Vec<i32> {
    let mut zombies = Vec::new();
    loop {
        // SAFETY: with a null pointer, the status is not written.
        match unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } {
            pid if pid > 0 => zombies.push(pid),
            _ => return zombies,
        }
    }
}

#[test]
fn test_zombie_fast_process_del() {
    let Some(_) = in_own_process("test_zombie_fast_process_del") else {
        let [first, second] = ["0.05", "1000"].map(|time| spawn(["sleep", time]).unwrap());
        let pids = [first.pid(), second.pid()].map(|pid| pid as i32);
        drop((first, second));
        end(pids[1]);
        until(|| pids.iter().all(|pid| !is_alive(*pid)));
        // Spawning another command reaps both, even if it fails.
        assert!(spawn("/nonexistent").is_err());
        assert!(zombies().is_empty());
        return;
    };
}

#[test]
fn test_send_signal_race() {
    let Some(_) = in_own_process("test_send_signal_race") else {
        let child = spawn("true").unwrap();
        until(|| !is_alive(child.pid() as i32));
        assert_eq!(zombies(), [child.pid() as i32]);
        // Another waiter has reaped it, so another process can have its id.
        assert!(matches!(child.poll(), Err(Error::Lost { .. })));
        child.kill().unwrap();
        assert!(matches!(child.wait(), Err(Error::Lost { .. })));
        return;
    };
}

#[test]
fn test_communicate_repeated_call_after_stdout_close() {
    let child = spawn(captured("exec 1>&- 2>&-; sleep 0.3")).unwrap();
    with_time(|limit| match child.communicate_timeout(limit / 4) {
        Err(Error::TimedOut { .. }) => None,
        result => Some(result.unwrap()),
    });
    assert_eq!(child.wait().unwrap(), 0);
}

#[test]
fn test_broken_pipe_cleanup() {
    let child = spawn(Command::new("true").stdin(Pipe)).unwrap();
    let mut stdin = child.take_stdin().unwrap();
    until(|| !is_alive(child.pid() as i32));
    let error = stdin.write_all(&vec![0; 4 << 20]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(child.wait().unwrap(), 0);
}

#[test]
fn test_getoutput() {
    assert_eq!(run(shell("echo xyzzy")).unwrap().stdout, b"xyzzy\n");
    assert_ne!(run(["cat", "/nonexistent/foo"]).unwrap().returncode, 0);
}

#[test]
fn output_comes_while_the_command_runs() {
    let child = spawn(captured("while read line; do echo \"got $line\"; done").stdin(Pipe)).unwrap();
    let (mut stdin, stdout) = (child.take_stdin().unwrap(), child.take_stdout().unwrap());
    let mut lines = BufReader::new(stdout).lines();
    for n in 0..100 {
        writeln!(stdin, "{n}").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), format!("got {n}"));
    }
    drop(stdin);
    assert!(lines.next().is_none());
    assert_eq!(child.wait().unwrap(), 0);
}

#[test]
fn a_tee_shows_the_output_and_keeps_it() {
    let Some(done) = in_own_process("a_tee_shows_the_output_and_keeps_it") else {
        use threadbook_subprocess::Redirect::Tee;
        let done = run(shell("echo shown; echo too >&2").stdout(Tee).stderr(Tee)).unwrap();
        assert_eq!((done.stdout.as_slice(), done.stderr.as_slice()), (&b"shown\n"[..], &b"too\n"[..]));
        // The standard error of a command in a pipeline is still shown.
        let done = check_output(shell("echo three >&2; echo 3") | ["cat"]).unwrap();
        assert_eq!(done, "3\n");
        return;
    };
    assert!(done.stdout_lossy().contains("shown\n"), "{done}");
    assert_eq!(done.stderr_lossy(), "too\nthree\n");
}

#[test]
fn a_command_may_be_run_again() {
    let command = shell("cat; exit 3").input("again").stdout(Null);
    assert_eq!([call(&command).unwrap(), call(&command).unwrap(), call(command).unwrap()], [3, 3, 3]);
}
