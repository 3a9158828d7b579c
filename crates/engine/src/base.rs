//! The base: the crates that every session starts with. They are built once, and a session never builds them
//! again.
//!
//! A session's crates are resolved without the base's own packages, so that no request can make cargo compile
//! those again: the process of the cells has loaded them. The other packages of the base take part with the
//! features that they have in it ([`Record::pins`]). A crate that needs no further feature shares their
//! copies, which are in the base's dynamic library; a crate that needs another feature gets a copy of its
//! own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::cache::checksum;
use crate::cargo::{Artifact, Cargo, Dependency, Profile, Progress, Tools};
use crate::request::Request;
use crate::source::hash;

/// The crates of every session. All of them are linked into the dynamic libraries among them.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The dependencies: for each name, the text to the right of `=` in a manifest. Their paths are absolute.
    pub dependencies: BTreeMap<String, String>,
    /// Packages that procedural macros and build scripts use, with all features that the crates of a session
    /// are likely to enable. A package that gets another feature is compiled again for the session, and so
    /// are its dependents: without this table, a crate that enables another feature of `syn` gets a `tokio`
    /// of its own.
    pub build_dependencies: BTreeMap<String, String>,
    /// The same for packages that the dependencies use: cells cannot name them. Even the feature `default`
    /// counts: in a base that has `futures-core` without it, streams have another type than in a crate that
    /// enables it.
    pub more_features: BTreeMap<String, String>,
    /// The text of the lock file, which may name more packages.
    pub lock: String,
    /// Keys and values of `[profile.dev]`, for the base and for the crates of a session.
    pub profile: BTreeMap<String, String>,
}

/// The result of building the base, in a file of the directory that is written last.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Record {
    key: String,
    /// For each name that cells can use, the file in the directory of libraries.
    pub(crate) externs: BTreeMap<String, String>,
    pub(crate) members: Vec<Member>,
    pub(crate) search_paths: Vec<String>,
}

/// A library of the base.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Member {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) features: Vec<String>,
    pub(crate) file: String,
    pub(crate) hash: u64,
    is_in_registry: bool,
    /// Compiled for build scripts and procedural macros.
    pub(crate) is_for_host: bool,
    pub(crate) is_macro: bool,
}

/// A compiled library in cargo's directory.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) features: Vec<String>,
    pub(crate) path: PathBuf,
    pub(crate) is_for_host: bool,
    pub(crate) is_macro: bool,
}

impl Product {
    pub(crate) fn of(artifact: &Artifact, cargo: &Cargo, prefers_dynamic: bool) -> Result<Product, String> {
        let is_macro = artifact.target.is_macro();
        let find = |ending: &str| {
            artifact.filenames.iter().find(|file| file.extension().is_some_and(|e| e == ending))
        };
        let dynamic = std::env::consts::DLL_EXTENSION;
        let order = if prefers_dynamic { [dynamic, "rlib"] } else { ["rlib", dynamic] };
        let nothing = || format!("cargo names no library of {}.", artifact.target.name);
        let file = order.into_iter().find_map(find).ok_or_else(nothing)?;
        let libraries = cargo.libraries();
        let is_for_host = !file.starts_with(libraries.parent().unwrap_or(&libraries));
        let directory = if is_for_host { cargo.host_libraries() } else { libraries };
        let path = match (file.parent() == Some(&directory), find("rmeta")) {
            (true, _) => file.clone(),
            // cargo gives the library of a selected package a second, shorter name.
            (false, Some(metadata)) if file.extension().is_some_and(|ending| ending == "rlib") => {
                metadata.with_extension("rlib")
            }
            _ => twin(file, &directory).ok_or_else(nothing)?,
        };
        let features = artifact.features.clone();
        Ok(Product { id: artifact.package_id.clone(), features, path, is_for_host, is_macro })
    }

