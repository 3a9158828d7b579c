//! The crates of a session: those of its base, and those that cells add with `:dep`.
//!
//! cargo compiles them in a directory of the session. Each request with new crates links them into one more
//! dynamic library, which depends on those before it, so that a crate has one set of statics for all cells.
//! rustc, when it compiles a cell, takes a crate's metadata from its rlib and its code from the library.
//!
//! *Invariant:* a file that is in use never changes: changed code is a file of another name. Sources that can
//! change require a hint to cargo for that, [`Brought::generations`].
//!
//! *Invariant:* a request that fails changes nothing.
//!
//! Sessions share a prepared base: a session has links to its libraries from the start, and a copy of cargo's target
//! directory from the first request on.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::base::{Base, Product, Record, content, find, name_and_version, package, write, write_package};
use crate::cargo::{Cargo, Dependency, Progress, TARGET, Tools};
use crate::copy::{copy_directory, share_file};
use crate::interrupt::Interrupt;
use crate::libraries::{Libraries, dynamic_file};
use crate::request::Request;
use crate::source::hash;

/// The directory of the files that rustc and the process of the cells use.
const LIBRARIES: &str = "crates";

/// The maximum number of builds of a request, which is repeated if sources have changed. The second build has
/// other names, so a third one is needed only if sources change meanwhile.
const MAX_BUILDS: usize = 3;

/// The number of codegen units that cargo has by default.
const CODEGEN_UNITS: i64 = 16;

/// The crates that the cells of a session can name, beside std.
#[derive(Debug)]
pub struct Crates {
    cargo: Cargo,
    libraries: Libraries,
    base: Record,
    /// The directories of the base's dependencies that have one.
    base_paths: BTreeMap<String, PathBuf>,
    brought: Brought,
    /// The directory of the prepared base, until its target directory is copied.
    prepared: Option<PathBuf>,
}

/// The results of the requests so far.
#[derive(Clone, Debug, Default)]
struct Brought {
    requests: BTreeMap<String, Request>,
    /// The number of changes of a package's sources, by cargo's id. cargo names a library by its package and
    /// its profile, not by its sources, so each generation gets another number of codegen units.
    generations: BTreeMap<String, i64>,
    /// The sources of packages outside of registries, by cargo's id, and the hash of their content.
    sources: BTreeMap<String, (Vec<PathBuf>, u64)>,
    /// The hashes of the files in the directory of libraries.
    files: BTreeMap<String, u64>,
    /// For each name, the file.
    externs: BTreeMap<String, String>,
    /// The files that are linked into one of the dynamic libraries.
    linked: BTreeSet<String>,
    /// The names of the dynamic libraries, of which each depends on the one before it.
    dynamic: Vec<String>,
    search_paths: Vec<String>,
}

/// The result of a successful [`Crates::add`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Added {
    /// The names that cells can use now, and the versions of their packages.
    pub ready: Vec<(String, String)>,
    /// The names whose crate was compiled again. Its types are new types, and its statics are initialised
    /// again; variables and functions of earlier cells keep the old code.
    pub replaced: Vec<String>,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

