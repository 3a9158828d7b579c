//! The times of a command, as the shell's `time` reports them.

use crate::interrupt::stop_if_interrupted;
use crate::measurement::Measurement;
use crate::units::{counted, human};
use std::fmt;
use std::time::Duration;
use threadbook_subprocess::{CompletedProcess, Pipeline, SubprocessError, run};

/// Measures a command: [`runs`](CommandTimer::runs) sets the number of runs, and [`run`](CommandTimer::run)
/// starts them.
///
/// The command can be anything that [`threadbook_subprocess::run`] takes. Its output is captured.
///
/// # Examples
///
/// ```
/// use threadbook_timing::time_command;
///
/// let timing = time_command(["sleep", "0.05"]).runs(3).run()?;
/// println!("{timing}"); // real 52.1 ms ± 0.3 ms …
/// assert!(timing.real >= std::time::Duration::from_millis(50) && timing.user < timing.real);
/// # Ok::<(), threadbook_subprocess::SubprocessError>(())
/// ```
pub fn time_command(command: impl Into<Pipeline>) -> CommandTimer {
    CommandTimer { command: command.into(), runs: 1 }
}

/// A command to measure; made by [`time_command`].
#[derive(Clone)]
#[must_use = "nothing is run until `run`"]
pub struct CommandTimer {
    command: Pipeline,
    runs: usize,
}

impl CommandTimer {
    /// Sets the number of runs, at least 1. The default is 1.
    pub fn runs(self, runs: usize) -> CommandTimer {
        CommandTimer { runs: runs.max(1), ..self }
    }

    /// Runs the command repeatedly. A command that fails is no error; the shown result names the failures.
    ///
    /// # Errors
    ///
    /// [`SubprocessError`] if it cannot be started, or is ended by its time-out.
    ///
    /// # Panics
    ///
    /// With the message `interrupted`, if the cell is interrupted between two runs.
    pub fn run(self) -> Result<CommandTiming, SubprocessError> {
        let mut all = vec![run(self.command.clone())?];
        while all.len() < self.runs {
            stop_if_interrupted();
            all.push(run(self.command.clone())?);
        }
        Ok(CommandTiming::of(all))
    }
}

/// The mean times of a command; made by [`time_command`].
#[derive(Clone)]
#[non_exhaustive]
pub struct CommandTiming {
    /// The elapsed time.
    pub real: Duration,
    /// The processor time of the command and of the children that it waited for, in user mode.
    pub user: Duration,
    /// The processor time of the same processes in the system.
    pub sys: Duration,
    /// The elapsed time of each run.
    pub measurement: Measurement,
    /// The runs, with their output and exit status.
    pub runs: Vec<CompletedProcess>,
}

impl CommandTiming {
    fn of(runs: Vec<CompletedProcess>) -> CommandTiming {
        let mean = |time: fn(&CompletedProcess) -> Duration| {
            let sum: f64 = runs.iter().map(|run| time(run).as_secs_f64()).sum();
            Duration::from_secs_f64(sum / runs.len().max(1) as f64)
        };
        CommandTiming {
            real: mean(|run| run.elapsed),
            user: mean(|run| run.usage.user),
            sys: mean(|run| run.usage.system),
            measurement: Measurement::new(1, runs.iter().map(|run| run.elapsed.as_secs_f64())),
            runs,
        }
    }

    /// The number of failed runs: with a non-zero exit code, or ended by a signal.
    pub fn failed(&self) -> usize {
        self.runs.iter().filter(|run| run.returncode != 0).count()
    }
}

/// The three lines that the shell's `time` prints, then the notes.
impl fmt::Display for CommandTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [real, user, sys] = [self.real, self.user, self.sys].map(|time| human(time.as_secs_f64()));
        write!(f, "real  {real}\nuser  {user}\nsys   {sys}")?;
        if self.runs.len() > 1 {
            let seconds = self.measurement.seconds();
            let min = human(seconds.iter().copied().fold(f64::INFINITY, f64::min));
            let max = human(seconds.iter().copied().fold(0.0, f64::max));
            write!(f, "\nmean of {}, real from {min} to {max}", counted(self.runs.len(), "run"))?;
        }
        match self.failed() {
            0 => Ok(()),
            failed => {
                let code = self.runs.iter().map(|run| run.returncode).find(|code| *code != 0).unwrap_or(0);
                write!(f, "\nBeware: {} failed, with exit code {code}", counted(failed, "run"))
            }
        }
    }
}

impl fmt::Debug for CommandTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadbook_subprocess::shell;

    #[test]
    fn a_command_runs_as_often_as_asked() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("count");
        let line = format!("echo one >> {}; echo done", file.display());
        let timing = time_command(shell(line)).runs(3).run().unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 3);
        assert_eq!((timing.runs.len(), timing.measurement.seconds().len(), timing.failed()), (3, 3, 0));
        assert_eq!(timing.runs[2].stdout, b"done\n");
        assert!(timing.to_string().contains("mean of 3 runs, real from "), "{timing}");
    }

    #[test]
    fn no_time_is_shown_without_decimals() {
        let mut timing = time_command(["true"]).run().unwrap();
        timing.sys = Duration::ZERO;
        assert!(timing.to_string().ends_with("\nsys   0 s"), "{timing}");
    }

    #[test]
    fn real_is_what_passes_and_user_what_is_worked() {
        let sleep = time_command(["sleep", "0.1"]).run().unwrap();
        assert!(sleep.real >= Duration::from_millis(100) && sleep.user < Duration::from_millis(100));
        // A loop that uses enough processor time to be measured.
        let work = time_command(shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")).run().unwrap();
        assert!(work.user > Duration::ZERO, "{work}");
    }

    #[test]
    fn a_command_that_fails_is_said_to_and_one_that_does_not_exist_is_an_error() {
        let timing = time_command(shell("exit 3")).runs(2).run().unwrap();
        assert!(timing.to_string().ends_with("Beware: 2 runs failed, with exit code 3"), "{timing}");
        assert!(time_command("there-is-no-such-command").runs(3).run().is_err());
    }
}
