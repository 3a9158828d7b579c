//! `threadbook install` and `threadbook uninstall`.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use super::install_dir::{InstallDir, InstallOptions};
use super::kernelspec::{self, Kernelspec};
use super::{evcxr, prepare, say};
use crate::template;

/// Registers the kernel and prepares the companion crate.
pub(crate) fn install(options: &InstallOptions) -> anyhow::Result<()> {
    let place = options.place()?;
    let directory = match &options.evcxr {
        None => ensure(&place, options.name())?,
        Some(program) => {
            let program = evcxr::find(program.as_deref())?;
            refuse_others(&place.spec(options.name()), true)?;
            evcxr::ensure(&place.evcxr(), &program)?;
            kernelspec::write_evcxr(&place, options.name(), &program)?
        }
    };
    say(format_args!("Installed the kernel {} in {}", options.name(), directory.display()));
    Ok(())
}

/// Installs what is not there or out of date. The kernelspec comes last: what Jupyter offers works.
pub(crate) fn ensure(place: &InstallDir, name: &str) -> anyhow::Result<std::path::PathBuf> {
    let directory = place.spec(name);
    refuse_others(&directory, false)?;
    prepare::ensure(&place.prepared)?;
    prepare::ensure_analysis()?;
    kernelspec::write(place, name)
}

/// Removes the kernelspec, and the prepared directory unless another kernelspec names it, wherever that lies. Files that
/// `install` has not made stay.
pub(crate) fn uninstall(options: &InstallOptions) -> anyhow::Result<()> {
    let place = options.place()?;
    let spec = place.spec(options.name());
    let prepared = if options.evcxr.is_some() { place.evcxr() } else { place.prepared.clone() };
    refuse_others(&spec, options.evcxr.is_some())?;
    let mut removed = remove(&spec, &kernelspec::FILES)?;
    let places = [place.clone()].into_iter().chain(InstallDir::all());
    let users: Vec<_> = places.flat_map(|place| kernelspec::users_of(&prepared, &place)).collect();
    if users.is_empty() {
        removed |= remove(&prepared, &template::ENTRIES)?;
        // The directory around it was made for it. If there is something else in it, it stays.
        let _ = prepared.parent().map(fs::remove_dir);
    } else {
        say(format_args!("Kept {}: {} uses it", prepared.display(), users[0].display()));
    }
    if !removed {
        say(format_args!(
            "There was nothing to remove: no kernel {} in {}",
            options.name(),
            place.kernels.display()
        ));
    }
    Ok(())
}

/// Refuses a kernelspec of another program, or of our other host: it must be neither overwritten nor removed.
fn refuse_others(spec: &Path, evcxr: bool) -> anyhow::Result<()> {
    let is_same = |spec: Kernelspec| spec.prepared().is_some() && spec.evcxr().is_some() == evcxr;
    if spec.exists() && !Kernelspec::read(spec).is_some_and(is_same) {
        bail!("{} is another kernel's; choose another name with --name", spec.display());
    }
    Ok(())
}

/// Removes these entries of a directory, and the directory itself if nothing else is in it. Returns whether there was any.
fn remove(directory: &Path, entries: &[&str]) -> anyhow::Result<bool> {
    let mut removed = false;
    for path in entries.iter().map(|name| directory.join(name)) {
        let done = match path.symlink_metadata() {
            Err(_) => continue,
            Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
        };
        done.with_context(|| format!("cannot remove {}", path.display()))?;
        removed = true;
    }
    if directory.exists() {
        match fs::remove_dir(directory) {
            Ok(()) => removed = true,
            Err(_) => say(format_args!("Kept {}: there are other files in it", directory.display())),
        }
    }
    if removed && !directory.exists() {
        say(format_args!("Removed {}", directory.display()));
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Cli;
    use clap::Parser;

    fn options(prefix: &Path, name: &str) -> InstallOptions {
        uninstall_with(prefix, &["--name", name])
    }

    fn uninstall_with(prefix: &Path, options: &[&str]) -> InstallOptions {
        let line = [&["threadbook", "uninstall", "--prefix", prefix.to_str().unwrap()], options].concat();
        match Cli::parse_from(line).command {
            Some(crate::commands::Command::Uninstall(options)) => options,
            _ => unreachable!(),
        }
    }

    #[test]
    fn uninstall_removes_both_but_not_what_another_kernel_uses() {
        let prefix = tempfile::tempdir().unwrap();
        let place = InstallDir::under(prefix.path());
        fs::create_dir_all(&place.prepared).unwrap();
        let (one, two) =
            (kernelspec::write(&place, "one").unwrap(), kernelspec::write(&place, "two").unwrap());

        uninstall(&options(prefix.path(), "one")).unwrap();
        assert!(!one.exists() && two.exists() && place.prepared.exists());
        uninstall(&options(prefix.path(), "two")).unwrap();
        assert!(!two.exists() && !place.prepared.parent().unwrap().exists());
        uninstall(&options(prefix.path(), "two")).expect("nothing to remove is no error");
    }

    #[test]
    fn files_of_the_user_and_what_a_kernelspec_elsewhere_names_stay() {
        let (prefix, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place = InstallDir::under(prefix.path());
        fs::create_dir_all(place.prepared.join("cargo/target")).unwrap();
        let own = kernelspec::write(&place, "one").unwrap();
        for file in [own.join("notes.txt"), place.prepared.join("notes.txt")] {
            fs::write(file, "mine").unwrap();
        }
        let other =
            InstallDir { kernels: elsewhere.path().join("kernels"), prepared: place.prepared.clone() };
        let other_spec = kernelspec::write(&other, "two").unwrap();
        let users = kernelspec::users_of(&place.prepared, &other);
        assert_eq!(users, [other_spec]);

        uninstall(&options(prefix.path(), "one")).unwrap();
        assert!(!own.join("kernel.json").exists() && !place.prepared.join("cargo").exists());
        for file in [own.join("notes.txt"), place.prepared.join("notes.txt")] {
            assert_eq!(fs::read_to_string(file).unwrap(), "mine");
        }
    }

    #[test]
    fn the_two_hosts_are_removed_apart() {
        let prefix = tempfile::tempdir().unwrap();
        let place = InstallDir::under(prefix.path());
        for directory in [&place.prepared, &place.evcxr()] {
            fs::create_dir_all(directory).unwrap();
        }
        let ours = kernelspec::write(&place, "threadbook").unwrap();
        let second = kernelspec::write_evcxr(&place, evcxr::KERNEL, Path::new("/bin/evcxr_jupyter")).unwrap();
        let other = uninstall(&uninstall_with(prefix.path(), &["--evcxr", "--name", "threadbook"]));
        assert!(other.unwrap_err().to_string().contains("--name"));
        uninstall(&uninstall_with(prefix.path(), &["--evcxr"])).unwrap();
        assert!(ours.exists() && place.prepared.exists());
        assert!(!second.exists() && !place.evcxr().exists());
    }

    #[test]
    fn another_kernel_is_left_alone() {
        let prefix = tempfile::tempdir().unwrap();
        let other = InstallDir::under(prefix.path()).spec("python3");
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join("kernel.json"), r#"{"argv": ["python3"]}"#).unwrap();
        let error = uninstall(&options(prefix.path(), "python3")).unwrap_err();
        assert!(error.to_string().contains("--name"), "{error}");
        assert!(other.exists());
    }
}
