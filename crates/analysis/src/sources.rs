//! The source files of the project's crates.

use ra_ap_ide::SourceRoot;
use ra_ap_paths::{AbsPath, AbsPathBuf};
use ra_ap_project_model::{PackageRoot, ProjectWorkspace};
use ra_ap_vfs::file_set::FileSetConfig;
use ra_ap_vfs::{Vfs, VfsPath};
use std::fs;

/// The directories of a project's crates.
pub struct Sources {
    roots: Vec<PackageRoot>,
}

impl Sources {
    /// The directories of `workspace`, whose own package is in `directory`.
    pub fn new(workspace: &ProjectWorkspace, directory: &AbsPath) -> Sources {
        let mut roots = workspace.to_roots();
        for root in &mut roots {
            root.is_local = root.include.iter().any(|include| *include == *directory);
            // Beside its sources, the directory of the project's own package may contain any other files.
            if root.is_local {
                root.include = vec![directory.join("src")];
            }
        }
        Sources { roots }
    }

    /// Reads all files into `vfs`.
    pub fn read(&self, vfs: &mut Vfs) {
        for root in &self.roots {
            for directory in &root.include {
                read(directory, &root.exclude, vfs);
            }
        }
    }

    /// The files of `vfs` by package. Only the project's own may change, so that rust-analyzer does not check
    /// the others again for each new text.
    pub fn partition(&self, vfs: &Vfs) -> Vec<SourceRoot> {
        let mut sets = FileSetConfig::builder();
        for root in &self.roots {
            sets.add_file_set(root.include.iter().cloned().map(VfsPath::from).collect());
        }
        let is_local = self.roots.iter().map(|root| root.is_local).chain([false]);
        let sets = sets.build().partition(vfs).into_iter().zip(is_local);
        sets.map(
            |(set, is_local)| {
                if is_local { SourceRoot::new_local(set) } else { SourceRoot::new_library(set) }
            },
        )
        .collect()
    }
}

/// Reads the Rust files below a directory. Follows no links and skips hidden directories.
fn read(directory: &AbsPath, exclude: &[AbsPathBuf], vfs: &mut Vfs) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else { continue };
        let path = directory.join(name);
        if kind.is_dir() {
            if !name.starts_with('.') && !exclude.contains(&path) {
                read(&path, exclude, vfs);
            }
        } else if name.ends_with(".rs")
            && let Ok(text) = fs::read(&path)
        {
            vfs.set_file_contents(path.into(), Some(text));
        }
    }
}
