//! Crates that cells bring, written for the tests: no network is needed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use threadbook_engine::{
    Added, Base, Compiler, Crates, Engine, Interrupt, Progress, Ran, Request, Source, Tools,
};

/// The prepared directory and the program that runs cells, made once.
struct Prepared {
    directory: tempfile::TempDir,
    base: Base,
    libraries: PathBuf,
}

fn prepared() -> &'static Prepared {
    static PREPARED: OnceLock<Prepared> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (cell, library) = (directory.path().join("cell"), directory.path().join("threadbook"));
        write_crate(&cell, "threadbook_cell", "", "");
        copy(&sources.join("../cell/src"), &cell.join("src"));
        let text = std::fs::read_to_string(sources.join("tests/host/threadbook.rs")).unwrap();
        let manifest = format!(
            "[lib]\ncrate-type = [\"dylib\", \"rlib\"]\n[dependencies]\nthreadbook_cell.path = {cell:?}\nsmallvec = \"1\""
        );
        write_crate(&library, "threadbook", &manifest, &format!("{text}\npub use smallvec;"));
        let dependencies = [("threadbook", format!("{{ path = {library:?} }}")), ("smallvec", "{ version = \"1\", features = [\"const_generics\"] }".into())];
        let profile = [("opt-level", "1"), ("debug", "false"), ("panic", "\"unwind\"")];
        let base = Base {
            dependencies: dependencies.into_iter().map(|(name, text)| (name.into(), text)).collect(),
            lock: std::fs::read_to_string(sources.join("../../Cargo.lock")).unwrap(),
            profile: profile.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            ..Base::default()
        };
        let session = directory.path().join("prepared");
        std::fs::create_dir(&session).unwrap();
        let crates = Crates::open(&session, &base, tools(), Interrupt::default(), &mut |_| {}).unwrap();
        let mut command = Command::new(tool("rustc"));
        command.args(["--edition=2024", "-Cprefer-dynamic", "--crate-type=bin", "--crate-name=runner"]);
        command.args(crates.arguments()).arg(sources.join("tests/host/runner.rs"));
        let output = command.current_dir(directory.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let print = Command::new(tool("rustc")).args(["--print", "target-libdir"]).output().unwrap();
        let libraries = String::from_utf8(print.stdout).unwrap().trim().into();
        Prepared { directory, base, libraries }
    })
}

fn tool(name: &str) -> PathBuf {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    let bin = BIN.get_or_init(|| {
        let output = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
        Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("bin")
    });
    bin.join(name)
}

fn tools() -> Tools {
    let mut tools = Tools::new(tool("cargo"), tool("rustc")).unwrap();
    tools.environment.push(("CARGO_NET_OFFLINE".into(), "true".into()));
    tools
}

/// Copies a directory.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

fn write_crate(directory: &Path, name: &str, manifest: &str, code: &str) {
    std::fs::create_dir_all(directory.join("src")).unwrap();
    let head = format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    std::fs::write(directory.join("Cargo.toml"), format!("{head}{manifest}\n")).unwrap();
    std::fs::write(directory.join("src/lib.rs"), code).unwrap();
}

/// A session with a directory of its own, in which the test also writes its crates.
struct Session {
    directory: tempfile::TempDir,
    crates: Crates,
    interrupt: Interrupt,
    engine: Engine,
    process: Child,
    answers: BufReader<ChildStdout>,
    /// The number of bytes that cells have printed.
    seen: usize,
    /// The names of the crates that cargo has compiled.
    compiled: Vec<String>,
    /// The variables that the last request has dropped.
    dropped: Vec<String>,
    /// The object of the last cell.
    object: Option<PathBuf>,
}

impl Session {
    fn start() -> Session {
        Session::start_with(&[])
    }