    pub(crate) fn file(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(crate) fn is_dynamic(&self) -> bool {
        !self.is_macro
            && self.path.extension().is_some_and(|ending| ending == std::env::consts::DLL_EXTENSION)
    }

    /// Whether cells need it: libraries, and procedural macros, which run while cells are compiled.
    pub(crate) fn is_for_cells(&self) -> bool {
        self.is_macro || !self.is_for_host
    }
}

/// The file of the same content in `directory`, whose name is that of `file` or begins with it.
fn twin(file: &Path, directory: &Path) -> Option<PathBuf> {
    let (stem, extension) = (file.file_stem()?.to_str()?, file.extension());
    let length = fs::metadata(file).ok()?.len();
    let content = fs::read(file).ok()?;
    fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()).find(|path| {
        let name = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(stem));
        name.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            && path.extension() == extension
            && fs::metadata(path).is_ok_and(|metadata| metadata.len() == length)
            && fs::read(path).is_ok_and(|other| other == content)
    })
}

/// The name and the version in cargo's id of a package.
pub(crate) fn name_and_version(id: &str) -> (String, String) {
    let (source, rest) = id.rsplit_once('#').unwrap_or(("", id));
    let (name, version) = rest.rsplit_once('@').unwrap_or_else(|| {
        let path = source.split('?').next().unwrap_or(source).trim_end_matches('/');
        (path.rsplit('/').next().unwrap_or(path), rest)
    });
    (name.to_owned(), version.to_owned())
}

/// The direct dependency of a request.
pub(crate) fn find<'a>(direct: &'a [Dependency], request: &Request) -> Option<&'a Dependency> {
    direct.iter().find(|dependency| {
        dependency.package == request.package()
            && request.chosen_name().as_ref().unwrap_or(&dependency.library) == &dependency.name
    })
}

const RECORD: &str = "base.json";

impl Base {
    /// The record of this base; builds the base if the directory has no record of it.
    pub(crate) fn record(&self, cargo: &Cargo, progress: &mut dyn FnMut(Progress)) -> Result<Record, String> {
        if let Some(record) = self.built_record(&cargo.directory, &cargo.tools) {
            return Ok(record);
        }
        let record = self.build(cargo, self.key(&cargo.tools), progress)?;
        let text = serde_json::to_vec(&record).map_err(|error| error.to_string())?;
        write(&cargo.directory.join(RECORD), &text)?;
        Ok(record)
    }

    /// The record of this base, if it is built in a directory.
    pub(crate) fn built_record(&self, directory: &Path, tools: &Tools) -> Option<Record> {
        Record::read(directory).filter(|record| record.key == self.key(tools))
    }

    fn key(&self, tools: &Tools) -> String {
        format!("{:016x}", hash(&format!("{self:?}\n{}", tools.about)))
    }

    /// The dependencies.
    pub(crate) fn requests(&self) -> Result<Vec<Request>, String> {
        let parse =
            |(name, text): (&String, &String)| Request::parse(&format!("{name} = {text}"), Path::new("/"));
        self.dependencies.iter().map(parse).collect()
    }

    fn build(
        &self,
        cargo: &Cargo,
        key: String,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Record, String> {
        let requests = self.requests()?;
        let table = |dependencies: &BTreeMap<String, String>| {
            let text: String = dependencies.iter().map(|(name, text)| format!("{name} = {text}\n")).collect();
            text.parse::<Table>().map_err(|error| error.to_string())
        };
        let mut manifest = package("base");
        manifest.insert("workspace".into(), Table::new().into());
        let mut dependencies = table(&self.more_features)?;
        dependencies.extend(table(&self.dependencies)?);
        manifest.insert("dependencies".into(), dependencies.into());
        manifest.insert("build-dependencies".into(), table(&self.build_dependencies)?.into());
        write_package(&cargo.directory, &manifest)?;
        write(&cargo.directory.join("Cargo.lock"), self.lock.as_bytes())?;
        let direct = cargo.resolve(progress)?;
        let direct: Vec<_> = requests.iter().filter_map(|request| find(&direct, request)).collect();
        // Of a selected package, cargo would link the standard library into its dynamic library.
        let build = cargo.build(&[], progress)?;
        let (mut externs, mut members, mut files) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        for artifact in &build.artifacts {
            let product = Product::of(artifact, cargo, true)?;
            if product.is_for_cells() {
                let names = direct.iter().filter(|dependency| dependency.id == product.id);
                externs.extend(names.map(|dependency| (dependency.name.clone(), product.file())));
            }
            let (package, version) = name_and_version(&product.id);
            if files.insert((product.is_for_host, product.file())) {
                members.push(Member {
                    package,
                    version,
                    features: product.features.clone(),
                    file: product.file(),
                    hash: content(&product.path)?,
                    is_in_registry: product.id.starts_with("registry+"),
                    is_for_host: product.is_for_host,
                    is_macro: product.is_macro,
                });
            }
        }
        Ok(Record { key, externs, members, search_paths: build.search_paths })
    }

    pub(crate) fn profile(&self) -> Profile {
        self.profile.clone()
    }
}

impl Record {
    /// Reads the record in a directory, if a base is built there.
    pub(crate) fn read(directory: &Path) -> Option<Record> {
        serde_json::from_slice(&fs::read(directory.join(RECORD)).ok()?).ok()
    }

