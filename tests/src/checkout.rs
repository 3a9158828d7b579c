//! The repository under test.

use std::path::{Path, PathBuf};

use crate::command::Runner;

/// The repository under test.
pub(crate) struct Checkout {
    pub(crate) root: PathBuf,
    /// Whether the rare, the repeated and the slow tests run as well.
    pub(crate) all: bool,
    pub(crate) runner: Runner,
}

impl Checkout {
    /// The Python of the private environment.
    pub(crate) fn python(&self) -> PathBuf {
        self.root.join(".venv/bin/python")
    }

    /// The directory of the reports.
    pub(crate) fn reports(&self) -> PathBuf {
        self.root.join("target/verify")
    }
}

/// The directory of the repository.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}
