//! No thread and no process can be started any more: the compiler is not started, or ends in a panic of its own.

use super::Failure;
use threadbook_engine::Diagnostic;

/// The system's words for it (EAGAIN).
const SIGN: &str = "Resource temporarily unavailable";

/// Whether this is why a cell was not compiled.
pub fn are_used_up(errors: &[Diagnostic]) -> bool {
    errors.iter().any(|error| error.labels.is_empty() && error.message.contains(SIGN))
}

pub fn failure() -> Failure {
    let help = "End threads and processes that cells or other programs have started, or restart the kernel. No variable is \
                lost until then.";
    let message =
        "the system starts no more threads and processes for this user, so the cell cannot be compiled";
    Failure::plain("ThreadsUsedUp", message, Some(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_that_cannot_be_started_is_known_by_its_error() {
        let error = std::io::Error::from_raw_os_error(nix::errno::Errno::EAGAIN as i32);
        let diagnostic = |message: String| Diagnostic {
            is_error: true,
            level: "error".to_owned(),
            code: None,
            message,
            labels: Vec::new(),
            children: Vec::new(),
        };
        assert!(are_used_up(&[diagnostic(format!("rustc cannot be run: {error}"))]));
        assert!(!are_used_up(&[diagnostic("mismatched types".to_owned())]));
    }
}
