//! Interruption of a session's compilers from another thread.

use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Ends the processes that compile a cell or its crates. Clones are the same handle.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The running compilers, each the leader of its process group.
    compilers: Vec<Pid>,
    is_requested: bool,
}

impl Interrupt {
    /// Ends the running compilers and their linkers. A compiler that starts before [`Interrupt::reset`] is ended at once.
    pub fn interrupt(&self) {
        let mut state = self.lock();
        state.is_requested = true;
        for compiler in &state.compilers {
            let _ = killpg(*compiler, Signal::SIGKILL);
        }
    }

    /// Clears the interrupt before the next cell.
    pub fn reset(&self) {
        self.lock().is_requested = false;
    }

    /// Whether the interrupt is set.
    pub(crate) fn is_requested(&self) -> bool {
        self.lock().is_requested
    }

    /// Makes an interrupt end this process, until the returned value is dropped. The drop must come before
    /// the process is reaped, after which its id can be reused. If the interrupt is set already, the process
    /// is ended at once.
    pub(crate) fn ends(&self, process: &Child) -> Ends<'_> {
        let process = Pid::from_raw(process.id().cast_signed());
        let mut state = self.lock();
        state.compilers.push(process);
        if state.is_requested {
            let _ = killpg(process, Signal::SIGKILL);
        }
        Ends { interrupt: self, process }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Interrupt::ends`].
pub(crate) struct Ends<'a> {
    interrupt: &'a Interrupt,
    process: Pid,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.interrupt.lock().compilers.retain(|process| *process != self.process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    fn sleeping() -> Child {
        Command::new("sleep").arg("60").process_group(0).spawn().unwrap()
    }

    #[test]
    fn an_interrupt_ends_what_compiles_and_what_begins_later() {
        let interrupt = Interrupt::default();
        let (mut first, mut other) = (sleeping(), sleeping());
        let ends = interrupt.ends(&first);
        drop(interrupt.ends(&other));
        interrupt.clone().interrupt();
        assert_eq!(first.wait().unwrap().signal(), Some(9));
        drop(ends);
        assert!(other.try_wait().unwrap().is_none() && interrupt.is_requested());
        let ends = interrupt.ends(&other);
        assert_eq!(other.wait().unwrap().signal(), Some(9));
        drop(ends);
        interrupt.reset();
        let mut third = sleeping();
        let ends = interrupt.ends(&third);
        assert!(third.try_wait().unwrap().is_none());
        drop(ends);
        third.kill().unwrap();
        third.wait().unwrap();
    }
}
