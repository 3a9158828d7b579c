//! The fork server: a process that forks workers on request.

use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};

use threadbook_base::Mutex;

use crate::death::{DEATH_TIMEOUT, Death, poll_within};
use crate::descriptors::Descriptor;
use crate::frame::{Connection, Frame, Kind, take_number};
use crate::output::Ends;
use crate::serve;
use crate::spawn::spawn;

/// A process that forks a child for each worker.
pub struct ForkServer {
    state: Mutex<(Child, Connection)>,
}

impl ForkServer {
    pub(crate) fn start() -> io::Result<ForkServer> {
        let (child, connection) = spawn(serve::FORK_SERVER, None)?;
        Ok(ForkServer { state: Mutex::new((child, connection)) })
    }

    /// Forks a worker, and returns its process id.
    pub(crate) fn fork(&self, output: Option<Ends>) -> io::Result<(u32, Connection)> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut descriptors = vec![OwnedFd::from(theirs)];
        if let Some(Ends { stdout, stderr }) = output {
            descriptors.extend([OwnedFd::from(stdout), OwnedFd::from(stderr)]);
        }
        let descriptors = descriptors.into_iter().map(Descriptor::from).collect();
        match self.ask(Frame { descriptors, ..Frame::of_numbers(Kind::Fork, &[]) })? {
            (0, error) => Err(io::Error::from_raw_os_error(error as i32)),
            (pid, _) => Ok((pid as u32, Connection::new(ours))),
        }
    }

    /// How a worker ended, if it has. Must not be called again after that.
    pub(crate) fn status(&self, pid: u32) -> Option<Death> {
        match self.ask(Frame::of_numbers(Kind::Status, &[u64::from(pid)])) {
            Ok((0, _)) => None,
            Ok((_, status)) => Some(Death::from_status(ExitStatus::from_raw(status as i32))),
            Err(_) => Some(Death::Unknown),
        }
    }

    fn ask(&self, question: Frame) -> io::Result<(u64, u64)> {
        let mut state = self.state.lock();
        state.1.send(&question)?;
        let gone = || io::Error::other("the fork server is gone");
        let answer = state.1.receive()?.ok_or_else(gone)?;
        let (first, rest) = take_number(&answer.head).ok_or_else(gone)?;
        let (second, _) = take_number(rest).ok_or_else(gone)?;
        Ok((first, second))
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        let (child, connection) = self.state.get_mut();
        let _ = connection.stream().shutdown(Shutdown::Both);
        if poll_within(DEATH_TIMEOUT, || child.try_wait().unwrap_or(None)).is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
