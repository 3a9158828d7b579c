//! The origin of a notebook's outputs: a timing means little without its machine.

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, RefreshKind, System};
use time::OffsetDateTime;

use crate::notebook::Notebook;

/// The key in the notebook's metadata.
const KEY: &str = "threadbook";

/// The day, the versions and the machine of a notebook's execution.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Origin {
    /// The day, as in `3 May 2026`.
    pub date: String,
    /// The version of Threadbook.
    pub threadbook: String,
    /// The version of the compiler.
    pub rustc: String,
    /// The processor, its cores, and the system.
    pub machine: String,
}

impl Origin {
    /// An execution on this machine, today, with this version of the compiler.
    pub fn here(rustc: &str) -> Self {
        Self {
            date: today(),
            threadbook: env!("CARGO_PKG_VERSION").to_owned(),
            rustc: rustc.to_owned(),
            machine: machine(),
        }
    }

    /// Records the origin in the notebook's metadata, where it stays with the outputs.
    pub fn note(&self, notebook: &mut Notebook) {
        notebook.note(KEY, serde_json::json!(self));
    }

    /// The origin that a notebook records. `None` if it was executed by another program than `threadbook run`.
    pub fn of(notebook: &Notebook) -> Option<Self> {
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

/// Today, as in `3 May 2026`. In UTC if the system has no time zone.
pub fn today() -> String {
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
        let here = Origin::here("1.95.0");
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
        let here = Origin::here("1.95.0");
        assert!(here.machine.contains(" core"), "{here:?}");
        assert_eq!(here.rustc, "1.95.0");
        assert!(here.date.split(' ').count() == 3, "{here:?}");
    }
}
