//! The Rust toolchain that cells are compiled with.

use std::path::PathBuf;
use std::process::Command;

/// The oldest Rust that the companion crate compiles with.
pub(crate) const NEEDED: &str = env!("CARGO_PKG_RUST_VERSION");
/// The command that brings the standard library's source.
pub(crate) const ADD_SOURCE: &str = "rustup component add rust-src";

/// The version of the compiler on the path, e.g. `1.95.0`.
pub(crate) fn version() -> Option<String> {
    let text = ask("rustc", &["--version"])?;
    text.split_whitespace().nth(1).map(str::to_owned)
}

/// Whether there is a cargo, too.
pub(crate) fn has_cargo() -> bool {
    ask("cargo", &["--version"]).is_some()
}

/// Where the toolchain lies.
pub(crate) fn sysroot() -> Option<PathBuf> {
    ask("rustc", &["--print", "sysroot"]).map(PathBuf::from)
}

/// Whether the standard library's source is there. Without it the engine cannot infer the types of some
/// variables.
pub(crate) fn has_source() -> bool {
    sysroot().is_some_and(|root| root.join("lib/rustlib/src/rust/library/std").is_dir())
}

/// Whether `version` is at least `needed`; numbers that are missing count as 0.
pub(crate) fn at_least(version: &str, needed: &str) -> bool {
    let numbers = |text: &str| {
        let release = text.split(['-', '+']).next().unwrap_or_default();
        let mut parts = release.split('.').map(|part| part.parse().unwrap_or(0));
        [(); 3].map(|()| parts.next().unwrap_or(0_u32))
    };
    numbers(version) >= numbers(needed)
}

fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(at_least("1.95.0", "1.95"));
        assert!(at_least("1.100.0-nightly", "1.95"));
        assert!(at_least("4.6.6", "4"));
        assert!(!at_least("1.94.1", "1.95"));
        assert!(!at_least("3.6", "4"));
    }

    #[test]
    fn the_compiler_that_built_this_is_found() {
        assert!(at_least(&version().unwrap(), NEEDED));
        assert!(sysroot().unwrap().join("lib").is_dir());
    }
}
