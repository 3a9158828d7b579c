//! Running cargo, and reading its messages.
//!
//! *Invariant:* the manifest and the toolchain determine cargo's build. Of the user's variables and settings,
//! cargo gets those about registries, the network and the linker, but none that changes the code or the
//! directory of a crate: the libraries that the process of the cells has loaded were built without them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde::Deserialize;

use crate::interrupt::Interrupt;

/// The programs that fetch and compile crates.
#[derive(Clone, Debug)]
pub struct Tools {
    /// cargo itself, not rustup's proxy of that name.
    pub cargo: PathBuf,
    /// The rustc that compiles cells.
    pub rustc: PathBuf,
    /// The output of `rustc -vV`.
    pub about: String,
    /// The user's own environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// A step of cargo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress<'a> {
    /// Another cargo has to finish first.
    Waiting,
    /// cargo updates the registry's index, or downloads sources.
    Downloading,
    /// The compilation of a crate has begun.
    Compiling {
        /// The package's name.
        name: &'a str,
        /// Its version.
        version: &'a str,
    },
    /// All crates are compiled, and are being linked for the cells.
    Linking,
}

/// A build profile: keys and values of `[profile.dev]`.
pub(crate) type Profile = BTreeMap<String, String>;

/// cargo, for one directory.
#[derive(Clone, Debug)]
pub(crate) struct Cargo {
    pub(crate) tools: Tools,
    pub(crate) directory: PathBuf,
    pub(crate) profile: Profile,
    pub(crate) interrupt: Interrupt,
}

/// The libraries of a build, and the linker arguments of their build scripts.
#[derive(Debug, Default)]
pub(crate) struct Build {
    pub(crate) artifacts: Vec<Artifact>,
    /// The arguments of rustc's `-L`.
    pub(crate) search_paths: Vec<String>,
}

/// A library that cargo has compiled, or found to be up to date.
#[derive(Debug, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) package_id: String,
    pub(crate) target: Target,
    pub(crate) features: Vec<String>,
    pub(crate) filenames: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) name: String,
}

/// A direct dependency of the manifest.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// The name that code uses.
    pub(crate) name: String,
    /// The name of the library itself.
    pub(crate) library: String,
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) id: String,
}

#[derive(Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-artifact")]
    Artifact(Artifact),
    #[serde(rename = "compiler-message")]
    Diagnostic { message: Rendered },
    #[serde(rename = "build-script-executed")]
    BuildScript { linked_paths: Vec<String> },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Rendered {
    level: String,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Resolve {
    root: String,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    name: String,
    pkg: String,
}

impl Tools {
    /// The tools at these paths, in the environment of this process.
    ///
    /// # Errors
    ///
    /// A sentence, if rustc does not answer.
    pub fn new(cargo: PathBuf, rustc: PathBuf) -> Result<Tools, String> {
        let output = Command::new(&rustc).arg("-vV").output();
        let output = output.map_err(|error| format!("{} cannot be run: {error}.", rustc.display()))?;
        let about = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Tools { cargo, rustc, about, environment: std::env::vars_os().collect() })
    }

    /// The platform, such as `x86_64-unknown-linux-gnu`.
    pub(crate) fn host(&self) -> &str {
        self.about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default()
    }
}

/// The name of cargo's target directory.
pub(crate) const TARGET: &str = "target";

impl Cargo {
    /// cargo for a directory that exists.
    pub(crate) fn new(
        directory: &Path,
        profile: Profile,
        tools: Tools,
        interrupt: Interrupt,
    ) -> Result<Cargo, String> {
        let directory = directory.canonicalize();
        let directory = directory.map_err(|error| format!("The directory of the crates: {error}."))?;
        Ok(Cargo { tools, directory, profile, interrupt })
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.directory.join(TARGET)
    }

    /// The directory of the libraries that are compiled for cells.
    pub(crate) fn libraries(&self) -> PathBuf {
        self.target().join(self.tools.host()).join("debug/deps")
    }

    /// The directory of build scripts and procedural macros; cells need the latter.
    pub(crate) fn host_libraries(&self) -> PathBuf {
        self.target().join("debug/deps")
    }

