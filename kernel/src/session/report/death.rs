//! The end of the cell process, and the loss that comes with it.

use super::failure::Failure;
use crate::session::event::ProcessDeath;
use nix::sys::signal::Signal;

/// The loss if no checkpoint could go on.
pub const LOST: &str = "Variables are lost with the process: run the cells that define them again. Functions, \
                    types and imports are kept.";

/// The rest if a checkpoint goes on.
const RESTORED: &str = "Variables are as they were before this cell. Threads and tasks of the process are gone; pools \
                        and runtimes start new threads.";

/// A way to have more memory, if that was the reason.
const MEMORY: &str = " If memory was short: the kernel keeps a copy of what a cell changes in memory, to go on from; with \
                      THREADBOOK_CHECKPOINT=0 in its environment, it does not.";

/// The cell's process died.
pub fn failure(death: &ProcessDeath) -> Failure {
    let is_killed = death.signal == Some(Signal::SIGKILL as i32);
    let left = what_is_left(death) + if is_killed && death.restored { MEMORY } else { "" };
    Failure::plain("ProcessDied", &how_it_died(death), Some(&left))
}

/// The text about a process that died while no cell was running.
pub fn between_cells(death: &ProcessDeath) -> String {
    let left = what_is_left(death).replace("before this cell", "after the last cell");
    format!("Between two cells, {}. {left}", how_it_died(death))
}

pub fn what_is_left(death: &ProcessDeath) -> String {
    match (death.restored, &*death.lost) {
        (false, _) => LOST.to_owned(),
        (true, "") => RESTORED.to_owned(),
        (true, lost) => format!("{RESTORED} Closed with the process: {lost}."),
    }
}

fn how_it_died(death: &ProcessDeath) -> String {
    match *death {
        ProcessDeath { signal: Some(number), .. } => {
            let signal = Signal::try_from(number).ok();
            let name = signal.map_or_else(|| format!("signal {number}"), |signal| signal.to_string());
            let meaning = match signal {
                Some(Signal::SIGABRT) => ": abort, or a stack that overflowed",
                Some(Signal::SIGSEGV | Signal::SIGBUS) => {
                    ": it touched memory that is not its own, or its stack overflowed"
                }
                Some(Signal::SIGILL | Signal::SIGTRAP) => ": it reached code that cannot be reached",
                Some(Signal::SIGKILL) => ": killed from outside, or the machine ran out of memory",
                _ => "",
            };
            format!("the cell's process was ended by {name}{meaning}")
        }
        ProcessDeath { code: Some(code), .. } => {
            format!("the cell's process ended itself with exit code {code}")
        }
        ProcessDeath { .. } => "the cell's process ended".to_owned(),
    }
}
