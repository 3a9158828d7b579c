//! Running other programs within the budget of time.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The maximum time of an interrupted program to print its own summary.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum wait for the rest of a program's output after its end.
const PIPE_TIMEOUT: Duration = Duration::from_secs(5);

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The budget of a run: `THREADBOOK_BUDGET` in seconds, or none.
///
/// # Errors
///
/// A sentence for the user, if the variable is no number of seconds.
pub(crate) fn budget() -> Result<Option<Duration>, String> {
    match std::env::var("THREADBOOK_BUDGET") {
        Err(_) => Ok(None),
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => match text.parse() {
            Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
            Err(_) => {
                Err(format!("THREADBOOK_BUDGET is a number of seconds, such as 5000, and not `{text}`"))
            }
        },
    }
}

/// Runs programs in the repository, and ends a program that runs when the budget is spent.
pub(crate) struct Runner {
    root: PathBuf,
    started: Instant,
    budget: Option<Duration>,
    failures: Arc<Mutex<Failures>>,
}

impl Runner {
    pub(crate) fn new(root: PathBuf, budget: Option<Duration>) -> Runner {
        Runner { root, started: Instant::now(), budget, failures: Arc::default() }
    }

    /// The messages of failed tests from the runs of `cargo test`.
    pub(crate) fn failures(&self) -> String {
        self.failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).text.clone()
    }

    /// Runs tests by cargo as [`run`](Runner::run) does, and notes those that fail.
    pub(crate) fn test(&self, command: &mut Command) -> Outcome {
        let (output, end) = std::io::pipe().map_err(|error| error.to_string())?;
        command.stdout(end);
        let failures = self.failures.clone();
        let (sender, ended) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                println!("{line}");
                failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).read(&line);
            }
            drop(sender);
        });
        let outcome = self.run(command);
        command.stdout(Stdio::null());
        // A process that a test has left behind may hold the pipe.
        let _ = ended.recv_timeout(PIPE_TIMEOUT);
        outcome
    }

    /// The time since the start of the run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether the budget is spent.
    pub(crate) fn is_spent(&self) -> bool {
        self.budget.is_some_and(|budget| self.started.elapsed() >= budget)
    }

    /// The failure of a step for which the budget has no time left.
    pub(crate) fn spent(&self) -> String {
        let budget = self.budget.unwrap_or_default().as_secs();
        format!("the budget of {budget} s is spent (THREADBOOK_BUDGET)")
    }

    /// Runs a command in the repository; its output is shown as it is printed.
    pub(crate) fn run(&self, command: &mut Command) -> Outcome {
        let text = text_of(command);
        println!("$ {text}");
        // An active environment is not under test.
        command.current_dir(&self.root).env_remove("VIRTUAL_ENV").env_remove("CONDA_PREFIX");
        if self.budget.is_some() {
            // A group of its own can be ended as a whole. Without a budget, Ctrl-C has to reach it.
            command.process_group(0);
        }
        let child = command.spawn().map_err(|error| format!("`{text}` cannot be started: {error}"))?;
        match self.wait(child) {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(format!("`{text}` ended with {status}")),
            Ok(None) => Err(self.spent()),
            Err(error) => Err(format!("`{text}` cannot be waited for: {error}")),
        }
    }

    /// Waits for a program; `None` if the budget was spent before its end.
    fn wait(&self, mut child: Child) -> std::io::Result<Option<ExitStatus>> {
        if self.budget.is_none() {
            return child.wait().map(Some);
        }
        while !self.is_spent() {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        // pytest ends with its summary when it is interrupted.
        signal("INT", &child);
        let interrupted = Instant::now();
        while interrupted.elapsed() < INTERRUPT_TIMEOUT && child.try_wait()?.is_none() {
            std::thread::sleep(POLL_INTERVAL);
        }
        signal("KILL", &child);
        child.wait()?;
        Ok(None)
    }
}

/// Finds the messages of failed tests in the output of test programs: they are between `failures:` and the
/// names.
#[derive(Default)]
struct Failures {
    is_within: bool,
    text: String,
}

impl Failures {
    fn read(&mut self, line: &str) {
        match line {
            // The second time, the names follow, which the messages already contain.
            "failures:" => self.is_within = !self.is_within,
            _ if line.starts_with("test result: ") => self.is_within = false,
            _ if self.is_within && !line.is_empty() => self.text += &format!("{line}\n"),
            _ => {}
        }
    }
}

/// Sends a signal to the group of a child.
fn signal(name: &str, child: &Child) {
    let _ = Command::new("kill").args([&format!("-{name}"), "--", &format!("-{}", child.id())]).status();
}

fn text_of(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_a_failed_check() {
        let runner = Runner::new(".".into(), None);
        assert_eq!(runner.run(&mut Command::new("true")), Ok(()));
        assert!(runner.run(&mut Command::new("false")).unwrap_err().contains("exit status: 1"));
        assert!(runner.run(&mut Command::new("/there/is/no/such/program")).is_err());
    }

    #[test]
    fn the_failures_of_test_programs_are_noted() {
        let runner = Runner::new(".".into(), None);
        let printed = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\n\
                       panicked: no\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed\n\nrunning 0 tests\n";
        assert!(runner.test(Command::new("sh").args(["-c", &format!("echo '{printed}'; exit 1")])).is_err());
        assert_eq!(runner.failures(), "---- b stdout ----\npanicked: no\n");
    }

    #[test]
    fn a_spent_budget_ends_the_program_and_its_children() {
        let runner = Runner::new(".".into(), Some(Duration::from_millis(300)));
        assert_eq!(runner.run(&mut Command::new("true")), Ok(()));
        let (mut read, write) = std::io::pipe().unwrap();
        let mut command = Command::new("sh");
        // The background job of a shell ignores SIGINT, so the group has to be killed; `exec` lets the shell die.
        command.args(["-c", "sleep 600 & exec sleep 600"]).stdout(write);
        let outcome = runner.run(&mut command);
        drop(command);
        assert!(outcome.unwrap_err().contains("THREADBOOK_BUDGET"));
        // Every holder of the pipe is gone.
        assert_eq!(std::io::Read::read(&mut read, &mut [0]).unwrap(), 0);
        assert!(runner.is_spent());
    }
}
