//! The packages that are built here: their sources, their licences, and the advisories about them.
//!
//! `deny.toml` has the rules, in the format of cargo-deny. The check needs no network: `tests/advisories.toml` has the
//! advisories of RustSec about packages of `Cargo.lock`, and `cargo verify --refresh-advisories` brings it up to date.

mod advisories;
mod licence;
mod notices;

pub(crate) use advisories::refresh;
pub(crate) use notices::write_notices;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use semver::Version;
use serde::Deserialize;

use crate::{Checkout, Outcome};

/// The rules, without those that only cargo-deny uses.
#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
    advisories: Ignored,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Ignored {
    ignore: Vec<String>,
}

/// `Cargo.lock`.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: Version,
    source: Option<String>,
    checksum: Option<String>,
}

/// A package as `cargo metadata` describes it.
#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: Version,
    license: Option<String>,
    manifest_path: std::path::PathBuf,
}

/// Checks every package by the rules.
pub(crate) fn check(checkout: &Checkout) -> Outcome {
    let rules: Rules = read(&checkout.root.join("deny.toml"))?;
    let lock = lock(&checkout.root)?;
    let advisories = advisories::read(&checkout.root)?;
    let packages: Vec<Package> = serde_json::from_value(metadata(&checkout.root, &[])?["packages"].take())
        .map_err(|error| format!("the answer of cargo metadata was not understood: {error}"))?;
    let is_ours = |package: &&Package| package.id.starts_with("path+");
    let ours = packages.iter().filter(is_ours).map(|package| package.name.clone()).collect();
    let (known, notes) = advisories.about(&lock, &rules.advisories.ignore);
    for note in notes {
        println!("{note}");
    }
    let mut faults: Vec<String> =
        lock.package.iter().filter_map(|locked| rules.fault(locked, &ours)).collect();
    faults.extend(packages.iter().filter(|package| !ours.contains(&package.name)).filter_map(|package| {
        let licence = package.license.as_deref().unwrap_or("no licence");
        (!licence::is_allowed(licence, &rules.licenses.allow)).then(|| {
            format!("{} {} is under {licence}, which deny.toml does not allow", package.name, package.version)
        })
    }));
    faults.extend(known);
    println!("{} packages, {}", lock.package.len(), advisories.about_itself());
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

impl Rules {
    /// The fault of a package of the lock file.
    fn fault(&self, locked: &Locked, ours: &BTreeSet<String>) -> Option<String> {
        let Locked { name, version, source, checksum } = locked;
        if self.bans.deny.iter().any(|banned| banned.name == *name) {
            return Some(format!("{name} {version} is banned by deny.toml"));
        }
        let is_allowed = |source: &String| {
            source
                .strip_prefix("registry+")
                .is_some_and(|registry| self.sources.allow_registry.iter().any(|it| it == registry))
        };
        match source {
            None if ours.contains(name) => None,
            None => Some(format!("{name} {version} has no source and is no package of this repository")),
            Some(source) if !is_allowed(source) => Some(format!("{name} {version} comes from {source}")),
            Some(_) if checksum.is_none() => Some(format!("{name} {version} has no checksum")),
            Some(_) => None,
        }
    }
}

fn lock(root: &Path) -> Result<Lock, String> {
    read(&root.join("Cargo.lock"))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The output of `cargo metadata`, with the lock file unchanged.
fn metadata(root: &Path, arguments: &[&str]) -> Result<serde_json::Value, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--locked", "--format-version=1"]).args(arguments).current_dir(root);
    let output = cargo.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> std::path::PathBuf {
        crate::root()
    }

    fn locked(name: &str, source: Option<&str>, checksum: Option<&str>) -> Locked {
        Locked {
            name: name.into(),
            version: Version::new(1, 0, 0),
            source: source.map(Into::into),
            checksum: checksum.map(Into::into),
        }
    }

    #[test]
    fn packages_come_from_the_registry_and_have_a_checksum() {
        let rules: Rules = read(&root().join("deny.toml")).unwrap();
        let ours = BTreeSet::from(["ours".to_owned()]);
        let registry = Some("registry+https://github.com/rust-lang/crates.io-index");
        let fault = |locked| rules.fault(&locked, &ours).unwrap_or_default();
        assert_eq!(fault(locked("ours", None, None)), "");
        assert_eq!(fault(locked("a", registry, Some("x"))), "");
        assert_eq!(fault(locked("a", registry, None)), "a 1.0.0 has no checksum");
        assert_eq!(fault(locked("openssl", registry, Some("x"))), "openssl 1.0.0 is banned by deny.toml");
        assert!(fault(locked("a", None, None)).contains("no source"));
        for other in ["git+https://example.org/a", "registry+https://example.org/index"] {
            assert_eq!(fault(locked("a", Some(other), Some("x"))), format!("a 1.0.0 comes from {other}"));
        }
    }

    #[test]
    fn the_lock_file_is_read() {
        let lock = lock(&root()).unwrap();
        assert!(
            lock.package
                .iter()
                .any(|package| package.name == "threadbook-kernel" && package.source.is_none())
        );
    }
}
