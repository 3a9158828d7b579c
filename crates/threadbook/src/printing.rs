//! Attribution of output to cells: output of a process pool's workers belongs to the cell that submitted
//! their work, and output of a thread to the cell that spawned it, even while a later cell runs.
//!
//! A cell that starts to use workers, or leaves threads running, is registered once with the kernel under a
//! number. Output during the cell goes the usual way; later output is sent with the number. (Also if no other
//! cell runs yet: the kernel may be compiling the next one.)

use serde_json::{Value, json};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use threadbook_display::wire;
use threadbook_worker::{Printer, Stream, print_here, set_printer};

use crate::{process, threads};

/// Counts the cells of this process.
static CELL: AtomicU64 = AtomicU64::new(0);
/// The last cell that is registered with the kernel.
static REMEMBERED: AtomicU64 = AtomicU64::new(0);

struct OfCells;

/// From now on, output of new workers is attributed to their cells.
pub fn begin() {
    set_printer(OfCells);
}

/// Called at the start of a cell.
pub fn begin_cell() {
    CELL.fetch_add(1, Ordering::Relaxed);
    threads::begin_cell();
}

/// Called at the end of a cell.
pub fn end_cell() {
    let cell = CELL.load(Ordering::Relaxed);
    if threads::end_cell(cell) {
        remember(cell);
    }
}

/// Registers the running cell with the kernel.
fn remember(cell: u64) {
    if REMEMBERED.swap(cell, Ordering::Relaxed) != cell {
        wire::send_aside(&json!({"type": "remember", "cell": cell}));
    }
}

/// Prints `text` for the past cell that this thread belongs to. Returns `false` if it belongs to none.
pub fn print_for_past_cell(stream: Stream, text: fmt::Arguments<'_>) -> bool {
    let past = threads::own_cell().filter(|&cell| !is_now(cell));
    past.is_some_and(|cell| wire::send_aside(&message(cell, stream, &text.to_string())))
}

/// Whether that cell is running.
fn is_now(cell: u64) -> bool {
    process::is_running() && cell == CELL.load(Ordering::Relaxed)
}

fn message(cell: u64, stream: Stream, text: &str) -> Value {
    let name = if stream == Stream::Stderr { "stderr" } else { "stdout" };
    json!({"type": "print", "cell": cell, "name": name, "text": text})
}

impl Printer for OfCells {
    fn origin(&self) -> u64 {
        let cell = CELL.load(Ordering::Relaxed);
        remember(cell);
        cell
    }

    fn print(&self, origin: u64, stream: Stream, text: &[u8]) {
        if is_now(origin) || !wire::send_aside(&message(origin, stream, &String::from_utf8_lossy(text))) {
            print_here(stream, text);
        }
    }
}
