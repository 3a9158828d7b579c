//! `cargo verify`: runs every check of this repository.
//!
//! The checks are other programs; this one runs them in order, lets their own output through, and goes on
//! after a failure, so that one run shows all that is wrong. It ends with a summary, and not with success
//! unless every check passed. What a check needs is part of it: a missing browser is a failure.

mod needs;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// One check: its name, and how it is done.
struct Step {
    name: &'static str,
    check: fn(&Checkout) -> Outcome,
}

/// Why a check failed, if it did.
type Outcome = Result<(), String>;

const STEPS: [Step; 11] = [
    Step { name: "needs", check: needs::all },
    Step { name: "format", check: format },
    Step {
        name: "lints",
        check: |c| c.cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step { name: "tests", check: |c| c.cargo(&["test", "--workspace"]) },
    Step { name: "models", check: models },
    Step { name: "documentation", check: documentation },
    // Everything at once, so that all is built with the same features as for the tests.
    Step { name: "build", check: |c| c.cargo(&["build", "--workspace", "--bins", "--examples"]) },
    Step { name: "install", check: install },
    Step { name: "test packages", check: test_packages },
    Step { name: "end to end", check: end_to_end },
    Step { name: "alone", check: alone },
];

/// The workspace, and the programs beside the notebooks, which are no part of it.
fn format(checkout: &Checkout) -> Outcome {
    checkout.cargo(&["fmt", "--all", "--check"])?;
    checkout.cargo(&["fmt", "--check", "--manifest-path", "notebooks/scripts/Cargo.toml"])
}

fn main() -> ExitCode {
    // SAFETY: The process has just begun and has one thread.
    unsafe { threadbook_cargo_env::forget() };
    let started = Instant::now();
    let checkout = Checkout::here();
    let mut results = Vec::new();
    for step in &STEPS {
        println!("\n==> {}", step.name);
        let started = Instant::now();
        let outcome = (step.check)(&checkout);
        if let Err(reason) = &outcome {
            println!("{}: {reason}", step.name);
        }
        results.push((step.name, started.elapsed(), outcome));
        println!("==> {}", line(&results[results.len() - 1]));
    }
    println!("\n{}", summary(&results, started.elapsed()));
    if results.iter().all(|(.., outcome)| outcome.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

type Done = (&'static str, Duration, Outcome);

fn line((name, elapsed, outcome): &Done) -> String {
    let word = if outcome.is_ok() { "ok" } else { "FAILED" };
    let reason = outcome.as_ref().err().map(|reason| format!("  {reason}")).unwrap_or_default();
    format!("{name:<14} {word:<6} {:>7.1} s{reason}", elapsed.as_secs_f64())
}

fn summary(results: &[Done], elapsed: Duration) -> String {
    let mut lines: Vec<_> = results.iter().map(line).collect();
    let failed = results.iter().filter(|(.., outcome)| outcome.is_err()).count();
    let verdict = match failed {
        0 => "all checks passed".to_owned(),
        1 => "1 check failed".to_owned(),
        many => format!("{many} checks failed"),
    };
    lines.push(format!("verify: {verdict} in {:.1} s", elapsed.as_secs_f64()));
    lines.join("\n")
}

/// The repository that is checked.
struct Checkout {
    root: PathBuf,
}

impl Checkout {
    fn here() -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: tests.parent().unwrap_or(tests).to_owned() }
    }

    /// The Python of the private environment, which `threadbook lab --prepare` makes.
    fn python(&self) -> Result<PathBuf, String> {
        let python = self.root.join(".venv/bin/python");
        if python.is_file() { Ok(python) } else { Err("there is no .venv, see the step install".into()) }
    }

    fn cargo(&self, arguments: &[&str]) -> Outcome {
        self.run(Command::new("cargo").args(arguments))
    }

    /// Runs a command in the repository; what it prints is shown as it comes.
    fn run(&self, command: &mut Command) -> Outcome {
        // An active environment is not what is tested.
        command.current_dir(&self.root).env_remove("VIRTUAL_ENV").env_remove("CONDA_PREFIX");
        let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
        let text = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        println!("$ {text}");
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{text}` ended with {status}")),
            Err(error) => Err(format!("`{text}` cannot be started: {error}")),
        }
    }
}

/// Has loom try every interleaving of the executors' models. They are compiled with its types in the place of
/// std's, so they have a target directory of their own.
fn models(checkout: &Checkout) -> Outcome {
    const LIST: [&str; 7] =
        ["test", "--package", "threadbook-executor", "--lib", "--target-dir", "target/loom", "models::"];
    let with_loom = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(LIST).args(arguments).env("RUSTFLAGS", "--cfg loom").current_dir(&checkout.root);
        command
    };
    checkout.run(&mut with_loom(&[]))?;
    // A filter that finds nothing passes, too.
    let list = with_loom(&["--quiet", "--", "--list"]).output().map_err(|error| error.to_string())?;
    match String::from_utf8_lossy(&list.stdout).lines().filter(|line| line.ends_with(": test")).count() {
        0 => Err("there are no models in the executors' crate".into()),
        _ => Ok(()),
    }
}

fn documentation(checkout: &Checkout) -> Outcome {
    let mut command = Command::new("cargo");
    command.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    checkout.run(&mut command)
}

/// Makes the private environment with the pinned packages, and installs the kernel there.
fn install(checkout: &Checkout) -> Outcome {
    checkout.run(Command::new(threadbook()).args(["lab", "--prepare"]))
}

/// The `threadbook` of this build.
fn threadbook() -> PathBuf {
    beside("threadbook")
}

/// Something that the step `build` put beside this program.
fn beside(file: &str) -> PathBuf {
    std::env::current_exe().map_or_else(|_| file.into(), |this| this.with_file_name(file))
}

/// What only the tests need, in the same environment. The pins of the rest are not to move.
fn test_packages(checkout: &Checkout) -> Outcome {
    let mut command = Command::new(checkout.python()?);
    command.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    command.args(["--requirement", "tests/requirements.txt", "--constraint", ".venv/threadbook-pins.txt"]);
    checkout.run(&mut command)
}

/// Most of the time a test waits for one compiler, so two at a time keep two processors busy.
fn end_to_end(checkout: &Checkout) -> Outcome {
    pytest(checkout, &["--numprocesses=2", "--durations=20", "-m", "not alone"])
}

/// What measures how much faster two workers are needs both.
fn alone(checkout: &Checkout) -> Outcome {
    pytest(checkout, &["-m", "alone"])
}

fn pytest(checkout: &Checkout, arguments: &[&str]) -> Outcome {
    let python = checkout.python()?;
    let mut command = Command::new(&python);
    // Skipping would hide what is missing, so the reasons are shown.
    command.args(["-m", "pytest", "-ra", "tests"]).args(arguments);
    command.env("THREADBOOK", threadbook()).env("THREADBOOK_STOCK", beside("examples/evcxr_jupyter"));
    // The kernel under test is the environment's, whatever else this user has installed.
    command.env("JUPYTER_PREFER_ENV_PATH", "1");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = python.parent().map(Path::to_owned);
    let path = std::env::join_paths(programs.into_iter().chain(std::env::split_paths(&path)));
    command.env("PATH", path.map_err(|error| error.to_string())?);
    checkout.run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_what_failed() {
        let done = |name, outcome| -> Done { (name, Duration::from_millis(1500), outcome) };
        let good = summary(&[done("format", Ok(()))], Duration::from_secs(2));
        assert!(good.ends_with("verify: all checks passed in 2.0 s"), "{good}");
        let bad = summary(&[done("format", Ok(())), done("lints", Err("no".into()))], Duration::from_secs(3));
        assert!(bad.contains("lints          FAILED     1.5 s  no"), "{bad}");
        assert!(bad.ends_with("verify: 1 check failed in 3.0 s"), "{bad}");
    }

    #[test]
    fn a_command_that_fails_is_a_failed_check() {
        let checkout = Checkout::here();
        assert!(checkout.root.join("Cargo.toml").is_file());
        assert_eq!(checkout.run(&mut Command::new("true")), Ok(()));
        assert!(checkout.run(&mut Command::new("false")).unwrap_err().contains("exit status: 1"));
        assert!(checkout.run(&mut Command::new("/there/is/no/such/program")).is_err());
    }
}
