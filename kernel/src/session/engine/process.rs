//! The supervisor and its cell process, as the engine starts and ends them.

use crate::session::engine_link::EngineLink;
use crate::session::workspace::SessionWorkspace;
use anyhow::Context;
use nix::unistd::Pid;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use threadbook_engine::Crates;
use threadbook_wire::{LIBRARY_PATH, LIBRARY_VARIABLE};

/// The time for the process to end.
const END_TIMEOUT: Duration = Duration::from_millis(800);

/// The supervisor. Its drop ends it with the cell process, and the processes that cells have started.
pub struct SupervisorProcess {
    child: Child,
    link: EngineLink,
}

impl SupervisorProcess {
    /// # Errors
    ///
    /// The process cannot be started.
    pub fn start(
        workspace: &SessionWorkspace,
        crates: &Crates,
        link: &EngineLink,
    ) -> anyhow::Result<SupervisorProcess> {
        let child = start(workspace, crates, link)?;
        Ok(SupervisorProcess { child, link: link.clone() })
    }

    /// Starts another process in the place of one that has ended.
    ///
    /// # Errors
    ///
    /// The process cannot be started.
    pub fn restart(&mut self, workspace: &SessionWorkspace, crates: &Crates) -> anyhow::Result<()> {
        let child = start(workspace, crates, &self.link)?;
        let _ = std::mem::replace(&mut self.child, child).wait();
        Ok(())
    }
}

impl Drop for SupervisorProcess {
    fn drop(&mut self) {
        self.link.supervise(None);
        // It ends the processes that cells have started when its standard input is closed.
        drop(self.child.stdin.take());
        let since = Instant::now();
        while since.elapsed() < END_TIMEOUT && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(workspace: &SessionWorkspace, crates: &Crates, link: &EngineLink) -> anyhow::Result<Child> {
    let mut command = workspace.supervisor_command()?;
    let libraries = crates.libraries();
    let search = std::env::join_paths([&libraries, &workspace.standard_libraries()]).context(
        "the dynamic linker cannot search the directory of the toolchain; set RUSTUP_HOME to another",
    )?;
    command.env(LIBRARY_PATH, search);
    command.env(LIBRARY_VARIABLE, libraries.join(format!("{DLL_PREFIX}threadbook{DLL_SUFFIX}")));
    let before = link.connected();
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    link.await_supervisor(before);
    link.supervise(Some(Pid::from_raw(child.id() as i32)));
    Ok(child)
}
