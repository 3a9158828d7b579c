//! Commands: a program with its arguments, environment, directory and redirections.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A program with its arguments, environment, directory and redirections. Wherever a command is accepted, so
/// are `"ls"`, `["ls", "-l"]` and [`shell("ls | wc -l")`](shell).
///
/// Two with `|` between them are a [`Pipeline`](crate::Pipeline).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadbook_subprocess::{Command, check_output};
///
/// let greet = Command::new("sh").args(["-c", "echo $GREETING, $(cat)"]);
/// let greet = greet.env("GREETING", "Hello").input("world").timeout(Duration::from_secs(60));
/// assert_eq!(check_output(greet)?, "Hello, world\n");
/// # Ok::<(), threadbook_subprocess::SubprocessError>(())
/// ```
#[derive(Clone)]
pub struct Command {
    /// The program and its arguments; if there are none, spawning returns an error.
    pub(crate) words: Vec<OsString>,
    pub(crate) environment: Vec<Change>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) input: Option<Arc<[u8]>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stdin: Option<Redirect>,
    pub(crate) stdout: Option<Redirect>,
    pub(crate) stderr: Option<Redirect>,
}

/// A change to the environment that a command inherits.
#[derive(Clone)]
pub(crate) enum Change {
    Set(OsString, OsString),
    Remove(OsString),
    Clear,
}

/// The source or destination of a command's stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Redirect {
    /// The stream of this process. In a notebook, the output appears in the cell at once.
    Inherit,
    /// Nowhere: `/dev/null`.
    Null,
    /// A pipe, to read or write through the [`Child`](crate::Child). The results of [`run`](crate::run) and
    /// the other functions contain the output that they read from it.
    Pipe,
    /// As [`Redirect::Pipe`], and the output is also copied to the stream of this process. For output.
    Tee,
    /// The destination of the command's standard output. For standard error, as `2>&1` in a shell.
    Stdout,
    /// An open file: `Redirect::from(File::create("log.txt")?)`. Commands with clones of the same file share
    /// its position.
    File(Arc<OwnedFd>),
}

impl<T: Into<OwnedFd>> From<T> for Redirect {
    fn from(file: T) -> Redirect {
        Redirect::File(Arc::new(file.into()))
    }
}

/// A line for the shell `sh`, which splits it into words and supports pipes, variables and patterns.
///
/// # Examples
///
/// ```
/// use threadbook_subprocess::{check_output, shell};
///
/// assert_eq!(check_output(shell("echo 1 2 3 | tr 1 Q"))?, "Q 2 3\n");
/// # Ok::<(), threadbook_subprocess::SubprocessError>(())
/// ```
pub fn shell(line: impl AsRef<OsStr>) -> Command {
    Command::new("sh").arg("-c").arg(line)
}

impl Command {
    /// The program of that name, searched in `PATH` if it contains no `/`. A relative path with a `/` is
    /// resolved from [`cwd`](Command::cwd), as in Python.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        Command::of_words([program])
    }

    pub(crate) fn of_words(words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        Command {
            words: words.into_iter().map(|word| word.as_ref().to_owned()).collect(),
            environment: Vec::new(),
            cwd: None,
            input: None,
            timeout: None,
            stdin: None,
            stdout: None,
            stderr: None,
        }
    }

    /// Adds an argument. It is passed unchanged: no shell parses it.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Command {
        self.words.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        self.words.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the environment, which otherwise is that of this process.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Command {
        self.environment.push(Change::Set(name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets variables of the environment.
    pub fn envs(
        self,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Command {
        variables.into_iter().fold(self, |command, (name, value)| command.env(name, value))
    }

    /// Removes a variable from the environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Command {
        self.environment.push(Change::Remove(name.as_ref().to_owned()));
        self
    }

    /// Removes all variables from the environment.
    pub fn env_clear(mut self) -> Command {
        self.environment.push(Change::Clear);
        self
    }

    /// Sets the working directory; the default is that of this process.
    pub fn cwd(mut self, directory: impl AsRef<Path>) -> Command {
        self.cwd = Some(directory.as_ref().to_owned());
        self
    }

    /// Sets the text of the command's standard input, which is `/dev/null` by default. A command that does
    /// not read all of it is no error.
    pub fn input(mut self, bytes: impl AsRef<[u8]>) -> Command {
        self.input = Some(bytes.as_ref().into());
        self
    }

    /// Sets a time-out. When it expires, the command is ended with all processes that it has started, and
    /// waits for it return [`TimedOut`](crate::SubprocessError::TimedOut). In a pipeline, the shortest one
    /// applies to all commands.
    pub fn timeout(mut self, limit: Duration) -> Command {
        self.timeout = Some(limit);
        self
    }

    /// Sets the source of standard input, if it is neither `/dev/null` nor [`input`](Command::input).
    pub fn stdin(mut self, from: impl Into<Redirect>) -> Command {
        self.stdin = Some(from.into());
        self
    }

    /// Sets the destination of standard output, instead of the default of the function that runs the command.
    pub fn stdout(mut self, to: impl Into<Redirect>) -> Command {
        self.stdout = Some(to.into());
        self
    }

    /// Sets the destination of standard error, instead of the default of the function that runs the command.
    pub fn stderr(mut self, to: impl Into<Redirect>) -> Command {
        self.stderr = Some(to.into());
        self
    }
}

impl fmt::Display for Command {
    /// The command as it is typed in a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, word) in self.words.iter().enumerate() {
            let gap = if n > 0 { " " } else { "" };
            write!(f, "{gap}{}", quoted(&word.to_string_lossy()))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

/// A word, quoted so that a shell parses it as a single one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "%+,-./:=@_".contains(c);
    match word {
        "" => "''".into(),
        plain if plain.chars().all(is_plain) => plain.into(),
        other => format!("'{}'", other.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arbtest::arbtest;

    #[test]
    fn test_list2cmdline() {
        let text = |words: &[&str]| Command::of_words(words).to_string();
        assert_eq!(text(&["a b c", "d", "e"]), "'a b c' d e");
        assert_eq!(text(&["ab\"c", "\\", "d"]), r#"'ab"c' '\' d"#);
        assert_eq!(text(&["it's", ""]), r"'it'\''s' ''");
        assert_eq!(text(&["ls", "-l", "/tmp/x.rs"]), "ls -l /tmp/x.rs");
    }

    #[test]
    fn a_shell_reads_the_words_back() {
        arbtest(|random| {
            let words: Vec<String> = random.arbitrary()?;
            let words: Vec<String> = words.into_iter().map(|word| word.replace('\0', "")).collect();
            let line = Command::of_words(["printf", "%s\\n"].map(str::to_owned).iter().chain(&words));
            let output = std::process::Command::new("sh").arg("-c").arg(line.to_string()).output().unwrap();
            let expected: String = words.iter().map(|word| format!("{word}\n")).collect();
            let expected = if words.is_empty() { "\n".to_owned() } else { expected };
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
            Ok(())
        })
        .budget_ms(500);
    }
}
