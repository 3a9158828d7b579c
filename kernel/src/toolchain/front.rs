//! This binary in the place of cargo, rustc and rustup, for the engine and for rust-analyzer.
//!
//! A cell needs one run of rustc, but the engine starts cargo for it, which looks at sixty crates each time to
//! find that nothing has changed; and before the first cell, rust-analyzer starts cargo and rustc a dozen
//! times with questions whose answers are always the same. So a workplace has a `bin` directory in which
//! [`NAMES`] are links to this binary. It answers from memory ([`answers`](super::answers)) what it has been
//! asked before in the same circumstances, and otherwise makes way for the real tool.

use super::answers::{self, Answer, Question};
use super::linker;
use super::question_mark;
use super::standby::{self, Compiled, Invocation};
use super::typed::{self, Lines};
use super::variables::leave_unnamed;
use crate::dependencies::FRIENDS;
use crate::reading::crates::{Reading, cut_down};
use crate::sockets;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NAMES: [&str; 3] = ["cargo", "rustc", "rustup"];

/// The variable that names the workplace's directory.
const WORKPLACE: &str = "THREADBOOK_WORKPLACE";
/// The variable that names the directory of the real cargo and rustc.
const TOOLS: &str = "THREADBOOK_TOOLS";
/// The variable that keeps the user's own `CARGO_HOME`, if there is one. rust-analyzer looks for tools below
/// `CARGO_HOME` first, so that must name the workplace.
const CARGO_HOME: &str = "THREADBOOK_CARGO_HOME";
/// The variable that tells rustc in which file to remember how it compiled a cell.
const REMEMBER: &str = "THREADBOOK_REMEMBER";

/// The variable in which the engine says where to write the path of what was compiled.
const OBJECT_PATH: &str = "EVCXR_EXECUTION_SO_PATH";

/// The variable that tells rustc that it is to wait for its source, and to end with the kernel.
pub const STANDBY: &str = "THREADBOOK_STANDBY";

/// What the engine calls the crate that it compiles each cell as.
pub const CELL_CRATE: &str = "ctx";

/// What cargo's front tells the session when a cell's crates are compiled, and the cell is next.
pub const READY: &str = "ready";

/// The link under which a tool is found in a workplace.
pub fn link(workplace: &Path, tool: &str) -> PathBuf {
    workplace.join("bin").join(tool)
}

/// Links the tools into `workplace`. Returns the environment in which they are found and work.
pub fn install(workplace: &Path, tools: &Path) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let bin = workplace.join("bin");
    fs::create_dir_all(&bin)?;
    let program = std::env::current_exe()?;
    for name in NAMES {
        let _ = fs::remove_file(link(workplace, name));
        symlink(&program, link(workplace, name))?;
    }
    let before = std::env::var_os("PATH").unwrap_or_default();
    let path = [bin.clone(), tools.to_owned()].into_iter().chain(std::env::split_paths(&before));
    Ok(vec![
        ("PATH", std::env::join_paths(path)?),
        ("CARGO", link(workplace, "cargo").into()),
        ("RUSTC", link(workplace, "rustc").into()),
        (WORKPLACE, workplace.into()),
        (TOOLS, tools.into()),
        (CARGO_HOME, std::env::var_os("CARGO_HOME").unwrap_or_default()),
        ("CARGO_HOME", workplace.into()),
    ])
}

/// Takes over, and does not return, if this process was started as one of the tools.
pub fn hook() {
    let Some(called) = std::env::args_os().next().map(PathBuf::from) else { return };
    let Some(name) = called.file_name().and_then(OsStr::to_str).filter(|name| NAMES.contains(name)) else {
        return;
    };
    let Some(front) = Front::new() else { return };
    let done = match name {
        "cargo" => front.cargo(),
        "rustc" => front.rustc(),
        _ => front.rustup(),
    };
    let code = done.unwrap_or_else(|error| {
        eprintln!("threadbook: {name} could not be run: {error}");
        1
    });
    std::process::exit(code);
}

struct Front {
    workplace: PathBuf,
    tools: PathBuf,
    arguments: Vec<String>,
}

impl Front {
    fn new() -> Option<Front> {
        let arguments =
            std::env::args_os().skip(1).map(OsString::into_string).collect::<Result<_, _>>().ok()?;
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        Some(Front { workplace: variable(WORKPLACE)?, tools: variable(TOOLS)?, arguments })
    }

