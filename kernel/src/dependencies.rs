//! The crates that every cell can name: the companion and its friends, at the versions of this
//! workspace's lock file.

use anyhow::Context;
use std::path::Path;
use toml::Table;

/// The crates that a notebook has without `:dep`, beside the companion itself.
const FRIENDS: [&str; 6] = ["tokio", "rayon", "futures", "plotters", "serde", "serde_json"];

/// The companion's name.
const COMPANION: &str = "threadbook";

const WORKSPACE: &str = include_str!("../../Cargo.toml");
const LOCK: &str = include_str!("../../Cargo.lock");

/// The dependencies, as in a manifest. The companion is in the directory `companion`.
///
/// # Errors
///
/// The manifest of the workspace that this binary was built from has no such dependency.
pub fn all(companion: &Path) -> anyhow::Result<Table> {
    let workspace: Table = WORKSPACE.parse().context("the workspace's manifest")?;
    let mut all = Table::new();
    for name in FRIENDS {
        let specification = workspace.get("workspace").and_then(|table| table.get("dependencies")?.get(name));
        let specification =
            specification.with_context(|| format!("the workspace's manifest has no {name}"))?;
        all.insert(name.to_owned(), specification.clone());
    }
    let path = Table::from_iter([("path".to_owned(), companion.display().to_string().into())]);
    all.insert(COMPANION.to_owned(), path.into());
    Ok(all)
}

/// The workspace's lock file, so that cells get the tested versions.
pub fn lock_file() -> &'static str {
    LOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dependencies_are_those_of_the_workspace() {
        let table = all(Path::new("/a")).unwrap();
        assert_eq!(table.len(), FRIENDS.len() + 1);
        assert!(table["tokio"]["features"].is_array());
        assert_eq!(table["threadbook"]["path"].as_str(), Some("/a"));
    }
}
