//! How the engine calls rustc: as cargo did for the crates of the prepared directory.

use super::crates::OPTIONS;
use crate::toolchain::{answers, linker};
use anyhow::Context;
use std::path::Path;
use threadbook_engine::Compiler;

/// Options of cargo's that the engine sets itself, with the number of words that follow each.
const OWN: [(&str, usize); 6] = [
    ("--crate-name", 1),
    ("--crate-type", 1),
    ("--out-dir", 1),
    ("--check-cfg", 1),
    ("--target", 1),
    ("src/lib.rs", 0),
];

/// The beginnings of more of them.
const OWN_PREFIXES: [&str; 4] = ["--edition", "--error-format", "--json", "--emit"];

/// Those of `-C`.
const OWN_CODEGEN: [&str; 3] = ["metadata=", "incremental=", "rpath"];

/// Keeps the names of one object apart from those of another.
const SYMBOLIC: &str = "-Bsymbolic";

/// A compiler that works in `directory`, with the crates that lie in `prepared`.
pub fn compiler(prepared: &Path, toolchain: &Path, directory: &Path) -> anyhow::Result<Compiler> {
    let recorded =
        answers::compilation(prepared).context("the prepared directory has no compilation of a cell")?;
    let mut arguments = filtered(&recorded);
    let libraries = arguments.iter().filter_map(|word| word.strip_prefix("dependency="));
    let paths: Vec<_> = libraries.map(|path| for_linker(&recorded, &format!("-rpath={path}"))).collect();
    arguments.extend(paths);
    arguments.push(for_linker(&recorded, SYMBOLIC));
    arguments.push("-Clto=off".into());
    Ok(Compiler { rustc: toolchain.join("rustc"), arguments, directory: directory.to_owned() })
}

/// The arguments of rustc that have nothing to do with crates.
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

fn filtered(recorded: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = recorded.iter();
    while let Some(word) = words.next() {
        if let Some((_, count)) = OWN.iter().find(|(own, _)| own == word) {
            words.by_ref().take(*count).for_each(drop);
        } else if OWN_PREFIXES.iter().any(|own| word.starts_with(own)) || word == "-Cprefer-dynamic" {
        } else if word == "-C" {
            let option = words.next().cloned().unwrap_or_default();
            if !OWN_CODEGEN.iter().any(|own| option.starts_with(own)) {
                kept.push(format!("-C{option}"));
            }
        } else {
            kept.push(word.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_sets_itself_is_left_out() {
        let words = "--crate-name ctx src/lib.rs --emit=link -C opt-level=2 -C metadata=1 -L dependency=/d --extern a=b";
        let words: Vec<_> = words.split(' ').map(str::to_owned).collect();
        assert_eq!(filtered(&words), ["-Copt-level=2", "-L", "dependency=/d", "--extern", "a=b"]);
    }
}
