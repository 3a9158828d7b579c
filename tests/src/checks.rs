//! The checks.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::schedule::{Kind, Step};
use crate::{Checkout, Outcome, needs, prose, supply};

const fn step(
    name: &'static str,
    requires: &'static [&'static str],
    check: fn(&Checkout) -> Outcome,
) -> Step {
    Step { name, requires, check, kind: Kind::InTurn }
}

/// The steps of a run. Only `--all` tests a hub, which needs the proxy.
pub(crate) fn steps(all: bool) -> Vec<Step> {
    let is_selected = |step: &Step| all || step.name != "proxy";
    STEPS.into_iter().filter(is_selected).collect()
}

const STEPS: [Step; 15] = [
    step("needs", &[], needs::to_build),
    step("format", &["needs"], format),
    step("prose", &[], prose::check),
    step("supply chain", &["needs"], supply::check),
    step("tests", &["needs"], tests),
    step("lints", &["needs"], lints),
    step("models", &["needs"], models),
    step("documentation", &["needs"], documentation),
    // Everything at once, so that all is built with the same features as for the tests.
    step("build", &["needs"], |checkout| {
        cargo(checkout, &["build", "--locked", "--workspace", "--bins", "--examples"])
    }),
    Step { name: "packages", requires: &[], check: packages, kind: Kind::Background },
    Step { name: "proxy", requires: &[], check: proxy, kind: Kind::Background },
    step("install", &["build", "packages"], install),
    step("browser", &[], needs::to_run),
    step("end to end", &["install", "proxy", "browser"], end_to_end),
    step("alone", &["install", "browser"], alone),
];

fn cargo(checkout: &Checkout, arguments: &[&str]) -> Outcome {
    checkout.runner.run(Command::new("cargo").args(arguments))
}

/// The workspace, and the programs beside the notebooks, which are no part of it.
fn format(checkout: &Checkout) -> Outcome {
    cargo(checkout, &["fmt", "--all", "--check"])?;
    cargo(checkout, &["fmt", "--check", "--manifest-path", "notebooks/scripts/Cargo.toml"])
}

/// In the gate, the commit chooses a third of the engine's corpus.
fn tests(checkout: &Checkout) -> Outcome {
    let mut command = Command::new("cargo");
    command.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    if let Some(commit) = commit(checkout).filter(|_| !checkout.all) {
        command.env("THREADBOOK_COMMIT", commit);
    }
    checkout.runner.test(&mut command)
}

/// The lints of these two need the metadata of rust-analyzer's and evcxr's crates, which no other check uses.
fn lints(checkout: &Checkout) -> Outcome {
    let mut arguments = vec!["clippy", "--locked", "--workspace", "--all-targets"];
    if !checkout.all {
        for package in ["threadbook-analysis", "threadbook-peers"] {
            arguments.extend(["--exclude", package]);
        }
    }
    arguments.extend(["--", "-D", "warnings"]);
    cargo(checkout, &arguments)
}

/// Runs the models of futures and of the executors' queue in loom, which tries every interleaving. With the other packages
/// selected as well, their dependencies have the features that they have in the workspace, and are not compiled again.
fn models(checkout: &Checkout) -> Outcome {
    let packages = ["kernel", "analysis", "peers", "future", "executor"]
        .map(|name| format!("--package=threadbook-{name}"));
    let models = [&["test"], &packages.each_ref().map(String::as_str)[..], &["--lib"]].concat();
    let features = "--features=threadbook-future/models,threadbook-executor/models";
    let models = [&models[..], &[features, "loom_tests::"]].concat();
    checkout.runner.test(Command::new("cargo").args(&models))?;
    // A filter without a match passes, too.
    let mut list = Command::new("cargo");
    list.args(models).args(["--", "--list"]).current_dir(&checkout.root);
    let list = list.output().map_err(|error| error.to_string())?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    match ["a_callback_is_called", "a_job_is_either"].iter().find(|model| !list.contains(**model)) {
        Some(model) => Err(format!("the list of models has none that begins with {model}")),
        None => Ok(()),
    }
}

