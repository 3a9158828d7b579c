//! The crates that requests have brought, and the package that depends on them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::base::{content, package, write_package};
use crate::request::Request;
use crate::source::hash;

/// The number of codegen units that cargo has by default.
const CODEGEN_UNITS: i64 = 16;

/// The results of the requests so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brought {
    pub(crate) requests: BTreeMap<String, Request>,
    /// The number of changes of a package's sources, by cargo's id. cargo names a library by its package and
    /// its profile, not by its sources, so each generation gets another number of codegen units.
    pub(crate) generations: BTreeMap<String, i64>,
    /// The sources of packages outside of registries, by cargo's id, and the hash of their content.
    pub(crate) sources: BTreeMap<String, (Vec<PathBuf>, u64)>,
    /// The hashes of the files in the directory of libraries.
    pub(crate) files: BTreeMap<String, u64>,
    /// For each name, the file.
    pub(crate) externs: BTreeMap<String, String>,
    /// The files that are linked into one of the dynamic libraries.
    pub(crate) linked: BTreeSet<String>,
    /// The names of the dynamic libraries, of which each depends on the one before it.
    pub(crate) dynamic: Vec<String>,
    pub(crate) search_paths: Vec<String>,
}

impl Brought {
    /// Writes the package that depends on these crates into `directory`.
    pub(crate) fn write_manifest(&self, directory: &Path) -> Result<(), String> {
        let requests = self.requests.values();
        let mut dependencies: Table =
            requests.map(|request| (request.name.clone(), request.specification.clone().into())).collect();
        let pins = Table::from_iter([("path".to_owned(), Value::from("base"))]);
        dependencies.insert("threadbook-base".into(), pins.into());
        let units = |generation: &i64| {
            Table::from_iter([("codegen-units".to_owned(), (CODEGEN_UNITS + generation).into())])
        };
        let packages: Table =
            self.generations.iter().map(|(id, generation)| (id.clone(), units(generation).into())).collect();
        let profile = Table::from_iter([("package".to_owned(), Value::from(packages))]);
        let mut manifest = package("notebook");
        manifest.insert("workspace".into(), Table::new().into());
        manifest.insert("dependencies".into(), dependencies.into());
        manifest
            .insert("profile".into(), Table::from_iter([("dev".to_owned(), Value::from(profile))]).into());
        write_package(directory, &manifest)
    }
}

/// The sources of a library, from the list that rustc has written beside it.
pub(crate) fn sources_of(library: &Path) -> Vec<PathBuf> {
    let name = library.file_stem().unwrap_or_default().to_string_lossy();
    let name = name.strip_prefix(std::env::consts::DLL_PREFIX).unwrap_or(&name);
    let text = fs::read_to_string(library.with_file_name(format!("{name}.d"))).unwrap_or_default();
    // Each source also has a line of its own, as a target without prerequisites.
    let sources = text.lines().filter_map(|line| line.strip_suffix(':'));
    sources.map(|path| PathBuf::from(path.replace("\\ ", " "))).collect()
}

/// The hash of the content of files. A file that cannot be read counts as none.
pub(crate) fn content_of(files: &[PathBuf]) -> u64 {
    let hashes = files.iter().map(|file| content(file).ok());
    hash(&format!("{:?}", hashes.collect::<Vec<_>>()))
}
