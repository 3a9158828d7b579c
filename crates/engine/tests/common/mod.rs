//! The host of the tests: a process that runs the cells that an engine has compiled.

// Each test uses only a part of it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use threadbook_engine::{Cache, Compiler, Diagnostic, Engine, Exploring, Ran, Refused, Source};

/// A rustc that accepts options for a sanitizer.
const UNSTABLE: &str = "unstable-rustc";

/// The library and the runner, compiled once.
pub struct Host {
    pub directory: tempfile::TempDir,
    /// The directory of libstd's shared object.
    libraries: PathBuf,
    /// The option of rustc for the sanitizer that `THREADBOOK_SANITIZER` names, such as `address`.
    sanitizer: Option<String>,
}

impl Host {
    pub fn build() -> Host {
        let directory = tempfile::tempdir().unwrap();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sanitizer = std::env::var("THREADBOOK_SANITIZER").ok().map(|name| format!("-Zsanitizer={name}"));
        let rustc = |arguments: &[&str], source: &Path| {
            let mut command = Command::new("rustc");
            command.args(["--edition=2024", "-Cprefer-dynamic", "-L."]).args(arguments).arg(source);
            if let Some(option) = &sanitizer {
                // The objects of cells take the runtime of the sanitizer from the program.
                command.args([option, "-Clink-arg=-rdynamic"]).env("RUSTC_BOOTSTRAP", "1");
            }
            let output = command.current_dir(directory.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        rustc(&["--crate-type=rlib", "--crate-name=threadbook_cell"], &sources.join("../cell/src/lib.rs"));
        let cell = "--extern=threadbook_cell=libthreadbook_cell.rlib";
        rustc(
            &["--crate-type=dylib", "--crate-name=threadbook", cell],
            &sources.join("tests/host/threadbook.rs"),
        );
        let library = format!("--extern=threadbook={}", library());
        rustc(&["--crate-type=bin", "--crate-name=runner", &library], &sources.join("tests/host/runner.rs"));
        let print = Command::new("rustc").args(["--print", "target-libdir"]).output().unwrap();
        let libraries = PathBuf::from(String::from_utf8(print.stdout).unwrap().trim());
        let unstable = directory.path().join(UNSTABLE);
        std::fs::write(&unstable, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustc \"$@\"\n").unwrap();
        std::fs::set_permissions(&unstable, std::fs::Permissions::from_mode(0o755)).unwrap();
        Host { directory, libraries, sanitizer }
    }

    pub fn compiler(&self, directory: &Path) -> Compiler {
        let library = self.directory.path().join(library());
        let mut arguments = vec![
            "-Copt-level=1".into(),
            "-Coverflow-checks=on".into(),
            "-Cdebug-assertions=on".into(),
            "-Clto=off".into(),
            "-Clink-arg=-Wl,-Bsymbolic".into(),
            format!("-L{}", self.directory.path().display()),
            format!("--extern=threadbook={}", library.display()),
        ];
        let mut rustc = PathBuf::from("rustc");
        if let Some(option) = &self.sanitizer {
            arguments.push(option.clone());
            rustc = self.directory.path().join(UNSTABLE);
        }
        Compiler { rustc, arguments, directory: directory.to_owned() }
    }

    /// An engine with a cache that the tests of one process share. If `THREADBOOK_CACHE` is empty, it has none.
    pub fn engine(&self, directory: &Path) -> Engine {
        let engine = self.engine_with(self.compiler(directory));
        if std::env::var_os("THREADBOOK_CACHE").is_some_and(|place| place.is_empty()) {
            return engine;
        }
        engine.with_cache(Cache::open(&self.directory.path().join("cache")).unwrap(), "test")
    }

    /// An engine without a cache.
    pub fn engine_with(&self, compiler: Compiler) -> Engine {
        Engine::new(compiler, "use ::threadbook::Show as _;\n".into(), vec!["threadbook".into()])
    }

    pub fn runner(&self, directory: &Path) -> Runner {
        let search = std::env::join_paths([self.directory.path(), &self.libraries]).unwrap();
        let output = directory.join("output");
        let mut process = Command::new(self.directory.path().join("runner"))
            .arg(&output)
            .env("LD_LIBRARY_PATH", search)
            // Freed memory is overwritten, and the sanitizer does not report leaks.
            .envs([("MALLOC_PERTURB_", "165"), ("ASAN_OPTIONS", "detect_leaks=0")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Runner { process, answers, output }
    }
}

fn library() -> String {
    format!("{}threadbook{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// A process that runs cells.
pub struct Runner {
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
    /// The file with the output of the cells.
    output: PathBuf,
}

impl Runner {
    pub fn order(&mut self, order: &str) -> String {
        writeln!(self.process.stdin.as_mut().unwrap(), "{order}").unwrap();
        let mut line = String::new();
        if self.answers.read_line(&mut line).unwrap() > 0 {
            return line.trim().to_owned();
        }
        format!("died: {}", self.process.wait().unwrap())
    }

    /// Everything that the cells have printed.
    pub fn output(mut self) -> String {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        std::fs::read_to_string(self.output).unwrap()
    }
}

/// The result of a cell: `ok`, the names that were dropped or not kept, or the error.
pub struct Answer {
    pub end: String,
    pub dropped: Vec<String>,
    pub not_kept: Vec<String>,
}

pub fn execute(
    engine: &mut Engine,
    runner: &mut Runner,
    id: Option<&str>,
    code: &str,
    codes: &mut Vec<String>,
) -> Answer {
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(1);
    let serial = EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    let source =
        |text: &str| Source { serial, number: serial, id: id.map(str::to_owned), text: text.to_owned() };
    let limits = Exploring { switches: Some(3), ..Exploring::default() };
    let compiled = match code.strip_prefix("%%explore") {
        Some(code) => engine.compile_explored(source(code), &limits),
        None => engine.compile(source(code)),
    };
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(Refused { errors }) => {
            let code = |error: &Diagnostic| error.code.clone().unwrap_or_else(|| "syntax".into());
            codes.extend(errors.iter().map(code));
            let texts: Vec<_> =
                errors.iter().map(|error| format!("{}: {}", code(error), described(error))).collect();
            return Answer {
                end: format!("refused {}", texts.join("\n    ")),
                dropped: vec![],
                not_kept: vec![],
            };
        }
    };
    let dropped: Vec<_> = compiled.dropped.iter().map(|(name, _)| name.clone()).collect();
    for name in &compiled.to_drop {
        runner.order(&format!("drop {name}"));
    }
    let end = match &compiled.object {
        None => "ok".to_owned(),
        Some(object) => runner.order(&format!("run {} {}", u8::from(compiled.is_global), object.display())),
    };
    let (end, ran) = match end.strip_prefix("returned ") {
        Some(index) => ("ok".to_owned(), Ran::Returned(index.parse().unwrap())),
        None if end == "ok" => (end, Ran::Completely),
        None => (end, Ran::InPart),
    };
    let not_kept = engine.finish(compiled, ran).into_iter().map(|(name, _)| name).collect();
    Answer { end, dropped, not_kept }
}

pub fn described(error: &Diagnostic) -> String {
    let primary = error.labels.iter().find(|label| label.is_primary);
    let place = primary.map_or("no place".to_owned(), |label| {
        format!("`{}`", &label.place.source.text[label.place.range.clone()])
    });
    format!("{} at {place}", error.message)
}
