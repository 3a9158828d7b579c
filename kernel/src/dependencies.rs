//! The crates that every cell can name: the companion and its friends, at the versions of this
//! workspace's lock file.

use crate::reading::crates::Reading;
use anyhow::Context;
use std::path::Path;

/// What a notebook has without `:dep`, beside the companion itself.
pub const FRIENDS: [&str; 6] = ["tokio", "rayon", "futures", "plotters", "serde", "serde_json"];

/// The companion's name.
pub const COMPANION: &str = "threadbook";

const WORKSPACE: &str = include_str!("../../Cargo.toml");
const LOCK: &str = include_str!("../../Cargo.lock");

/// The dependencies and what the manifest says of each. The companion is the last.
pub fn all(companion: &Path, reading: &Reading) -> anyhow::Result<Vec<(&'static str, String)>> {
    let workspace: toml::Table = WORKSPACE.parse().context("the workspace's manifest")?;
    let specification = |name: &'static str| {
        let specification = match &workspace["workspace"]["dependencies"][name] {
            toml::Value::Table(table) => inline(table),
            other => other.to_string(),
        };
        (name, specification)
    };
    let mut all: Vec<_> = FRIENDS.into_iter().map(specification).collect();
    all.push((COMPANION, companion_at(companion, reading)));
    Ok(all)
}

/// What the manifest says of the companion; and beside it, what rust-analyzer is to read.
pub fn companion_at(path: &Path, reading: &Reading) -> String {
    format!("{{ path = {:?} }}{}", path.display().to_string(), reading.remark())
}

fn inline(table: &toml::Table) -> String {
    let pairs: Vec<_> = table.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// Blanks the `:dep` lines of a cell that ask for what is loaded already.
///
/// # Errors
///
/// A sentence for the user, if a line asks for another version of it.
pub fn without_loaded(code: &str, companion: &Path) -> Result<String, String> {
    if !code.contains(":dep") {
        return Ok(code.to_owned());
    }
    let mut lines = Vec::new();
    for line in code.split('\n') {
        let asked = line.strip_prefix(":dep ").map(|rest| rest.split_once('=').unwrap_or((rest, "")));
        let blank = match asked.map(|(name, rest)| (name.trim(), rest.trim())) {
            Some((COMPANION, specification)) => is_companion(specification, companion)?,
            Some((name, specification)) if FRIENDS.contains(&name) => {
                check_version(name, specification)?;
                true
            }
            _ => false,
        };
        lines.push(if blank { "" } else { line });
    }
    Ok(lines.join("\n"))
}

fn parsed(specification: &str) -> Option<toml::Value> {
    let table: toml::Table = format!("it = {specification}").parse().ok()?;
    table.get("it").cloned()
}

fn is_companion(specification: &str, companion: &Path) -> Result<bool, String> {
    let Some(path) = parsed(specification).and_then(|value| Some(value.get("path")?.as_str()?.to_owned()))
    else {
        return Ok(true);
    };
    let same = |path: &Path| path.canonicalize().ok() == companion.canonicalize().ok();
    if same(Path::new(&path)) {
        return Ok(true);
    }
    Err(format!(
        "This kernel has loaded the companion crate from {}, not from {path}. Leave the `:dep threadbook` \
         line out, or install a kernel from the other checkout.",
        companion.display()
    ))
}

fn check_version(name: &str, specification: &str) -> Result<(), String> {
    let value = parsed(specification);
    let requirement = match &value {
        Some(toml::Value::String(version)) => version.as_str(),
        Some(toml::Value::Table(table)) => table.get("version").and_then(|v| v.as_str()).unwrap_or("*"),
        _ => "*",
    };
    let requirement = semver::VersionReq::parse(requirement)
        .map_err(|error| format!("`{requirement}` is not a version requirement for {name}: {error}"))?;
    let versions = locked_versions(name);
    if versions.iter().any(|version| requirement.matches(version)) {
        return Ok(());
    }
    let loaded: Vec<_> = versions.iter().map(ToString::to_string).collect();
    Err(format!(
        "{name} {} is loaded in every notebook, and {requirement} asks for another version. Leave the \
         `:dep {name}` line out, or name the other one differently: `:dep my_{name} = {{ package = \
         \"{name}\", version = \"{requirement}\" }}`.",
        loaded.join(", ")
    ))
}

fn locked_versions(name: &str) -> Vec<semver::Version> {
    let lock: toml::Table = LOCK.parse().unwrap_or_default();
    let packages = lock.get("package").and_then(|packages| packages.as_array());
    packages
        .into_iter()
        .flatten()
        .filter(|package| package.get("name").and_then(|n| n.as_str()) == Some(name))
        .filter_map(|package| package.get("version")?.as_str()?.parse().ok())
        .collect()
}

/// The workspace's lock file, so that cells get what was tested.
pub fn lock_file() -> &'static str {
    LOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn companion() -> std::path::PathBuf {
        crate::prepared::checkout().join("crates/threadbook")
    }

    #[test]
    fn the_dependencies_are_a_valid_manifest() {
        let lines = all(&companion(), &Reading::default())
            .unwrap()
            .into_iter()
            .map(|(name, rest)| format!("{name} = {rest}\n"));
        let table: toml::Table = lines.collect::<String>().parse().unwrap();
        assert_eq!(table.len(), FRIENDS.len() + 1);
        assert!(table["tokio"]["features"].is_array() && table["threadbook"]["path"].is_str());
    }

    #[test]
    fn lines_for_what_is_loaded_are_blanked() {
        let path = companion().canonicalize().unwrap();
        let code =
            format!(":dep threadbook = {{ path = {path:?} }}\n:dep tokio = \"1\"\n:dep rand\nlet x = 1;");
        assert_eq!(without_loaded(&code, &companion()).unwrap(), "\n\n:dep rand\nlet x = 1;");
        assert_eq!(without_loaded(":dep rayon", &companion()).unwrap(), "");
    }

    #[test]
    fn another_version_is_refused_with_the_way_out() {
        let error = without_loaded(":dep tokio = { version = \"0.2\" }", &companion()).unwrap_err();
        assert!(error.contains("my_tokio") && error.contains("^0.2"), "{error}");
        let error = without_loaded(":dep threadbook = { path = \"/\" }", &companion()).unwrap_err();
        assert!(error.contains("another") || error.contains("other checkout"), "{error}");
    }
}