    fn cargo(&self) -> io::Result<i32> {
        let command = self.arguments.iter().find(|argument| !argument.starts_with('-')).map(String::as_str);
        match command {
            Some("build" | "check") => self.compile(command == Some("check")),
            Some("clean") => {
                answers::forget(&self.workplace);
                Err(self.real("cargo").exec())
            }
            Some("metadata") if self.asks("--filter-platform") => {
                let manifest = fs::read_to_string(self.workplace.join("Cargo.toml"))?;
                self.answer("cargo", |text| Ok(cut_down(text, &Reading::of(&manifest), &FRIENDS)?))
            }
            Some("metadata") => {
                // The engine asks this about a manifest with one dependency, to see whether there is such a
                // crate, and cargo would drop all others from the lock file.
                let lock = self.workplace.join("Cargo.lock");
                let before = fs::read(&lock);
                let code = self.answer("cargo", |text| Ok(text.to_owned()));
                // An answer from memory has not touched it.
                if let Ok(before) = before
                    && fs::read(&lock).ok().as_ref() != Some(&before)
                {
                    fs::write(&lock, before)?;
                }
                code
            }
            _ => self.answer("cargo", |text| Ok(text.to_owned())),
        }
    }

    /// Compiles a cell: as cargo did it before, or with cargo, remembering how.
    fn compile(&self, only_check: bool) -> io::Result<i32> {
        let file = self.workplace.join(typed::FILE);
        let source = fs::read_to_string(&file)?;
        let source = leave_unnamed(&source).unwrap_or(source);
        let lines = Lines::find(&source, &typed::noted(&self.workplace));
        let forms: Vec<_> = question_mark::forms(&source).iter().map(|form| lines.said_in(form)).collect();
        let build: Vec<_> = self
            .arguments
            .iter()
            .map(|word| if word == "check" { "build".into() } else { word.clone() })
            .collect();
        let question = Question::new(&self.workplace, "cargo", &build);
        if let Some(Answer::Compile(mut rustc)) = question.as_ref().and_then(Question::recall) {
            if only_check {
                for argument in &mut rustc.arguments {
                    if argument.starts_with("--emit=") {
                        *argument = "--emit=metadata".into();
                    }
                }
            } else {
                self.report_object(&rustc.arguments)?;
            }
            self.tell_session(READY);
            if let Some(Compiled { stdout, stderr, code }) = self.compile_as(&rustc, &forms) {
                io::stderr().write_all(without_warnings(&stderr).as_bytes())?;
                say(&stdout)?;
                return Ok(code);
            }
        }
        if let Some(form) = forms.last() {
            fs::write(&file, form)?;
        }
        let mut cargo = self.real("cargo");
        if let Some(question) = question.filter(|_| !only_check) {
            cargo.env(REMEMBER, question.file());
        }
        self.watched(cargo.args(&self.arguments))
    }

    /// Compiles the first of several forms of a cell that rustc accepts. `None` if that is better left to cargo:
    /// nobody listens, or the linker needs what only the C compiler knows.
    fn compile_as(&self, rustc: &Invocation, forms: &[String]) -> Option<Compiled> {
        let mut last = None;
        for form in forms {
            fs::write(self.workplace.join(typed::FILE), form).ok()?;
            let compiled = standby::compile(&self.workplace, rustc).ok()?;
            if compiled.code != 0 && linker::is_to_blame(&compiled.stderr) {
                return None;
            }
            let is_final = compiled.code == 0 || !question_mark::is_to_blame(&compiled.stderr);
            last = Some(compiled);
            if is_final {
                break;
            }
        }
        last
    }

