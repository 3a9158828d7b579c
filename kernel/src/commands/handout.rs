//! `threadbook handout`: notebooks as files to hand out.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use threadbook_handout::{Edition, Format, Progress, Recipe, Trust, make};

use super::run::{Execution, Kernel};
use super::{browser, mend, say, warn};
use crate::session::magics;

/// What to make, of which notebooks.
#[derive(Args)]
pub(crate) struct HandoutOptions {
    /// The notebooks
    #[arg(value_name = "NB", required = true)]
    notebooks: Vec<PathBuf>,
    /// What to make; several are separated by commas
    #[arg(long = "to", value_name = "FORMAT", value_delimiter = ',', default_value = "html,pdf")]
    formats: Vec<FormatName>,
    /// Leave solutions out and room to write (the default)
    #[arg(long, conflicts_with = "teacher")]
    student: bool,
    /// With solutions, and with hints unfolded
    #[arg(long)]
    teacher: bool,
    /// Take the outputs that the notebooks have, and execute nothing
    #[arg(long, conflicts_with_all = ["timeout", "allow_errors", "name"])]
    as_is: bool,
    /// Run the scripts in the notebooks' HTML, and take in pictures from outside of their directories. Without this,
    /// handouts of strangers' notebooks are safe to open
    #[arg(long)]
    trusted: bool,
    /// Where the handouts go [default: `handouts` beside each notebook]
    #[arg(long, value_name = "DIR", alias = "output")]
    output_dir: Option<PathBuf>,
    #[command(flatten)]
    execution: Execution,
}

/// A format by its name on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum FormatName {
    /// One page that needs no network
    Html,
    /// A page to present with the arrow keys
    Slides,
    /// A Rust file, with the text as comments
    Script,
    /// The page, printed by Chromium or Chrome
    Pdf,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Html => Self::Html,
            FormatName::Slides => Self::Slides,
            FormatName::Script => Self::Script,
            FormatName::Pdf => Self::Pdf,
        }
    }
}

/// Makes the handouts of one notebook after the other; fails at the first that cannot be executed.
pub(crate) fn handout(options: &HandoutOptions) -> anyhow::Result<()> {
    let kernel = if options.as_is { None } else { Some(Kernel::find(&options.execution)?) };
    let browser = browser::find();
    let recipe = Recipe {
        notebooks: &options.notebooks,
        formats: options.formats.iter().copied().map(Format::from).collect(),
        // Without a choice of edition, a handout gives no solution away.
        edition: if options.teacher { Edition::Teacher } else { Edition::Student },
        trust: if options.trusted { Trust::Full } else { Trust::Sanitized },
        output_dir: options.output_dir.as_deref(),
        browser: browser.as_deref(),
        not_rust: magics::places,
    };
    match &kernel {
        Some(kernel) => make(&recipe, Some(&|path, notebook| kernel.execute(path, notebook)), &mut print)?,
        None => make(&recipe, None, &mut print)?,
    }
    if browser.is_none() && recipe.formats.contains(&Format::Pdf) {
        return Err(mend(format!("no PDF was made: there is {}", browser::MISSING), browser::INSTALL));
    }
    Ok(())
}

fn print(progress: Progress) {
    match progress {
        Progress::Begins(notebook) => say(notebook.display()),
        Progress::Made(handout) => say(format_args!("  {}", handout.display())),
        Progress::LeftOut { notebook, sentence } => {
            warn(format_args!("left out of the handout of {}: {sentence}", notebook.display()));
        }
        // Only the page's own sandbox stands between the page and root's files.
        Progress::NoSandbox => warn(
            "the browser prints without its sandbox, which it does not have as root; a user without rights is safer",
        ),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::commands::{Cli, Command};

    fn parse(arguments: &[&str]) -> Result<HandoutOptions, clap::Error> {
        let line = ["threadbook", "handout"].iter().chain(arguments);
        match Cli::try_parse_from(line)?.command {
            Some(Command::Handout(options)) => Ok(options),
            _ => panic!("another command"),
        }
    }

    #[test]
    fn formats_are_separated_by_commas() {
        assert_eq!(parse(&["a.ipynb"]).unwrap().formats, [FormatName::Html, FormatName::Pdf]);
        let all = parse(&["a.ipynb", "--to", "html,pdf,slides,script"]).unwrap().formats;
        assert_eq!(all, [FormatName::Html, FormatName::Pdf, FormatName::Slides, FormatName::Script]);
        let wrong = parse(&["a.ipynb", "--to", "docx"]).err().unwrap();
        assert!(wrong.to_string().contains("slides"), "{wrong}");
    }

    #[test]
    fn one_edition_at_a_time_and_no_time_limit_without_a_run() {
        for wrong in [["--student", "--teacher"], ["--as-is", "--allow-errors"]] {
            let error = parse(&["a.ipynb", wrong[0], wrong[1]]).err().expect("this is wrong use");
            assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
        }
        assert!(parse(&["a.ipynb", "--as-is", "--output", "x"]).is_ok());
    }
}
