//! What the checks need of the machine, and how to get it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Checkout, Outcome};

/// Something that must be there.
struct Need {
    name: &'static str,
    /// Commands of which one must succeed.
    any: &'static [&'static [&'static str]],
    /// The command that brings it.
    get: &'static str,
}

const NEEDS: [Need; 7] = [
    Need { name: "rustfmt", any: &[&["cargo", "fmt", "--version"]], get: "rustup component add rustfmt" },
    Need { name: "clippy", any: &[&["cargo", "clippy", "--version"]], get: "rustup component add clippy" },
    Need { name: "Python 3", any: &[&["python3", "--version"]], get: "apt install python3" },
    Need {
        name: "Python's venv module",
        any: &[&["python3", "-c", "import ensurepip, venv"]],
        get: "apt install python3-venv",
    },
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
    Need { name: "npm", any: &[&["npm", "--version"]], get: "apt install npm" },
];

/// Says what is missing.
pub(crate) fn all(checkout: &Checkout) -> Outcome {
    missing(&NEEDS, &checkout.root)
}

fn missing(needs: &[Need], root: &Path) -> Outcome {
    let mut missing = Vec::new();
    for need in needs {
        if need.any.iter().any(|command| succeeds(command, root)) {
            println!("{}: there", need.name);
        } else {
            missing.push(format!("{} is missing; get it with: {}", need.name, need.get));
        }
    }
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
