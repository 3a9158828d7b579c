//! The kernelspec: the directory by which Jupyter knows a kernel.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde_json::json;
use threadbook_client::CONNECTION_FILE;

use super::place::{KERNEL, Place};

const LOGO: &str = include_str!("logo.svg");

/// What we read of a `kernel.json`, ours or another's.
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
        let mut arguments = self.argv.iter().skip_while(|argument| *argument != "--prepared").skip(1);
        if self.argv.get(1).is_some_and(|command| command == "kernel") {
            arguments.next().map(Into::into)
        } else {
            None
        }
    }

    /// Whether the program that it starts is there.
    pub(crate) fn starts(&self) -> bool {
        self.argv.first().is_some_and(|program| Path::new(program).is_file())
    }
}

/// Registers this program under `name`.
pub(crate) fn write(place: &Place, name: &str) -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("cannot find this program")?;
    let directory = place.spec(name);
    let write = |file: &str, content: &str| {
        let path = directory.join(file);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
    };
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    write("logo-svg.svg", LOGO)?;
    write("kernel.json", &kernel_json(&program, &place.prepared, name)?)?;
    Ok(directory)
}

fn kernel_json(program: &Path, prepared: &Path, name: &str) -> anyhow::Result<String> {
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).with_context(|| format!("{} is not valid UTF-8", path.display()))
    };
    let display_name = match name {
        KERNEL => "Rust (Threadbook)".to_owned(),
        _ => format!("Rust (Threadbook) {name}"),
    };
    let spec = json!({
        "argv": [text(program)?, "kernel", "--prepared", text(prepared)?, CONNECTION_FILE],
        "display_name": display_name,
        "language": "rust",
        "interrupt_mode": "message",
        "metadata": {"debugger": false},
        "env": {},
    });
    Ok(serde_json::to_string_pretty(&spec)? + "\n")
}

/// Finds the kernelspec `name` where Jupyter would.
pub(crate) fn find(name: &str) -> Option<Kernelspec> {
    Place::all().iter().find_map(|place| Kernelspec::read(&place.spec(name)))
}

/// Our kernelspecs in a place that name the prepared directory `prepared`.
pub(crate) fn users_of(prepared: &Path, place: &Place) -> Vec<PathBuf> {
    let directories = fs::read_dir(&place.kernels).into_iter().flatten().flatten().map(|entry| entry.path());
    directories
        .filter(|directory| {
            Kernelspec::read(directory).and_then(|spec| spec.prepared()).as_deref() == Some(prepared)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jupyter_reads_what_is_written() {
        let prefix = tempfile::tempdir().unwrap();
        let place = Place::under(prefix.path());
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
        let json = kernel_json(Path::new("/t"), Path::new("/p"), "nightly").unwrap();
        assert!(json.contains("Rust (Threadbook) nightly"), "{json}");
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
