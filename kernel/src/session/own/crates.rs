//! The crates that the cells of a session can name: those of the prepared directory, and those of `:dep`.

use crate::dependencies::{self, COMPANION};
use crate::session::workplace::Workplace;
use anyhow::anyhow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use threadbook_engine::{Base, Crates, Progress, Tools};

/// The directory of the crates, in the prepared directory and in its copies.
const DIRECTORY: &str = "own";

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

/// The options of rustc for a cell: those of the profile, and the lines for the calls that led to a panic.
pub const OPTIONS: [&str; 7] = [
    "-Copt-level=2",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
    "-Ccodegen-units=16",
    "-Cembed-bitcode=no",
    "-Cdebuginfo=line-tables-only",
    "-Clto=off",
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

/// Opens the crates of a workplace, and builds the base if it is not there.
///
/// # Errors
///
/// The message of cargo.
pub fn open(workplace: &Workplace, progress: &mut dyn FnMut(Progress)) -> anyhow::Result<Crates> {
    let directory = workplace.directory().join(DIRECTORY);
    fs::create_dir_all(&directory)?;
    let bin = workplace.tools();
    let mut tools = Tools::new(bin.join("cargo"), bin.join("rustc")).map_err(|error| anyhow!(error))?;
    tools.environment = environment(workplace);
    let base = base(workplace.companion())?;
    Crates::open(&directory, &base, tools, progress).map_err(|error| anyhow!(error))
}

/// Has the next [`open`] build the base again: the companion may have changed, which nothing but its sources says.
pub fn forget_base(workplace: &Workplace) {
    let _ = fs::remove_file(workplace.directory().join(DIRECTORY).join(BUILT));
}

/// Whether the base is built.
pub fn are_prepared(workplace: &Workplace) -> bool {
    workplace.directory().join(DIRECTORY).join(BUILT).exists()
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
    let mut dependencies: BTreeMap<_, _> = dependencies::all(companion, &Default::default())?
        .into_iter()
        .map(|(name, specification)| (name.to_owned(), specification))
        .collect();
    dependencies.insert(COMPANION.to_owned(), format!("{{ path = {:?} }}", companion.display().to_string()));
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
