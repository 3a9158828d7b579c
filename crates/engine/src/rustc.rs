//! Running rustc, and reading its diagnostics.

use std::fs;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use crate::interrupt::Interrupt;

/// The name of every source: a link to rustc's standard input, in the compiler's directory. So rustc can
/// start before there is a source, and an object depends on the code alone. Panics in generated code are
/// recognised by the prefix `cell_`.
const SOURCE: &str = "cell_source.rs";

/// The size of the stack of rustc's threads, in bytes.
const STACK: &str = "67108864";

/// The configuration of rustc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// The program.
    pub rustc: PathBuf,
    /// The arguments that are the same for every cell: profile, search paths, the crates that a cell can name, and the
    /// linker's option `-Bsymbolic`, which keeps the names of one object apart from those of another.
    pub arguments: Vec<String>,
    /// The directory of objects. rustc runs in it, so that no path of the session is in an object.
    pub directory: PathBuf,
}

/// The product of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Emit {
    /// A shared object, with types written out in full.
    Object,
    /// Diagnostics only, after all checks.
    Check,
}

impl Emit {
    /// The suffix of the file's name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Emit::Object => std::env::consts::DLL_SUFFIX,
            Emit::Check => "-check.rmeta",
        }
    }
}

/// A message of rustc, as it prints it in JSON.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) message: String,
    pub(crate) code: Option<Code>,
    pub(crate) level: String,
    #[serde(default)]
    pub(crate) spans: Vec<Span>,
    #[serde(default)]
    pub(crate) children: Vec<Message>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Code {
    pub(crate) code: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Span {
    file_name: String,
    pub(crate) byte_start: usize,
    pub(crate) byte_end: usize,
    pub(crate) is_primary: bool,
    pub(crate) label: Option<String>,
    #[serde(default)]
    pub(crate) suggested_replacement: Option<String>,
    #[serde(default)]
    pub(crate) expansion: Option<Box<Expansion>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Expansion {
    pub(crate) span: Span,
}

impl Span {
    pub(crate) fn range(&self) -> Range<usize> {
        self.byte_start..self.byte_end
    }

    /// This span, or the use of the macro in the file of this name that it is expanded from.
    fn within(self, file: &str) -> Option<Span> {
        if self.file_name == file {
            return Some(self);
        }
        let span = self.expansion?.span.within(file)?;
        Some(Span { is_primary: self.is_primary, label: self.label, suggested_replacement: None, ..span })
    }

    /// The outermost use of a macro that expands to this span, or the span itself.
    pub(crate) fn outermost(&self) -> &Span {
        self.expansion.as_ref().map_or(self, |expansion| expansion.span.outermost())
    }
}

impl Message {
    /// Keeps only the spans in the file of this name, and drops those in libraries.
    fn about(mut self, file: &str) -> Message {
        self.spans = self.spans.into_iter().filter_map(|span| span.within(file)).collect();
        self.children = self.children.into_iter().map(|child| child.about(file)).collect();
        self
    }

    fn has_spans(&self) -> bool {
        !self.spans.is_empty() || self.children.iter().any(Message::has_spans)
    }

    pub(crate) fn is_error(&self) -> bool {
        self.level.starts_with("error")
    }

    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.code.as_ref().is_some_and(|own| own.code == code)
    }
}

/// The result of a run: the messages, and whether it succeeded.
pub(crate) struct Output {
    pub(crate) messages: Vec<Message>,
    pub(crate) is_ok: bool,
    /// Text that is no message, such as that of a crash.
    pub(crate) rest: String,
}

impl Compiler {
    /// Checks `code`, for the diagnostics only: removes the product of this name.
    pub(crate) fn check(
        &self,
        name: &str,
        code: &str,
        generation: u64,
        interrupt: &Interrupt,
    ) -> io::Result<Output> {
        let product = format!("{name}{}", Emit::Check.suffix());
        let output = finish(&mut self.start(generation, Emit::Check, &product)?, code, interrupt);
        let _ = fs::remove_file(self.directory.join(product));
        output
    }

    /// Spawns a process that waits for its source and then writes the file `product`.
    pub(crate) fn start(&self, generation: u64, emit: Emit, product: &str) -> io::Result<Child> {
        match std::os::unix::fs::symlink("/dev/stdin", self.directory.join(SOURCE)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let mut command = Command::new(&self.rustc);
        // A group of its own, so that an interrupt ends the linker, too.
        command.current_dir(&self.directory).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // In a cell with thousands of statements, each is a scope nested in that of the one before.
        command.env("RUST_MIN_STACK", STACK);
        command.args([
            SOURCE,
            "--crate-name=cell",
            "--edition=2024",
            "--error-format=json",
            "-Cprefer-dynamic",
        ]);
        command
            .arg(format!("-Cmetadata={generation:016x}"))
            .args(&self.arguments)
            .arg(format!("-o{product}"));
        match emit {
            Emit::Object => command.args(["--crate-type=cdylib", "--emit=link"]),
            Emit::Check => command.args(["--crate-type=lib", "--emit=metadata"]),
        };
        if emit == Emit::Object {
            command.args(["-Ztrim-diagnostic-paths=no", "-Zwrite-long-types-to-disk=no"]);
            // Options that are unstable. Unstable features stay errors.
            command.arg("-Zallow-features=").env("RUSTC_BOOTSTRAP", "1");
        }
        command.spawn()
    }

    /// The path of an object.
    pub(crate) fn object(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}{}", Emit::Object.suffix()))
    }
}

/// Writes the source to a process, and waits for its end.
pub(crate) fn finish(process: &mut Child, code: &str, interrupt: &Interrupt) -> io::Result<Output> {
    let ends = interrupt.ends(process);
    if let Some(mut input) = process.stdin.take() {
        // A process that has ended does not read. Its output has the reason.
        let _ = input.write_all(code.as_bytes());
    }
    let mut printed = Vec::new();
    if let Some(mut stderr) = process.stderr.take() {
        stderr.read_to_end(&mut printed)?;
    }
    drop(ends);
    let status = process.wait()?;
    let (mut messages, mut rest) = (Vec::new(), String::new());
    for line in String::from_utf8_lossy(&printed).lines() {
        match serde_json::from_str::<Message>(line) {
            Ok(message) => {
                let mut message = message.about(SOURCE);
                if message.is_error() && !message.has_spans() {
                    message.spans.extend(closure(line, SOURCE, code));
                }
                messages.push(message);
            }
            // Notices of produced artifacts have no `message`.
            Err(_) if line.starts_with('{') => {}
            Err(_) => rest += &format!("{line}\n"),
        }
    }
    Ok(Output { messages, is_ok: status.success(), rest })
}

/// The closure of `code` that a message names, as in `{closure@cell.rs:3:9: 3:15}`: an error in a library has
/// no other reference to the user's code.
fn closure(message: &str, file: &str, code: &str) -> Option<Span> {
    let (_, place) = message.split_once(&format!("{{closure@{file}:"))?;
    let (place, _) = place.split_once('}')?;
    let numbers: Vec<usize> = place.split([':', ' ']).filter_map(|number| number.parse().ok()).collect();
    let [first, from, last, to] = numbers[..] else { return None };
    // Lines and columns count from 1, columns in characters.
    let offset = |line: usize, column: usize| {
        let start: usize = code.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let within = code.get(start..)?.char_indices().nth(column - 1)?.0;
        Some(start + within)
    };
    let (byte_start, byte_end) = (offset(first, from)?, offset(last, to)?);
    let file_name = file.to_owned();
    Some(Span {
        file_name,
        byte_start,
        byte_end,
        is_primary: true,
        label: None,
        suggested_replacement: None,
        expansion: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_is_found_by_its_name() {
        let code = "fn é() {\n    f(|n| n)\n}\n";
        let message = "evaluation of `f::<{closure@a.rs:2:7: 2:10}>` failed";
        let span = closure(message, "a.rs", code).unwrap();
        assert_eq!(&code[span.range()], "|n|");
        for other in
            ["{closure@b.rs:2:7: 2:10}", "{closure@a.rs:9:7: 9:10}", "{closure@a.rs:2}", "{closure@a.rs:"]
        {
            assert!(closure(other, "a.rs", code).is_none(), "{other}");
        }
    }
}
