//! A full disk: the compiler reports it in many ways, or dies of it without a message.

use super::failure::Failure;
use nix::sys::statvfs::statvfs;
use std::path::Path;
use threadbook_engine::Diagnostic;

/// The free space below which a disk is full, in bytes.
const MIN_FREE: u64 = 1 << 20;

/// Whether errors come from the disk on which `directory` is.
pub fn is_to_blame(errors: &[Diagnostic], directory: &Path) -> bool {
    let is_about_code = errors.iter().any(|error| !error.labels.is_empty());
    errors.iter().any(|error| says_so(&error.message))
        || !is_about_code && free(directory).is_some_and(|free| free < MIN_FREE)
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

/// The free space there, in bytes.
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
        assert!(free(&here).unwrap() > MIN_FREE, "this test needs room itself");
        let error = |message: &str| {
            let (labels, children) = (Vec::new(), Vec::new());
            let message = message.to_owned();
            [Diagnostic { is_error: true, level: "error".into(), code: None, message, labels, children }]
        };
        assert!(!is_to_blame(&error("no such command"), &here));
        assert!(is_to_blame(&error("x: No space left on device (os error 28)"), &here));
        let told = failure(Path::new("/home/ann/.cache")).traceback.join("\n");
        assert!(told.contains("/home/ann/.cache") && told.contains("Make room there"), "{told}");
    }
}
