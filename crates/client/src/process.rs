//! A kernel's process: its spawn, its files, and its end.

use std::ffi::OsString;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use jupyter_protocol::ConnectionInfo;
use jupyter_protocol::connection_info::Transport;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use threadbook_private::{Held, create_new, temporary};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

use crate::error::{ClientError, Result};
use crate::wire::Event;

/// The placeholder for the connection file's path in a kernel's command, as in a kernelspec.
pub const CONNECTION_FILE: &str = "{connection_file}";

/// The kernel's process, with its connection file and its log.
pub(crate) struct Process {
    /// `None` once its end is reported as an event.
    child: Option<tokio::process::Child>,
    pub(crate) ended: Option<ExitStatus>,
    group: Pid,
    directory: Held,
}

impl Process {
    pub(crate) async fn start<A: AsRef<str>>(
        argv: &[A],
        cwd: &Path,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<(Self, ConnectionInfo)> {
        // The key in the connection file allows its readers to run any code in the kernel.
        let directory = Held::new(&temporary(|_| None)?, "threadbook-run-")?;
        // The listeners reserve the ports until the kernel's process exists.
        let mut listeners = Vec::new();
        let mut ports = [0; 5];
        for port in &mut ports {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            *port = listener.local_addr()?.port();
            listeners.push(listener);
        }
        let connection = ConnectionInfo {
            transport: Transport::TCP,
            ip: Ipv4Addr::LOCALHOST.to_string(),
            shell_port: ports[0],
            iopub_port: ports[1],
            stdin_port: ports[2],
            control_port: ports[3],
            hb_port: ports[4],
            signature_scheme: "hmac-sha256".into(),
            key: uuid::Uuid::new_v4().to_string(),
            kernel_name: None,
        };
        let file = directory.path().join("connection.json");
        create_new(&file)?.write_all(&serde_json::to_vec(&connection).map_err(std::io::Error::from)?)?;

        let file = file.to_string_lossy();
        let argv: Vec<OsString> =
            argv.iter().map(|arg| arg.as_ref().replace(CONNECTION_FILE, &file).into()).collect();
        let (program, arguments) =
            argv.split_first().ok_or_else(|| std::io::Error::other("an empty command"))?;
        let log = create_new(&directory.path().join("log"))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(cwd);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // As in Jupyter, so that a kernel can end with its parent.
        command.env("JPY_PARENT_PID", std::process::id().to_string());
        prepare(&mut command);
        let mut command = tokio::process::Command::from(command);
        // A group of its own: Ctrl-C reaches only this process, which then kills the kernel with all its
        // children.
        command.process_group(0);
        let start_error =
            |source| ClientError::Start { program: program.to_string_lossy().into_owned(), source };
        let child = command.spawn().map_err(start_error)?;
        drop(listeners);

        let id = child.id().ok_or_else(|| std::io::Error::other("the kernel has no process id"))?;
        let group = Pid::from_raw(id.cast_signed());
        Ok((Self { child: Some(child), ended: None, group, directory }, connection))
    }

    /// Waits for the end of the process or a request to stop, whichever comes first.
    pub(crate) async fn next_event(&mut self) -> Event {
        match &mut self.child {
            Some(child) => end_or_stop(child).await.unwrap_or(Event::Stop),
            None => std::future::pending().await,
        }
    }

    /// Sends the end of the process and requests to stop as events from now on.
    pub(crate) fn report_to(&mut self, events: UnboundedSender<Event>) {
        if let Some(mut child) = self.child.take() {
            tokio::spawn(async move {
                while let Ok(event) = end_or_stop(&mut child).await {
                    let ended = matches!(event, Event::Ended(_));
                    if events.send(event).is_err() || ended {
                        return;
                    }
                }
            });
        }
    }

    pub(crate) fn failure(&self, event: Event) -> ClientError {
        match event {
            Event::Ended(status) => ClientError::Ended { status, log: self.last_words() },
            _ => ClientError::Stopped,
        }
    }

    /// The last lines of the process's output.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read(self.directory.path().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join(" / ")
    }

    pub(crate) fn kill(&self) {
        // It may have ended already.
        let _ = killpg(self.group, Signal::SIGKILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn end_or_stop(child: &mut tokio::process::Child) -> std::io::Result<Event> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        status = child.wait() => Ok(Event::Ended(status.unwrap_or_else(|_| ExitStatus::from_raw(0)))),
        _ = interrupt.recv() => Ok(Event::Stop),
        _ = terminate.recv() => Ok(Event::Stop),
    }
}
