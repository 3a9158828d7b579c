//! The rustc that has started before its cell: the engine uses it when it fits, and removes its files.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::{Host, Runner, execute};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use threadbook_engine::{Compiler, Engine, Source};

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(Host::build)
}

/// A session whose compiler notes its starts.
struct Session {
    directory: tempfile::TempDir,
    engine: Engine,
    runner: Runner,
}

impl Session {
    fn start() -> Session {
        let directory = tempfile::tempdir().unwrap();
        let objects = directory.path().join("objects");
        std::fs::create_dir(&objects).unwrap();
        let rustc = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/rustc.sh");
        let engine = host().engine_with(Compiler { rustc, ..host().compiler(&objects) });
        let runner = host().runner(directory.path());
        Session { directory, engine, runner }
    }

    fn objects(&self) -> PathBuf {
        self.directory.path().join("objects")
    }

    /// Has a rustc stand by, and returns its process once it runs.
    fn prepare(&self) -> Pid {
        let before = self.starts().len();
        self.engine.prepare_next();
        wait_until("a start", || self.starts().len() > before);
        self.starts()[before].0
    }

    fn kill_prepared(&self) -> Pid {
        let process = self.prepare();
        kill(process, Signal::SIGKILL).unwrap();
        wait_until("its death", || is_dead(process));
        process
    }

    fn run(&mut self, code: &str) {
        let answer = execute(&mut self.engine, &mut self.runner, None, code, &mut Vec::new());
        assert_eq!(answer.end, "ok", "{code}");
    }

    /// The processes that were started for objects, with their arguments.
    fn starts(&self) -> Vec<(Pid, String)> {
        let text = std::fs::read_to_string(self.directory.path().join("starts")).unwrap_or_default();
        let lines = text.lines().filter(|line| line.contains("--crate-type=cdylib"));
        lines
            .map(|line| {
                let (process, arguments) = line.split_once(' ').unwrap();
                (Pid::from_raw(process.parse().unwrap()), arguments.to_owned())
            })
            .collect()
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether there is a process, if only until its parent has waited for it.
fn is_there(process: Pid) -> bool {
    kill(process, None).is_ok()
}

fn is_dead(process: Pid) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output().unwrap().stdout;
    state.is_empty() || state.starts_with(b"Z")
}

#[test]
fn a_cell_is_compiled_by_the_process_that_stands_by() {
    let mut session = Session::start();
    let before_the_first = session.prepare();
    session.run("let n = 6; println!(\"{}\", n * 7);");
    let processes = |session: &Session| session.starts().iter().map(|start| start.0).collect::<Vec<_>>();
    assert_eq!(processes(&session), [before_the_first]);
    assert!(!is_there(before_the_first));
    let before_the_second = session.prepare();
    // There is one at a time, and none without being asked for.
    session.engine.prepare_next();
    session.run("println!(\"{}\", n + 1);");
    session.run("println!(\"{}\", n + 2);");
    let processes = processes(&session);
    assert_eq!((&processes[..2], processes.len()), (&[before_the_first, before_the_second][..], 3));
    assert_eq!(session.runner.output(), "42\n7\n8\n");
}

#[test]
fn one_that_is_killed_is_not_missed() {
    let mut session = Session::start();
    for is_prepared_again in [false, true] {
        let killed = session.kill_prepared();
        if is_prepared_again {
            assert_ne!(session.prepare(), killed);
        }
        session.run("print!(\"run \");");
    }
    assert_eq!(session.starts().len(), 4);
    assert_eq!(session.runner.output(), "run run ");
}

#[test]
fn one_that_ends_before_it_takes_the_source_is_not_missed() {
    let mut session = Session::start();
    let deaf = session.directory.path().join("deaf");
    std::fs::write(&deaf, "").unwrap();
    session.prepare();
    wait_until("the end of its input", || !deaf.exists());
    session.run("println!(\"run\");");
    assert_eq!(session.starts().len(), 2);
    assert_eq!(session.runner.output(), "run\n");
}

#[test]
fn one_with_other_arguments_is_replaced() {
    let mut session = Session::start();
    session.run("struct A(u8); let a = A(1);");
    let replaced = session.prepare();
    session.run("struct A(f64); let a = A(1.5); println!(\"{}\", a.0);");
    assert!(!is_there(replaced));
    let starts = session.starts();
    assert_eq!((starts.len(), starts[1].0), (3, replaced));
    let metadata = |at: usize| starts[at].1.split(' ').find(|word| word.starts_with("-Cmetadata="));
    assert_eq!(metadata(0), metadata(1));
    assert_ne!(metadata(1), metadata(2));
    // The next one has the arguments of the last.
    let next = session.prepare();
    session.run("println!(\"{}\", a.0 + 1.0);");
    assert_eq!(session.starts().last().unwrap().0, next);
    assert_eq!(session.runner.output(), "1.5\n2.5\n");
}

#[test]
fn it_ends_with_the_engine_and_leaves_only_objects() {
    let mut session = Session::start();
    session.prepare();
    session.run("fn f() -> u8 { 1 }\nlet n = f();");
    session.prepare();
    let source = Source { serial: 0, number: 0, id: None, text: "let m: u8 = n + \"\";".into() };
    assert!(session.engine.compile(source).is_err());
    session.kill_prepared();
    session.run("fn g() -> u8 { 2 }");
    let last = session.prepare();
    let objects = session.objects();
    let Session { directory: _kept, engine, .. } = session;
    drop(engine);
    assert!(!is_there(last));
    let names: Vec<_> = std::fs::read_dir(objects).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let is_object = |name: &str| name.starts_with("cell_") && name.ends_with(std::env::consts::DLL_SUFFIX);
    let (objects, others): (Vec<_>, Vec<_>) =
        names.iter().map(|name| name.to_str().unwrap()).partition(|name| is_object(name));
    assert_eq!((objects.len(), others), (1, vec!["cell_source.rs"]));
}

#[test]
fn the_directory_may_be_made_anew() {
    let mut session = Session::start();
    session.prepare();
    std::fs::remove_dir_all(session.objects()).unwrap();
    std::fs::create_dir(session.objects()).unwrap();
    session.run("println!(\"there\");");
    assert_eq!(session.starts().len(), 2);
    assert_eq!(session.runner.output(), "there\n");
}

#[test]
fn an_object_is_the_same_from_each_process() {
    let directory = tempfile::tempdir().unwrap();
    let mut compiler = host().compiler(directory.path());
    compiler.arguments.push("-Cdebuginfo=line-tables-only".into());
    let object = |is_prepared: bool| {
        let engine = host().engine_with(compiler.clone());
        if is_prepared {
            engine.prepare_next();
        }
        let text = "fn f(n: u8) -> u8 { assert!(n > 0, \"{}\", file!()); n }\nlet n = f(1);";
        let source = Source { serial: 0, number: 1, id: None, text: text.into() };
        let path = engine.compile(source).ok().unwrap().object.unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        (path, bytes)
    };
    let (first, second) = (object(false), object(true));
    assert_eq!(first.0, second.0);
    // The bytes would say little in a message.
    assert!(first.1 == second.1);
}