    /// The libraries that cells need, including procedural macros, which run while cells are compiled.
    pub(crate) fn members_for_cells(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_macro || !member.is_for_host)
    }

    /// The manifest of a package that enables the features that the base's packages have. It is part of the
    /// resolution and never compiled.
    pub(crate) fn pins(&self) -> Table {
        let (mut libraries, mut tools, mut keys) = (Table::new(), Table::new(), BTreeMap::new());
        for member in self.members.iter().filter(|member| member.is_in_registry) {
            let number = keys.len();
            // A version of a package can occur twice under one name, once for cells and once for macros.
            let key =
                keys.entry((&member.package, &member.version)).or_insert_with(|| format!("it-{number}"));
            let features: Vec<_> =
                member.features.iter().map(|feature| Value::from(feature.as_str())).collect();
            let specification = Table::from_iter([
                ("package".to_owned(), member.package.as_str().into()),
                ("version".to_owned(), member.version.as_str().into()),
                ("default-features".to_owned(), false.into()),
                ("features".to_owned(), features.into()),
            ]);
            let table = if member.is_for_host { &mut tools } else { &mut libraries };
            table.insert(key.clone(), specification.into());
        }
        let mut manifest = package("threadbook-base");
        manifest.insert("dependencies".into(), libraries.into());
        manifest.insert("build-dependencies".into(), tools.into());
        manifest
    }

    /// The names and files of the dynamic libraries, which contain all the others.
    pub(crate) fn dynamic(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_macro = |file: &str| self.members.iter().any(|member| member.file == file && member.is_macro);
        let externs = self.externs.iter().map(|(name, file)| (name.as_str(), file.as_str()));
        externs.filter(move |(_, file)| file.ends_with(std::env::consts::DLL_SUFFIX) && !is_macro(file))
    }

    /// The library that cells use under a name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        let file = self.externs.get(&name.replace('-', "_"))?;
        self.members.iter().find(|member| member.file == *file)
    }
}

pub(crate) fn package(name: &str) -> Table {
    let package = Table::from_iter([
        ("name".to_owned(), name.into()),
        ("version".to_owned(), "0.0.0".into()),
        ("edition".to_owned(), "2024".into()),
    ]);
    Table::from_iter([("package".to_owned(), package.into())])
}

/// Writes a package without code.
pub(crate) fn write_package(directory: &Path, manifest: &Table) -> Result<(), String> {
    write(&directory.join("src/lib.rs"), b"")?;
    write(&directory.join("Cargo.toml"), manifest.to_string().as_bytes())
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let done = fs::create_dir_all(path.parent().unwrap_or(path)).and_then(|()| fs::write(path, bytes));
    done.map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}

/// The hash of a file's content.
pub(crate) fn content(path: &Path) -> Result<u64, String> {
    let bytes = fs::read(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
    Ok(checksum(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_packages() {
        let named = |id| {
            let (name, version) = name_and_version(id);
            format!("{name} {version}")
        };
        assert_eq!(
            named("registry+https://github.com/rust-lang/crates.io-index#regex@1.11.1"),
            "regex 1.11.1"
        );
        assert_eq!(named("path+file:///tmp/x#0.1.0"), "x 0.1.0");
        assert_eq!(named("path+file:///tmp/x#my-crate@0.1.0"), "my-crate 0.1.0");
        assert_eq!(named("git+https://example.org/a/b?branch=main#0.2.0"), "b 0.2.0");
    }
}
