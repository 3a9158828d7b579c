//! How the engine calls rustc: as cargo did for the crates of the prepared directory.

use crate::toolchain::answers;
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

/// A compiler that works in `directory`, with the crates that lie in `prepared`.
pub fn compiler(prepared: &Path, toolchain: &Path, directory: &Path) -> anyhow::Result<Compiler> {
    let recorded =
        answers::compilation(prepared).context("the prepared directory has no compilation of a cell")?;
    let mut arguments = filtered(&recorded);
    let libraries = arguments.iter().filter_map(|word| word.strip_prefix("dependency=")).map(str::to_owned);
    // The C compiler hands its linker what follows `-Wl,`.
    let is_direct = recorded.iter().any(|word| word == "linker-flavor=ld");
    let [symbolic, path] =
        if is_direct { ["-Bsymbolic", "-rpath="] } else { ["-Wl,-Bsymbolic", "-Wl,-rpath,"] };
    let paths: Vec<_> = libraries.map(|library| format!("-Clink-arg={path}{library}")).collect();
    arguments.extend(paths);
    arguments.push(format!("-Clink-arg={symbolic}"));
    arguments.push("-Clto=off".into());
    Ok(Compiler { rustc: toolchain.join("rustc"), arguments, directory: directory.to_owned() })
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
