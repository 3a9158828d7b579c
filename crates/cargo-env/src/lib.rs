//! Removes cargo's changes to the environment of `cargo run`.
//!
//! `cargo lab`, `cargo verify` and `cargo peers` are `cargo run`, which puts the target directory and the
//! toolchain first in the search path for shared objects and describes the package in variables. A kernel
//! with that environment, ours or the stock one, would load the companion crate of the target directory
//! instead of the one that its cells were compiled with.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

const SEARCH_PATHS: [&str; 2] = ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"];

/// Restores the environment without cargo, for this process and all its children.
///
/// # Safety
///
/// No other thread may run yet.
pub unsafe fn forget() {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(describes_a_package) {
            // SAFETY: the caller guarantees that no other thread reads the environment.
            unsafe { env::remove_var(name) };
        }
    }
    for name in SEARCH_PATHS {
        let Some(value) = env::var_os(name) else {
            continue;
        };
        let mut of_cargo = Vec::from_iter(sysroot());
        of_cargo.extend(env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned())));
        match without(&value, &of_cargo) {
            // SAFETY: as above.
            Some(value) => unsafe { env::set_var(name, value) },
            // SAFETY: as above.
            None => unsafe { env::remove_var(name) },
        };
    }
}

/// The working directory of programs that query the system. A notebook's directory is unsafe for them: rustup
/// and cargo obey files in it, and a search path with `.` finds programs there.
pub const NEUTRAL_DIRECTORY: &str = "/";

/// The directory of the toolchain whose rustc is first on the search path, or else rustup's: a program that
/// was not started from a shell often has a shorter path.
///
/// # Errors
///
/// A sentence with the reason why there is none.
pub fn sysroot() -> Result<PathBuf, String> {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let of_rustup = cargo_home.map(|home| home.join("bin").join("rustc"));
    let print = |rustc: &Path| {
        Command::new(rustc).args(["--print", "sysroot"]).current_dir(NEUTRAL_DIRECTORY).output().ok()
    };
    let output = print(Path::new("rustc")).or_else(|| print(&of_rustup?));
    let output = output.ok_or("rustc was not found. Install Rust from https://rustup.rs")?;
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout).into()),
        false => Err(format!("rustc does not work: {}", text(&output.stderr))),
    }
}

fn describes_a_package(name: &str) -> bool {
    name == "CARGO" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// The search path without directories under one of `roots`; `None` if none is left.
fn without(path: &OsStr, roots: &[PathBuf]) -> Option<OsString> {
    let ours = |entry: &Path| roots.iter().any(|root| entry.starts_with(root));
    let left: Vec<_> = env::split_paths(path).filter(|entry| !ours(entry)).collect();
    if left.is_empty() { None } else { env::join_paths(left).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_of_cargo_leave_the_search_path() {
        let roots = [PathBuf::from("/checkout/target/debug"), PathBuf::from("/toolchain")];
        let left = |path: &str| without(path.as_ref(), &roots);
        assert_eq!(left("/checkout/target/debug/deps:/usr/x:/toolchain/lib").unwrap(), "/usr/x");
        assert_eq!(left("/checkout/target/debug:/toolchain/lib"), None);
        assert_eq!(left("/checkout/other:/opt").unwrap(), "/checkout/other:/opt");
    }

    #[test]
    fn the_users_own_cargo_settings_stay() {
        assert!(describes_a_package("CARGO_PKG_NAME") && describes_a_package("CARGO_MANIFEST_DIR"));
        assert!(!describes_a_package("CARGO_HOME") && !describes_a_package("CARGO_NET_OFFLINE"));
    }
}
