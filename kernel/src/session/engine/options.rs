//! The arguments of rustc for a cell that have nothing to do with crates.

use super::linker;
use std::path::Path;

/// Those of the profile of the session's crates, and the lines for the calls that led to a panic.
const OPTIONS: [&str; 7] = [
    "-Copt-level=2",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
    "-Ccodegen-units=16",
    "-Cembed-bitcode=no",
    "-Cdebuginfo=line-tables-only",
    "-Clto=off",
];

/// Keeps the names of one object apart from those of another.
const SYMBOLIC: &str = "-Bsymbolic";

/// The arguments for cells on `host`, with the programs of the toolchain in `toolchain`.
pub fn options(host: &str, toolchain: &Path) -> Vec<String> {
    let linked = linker::directly(&["--target".into(), host.into()], toolchain);
    let mut options: Vec<_> = OPTIONS.iter().map(|option| (*option).to_owned()).chain(linked).collect();
    options.push(for_linker(&options, SYMBOLIC));
    options
}

/// The argument for an option of the linker. The C compiler, if rustc starts that, hands on what follows `-Wl,`.
fn for_linker(arguments: &[String], option: &str) -> String {
    let is_direct = arguments.iter().any(|word| word == "linker-flavor=ld");
    format!("-Clink-arg={}{option}", if is_direct { "" } else { "-Wl," })
}
