//! A rustc that has started before there is a cell for it.
//!
//! A sixth of a small cell's compilation is rustc's own start. So when a cell has ended, a rustc is started with the
//! arguments of that cell's. It reads its source from a pipe, through a link in the place of `src/lib.rs`, and so
//! gets no further than that until the next cell comes. If that wants other arguments, the one that waits is ended
//! and one with those is started.
//!
//! The front of cargo ([`front`](super::front)), as which the engine compiles a cell, asks over a socket; the session
//! answers.

use super::front;
use super::typed;
use crate::sockets;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};

/// How a cell is compiled: rustc's arguments, and the variables that cargo sets for it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Invocation {
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
}

/// What a run of rustc has come to.
#[derive(Serialize, Deserialize)]
pub struct Compiled {
    pub stdout: String,
    pub stderr: String,
    pub code: i32,
}

/// Has a cell compiled by the session's standby. An error if nobody listens, or the kernel is gone.
pub fn compile(workplace: &Path, invocation: &Invocation) -> io::Result<Compiled> {
    let mut session = UnixStream::connect(sockets::path(workplace, sockets::COMPILER))?;
    serde_json::to_writer(&session, invocation)?;
    session.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    session.read_to_end(&mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// The rustc that waits for the next cell of a session. Its drop ends it.
pub struct Standby {
    place: Arc<Place>,
}

impl Standby {
    /// Answers the front of cargo in a workplace, in a thread that lives as long as the kernel. Without it
    /// cells are compiled as well, only later.
    pub fn listen(workplace: &Path) -> Standby {
        let directory = workplace.join("standby");
        let workplace = workplace.to_owned();
        let place =
            Arc::new(Place { workplace, directory, last: Mutex::default(), waiting: Mutex::default() });
        if let Ok(listener) = UnixListener::bind(sockets::path(&place.workplace, sockets::COMPILER))
            && place.make().is_ok()
        {
            let place = place.clone();
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    // Who has asked may be gone, since its cell was interrupted; or rustc cannot be started,
                    // as the front will find for itself.
                    let _ = place.answer(stream);
                }
            });
        }
        Standby { place }
    }

    /// Starts a rustc for the next cell, if there is none and a cell has been compiled before. The calling
    /// thread must live as long as the session: rustc ends when it does.
    pub fn renew(&self) {
        let mut waiting = lock(&self.place.waiting);
        if waiting.is_none()
            && let Some(invocation) = &*lock(&self.place.last)
        {
            *waiting = self.place.start(invocation).ok();
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        lock(&self.place.waiting).take().into_iter().for_each(end);
    }
}

/// Where a session's compilers work.
struct Place {
    workplace: PathBuf,
    /// Their current directory, in which `src/lib.rs` is what stands on their standard input.
    directory: PathBuf,
    /// How the last cell was compiled.
    last: Mutex<Option<Invocation>>,
    /// A rustc that was started with the same.
    waiting: Mutex<Option<Child>>,
}

impl Place {
    fn make(&self) -> io::Result<()> {
        let sources = self.directory.join("src");
        let _ = fs::remove_dir_all(&self.directory);
        fs::create_dir_all(&sources)?;
        symlink("/dev/stdin", sources.join("lib.rs"))
    }

    fn answer(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut question = Vec::new();
        stream.read_to_end(&mut question)?;
        let invocation: Invocation = serde_json::from_slice(&question)?;
        let source = fs::read(self.workplace.join(typed::FILE))?;
        let mut compiler = self.compiler(&invocation)?;
        *lock(&self.last) = Some(invocation);
        if let Some(mut stdin) = compiler.stdin.take() {
            // It may have been ended, because the cell was interrupted.
            let _ = stdin.write_all(&source);
        }
        let Output { status, stdout, stderr } = compiler.wait_with_output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let compiled =
            Compiled { stdout: text(stdout), stderr: text(stderr), code: status.code().unwrap_or(1) };
        stream.write_all(&serde_json::to_vec(&compiled)?)
    }

    /// The rustc that waits, or another one if that is not what is wanted or has been killed.
    fn compiler(&self, wanted: &Invocation) -> io::Result<Child> {
        if let Some(mut waiting) = lock(&self.waiting).take() {
            if lock(&self.last).as_ref() == Some(wanted) && waiting.try_wait()?.is_none() {
                return Ok(waiting);
            }
            end(waiting);
        }
        self.start(wanted)
    }

    /// Starts a rustc that will read its source from its standard input.
    fn start(&self, invocation: &Invocation) -> io::Result<Child> {
        let mut command = Command::new(front::link(&self.workplace, "rustc"));
        command.args(&invocation.arguments).envs(&invocation.environment).current_dir(&self.directory);
        command.env(front::STANDBY, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn()
    }
}

fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
