//! What the workers of a process pool print belongs to the cell that submitted their work, also when another
//! one runs by now.
//!
//! A cell that starts to use workers asks the kernel once to remember it by a number. What is printed while
//! it runs goes where all goes that a cell prints; what comes later is sent with the number. (Also when no other
//! cell runs yet: the kernel may be compiling the next one.)

use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use threadbook_display::wire;
use threadbook_worker::{Printer, Stream, print_here, set_printer};

use crate::cell;

/// Counts the cells of this process.
static CELL: AtomicU64 = AtomicU64::new(0);
/// The last one of them that the kernel remembers.
static REMEMBERED: AtomicU64 = AtomicU64::new(0);

struct OfCells;

/// From now on, what new workers print goes to their cells.
pub fn begin() {
    set_printer(OfCells);
}

/// A cell begins.
pub fn begin_cell() {
    CELL.fetch_add(1, Ordering::Relaxed);
}

impl Printer for OfCells {
    fn origin(&self) -> u64 {
        let cell = CELL.load(Ordering::Relaxed);
        if REMEMBERED.load(Ordering::Relaxed) != cell {
            wire::send_aside(&json!({"type": "remember", "cell": cell}));
            REMEMBERED.store(cell, Ordering::Relaxed);
        }
        cell
    }

    fn print(&self, origin: u64, stream: Stream, text: &[u8]) {
        let is_now = cell::is_running() && origin == CELL.load(Ordering::Relaxed);
        let stream_name = if stream == Stream::Stderr { "stderr" } else { "stdout" };
        let text_of = || String::from_utf8_lossy(text);
        let message = || json!({"type": "print", "cell": origin, "name": stream_name, "text": text_of()});
        if is_now || !wire::send_aside(&message()) {
            print_here(stream, text);
        }
    }
}
