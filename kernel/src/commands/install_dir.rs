//! The directories of the kernelspec and of the prepared directory.

use std::env;
use std::path::{Path, PathBuf, absolute};

use anyhow::Context;
use clap::Args;

use super::evcxr;
use super::python::{self, Python};
use crate::template;

/// The name that Jupyter knows the kernel by.
pub(crate) const KERNEL: &str = "threadbook";

/// Where to install, and under which name.
#[derive(Args)]
pub(crate) struct InstallOptions {
    #[command(flatten)]
    place: Choice,
    /// The name that Jupyter knows the kernel by [default: threadbook, or evcxr-threadbook]
    #[arg(long, value_name = "NAME", value_parser = kernel_name)]
    name: Option<String>,
    /// Not this kernel but a stock evcxr_jupyter with the companion crate loaded: the one on the path, or PROGRAM
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, require_equals = true)]
    pub(crate) evcxr: Option<Option<PathBuf>>,
}

#[derive(Args)]
#[group(multiple = false)]
struct Choice {
    /// For this user: in Jupyter's data directory (the default)
    #[arg(long)]
    user: bool,
    /// In the Python environment of the `python3` that comes first on the path
    #[arg(long)]
    sys_prefix: bool,
    /// Under DIR/share/jupyter
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
}

impl InstallOptions {
    /// The kernel's name.
    pub(crate) fn name(&self) -> &str {
        let default = if self.evcxr.is_some() { evcxr::KERNEL } else { KERNEL };
        self.name.as_deref().unwrap_or(default)
    }

    /// The place that was chosen.
    pub(crate) fn place(&self) -> anyhow::Result<InstallDir> {
        match &self.place {
            Choice { sys_prefix: true, .. } => Ok(InstallDir::under(&python::on_path()?.prefix)),
            Choice { prefix: Some(prefix), .. } => {
                let prefix = absolute(prefix).with_context(|| format!("--prefix {}", prefix.display()))?;
                Ok(InstallDir::under(&prefix))
            }
            Choice { .. } => InstallDir::user(),
        }
    }
}

/// A directory with kernelspecs, and the prepared directory that they share.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InstallDir {
    /// The directory `kernels`, as Jupyter calls it.
    pub(crate) kernels: PathBuf,
    /// The prepared directory.
    pub(crate) prepared: PathBuf,
}

impl InstallDir {
    /// The place in a Python environment, or any other tree with a `share` directory.
    pub(crate) fn under(prefix: &Path) -> Self {
        Self { kernels: prefix.join("share/jupyter/kernels"), prepared: template::dir_under(prefix) }
    }

    /// The user's own place.
    pub(crate) fn user() -> anyhow::Result<Self> {
        let home = dirs::home_dir().context("there is no home directory; set HOME, or use --prefix DIR")?;
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Ok(user_place(
            &home,
            variable("JUPYTER_DATA_DIR"),
            variable("XDG_DATA_HOME"),
            cfg!(target_os = "macos"),
        ))
    }

    /// The prepared directory of evcxr.
    pub(crate) fn evcxr(&self) -> PathBuf {
        self.prepared.with_file_name("evcxr")
    }

    /// The directory of the kernelspec `name`.
    pub(crate) fn spec(&self, name: &str) -> PathBuf {
        self.kernels.join(name)
    }

    /// Where kernelspecs may lie, in the order in which we look: as Jupyter does it, and the checkout's
    /// private environment as well.
    pub(crate) fn all() -> Vec<Self> {
        let mut places = Vec::new();
        for dir in env::var_os("JUPYTER_PATH").iter().flat_map(env::split_paths) {
            places.push(Self { kernels: dir.join("kernels"), prepared: dir.join("threadbook/prepared") });
        }
        places.extend(python::active_prefixes().iter().map(|prefix| Self::under(prefix)));
        places.extend(Self::user());
        places.push(Self::under(&super::venv::directory()));
        places.extend(python::on_path().map(|Python { prefix, .. }| Self::under(&prefix)));
        places.extend(["/usr/local", "/usr"].map(|prefix| Self::under(Path::new(prefix))));
        let mut seen = Vec::new();
        places.retain(|place| {
            !seen.contains(&place.kernels) && {
                seen.push(place.kernels.clone());
                true
            }
        });
        places
    }
}

/// Jupyter looks for a user's kernelspecs in its data directory. The prepared directory goes into
/// Jupyter's own only if somebody moved that away; it never lies in a path with a space (macOS).
fn user_place(home: &Path, jupyter: Option<PathBuf>, xdg: Option<PathBuf>, macos: bool) -> InstallDir {
    if let Some(dir) = jupyter {
        return InstallDir { kernels: dir.join("kernels"), prepared: dir.join("threadbook/prepared") };
    }
    let local = if macos { None } else { xdg }.unwrap_or_else(|| home.join(".local/share"));
    let jupyter = if macos { home.join("Library/Jupyter") } else { local.join("jupyter") };
    InstallDir { kernels: jupyter.join("kernels"), prepared: local.join("threadbook/prepared") }
}

/// Jupyter's rule for names of kernels. It also keeps a name from leaving the directory.
fn kernel_name(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.chars().all(allowed) && name.chars().any(|c| c != '.') {
        Ok(name.to_owned())
    } else {
        Err("a kernel's name has letters, digits, '.', '_' and '-'".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(jupyter: Option<&str>, xdg: Option<&str>, macos: bool) -> (String, String) {
        let place = user_place(Path::new("/home/ada"), jupyter.map(Into::into), xdg.map(Into::into), macos);
        (place.kernels.display().to_string(), place.prepared.display().to_string())
    }

    #[test]
    fn a_users_place_is_where_jupyter_looks() {
        let expect = |kernels: &str, prepared: &str| (kernels.to_owned(), prepared.to_owned());
        let share = "/home/ada/.local/share";
        let prepared = format!("{share}/threadbook/prepared");
        assert_eq!(user(None, None, false), expect(&format!("{share}/jupyter/kernels"), &prepared));
        assert_eq!(user(None, Some("/x"), false), expect("/x/jupyter/kernels", "/x/threadbook/prepared"));
        assert_eq!(user(Some("/j"), Some("/x"), false), expect("/j/kernels", "/j/threadbook/prepared"));
        assert_eq!(user(None, None, true), expect("/home/ada/Library/Jupyter/kernels", &prepared));
    }

    #[test]
    fn a_name_stays_in_its_directory() {
        for good in ["threadbook", "rust-1.95_x"] {
            assert_eq!(kernel_name(good).unwrap(), good);
        }
        for bad in ["", "..", "a/b", "a b", "ä"] {
            assert!(kernel_name(bad).is_err(), "{bad:?}");
        }
    }
}
