//! `threadbook handout`: notebooks as files to hand out. Each is whole by itself and needs no network.
//!
//! A notebook becomes a [`document::Document`], which has what the edition shows. [`page`] makes of it a page
//! of HTML, which [`pdf`] prints; [`slides`] and [`script`] are the other formats.
//!
//! The notebook may be a stranger's. [`clean`] sanitizes its HTML, [`files`] keeps it from files outside of its directory,
//! and [`super::file`] writes through no link.

mod body;
mod clean;
mod code;
mod document;
mod files;
mod formula;
mod markdown;
mod output;
mod page;
mod pdf;
mod picture;
mod script;
mod slides;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Once;

use ansi_to_html::Esc as Escaped;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use nix::unistd::Uid;

use super::file;
use super::notebook::Notebook;
use super::origin::{self, Origin};
use super::run::{Execution, Kernel};
use super::{browser, mend, say, warn};
use document::{Document, Edition};
use files::{Files, LeftOut, Trust};
use markdown::Beside;

/// What to make, of which notebooks.
#[derive(Args)]
pub(crate) struct Options {
    /// The notebooks
    #[arg(value_name = "NB", required = true)]
    notebooks: Vec<PathBuf>,
    /// What to make; several are separated by commas
    #[arg(long = "to", value_name = "FORMAT", value_delimiter = ',', default_value = "html,pdf")]
    formats: Vec<Format>,
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

/// In the order in which they are made: what needs another program comes last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
enum Format {
    /// One page that needs no network
    Html,
    /// A page to present with the arrow keys
    Slides,
    /// A Rust file, with the text as comments
    Script,
    /// The page, printed by Chromium or Chrome
    Pdf,
}

impl Format {
    /// How the name of a file in this format ends.
    fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Slides => "slides.html",
            Self::Script => "rs",
        }
    }
}

/// Makes the handouts of one notebook after the other; fails at the first that cannot be executed.
pub(crate) fn handout(options: &Options) -> anyhow::Result<()> {
    // Whoever forgets to say for whom a handout is gives no solution away.
    let edition = if options.teacher { Edition::Teacher } else { Edition::Student };
    let stems = stems(&options.notebooks, options.output_dir.as_deref(), edition)?;
    let kernel = if options.as_is { None } else { Some(Kernel::find(&options.execution)?) };
    let browser = browser::find();
    let formats = BTreeSet::from_iter(&options.formats);
    let trust = if options.trusted { Trust::Full } else { Trust::Sanitized };
    for (path, stem) in options.notebooks.iter().zip(&stems) {
        say(path.display());
        let mut notebook = Notebook::read(path)?;
        if let Some(kernel) = &kernel {
            // What is no notebook is not executed first.
            read(&notebook, edition, path)?;
            kernel.execute(path, &mut notebook)?;
        }
        let document = read(&notebook, edition, path)?;
        let handout = Handout { facts: facts(&notebook, &document), document };
        drop(notebook);
        let left_out = LeftOut::default();
        let files = Files { directory: path.parent().unwrap_or(Path::new("")), trust, left_out: &left_out };
        let directory = stem.parent().unwrap_or(Path::new(""));
        match options.output_dir {
            Some(_) => file::make_directory(directory)?,
            None => file::make_directory_beside(directory)?,
        }
        for format in &formats {
            let target = stem.with_added_extension(format.ending());
            let others = options.notebooks.iter().zip(&stems);
            let handouts = names_beside(path, &target, others, **format);
            if handout.write(**format, &target, Beside { files, handouts: &handouts }, browser.as_deref())? {
                say(format_args!("  {}", target.display()));
            }
        }
        for sentence in left_out.into_sentences() {
            warn(format_args!("left out of the handout of {}: {sentence}", path.display()));
        }
    }
    if browser.is_none() && formats.contains(&Format::Pdf) {
        return Err(mend(format!("no PDF was made: there is {}", browser::MISSING), browser::INSTALL));
    }
    Ok(())
}

