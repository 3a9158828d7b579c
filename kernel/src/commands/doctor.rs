//! `threadbook doctor`: what is missing, and the command that mends it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::install_dir::{InstallDir, KERNEL};
use super::kernelspec::Kernelspec;
use super::python::{self, Python};
use super::{browser, evcxr, say, venv};
use crate::session::cache_directory;
use crate::toolchain::{self, Toolchain};
use crate::{sessions, template};

/// How to say it.
#[derive(Args)]
pub(crate) struct DoctorOptions {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// The result of one check.
#[derive(Debug, PartialEq, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    /// The finding.
    found: String,
    /// The command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// Most things work without it.
    Warn,
    Missing,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Ok, found: found.into(), mend: None }
    }

    fn not(name: &'static str, state: State, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, state, found: found.into(), mend: Some(mend.into()) }
    }
}

/// Prints the checks; false if something that is needed is missing.
pub(crate) fn doctor(options: &DoctorOptions) -> anyhow::Result<bool> {
    let mut checks = vec![rust(), rust_source()];
    checks.extend(python_and_lab());
    checks.extend(kernel());
    checks.extend(second_host());
    checks.push(browser());
    checks.push(cache());
    checks.push(session());
    checks.extend(left_behind());
    let healthy = is_healthy(&checks);
    if options.json {
        let report = serde_json::json!({"ok": healthy, "checks": checks});
        say(serde_json::to_string_pretty(&report)?);
    } else {
        say(table(&checks));
    }
    Ok(healthy)
}

fn is_healthy(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.state != State::Missing)
}

fn table(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for check in checks {
        let state = match check.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Missing => "missing",
        };
        lines.push(format!("{state:<8}{:<width$}  {}", check.name, check.found));
        if let Some(mend) = &check.mend {
            lines.push(format!("{:<8}{:<width$}  mend it with: {mend}", "", ""));
        }
    }
    lines.join("\n")
}

fn rust() -> Check {
    let name = "Rust";
    let missing = |found: String| Check::not(name, State::Missing, found, "rustup update stable");
    let Ok(toolchain) = Toolchain::find() else {
        return Check::not(name, State::Missing, "no rustc on the path", "see https://rustup.rs");
    };
    let version = toolchain.version();
    if !toolchain.has_cargo() {
        missing("no cargo on the path".into())
    } else if toolchain::at_least(version, toolchain::NEEDED) {
        Check::ok(name, version)
    } else {
        missing(format!("{version}, but {} or later is needed", toolchain::NEEDED))
    }
}

fn rust_source() -> Check {
    let name = "rust-src";
    if Toolchain::find().is_ok_and(|toolchain| toolchain.sources().is_some()) {
        return Check::ok(name, "the standard library's source is there");
    }
    Check::not(
        name,
        State::Warn,
        "completion and help know nothing of the standard library",
        toolchain::ADD_SOURCE,
    )
}

/// The Python that `cargo lab` would use, and its JupyterLab.
fn python_and_lab() -> [Check; 2] {
    let active = python::active_prefixes().into_iter().find_map(|prefix| Python::of_environment(&prefix));
    let ready = active.filter(Python::has_lab).or_else(venv::ready);
    let (python, lab) = ("Python", "JupyterLab");
    let no_lab = |found: &str| Check::not(lab, State::Missing, found, "cargo lab --prepare");
    match ready.map_or_else(python::on_path, Ok) {
        Err(error) => {
            let error = error.to_string();
            let found = error.split("; ").next().unwrap_or_default();
            [
                Check::not(python, State::Missing, found, python::install_command()),
                no_lab("no Python to run it"),
            ]
        }
        Ok(found) => {
            let lab = match &found.lab {
                Some(version) if found.has_lab() => {
                    Check::ok(lab, format!("{version} in {}", found.prefix.display()))
                }
                _ => no_lab("not in an active environment and not in .venv"),
            };
            [Check::ok(python, format!("{} ({})", found.version, found.program.display())), lab]
        }
    }
}

/// The kernelspec that Jupyter would find, and where it lies.
fn find(name: &str) -> Option<(Kernelspec, PathBuf)> {
    InstallDir::all().into_iter().find_map(|place| {
        let directory = place.spec(name);
        Some((Kernelspec::read(&directory)?, directory))
    })
}

/// The kernel, and its prepared directory.
fn kernel() -> [Check; 2] {
    kernel_checks(find(KERNEL), template::stale)
}

/// evcxr with the companion crate, if it is registered.
fn second_host() -> Option<Check> {
    let (spec, place) = find(evcxr::KERNEL)?;
    let (prepared, program) = (spec.prepared()?, spec.evcxr()?);
    let name = "evcxr";
    Some(match evcxr::stale(&prepared, &program) {
        None => Check::ok(name, place.display().to_string()),
        Some(why) => {
            let program = if program.is_file() { format!("={}", program.display()) } else { String::new() };
            let prefix = prefix_of(&place).display();
            let mend = format!("cargo threadbook install --evcxr{program} --prefix {prefix}");
            Check::not(name, State::Warn, why, mend)
        }
    })
}

