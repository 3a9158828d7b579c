//! The structure of the companion's crates: no circle of files in a crate, and no dependency on a crate of a higher layer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The crates by layer, the lowest first. Each depends on crates of lower layers only.
const LAYERS: [&[&str]; 6] = [
    &["base", "display"],
    &["trace"],
    &["explore", "future", "worker"],
    &["executor", "threading", "subprocess"],
    &["multiprocessing", "timing", "workload"],
    &["plot"],
];

/// The crates whose files form no circle.
const WITHOUT_CIRCLES: [&str; 8] =
    ["base", "executor", "future", "multiprocessing", "subprocess", "threading", "trace", "worker"];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")
}

/// The files of a crate, by their module paths. The crate's root is not among them: it uses all others.
fn modules(sources: &Path) -> BTreeMap<Vec<String>, PathBuf> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![(sources.to_owned(), Vec::new())];
    while let Some((folder, path)) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
            let child = || [&path[..], std::slice::from_ref(&name)].concat();
            match name.as_str() {
                "lib" | "main" => {}
                _ if entry.is_dir() => folders.push((entry.clone(), child())),
                "mod" => _ = modules.insert(path.clone(), entry),
                _ => _ = modules.insert(child(), entry),
            }
        }
    }
    modules
}

/// The paths in a file's code that begin with `crate`, `self` or `super`, without those of its tests.
fn paths(code: &str) -> Vec<Vec<String>> {
    let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut paths = Vec::new();
    for start in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let is_whole =
                !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == ':');
            let rest = &code[at..];
            let end =
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
            let path: Vec<String> = rest[..end].split("::").map(str::to_owned).collect();
            let list =
                rest[end..].strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default();
            for last in list.split(',').map(|item| item.trim().split(' ').next().unwrap_or_default()) {
                let whole = path.iter().cloned().chain([last.to_owned()]).filter(|part| !part.is_empty());
                paths.extend(is_whole.then(|| whole.collect()));
            }
        }
    }
    paths
}

/// The module that a path in `module` leads to, if it is another file of the crate.
fn target(
    modules: &BTreeMap<Vec<String>, PathBuf>,
    module: &[String],
    path: &[String],
) -> Option<Vec<String>> {
    let base = match path.first()?.as_str() {
        "self" => module,
        "super" => module.split_last()?.1,
        _ => &[],
    };
    let mut whole = [base, &path[1..]].concat();
    while !modules.contains_key(&whole) {
        whole.pop()?;
    }
    (whole != module).then_some(whole)
}

/// Removes files that use no other remaining file, again and again. The rest are circles, and files that lead to them.
fn circles(mut uses: BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Vec<String> {
    loop {
        let ends: Vec<_> =
            uses.iter().filter(|(_, used)| used.is_empty()).map(|(file, _)| file.clone()).collect();
        if ends.is_empty() {
            return uses.keys().map(|file| file.join("::")).collect();
        }
        uses.retain(|file, _| !ends.contains(file));
        uses.values_mut().for_each(|used| used.retain(|file| !ends.contains(file)));
    }
}

#[test]
fn the_files_of_a_crate_form_no_circle() {
    for name in WITHOUT_CIRCLES {
        let modules = modules(&crates().join(name).join("src"));
        assert!(!modules.is_empty(), "{name} has no files");
        let uses = modules.iter().map(|(module, file)| {
            let code = std::fs::read_to_string(file).unwrap();
            let used = paths(&code).into_iter().filter_map(|path| target(&modules, module, &path)).collect();
            (module.clone(), used)
        });
        let circles = circles(uses.collect());
        assert!(
            circles.is_empty(),
            "crates/{name}: these files form circles, or use files that do: {circles:?}"
        );
    }
}

#[test]
fn a_circle_is_found() {
    let file = |name: &str| vec![name.to_owned()];
    let uses = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(from, to)| (file(from), BTreeSet::from([file(to)]))).collect::<BTreeMap<_, _>>()
    };
    let mut chain = uses(&[("a", "b")]);
    chain.insert(file("b"), BTreeSet::new());
    assert!(circles(chain).is_empty());
    assert_eq!(circles(uses(&[("a", "b"), ("b", "a")])), ["a", "b"]);
    let code = "use crate::wait::{self, Goal};\n// crate::comment\nsuper::list::WaitList $crate::macro_path";
    let found: Vec<String> = paths(code).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["crate::wait::self", "crate::wait::Goal", "super::list::WaitList"]);
}

#[test]
fn a_crate_depends_on_lower_layers_only() {
    for (layer, names) in LAYERS.iter().enumerate() {
        for name in *names {
            let manifest = std::fs::read_to_string(crates().join(name).join("Cargo.toml")).unwrap();
            let manifest: toml::Table = manifest.parse().unwrap();
            let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table).cloned();
            for dependency in dependencies.unwrap_or_default().keys() {
                let Some(used) = dependency.strip_prefix("threadbook-") else { continue };
                let is_lower = LAYERS[..layer].iter().any(|lower| lower.contains(&used));
                assert!(is_lower, "crates/{name} depends on crates/{used}, which is in no lower layer");
            }
        }
    }
}
