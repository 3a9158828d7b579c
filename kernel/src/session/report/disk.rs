//! A full disk: the compiler says so in many ways, or dies of it without a word.

use super::Failure;
use evcxr::{CompilationError, Error};
use nix::sys::statvfs::statvfs;
use std::path::Path;

/// A disk with less than this is full, in bytes.
const LEAST: u64 = 1 << 20;

/// Whether an error comes from the disk on which `directory` is.
pub fn is_to_blame(error: &Error, directory: &Path) -> bool {
    let (text, is_about_code) = match error {
        Error::CompilationErrors(errors) => {
            let text = errors.iter().map(CompilationError::message).collect::<Vec<_>>().join("\n");
            (
                text,
                errors.iter().flat_map(CompilationError::spanned_messages).any(|place| place.span.is_some()),
            )
        }
        other => (other.to_string(), false),
    };
    says_so(&text) || !is_about_code && free(directory).is_some_and(|free| free < LEAST)
}

pub fn failure(directory: &Path) -> Failure {
    let directory = directory.display();
    let help = "Make room there and run the cell again. No variable is lost.";
    Failure::plain(
        "DiskFull",
        &format!("no space is left on the disk of {directory}, where cells are compiled"),
        Some(help),
    )
}

fn says_so(text: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"].iter().any(|reason| text.contains(reason))
}

/// How many bytes may still be written there.
fn free(directory: &Path) -> Option<u64> {
    let disk = statvfs(directory).ok()?;
    Some(disk.blocks_available() as u64 * disk.fragment_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_full_disk_is_named() {
        let full = std::fs::File::options().write(true).open("/dev/full");
        if cfg!(target_os = "linux") {
            let error = full.unwrap().write_all(b"x").unwrap_err();
            assert!(says_so(&format!("error: failed to write: {error}")));
        }
        let here = std::env::temp_dir();
        assert!(free(&here).unwrap() > LEAST, "this test needs room itself");
        assert!(!is_to_blame(&Error::Message("no such command".into()), &here));
        assert!(is_to_blame(&Error::Message("x: No space left on device (os error 28)".into()), &here));
        let told = failure(Path::new("/home/ann/.cache")).traceback.join("\n");
        assert!(told.contains("/home/ann/.cache") && told.contains("Make room there"), "{told}");
    }
}
