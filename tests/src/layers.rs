//! The structure of the workspace: its crates stand in layers, and no files of a crate import each other in a circle.
//!
//! The arrows between files are the `use` lines, and the paths in code that begin with `crate`, `self` or `super`, outside
//! of tests. A path through a re-export counts for the file that has the item.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The crates, from the lowest layer to the highest. A crate may depend on those of the lines above its own.
const LAYERS: [&[&str]; 10] = [
    &["analysis", "base", "cargo-env", "cell", "jupyter", "notebook", "private", "wire"],
    &["client", "display", "engine", "handout", "supervisor", "tests"],
    &["trace", "widgets"],
    &["explore", "future", "subprocess", "worker"],
    &["threading", "timing", "workload"],
    &["executor", "plot"],
    &["multiprocessing"],
    &["threadbook"],
    &["kernel"],
    &["peers"],
];

/// A module by its path from the root of the crate.
type Module = Vec<String>;

/// The files of a crate that import each other.
fn circles(src: &Path) -> Vec<BTreeSet<String>> {
    let arrows = arrows(src);
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        arrows.keys().map(|from| (from, reachable(from, &arrows))).collect();
    let mut circles = BTreeSet::new();
    for (module, others) in reached.iter().filter(|(module, others)| others.contains(*module)) {
        let back = |other: &&&Module| reached.get(*other).is_some_and(|back| back.contains(module));
        circles.insert(others.iter().filter(back).map(|other| name(other)).collect::<BTreeSet<_>>());
    }
    circles.into_iter().collect()
}

fn name(module: &[String]) -> String {
    if module.is_empty() { "the root".to_owned() } else { module.join("::") }
}

fn reachable<'a>(from: &'a Module, arrows: &'a BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<&'a Module> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        open.extend(arrows.get(module).into_iter().flatten().filter(|to| found.insert(*to)));
    }
    found
}

/// The modules of a crate, each with the modules whose items it imports.
fn arrows(src: &Path) -> BTreeMap<Module, BTreeSet<Module>> {
    let modules = modules(src);
    let uses: BTreeMap<&Module, Vec<Vec<String>>> =
        modules.iter().map(|(module, text)| (module, uses(text))).collect();
    let absolute = |module: &Module, path: &[String]| absolute(module, path, &modules);
    // The imports of each module, which its children see, too: the name, and the path of the item.
    let exports: BTreeMap<&Module, BTreeMap<String, Module>> = uses
        .iter()
        .map(|(module, uses)| {
            let paths = uses.iter().filter_map(|path| absolute(module, path));
            (*module, paths.filter_map(|path| Some((path.last()?.clone(), path))).collect())
        })
        .collect();
    let owner = |mut path: Module| {
        // A re-export may lead to another one.
        for _ in 0..8 {
            let length = (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length]));
            let (module, rest) = path.split_at(length.unwrap_or(0));
            let export = rest.first().and_then(|item| exports.get(&module.to_vec())?.get(item));
            match export {
                Some(export) if *export != path => path = [&export[..], &rest[1..]].concat(),
                _ => return module.to_vec(),
            }
        }
        path
    };
    let targets = |module: &Module, uses: &[Vec<String>]| {
        let paths = uses.iter().filter_map(|path| absolute(module, path));
        paths.map(owner).filter(|target| target != module).collect()
    };
    uses.iter().map(|(module, uses)| ((*module).clone(), targets(module, uses))).collect()
}

