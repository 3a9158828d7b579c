//! Child processes, in the manner of Python's [subprocess](https://docs.python.org/3/library/subprocess.html).
//!
//! ```
//! use threadbook_subprocess::{Command, call, check_output, run, shell};
//!
//! // The exit code; the output appears as it is printed.
//! assert_eq!(call(["mkdir", "-p", "/tmp"])?, 0);
//!
//! // The output.
//! assert_eq!(check_output(["echo", "Hello"])?, "Hello\n");
//!
//! // A pipeline, with a shell and without.
//! assert_eq!(check_output(shell("printf 'b\na\n' | sort"))?, "a\nb\n");
//! assert_eq!(check_output(Command::new("sort").input("b\na\n") | ["head", "-n", "1"])?, "a\n");
//!
//! // The exit code, the output, the times and the memory.
//! let done = run(["sleep", "0.01"])?;
//! assert_eq!(done.returncode, 0);
//! assert!(done.elapsed.as_millis() >= 10 && done.usage.user < done.elapsed);
//! # Ok::<(), threadbook_subprocess::SubprocessError>(())
//! ```
//!
//! A command is the name of a program (`"ls"`), its words (`["ls", "-l"]`), a [`shell`] line, or a
//! [`Command`] with environment, directory, input, time-out and redirections; `|` makes a [`Pipeline`]. A
//! bare string never is a shell line.
//!
//! Each command, or pipeline, runs in a process group of its own. Signals, time-outs and interrupts reach all
//! of the group, so that no process is left behind. (In a terminal, therefore, Ctrl-C does not reach it.)
//! Standard input is `/dev/null` by default.
//!
//! `TRAPS.md` beside this crate's sources lists the traps of child processes and the remedy for each, with
//! its test. The standard library spawns the processes. The waiting is our own, because neither `subprocess`
//! nor `duct` reports the usage of a single child (`wait4`) or has an interruptible wait.
//!
//! This crate depends on no executor and no kernel.

mod abandoned;
mod call;
mod child;
mod command;
mod completed;
mod error;
mod job;
mod pipeline;
mod process;
mod start;
mod streams;
mod usage;

pub use call::{call, check_call, check_output, check_output_bytes, run, spawn};
pub use child::{Child, ChildOutput, ChildStdin};
pub use command::{Command, Redirect, shell};
pub use completed::{CompletedProcess, Stage};
pub use error::SubprocessError;
pub use pipeline::Pipeline;
pub use usage::Usage;

/// Signals for [`Child::send_signal`].
#[doc(inline)]
pub use libc::{SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};