fn read(notebook: &Notebook, edition: Edition, path: &Path) -> anyhow::Result<Document> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Document::read(notebook, edition, &name).with_context(|| format!("{} is not a notebook", path.display()))
}

/// Of a notebook that was saved without outputs, which `--as-is` does not execute.
const NO_OUTPUTS: &str =
    "none, because the notebook was saved without them and not executed for this handout";

/// What stands below the title: a name, and what it is.
type Facts = Vec<(&'static str, String)>;

fn facts(notebook: &Notebook, document: &Document) -> Facts {
    let saved = if document.has_outputs() { "as they were saved in the notebook" } else { NO_OUTPUTS };
    match Origin::of(notebook) {
        Some(origin) => vec![
            ("Date", origin.date),
            ("Versions", format!("Threadbook {}, rustc {}", origin.threadbook, origin.rustc)),
            ("Timings taken on", origin.machine),
        ],
        None => vec![
            ("Date", origin::today()),
            ("Version", format!("Threadbook {}", env!("CARGO_PKG_VERSION"))),
            ("Outputs", saved.to_owned()),
        ],
    }
}

/// One edition of one notebook, ready to be written.
struct Handout {
    document: Document,
    facts: Facts,
}

impl Handout {
    /// Writes it in one format; false if there is nothing to make it with.
    fn write(
        &self,
        format: Format,
        target: &Path,
        beside: Beside,
        browser: Option<&Path>,
    ) -> anyhow::Result<bool> {
        let text = match (format, browser) {
            (Format::Html, _) => page::page(&self.document, &self.facts, beside),
            (Format::Slides, _) => slides::slides(&self.document, &self.facts, beside),
            (Format::Script, _) => script::script(&self.document, &self.facts),
            (Format::Pdf, None) => return Ok(false),
            (Format::Pdf, Some(browser)) => {
                warn_of_root();
                let page = page::page(&self.document, &self.facts, beside);
                pdf::print(browser, &page, target, beside.files.trust)?;
                return Ok(true);
            }
        };
        file::replace(target, text.as_bytes())?;
        Ok(true)
    }
}

/// Says once that nothing but the page's own sandbox stands between what is printed and root's files.
fn warn_of_root() {
    static ONCE: Once = Once::new();
    if Uid::effective().is_root() {
        ONCE.call_once(|| {
            warn("the browser prints without its sandbox, which it does not have as root; a user without rights is safer");
        });
    }
}

/// The handouts that `target` may link to, by the names of their notebooks: those in the same format that are made in
/// the same run, of notebooks in one directory into one directory. On paper no link leads to a file.
fn names_beside<'a>(
    notebook: &Path,
    target: &Path,
    others: impl Iterator<Item = (&'a PathBuf, &'a PathBuf)>,
    format: Format,
) -> BTreeMap<String, String> {
    let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let linked = matches!(format, Format::Html | Format::Slides);
    others
        .filter(|(other, stem)| {
            linked && other.parent() == notebook.parent() && stem.parent() == target.parent()
        })
        .filter_map(|(other, stem)| Some((name(other)?, name(&stem.with_added_extension(format.ending()))?)))
        .collect()
}