    /// A session in an environment with these variables.
    fn start_with(variables: &[(&str, &str)]) -> Session {
        let prepared = prepared();
        let directory = tempfile::tempdir().unwrap();
        let (own, objects) = (directory.path().join("session"), directory.path().join("objects"));
        std::fs::create_dir(&own).unwrap();
        std::fs::create_dir(&objects).unwrap();
        let mut tools = tools();
        tools.environment.extend(variables.iter().map(|(name, value)| (name.into(), value.into())));
        let interrupt = Interrupt::default();
        let shared = prepared.directory.path().join("prepared");
        let crates = Crates::share(&shared, &own, &prepared.base, tools, interrupt.clone()).unwrap();
        assert!(!own.join("target").exists(), "a base of its own was built");
        let compiler = Compiler { rustc: tool("rustc"), arguments: Vec::new(), directory: objects };
        let engine = Engine::new(compiler, String::new(), Vec::new());
        let search = std::env::join_paths([&crates.libraries(), &prepared.libraries]).unwrap();
        let mut process = Command::new(prepared.directory.path().join("runner"))
            .arg(directory.path().join("output"))
            .env("LD_LIBRARY_PATH", search)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut session = Session {
            directory,
            crates,
            interrupt,
            engine,
            process,
            answers,
            seen: 0,
            compiled: Vec::new(),
            dropped: Vec::new(),
            object: None,
        };
        session.use_crates(&[]);
        session
    }

    fn use_crates(&mut self, replaced: &[String]) {
        let arguments = ["-Copt-level=1", "-Clto=off", "-Clink-arg=-Wl,-Bsymbolic"].map(str::to_owned).into();
        let dropped =
            self.engine.set_crates(&self.crates, arguments, "use ::threadbook::Show as _;\n", replaced);
        self.dropped = dropped.into_iter().map(|(name, _)| name).collect();
    }

    fn write(&self, name: &str, manifest: &str, code: &str) {
        write_crate(&self.directory.path().join(name), name, manifest, code);
    }

    fn dep(&mut self, lines: &[&str]) -> Result<Added, String> {
        let parse = |line: &&str| Request::parse(line, self.directory.path());
        let requests = lines.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let compiled = &mut self.compiled;
        compiled.clear();
        let added = self.crates.add(&requests, &mut |step| {
            if let Progress::Compiling { name, .. } = step {
                compiled.push(name.to_owned());
            }
        });
        self.use_crates(added.as_ref().map_or(&[], |added| &added.replaced));
        added
    }

    /// Executes a cell. Returns its output, or its error.
    fn run(&mut self, code: &str) -> String {
        static EXECUTIONS: AtomicUsize = AtomicUsize::new(1);
        let serial = EXECUTIONS.fetch_add(1, Ordering::Relaxed);
        let source = Source { serial, number: serial, id: None, text: code.to_owned() };
        let compiled = match self.engine.compile(source) {
            Ok(compiled) => compiled,
            Err(refused) => {
                let messages = refused.errors.iter().map(|error| error.message.as_str());
                return format!("refused: {}", messages.collect::<Vec<_>>().join("; "));
            }
        };
        self.object.clone_from(&compiled.object);
        for name in &compiled.to_drop {
            writeln!(self.process.stdin.as_mut().unwrap(), "drop {name}").unwrap();
            self.answers.read_line(&mut String::new()).unwrap();
        }
        let mut answer = "ok".to_owned();
        if let Some(object) = &compiled.object {
            let order = format!("run {} {}", u8::from(compiled.is_global), object.display());
            writeln!(self.process.stdin.as_mut().unwrap(), "{order}").unwrap();
            answer.clear();
            self.answers.read_line(&mut answer).unwrap();
        }
        let is_ok = answer.trim() == "ok";
        self.engine.finish(compiled, if is_ok { Ran::Completely } else { Ran::InPart });
        let output = std::fs::read_to_string(self.directory.path().join("output")).unwrap_or_default();
        let new = output[self.seen..].trim().to_owned();
        self.seen = output.len();
        if is_ok { new } else { format!("{answer:?}") }
    }

