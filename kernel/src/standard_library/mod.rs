//! A lean copy of the standard library's sources, for the analysis process.
//!
//! rust-analyzer reads the sources of the standard library: half a gigabyte of memory and seconds of work, half of them
//! for the thousands of CPU intrinsics that no notebook names. So it reads a copy without those, and without the bodies
//! of functions ([`surface`]). The copy is also without its manifest, which spares rust-analyzer two runs of cargo.

mod surface;

use std::fs;
use std::io;
use std::path::Path;
use surface::surface;

/// The crates that `std` consists of.
const CRATES: [&str; 7] = ["alloc", "core", "panic_abort", "panic_unwind", "proc_macro", "std", "unwind"];

/// Modules of `core` that lie outside of it, and what stands there instead.
const EMPTIED: [(&str, &str); 2] = [
    ("stdarch/crates/core_arch/src/mod.rs", ""),
    ("portable-simd/crates/core_simd/src/mod.rs", "pub mod simd {}"),
];

/// `std` keeps its hash tables in a crate that is not among its sources. Without it, rust-analyzer knows the
/// size of no map, and then not the type of what comes out of one. So in these files, the line that brings
/// that crate's module becomes a module with the same types.
const HASH_TABLES: [(&str, &str, &str); 2] = [
    ("map.rs", "use hashbrown::hash_map as base;", include_str!("hashbrown/hash_map.rs")),
    ("set.rs", "use hashbrown::hash_set as base;", include_str!("hashbrown/hash_set.rs")),
];

/// Writes the copy to `directory`, from the `library` directory of the component `rust-src`.
pub fn write(library: &Path, directory: &Path) -> io::Result<()> {
    let _ = fs::remove_dir_all(directory);
    for name in CRATES {
        copy_sources(&library.join(name).join("src"), &directory.join(name).join("src"))?;
    }
    for (path, text) in EMPTIED {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap_or(directory))?;
        fs::write(path, text)?;
    }
    for (name, import, module) in HASH_TABLES {
        let file = directory.join("std/src/collections/hash").join(name);
        if let Ok(text) = fs::read_to_string(&file) {
            fs::write(file, text.replace(import, module))?;
        }
    }
    Ok(())
}

fn copy_sources(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if !entry.file_type()?.is_dir() {
            // What is not text is not Rust.
            if let Ok(text) = fs::read_to_string(&path) {
                fs::write(target, surface(&text))?;
            }
        } else if entry.file_name() != "tests" {
            copy_sources(&path, &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_tables_of_this_toolchain_get_their_stand_ins() {
        let library = crate::toolchain::Toolchain::find().unwrap().sources().expect("the component rust-src");
        for (name, import, _) in HASH_TABLES {
            let file = library.join("std/src/collections/hash").join(name);
            assert!(fs::read_to_string(file).unwrap().contains(import), "{name}");
        }
    }

    #[test]
    fn the_copy_is_lean() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in CRATES {
            fs::create_dir_all(from.path().join(name).join("src/tests")).unwrap();
            fs::write(from.path().join(name).join("src/lib.rs"), "pub mod sources;").unwrap();
            fs::write(from.path().join(name).join("src/tests/a.rs"), "").unwrap();
        }
        let sources = to.path().join("std");
        write(from.path(), &sources).unwrap();
        write(from.path(), &sources).unwrap();
        assert_eq!(fs::read_to_string(sources.join("core/src/lib.rs")).unwrap(), "pub mod sources;");
        assert!(sources.join(EMPTIED[0].0).exists() && !sources.join("core/src/tests").exists());
    }
}