impl Crates {
    /// The crates of a session in `directory`, which exists and belongs to it. The base is built if it is not
    /// in the directory yet. `interrupt` ends cargo.
    ///
    /// # Errors
    ///
    /// The message of cargo, or a sentence.
    pub fn open(
        directory: &Path,
        base: &Base,
        tools: Tools,
        interrupt: Interrupt,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Crates, String> {
        let cargo = Cargo::new(directory, base.profile(), tools, interrupt)?;
        let record = base.record(&cargo, progress)?;
        let crates = Crates::new(cargo, base, record, None)?;
        for member in crates.base.members_for_cells() {
            let cargo = &crates.cargo;
            let from = if member.is_for_host { cargo.host_libraries() } else { cargo.libraries() };
            crates.libraries.keep(&from.join(&member.file))?;
        }
        crates.write_packages(&base.lock)?;
        Ok(crates)
    }

    /// The crates of a session in `directory`, which is empty and belongs to it, with the base that [`Crates::open`] has
    /// built in the directory `prepared`. If the base there is another one, it is built in the session.
    ///
    /// # Errors
    ///
    /// The message of cargo, or a sentence.
    pub fn share(
        prepared: &Path,
        directory: &Path,
        base: &Base,
        tools: Tools,
        interrupt: Interrupt,
    ) -> Result<Crates, String> {
        let cargo = Cargo::new(directory, base.profile(), tools.clone(), interrupt.clone())?;
        let Some(record) = base.built_record(prepared, &cargo.tools) else {
            return Crates::open(directory, base, tools, interrupt, &mut |_| {});
        };
        let crates = Crates::new(cargo, base, record, Some(prepared.to_owned()))?;
        let libraries = &crates.libraries.directory;
        let cannot = |error| {
            format!(
                "{} cannot be copied to {}: {error}.",
                prepared.display(),
                crates.cargo.directory.display()
            )
        };
        fs::create_dir_all(libraries).map_err(cannot)?;
        for member in crates.base.members_for_cells() {
            share_file(&prepared.join(LIBRARIES).join(&member.file), &libraries.join(&member.file))
                .map_err(cannot)?;
        }
        crates.write_packages(&base.lock)?;
        Ok(crates)
    }

    fn new(cargo: Cargo, base: &Base, record: Record, prepared: Option<PathBuf>) -> Result<Crates, String> {
        let path = |request: Request| Some((request.name.clone(), request.key("path")?.into()));
        let files = record.members_for_cells().map(|member| (member.file.clone(), member.hash)).collect();
        Ok(Crates {
            libraries: Libraries { directory: cargo.directory.join(LIBRARIES) },
            base_paths: base.requests()?.into_iter().filter_map(path).collect(),
            brought: Brought { search_paths: record.search_paths.clone(), files, ..Brought::default() },
            base: record,
            cargo,
            prepared,
        })
    }

    /// Writes the packages that cargo needs to resolve requests.
    fn write_packages(&self, lock: &str) -> Result<(), String> {
        write_package(&self.cargo.directory.join("base"), &self.base.pins())?;
        self.write_manifest(&self.brought)?;
        write(&self.cargo.directory.join("Cargo.lock"), lock.as_bytes())
    }

    /// Adds crates, which all later cells can name. `progress` receives cargo's steps.
    ///
    /// # Errors
    ///
    /// The message of cargo, or a sentence. The crates are unchanged then.
    pub fn add(&mut self, requests: &[Request], progress: &mut dyn FnMut(Progress)) -> Result<Added, String> {
        let (mut next, mut added) = (self.brought.clone(), Added::default());
        let mut can_change = false;
        for request in requests {
            if self.base.member(&request.name).is_some() {
                self.check_base(request, &mut added)?;
            } else {
                can_change |= request.can_change();
                next.requests.insert(request.name.clone(), request.clone());
            }
        }
        if next.requests == self.brought.requests && !can_change {
            return Ok(added);
        }
        self.copy_target()?;
        let lock = self.cargo.directory.join("Cargo.lock");
        let before = fs::read(&lock).map_err(|error| format!("The lock file cannot be read: {error}."))?;
        match self.bring(&mut next, &mut added, progress) {
            Ok(()) => {
                self.brought = next;
                Ok(added)
            }
            Err(error) => {
                self.write_manifest(&self.brought)?;
                write(&lock, &before)?;
                Err(error)
            }
        }
    }

    /// The names that cells can use.
    pub fn names(&self) -> Vec<String> {
        self.externs().into_keys().collect()
    }

    /// For each name that cells can use, the file of the crate.
    pub fn externs(&self) -> BTreeMap<String, PathBuf> {
        let own = self.brought.externs.iter().chain(&self.base.externs);
        own.map(|(name, file)| (name.clone(), self.libraries.path(file))).collect()
    }

    /// The arguments with which rustc finds the crates.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = self.libraries.search_arguments(&self.brought.search_paths);
        let last = self.brought.dynamic.last();
        arguments.extend(last.map(|name| self.libraries.extern_argument(name, &dynamic_file(name))));
        let externs = self.externs();
        arguments.extend(externs.iter().map(|(name, file)| format!("--extern={name}={}", file.display())));
        arguments
    }

