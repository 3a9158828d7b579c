//! The result of a command.

use std::ffi::OsString;
use std::fmt::{self, Write};
use std::time::Duration;

use threadbook_display::{MimeBundle, offer};

use crate::error::{SubprocessError, how_it_ended};
use crate::job::Job;
use crate::usage::Usage;

/// The maximum number of output lines that a cell shows. The value contains all of them.
const LINES: usize = 40;

/// The result of a command, as [`run`](crate::run) returns it.
///
/// As a cell's last value, it is shown as a table with the output below.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletedProcess {
    /// The program and its arguments; for a pipeline, those of all commands, with `|` between them.
    pub args: Vec<OsString>,
    /// The exit code; -N if it was ended by signal N. For a pipeline, that of the last command.
    pub returncode: i32,
    /// The captured standard output.
    pub stdout: Vec<u8>,
    /// The captured standard error.
    pub stderr: Vec<u8>,
    /// The time from the start to the end.
    pub elapsed: Duration,
    /// The resource usage; for a pipeline, the total of all commands.
    pub usage: Usage,
    /// The commands of a pipeline, in their order. A single command is one stage.
    pub stages: Vec<Stage>,
    text: String,
}

/// The result of one command of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stage {
    /// The program and its arguments.
    pub args: Vec<OsString>,
    /// The exit code; -N if it was ended by signal N.
    pub returncode: i32,
    /// The resource usage.
    pub usage: Usage,
}

/// The style of printed text, inline because an exported page has no style sheet for it.
const TEXT: &str = "margin: 0.2em 0 0.6em 1em; font-family: monospace";

impl CompletedProcess {
    /// `job` must have been reaped.
    pub(crate) fn new(job: &Job, stdout: Vec<u8>, stderr: Vec<u8>) -> CompletedProcess {
        let (ended, elapsed) = job.ended();
        let stage = |(args, ended): (&Vec<OsString>, crate::process::Ended)| Stage {
            args: args.clone(),
            returncode: ended.returncode,
            usage: ended.usage.above(job.floor),
        };
        let stages: Vec<Stage> = job.words.iter().zip(ended).map(stage).collect();
        let words: Vec<&[OsString]> = stages.iter().map(|stage| stage.args.as_slice()).collect();
        CompletedProcess {
            args: words.join(&OsString::from("|")),
            returncode: stages.last().map_or(0, |stage| stage.returncode),
            stdout,
            stderr,
            elapsed,
            usage: stages.iter().map(|stage| stage.usage).fold(Usage::NOTHING, Usage::and),
            stages,
            text: job.text.clone(),
        }
    }

    /// Returns the result if the exit code is 0.
    ///
    /// # Errors
    ///
    /// [`SubprocessError::NonZero`] if the exit code is not 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadbook_subprocess::{run, shell};
    ///
    /// let error = run(shell("echo no luck >&2; exit 3"))?.check_returncode().unwrap_err();
    /// assert!(error.to_string().ends_with("ended with exit code 3: no luck"));
    /// # Ok::<(), threadbook_subprocess::SubprocessError>(())
    /// ```
    pub fn check_returncode(self) -> Result<CompletedProcess, SubprocessError> {
        if self.returncode == 0 {
            return Ok(self);
        }
        let CompletedProcess { text: command, returncode: status, stdout, stderr, .. } = self;
        Err(SubprocessError::NonZero { command, status, stdout, stderr })
    }

    /// Standard output as text, with `�` for invalid UTF-8.
    pub fn stdout_lossy(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text, with `�` for invalid UTF-8.
    pub fn stderr_lossy(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    fn captured(&self) -> [(&'static str, String); 2] {
        [("stdout", head(&self.stdout)), ("stderr", head(&self.stderr))]
    }

    fn html(&self) -> String {
        let heading = ["command", "exit code", "user", "system", "peak memory"];
        let heading: String = heading.iter().map(|name| format!("<th>{name}</th>")).collect();
        let mut page = format!("<table><thead><tr>{heading}</tr></thead><tbody>");
        for stage in &self.stages {
            let [user, system] = stage.usage.times();
            let command = escaped(&crate::Command::of_words(&stage.args).to_string());
            let (code, memory) = (stage.returncode, stage.usage.memory());
            let _ = write!(
                page,
                "<tr><td style=\"text-align:left\"><code>{command}</code></td><td>{code}</td>\
                 <td>{user}</td><td>{system}</td><td>{memory}</td></tr>"
            );
        }
        let how = escaped(&how_it_ended(self.returncode));
        let _ = write!(page, "</tbody></table><p>{how} after {:.3?}</p>", self.elapsed);
        for (name, text) in self.captured().into_iter().filter(|(_, text)| !text.is_empty()) {
            let _ = write!(page, "<div>{name}</div><pre style=\"{TEXT}\">{}</pre>", escaped(&text));
        }
        page
    }
}

impl fmt::Display for CompletedProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CompletedProcess { text, returncode, elapsed, usage, .. } = self;
        write!(f, "`{text}` {} after {elapsed:.3?} ({usage})", how_it_ended(*returncode))?;
        for (name, text) in self.captured().into_iter().filter(|(_, text)| !text.is_empty()) {
            write!(f, "\n{name}:")?;
            text.lines().try_for_each(|line| write!(f, "\n  {line}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for CompletedProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        offer::<Self>(|| {
            let both = [("text/html", self.html()), ("text/plain", self.to_string())];
            both.map(|(mime, text)| (mime.to_owned(), text.into())).into_iter().collect::<MimeBundle>()
        });
        fmt::Display::fmt(self, f)
    }
}

/// The first lines, and the number of the remaining ones.
fn head(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let mut lines = text.lines();
    let mut head: String = lines.by_ref().take(LINES).map(|line| format!("{line}\n")).collect();
    match lines.count() {
        0 => {}
        1 => head += "… and one more line",
        more => {
            let _ = write!(head, "… and {more} more lines");
        }
    }
    head
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, run, shell};
    use threadbook_display::bundle_of;

    #[test]
    fn a_cell_shows_a_table_and_the_output() {
        let bundle = bundle_of(&run(shell("echo '<b>&'; echo oops >&2; exit 3") | ["cat"]).unwrap());
        let html = bundle["text/html"].as_str().unwrap();
        assert_eq!(html.matches("<tr>").count(), 3, "a heading and two commands: {html}");
        for part in ["<td>3</td>", "<td>0</td>", ">&lt;b&gt;&amp;\n</pre>", ">oops\n</pre>"] {
            assert!(html.contains(part), "{part} in {html}");
        }
        let text = bundle["text/plain"].as_str().unwrap();
        assert!(
            text.starts_with("`sh -c 'echo") && text.contains(" ended with exit code 0 after "),
            "{text}"
        );
        assert!(text.ends_with("\nstdout:\n  <b>&\nstderr:\n  oops"), "{text}");
    }

    #[test]
    fn without_output_there_is_nothing_below_the_table() {
        let done = run("true").unwrap();
        assert!(!done.html().contains("<pre") && !done.to_string().contains('\n'));
    }

    #[test]
    fn of_long_output_the_beginning_is_shown() {
        let done = run(Command::new("seq").arg("1000")).unwrap();
        assert!(done.html().contains("\n40\n… and 960 more lines</pre>"), "{}", done.html());
        assert_eq!(done.stdout.len(), 3893);
        assert!(head(&done.stdout[..111]).ends_with("40\n"));
        assert!(head(&done.stdout[..114]).ends_with("40\n… and one more line"));
    }
}
