//! A client of the process.

use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_threadbook-analysis");

/// Enough for loading the standard library on a busy machine.
const DEADLINE: u64 = 120_000;

pub struct Client {
    process: Option<Child>,
    input: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    id: u64,
}

/// A fresh package with one dependency.
pub fn project(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("analysis").join(name);
    let _ = fs::remove_dir_all(&directory);
    let pieces = directory.join("pieces");
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
    for directory in [&directory, &pieces] {
        fs::create_dir_all(directory.join("src")).unwrap();
    }
    let manifest = package("session") + "\n[workspace]\n\n[dependencies]\npieces = { path = \"pieces\" }\n";
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    fs::write(directory.join("src/lib.rs"), "").unwrap();
    fs::write(pieces.join("Cargo.toml"), package("pieces")).unwrap();
    let text = "pub struct Rook;\nimpl Rook {\n/// Moves in a line.\npub fn advance(&self) {}\nfn secret(&self) {}\n}\n\
                pub mod moves {}\n#[macro_export]\nmacro_rules! checkmate { () => {} }";
    fs::write(pieces.join("src/lib.rs"), text).unwrap();
    directory
}

/// The request that opens a project.
pub fn open(directory: &str, sysroot_src: Value) -> Value {
    let cargo = std::env::var("CARGO").unwrap_or("cargo".into());
    let rustc = std::env::var("RUSTC").unwrap_or("rustc".into());
    json!({
        "op": "open", "directory": directory, "sysroot_src": sysroot_src,
        "cargo": cargo, "rustc": rustc, "offline": true,
    })
}

/// The names in an answer.
pub fn texts(answer: &Value) -> Vec<&str> {
    let matches = answer["matches"].as_array().unwrap_or_else(|| panic!("{answer} has matches"));
    matches.iter().map(|found| found["text"].as_str().unwrap()).collect()
}

impl Client {
    /// Starts a process.
    pub fn start() -> Client {
        let (sender, started) = mpsc::channel();
        // The process ends with the thread that starts it, and a test's thread ends with the test.
        thread::spawn(move || {
            sender.send(Client::of(&mut Command::new(PROGRAM))).unwrap();
            loop {
                thread::park();
            }
        });
        started.recv().unwrap()
    }

    fn of(command: &mut Command) -> Client {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, answers) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        Client { process: Some(process), input, answers, id: 0 }
    }

    /// Starts a process as the child of a shell.
    #[cfg(target_os = "linux")]
    pub fn start_in_a_shell() -> (Child, Client) {
        let script = "exec 3<&0; \"$0\" <&3 3<&- & wait";
        let mut client = Client::of(Command::new("sh").args(["-c", script, PROGRAM]));
        (client.process.take().unwrap(), client)
    }

    /// Starts a process and opens a project in it.
    pub fn open(directory: &Path, sysroot_src: Value) -> Client {
        let mut client = Client::start();
        client.send(&open(directory.to_str().unwrap(), sysroot_src));
        client
    }

    pub fn send(&mut self, request: &Value) {
        self.send_line(&request.to_string());
    }

    pub fn send_line(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes());
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    pub fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Sends a question about the position `<|>` in a text.
    pub fn ask(&mut self, op: &str, marked: &str) -> Value {
        self.ask_within(DEADLINE, op, marked)
    }

    pub fn ask_within(&mut self, deadline: u64, op: &str, marked: &str) -> Value {
        self.id += 1;
        let (offset, text) = (marked.find("<|>").unwrap(), marked.replace("<|>", ""));
        self.send(&json!({
            "id": self.id, "op": op, "text": text, "offset": offset, "deadline_ms": deadline,
        }));
        let answer = self.receive();
        assert_eq!(answer["id"], self.id, "{answer}");
        answer
    }

    /// Ends the input, and waits for the exit code.
    pub fn end(&mut self) -> Option<i32> {
        self.input = None;
        self.process.as_mut().unwrap().wait().unwrap().code()
    }

    /// Whether the output ends in time, though the input does not.
    #[cfg(target_os = "linux")]
    pub fn reaches_the_end(mut self, timeout: Duration) -> bool {
        let (sender, end) = mpsc::channel();
        let input = self.input.take();
        thread::spawn(move || sender.send(self.answers.read_to_end(&mut Vec::new()).is_ok()));
        let is_at_the_end = end.recv_timeout(timeout) == Ok(true);
        drop(input);
        is_at_the_end
    }
}
