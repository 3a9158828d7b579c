//! What the tools answered before, so that they need not be asked again.
//!
//! An answer depends on the tool's arguments, on the manifest and on some of the environment; all of these
//! make up a [`Question`]. Answers are files, and a session gets those of the prepared directory along with
//! everything else: so in an answer, [`HERE`] stands for the directory that it was given in.

use super::standby::Invocation;
use crate::dependencies::COMPANION;
use crate::reading::crates::without_remark;
use serde::{Deserialize, Serialize};
use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

/// The directory of answers, in a workplace.
const DIRECTORY: &str = "answers";

/// Stands for the workplace's directory.
const HERE: &str = "{workplace}";

/// What begins the name of a variable that can change what cargo and rustc do.
const TELLING: [&str; 5] = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "RUSTC", "RUSTFLAGS"];

#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub enum Answer {
    /// The tool prints this, and all is well.
    Printed(String),
    /// The tool compiles a cell, by running rustc like this.
    Compile(Invocation),
}

pub struct Question<'a> {
    workplace: &'a Path,
    file: PathBuf,
}

impl Question<'_> {
    /// `None` if the answer depends on what may change unseen.
    pub fn new<'a>(workplace: &'a Path, tool: &str, arguments: &[String]) -> Option<Question<'a>> {
        let manifest = fs::read_to_string(workplace.join("Cargo.toml")).unwrap_or_default();
        let settings = fs::read_to_string(workplace.join(".cargo/config.toml")).unwrap_or_default();
        let mut environment: Vec<_> = std::env::vars_os()
            .filter(|(name, _)| {
                TELLING.iter().any(|telling| name.as_encoded_bytes().starts_with(telling.as_bytes()))
            })
            .map(|(name, value)| (name, general(&value, workplace)))
            .collect();
        environment.sort();
        let arguments: Vec<_> =
            arguments.iter().map(|argument| general(argument.as_ref(), workplace)).collect();
        let mut hasher = DefaultHasher::new();
        (tool, arguments, environment, in_order(&manifest)?, settings).hash(&mut hasher);
        let file = workplace.join(DIRECTORY).join(format!("{:016x}", hasher.finish()));
        Some(Question { workplace, file })
    }

    pub fn recall(&self) -> Option<Answer> {
        let text = fs::read_to_string(&self.file).ok()?;
        serde_json::from_str(&text.replace(HERE, self.workplace.to_str()?)).ok()
    }

    pub fn remember(&self, answer: &Answer) {
        remember(answer, self.workplace, &self.file);
    }

    /// Where an answer would be.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// Writes an answer to `file`. Not being able to is no harm: the tool will be asked again.
pub fn remember(answer: &Answer, workplace: &Path, file: &Path) {
    let (Some(here), Ok(text)) = (workplace.to_str(), serde_json::to_string(answer)) else { return };
    let _ = fs::create_dir_all(workplace.join(DIRECTORY));
    // Two tools may be asked the same at the same time.
    let new = file.with_extension(std::process::id().to_string());
    if fs::write(&new, text.replace(here, HERE)).is_ok() {
        let _ = fs::rename(new, file);
    }
}

/// The arguments of a compilation of a cell that the prepared directory remembers.
pub fn compilation(workplace: &Path) -> Option<Vec<String>> {
    let files = fs::read_dir(workplace.join(DIRECTORY)).ok()?.flatten();
    let mut compilations = files.filter_map(|file| {
        let text = fs::read_to_string(file.path()).ok()?;
        match serde_json::from_str(&text.replace(HERE, workplace.to_str()?)).ok()? {
            Answer::Compile(Invocation { arguments, .. }) => Some(arguments),
            Answer::Printed(_) => None,
        }
    });
    compilations.find(|arguments| arguments.iter().any(|word| word.starts_with("threadbook=")))
}

/// Forgets all answers, because the toolchain or the companion is another now.
pub fn forget(workplace: &Path) {
    let _ = fs::remove_dir_all(workplace.join(DIRECTORY));
}

fn general(text: &OsStr, workplace: &Path) -> String {
    text.to_string_lossy().replace(&*workplace.to_string_lossy(), HERE)
}

/// The manifest's lines in alphabetical order, because the engine writes dependencies in any; `None` if one
/// is a crate of the user's own, whose sources may change at any time.
fn in_order(manifest: &str) -> Option<Vec<String>> {
    let table: toml::Table = manifest.parse().ok()?;
    let dependencies = table.get("dependencies").and_then(|table| table.as_table()).into_iter().flatten();
    if dependencies.into_iter().any(|(name, value)| name != COMPANION && value.get("path").is_some()) {
        return None;
    }
    let text = without_remark(manifest);
    let mut lines: Vec<_> = text.lines().map(|line| line.trim().to_owned()).collect();
    lines.sort();
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn an_answer_is_good_in_a_copy_of_the_workplace() {
        let (prepared, session) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ask = |place: &tempfile::TempDir, manifest: &str, build: &str| {
            fs::write(place.path().join("Cargo.toml"), manifest).unwrap();
            let manifest = place.path().join("Cargo.toml").display().to_string();
            let question = Question::new(place.path(), "cargo", &[build.to_owned(), manifest]).unwrap();
            (question.recall(), question.file().to_owned())
        };
        let (none, file) = ask(&prepared, "a = 1\nb = 2\n", "build");
        assert_eq!(none, None);
        let out = |place: &tempfile::TempDir| {
            let arguments = vec![format!("--out-dir={}/target", place.path().display())];
            Answer::Compile(Invocation { arguments, environment: BTreeMap::new() })
        };
        remember(&out(&prepared), prepared.path(), &file);
        fs::create_dir(session.path().join(DIRECTORY)).unwrap();
        fs::copy(&file, session.path().join(DIRECTORY).join(file.file_name().unwrap())).unwrap();
        assert_eq!(ask(&session, "b = 2 # read: tokio\na = 1\n", "build").0, Some(out(&session)));
        assert_eq!(ask(&session, "b = 2\na = 1\n", "check").0, None);
        assert_eq!(ask(&session, "b = 2\na = 2\n", "build").0, None);
        forget(session.path());
        assert_eq!(ask(&session, "b = 2\na = 1\n", "build").0, None);
    }

    #[test]
    fn a_crate_of_the_users_own_is_asked_about_each_time() {
        let place = tempfile::tempdir().unwrap();
        let question = |manifest: &str| {
            fs::write(place.path().join("Cargo.toml"), manifest).unwrap();
            Question::new(place.path(), "cargo", &strings(&["build"])).is_some()
        };
        assert!(question("[lib]\npath = \"src/lib.rs\"\n[dependencies]\nthreadbook = { path = \"/a\" }"));
        assert!(!question("[dependencies]\nmine = { path = \"/a\" }"));
    }
}
