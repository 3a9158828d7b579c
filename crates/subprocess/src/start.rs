//! Spawning of commands: their streams and environments, and the errors.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use threadbook_base::interrupt::is_interrupted;

use crate::abandoned;
use crate::child::Child;
use crate::command::{Change, Command, Redirect};
use crate::error::SubprocessError;
use crate::job::Job;
use crate::pipeline::Pipeline;
use crate::streams::{Echo, Input, Output, Streams, unblock};
use crate::usage::Usage;

/// The destinations of output without a redirection.
pub(crate) struct Defaults {
    pub(crate) stdout: Redirect,
    pub(crate) stderr: Redirect,
}

/// Spawns the commands of a pipeline, or none of them.
pub(crate) fn start(pipeline: &Pipeline, defaults: &Defaults) -> Result<Child, SubprocessError> {
    check(pipeline)?;
    if is_interrupted() {
        return Err(SubprocessError::Interrupted);
    }
    abandoned::sweep();
    let timeout = pipeline.commands.iter().filter_map(|command| command.timeout).min();
    let mut job = Job::new(pipeline.to_string(), timeout);
    let mut plumbing = Plumbing::default();
    let last = pipeline.commands.len() - 1;
    for (n, command) in pipeline.commands.iter().enumerate() {
        let started =
            plumbing.lay(command, defaults, n == last).map_err(Trouble::Plumbing).and_then(|plumbed| {
                let mut command = prepared(command, plumbed);
                // All in one group, that of the first.
                command.process_group(job.group().unwrap_or(0));
                // Our copies of the command's pipe ends are closed with `command`: while a copy is open, no
                // reader sees end of file.
                command.spawn().map_err(Trouble::Start)
            });
        match started {
            Ok(process) => job.add(process.id(), &command.words),
            Err(trouble) => {
                job.kill();
                return Err(match trouble {
                    Trouble::Start(error) => could_not_start(command, error),
                    Trouble::Plumbing(source) => {
                        SubprocessError::System { command: pipeline.to_string(), source }
                    }
                });
            }
        }
    }
    job.floor = Usage::own_peak();
    Ok(Child::new(job, plumbing.ours))
}

enum Trouble {
    Plumbing(io::Error),
    Start(io::Error),
}

/// The pipes between commands, and between them and us.
#[derive(Default)]
struct Plumbing {
    ours: Streams,
    /// The input of the next command.
    next: Option<PipeReader>,
    /// The pipe that all commands share whose standard error we read.
    stderr: Option<PipeWriter>,
}

/// The source or destination of a stream, to be passed to the command.
enum End {
    Inherited,
    Null,
    Is(OwnedFd),
}

impl End {
    fn stdio(self) -> Stdio {
        match self {
            End::Inherited => Stdio::inherit(),
            End::Null => Stdio::null(),
            End::Is(fd) => fd.into(),
        }
    }

    /// A duplicate of the end for standard output.
    fn again(&self) -> io::Result<End> {
        Ok(match self {
            End::Inherited => End::Is(io::stdout().as_fd().try_clone_to_owned()?),
            End::Null => End::Null,
            End::Is(fd) => End::Is(fd.try_clone()?),
        })
    }
}

impl Plumbing {
    /// The ends for `command`: standard input, output and error.
    fn lay(&mut self, command: &Command, defaults: &Defaults, is_last: bool) -> io::Result<[End; 3]> {
        let stdin = match self.next.take() {
            Some(reader) => End::Is(reader.into()),
            None => self.lay_input(command)?,
        };
        let stdout = if is_last {
            self.lay_output(command.stdout.as_ref().unwrap_or(&defaults.stdout))?
        } else {
            let (reader, writer) = io::pipe()?;
            self.next = Some(reader);
            End::Is(writer.into())
        };
        let stderr = match command.stderr.as_ref().unwrap_or(&defaults.stderr) {
            Redirect::Stdout => stdout.again()?,
            other => self.lay_error(other)?,
        };
        Ok([stdin, stdout, stderr])
    }

    fn lay_input(&mut self, command: &Command) -> io::Result<End> {
        Ok(match (&command.input, &command.stdin) {
            (Some(bytes), _) => {
                let (reader, writer) = io::pipe()?;
                self.ours.input = Some(Input::new(writer, bytes.clone())?);
                End::Is(reader.into())
            }
            (None, Some(Redirect::Pipe)) => {
                let (reader, writer) = io::pipe()?;
                unblock(&writer)?;
                self.ours.stdin = Some(writer);
                End::Is(reader.into())
            }
            (None, Some(Redirect::Inherit)) => End::Inherited,
            (None, Some(Redirect::File(file))) => End::Is(file.try_clone()?),
            (None, _) => End::Null,
        })
    }

    fn lay_output(&mut self, to: &Redirect) -> io::Result<End> {
        let echo = matches!(to, Redirect::Tee).then_some(Echo::Stdout);
        Ok(match to {
            Redirect::Pipe | Redirect::Tee => {
                let (reader, writer) = io::pipe()?;
                self.ours.stdout = Output::new(reader, echo)?;
                End::Is(writer.into())
            }
            other => plain(other)?,
        })
    }

    fn lay_error(&mut self, to: &Redirect) -> io::Result<End> {
        let echo = matches!(to, Redirect::Tee).then_some(Echo::Stderr);
        Ok(match (to, &self.stderr) {
            (Redirect::Pipe | Redirect::Tee, Some(writer)) => End::Is(writer.try_clone()?.into()),
            (Redirect::Pipe | Redirect::Tee, None) => {
                let (reader, writer) = io::pipe()?;
                self.ours.stderr = Output::new(reader, echo)?;
                self.stderr = Some(writer.try_clone()?);
                End::Is(writer.into())
            }
            (other, _) => plain(other)?,
        })
    }
}