/// Where the handouts of each notebook go, without the ending. No two notebooks may share a place.
fn stems(notebooks: &[PathBuf], output_dir: Option<&Path>, edition: Edition) -> anyhow::Result<Vec<PathBuf>> {
    let mut stems = BTreeMap::new();
    let mut in_order = Vec::new();
    for notebook in notebooks {
        let name = notebook.file_stem().with_context(|| format!("{} is no file", notebook.display()))?;
        let beside = notebook.parent().unwrap_or(Path::new("")).join("handouts");
        let name = format!("{}-{}", name.to_string_lossy(), edition.name());
        let stem = output_dir.unwrap_or(&beside).join(name);
        if let Some(other) = stems.insert(stem.clone(), notebook) {
            bail!(
                "the handouts of {} and {} would have one name; make them apart",
                other.display(),
                notebook.display()
            );
        }
        in_order.push(stem);
    }
    Ok(in_order)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;
    use crate::commands::{Cli, Command};

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        let line = ["threadbook", "handout"].iter().chain(arguments);
        match Cli::try_parse_from(line)?.command {
            Some(Command::Handout(options)) => Ok(options),
            _ => panic!("another command"),
        }
    }

    #[test]
    fn formats_are_separated_by_commas() {
        assert_eq!(parse(&["a.ipynb"]).unwrap().formats, [Format::Html, Format::Pdf]);
        let all = parse(&["a.ipynb", "--to", "html,pdf,slides,script"]).unwrap().formats;
        assert_eq!(all, [Format::Html, Format::Pdf, Format::Slides, Format::Script]);
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

    #[test]
    fn handouts_lie_beside_and_none_replaces_another() {
        let at = |paths: &[&str], dir: Option<&str>| {
            let paths: Vec<_> = paths.iter().map(PathBuf::from).collect();
            stems(&paths, dir.map(Path::new), Edition::Student)
        };
        let beside = ["a/handouts/x.y-student", "b/handouts/x.y-student"].map(PathBuf::from);
        assert_eq!(at(&["a/x.y.ipynb", "b/x.y.ipynb"], None).unwrap(), beside);
        assert_eq!(at(&["a/x.ipynb"], Some("out")).unwrap(), [PathBuf::from("out/x-student")]);
        assert!(at(&["a/x.ipynb", "b/x.ipynb"], Some("out")).is_err());
    }

    fn error(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wrong.ipynb");
        fs::write(&path, text).unwrap();
        let options = parse(&[path.to_str().unwrap(), "--as-is", "--to", "script"]).unwrap();
        format!("{:#}", handout(&options).unwrap_err())
    }

    #[test]
    fn what_is_no_notebook_is_named() {
        let wrong = ["", "[]", r#"{"nbformat": 3, "worksheets": []}"#, r#"{"nbformat": 4}"#];
        let outputs =
            r#"{"nbformat": 4, "cells": [{"cell_type": "code", "outputs": [{"output_type": "x"}]}]}"#;
        for text in wrong.into_iter().chain([outputs]) {
            let said = error(text);
            assert!(said.contains("wrong.ipynb"), "{said}");
        }
        assert!(error(outputs).contains("`x`"), "{}", error(outputs));
    }

    #[test]
    fn handouts_of_one_run_are_linked() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        for name in ["one.ipynb", "two.ipynb"] {
            let cells = r##"[{"cell_type": "markdown", "source": "# T\n[to](two.ipynb)"}]"##;
            fs::write(path(name), format!(r#"{{"nbformat": 4, "cells": {cells}}}"#)).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join("handouts").join(name)).unwrap();
        let (one, two) = (path("one.ipynb"), path("two.ipynb"));
        handout(&parse(&[&one, &two, "--as-is", "--to", "html,slides"]).unwrap()).unwrap();
        assert!(read("one-student.html").contains("<a href=\"two-student.html\">to</a>"));
        assert!(read("one-student.slides.html").contains("<a href=\"two-student.slides.html\">to</a>"));
        assert!(read("one-student.html").contains(NO_OUTPUTS));
        handout(&parse(&[&one, "--as-is", "--to", "html"]).unwrap()).unwrap();
        assert!(read("one-student.html").contains("<p>to (“T”)</p>"));
    }

    #[test]
    fn a_notebook_that_says_little_is_enough() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("little.ipynb");
        fs::write(&path, r#"{"nbformat": 4, "cells": [{"cell_type": "code"}, {"cell_type": "markdown"}]}"#)
            .unwrap();
        let options = parse(&[path.to_str().unwrap(), "--as-is", "--to", "html,slides,script"]).unwrap();
        handout(&options).unwrap();
        let made = dir.path().join("handouts");
        for ending in ["html", "slides.html", "rs"] {
            let text = fs::read_to_string(made.join(format!("little-student.{ending}"))).unwrap();
            assert!(text.contains("little"), "{text}");
        }
    }
}
