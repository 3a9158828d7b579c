//! The check for an interrupt between two runs.

use threadbook_base::interrupt::is_interrupted;

/// Ends the measurement if the cell is interrupted.
///
/// # Panics
///
/// With the message `interrupted`.
#[track_caller]
pub(crate) fn stop_if_interrupted() {
    if is_interrupted() {
        panic!("interrupted");
    }
}
