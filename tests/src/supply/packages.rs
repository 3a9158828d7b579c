//! The packages of the repository, from `Cargo.lock` and from cargo.

use std::path::Path;
use std::process::Command;

use semver::Version;
use serde::Deserialize;

/// `Cargo.lock`.
#[derive(Deserialize)]
pub(super) struct Lock {
    pub(super) package: Vec<Locked>,
}

#[derive(Deserialize)]
pub(super) struct Locked {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) source: Option<String>,
    pub(super) checksum: Option<String>,
}

/// A package as `cargo metadata` describes it.
#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) license: Option<String>,
    pub(super) manifest_path: std::path::PathBuf,
}

pub(super) fn lock(root: &Path) -> Result<Lock, String> {
    read(&root.join("Cargo.lock"))
}

pub(super) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The output of `cargo metadata`, with the lock file unchanged.
pub(super) fn metadata(root: &Path, arguments: &[&str]) -> Result<serde_json::Value, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--locked", "--format-version=1"]).args(arguments).current_dir(root);
    let output = cargo.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}
