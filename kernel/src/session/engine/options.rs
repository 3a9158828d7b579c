//! The arguments of rustc for a cell that have nothing to do with crates.

use super::linker;
use std::path::Path;

/// Those of the profile of the session's crates, and the lines for the calls that led to a panic.
const OPTIONS: [&str; 7] = [
    "-Copt-level=2",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
    // More units cost a small cell a tenth of its time, and save a large cell none.
    "-Ccodegen-units=1",
    "-Cembed-bitcode=no",
    "-Cdebuginfo=line-tables-only",
    "-Clto=off",
];

/// Keeps the names of one object apart from those of another.
const SYMBOLIC: &str = "-Bsymbolic";

/// An object is too small for threads of the linker.
const THREADS: &str = "--threads=1";

/// The arguments for cells on `host`, with the programs of the toolchain in `toolchain`.
pub fn options(host: &str, toolchain: &Path) -> Vec<String> {
    let linked = linker::directly(&["--target".into(), host.into()], toolchain);
    // The C compiler, if rustc starts that, hands on what follows `-Wl,`.
    let for_linker = match linked.is_empty() {
        true => vec![format!("-Clink-arg=-Wl,{SYMBOLIC}")],
        false => [SYMBOLIC, THREADS].map(|option| format!("-Clink-arg={option}")).into(),
    };
    OPTIONS.iter().map(|option| (*option).to_owned()).chain(linked).chain(for_linker).collect()
}
