//! The copy of RustSec's advisories: those about packages of `Cargo.lock`, in all versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use super::{Lock, lock};
use crate::{Checkout, Outcome};

const FILE: &str = "tests/advisories.toml";

const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// Names another database: a repository that git can clone.
const VARIABLE: &str = "THREADBOOK_ADVISORIES";

/// The copy.
#[derive(Deserialize, Serialize)]
pub(crate) struct Advisories {
    /// The commit of the database.
    commit: String,
    /// The time of that commit.
    date: String,
    #[serde(default)]
    advisory: Vec<Advisory>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Advisory {
    id: String,
    package: String,
    /// The kind of an advisory that is no vulnerability: "unmaintained", "unsound", "notice".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    informational: Option<String>,
    #[serde(default)]
    patched: Vec<VersionReq>,
    #[serde(default)]
    unaffected: Vec<VersionReq>,
    title: String,
}

/// The head of a file in the database.
#[derive(Deserialize)]
struct Entry {
    advisory: Head,
    #[serde(default)]
    versions: Versions,
}

#[derive(Deserialize)]
struct Head {
    id: String,
    package: String,
    informational: Option<String>,
    withdrawn: Option<toml::Value>,
}

#[derive(Default, Deserialize)]
struct Versions {
    #[serde(default)]
    patched: Vec<VersionReq>,
    #[serde(default)]
    unaffected: Vec<VersionReq>,
}

pub(crate) fn read(root: &Path) -> Result<Advisories, String> {
    super::read(&root.join(FILE))
}

impl Advisories {
    /// The vulnerabilities of the packages of a lock file, and the other advisories about them, a sentence
    /// each.
    pub(crate) fn about(&self, lock: &Lock, ignored: &[String]) -> (Vec<String>, Vec<String>) {
        let (mut faults, mut notes) = (Vec::new(), Vec::new());
        for package in &lock.package {
            let of_package = self.advisory.iter().filter(|advisory| advisory.package == package.name);
            for advisory in of_package.filter(|advisory| advisory.affects(&package.version)) {
                let Advisory { id, title, informational, .. } = advisory;
                let text = format!("{} {}: {title} ({id})", package.name, package.version);
                match informational.as_deref() {
                    None | Some("unsound") if !ignored.contains(id) => faults.push(text),
                    kind => notes.push(format!("{}: {text}", kind.unwrap_or("ignored by deny.toml"))),
                }
            }
        }
        (faults, notes)
    }

    pub(crate) fn about_itself(&self) -> String {
        format!("{} advisories about them, of {}", self.advisory.len(), self.date)
    }
}

impl Advisory {
    fn affects(&self, version: &Version) -> bool {
        !self.patched.iter().chain(&self.unaffected).any(|safe| safe.matches(version))
    }
}

/// Reads a file of the database: TOML in a block of Markdown, and then the text with its title. `None` if it is withdrawn.
fn parse(text: &str) -> Result<Option<Advisory>, String> {
    let body = text.strip_prefix("```toml").and_then(|rest| rest.split_once("\n```"));
    let (head, text) = body.ok_or("there is no block of TOML")?;
    let Entry { advisory, versions } = toml::from_str(head).map_err(|error| error.to_string())?;
    let title = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("without a title");
    let Head { id, package, informational, withdrawn } = advisory;
    let Versions { patched, unaffected } = versions;
    let title = title.trim().to_owned();
    Ok(withdrawn.is_none().then_some(Advisory { id, package, informational, patched, unaffected, title }))
}

/// Brings the copy up to date.
pub(crate) fn refresh(checkout: &Checkout) -> Outcome {
    let database = std::env::var(VARIABLE).unwrap_or_else(|_| DATABASE.to_owned());
    let clone = checkout.root.join("target/advisories");
    let _ = std::fs::remove_dir_all(&clone);
    let mut git = Command::new("git");
    checkout.runner.run(git.args(["clone", "--quiet", "--depth=1", &database]).arg(&clone))?;
    let mut packages: Vec<_> =
        lock(&checkout.root)?.package.into_iter().map(|package| package.name).collect();
    packages.dedup();
    let mut advisory = Vec::new();
    for path in packages.iter().flat_map(|package| files(&clone.join("crates").join(package))) {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        advisory.extend(parse(&text).map_err(|reason| format!("{}: {reason}", path.display()))?);
    }
    let ask = |format: &str| {
        let output = Command::new("git").arg("-C").arg(&clone).args(["log", "-1", format]).output();
        output
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
            .map_err(|error| error.to_string())
    };
    let copy = Advisories { commit: ask("--format=%H")?, date: ask("--format=%cs")?, advisory };
    let text = toml::to_string(&copy).map_err(|error| error.to_string())?;
    let head = format!(
        "# The advisories of {DATABASE} about packages of Cargo.lock.\n# Made by `cargo verify --refresh-advisories`.\n\n"
    );
    std::fs::write(checkout.root.join(FILE), head + &text).map_err(|error| format!("{FILE}: {error}"))?;
    println!("{FILE}: {} packages, {}", packages.len(), copy.about_itself());
    Ok(())
}

/// The files of a directory in their order; none if there is no such directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supply::Locked;

    const ENTRY: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2020-0071\"\npackage = \"time\"\ndate = \"2020-11-18\"\n\
                         [affected]\nos = [\"linux\"]\n[versions]\npatched = [\">= 0.2.23\"]\nunaffected = [\"=0.2.0\"]\n\
                         ```\n\n# Potential segfault in the time crate\n\nText.\n";

    fn about(entry: &str, version: &str, ignored: &[&str]) -> (usize, usize) {
        let advisory = parse(entry).unwrap().into_iter().collect();
        let advisories = Advisories { commit: String::new(), date: String::new(), advisory };
        let version = Version::parse(version).unwrap();
        let package = Locked { name: "time".into(), version, source: None, checksum: None };
        let ignored: Vec<_> = ignored.iter().map(|&id| id.to_owned()).collect();
        let (faults, notes) = advisories.about(&Lock { package: vec![package] }, &ignored);
        (faults.len(), notes.len())
    }

    #[test]
    fn an_advisory_is_about_versions_that_are_neither_patched_nor_unaffected() {
        assert_eq!(about(ENTRY, "0.2.22", &[]), (1, 0));
        for safe in ["0.2.23", "0.3.0", "0.2.0"] {
            assert_eq!(about(ENTRY, safe, &[]), (0, 0), "{safe}");
        }
        assert_eq!(about(ENTRY, "0.2.22", &["RUSTSEC-2020-0071"]), (0, 1));
        let with = |line: &str| ENTRY.replace("date =", &format!("{line}\ndate ="));
        assert_eq!(about(&with("informational = \"unmaintained\""), "0.1.0", &[]), (0, 1));
        assert_eq!(about(&with("informational = \"unsound\""), "0.1.0", &[]), (1, 0));
        assert_eq!(about(&with("withdrawn = \"2021-01-01\""), "0.1.0", &[]), (0, 0));
        assert!(parse("# no advisory").is_err());
        assert_eq!(parse(ENTRY).unwrap().unwrap().title, "Potential segfault in the time crate");
    }

    #[test]
    fn the_copy_is_read_as_it_is_written() {
        let advisory = parse(ENTRY).unwrap().into_iter().collect::<Vec<_>>();
        let copy = Advisories { commit: "c".into(), date: "2026-01-01".into(), advisory: advisory.clone() };
        let again: Advisories = toml::from_str(&toml::to_string(&copy).unwrap()).unwrap();
        assert_eq!(again.advisory, advisory);
        assert!(!read(&crate::root()).unwrap().commit.is_empty());
    }
}