/// The modules of a crate that are no tests, with their texts up to their tests.
fn modules(src: &Path) -> BTreeMap<Module, String> {
    let mut modules = BTreeMap::new();
    let mut open = vec![src.to_owned()];
    while let Some(directory) = open.pop() {
        for path in entries(&directory) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(src).expect("it is in the directory").with_extension("");
                let mut module: Module =
                    relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
                if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
                    module.pop();
                }
                let text = std::fs::read_to_string(&path).expect("a source can be read");
                modules.insert(module, text);
            }
        }
    }
    let tests: Vec<Module> = modules
        .iter()
        .flat_map(|(module, text)| test_modules(text).map(|test| [&module[..], &[test]].concat()))
        .collect();
    modules.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    modules
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// The statement after each `#[cfg(test)]`, and the byte where it begins.
fn test_statements(text: &str) -> impl Iterator<Item = (usize, &str)> {
    const TEST: &str = "#[cfg(test)]";
    text.match_indices(TEST).map(|(at, _)| {
        let mut rest = text[at + TEST.len()..].trim_start();
        while rest.starts_with("#[") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest.trim_start());
        }
        let end = rest.find([';', '{']).map_or(rest.len(), |end| end + 1);
        (at, &rest[..end])
    })
}

/// The name of a module that a statement declares.
fn declared(statement: &str) -> Option<&str> {
    Some(statement.split_once("mod ")?.1.trim_end_matches([';', '{']).trim())
}

/// The files of tests that a file declares.
fn test_modules(text: &str) -> impl Iterator<Item = String> {
    let files = test_statements(text).filter(|(_, statement)| statement.ends_with(';'));
    files.filter_map(|(_, statement)| declared(statement).map(str::to_owned))
}

/// The paths in a file, up to its tests.
fn uses(text: &str) -> Vec<Vec<String>> {
    let tests = test_statements(text)
        .find(|(_, statement)| statement.ends_with('{') && declared(statement).is_some());
    let text = &text[..tests.map_or(text.len(), |(at, _)| at)];
    let only_tests: Vec<usize> = test_statements(text)
        .map(|(_, statement)| statement.as_ptr() as usize - text.as_ptr() as usize)
        .collect();
    let mut uses = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim_start();
        let start = at + line.len() - code.len();
        at += line.len();
        let public = code.strip_prefix("pub").map(|rest| rest.trim_start_matches(|c| c != ' ' && c != '\n'));
        let code = public.unwrap_or(code).trim_start();
        if code.starts_with("use ") && !only_tests.contains(&start) {
            let from = at - code.len() + "use ".len();
            let statement: String = text[from..].split(';').next().unwrap_or_default().to_owned();
            let statement: String = statement.split_whitespace().collect::<Vec<_>>().join(" ");
            uses.extend(paths(&statement));
        } else if !code.starts_with("//") && !only_tests.contains(&start) {
            uses.extend(inline_paths(code));
        }
    }
    uses
}

/// The paths in a line of code that begin with `crate`, `self` or `super`.
fn inline_paths(code: &str) -> impl Iterator<Item = Vec<String>> {
    let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let starts = ["crate::", "self::", "super::"].into_iter().flat_map(|start| code.match_indices(start));
    let whole = starts.filter(move |(at, _)| !code[..*at].ends_with(|c| is_of_path(c) || c == '$'));
    whole.map(move |(at, _)| {
        let path = code[at..].split(|c| !is_of_path(c)).next().unwrap_or_default();
        path.split("::").map(str::to_owned).collect()
    })
}

/// The paths in the tree of a `use` line.
fn paths(tree: &str) -> impl Iterator<Item = Vec<String>> {
    fn expand(tree: &str, paths: &mut Vec<String>, before: &str) {
        let tree = tree.trim();
        let Some((head, group)) = tree.split_once('{') else {
            let path = tree.split(" as ").next().unwrap_or_default();
            paths.push(format!("{before}{path}"));
            return;
        };
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        let (mut depth, mut start) = (0, 0);
        for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    if !group[start..at].trim().is_empty() {
                        expand(&group[start..at], paths, &format!("{before}{head}"));
                    }
                    start = (at + 1).min(group.len());
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    expand(tree, &mut found, "");
    found.into_iter().map(|path| path.split("::").map(|part| part.trim().to_owned()).collect())
}

/// A path in a module, from the root of the crate. `None` if it leads to another crate.
fn absolute(module: &Module, path: &[String], modules: &BTreeMap<Module, String>) -> Option<Module> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([&module[..], &path[1..]].concat()),
        "super" => Some([&module[..module.len().checked_sub(ups)?], &path[ups..]].concat()),
        child => {
            let child = [&module[..], &[child.to_owned()]].concat();
            modules.contains_key(&child).then(|| [&module[..], path].concat())
        }
    }
}

