//! The notices that accompany a binary: the licences of all packages that are linked into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;

use super::{Package, metadata};
use crate::{Checkout, Outcome};

/// The packages whose programs are distributed.
const PROGRAMS: [&str; 2] = ["threadbook-kernel", "threadbook-analysis"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` for a dependency of the program itself.
    kind: Option<String>,
}

/// Writes the notices for the programs of this platform to `target/verify/THIRD-PARTY-NOTICES.txt`.
pub(crate) fn write_notices(checkout: &Checkout) -> Outcome {
    let answer = metadata(&checkout.root, &["--filter-platform", &host()?])?;
    let metadata: Metadata = serde_json::from_value(answer)
        .map_err(|error| format!("cargo metadata was not understood: {error}"))?;
    let linked = linked(&metadata);
    let mut packages = String::new();
    // Each text once, with the packages that have it.
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata.packages.iter().filter(|package| linked.contains(package.id.as_str())) {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("no licence");
        let _ = writeln!(packages, "{name}: {licence}");
        for text in licence_texts(package.manifest_path.parent().unwrap_or(Path::new("."))) {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    let mut notices = format!(
        "threadbook and threadbook-analysis are linked with these packages, and with the standard library of Rust\n\
         (MIT OR Apache-2.0, https://www.rust-lang.org/policies/licenses).\n\n{packages}"
    );
    for (text, packages) in &texts {
        let _ = write!(notices, "\n{}\n{}\n\n{}\n", "=".repeat(80), packages.join(", "), text.trim());
    }
    let path = checkout.reports().join("THIRD-PARTY-NOTICES.txt");
    std::fs::create_dir_all(checkout.reports()).map_err(|error| error.to_string())?;
    std::fs::write(&path, notices).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{} has the notices of {} packages", path.display(), linked.len());
    Ok(())
}

/// The ids of the packages from elsewhere that the programs are linked with.
fn linked(metadata: &Metadata) -> BTreeSet<&str> {
    let is_program = |package: &&Package| PROGRAMS.contains(&package.name.as_str());
    let mut open: Vec<_> =
        metadata.packages.iter().filter(is_program).map(|package| package.id.as_str()).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let edges =
                metadata.resolve.nodes.iter().filter(|node| node.id == id).flat_map(|node| &node.deps);
            let is_linked = |edge: &&Edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none());
            open.extend(edges.filter(is_linked).map(|edge| edge.pkg.as_str()));
        }
    }
    seen.retain(|id| !id.starts_with("path+"));
    seen
}

/// The files with the licence terms of a package.
fn licence_texts(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let is_notice = |name: &str| {
        ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE"]
            .iter()
            .any(|beginning| name.to_ascii_uppercase().starts_with(beginning))
    };
    let mut paths: Vec<_> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_notice))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

fn host() -> Result<String, String> {
    let output =
        std::process::Command::new("rustc").arg("-vV").output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(Into::into)
        .ok_or("rustc names no host".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_linked_needs_a_notice() {
        let answer = serde_json::json!({
            "packages": [
                {"id": "path+k", "name": "threadbook-kernel", "version": "1.0.0", "license": "MIT", "manifest_path": "/"},
                {"id": "r+a", "name": "a", "version": "1.0.0", "license": "MIT", "manifest_path": "/"},
            ],
            "resolve": {"nodes": [
                {"id": "path+k", "deps": [
                    {"pkg": "r+a", "dep_kinds": [{"kind": null}]},
                    {"pkg": "r+build", "dep_kinds": [{"kind": "build"}]},
                ]},
                {"id": "r+a", "deps": [
                    {"pkg": "r+b", "dep_kinds": [{"kind": "dev"}, {"kind": null}]},
                    {"pkg": "r+dev", "dep_kinds": [{"kind": "dev"}]},
                ]},
            ]},
        });
        let metadata: Metadata = serde_json::from_value(answer).unwrap();
        assert_eq!(Vec::from_iter(linked(&metadata)), ["r+a", "r+b"]);
    }

    #[test]
    fn licences_are_found_by_their_names() {
        let directory = std::env::temp_dir().join(format!("threadbook-notices-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        for name in ["LICENSE-MIT", "license.txt", "NOTICE", "README.md"] {
            std::fs::write(directory.join(name), name).unwrap();
        }
        let texts = licence_texts(&directory);
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(texts, ["LICENSE-MIT", "NOTICE", "license.txt"]);
    }
}