fn documentation(checkout: &Checkout) -> Outcome {
    let mut command = Command::new("cargo");
    command.args(["doc", "--locked", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    checkout.runner.run(&mut command)
}

/// A marker in the private environment: it was made here, or by `cargo lab`, which writes its packages into
/// the file.
const STAMP: &str = ".venv/threadbook-pins.txt";

/// Makes the private environment with the packages of the project and those of the tests, each by its hash.
fn packages(checkout: &Checkout) -> Outcome {
    let python = checkout.python();
    let stamp = checkout.root.join(STAMP);
    if checkout.root.join(".venv").exists() && !stamp.exists() {
        return Err(".venv was not made by this command or by `cargo lab`; move it away".into());
    }
    if !python.is_file() {
        checkout.runner.run(Command::new("python3").args(["-m", "venv", "--clear", ".venv"]))?;
        std::fs::write(&stamp, "").map_err(|error| format!("{}: {error}", stamp.display()))?;
    }
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    command.args(["--require-hashes", "--requirement", "tests/requirements.lock"]);
    checkout.runner.run(&mut command)
}

/// Installs the proxy that JupyterHub starts.
fn proxy(checkout: &Checkout) -> Outcome {
    let to = checkout.root.join("target/npm");
    std::fs::create_dir_all(&to).map_err(|error| error.to_string())?;
    for file in ["package.json", "package-lock.json"] {
        let from = checkout.root.join("tests/hub").join(file);
        std::fs::copy(&from, to.join(file)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    checkout.runner.run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--prefix", "target/npm"]))
}

/// Installs the kernel in the private environment, and beside it stock evcxr_jupyter with the companion.
fn install(checkout: &Checkout) -> Outcome {
    checkout.runner.run(Command::new(threadbook()).args(["lab", "--prepare"]))?;
    let mut evcxr = std::ffi::OsString::from("--evcxr=");
    evcxr.push(stock());
    checkout.runner.run(Command::new(threadbook()).args(["install", "--prefix", ".venv"]).arg(evcxr))
}

/// Stock evcxr_jupyter, of this build.
fn stock() -> PathBuf {
    beside("examples/evcxr_jupyter")
}

/// The `threadbook` of this build.
fn threadbook() -> PathBuf {
    beside("threadbook")
}

/// A file that the step `build` put beside this program.
fn beside(file: &str) -> PathBuf {
    std::env::current_exe().map_or_else(|_| file.into(), |this| this.with_file_name(file))
}

/// A test mostly waits for one compiler, so two processes keep two processors busy.
fn end_to_end(checkout: &Checkout) -> Outcome {
    pytest(checkout, "end-to-end", "not alone", &["--numprocesses=2"])
}

/// Measurements need every processor.
fn alone(checkout: &Checkout) -> Outcome {
    pytest(checkout, "alone", "alone", &[])
}

fn pytest(checkout: &Checkout, name: &str, marked: &str, arguments: &[&str]) -> Outcome {
    let marked = if checkout.all { marked.to_owned() } else { format!("{marked} and not rare") };
    let reports = checkout.reports();
    std::fs::create_dir_all(&reports).map_err(|error| format!("{}: {error}", reports.display()))?;
    let python = checkout.python();
    let mut command = Command::new(&python);
    // Skipping would hide a missing part, so the reasons are shown.
    command.args(["-m", "pytest", "-ra", "tests", "-m", &marked]).args(arguments);
    command.arg(format!("--junit-xml={}", reports.join(name).with_extension("xml").display()));
    command.env("THREADBOOK_REPORT", reports.join(name).with_extension("txt"));
    command.env("THREADBOOK", threadbook()).env("THREADBOOK_STOCK", stock());
    if checkout.all && std::env::var_os("THREADBOOK_ROUNDS").is_none() {
        command.env("THREADBOOK_ROUNDS", "200");
    }
    if let Some(commit) = commit(checkout) {
        println!("the tests that rotate are those of THREADBOOK_COMMIT={commit}");
        command.env("THREADBOOK_COMMIT", commit);
    }
    // The kernel under test is that of the environment, not one that this user has installed.
    command.env("JUPYTER_PREFER_ENV_PATH", "1").env("PATH", search_path(&python)?);
    checkout.runner.run(&mut command)
}

/// The commit that selects the rotating tests: THREADBOOK_COMMIT, or HEAD.
fn commit(checkout: &Checkout) -> Option<String> {
    let named = std::env::var("THREADBOOK_COMMIT").ok().filter(|named| !named.is_empty());
    named.or_else(|| {
        let mut git = Command::new("git");
        let output = git.args(["rev-parse", "HEAD"]).current_dir(&checkout.root).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    })
}

/// The search path of this process with the programs of the environment first.
fn search_path(python: &Path) -> Result<std::ffi::OsString, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = python.parent().map(Path::to_owned);
    std::env::join_paths(programs.into_iter().chain(std::env::split_paths(&path)))
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_requirement_names_an_earlier_step() {
        for (index, step) in STEPS.iter().enumerate() {
            for required in step.requires {
                let earlier = STEPS[..index].iter().any(|earlier| earlier.name == *required);
                assert!(earlier, "{} requires {required}", step.name);
            }
        }
    }

    #[test]
    fn the_locked_packages_are_those_that_are_pinned() {
        let requirement =
            |line: &str| line.split([' ', ';', '\\']).next().unwrap_or_default().replace('_', "-");
        let packages = |text: &str| -> BTreeSet<String> {
            text.lines().filter(|line| line.contains("==")).map(requirement).collect()
        };
        let lab = packages(include_str!("../../environment.lock"));
        let all = packages(include_str!("../requirements.lock"));
        assert!(lab.is_subset(&all), "{:?}", lab.difference(&all));
        let pinned =
            include_str!("../../environment.yml").lines().filter_map(|line| line.strip_prefix("      - "));
        let pinned: Vec<_> = pinned.map(requirement).collect();
        assert!(pinned.len() > 3 && pinned.iter().all(|pin| lab.contains(pin)), "{pinned:?}");
        let pinned = packages(include_str!("../requirements.txt"));
        assert!(pinned.is_subset(&all), "{:?}", pinned.difference(&all));
    }
}
