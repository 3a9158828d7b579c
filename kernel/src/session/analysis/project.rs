//! The cargo project that the analysis process reads: it depends on the crates of the session, and is never compiled.

use crate::dependencies;
use crate::session::workplace::Workplace;
use anyhow::Context;
use std::fs;
use std::path::PathBuf;
use toml::{Table, Value};

/// The directory of the project, in that of a session.
pub fn directory(workplace: &Workplace) -> PathBuf {
    workplace.directory().join("analysis")
}

/// Writes the project, with the crates that cells have brought: their `[dependencies]`.
///
/// # Errors
///
/// A file cannot be written.
pub fn write(workplace: &Workplace, brought: Table) -> anyhow::Result<()> {
    let directory = directory(workplace);
    fs::create_dir_all(directory.join("src"))?;
    let mut dependencies = dependencies::all(workplace.companion())?;
    dependencies.extend(brought);
    let text = |text: &str| Value::from(text);
    let package = [("name", text("cells")), ("version", text("0.0.0")), ("edition", text("2024"))];
    let package: Table = package.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    let manifest: Table = [("package", package), ("workspace", Table::new()), ("dependencies", dependencies)]
        .map(|(key, table)| (key.to_owned(), table.into()))
        .into_iter()
        .collect();
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    write("Cargo.toml", &manifest.to_string())?;
    write("Cargo.lock", dependencies::lock_file())?;
    write("src/lib.rs", "")
}
