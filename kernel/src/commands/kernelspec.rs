//! The kernelspec: the directory by which Jupyter knows a kernel.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde_json::json;
use threadbook_client::CONNECTION_FILE;

use super::evcxr;
use super::install_dir::{InstallDir, KERNEL};

/// The files of a kernelspec of ours.
pub(crate) const FILES: [&str; 2] = ["kernel.json", "logo-svg.svg"];

const LOGO: &str = include_str!("logo.svg");

/// The parts of a `kernel.json` that are read, ours or another's.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Kernelspec {
    /// The command that starts the kernel.
    pub(crate) argv: Vec<String>,
    /// Variables that the kernel is started with.
    #[serde(default)]
    pub(crate) env: std::collections::BTreeMap<String, String>,
}

impl Kernelspec {
    /// The kernelspec in `directory`, if there is one that can be read.
    pub(crate) fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(directory.join("kernel.json")).ok()?).ok()
    }

    /// The prepared directory that it names: only our kernelspecs do.
    pub(crate) fn prepared(&self) -> Option<PathBuf> {
        let command = self.argv.get(1)?;
        (command == "kernel" || command == "evcxr").then(|| self.after("--prepared"))?
    }

    /// The evcxr_jupyter that it starts.
    pub(crate) fn evcxr(&self) -> Option<PathBuf> {
        self.after("--program")
    }

    fn after(&self, option: &str) -> Option<PathBuf> {
        self.argv.iter().skip_while(|argument| *argument != option).nth(1).map(Into::into)
    }

    /// Whether the program that it starts is there.
    pub(crate) fn starts(&self) -> bool {
        self.argv.first().is_some_and(|program| Path::new(program).is_file())
    }
}

/// Registers this program under `name`.
pub(crate) fn write(place: &InstallDir, name: &str) -> anyhow::Result<PathBuf> {
    let title = title("Rust (Threadbook)", name, KERNEL);
    register(place, name, &title, &[Path::new("kernel"), Path::new("--prepared"), &place.prepared])
}

/// Registers an evcxr_jupyter under `name`.
pub(crate) fn write_evcxr(place: &InstallDir, name: &str, program: &Path) -> anyhow::Result<PathBuf> {
    let title = title("Rust (evcxr + Threadbook)", name, evcxr::KERNEL);
    let options = ["evcxr", "--prepared", "--program"].map(Path::new);
    register(place, name, &title, &[options[0], options[1], &place.evcxr(), options[2], program])
}

/// What people see: another name than the usual one is a part of it.
fn title(title: &str, name: &str, usual: &str) -> String {
    if name == usual { title.to_owned() } else { format!("{title} {name}") }
}

fn register(place: &InstallDir, name: &str, title: &str, command: &[&Path]) -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("cannot find this program")?;
    let directory = place.spec(name);
    let write = |file: &str, content: &str| {
        let path = directory.join(file);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
    };
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    write("logo-svg.svg", LOGO)?;
    write("kernel.json", &kernel_json(&program, title, command)?)?;
    // The right to write there is the right to choose what Jupyter starts.
    for path in [directory.clone(), directory.join(FILES[0])] {
        let mode = path.metadata()?.permissions().mode();
        fs::set_permissions(&path, Permissions::from_mode(mode & !0o022))?;
    }
    Ok(directory)
}

fn kernel_json(program: &Path, title: &str, command: &[&Path]) -> anyhow::Result<String> {
    let mut argv = Vec::new();
    for path in [&[program], command, &[Path::new(CONNECTION_FILE)]].concat() {
        argv.push(path.to_str().with_context(|| format!("{} is not valid UTF-8", path.display()))?);
    }
    let spec = json!({
        "argv": argv,
        "display_name": title,
        "language": "rust",
        "interrupt_mode": "message",
        "metadata": {"debugger": false},
        "env": {},
    });
    Ok(serde_json::to_string_pretty(&spec)? + "\n")
}

/// Finds the kernelspec `name` where Jupyter would.
pub(crate) fn find(name: &str) -> Option<Kernelspec> {
    InstallDir::all().iter().find_map(|place| Kernelspec::read(&place.spec(name)))
}

/// Our kernelspecs in a place that name the prepared directory `prepared`.
pub(crate) fn users_of(prepared: &Path, place: &InstallDir) -> Vec<PathBuf> {
    let directories = fs::read_dir(&place.kernels).into_iter().flatten().flatten().map(|entry| entry.path());
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let named = |directory: &Path| Kernelspec::read(directory)?.prepared();
    directories
        .filter(|directory| named(directory).is_some_and(|named| real(&named) == real(prepared)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jupyter_reads_what_is_written() {
        let prefix = tempfile::tempdir().unwrap();
        let place = InstallDir::under(prefix.path());
        let directory = write(&place, KERNEL).unwrap();
        assert_eq!(directory, prefix.path().join("share/jupyter/kernels/threadbook"));
        assert!(fs::read_to_string(directory.join("logo-svg.svg")).unwrap().starts_with("<svg"));

        let text = fs::read(directory.join("kernel.json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let prepared = place.prepared.to_str().unwrap();
        assert_eq!(
            json["argv"].as_array().unwrap()[1..],
            ["kernel", "--prepared", prepared, "{connection_file}"]
        );
        assert_eq!(json["display_name"], "Rust (Threadbook)");
        assert_eq!((&json["language"], &json["interrupt_mode"]), (&json!("rust"), &json!("message")));

        let spec = Kernelspec::read(&directory).unwrap();
        assert!(spec.starts());
        assert_eq!(spec.prepared(), Some(place.prepared.clone()));
        assert_eq!(users_of(&place.prepared, &place), [directory]);
    }

    #[test]
    fn another_name_is_shown() {
        assert_eq!(title("Rust (Threadbook)", "nightly", KERNEL), "Rust (Threadbook) nightly");
        assert_eq!(title("Rust (Threadbook)", KERNEL, KERNEL), "Rust (Threadbook)");
    }

    #[test]
    fn the_second_host_is_ours_too() {
        let prefix = tempfile::tempdir().unwrap();
        let place = InstallDir::under(prefix.path());
        let directory = write_evcxr(&place, evcxr::KERNEL, Path::new("/bin/evcxr_jupyter")).unwrap();
        let spec = Kernelspec::read(&directory).unwrap();
        assert_eq!(spec.prepared(), Some(place.evcxr()));
        assert_eq!(spec.evcxr(), Some("/bin/evcxr_jupyter".into()));
        assert_eq!(spec.argv.last().map(String::as_str), Some(CONNECTION_FILE));
    }

    #[test]
    fn the_kernelspec_of_another_kernel_is_not_ours() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Kernelspec::read(directory.path()), None);
        fs::write(
            directory.path().join("kernel.json"),
            r#"{"argv": ["python3", "-m", "ipykernel_launcher"]}"#,
        )
        .unwrap();
        let other = Kernelspec::read(directory.path()).unwrap();
        assert_eq!((other.prepared(), other.starts()), (None, false));
    }
}