    /// Runs cargo, and tells the session which crates it compiles.
    fn watched(&self, cargo: &mut Command) -> io::Result<i32> {
        let mut child = cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take();
        let messages = std::thread::spawn(move || stdout.map_or(Ok(String::new()), io::read_to_string));
        for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')) {
            let line = line?;
            let text = String::from_utf8_lossy(&line);
            if let Some(what) = text.trim_start().strip_prefix("Compiling ") {
                let is_cell = what.split(' ').next() == Some(CELL_CRATE);
                self.tell_session(if is_cell { READY } else { text.trim() });
            }
            io::stderr().write_all(&[&line[..], b"\n"].concat())?;
        }
        let messages = messages.join().unwrap_or_else(|_| Ok(String::new()))?;
        say(&without_warnings(&messages))?;
        Ok(child.wait()?.code().unwrap_or(1))
    }

    /// Nobody may be listening, and then nobody misses it.
    fn tell_session(&self, what: &str) {
        if let Ok(socket) = UnixDatagram::unbound() {
            let _ = socket.set_nonblocking(true);
            let _ = socket.send_to(what.as_bytes(), sockets::path(&self.workplace, sockets::PROGRESS));
        }
    }

    /// Tells the engine where rustc will put what it compiles.
    fn report_object(&self, arguments: &[String]) -> io::Result<()> {
        let Some(file) = std::env::var_os(OBJECT_PATH) else { return Ok(()) };
        let mut after = arguments.iter().skip_while(|argument| *argument != "--out-dir").skip(1);
        let Some(directory) = after.next() else { return Ok(()) };
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        fs::write(file, format!("{directory}/{prefix}{CELL_CRATE}{suffix}"))
    }

    fn rustc(&self) -> io::Result<i32> {
        let is_cell = self.arguments.windows(2).any(|pair| pair == ["--crate-name", CELL_CRATE]);
        let arguments = if is_cell { with_lines(&self.arguments) } else { self.arguments.clone() };
        if let Some(file) = std::env::var_os(REMEMBER).filter(|_| is_cell) {
            let environment = std::env::vars().filter(|(name, _)| matters_to_rustc(name)).collect();
            let linked = linker::directly(&arguments, &self.tools);
            let arguments = arguments.iter().cloned().chain(linked).collect();
            let answer = Answer::Compile(Invocation { arguments, environment });
            answers::remember(&answer, &self.workplace, Path::new(&file));
        }
        let about_itself = |word: &String| ["-vV", "-Vv", "-V", "--version"].contains(&word.as_str());
        if self.arguments.iter().all(about_itself) || self.asks("--print") && !self.asks("-") {
            return self.answer("rustc", |text| Ok(text.to_owned()));
        }
        let mut rustc = self.real("rustc");
        if std::env::var_os(STANDBY).is_some() {
            rustc.env_remove(STANDBY);
            #[cfg(target_os = "linux")]
            nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
        }
        Err(rustc.args(&arguments).exec())
    }

    fn rustup(&self) -> io::Result<i32> {
        match self.arguments.as_slice() {
            [which, name] if which == "which" && (name == "cargo" || name == "rustc") => {
                say(&format!("{}\n", link(&self.workplace, name).display()))
            }
            _ => Err(self.real("rustup").args(&self.arguments).exec()),
        }
    }

    fn asks(&self, word: &str) -> bool {
        self.arguments.iter().any(|argument| argument == word)
    }

    /// Answers from memory, or asks the real tool and remembers what it says; then puts that through `edit`.
    fn answer(&self, tool: &str, edit: impl FnOnce(&str) -> io::Result<String>) -> io::Result<i32> {
        let question = Question::new(&self.workplace, tool, &self.arguments);
        if let Some(Answer::Printed(text)) = question.as_ref().and_then(Question::recall) {
            return say(&edit(&text)?);
        }
        let output = self.real(tool).args(&self.arguments).stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            say(&text)?;
            return Ok(output.status.code().unwrap_or(1));
        }
        if let Some(question) = question {
            question.remember(&Answer::Printed(text.clone()));
        }
        say(&edit(&text)?)
    }

    /// The tool itself, with the user's own environment.
    fn real(&self, tool: &str) -> Command {
        let own = std::env::var_os("PATH").unwrap_or_default();
        let bin = self.workplace.join("bin");
        let path = std::env::join_paths(std::env::split_paths(&own).filter(|entry| *entry != bin));
        let path = path.unwrap_or(own);
        let beside = self.tools.join(tool);
        let program =
            if beside.exists() { beside } else { found_in(&path, tool).unwrap_or_else(|| tool.into()) };
        let mut command = Command::new(program);
        command.env("PATH", path).env_remove("CARGO_HOME").env_remove("CARGO").env_remove(REMEMBER);
        if let Some(home) = std::env::var_os(CARGO_HOME).filter(|home| !home.is_empty()) {
            command.env("CARGO_HOME", home);
        }
        command
    }
}

/// The arguments to have rustc note which lines the code of a cell came from, and no more: for who has called whom
/// when it panics.
fn with_lines(arguments: &[String]) -> Vec<String> {
    const LINES: &str = "debuginfo=line-tables-only";
    if arguments.iter().any(|word| word == LINES) {
        return arguments.to_owned();
    }
    let kept = arguments.iter().map(|word| if word == "strip=debuginfo" { "strip=none" } else { word });
    kept.chain(["-C", LINES]).map(str::to_owned).collect()
}

/// Whether rustc, or what is compiled, looks at a variable that cargo has set. (The job server that cargo
/// offers is gone when cargo has ended.)
fn matters_to_rustc(name: &str) -> bool {
    let is_told = name.starts_with("CARGO_") && !["CARGO_HOME", "CARGO_MAKEFLAGS"].contains(&name);
    is_told || name == crate::runtime::LIBRARY_PATH
}

/// The JSON messages of rustc or cargo but for the warnings. The engine keeps only messages about the user's code if
/// there are any, so a warning about an earlier cell would hide an error in the engine's own code around this cell.
fn without_warnings(messages: &str) -> String {
    let is_warning = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        message["level"] == "warning" || message["message"]["level"] == "warning"
    };
    messages.split_inclusive('\n').filter(|line| !is_warning(line)).collect()
}

fn found_in(path: &OsStr, tool: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|directory| directory.join(tool)).find(|program| program.is_file())
}

fn say(text: &str) -> io::Result<i32> {
    io::stdout().write_all(text.as_bytes())?;
    Ok(0)
}
