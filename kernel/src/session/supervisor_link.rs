//! The loop's connection to the supervisor.
//!
//! A new supervisor is started when one has ended, so connections come one after the other. A thread reads from the
//! supervisor, one frame at a time, when the loop has taken the frame before. Another thread writes commands, since the
//! supervisor may be busy with the output of a cell.

use super::event::FromSupervisor;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{self, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{self, Sender};
use threadbook_wire::{Command, FrameKind, read_frame, write_frame};
use tokio::runtime::Handle;

/// See the module's documentation.
#[derive(Default)]
pub struct SupervisorLink {
    commands: Option<Sender<Vec<u8>>>,
    /// The number of supervisors that have connected.
    pub connected: u64,
    /// The number of supervisors that have gone.
    pub gone: u64,
    /// The process of now. It stays a zombie at least until this is another one.
    pub pid: Option<Pid>,
}

impl SupervisorLink {
    pub fn connect(&mut self, commands: Sender<Vec<u8>>) {
        self.commands = Some(commands);
        self.connected += 1;
    }

    pub fn disconnect(&mut self) {
        self.commands = None;
        self.gone += 1;
    }

    /// Sends a command, without waiting for it to be read.
    ///
    /// # Errors
    ///
    /// No supervisor is connected, or the command is nested so deep that readers of JSON refuse it.
    pub fn send(&self, command: &Command) -> io::Result<()> {
        let body = serde_json::to_vec(command)?;
        serde_json::from_slice::<Command>(&body)?;
        let sent = self.commands.as_ref().is_some_and(|commands| commands.send(body).is_ok());
        if sent { Ok(()) } else { Err(io::Error::other("no process runs cells")) }
    }

    /// Ends the supervisor by SIGKILL, and so the cell process with all variables.
    pub fn kill(&self) {
        if let Some(pid) = self.pid {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

/// Listens for supervisors, in a thread that lives as long as the kernel.
pub fn listen(listener: UnixListener, runtime: Handle, events: tokio::sync::mpsc::Sender<FromSupervisor>) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if serve(stream, &runtime, &events).is_none() {
                return;
            }
        }
    });
}

/// Reads from one supervisor until it is gone. Returns `None` when the loop has ended.
fn serve(
    stream: UnixStream,
    runtime: &Handle,
    events: &tokio::sync::mpsc::Sender<FromSupervisor>,
) -> Option<()> {
    let Ok(writer) = stream.try_clone() else { return Some(()) };
    let room = || runtime.block_on(events.reserve()).ok();
    room()?.send(FromSupervisor::Connected(write_commands(writer)));
    let mut from = BufReader::with_capacity(128 << 10, stream);
    loop {
        // First, so that no more than one frame waits.
        let room = room()?;
        match read_frame(&mut from) {
            Ok(Some((kind @ (FrameKind::Stdout | FrameKind::Stderr), bytes))) => {
                room.send(FromSupervisor::Output(kind, bytes));
            }
            Ok(Some((FrameKind::Message, body))) => match serde_json::from_slice(&body) {
                Ok(message) => room.send(FromSupervisor::Message(message)),
                Err(error) => eprintln!("threadbook: a message of the companion was dropped: {error}"),
            },
            Ok(Some((FrameKind::Ack, _))) => {}
            ended => {
                if let Err(error) = ended {
                    eprintln!("threadbook: the wire broke: {error}");
                }
                room.send(FromSupervisor::Gone);
                return Some(());
            }
        }
    }
}

/// Writes the commands of a channel to the supervisor, until either end is closed.
fn write_commands(mut supervisor: UnixStream) -> Sender<Vec<u8>> {
    let (commands, given) = mpsc::channel::<Vec<u8>>();
    std::thread::spawn(move || {
        given.into_iter().try_for_each(|body| write_frame(&mut supervisor, FrameKind::Message, &body))
    });
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use threadbook_wire::{Message, write_message};

    fn next(events: &mut tokio::sync::mpsc::Receiver<FromSupervisor>) -> FromSupervisor {
        events.blocking_recv().unwrap()
    }

    #[test]
    fn an_unknown_message_is_dropped_and_the_next_one_arrives() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (sender, mut events) = tokio::sync::mpsc::channel(1);
        let (ours, mut supervisor) = UnixStream::pair().unwrap();
        supervisor.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let handle = runtime.handle().clone();
        let reader = std::thread::spawn(move || serve(ours, &handle, &sender).is_some());
        let FromSupervisor::Connected(commands) = next(&mut events) else { panic!() };
        let mut link = SupervisorLink::default();
        link.connect(commands);
        for garbage in [&b"{\"type\":\"applause\"}"[..], b"{\"type\":\"ran\"}", b"[", b"\xff", b""] {
            write_frame(&mut supervisor, FrameKind::Message, garbage).unwrap();
        }
        write_frame(&mut supervisor, FrameKind::Ack, &[]).unwrap();
        write_message(&mut supervisor, &Message::Handled { id: 7 }).unwrap();
        let FromSupervisor::Message(message) = next(&mut events) else { panic!() };
        assert_eq!(message, Message::Handled { id: 7 });
        link.send(&Command::Sync { id: 3 }).unwrap();
        let (_, body) = read_frame(&mut supervisor).unwrap().unwrap();
        assert_eq!(serde_json::from_slice::<Command>(&body).unwrap(), Command::Sync { id: 3 });
        drop(supervisor);
        assert!(matches!(next(&mut events), FromSupervisor::Gone));
        link.disconnect();
        assert!(reader.join().unwrap());
        assert!(link.send(&Command::Interrupt).is_err());
    }
}
