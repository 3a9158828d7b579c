//! The crates that the cells of a session can name: those of the prepared directory, and those of `:dep`.

use crate::dependencies;
use crate::session::workplace::Workplace;
use anyhow::anyhow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use threadbook_engine::{Base, Crates, Interrupt, Tools};

/// The directory of the crates, in the prepared directory and in those of sessions.
const DIRECTORY: &str = "cargo";

/// The file in it that says that the base is built.
const BUILT: &str = "base.json";

/// The profile of the companion and of the crates that cells bring.
const PROFILE: [(&str, &str); 8] = [
    ("opt-level", "2"),
    ("debug", "false"),
    ("strip", "\"debuginfo\""),
    ("debug-assertions", "true"),
    ("overflow-checks", "true"),
    ("codegen-units", "16"),
    ("lto", "false"),
    ("panic", "\"unwind\""),
];

/// Features of procedural macros' packages that the crates of a session are likely to ask for.
const BUILD_DEPENDENCIES: [(&str, &str); 1] = [(
    "syn",
    "{ version = \"*\", features = [\"full\", \"extra-traits\", \"visit\", \"visit-mut\", \"fold\"] }",
)];

/// Packages of the base that it would have without their feature `default`.
const MORE_FEATURES: [&str; 9] = [
    "futures-core",
    "futures-sink",
    "futures-channel",
    "futures-io",
    "futures-task",
    "futures-util",
    "futures-executor",
    "slab",
    "either",
];

/// Opens the crates of a workplace. A session shares those of the prepared directory; in that, the base is built if it is
/// not there.
///
/// # Errors
///
/// The message of cargo.
pub fn open(workplace: &Workplace, interrupt: &Interrupt) -> anyhow::Result<Crates> {
    let directory = workplace.directory().join(DIRECTORY);
    fs::create_dir_all(&directory)?;
    let bin = workplace.tools();
    let tools = Tools {
        cargo: bin.join("cargo"),
        rustc: bin.join("rustc"),
        about: workplace.about_rustc().to_owned(),
        environment: environment(workplace),
    };
    let base = base(workplace.companion())?;
    let crates = match workplace.prepared() {
        Some(prepared) => {
            Crates::share(&prepared.join(DIRECTORY), &directory, &base, tools, interrupt.clone())
        }
        None => Crates::open(&directory, &base, tools, interrupt.clone(), &mut |_| {}),
    };
    crates.map_err(|error| anyhow!(error))
}

/// Forgets that the base is built, so that it is brought up to date.
pub fn forget_base(workplace: &Workplace) {
    let _ = fs::remove_file(workplace.directory().join(DIRECTORY).join(BUILT));
}

/// The user's own environment.
fn environment(workplace: &Workplace) -> Vec<(OsString, OsString)> {
    let mut command = std::process::Command::new("cargo");
    workplace.set_own_environment(&mut command);
    let mut environment: BTreeMap<_, _> = std::env::vars_os().collect();
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => environment.insert(name.to_owned(), value.to_owned()),
            None => environment.remove(name),
        };
    }
    environment.into_iter().collect()
}

fn base(companion: &Path) -> anyhow::Result<Base> {
    let dependencies = dependencies::all(companion)?;
    let dependencies = dependencies.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    let pairs =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Ok(Base {
        dependencies,
        build_dependencies: pairs(&BUILD_DEPENDENCIES),
        more_features: MORE_FEATURES.iter().map(|name| ((*name).to_owned(), "\"*\"".to_owned())).collect(),
        lock: dependencies::lock_file().to_owned(),
        profile: pairs(&PROFILE),
    })
}
