//! `threadbook grade`: checks the answers to the exercises of a notebook.
//!
//! The key is the notebook that was handed out. Of a submission, only the answers are used: the cells whose ids end in
//! `-start`. The checks are those of the key, so a deleted, moved or edited check has no effect. Each answer is checked in
//! a fresh kernel, in an empty directory, with limits of time, memory, processes and file sizes, and without the variables
//! of the grader's environment.
//!
//! An answer is native code with all rights of the user: the limits contain accidents, not attacks.

mod answer;
mod exercise;
mod remark;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use threadbook_notebook::file;

use super::install_dir::KERNEL;
use super::run::{find_kernel, seconds};
use super::say;
use exercise::{Cells, Grade, Key};
use remark::printable;

/// The limits of each process, in bytes or processes. The limit of processes counts all processes of the user.
const LIMITS: [(Resource, u64); 4] = [
    (Resource::RLIMIT_AS, 8 << 30),
    (Resource::RLIMIT_FSIZE, 1 << 30),
    (Resource::RLIMIT_NPROC, 4096),
    (Resource::RLIMIT_CORE, 0),
];

/// What to grade, and by which key.
#[derive(Args)]
pub(crate) struct GradeOptions {
    /// The submitted notebooks
    #[arg(value_name = "NB", required = true)]
    submissions: Vec<PathBuf>,
    /// The notebook that was handed out, with its checks
    #[arg(long, value_name = "NB")]
    key: PathBuf,
    /// Write the points to this file, as comma-separated values
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// The time limit of an answer, and of its check
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,
    /// The kernel, by the name that Jupyter knows it by
    #[arg(long, value_name = "NAME", default_value = KERNEL)]
    name: String,
}

/// Grades the submissions one after the other. Fails at the end if an answer could not be read or run.
pub(crate) fn grade(options: &GradeOptions) -> anyhow::Result<()> {
    let key = Key::read(&options.key)?;
    let (spec, argv) = find_kernel(&options.name)?;
    for (resource, limit) in LIMITS {
        restrict(resource, limit).with_context(|| format!("cannot limit {resource:?}"))?;
    }
    let run = |code: &str, check: &str| answer::checked(&spec, &argv, code, check, options.timeout);
    let mut rows = vec![["submission", "exercise", "points", "maximum", "remark"].map(str::to_owned)];
    let mut refused = 0;
    for path in &options.submissions {
        let name = path.display().to_string();
        say(printable(&name));
        let cells = match Cells::read(path) {
            Ok(cells) => cells,
            Err(error) => {
                refused += 1;
                let remark = printable(&format!("{error:#}"));
                say(format_args!("  not graded: {remark}"));
                rows.push([name, String::new(), "0".to_owned(), key.maximum().to_string(), remark]);
                continue;
            }
        };
        let (mut points, mut by_hand, mut all_run) = (0, 0, true);
        for exercise in &key.exercises {
            let (given, remark) = match exercise.grade(&cells, run) {
                Grade::Points { points: given, remark } => {
                    points += given;
                    (given.to_string(), remark)
                }
                Grade::ByHand => {
                    by_hand += exercise.points;
                    (String::new(), "to be read by a person".to_owned())
                }
                Grade::NotRun { reason } => {
                    all_run = false;
                    (String::new(), format!("not graded: {reason}"))
                }
            };
            let shown = if given.is_empty() { "-" } else { &given };
            let line = format!("  {:<28} {shown:>2} of {:<2} {remark}", exercise.name, exercise.points);
            say(line.trim_end());
            rows.push([name.clone(), exercise.name.clone(), given, exercise.points.to_string(), remark]);
        }
        refused += usize::from(!all_run);
        let checked = key.maximum() - by_hand;
        say(format_args!("  {points} of {checked} points; {by_hand} more are given by hand"));
    }
    if let Some(path) = &options.csv {
        file::replace(path, csv(&rows).as_bytes())?;
    }
    match refused {
        0 => Ok(()),
        _ => bail!("{refused} of {} submissions could not be graded", options.submissions.len()),
    }
}

/// Lowers a limit of this process, which its children inherit.
fn restrict(resource: Resource, limit: u64) -> nix::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let limit = limit.min(hard);
    setrlimit(resource, limit, limit)
}

/// The rows as comma-separated values, as in RFC 4180. A spreadsheet computes no field.
fn csv(rows: &[[String; 5]]) -> String {
    let field = |text: &String| {
        let formula = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
        format!("\"{formula}{}\"", text.replace('"', "\"\""))
    };
    let line = |row: &[String; 5]| row.iter().map(field).collect::<Vec<_>>().join(",") + "\r\n";
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_no_formulas() {
        let row = ["=1+1", "a,b", "2", "3", "say \"no\""].map(str::to_owned);
        assert_eq!(csv(&[row]), "\"'=1+1\",\"a,b\",\"2\",\"3\",\"say \"\"no\"\"\"\r\n");
    }
}
