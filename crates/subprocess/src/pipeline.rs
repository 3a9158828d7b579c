//! Pipelines: commands connected by pipes.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::BitOr;
use std::path::{Path, PathBuf};

use crate::command::Command;

/// Commands of which each reads the output of the one before, without a shell: `first | second | third`. A
/// single command is a pipeline, too.
///
/// Its exit code is that of the last command, as in a shell; [`CompletedProcess::stages`] has all of them.
///
/// [`CompletedProcess::stages`]: crate::CompletedProcess::stages
///
/// # Examples
///
/// ```
/// use threadbook_subprocess::{Command, check_output};
///
/// let numbers = Command::new("seq").arg("100");
/// assert_eq!(check_output(numbers | ["grep", "7"] | ["wc", "-l"])?.trim(), "19");
/// # Ok::<(), threadbook_subprocess::SubprocessError>(())
/// ```
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) commands: Vec<Command>,
}

impl fmt::Display for Pipeline {
    /// The pipeline as it is typed in a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, command) in self.commands.iter().enumerate() {
            let between = if n > 0 { " | " } else { "" };
            write!(f, "{between}{command}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pipeline({self})")
    }
}

impl<T: Into<Pipeline>> BitOr<T> for Command {
    type Output = Pipeline;

    fn bitor(self, next: T) -> Pipeline {
        Pipeline::from(self) | next
    }
}

impl<T: Into<Pipeline>> BitOr<T> for Pipeline {
    type Output = Pipeline;

    fn bitor(mut self, next: T) -> Pipeline {
        self.commands.extend(next.into().commands);
        self
    }
}

impl<T: Into<Command>> From<T> for Pipeline {
    fn from(command: T) -> Pipeline {
        Pipeline { commands: vec![command.into()] }
    }
}

impl From<&Pipeline> for Pipeline {
    fn from(pipeline: &Pipeline) -> Pipeline {
        pipeline.clone()
    }
}

impl From<&Command> for Command {
    fn from(command: &Command) -> Command {
        command.clone()
    }
}

macro_rules! program_names {
    ($($name:ty),*) => {$(
        /// The program of that name, without arguments.
        impl From<$name> for Command {
            fn from(program: $name) -> Command {
                Command::new(program)
            }
        }
    )*};
}

program_names!(&str, &String, String, &OsStr, &OsString, OsString, &Path, &PathBuf, PathBuf);

/// The program that the first word names, with the others as arguments.
impl<S: AsRef<OsStr>, const N: usize> From<[S; N]> for Command {
    fn from(words: [S; N]) -> Command {
        Command::of_words(words)
    }
}

/// The program that the first word names, with the others as arguments.
impl<S: AsRef<OsStr>, const N: usize> From<&[S; N]> for Command {
    fn from(words: &[S; N]) -> Command {
        Command::of_words(words)
    }
}

/// The program that the first word names, with the others as arguments.
impl<S: AsRef<OsStr>> From<&[S]> for Command {
    fn from(words: &[S]) -> Command {
        Command::of_words(words)
    }
}

/// The program that the first word names, with the others as arguments.
impl<S: AsRef<OsStr>> From<Vec<S>> for Command {
    fn from(words: Vec<S>) -> Command {
        Command::of_words(words)
    }
}

/// The program that the first word names, with the others as arguments.
impl<S: AsRef<OsStr>> From<&Vec<S>> for Command {
    fn from(words: &Vec<S>) -> Command {
        Command::of_words(words)
    }
}
