//! Makes the handouts of notebooks, and chooses their names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::unistd::Uid;
use threadbook_notebook::{Notebook, file};

use crate::code::NotRust;
use crate::document::{Document, Edition};
use crate::facts::{Facts, facts};
use crate::files::{Files, LeftOut, Trust};
use crate::markdown::Beside;
use crate::{page, pdf, script, slides};

/// A format of handouts, in the order in which they are made: the format that needs another program comes last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Format {
    /// One page of HTML.
    Html,
    /// A page of HTML to present with the arrow keys.
    Slides,
    /// A Rust file, with the text as comments.
    Script,
    /// The page, printed by a browser.
    Pdf,
}

impl Format {
    /// The ending of a file's name.
    fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Slides => "slides.html",
            Self::Script => "rs",
        }
    }
}

/// The handouts to make.
pub struct Recipe<'a> {
    /// The notebooks' files.
    pub notebooks: &'a [PathBuf],
    /// The formats of each handout.
    pub formats: BTreeSet<Format>,
    /// The readers.
    pub edition: Edition,
    /// The rights of the notebooks in their handouts.
    pub trust: Trust,
    /// The directory of the handouts. If there is none, they go to `handouts` beside each notebook.
    pub output_dir: Option<&'a Path>,
    /// A Chromium that prints. If there is none, no PDF is made.
    pub browser: Option<&'a Path>,
    /// Finds the parts of a cell that are not Rust.
    pub not_rust: NotRust,
}

/// A step of [`make`].
pub enum Progress<'a> {
    /// A notebook's handouts are made next.
    Begins(&'a Path),
    /// A handout was written.
    Made(&'a Path),
    /// A handout leaves out a part of its notebook.
    LeftOut {
        /// The notebook.
        notebook: &'a Path,
        /// The part and the reason.
        sentence: String,
    },
    /// The browser prints without its sandbox. Reported once.
    NoSandbox,
}

/// Gives a notebook its outputs.
pub type Execute<'a> = &'a dyn Fn(&Path, &mut Notebook) -> anyhow::Result<()>;

/// Makes the handouts of the notebooks, one notebook after the other. Each is executed before, if there is an `execute`.
///
/// # Errors
///
/// The first failure: a file that is not a notebook, an error of `execute`, two handouts of one name, or a file that
/// cannot be written.
pub fn make(
    recipe: &Recipe,
    execute: Option<Execute>,
    report: &mut dyn FnMut(Progress),
) -> anyhow::Result<()> {
    let Recipe { notebooks, edition, trust, output_dir, browser, not_rust, .. } = *recipe;
    let stems = stems(notebooks, output_dir, edition)?;
    let mut warns_of_sandbox = Uid::effective().is_root();
    for (path, stem) in notebooks.iter().zip(&stems) {
        report(Progress::Begins(path));
        let mut notebook = Notebook::read(path)?;
        if let Some(execute) = execute {
            // A file that is not a notebook is not executed.
            read(&notebook, edition, path)?;
            execute(path, &mut notebook)?;
        }
        let document = read(&notebook, edition, path)?;
        let handout = Handout { facts: facts(&notebook, &document), document };
        drop(notebook);
        let left_out = LeftOut::default();
        let files = Files { directory: path.parent().unwrap_or(Path::new("")), trust, left_out: &left_out };
        let directory = stem.parent().unwrap_or(Path::new(""));
        match output_dir {
            Some(_) => file::make_directory(directory)?,
            None => file::make_directory_beside(directory)?,
        }
        for &format in &recipe.formats {
            if format == Format::Pdf && browser.is_some() && std::mem::take(&mut warns_of_sandbox) {
                report(Progress::NoSandbox);
            }
            let target = stem.with_added_extension(format.ending());
            let handouts = names_beside(path, &target, notebooks.iter().zip(&stems), format);
            if handout.write(format, &target, Beside { files, handouts: &handouts, not_rust }, browser)? {
                report(Progress::Made(&target));
            }
        }
        for sentence in left_out.into_sentences() {
            report(Progress::LeftOut { notebook: path, sentence });
        }
    }
    Ok(())
}

fn read(notebook: &Notebook, edition: Edition, path: &Path) -> anyhow::Result<Document> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Document::read(notebook, edition, &name).with_context(|| format!("{} is not a notebook", path.display()))
}