    /// The files that determine cargo's build.
    fn files(&self) -> [String; 2] {
        ["Cargo.toml", "Cargo.lock"]
            .map(|name| std::fs::read_to_string(self.directory.path().join("session").join(name)).unwrap())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

const COUNTER: &str = "use std::sync::atomic::{AtomicUsize, Ordering};
    pub static COUNT: AtomicUsize = AtomicUsize::new(0);
    pub fn bump() -> usize { COUNT.fetch_add(1, Ordering::SeqCst) + 1 }
    #[inline(always)] pub fn bump_inline() -> usize { bump_generic(()) }
    pub fn bump_generic<T>(_: T) -> usize { COUNT.fetch_add(1, Ordering::SeqCst) + 1 }
    thread_local! { pub static LOCAL: std::cell::Cell<usize> = const { std::cell::Cell::new(0) } }";

fn ready(added: &Added) -> Vec<&str> {
    added.ready.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_crate_has_one_set_of_statics_for_all_cells() {
    let mut session = Session::start();
    session.write("my-crate", "", COUNTER);
    session.write(
        "other",
        "[dependencies]\nmy-crate.path = \"../my-crate\"",
        "pub fn bump() -> usize { my_crate::bump() }",
    );
    session.write("third", "", COUNTER);
    assert_eq!(session.run("1 + 1"), "2");
    let object = session.object.take();
    let added = session.dep(&["my-crate = { path = \"my-crate\" }"]).unwrap();
    // The code of a cell that names no such crate is the same as before.
    assert_eq!((session.run("1 + 1"), &session.object), ("2".into(), &object));
    assert_eq!(added.ready, [("my_crate".to_owned(), "0.1.0".to_owned())]);
    assert_eq!(session.compiled, ["my-crate"]);
    assert_eq!(session.run("my_crate::bump()"), "1");
    assert_eq!(session.run("my_crate::bump_inline()"), "2");
    assert_eq!(session.run("my_crate::LOCAL.with(|it| it.set(7))"), "");
    assert_eq!(session.run("let kept = my_crate::bump as fn() -> usize;"), "");
    // A second library on top of the first, and a third.
    let added = session.dep(&["other = { path = \"other\" }"]).unwrap();
    assert_eq!(
        (ready(&added), added.replaced.len(), session.compiled.as_slice()),
        (vec!["other"], 0, &["other".to_owned()][..])
    );
    assert_eq!(session.run("other::bump()"), "3");
    assert_eq!(session.run("my_crate::bump_generic(\"\") + other::bump() * 10"), "54");
    session.dep(&["./third"]).unwrap();
    assert_eq!(session.run("(third::bump(), my_crate::bump(), other::bump(), kept())"), "(1, 6, 7, 8)");
    assert_eq!(session.run("my_crate::LOCAL.get()"), "7");
    // Nothing new is asked for.
    let environment = session.crates.environment();
    let added = session.dep(&["third = { path = \"third\" }", "other = { path = \"other\" }"]).unwrap();
    assert_eq!((added, session.crates.environment()), (Added::default(), environment));
    assert_eq!(session.run("third::bump() + my_crate::bump() * 10"), "92");
}

#[test]
fn all_kinds_of_crates_can_be_brought() {
    let mut session = Session::start();
    session.write("derive", "[lib]\nproc-macro = true", "use proc_macro::TokenStream;
        #[proc_macro] pub fn answer(_: TokenStream) -> TokenStream { \"42\".parse().unwrap() }
        #[proc_macro_derive(Name)] pub fn name(item: TokenStream) -> TokenStream {
            let name = item.into_iter().nth(1).unwrap();
            format!(\"impl {name} {{ fn name() -> &'static str {{ {:?} }} }}\", name.to_string()).parse().unwrap()
        }");
    session.write("face", "[dependencies]\nderive.path = \"../derive\"", "pub use derive::Name;\n#[macro_export] macro_rules! twice { ($e:expr) => { $crate::double($e) } }\npub fn double(n: i32) -> i32 { 2 * n }");
    session.write("built", "", "pub const IS: bool = cfg!(is_built); pub const WORD: &str = env!(\"WORD\"); include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));");
    let script = "fn main() {
        println!(\"cargo::rustc-check-cfg=cfg(is_built)\\ncargo::rustc-cfg=is_built\\ncargo::rustc-env=WORD=hello\");
        std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/made.rs\", \"pub fn made() -> u8 { 5 }\").unwrap();
    }";
    std::fs::write(session.directory.path().join("built/build.rs"), script).unwrap();
    session.write(
        "idle",
        "",
        "pub const WITH: bool = cfg!(feature = \"with\"); pub const MORE: bool = cfg!(feature = \"more\");",
    );
    let manifest = "[package]\nname = \"idle\"\nversion.workspace = true\nedition.workspace = true\n[features]\nwith = []\nmore = []";
    std::fs::create_dir(session.directory.path().join("ws")).unwrap();
    std::fs::rename(session.directory.path().join("idle"), session.directory.path().join("ws/idle")).unwrap();
    std::fs::write(session.directory.path().join("ws/idle/Cargo.toml"), manifest).unwrap();
    std::fs::write(session.directory.path().join("ws/idle/build.rs"), "fn main() {}").unwrap();
    std::fs::write(session.directory.path().join("ws/Cargo.toml"), "[workspace]\nmembers = [\"idle\"]\nresolver = \"3\"\n[workspace.package]\nversion = \"1.2.3\"\nedition = \"2024\"").unwrap();
    let added = session
        .dep(&[
            "derive = { path = \"derive\" }",
            "face = { path = \"face\" }",
            "built.path = \"built\"",
            "lazy-one = { package = \"idle\", path = \"ws/idle\", features = [\"with\"] }",
        ])
        .unwrap();
    assert_eq!(ready(&added), ["built", "derive", "face", "lazy_one"]);
    assert!(added.ready.contains(&("lazy_one".into(), "1.2.3".into())), "{added:?}");
    assert_eq!(session.run("derive::answer!()"), "42");
    assert_eq!(
        session.run("#[derive(face::Name)] struct Point;\n(Point::name(), face::twice!(4))"),
        "(\"Point\", 8)"
    );
    assert_eq!(session.run("(built::IS, built::WORD, built::made())"), "(true, \"hello\", 5)");
    assert_eq!(session.run("(lazy_one::WITH, lazy_one::MORE)"), "(true, false)");
}

#[test]
fn the_compiler_that_stands_by_knows_the_crates_that_come() {
    let mut session = Session::start();
    session.write("late", "", "pub const N: u8 = 7;");
    assert_eq!(session.run("1 + 1"), "2");
    session.engine.prepare_next();
    session.dep(&["late = { path = \"late\" }"]).unwrap();
    assert_eq!(session.run("late::N"), "7");
}

#[test]
fn another_feature_means_another_compilation() {
    let mut session = Session::start();
    let code = format!(
        "{COUNTER}\npub const HAS: bool = cfg!(feature = \"has\"); pub struct Thing(pub u8);
        pub struct Loud; impl Drop for Loud {{ fn drop(&mut self) {{ println!(\"gone\") }} }}"
    );
    session.write("leaf", "[features]\nhas = []", &code);
    session.write("steady", "", COUNTER);
    session.write(
        "asks",
        "[dependencies]\nleaf = { path = \"../leaf\", features = [\"has\"] }",
        "pub use leaf::bump;",
    );
    session.dep(&["leaf.path = \"leaf\"", "steady.path = \"steady\""]).unwrap();
    assert_eq!(
        session.run("let thing = leaf::Thing(1); let loud = leaf::Loud; let number = 5; struct Own(leaf::Thing); let own = vec![Own(leaf::Thing(2))]; (leaf::bump(), leaf::bump(), steady::bump(), leaf::HAS)"),
        "(1, 2, 1, false)"
    );
    let added = session.dep(&["asks.path = \"asks\""]).unwrap();
    assert_eq!((&added.replaced[..], added.notes.len()), (&["leaf".to_owned()][..], 1));
    assert!(added.notes[0].starts_with("leaf has been compiled anew"), "{added:?}");
    // Variables of the old types are dropped before the next cell runs.
    let printed = session.run("(leaf::bump(), asks::bump(), steady::bump(), leaf::HAS)");
    assert_eq!(printed, "gone\n(1, 2, 2, true)");
    assert_eq!(session.dropped, ["loud", "own", "thing"]);
    assert_eq!(session.run("thing.0"), "refused: `thing` was dropped when `leaf` was redefined");
    assert_eq!(session.run("let thing = leaf::Thing(3); let own = Own(thing); (own.0.0, number)"), "(3, 5)");
}

#[test]
fn sources_that_change_are_compiled_and_count() {
    let mut session = Session::start();
    let code = |number: usize| format!("{COUNTER}\npub fn number() -> usize {{ {number} }}");
    session.write("draft", "", &code(1));
    session.write(
        "user",
        "[dependencies]\ndraft.path = \"../draft\"",
        "pub fn number() -> usize { draft::number() }",
    );
    session.write("steady", "", COUNTER);
    let lines = ["draft.path = \"draft\"", "user.path = \"user\"", "steady.path = \"steady\""];
    session.dep(&lines).unwrap();
    // The cell's statics are visible to all later objects, and so are its dependencies.
    assert_eq!(session.run("static OWN: std::sync::Mutex<usize> = std::sync::Mutex::new(3); *OWN.lock().unwrap() + draft::bump() + steady::bump()"), "5");
    let environments: Vec<_> = (2..5)
        .map(|number| {
            session.write("draft", "", &code(number));
            let added = session.dep(&[lines[0]]).unwrap();
            assert_eq!(added.replaced, ["draft", "user"]);
            // Each is compiled once.
            assert_eq!(session.compiled.iter().filter(|name| *name == "draft").count(), 1);
            assert_eq!(
                session.run("(draft::number(), user::number(), draft::bump())"),
                format!("({number}, {number}, 1)")
            );
            assert_eq!(session.run("draft::bump() + *OWN.lock().unwrap()"), "5");
            session.crates.environment()
        })
        .collect();
    assert!(environments[0] != environments[1] && environments[1] != environments[2]);
    assert_eq!(session.run("steady::bump()"), "2");
    // Files that are written again, with the same content.
    session.write("draft", "", &code(4));
    assert_eq!(session.dep(&lines).unwrap().replaced, [""; 0]);
    assert_eq!(session.run("draft::bump()"), "3");
    assert_eq!(session.crates.environment(), environments[2]);
    // Files that a build script reads are not in the list of sources, so only cargo detects a change.
    session.write("made", "", "pub const MADE: &str = env!(\"MADE\");");
    let script = "fn main() { println!(\"cargo::rerun-if-changed=word\\ncargo::rustc-env=MADE={}\", std::fs::read_to_string(\"word\").unwrap()); }";
    std::fs::write(session.directory.path().join("made/build.rs"), script).unwrap();
    for word in ["one", "two"] {
        std::fs::write(session.directory.path().join("made/word"), word).unwrap();
        session.dep(&["made.path = \"made\""]).unwrap();
        assert_eq!(session.run("made::MADE"), format!("{word:?}"));
    }
    assert_eq!(session.run("steady::bump() + draft::bump()"), "7");
}

#[test]
fn a_request_that_fails_changes_nothing() {
    let mut session = Session::start();
    session.write("good", "", COUNTER);
    session.write("broken", "", "pub fn f() -> u8 { \"no\" }\nfn unused() {}");
    session.write("program", "", "");
    std::fs::rename(
        session.directory.path().join("program/src/lib.rs"),
        session.directory.path().join("program/src/main.rs"),
    )
    .unwrap();
    session.write("fails", "", "");
    std::fs::write(session.directory.path().join("fails/build.rs"), "fn main() { panic!(\"no compiler\") }")
        .unwrap();
    session.write("wants", "[dependencies]\ngood = { path = \"../good\", version = \"2\" }", "");
    session.write("wrong", "[dependencies]\nx = 7", "");
    session.dep(&["good.path = \"good\""]).unwrap();
    assert_eq!(session.run("good::bump()"), "1");
    let (files, arguments, environment) =
        (session.files(), session.crates.arguments(), session.crates.environment());
    for (lines, words) in [
        (&["a.path = \"missing\""][..], "missing"),
        (&["broken.path = \"broken\""], "expected `u8`, found `&str`"),
        (&["program.path = \"program\""], "The package program has no library"),
        (&["fails.path = \"fails\""], "no compiler"),
        (&["wants.path = \"wants\""], "failed to select a version for the requirement `good = \"^2\"`"),
        (&["wrong.path = \"wrong\""], "wrong/Cargo.toml"),
        (&["nowhere-to-be-found = \"1\""], "nowhere-to-be-found"),
        (&["good = { path = \"good\", features = [\"none\"] }"], "none"),
        (&["good = 1"], "names no crate"),
        // Nor does it bring the others.
        (&["fine.path = \"good\"", "broken.path = \"broken\""], "package"),
    ] {
        let error = session.dep(lines).unwrap_err();
        assert!(error.contains(words), "{lines:?}: {error}");
        for noise in ["Compiling", "Locking", "Updating", "warning:"] {
            assert!(!error.contains(noise), "{lines:?}: {error}");
        }
        assert_eq!(session.files(), files, "{lines:?}");
        assert_eq!(
            (session.crates.arguments(), session.crates.environment()),
            (arguments.clone(), environment.clone())
        );
    }
    assert_eq!(session.run("good::bump()"), "2");
    session.write("broken", "", "pub fn f() -> u8 { 9 }");
    session.dep(&["broken.path = \"broken\""]).unwrap();
    assert_eq!(session.run("(broken::f(), good::bump())"), "(9, 3)");
    // Sources in use that no longer compile.
    session.write("good", "", "oh no");
    assert!(session.dep(&["good.path = \"good\""]).unwrap_err().contains("could not compile"));
    assert_eq!(session.run("(broken::f(), good::bump())"), "(9, 4)");
}

#[test]
fn crates_share_the_libraries_of_the_base() {
    let mut session = Session::start();
    let code = "pub fn three() -> smallvec::SmallVec<[u8; 4]> { smallvec::smallvec![1, 2, 3] }";
    session.write("shares", "[dependencies]\nsmallvec = \"1\"", code);
    session.write("more", "[dependencies]\nsmallvec = { version = \"1\", features = [\"union\"] }", code);
    session.dep(&["shares.path = \"shares\""]).unwrap();
    assert_eq!(session.compiled, ["shares"]);
    assert_eq!(session.run("let v: smallvec::SmallVec<[u8; 4]> = shares::three(); v.len()"), "3");
    assert_eq!(session.run("v == shares::three()"), "true");
    let added = session.dep(&["more.path = \"more\""]).unwrap();
    assert_eq!(
        session
            .compiled
            .iter()
            .filter(|name| ["threadbook", "threadbook_cell"].contains(&name.as_str()))
            .count(),
        0
    );
    assert!(
        added.notes.iter().any(|note| note.contains("a smallvec of their own, with the feature union")),
        "{added:?}"
    );
    assert_eq!(session.run("more::three().len() + v.len()"), "6");
    // Requests for the base's own crates.
    let added = session.dep(&["smallvec = \"1\"", "threadbook"]).unwrap();
    assert_eq!((ready(&added), added.notes.len()), (vec!["smallvec", "threadbook"], 0));
    let added = session.dep(&["smallvec = { version = \"1\", features = [\"write\"] }"]).unwrap();
    assert!(added.notes[0].contains("without the feature write"), "{added:?}");
    for line in ["smallvec = \"0.6\"", "threadbook.path = \".\"", "smallvec = { package = \"other\" }"] {
        assert!(session.dep(&[line]).unwrap_err().contains("is part of every notebook"), "{line}");
    }
}

#[test]
fn an_interrupt_ends_a_build_and_leaves_the_session() {
    let mut session = Session::start();
    session.write("good", "", COUNTER);
    session.write("slow", "", "");
    let started = session.directory.path().join("started");
    let script = format!(
        "fn main() {{ std::fs::write({started:?}, \"\").unwrap(); std::thread::sleep(std::time::Duration::from_secs(60)); }}"
    );
    std::fs::write(session.directory.path().join("slow/build.rs"), script).unwrap();
    session.dep(&["good.path = \"good\""]).unwrap();
    assert_eq!(session.run("good::bump()"), "1");
    let (files, interrupt, begin) = (session.files(), session.interrupt.clone(), Instant::now());
    let thread = std::thread::spawn(move || {
        while !started.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        interrupt.interrupt();
    });
    let error = session.dep(&["slow.path = \"slow\""]).unwrap_err();
    thread.join().unwrap();
    assert_eq!(error, "The build of the crates was interrupted.");
    assert!(begin.elapsed() < Duration::from_secs(30));
    session.interrupt.reset();
    assert_eq!(session.files(), files);
    assert_eq!(session.run("good::bump()"), "2");
    std::fs::write(session.directory.path().join("slow/build.rs"), "fn main() {}").unwrap();
    session.dep(&["slow.path = \"slow\""]).unwrap();
    assert_eq!(session.run("good::bump()"), "3");
}

#[test]
fn variables_and_settings_of_the_user_do_not_matter() {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("target").display().to_string();
    let crates = tempfile::tempdir().unwrap();
    write_crate(&crates.path().join("good"), "good", "", COUNTER);
    let line = format!("good.path = {:?}", crates.path().join("good"));
    let mut environments = Vec::new();
    for (name, value) in [
        ("UNRELATED", "1"),
        ("CARGO_INCREMENTAL", "0"),
        ("CARGO_INCREMENTAL", "1"),
        ("CARGO_TARGET_DIR", &path),
        ("CARGO_BUILD_BUILD_DIR", &path),
        ("CARGO_BUILD_TARGET", "wasm32-unknown-unknown"),
        ("RUSTFLAGS", "-Copt-level=3 --cfg=mine"),
        ("CARGO_ENCODED_RUSTFLAGS", "-Cpanic=abort"),
        ("CARGO_PROFILE_DEV_OPT_LEVEL", "3"),
        ("CARGO_PROFILE_DEV_PANIC", "abort"),
        ("RUSTC_WRAPPER", "env"),
        ("RUSTC_WORKSPACE_WRAPPER", "/nonexistent"),
        ("RUSTC", "/nonexistent"),
        ("RUSTC_BOOTSTRAP", "1"),
        ("RUSTUP_TOOLCHAIN", "nightly"),
        ("RUST_LOG", "trace"),
        ("CARGO_TERM_VERBOSE", "true"),
        ("CARGO_TERM_QUIET", "true"),
        ("CARGO_TERM_COLOR", "always"),
        ("LC_ALL", "C"),
    ] {
        let mut session = Session::start_with(&[(name, value)]);
        session.dep(&[&line]).unwrap_or_else(|error| panic!("{name}={value}: {error}"));
        assert_eq!(session.compiled, ["good"], "{name}={value}");
        assert_eq!(session.run("good::bump()") + &session.run("good::bump()"), "12", "{name}={value}");
        environments.push(session.crates.environment());
    }
    let mut session = Session::start();
    let settings = format!(
        "[build]\nrustflags = [\"--cfg=mine\"]\ntarget = \"wasm32-unknown-unknown\"\ntarget-dir = {path:?}\n\
         build-dir = {path:?}\nrustc = \"/nonexistent\"\nincremental = true\n[profile.dev]\nopt-level = 3\n\
         panic = \"abort\"\n[term]\nquiet = true\ncolor = \"always\"\n"
    );
    // Files around the session are not obeyed at all: another user may have put them there.
    std::fs::create_dir(session.directory.path().join(".cargo")).unwrap();
    let wrapper = settings.replace("[build]", "[build]\nrustc-wrapper = \"/nonexistent\"");
    std::fs::write(session.directory.path().join(".cargo/config.toml"), wrapper).unwrap();
    session.dep(&[&line]).unwrap();
    assert_eq!(session.compiled, ["good"]);
    assert_eq!(session.run("good::bump()") + &session.run("good::bump()"), "12");
    environments.push(session.crates.environment());
    // The user's own file is read, and does not change the code.
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), settings).unwrap();
    let own = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
    let own = own.unwrap_or_else(|| std::env::home_dir().unwrap().join(".cargo"));
    std::os::unix::fs::symlink(own.join("registry"), home.path().join("registry")).unwrap();
    let mut session = Session::start_with(&[("CARGO_HOME", &home.path().display().to_string())]);
    session.dep(&[&line]).unwrap();
    assert_eq!(session.compiled, ["good"]);
    environments.push(session.crates.environment());
    // Nor do the user's settings, nor the place of the session.
    assert!(environments.iter().all(|text| *text == environments[0]), "{environments:?}");
    assert!(std::fs::read_dir(elsewhere.path()).unwrap().next().is_none());
}

#[test]
fn a_base_that_has_changed_since_the_session_began_is_refused() {
    let (base, directory) = (&prepared().base, tempfile::tempdir().unwrap());
    let (shared, own) = (directory.path().join("prepared"), directory.path().join("session"));
    copy(&prepared().directory.path().join("prepared"), &shared);
    std::fs::create_dir(&own).unwrap();
    let mut crates = Crates::share(&shared, &own, base, tools(), Interrupt::default()).unwrap();
    let cargo = directory.path().join("mine");
    write_crate(&cargo, "mine", "", "pub fn two() -> u8 { 2 }");
    let request = [Request::parse(&format!("mine = {{ path = {cargo:?} }}"), directory.path()).unwrap()];
    let record = shared.join("base.json");
    let before = std::fs::read_to_string(&record).unwrap();
    for changed in ["", &before.replacen("\"hash\":", "\"hash\":1", 1)] {
        std::fs::write(&record, changed).unwrap();
        let error = crates.add(&request, &mut |_| {}).unwrap_err();
        assert!(error.contains("Restart the kernel"), "{error}");
        assert!(!own.join("target").exists(), "half a copy is left");
    }
    std::fs::write(&record, &before).unwrap();
    assert_eq!(crates.add(&request, &mut |_| {}).unwrap().ready, [("mine".to_owned(), "0.1.0".to_owned())]);
}
