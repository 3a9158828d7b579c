//! Resets statics of crates in a restored process.
//!
//! rayon's pool is started once in a process. Its threads do not exist in a forked copy, so a parallel iterator would wait
//! for ever. The two statics that hold the pool therefore get the content that
//! they have in the library's file, and rayon starts its pool again when it is used.

use anyhow::Context;
use nix::libc;
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};
use std::ffi::c_void;
use std::fs;
use std::path::Path;

/// The ends of the statics' paths, as in the names of symbols.
const STATICS: [&str; 2] = ["10rayon_core8registry12THE_REGISTRY", "10rayon_core8registry16THE_REGISTRY_SET"];

/// Gives these statics of a library their initial content. `within` is an address in the library.
///
/// The process has one thread.
///
/// # Errors
///
/// If the library cannot be read, or does not have the statics.
pub fn reset(library: &Path, within: *const c_void) -> anyhow::Result<()> {
    let file = fs::read(library)?;
    let object = object::File::parse(&*file)?;
    // SAFETY: all-zero is a value of this type, which the call fills.
    let mut place: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: any address can be asked about.
    if unsafe { libc::dladdr(within, &mut place) } == 0 {
        anyhow::bail!("{} is not loaded", library.display());
    }
    for name in STATICS {
        let symbol = object.symbols().find(|symbol| symbol.size() > 0 && is_static(symbol.name(), name));
        let symbol = symbol.with_context(|| format!("{} has no {name}", library.display()))?;
        let index = symbol.section_index().context("a symbol without a section")?;
        let section = object.section_by_index(index)?;
        let content = match section.kind() {
            SectionKind::UninitializedData => vec![0; symbol.size() as usize],
            _ => section.data_range(symbol.address(), symbol.size())?.context("no content")?.to_vec(),
        };
        let address = place.dli_fbase.cast::<u8>().wrapping_add(symbol.address() as usize);
        // SAFETY: the loaded library has a static of this length there, and no other thread can use it.
        unsafe { std::ptr::copy_nonoverlapping(content.as_ptr(), address, content.len()) };
    }
    Ok(())
}

/// Whether a symbol, mangled in either way, is that of a static.
fn is_static(symbol: object::Result<&str>, name: &str) -> bool {
    let Ok(symbol) = symbol else { return false };
    let after = symbol.split_once(name).map(|(_, after)| after);
    after.is_some_and(|after| after.is_empty() || after.starts_with("17h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_is_found_by_either_name() {
        let name = STATICS[0];
        for symbol in [
            "_ZN10rayon_core8registry12THE_REGISTRY17h877348b4ffd3c442E",
            "_RNvNtCs3bVQ_10rayon_core8registry12THE_REGISTRY",
        ] {
            assert!(is_static(Ok(symbol), name), "{symbol}");
        }
        assert!(!is_static(Ok("_ZN10rayon_core8registry16THE_REGISTRY_SET17h87E"), name));
        assert!(!is_static(Ok("_RNvNtCs3bVQ_10rayon_core8registry12THE_REGISTRYs_0"), name));
    }
}