/// The crates of the workspace, by the names of their directories.
fn crates() -> BTreeMap<String, PathBuf> {
    let root = crate::root();
    let in_crates = entries(&root.join("crates")).into_iter();
    let directories = in_crates.chain([root.join("kernel"), root.join("tests")]);
    let with_manifest = directories.filter(|directory| directory.join("Cargo.toml").is_file());
    with_manifest
        .map(|directory| {
            (directory.file_name().unwrap_or_default().to_string_lossy().into_owned(), directory)
        })
        .collect()
}

/// The crates of the workspace that a manifest names under `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    let dependencies = manifest.get("dependencies").and_then(|dependencies| dependencies.as_table());
    let names = dependencies.into_iter().flatten().map(|(name, _)| name);
    names
        .filter_map(|name| name.strip_prefix("threadbook"))
        .map(|name| match name {
            "" => "threadbook".to_owned(),
            name => name.trim_start_matches('-').to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str) -> usize {
        let layer = LAYERS.iter().position(|layer| layer.contains(&name));
        layer.unwrap_or_else(|| panic!("the crate {name} stands in no layer; add it to LAYERS"))
    }

    #[test]
    fn each_crate_depends_on_lower_layers_only() {
        for (name, directory) in crates() {
            let manifest = std::fs::read_to_string(directory.join("Cargo.toml")).unwrap();
            for dependency in dependencies(&manifest) {
                assert!(
                    layer(&dependency) < layer(&name),
                    "{name} depends on {dependency}, which is not below it"
                );
            }
        }
    }

    #[test]
    fn no_files_of_a_crate_import_each_other_in_a_circle() {
        for (name, directory) in crates() {
            let circles = circles(&directory.join("src"));
            assert!(circles.is_empty(), "circles of files in {name}: {circles:?}");
        }
    }

    #[test]
    fn a_circle_through_a_group_a_parent_and_a_re_export_is_found() {
        let directory = std::env::temp_dir().join(format!("threadbook-structure-{}", std::process::id()));
        let write = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("lib.rs", "mod a;\nmod b;\nmod c;\n#[cfg(test)]\nmod fuzz;\npub use a::A;\nuse std::fmt;\n");
        write(
            "a/mod.rs",
            "mod low;\npub use low::Low;\nuse crate::{\n    b::{self, B},\n    c::C as D,\n};\n",
        );
        write("a/low.rs", "// use crate::b::B;\nuse super::super::c::C;\n");
        // The root re-exports it, so this leads to `a`.
        write("b.rs", "const A: u8 = crate::A.0;\n#[cfg(test)]\nuse crate::a::low::Low;\n");
        write("c.rs", "pub struct C;\n#[cfg(test)]\n#[cfg(unix)]\nmod tests {\n    use crate::a::A;\n}\n");
        write("fuzz.rs", "use crate::a::A;\n");
        let found = circles(&directory);
        std::fs::remove_dir_all(&directory).unwrap();
        let circle: BTreeSet<String> = ["a", "b"].map(str::to_owned).into();
        assert_eq!(found, [circle]);
    }

    #[test]
    fn paths_in_code_are_found() {
        let found: Vec<String> = inline_paths("f(crate::a::b(self::c), $crate::d, other::crate::e)")
            .map(|path| path.join("::"))
            .collect();
        assert_eq!(found, ["crate::a::b", "self::c"]);
    }

    #[test]
    fn trees_of_use_lines_are_taken_apart() {
        let found: Vec<String> = paths("a::{self, b::{C, D as E}, f}").map(|path| path.join("::")).collect();
        assert_eq!(found, ["a::self", "a::b::C", "a::b::D", "a::f"]);
    }
}