/// One edition of one notebook.
struct Handout {
    document: Document,
    facts: Facts,
}

impl Handout {
    /// Writes the handout in one format. Returns false if the format needs a browser and there is none.
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
            (Format::Script, _) => script::script(&self.document, &self.facts, beside.not_rust),
            (Format::Pdf, None) => return Ok(false),
            (Format::Pdf, Some(browser)) => {
                let page = page::page(&self.document, &self.facts, beside);
                pdf::print(browser, &page, target, beside.files.trust)?;
                return Ok(true);
            }
        };
        file::replace(target, text.as_bytes())?;
        Ok(true)
    }
}

/// The handouts that `target` may link to, by the names of their notebooks: those of the same format and the same run,
/// of notebooks in one directory, in one directory. On paper no link leads to a file.
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

/// The paths of the handouts of each notebook, without the ending. No two notebooks may share a path.
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

    use super::*;
    use crate::facts::NO_OUTPUTS;

    fn make(notebooks: &[&Path], formats: &[Format]) -> anyhow::Result<()> {
        let recipe = Recipe {
            notebooks: &notebooks.iter().map(|path| path.to_path_buf()).collect::<Vec<_>>(),
            formats: formats.iter().copied().collect(),
            edition: Edition::Student,
            trust: Trust::Sanitized,
            output_dir: None,
            browser: None,
            not_rust: |_| Vec::new(),
        };
        super::make(&recipe, None, &mut |_| {})
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
        format!("{:#}", make(&[&path], &[Format::Script]).unwrap_err())
    }

    #[test]
    fn a_file_that_is_not_a_notebook_is_named() {
        let wrong = ["", "[]", r#"{"nbformat": 3, "worksheets": []}"#, r#"{"nbformat": 4}"#];
        let outputs =
            r#"{"nbformat": 4, "cells": [{"cell_type": "code", "outputs": [{"output_type": "x"}]}]}"#;
        for text in wrong.into_iter().chain([outputs]) {
            let error = error(text);
            assert!(error.contains("wrong.ipynb"), "{error}");
        }
        assert!(error(outputs).contains("`x`"), "{}", error(outputs));
    }

    #[test]
    fn handouts_of_one_run_are_linked() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["one.ipynb", "two.ipynb"] {
            let cells = r##"[{"cell_type": "markdown", "source": "# T\n[to](two.ipynb)"}]"##;
            fs::write(at(name), format!(r#"{{"nbformat": 4, "cells": {cells}}}"#)).unwrap();
        }
        let read = |name: &str| fs::read_to_string(at("handouts").join(name)).unwrap();
        let (one, two) = (at("one.ipynb"), at("two.ipynb"));
        make(&[&one, &two], &[Format::Html, Format::Slides]).unwrap();
        assert!(read("one-student.html").contains("<a href=\"two-student.html\">to</a>"));
        assert!(read("one-student.slides.html").contains("<a href=\"two-student.slides.html\">to</a>"));
        assert!(read("one-student.html").contains(NO_OUTPUTS));
        make(&[&one], &[Format::Html]).unwrap();
        assert!(read("one-student.html").contains("<p>to (“T”)</p>"));
    }

    #[test]
    fn a_notebook_without_metadata_has_handouts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("little.ipynb");
        fs::write(&path, r#"{"nbformat": 4, "cells": [{"cell_type": "code"}, {"cell_type": "markdown"}]}"#)
            .unwrap();
        make(&[&path], &[Format::Html, Format::Slides, Format::Script]).unwrap();
        for ending in ["html", "slides.html", "rs"] {
            let path = dir.path().join("handouts").join(format!("little-student.{ending}"));
            let text = fs::read_to_string(path).unwrap();
            assert!(text.contains("little"), "{text}");
        }
    }
}