    /// Code for each crate that names a crate of a request: with it, rustc uses the code in their dynamic
    /// library instead of linking it once more. [`Engine`](crate::Engine) adds it.
    pub fn declaration(&self) -> String {
        self.brought.dynamic.last().map(|name| format!("extern crate {name} as _;\n")).unwrap_or_default()
    }

    /// A fingerprint of the crates' names and content.
    pub fn environment(&self) -> String {
        let mut text = self.base_environment();
        for (name, file) in &self.brought.externs {
            text += &format!(" {name}={file}:{:x}", self.brought.files[file]);
        }
        text += self.brought.dynamic.last().map_or("", String::as_str);
        format!("{:016x}", hash(&text))
    }

    /// The part of [`Crates::environment`] that requests do not change.
    pub fn base_environment(&self) -> String {
        let hashes = self.base.members.iter().map(|member| format!("{:x} ", member.hash));
        let externs = self.base.externs.iter().map(|(name, file)| format!("{name}={file} "));
        format!("{:016x}", hash(&hashes.chain(externs).collect::<String>()))
    }

    /// The names that requests have added.
    pub(crate) fn brought_names(&self) -> impl Iterator<Item = &str> {
        self.brought.externs.keys().map(String::as_str)
    }

    /// The requests, as the `[dependencies]` of a manifest.
    pub fn requested(&self) -> Table {
        let requests = self.brought.requests.values();
        requests.map(|request| (request.name.clone(), request.specification.clone().into())).collect()
    }

    /// The directory of shared objects for the process of the cells.
    pub fn libraries(&self) -> PathBuf {
        self.libraries.directory.clone()
    }

    /// Takes a copy of the prepared target directory, so that cargo finds the base in it.
    fn copy_target(&mut self) -> Result<(), String> {
        let Some(prepared) = &self.prepared else { return Ok(()) };
        let target = self.cargo.target();
        let is_same = || Record::read(prepared).is_some_and(|record| record == self.base);
        let copied = copy_directory(&prepared.join(TARGET), &target).map_err(|error| {
            format!("{} cannot be copied to {}: {error}.", prepared.display(), target.display())
        });
        let copied = match is_same() {
            true => copied,
            false => Err(format!(
                "The crates of every notebook in {} are not those that this session began with. Restart the kernel to bring \
                 more crates.",
                prepared.display()
            )),
        };
        match copied {
            Ok(()) => self.prepared = None,
            Err(_) => drop(fs::remove_dir_all(&target)),
        }
        copied
    }

    /// Checks a request for a crate of the base.
    fn check_base(&self, request: &Request, added: &mut Added) -> Result<(), String> {
        let Some(member) = self.base.member(&request.name) else { return Ok(()) };
        let (name, version) = (&request.name, &member.version);
        let is_same_path = |path: &str| {
            let own = self.base_paths.get(name).and_then(|path| path.canonicalize().ok());
            own.is_some() && own == Path::new(path).canonicalize().ok()
        };
        let is_other_source = request.key("git").is_some()
            || request.chosen_name().is_some_and(|_| request.package() != member.package)
            || request.key("path").is_some_and(|path| !is_same_path(path));
        let requirement = request.key("version").unwrap_or("*");
        let parsed = semver::VersionReq::parse(requirement)
            .map_err(|error| format!("`{requirement}` is no version requirement for {name}: {error}."))?;
        let matches = version.parse().is_ok_and(|version| parsed.matches(&version));
        if is_other_source || !matches {
            return Err(format!(
                "{name} {version} is part of every notebook, and this line asks for another one. Leave it out, or give \
                 the other one another name: `:dep my_{} = {{ package = \"{}\", .. }}`.",
                name.replace('-', "_"),
                request.package(),
            ));
        }
        let missing: Vec<_> =
            request.features().filter(|&it| !member.features.iter().any(|own| own == it)).collect();
        if !missing.is_empty() {
            added.notes.push(format!(
                "{name} {version} is part of every notebook, without the feature {}.",
                missing.join(", ")
            ));
        }
        added.ready.push((name.replace('-', "_"), version.clone()));
        Ok(())
    }