/// An output that needs no pipe.
fn plain(to: &Redirect) -> io::Result<End> {
    Ok(match to {
        Redirect::Null => End::Null,
        Redirect::File(file) => End::Is(file.try_clone()?),
        _ => {
            // Earlier output of this process must appear first.
            io::stdout().flush()?;
            End::Inherited
        }
    })
}

/// The command for the standard library, which spawns it from a process of any size without copying its page
/// tables (`posix_spawn`), resets the signals to their default actions (SIGPIPE, which Rust programs ignore),
/// and returns an error here if the child cannot execute the program.
fn prepared(command: &Command, [stdin, stdout, stderr]: [End; 3]) -> std::process::Command {
    let mut prepared = std::process::Command::new(&command.words[0]);
    prepared.args(&command.words[1..]);
    for change in &command.environment {
        match change {
            Change::Set(name, value) => prepared.env(name, value),
            Change::Remove(name) => prepared.env_remove(name),
            Change::Clear => prepared.env_clear(),
        };
    }
    if let Some(directory) = &command.cwd {
        prepared.current_dir(directory);
    }
    prepared.stdin(stdin.stdio()).stdout(stdout.stdio()).stderr(stderr.stdio());
    prepared
}

/// Checks a pipeline before any process is spawned.
fn check(pipeline: &Pipeline) -> Result<(), SubprocessError> {
    let wrong = |reason: String| Err(SubprocessError::Invalid { reason });
    let last = pipeline.commands.len() - 1;
    for (n, command) in pipeline.commands.iter().enumerate() {
        if command.words.first().is_none_or(|program| program.is_empty()) {
            return wrong("there is no program to run: the first word of a command is its name".into());
        }
        let name_is_bad = |name: &OsStr| name.is_empty() || name.as_bytes().contains(&b'=');
        let mut names_and_values = Vec::new();
        for change in &command.environment {
            match change {
                Change::Set(name, _) if name_is_bad(name) => {
                    return wrong(format!(
                        "{name:?} is no name for a variable: it is empty or has a `=` in it"
                    ));
                }
                Change::Set(name, value) => names_and_values.extend([name.as_os_str(), value]),
                Change::Remove(name) => names_and_values.push(name),
                Change::Clear => {}
            }
        }
        let words = command.words.iter().map(|word| word.as_os_str());
        let directory = command.cwd.iter().map(|directory| directory.as_os_str());
        for text in words.chain(names_and_values).chain(directory) {
            if text.as_bytes().contains(&0) {
                return wrong(format!(
                    "{text:?} has a zero byte in it, at which it would end for the system; take that out"
                ));
            }
        }
        let reads = command.input.is_some() || command.stdin.is_some();
        if command.input.is_some() && command.stdin.is_some() {
            return wrong(format!("`{command}` has both `input` and `stdin`; say one of them"));
        }
        if matches!(command.stdin, Some(Redirect::Tee | Redirect::Stdout)) {
            return wrong(format!("`{command}`: `Tee` and `Stdout` are for output, not for `stdin`"));
        }
        if matches!(command.stdout, Some(Redirect::Stdout)) {
            return wrong(format!("`{command}`: `Redirect::Stdout` is for `stderr`"));
        }
        if n > 0 && reads {
            return wrong(format!(
                "`{command}` reads what the command before it prints; leave out its input"
            ));
        }
        if n < last && command.stdout.is_some() {
            return wrong(format!("`{command}` prints to the command after it; leave out its `stdout`"));
        }
    }
    Ok(())
}

/// Explains the system's error of spawning a command.
fn could_not_start(command: &Command, error: io::Error) -> SubprocessError {
    let name = Path::new(&command.words[0]);
    let program = name.display().to_string();
    let is_path = program.contains('/');
    let path = command.cwd.as_deref().unwrap_or(Path::new("")).join(name);
    let not_found = |reason| SubprocessError::NotFound { program: program.clone(), reason };
    let not_executable =
        |reason: &str| SubprocessError::NotExecutable { program: program.clone(), reason: reason.to_owned() };
    if let Some(directory) = command.cwd.as_deref().filter(|directory| !directory.is_dir()) {
        let what = if directory.exists() { "is no directory" } else { "does not exist" };
        return not_found(format!("`{program}` cannot be run in `{}`, which {what}", directory.display()));
    }
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory if is_path && path.exists() => {
            not_executable("the interpreter that its first line names does not exist")
        }
        ErrorKind::NotFound | ErrorKind::NotADirectory if is_path => {
            not_found(format!("there is no file `{program}`"))
        }
        ErrorKind::NotFound if program.contains(char::is_whitespace) => not_found(format!(
            "there is no program `{program}`: a string is the name of one program; for its arguments write \
             [\"name\", \"argument\"], for a line of the shell, shell({program:?})"
        )),
        ErrorKind::NotFound => not_found(format!(
            "there is no program `{program}` in the directories that PATH names; is it installed, and spelt so?"
        )),
        ErrorKind::PermissionDenied if is_path && path.is_dir() => not_executable("it is a directory"),
        ErrorKind::PermissionDenied => {
            not_executable("the system does not allow it; `chmod +x` makes a file executable")
        }
        _ if error.raw_os_error() == Some(libc::ENOEXEC) => {
            not_executable("it is no program for this machine, and no script with a line `#!/bin/sh`")
        }
        _ => SubprocessError::System { command: command.to_string(), source: error },
    }
}