    /// Resolves the manifest, fetches the sources, and returns the direct dependencies.
    pub(crate) fn resolve(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Dependency>, String> {
        let mut command = self.command("metadata");
        command.args(["--format-version=1", "--filter-platform", self.tools.host()]);
        let (status, lines, errors) = self.run(command, progress)?;
        if !status.success() {
            return Err(failed(status, errors, &[]));
        }
        let metadata: Metadata = serde_json::from_str(&lines.concat())
            .map_err(|error| format!("The answer of `cargo metadata` was not understood: {error}."))?;
        let Resolve { root, nodes } = metadata.resolve;
        let edges = nodes.into_iter().find(|node| node.id == root).map(|node| node.deps).unwrap_or_default();
        let dependency = |edge: Edge| {
            let package = metadata.packages.iter().find(|package| package.id == edge.pkg)?;
            let library = package.targets.iter().find(|target| target.is_library())?;
            Some(Dependency {
                name: edge.name,
                library: library.name.replace('-', "_"),
                package: package.name.clone(),
                version: package.version.clone(),
                id: edge.pkg,
            })
        };
        Ok(edges.into_iter().filter_map(dependency).collect())
    }

    /// Compiles the libraries of these packages and their dependencies. Without ids, the package is that of the manifest.
    pub(crate) fn build(&self, ids: &[String], progress: &mut dyn FnMut(Progress)) -> Result<Build, String> {
        let mut command = self.command("build");
        command.args(["--lib", "--message-format=json", "--target", self.tools.host()]);
        command.arg("--target-dir").arg(self.target());
        for id in ids {
            command.args(["-p", id]);
        }
        let (status, lines, errors) = self.run(command, progress)?;
        let (mut build, mut rendered) = (Build::default(), Vec::new());
        for line in lines {
            match serde_json::from_str(&line) {
                Ok(Message::Artifact(artifact)) if artifact.target.is_library() => {
                    build.artifacts.push(artifact);
                }
                Ok(Message::BuildScript { linked_paths }) => build.search_paths.extend(linked_paths),
                Ok(Message::Diagnostic { message }) if message.level.starts_with("error") => {
                    rendered.extend(message.rendered);
                }
                _ => {}
            }
        }
        build.search_paths.sort();
        build.search_paths.dedup();
        match status.success() {
            true => Ok(build),
            false => Err(failed(status, errors, &rendered)),
        }
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.tools.cargo);
        command.arg(name).arg("--color=never").arg("--manifest-path").arg(self.directory.join("Cargo.toml"));
        // Settings on the command line take precedence over those in the user's files.
        let mut set = |key: &str, value: &str| {
            command.args(["--config", &format!("{key}={value}")]);
        };
        set("build.build-dir", &format!("{:?}", self.target().display().to_string()));
        set("term.verbose", "false");
        set("term.quiet", "false");
        set("term.progress.when", "\"never\"");
        for (key, value) in &self.profile {
            set(&format!("profile.dev.{key}"), value);
        }
        let kept = |(name, _): &&(OsString, OsString)| !name.to_str().is_some_and(decides_code);
        command.env_clear().envs(self.tools.environment.iter().filter(kept).cloned());
        command.env("RUSTC", &self.tools.rustc).env("CARGO_INCREMENTAL", "0");
        // Empty, it also overrides the flags of the user's files.
        command.env("CARGO_ENCODED_RUSTFLAGS", "");
        // In the package's directory, cargo would also obey settings in every directory above it.
        command.current_dir("/");
        command
    }