    fn bring(
        &self,
        next: &mut Brought,
        added: &mut Added,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), String> {
        for (id, (sources, hash)) in &next.sources {
            if content_of(sources) != *hash {
                *next.generations.entry(id.clone()).or_default() += 1;
            }
        }
        for _ in 0..MAX_BUILDS {
            self.write_manifest(next)?;
            let direct = self.cargo.resolve(progress)?;
            let direct = next.requests.values().map(|request| {
                let without =
                    || format!("The package {} has no library, so cells cannot use it.", request.package());
                find(&direct, request).ok_or_else(without)
            });
            let direct = direct.collect::<Result<Vec<_>, _>>()?;
            let ids: Vec<_> = direct.iter().map(|dependency| dependency.id.clone()).collect();
            let build = self.cargo.build(&ids, progress)?;
            let mut products = Vec::new();
            for artifact in &build.artifacts {
                let names: Vec<_> = artifact.filenames.iter().filter_map(|path| path.file_name()).collect();
                let is_in_base = self.base.dynamic().any(|(_, file)| names.contains(&OsStr::new(file)));
                products.push(Product::of(artifact, &self.cargo, is_in_base)?);
            }
            products.retain(Product::is_for_cells);
            let mut is_changed = false;
            for product in &products {
                if self.is_changed(next, product)? {
                    if product.is_dynamic() {
                        return Err(must_restart(product));
                    }
                    *next.generations.entry(product.id.clone()).or_default() += 1;
                    is_changed = true;
                }
            }
            if !is_changed {
                progress(Progress::Linking);
                next.search_paths.extend(build.search_paths);
                next.search_paths.sort();
                next.search_paths.dedup();
                return self.take(next, &direct, &products, added);
            }
        }
        Err("The sources of the crates have changed while they were compiled. Execute the cell again.".into())
    }

    /// Whether a library has the name of one that is in use, but different content.
    fn is_changed(&self, brought: &Brought, product: &Product) -> Result<bool, String> {
        let hash = brought.files.get(&product.file());
        hash.map_or(Ok(false), |hash| self.libraries.differs(&product.path, *hash))
    }

    /// Puts the libraries of a build into use.
    fn take(
        &self,
        next: &mut Brought,
        direct: &[&Dependency],
        products: &[Product],
        added: &mut Added,
    ) -> Result<(), String> {
        next.sources.clear();
        let mut new = Vec::new();
        for product in products {
            let file = product.file();
            if !product.id.starts_with("registry+") {
                let sources = sources_of(&product.path);
                let hash = content_of(&sources);
                next.sources.insert(product.id.clone(), (sources, hash));
            }
            if next.files.contains_key(&file) {
                continue;
            }
            self.libraries.keep(&product.path)?;
            let hash = content(&self.libraries.path(&file))?;
            new.push(format!("{file}:{hash:x}"));
            next.files.insert(file, hash);
            added.notes.extend(self.note_on_copy(product));
        }
        let (mut externs, mut to_link) = (BTreeMap::new(), Vec::new());
        for dependency in direct {
            let Some(product) = products.iter().find(|product| product.id == dependency.id) else { continue };
            let (name, file) = (dependency.name.clone(), product.file());
            if next.externs.get(&name).is_some_and(|before| *before != file) {
                added.replaced.push(name.clone());
                added.notes.push(format!(
                    "{name} has been compiled anew: its types are other types from now on, and its statics begin anew."
                ));
            }
            if self.brought.externs.get(&name) != Some(&file) {
                added.ready.push((name.clone(), dependency.version.clone()));
            }
            let is_in_base =
                self.base.members.iter().any(|member| member.file == file && !member.is_for_host);
            if !product.is_macro && !is_in_base && next.linked.insert(file.clone()) {
                to_link.push((name.clone(), file.clone()));
            }
            externs.insert(name, file);
        }
        next.externs = externs;
        let directories = next.search_paths.iter().map(|path| path.rsplit('=').next().unwrap_or(path));
        for directory in directories.filter(|path| Path::new(path).starts_with(self.cargo.target())) {
            self.libraries.keep_shared_objects(Path::new(directory))?;
        }
        if !to_link.is_empty() {
            new.sort();
            let name = format!(
                "threadbook_crates_{:016x}",
                hash(&format!("{:?} {to_link:?} {new:?}", next.dynamic))
            );
            let before = next.dynamic.last().map(|name| (name.clone(), dynamic_file(name)));
            let base = self.base.dynamic().map(|(name, file)| (name.to_owned(), file.to_owned()));
            let crates: Vec<_> = base.chain(before).chain(to_link).collect();
            self.libraries.link(&self.cargo.tools.rustc, &name, &crates, &next.search_paths)?;
            next.dynamic.push(name);
        }
        Ok(())
    }

