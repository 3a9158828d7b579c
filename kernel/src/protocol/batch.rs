//! Clients that read of a cell only the output that comes while it runs.
//!
//! nbclient, on which nbconvert, papermill and Quarto build, executes the cells of a notebook in turn and drops every message
//! that belongs to another cell than the running one. Its messages do not name it. But it takes no input, names no cells, and
//! sends a `kernel_info_request` right before its first cell. Other programs call `wait_for_ready` of jupyter_client, which
//! returns when IOPub has been silent for 0.2 s after such a request. (The client of `cargo threadbook run` reads everything,
//! and names its cells.)

use jupyter_protocol::{ExecuteRequest, JupyterMessage};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// The first cell of a client that has called `wait_for_ready` comes later than this.
const SILENCE: Duration = Duration::from_millis(190);

/// What is known of the client.
#[derive(Default)]
pub struct Batch {
    /// The time of the last answer to a `kernel_info_request`.
    answered: Mutex<Option<Instant>>,
    /// Decided at the first cell.
    is_batch: OnceLock<bool>,
}

impl Batch {
    /// A `kernel_info_request` has been answered.
    pub fn answered(&self) {
        *self.answered.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(Instant::now());
    }

    /// Whether the client that sends a cell reads its output only while it runs.
    pub fn sends(&self, request: &ExecuteRequest, message: &JupyterMessage) -> bool {
        let comes_at_once = *self.is_batch.get_or_init(|| {
            let answered = *self.answered.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            answered.is_some_and(|answered| answered.elapsed() < SILENCE)
        });
        comes_at_once && !request.allow_stdin && message.metadata.get("cellId").is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sends(batch: &Batch, allow_stdin: bool, metadata: serde_json::Value) -> bool {
        let request = ExecuteRequest { allow_stdin, ..ExecuteRequest::new("1".to_owned()) };
        let mut message = JupyterMessage::from(request.clone());
        message.metadata = metadata;
        batch.sends(&request, &message)
    }

    #[test]
    fn a_client_that_executes_right_after_its_question_reads_running_cells_only() {
        let batch = Batch::default();
        batch.answered();
        assert!(sends(&batch, false, json!({})));
        assert!(!sends(&batch, true, json!({})) && !sends(&batch, false, json!({"cellId": "1"})));
        batch.answered();
        assert!(sends(&batch, false, json!({})), "it stays the same client");
    }

    #[test]
    fn a_client_that_has_waited_reads_everything() {
        let batch = Batch::default();
        assert!(!sends(&batch, false, json!({})), "nothing was asked");
        let batch = Batch::default();
        batch.answered();
        std::thread::sleep(SILENCE);
        assert!(!sends(&batch, false, json!({})));
        batch.answered();
        assert!(!sends(&batch, false, json!({})), "it stays the same client");
    }
}
