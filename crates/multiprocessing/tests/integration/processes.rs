//! The cases of CPython's `_test_multiprocessing` about processes, each named after its original, and what is
//! ours.
//!
//! Left out are cases about pickling, references that Python's collector sees, `authkey`, subclasses of
//! `Process`, and start methods.

use crate::common::{LONG, SHORT, ended, error, exists, wait_until};
use std::io::Write;
use std::time::{Duration, Instant};
use threadbook_executor::TaskError;
use threadbook_multiprocessing::{
    Connection, Error, Event, Pipe, Process, ProcessInfo, Queue, active_children, cpu_count, current_process,
    parent_process,
};

fn sleep_some(_: ()) {
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn current() {
    let current = current_process();
    assert!(current.is_alive());
    assert!(!current.daemon);
    assert_eq!(current.pid, std::process::id());
    assert_eq!(current.name, "MainProcess");
}

#[test]
fn args_argument() {
    fn put<T: threadbook_executor::Portable>((queue, arg): (Queue<T>, T)) {
        queue.put(arg).unwrap();
    }
    fn case<T>(arg: T)
    where
        T: serde::Serialize
            + serde::de::DeserializeOwned
            + Clone
            + PartialEq
            + std::fmt::Debug
            + Send
            + 'static,
    {
        let queue = Queue::bounded(1);
        let process = Process::new(put::<T>, (queue.clone(), arg.clone())).daemon(true);
        process.start().unwrap();
        assert_eq!(queue.get_timeout(LONG), Ok(arg));
        assert_eq!(ended(&process), Some(0));
    }
    case(1);
    case("str".to_owned());
    case(vec![1]);
    case((1, Some('x')));
    case(());
}

#[test]
fn daemon_argument() {
    assert_eq!(Process::new(sleep_some, ()).is_daemon(), current_process().daemon);
    assert!(Process::new(sleep_some, ()).daemon(true).is_daemon());
    assert!(!Process::new(sleep_some, ()).daemon(false).is_daemon());
    // A daemon's children are daemons.
    let queue = Queue::new();
    let tell = |queue: Queue<bool>| queue.put(Process::new(sleep_some, ()).is_daemon());
    let process = Process::new(tell, queue.clone()).daemon(true);
    process.start().unwrap();
    assert_eq!(queue.get_timeout(LONG), Ok(true));
}

#[test]
fn parent_process_attributes() {
    assert_eq!(parent_process(), None);
    let (reader, writer) = Pipe::one_way();
    let tell = |writer: Connection<Option<ProcessInfo>, _>| writer.send(parent_process());
    let process = Process::spawn(tell, writer).unwrap();
    assert_eq!(reader.recv_timeout(LONG), Ok(Some(current_process())));
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn process() {
    type Answer = (i32, f64, ProcessInfo);
    let queue: Queue<Answer> = Queue::bounded(1);
    let test = |(queue, hello, bye): (Queue<Answer>, i32, f64)| {
        queue.put((hello, bye, current_process())).unwrap();
    };
    let process = Process::new(test, (queue.clone(), 23, 2.54)).name("SomeProcess").daemon(true);
    assert!(!process.is_alive());
    assert!(process.is_daemon());
    assert_eq!((process.exitcode(), process.pid()), (None, None));
    process.start().unwrap();
    let pid = process.pid().unwrap();
    let itself = ProcessInfo { name: "SomeProcess".into(), pid, daemon: true };
    assert_eq!(queue.get_timeout(LONG), Ok((23, 2.54, itself.clone())));
    assert_eq!(process.join(), Ok(0));
    assert_eq!(process.exitcode(), Some(0));
    assert_eq!(process.pid(), Some(pid));
    assert!(!process.is_alive());
    assert!(!active_children().contains(&itself));
    assert_eq!(process.join(), Ok(0));
}

fn kill_process(end: impl Fn(&Process)) -> Option<i32> {
    let process = Process::new(sleep_some, ()).daemon(true);
    process.start().unwrap();
    assert!(process.is_alive());
    assert!(active_children().iter().any(|child| Some(child.pid) == process.pid()));
    assert_eq!(process.exitcode(), None);
    assert_eq!(process.join_timeout(Duration::ZERO), Ok(false));
    assert!(process.is_alive());
    let start = Instant::now();
    assert_eq!(process.join_timeout(SHORT), Ok(false));
    assert!(start.elapsed() >= SHORT);
    end(&process);
    assert_eq!(process.join_timeout(LONG), Ok(true));
    assert!(!process.is_alive());
    assert!(active_children().iter().all(|child| Some(child.pid) != process.pid()));
    // Nothing happens to a process that has ended.
    end(&process);
    process.exitcode()
}

#[test]
fn terminate() {
    assert_eq!(kill_process(Process::terminate), Some(-libc::SIGTERM));
}

#[test]
fn kill() {
    assert_eq!(kill_process(Process::kill), Some(-libc::SIGKILL));
}

#[test]
fn cpu_count_is_positive() {
    assert!(cpu_count() >= 1);
}

#[test]
fn active_children_are_those_that_run() {
    let go_on = Event::new();
    let process = Process::new(|go_on: Event| go_on.wait(), go_on.clone()).name("active child").daemon(true);
    let is_listed = || active_children().iter().any(|child| child.name == "active child");
    assert!(!is_listed());
    process.start().unwrap();
    assert!(is_listed());
    go_on.set();
    assert_eq!(ended(&process), Some(0));
    assert!(!is_listed());
}

#[test]
fn recursion() {
    type Id = Vec<u8>;
    fn recurse((writer, id): (Connection<Id, std::convert::Infallible>, Id)) {
        writer.send(id.clone()).unwrap();
        if id.len() < 2 {
            for i in 0..2 {
                let id = [&id[..], &[i]].concat();
                Process::spawn(recurse, (writer.clone(), id)).unwrap().join().unwrap();
            }
        }
    }
    let (reader, writer) = Pipe::one_way();
    recurse((writer, Vec::new()));
    let result: Vec<Id> = reader.iter().collect();
    let expected: [&[u8]; 7] = [&[], &[0], &[0, 0], &[0, 1], &[1], &[1, 0], &[1, 1]];
    assert_eq!(result, expected);
}

#[test]
fn many_processes() {
    const N: u64 = 5;
    let sleep = |milliseconds: u64| std::thread::sleep(Duration::from_millis(milliseconds));
    let processes: Vec<Process> = (0..N).map(|n| Process::spawn(sleep, 10 + n).unwrap()).collect();
    assert!(processes.iter().all(|process| ended(process) == Some(0)));
    let processes: Vec<Process> = (0..N).map(|_| Process::spawn(sleep_some, ()).unwrap()).collect();
    processes.iter().for_each(Process::terminate);
    for process in &processes {
        assert_eq!(ended(process), Some(-libc::SIGTERM));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn child_fd_inflation() {
    const N: usize = 4;
    let (event, queue) = (Event::new(), Queue::new());
    let count = |(event, queue): (Event, Queue<usize>)| {
        queue.put(std::fs::read_dir("/proc/self/fd").unwrap().count()).unwrap();
        event.wait()
    };
    let processes: Vec<Process> =
        (0..N).map(|_| Process::spawn(count, (event.clone(), queue.clone())).unwrap()).collect();
    let counts: Vec<usize> = (0..N).map(|_| queue.get_timeout(LONG).unwrap()).collect();
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    event.set();
    assert!(processes.iter().all(|process| ended(process) == Some(0)));
}

/// Runs `target` in a process whose standard error is a file, and returns what is there in the end.
fn stderr_of<F, R: threadbook_multiprocessing::ExitValue>(target: F) -> (Option<i32>, String)
where
    F: Fn(()) -> R + Copy + Send + Sync + 'static,
{
    use std::os::fd::AsRawFd;
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let redirect = move |path: String| {
        let file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        // SAFETY: both are open.
        unsafe { libc::dup2(file.as_raw_fd(), 2) };
        target(())
    };
    let process = Process::spawn(redirect, path).unwrap();
    let exitcode = ended(&process);
    (exitcode, std::fs::read_to_string(file.path()).unwrap())
}

#[test]
fn stderr_flush() {
    let (exitcode, said) = stderr_of(|()| panic!("{} is on purpose", 1));
    assert_eq!(exitcode, Some(1));
    assert!(said.contains("1 is on purpose") && said.contains("processes.rs:"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let (exitcode, said) = stderr_of(|()| Err::<(), _>("ignore this".to_owned()));
    assert_eq!(exitcode, Some(1));
    assert!(said.contains("ignore this") && said.contains("Process-"), "{said}");
}

#[test]
fn sys_exit() {
    for code in [0, 1, 8, 255] {
        let process = Process::spawn(|code: i32| -> () { std::process::exit(code) }, code).unwrap();
        assert_eq!(ended(&process), Some(code));
    }
    let process = Process::spawn(|()| -> () { std::process::abort() }, ()).unwrap();
    assert_eq!(ended(&process), Some(-libc::SIGABRT));
}

#[test]
fn what_is_printed_without_a_newline_is_there() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let print = |path: String| {
        use std::os::fd::AsRawFd;
        let file = std::fs::File::create(path).unwrap();
        // SAFETY: both are open.
        unsafe { libc::dup2(file.as_raw_fd(), 1) };
        print!("no newline");
        std::io::stderr().flush().unwrap();
    };
    let process = Process::spawn(print, file.path().to_str().unwrap().to_owned()).unwrap();
    assert_eq!(ended(&process), Some(0));
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "no newline");
}

#[test]
fn a_process_is_started_once_and_joined_afterwards() {
    let process = Process::new(|()| (), ());
    let said = error(process.join()).to_string();
    assert!(said.contains("was not started; call `start()` first"), "{said}");
    assert!(error(process.join_timeout(SHORT)).to_string().starts_with("the process Process-"));
    process.terminate();
    process.start().unwrap();
    assert!(matches!(error(process.start()), Error::WrongTime { .. }));
    assert_eq!(ended(&process), Some(0));
    assert!(error(process.start()).to_string().contains("make a new one"));
}

#[test]
fn an_argument_that_cannot_be_sent_is_an_error() {
    #[derive(serde::Deserialize)]
    struct Refuses;
    impl serde::Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    let Err(TaskError::Failed(said)) = Process::spawn(|_: Refuses| (), Refuses) else { panic!() };
    assert!(said.to_string().contains("not today"), "{said}");
}

#[test]
fn a_large_argument_arrives() {
    let total = Queue::new();
    let add = |(numbers, total): (Vec<u32>, Queue<u64>)| {
        total.put(numbers.iter().copied().map(u64::from).sum()).unwrap();
    };
    let process = Process::spawn(add, ((0..1_000_000).collect(), total.clone())).unwrap();
    assert_eq!(total.get_timeout(LONG), Ok(499_999_500_000));
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn dropping_a_process_waits_for_it_and_ends_a_daemon() {
    let (started, go_on) = (Event::new(), Event::new());
    let wait = |(started, go_on): (Event, Event)| {
        started.set();
        go_on.wait()
    };
    let args = (started.clone(), go_on.clone());
    let daemon = Process::new(wait, args.clone()).daemon(true);
    daemon.start().unwrap();
    let pid = daemon.pid().unwrap();
    assert_eq!(started.wait_timeout(LONG), Ok(true));
    drop(daemon);
    assert!(wait_until(|| !exists(pid)));

    started.clear();
    let process = Process::new(wait, args).daemon(false);
    process.start().unwrap();
    let pid = process.pid().unwrap();
    assert_eq!(started.wait_timeout(LONG), Ok(true));
    let dropping = std::thread::spawn(move || drop(process));
    std::thread::sleep(SHORT);
    assert!(!dropping.is_finished() && exists(pid));
    go_on.set();
    dropping.join().unwrap();
    assert!(!exists(pid));
}

#[test]
fn a_process_does_not_outlive_a_panic() {
    let process = Process::spawn(sleep_some, ()).unwrap();
    let pid = process.pid().unwrap();
    let unwinding = std::thread::spawn(move || {
        let _process = process;
        panic!("on purpose");
    });
    assert!(unwinding.join().is_err());
    assert!(wait_until(|| !exists(pid)));
}

#[test]
fn names_count_up_and_say_who_started_whom() {
    let names = Queue::new();
    let tell = |names: Queue<String>| {
        let tell = |names: Queue<String>| names.put(current_process().name);
        Process::spawn(tell, names.clone()).unwrap().join().unwrap();
        names.put(current_process().name)
    };
    let process = Process::spawn(tell, names.clone()).unwrap();
    let [inner, outer] = [(); 2].map(|()| names.get_timeout(LONG).unwrap());
    assert_eq!(ended(&process), Some(0));
    assert_eq!(process.get_name(), outer);
    assert!(outer.starts_with("Process-"));
    assert_eq!(inner, format!("{outer}:1"));
}