fn kernel_checks(
    found: Option<(Kernelspec, PathBuf)>,
    stale: impl Fn(&Path) -> Option<String>,
) -> [Check; 2] {
    let (kernel, directory) = ("kernel", "prepared directory");
    let mend = "cargo lab --prepare";
    let Some((spec, place)) = found else {
        return [
            Check::not(kernel, State::Missing, "Jupyter does not know it", mend),
            Check::not(directory, State::Missing, "no kernel, no prepared directory", mend),
        ];
    };
    let mend = format!("cargo threadbook install --prefix {}", prefix_of(&place).display());
    let Some(prepared) = spec.prepared() else {
        return [
            Check::not(kernel, State::Missing, format!("{} is another kernel's", place.display()), &mend),
            Check::not(directory, State::Missing, "no kernel, no prepared directory", &mend),
        ];
    };
    let kernel = if spec.starts() {
        Check::ok(kernel, place.display().to_string())
    } else {
        let program = spec.argv.first().map_or("", String::as_str);
        Check::not(
            kernel,
            State::Missing,
            format!("{} starts {program}, which is gone", place.display()),
            &mend,
        )
    };
    let directory = match stale(&prepared) {
        None => Check::ok(directory, prepared.display().to_string()),
        Some(why) => Check::not(directory, State::Missing, why, &mend),
    };
    [kernel, directory]
}

/// `<prefix>/share/jupyter/kernels/<name>` is where a kernelspec lies, except on macOS.
fn prefix_of(spec: &Path) -> &Path {
    spec.ancestors().nth(4).unwrap_or(spec)
}

fn browser() -> Check {
    let name = "browser for PDF";
    match browser::find() {
        Some(found) => Check::ok(name, found.display().to_string()),
        None => Check::not(name, State::Warn, browser::MISSING, browser::INSTALL),
    }
}

/// The objects of cells that were compiled before, and how much room they take.
fn cache() -> Check {
    let name = "cache of cells";
    let Some(directory) = cache_directory() else {
        return Check::ok(name, "switched off: THREADBOOK_CACHE is empty");
    };
    if directory.exists()
        && let Err(reason) = threadbook_private::directory(&directory)
    {
        return Check::not(name, State::Warn, reason.to_string(), "see the reason, or set THREADBOOK_CACHE");
    }
    let files = std::fs::read_dir(&directory).into_iter().flatten().flatten();
    let bytes: u64 = files.filter_map(|file| Some(file.metadata().ok()?.len())).sum();
    Check::ok(name, format!("{:.1} MB in {}", bytes as f64 / 1e6, directory.display()))
}

/// The place of sessions.
fn session() -> Check {
    let name = "sessions";
    let mend = "set XDG_CACHE_HOME to a directory of your own with a plain path, on a file system that runs programs";
    match sessions::place() {
        Ok(sessions::SessionPlace { parent, reason: None, .. }) => {
            Check::ok(name, parent.display().to_string())
        }
        Ok(sessions::SessionPlace { parent, reason: Some(reason), .. }) => {
            Check::not(name, State::Warn, format!("in {}, because {reason}", parent.display()), mend)
        }
        Err(error) => Check::not(name, State::Missing, format!("{error:#}"), mend),
    }
}

/// Sessions of other hosts that share the home directory. Only they know which of these live.
fn left_behind() -> Option<Check> {
    let sessions::SessionPlace { parent, prefix, .. } = sessions::place().ok()?;
    let found = threadbook_private::left_behind(&parent, prefix);
    let first = found.first()?;
    let text = format!("{} of other hosts, such as {}", found.len(), first.display());
    let mend = "remove those of hosts that are gone";
    Some(Check::not("other sessions", State::Warn, text, mend))
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    fn spec(program: &str) -> Kernelspec {
        let argv = [program, "kernel", "--prepared", "/v/share/threadbook/prepared", "{connection_file}"];
        serde_json::from_value(serde_json::json!({"argv": argv})).unwrap()
    }

    #[test]
    fn warnings_alone_are_healthy() {
        let warn = Check::not("a", State::Warn, "", "x");
        let missing = Check::not("b", State::Missing, "", "x");
        assert!(is_healthy(&[Check::ok("c", ""), warn]));
        assert!(!is_healthy(&[Check::ok("c", ""), missing]));
    }

    #[test]
    fn the_table_has_a_line_a_check_and_the_command_below() {
        let checks =
            [Check::ok("Rust", "1.95.0"), Check::not("JupyterLab", State::Missing, "not there", "cargo lab")];
        let expected = "ok      Rust        1.95.0\n\
                        missing JupyterLab  not there\n                    mend it with: cargo lab";
        assert_eq!(table(&checks), expected);
    }

    #[test]
    fn a_check_reads_as_json() {
        let json = serde_json::to_value(Check::not("Rust", State::Missing, "none", "see rustup")).unwrap();
        let expected =
            serde_json::json!({"name": "Rust", "state": "missing", "found": "none", "mend": "see rustup"});
        assert_eq!(json, expected);
    }

    #[test]
    fn the_kernel_and_its_directory_are_checked_apart() {
        let place = PathBuf::from("/v/share/jupyter/kernels/threadbook");
        let states = |checks: [Check; 2]| checks.map(|check| check.state);
        let this = env::current_exe().unwrap();
        let this = this.to_str().unwrap();
        let fresh = |_: &Path| None;
        let old = |_: &Path| Some("it is old".to_owned());
        assert_eq!(states(kernel_checks(None, fresh)), [State::Missing; 2]);
        assert_eq!(states(kernel_checks(Some((spec(this), place.clone())), fresh)), [State::Ok; 2]);
        assert_eq!(
            states(kernel_checks(Some((spec("/gone"), place.clone())), fresh)),
            [State::Missing, State::Ok]
        );
        let [_, directory] = kernel_checks(Some((spec(this), place)), old);
        assert_eq!(directory.found, "it is old");
        assert_eq!(directory.mend.as_deref(), Some("cargo threadbook install --prefix /v"));
    }
}