    /// Runs a command. Returns the lines of its standard output, and those of its standard error without the
    /// progress.
    fn run(
        &self,
        mut command: Command,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(ExitStatus, Vec<String>, Vec<String>), String> {
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = Path::new(command.get_program()).display().to_string();
        let cannot = |error: std::io::Error| format!("{program} cannot be run: {error}.");
        if self.interrupt.is_requested() {
            return Err(INTERRUPTED.to_owned());
        }
        let mut child = command.spawn().map_err(cannot)?;
        let ends = self.interrupt.ends(&child);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let lines = std::thread::spawn(move || stdout.into_iter().flat_map(lines_of).collect::<Vec<_>>());
        let mut errors = Vec::new();
        for line in stderr.into_iter().flat_map(lines_of) {
            match status_line(&line) {
                Some(("Compiling", rest)) => {
                    let mut words = rest.split(' ');
                    let (name, version) = (words.next().unwrap_or(rest), words.next().unwrap_or_default());
                    progress(Progress::Compiling { name, version: version.trim_start_matches('v') });
                }
                Some(("Blocking", _)) => progress(Progress::Waiting),
                Some(("Updating" | "Downloading", _)) => progress(Progress::Downloading),
                Some(_) => {}
                None => errors.push(line),
            }
        }
        let lines = lines.join().unwrap_or_default();
        drop(ends);
        let status = child.wait().map_err(cannot)?;
        Ok((status, lines, errors))
    }
}

impl Target {
    fn is_library(&self) -> bool {
        self.kind.iter().any(|kind| ["lib", "rlib", "dylib", "proc-macro"].contains(&kind.as_str()))
    }

    pub(crate) fn is_macro(&self) -> bool {
        self.kind.iter().any(|kind| kind == "proc-macro")
    }
}

const INTERRUPTED: &str = "The build of the crates was interrupted.";

fn lines_of(stream: impl std::io::Read) -> impl Iterator<Item = String> {
    let lines = BufReader::new(stream).split(b'\n').map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).into_owned())
}

/// The text of a failure.
fn failed(status: ExitStatus, errors: Vec<String>, rendered: &[String]) -> String {
    if status.code().is_none() {
        return INTERRUPTED.to_owned();
    }
    // Summaries of warnings, whose text is not shown either.
    let errors = errors.into_iter().filter(|line| !line.starts_with("warning: "));
    let text = rendered.iter().map(|text| text.trim_end().to_owned()).chain(errors);
    text.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The verb and the object of a line of progress. cargo aligns verbs at the twelfth column.
fn status_line(line: &str) -> Option<(&str, &str)> {
    const VERBS: [&str; 16] = [
        "Adding",
        "Blocking",
        "Checking",
        "Compiling",
        "Dirty",
        "Downgrading",
        "Downloaded",
        "Downloading",
        "Finished",
        "Fresh",
        "Locking",
        "Removing",
        "Replacing",
        "Running",
        "Updating",
        "Upgrading",
    ];
    let (verb, rest) = line.split_at_checked(12)?;
    let verb = verb.trim_start();
    VERBS.contains(&verb).then(|| (verb, rest.trim_start()))
}

/// Whether an environment variable changes the code, the directory or the messages of a build.
fn decides_code(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "CARGO",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_INCREMENTAL",
        "CARGO_MAKEFLAGS",
        "CARGO_TARGET_DIR",
        "MAKEFLAGS",
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_FORCE_INCREMENTAL",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
    ];
    const PREFIXES: [&str; 5] =
        ["CARGO_BUILD_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PROFILE_", "CARGO_TERM_"];
    // A compiler wrapper, such as a cache, and the number of jobs are the user's choice.
    let is_kept = ["CARGO_BUILD_JOBS", "CARGO_BUILD_RUSTC_WRAPPER"].contains(&name);
    let is_flags = name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS");
    !is_kept && (NAMES.contains(&name) || is_flags || PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_from_errors() {
        assert_eq!(status_line("   Compiling x v1.0.0 (/x)"), Some(("Compiling", "x v1.0.0 (/x)")));
        assert_eq!(status_line("    Updating crates.io index"), Some(("Updating", "crates.io index")));
        for line in ["error: no", "", "  Compiling", "            Compiling", "   Something else"] {
            assert_eq!(status_line(line), None, "{line}");
        }
    }

    #[test]
    fn variables_that_decide_code_are_left_out() {
        for name in
            ["RUSTFLAGS", "CARGO_PROFILE_DEV_LTO", "CARGO_TARGET_X86_64_RUSTFLAGS", "CARGO_BUILD_TARGET"]
        {
            assert!(decides_code(name), "{name}");
        }
        for name in
            ["CARGO_HOME", "CARGO_NET_OFFLINE", "RUSTC_WRAPPER", "CARGO_TARGET_X_LINKER", "HTTPS_PROXY"]
        {
            assert!(!decides_code(name), "{name}");
        }
    }
}
