//! The Rust toolchain that cells are compiled with.

use anyhow::Context;
use std::path::PathBuf;
use std::process::Command;
use threadbook_cargo_env::NEUTRAL_DIRECTORY;

/// The oldest Rust that the companion crate compiles with.
pub const NEEDED: &str = env!("CARGO_PKG_RUST_VERSION");
/// The command that brings the standard library's source.
pub const ADD_SOURCE: &str = "rustup component add rust-src";

/// The toolchain on the path. (Finding it once is worth while: each start of a rustup proxy costs 15 to 40 ms.)
pub struct Toolchain {
    root: PathBuf,
    /// The output of `rustc -vV`.
    pub about: String,
}

impl Toolchain {
    /// # Errors
    ///
    /// There is no rustc on the path, or it does not work.
    pub fn find() -> anyhow::Result<Toolchain> {
        let root = threadbook_cargo_env::sysroot().map_err(anyhow::Error::msg)?;
        let rustc = root.join("bin").join("rustc");
        let output = Command::new(&rustc).arg("-vV").current_dir(NEUTRAL_DIRECTORY).output();
        let output = output.with_context(|| format!("{} cannot be run", rustc.display()))?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(Toolchain { root, about: String::from_utf8_lossy(&output.stdout).into_owned() })
    }

    /// The version of the compiler, e.g. `1.95.0`.
    pub fn version(&self) -> &str {
        self.say("release: ")
    }

    /// The system that it compiles for, e.g. `x86_64-unknown-linux-gnu`.
    pub fn host(&self) -> &str {
        self.say("host: ")
    }

    fn say(&self, key: &str) -> &str {
        self.about.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default()
    }

    /// The directory of its programs.
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// The directory of the standard library's shared object.
    pub fn libraries(&self) -> PathBuf {
        self.root.join("lib/rustlib").join(self.host()).join("lib")
    }

    /// The standard library's sources, if the component `rust-src` is there. Without it, completion and help know
    /// nothing of the standard library.
    pub fn sources(&self) -> Option<PathBuf> {
        Some(self.root.join("lib/rustlib/src/rust/library")).filter(|sources| sources.join("std").is_dir())
    }

    /// Whether it has a cargo, too.
    pub fn has_cargo(&self) -> bool {
        let cargo = Command::new("cargo").arg("--version").current_dir(NEUTRAL_DIRECTORY).output();
        cargo.is_ok_and(|output| output.status.success())
    }
}

/// Whether `version` is at least `needed`; numbers that are missing count as 0.
pub fn at_least(version: &str, needed: &str) -> bool {
    let numbers = |text: &str| {
        let release = text.split(['-', '+']).next().unwrap_or_default();
        let mut parts = release.split('.').map(|part| part.parse().unwrap_or(0));
        [(); 3].map(|()| parts.next().unwrap_or(0_u32))
    };
    numbers(version) >= numbers(needed)
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
        let toolchain = Toolchain::find().unwrap();
        assert!(at_least(toolchain.version(), NEEDED) && toolchain.host().contains('-'));
        assert!(toolchain.libraries().is_dir() && toolchain.has_cargo());
    }
}
