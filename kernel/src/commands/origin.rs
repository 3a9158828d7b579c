//! Where the outputs of a notebook come from: a time without its machine says little.

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, RefreshKind, System};
use time::OffsetDateTime;

use super::notebook::Notebook;
use crate::toolchain::Toolchain;

/// The key in the notebook's metadata.
const KEY: &str = "threadbook";

/// When, with what, and on which machine a notebook was executed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Origin {
    /// The day, as people write it.
    pub(crate) date: String,
    /// The version of Threadbook.
    pub(crate) threadbook: String,
    /// The version of the compiler.
    pub(crate) rustc: String,
    /// The processor, its cores, and the system.
    pub(crate) machine: String,
}

impl Origin {
    /// What is executed now, and here.
    pub(crate) fn here() -> Self {
        let rustc = Toolchain::find().map(|toolchain| toolchain.version().to_owned());
        Self {
            date: today(),
            threadbook: env!("CARGO_PKG_VERSION").to_owned(),
            rustc: rustc.unwrap_or_else(|_| "unknown".to_owned()),
            machine: machine(),
        }
    }

    /// Keeps it in the notebook, so that it is known wherever the outputs go.
    pub(crate) fn note(&self, notebook: &mut Notebook) {
        notebook.note(KEY, serde_json::json!(self));
    }

    /// What a notebook says of its outputs: nothing, if it was not `threadbook run` that executed it.
    pub(crate) fn of(notebook: &Notebook) -> Option<Self> {
        #[derive(Deserialize)]
        struct Noted {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            threadbook: Origin,
        }
        notebook.read_as::<Noted>().ok().map(|noted| noted.metadata.threadbook)
    }
}

/// The day, e.g. `3 May 2026`. In UTC where the system does not say where it is.
pub(crate) fn today() -> String {
    let now = OffsetDateTime::now_local().unwrap_or_else(|_| OffsetDateTime::now_utc());
    format!("{} {} {}", now.day(), now.month(), now.year())
}

fn machine() -> String {
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    let mut brands = system.iter().flat_map(System::cpus).map(|cpu| cpu.brand().trim());
    let processor = brands.find(|brand| !brand.is_empty()).unwrap_or(std::env::consts::ARCH);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let plural = if cores == 1 { "" } else { "s" };
    let os = System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned());
    format!("{processor}, {cores} core{plural}, {os}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(text: &str) -> Notebook {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Notebook::read(file.path()).unwrap()
    }

    #[test]
    fn what_is_noted_is_found_again() {
        let mut notebook = notebook(r#"{"nbformat": 4, "cells": []}"#);
        assert_eq!(Origin::of(&notebook), None);
        let here = Origin::here();
        here.note(&mut notebook);
        assert_eq!(Origin::of(&notebook), Some(here));
    }

    #[test]
    fn a_note_of_somebody_else_is_none_of_ours() {
        let text = r#"{"nbformat": 4, "cells": [], "metadata": {"threadbook": "yes"}}"#;
        assert_eq!(Origin::of(&notebook(text)), None);
    }

    #[test]
    fn this_machine_has_a_name_and_cores() {
        let here = Origin::here();
        assert!(here.machine.contains(" core"), "{here:?}");
        assert!(here.rustc.starts_with("1."), "{here:?}");
        assert!(here.date.split(' ').count() == 3, "{here:?}");
    }
}
