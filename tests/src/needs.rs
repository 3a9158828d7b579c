//! The programs that the checks need, and the commands that install them.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Checkout, Outcome};

/// A required program.
struct Need {
    name: &'static str,
    /// Commands of which one must succeed.
    any: &'static [&'static [&'static str]],
    /// The command that installs it.
    get: &'static str,
}

/// The requirements of the steps before the end-to-end tests.
const TO_BUILD: [Need; 4] = [
    Need { name: "rustfmt", any: &[&["cargo", "fmt", "--version"]], get: "rustup component add rustfmt" },
    Need { name: "clippy", any: &[&["cargo", "clippy", "--version"]], get: "rustup component add clippy" },
    Need { name: "Python 3", any: &[&["python3", "--version"]], get: "apt install python3" },
    Need {
        name: "Python's venv module",
        any: &[&["python3", "-c", "import ensurepip, venv"]],
        get: "apt install python3-venv",
    },
];

/// The requirements of the end-to-end tests.
const TO_RUN: [Need; 2] = [
    Need {
        name: "Chromium",
        any: &[
            &["chromium", "--version"],
            &["chromium-browser", "--version"],
            &["google-chrome", "--version"],
        ],
        get: "apt install chromium",
    },
    Need { name: "poppler-utils", any: &[&["pdftotext", "-v"]], get: "apt install poppler-utils" },
];

/// The requirements of the end-to-end tests with `--all`.
const TO_RUN_ALL: [Need; 1] = [Need { name: "npm", any: &[&["npm", "--version"]], get: "apt install npm" }];

/// Fails if a program is missing that the build needs. The absence of a program that later steps need is only
/// shown: it may be installed by then.
pub(crate) fn to_build(checkout: &Checkout) -> Outcome {
    if let Err(missing) = to_run(checkout) {
        println!("before the end-to-end tests: {missing}");
    }
    missing(&TO_BUILD, &checkout.root)
}

/// Fails if a program is missing that the end-to-end tests need.
pub(crate) fn to_run(checkout: &Checkout) -> Outcome {
    missing(&TO_RUN, &checkout.root)?;
    if checkout.all { missing(&TO_RUN_ALL, &checkout.root) } else { Ok(()) }
}

fn missing(needs: &[Need], root: &Path) -> Outcome {
    let is_missing = |need: &&Need| !need.any.iter().any(|command| succeeds(command, root));
    let missing: Vec<_> = needs
        .iter()
        .filter(is_missing)
        .map(|need| format!("{} is missing; get it with: {}", need.name, need.get))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join(". ")) }
}

fn succeeds(command: &[&str], root: &Path) -> bool {
    let Some((program, arguments)) = command.split_first() else {
        return false;
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_way_is_enough_and_none_is_a_failure() {
        let need = |any| Need { name: "Thing", any, get: "apt install thing" };
        let root = Path::new(".");
        assert_eq!(missing(&[need(&[&["false"], &["true"]])], root), Ok(()));
        let reason = missing(&[need(&[&["false"], &["/there/is/no/such/program"]])], root).unwrap_err();
        assert_eq!(reason, "Thing is missing; get it with: apt install thing");
    }
}