    /// The note about a crate that needs its own copy of a library of the base.
    fn note_on_copy(&self, product: &Product) -> Option<String> {
        let (package, version) = name_and_version(&product.id);
        let nameable =
            self.base.members.iter().filter(|it| self.base.externs.values().any(|file| *file == it.file));
        let member = nameable.filter(|it| it.package == package).find(|it| !it.is_for_host)?;
        let more: Vec<_> =
            product.features.iter().filter(|it| !member.features.contains(it)).map(String::as_str).collect();
        let reason = match (version == member.version, more.is_empty()) {
            (false, _) => format!("of version {version}"),
            (true, false) => format!("with the feature {}", more.join(", ")),
            (true, true) => "because of what it depends on".to_owned(),
        };
        Some(format!(
            "The crates of this line use a {package} of their own, {reason}: it shares no types and no state with the \
             {package} of the notebook."
        ))
    }

    fn write_manifest(&self, brought: &Brought) -> Result<(), String> {
        let requests = brought.requests.values();
        let mut dependencies: Table =
            requests.map(|request| (request.name.clone(), request.specification.clone().into())).collect();
        let pins = Table::from_iter([("path".to_owned(), Value::from("base"))]);
        dependencies.insert("threadbook-base".into(), pins.into());
        let units = |generation: &i64| {
            Table::from_iter([("codegen-units".to_owned(), (CODEGEN_UNITS + generation).into())])
        };
        let packages: Table = brought
            .generations
            .iter()
            .map(|(id, generation)| (id.clone(), units(generation).into()))
            .collect();
        let profile = Table::from_iter([("package".to_owned(), Value::from(packages))]);
        let mut manifest = package("notebook");
        manifest.insert("workspace".into(), Table::new().into());
        manifest.insert("dependencies".into(), dependencies.into());
        manifest
            .insert("profile".into(), Table::from_iter([("dev".to_owned(), Value::from(profile))]).into());
        write_package(&self.cargo.directory, &manifest)
    }
}

/// cargo gives a dynamic library the same name in each generation.
fn must_restart(product: &Product) -> String {
    let (package, _) = name_and_version(&product.id);
    format!(
        "{package} is a dynamic library, and is another one now than the one that this session has loaded. Restart the \
         kernel to use it."
    )
}

/// The sources of a library, from the list that rustc has written beside it.
fn sources_of(library: &Path) -> Vec<PathBuf> {
    let name = library.file_stem().unwrap_or_default().to_string_lossy();
    let name = name.strip_prefix(std::env::consts::DLL_PREFIX).unwrap_or(&name);
    let text = fs::read_to_string(library.with_file_name(format!("{name}.d"))).unwrap_or_default();
    // Each source also has a line of its own, as a target without prerequisites.
    let sources = text.lines().filter_map(|line| line.strip_suffix(':'));
    sources.map(|path| PathBuf::from(path.replace("\\ ", " "))).collect()
}

/// The hash of the content of files. A file that cannot be read counts as none.
fn content_of(files: &[PathBuf]) -> u64 {
    let hashes = files.iter().map(|file| content(file).ok());
    hash(&format!("{:?}", hashes.collect::<Vec<_>>()))
}
