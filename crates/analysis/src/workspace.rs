//! The project as cargo and rustc describe it.
//!
//! rust-analyzer can query cargo and rustc itself, but then it chooses the tools, runs both more often, and
//! uses the network.

use crate::protocol::Open;
use crate::reading::Reading;
use anyhow::{Context, bail};
use ra_ap_base_db::Env;
use ra_ap_ide_db::FxHashMap;
use ra_ap_paths::AbsPathBuf;
use ra_ap_project_model::toolchain_info::{QueryConfig, rustc_cfg, target_data, target_tuple, version};
use ra_ap_project_model::{
    CargoMetadataConfig, CargoWorkspace, CfgOverrides, ManifestPath, ProjectWorkspace, ProjectWorkspaceKind,
    RustSourceWorkspaceConfig, Sysroot, WorkspaceBuildScripts,
};
use serde_json::Value;
use std::process::Command;
use std::thread;

const UNKNOWN_FORMAT: &str = "cargo describes the project in an unknown format";

/// A project that can be loaded.
#[derive(Clone)]
pub struct Workspace {
    directory: AbsPathBuf,
    sysroot_src: Option<String>,
    cargo: String,
    rustc: String,
    offline: bool,
    reading: Reading,
}

impl Workspace {
    /// The project that a request names.
    ///
    /// # Errors
    ///
    /// The directory does not exist.
    pub fn new(open: Open) -> anyhow::Result<Workspace> {
        let Open { directory, sysroot_src, cargo, rustc, offline } = open;
        Ok(Workspace {
            // As cargo writes the paths of the project's files.
            directory: canonical(&directory)?,
            sysroot_src,
            cargo,
            rustc,
            offline,
            reading: Reading::default(),
        })
    }

    /// Makes rust-analyzer run the tools of this project.
    ///
    /// # Safety
    ///
    /// No other thread may run.
    pub unsafe fn set_tools(&self) {
        // SAFETY: the caller guarantees that this is the only thread.
        unsafe {
            std::env::set_var("CARGO", &self.cargo);
            std::env::set_var("RUSTC", &self.rustc);
        }
    }

    /// The directory of the package.
    pub fn directory(&self) -> &AbsPathBuf {
        &self.directory
    }

    /// The file whose text is analysed.
    pub fn source_file(&self) -> AbsPathBuf {
        self.directory.join("src/lib.rs")
    }

    /// Selects the crates that `text` names. Returns whether some of them are not read yet.
    pub fn read_named(&mut self, text: &str) -> bool {
        self.reading.add_named(text)
    }

    /// Queries cargo and rustc for the data that rust-analyzer needs.
    ///
    /// # Errors
    ///
    /// cargo refuses the manifest, or one of the two does not run.
    pub fn load(&mut self) -> anyhow::Result<ProjectWorkspace> {
        let env = FxHashMap::default();
        let toolchain = Sysroot::empty();
        let rustc = QueryConfig::Rustc(&toolchain, self.directory.as_ref());
        let target = target_tuple::get(rustc, None, &env)
            .with_context(|| format!("{} does not run", self.rustc))?
            .remove(0);
        let (metadata, sysroot, rustc_cfg, layout) = thread::scope(|scope| {
            let metadata = scope.spawn(|| self.metadata(&target));
            let sysroot = scope.spawn(|| self.sysroot(&target));
            let layout = scope.spawn(|| target_data::get(rustc, Some(&target), &env, None));
            let rustc_cfg = rustc_cfg::get(rustc, Some(&target), &env);
            (metadata.join(), sysroot.join(), rustc_cfg, layout.join())
        });
        let panicked = "a thread that asks cargo or rustc does not panic";
        let manifest = ManifestPath::try_from(self.directory.join("Cargo.toml"))
            .map_err(|path| anyhow::anyhow!("{path} is no manifest"))?;
        let mut metadata = metadata.expect(panicked)?;
        self.reading.cut_down(&mut metadata);
        let metadata = serde_json::from_value(metadata).context(UNKNOWN_FORMAT)?;
        let cargo = CargoWorkspace::new(metadata, manifest, Env::default(), false);
        let kind = ProjectWorkspaceKind::Cargo {
            cargo,
            error: None,
            build_scripts: WorkspaceBuildScripts::default(),
            rustc: Err(None),
        };
        Ok(ProjectWorkspace {
            kind,
            sysroot: sysroot.expect(panicked),
            rustc_cfg,
            toolchain: version::get(rustc, &env).ok().flatten(),
            target: layout.expect(panicked).map_err(|error| error.to_string().into()),
            cfg_overrides: CfgOverrides::default(),
            extra_includes: Vec::new(),
            set_test: false,
        })
    }

    /// The packages of the project. If cargo cannot get the dependencies, they are missing.
    fn metadata(&self, target: &str) -> anyhow::Result<Value> {
        self.run_metadata(&["--filter-platform", target]).or_else(|error| {
            let Ok(alone) = self.run_metadata(&["--no-deps"]) else { return Err(error) };
            eprintln!("threadbook-analysis: The dependencies are not analysed: {error:#}");
            Ok(alone)
        })
    }

    fn run_metadata(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut command = Command::new(&self.cargo);
        command.args(["metadata", "--format-version", "1"]).args(arguments);
        command.args(self.offline.then_some("--offline"));
        // In the project's directory, cargo would also obey settings in every directory above it.
        command.arg("--manifest-path").arg(self.directory.join("Cargo.toml")).current_dir("/");
        let output = command.output().with_context(|| format!("{} does not run", self.cargo))?;
        if !output.status.success() {
            bail!("cargo does not accept the manifest: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).context(UNKNOWN_FORMAT)
    }

    /// The standard library. Without its sources, the project's own code can still be analysed.
    fn sysroot(&self, target: &str) -> Sysroot {
        let sources = self.sysroot_src.clone().or_else(|| self.rust_src());
        let Some(sources) = sources.and_then(|path| canonical(&path).ok()) else { return Sysroot::empty() };
        // Without a root, so that no tools are searched there.
        let mut sysroot = Sysroot::new(None, Some(sources));
        let config = CargoMetadataConfig {
            targets: vec![target.to_owned()],
            metadata_extra_args: self.offline.then(|| "--offline".to_owned()).into_iter().collect(),
            kind: "sysroot",
            ..CargoMetadataConfig::default()
        };
        let config = RustSourceWorkspaceConfig::CargoMetadata(config);
        if let Some(library) = sysroot.load_workspace(&config, false, &|_| {}) {
            sysroot.set_workspace(library);
        }
        sysroot
    }

    /// The sources that rustup installs as the component `rust-src`.
    fn rust_src(&self) -> Option<String> {
        let mut command = Command::new(&self.rustc);
        let output = command.args(["--print", "sysroot"]).current_dir(&self.directory).output().ok()?;
        let sysroot = str::from_utf8(&output.stdout).ok()?.trim_end();
        Some(format!("{sysroot}/lib/rustlib/src/rust/library"))
    }
}

fn canonical(path: &str) -> anyhow::Result<AbsPathBuf> {
    let found = std::fs::canonicalize(path).with_context(|| format!("{path} cannot be read"))?;
    let found = found.to_str().with_context(|| format!("the path of {path} is not UTF-8"))?;
    AbsPathBuf::try_from(found).map_err(|path| anyhow::anyhow!("{path} is not absolute"))
}
