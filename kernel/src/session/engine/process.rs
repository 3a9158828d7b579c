//! The process of the cells, as the session starts and ends it.

use crate::session::link::Link;
use crate::session::lock;
use crate::session::workplace::Workplace;
use anyhow::Context;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use threadbook_engine::Crates;
use threadbook_wire::{LIBRARY_PATH, LIBRARY_VARIABLE};

/// How long the process may take to end.
const END_TIMEOUT: Duration = Duration::from_millis(800);

/// The process of the cells. Its drop ends it, and what cells have started.
pub struct Process {
    child: Arc<Mutex<Child>>,
}

impl Process {
    /// # Errors
    ///
    /// The process cannot be started.
    pub fn start(workplace: &Workplace, crates: &Crates, link: &Link) -> anyhow::Result<Process> {
        let child = Arc::new(Mutex::new(start(workplace, crates, link)?));
        link.supervise(child.clone());
        Ok(Process { child })
    }

    /// Starts another process in the place of one that has ended.
    ///
    /// # Errors
    ///
    /// The process cannot be started.
    pub fn restart(&self, workplace: &Workplace, crates: &Crates, link: &Link) -> anyhow::Result<()> {
        let child = start(workplace, crates, link)?;
        let _ = std::mem::replace(&mut *lock(&self.child), child).wait();
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        // It ends what cells have started when its standard input is closed.
        drop(child.stdin.take());
        let since = Instant::now();
        while since.elapsed() < END_TIMEOUT && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn start(workplace: &Workplace, crates: &Crates, link: &Link) -> anyhow::Result<Child> {
    let mut command = workplace.supervisor_command()?;
    let libraries = crates.libraries();
    let search = std::env::join_paths([&libraries, &workplace.standard_libraries()]).context(
        "the dynamic linker cannot search the directory of the toolchain; set RUSTUP_HOME to another",
    )?;
    command.env(LIBRARY_PATH, search);
    command.env(LIBRARY_VARIABLE, libraries.join(format!("{DLL_PREFIX}threadbook{DLL_SUFFIX}")));
    let before = link.connected();
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    link.wait_for_supervisor(before);
    Ok(child)
}
