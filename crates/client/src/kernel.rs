//! The lifetime of a kernel, from the spawn of its process to its end, and the cells in between.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jupyter_protocol::{
    ConnectionInfo, ExecuteRequest, InterruptRequest, JupyterMessage, KernelInfoRequest, ShutdownRequest,
};
use serde_json::{Value, json};
use threadbook_jupyter::zmtp::ZmtpError;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use crate::error::{ClientError, Result};
use crate::outputs::{DisplayUpdate, LateText, Output, Outputs, strings, text};
use crate::process::Process;
use crate::wire::{Event, Wire};

/// The maximum time until the kernel's first answer.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum time of a handshake; after that, the connection is tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum time between the end of a kernel's connections and that of its process.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum time of an interrupt or a shutdown; after that, the kernel is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A running kernel. Dropping it kills the kernel; [`KernelClient::shutdown`] shuts it down in order.
pub struct KernelClient {
    runtime: Runtime,
    wire: Wire,
    process: Process,
    started: Instant,
    ready_after: Duration,
    info: Value,
}

/// The outcome of a cell.
#[derive(Clone, Debug)]
pub struct CellOutcome {
    /// Its status.
    pub status: Status,
    /// Its outputs.
    pub outputs: Outputs,
    /// Its updates of displays of any cell, in order. They are already applied to its own outputs.
    pub updates: Vec<DisplayUpdate>,
    /// Text of earlier cells that arrived while it ran.
    pub late: Vec<LateText>,
    /// The id of its request.
    pub request: String,
    /// The execution count that the kernel gave it.
    pub execution_count: Option<u64>,
    /// The time from the request until the kernel had replied and was idle again.
    pub elapsed: Duration,
}

/// The status of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Ok,
    /// An error.
    Error {
        /// The kind of error.
        ename: String,
        /// Its message.
        evalue: String,
        /// The lines to show.
        traceback: Vec<String>,
    },
    /// It exceeded its time limit and was interrupted. The kernel is ready for the next cell.
    TimedOut,
}

impl KernelClient {
    /// Starts `argv` in the directory `cwd` and waits until it answers. One of the arguments contains
    /// [`CONNECTION_FILE`](crate::CONNECTION_FILE).
    ///
    /// # Errors
    ///
    /// If the command cannot be started, ends, or does not answer within a minute.
    pub fn start<A: AsRef<str>>(argv: &[A], cwd: &Path) -> Result<Self> {
        Self::start_with(argv, cwd, |_| {})
    }

    /// Like [`KernelClient::start`]; `prepare` may change the environment of the command.
    ///
    /// # Errors
    ///
    /// As [`KernelClient::start`].
    pub fn start_with<A: AsRef<str>>(
        argv: &[A],
        cwd: &Path,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let started = Instant::now();
        let (process, wire, info) = runtime.block_on(async {
            let (mut process, connection) = Process::start(argv, cwd, prepare).await?;
            let answer = timeout(START_TIMEOUT, first_answer(&mut process, &connection));
            let Ok(answer) = answer.await else {
                return Err(ClientError::Silent { after: START_TIMEOUT, log: process.last_words() });
            };
            let (wire, info) = answer?;
            Ok((process, wire, info))
        })?;
        let ready_after = started.elapsed();
        Ok(Self { runtime, wire, process, started, ready_after, info })
    }

    /// The content of the kernel's `kernel_info_reply`.
    pub fn info(&self) -> &Value {
        &self.info
    }

    /// The time at which the kernel's process was spawned.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The time from the spawn of the process to its first answer.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Executes a cell, without a time limit.
    ///
    /// # Errors
    ///
    /// If the kernel ends, or this process receives a signal to stop. A cell that fails is no error here.
    pub fn execute(&mut self, code: &str) -> Result<CellOutcome> {
        self.execute_within(code, None)
    }

    /// Executes a cell; interrupts it once it has run for `limit`.
    ///
    /// # Errors
    ///
    /// As [`KernelClient::execute`]; also if the kernel does not react to the interrupt; it is then killed.
    pub fn execute_within(&mut self, code: &str, limit: Option<Duration>) -> Result<CellOutcome> {
        let Self { runtime, wire, process, .. } = self;
        if let Some(status) = process.ended {
            return Err(ClientError::Ended { status, log: process.last_words() });
        }
        runtime.block_on(async {
            let started = Instant::now();
            // No cell is ever queued behind another, so an error aborts none.
            let request = ExecuteRequest { stop_on_error: false, ..ExecuteRequest::new(code.to_owned()) };
            let mut request = JupyterMessage::from(request);
            // Announces that this client also reads output of earlier cells.
            request.metadata = json!({"cellId": request.header.msg_id});
            let id = wire.request(request).await?;
            let mut cell = Cell::new(id, started);

            let Some(limit) = limit else {
                return cell.follow(wire, process).await;
            };
            if let Ok(outcome) = timeout(limit, cell.follow(wire, process)).await {
                return outcome;
            }
            wire.control(InterruptRequest {}.into()).await?;
            if let Ok(outcome) = timeout(GRACE, cell.follow(wire, process)).await {
                return Ok(CellOutcome { status: Status::TimedOut, ..outcome? });
            }
            process.kill();
            Err(ClientError::Stuck { limit })
        })
    }

    /// Shuts the kernel down, and kills it if it does not end in time.
    pub fn shutdown(mut self) {
        let Self { runtime, wire, process, .. } = &mut self;
        if process.ended.is_some() {
            return;
        }
        runtime.block_on(async {
            let asked = wire.control(ShutdownRequest { restart: false }.into()).await;
            let ended = async {
                while let Some(event) = wire.events.recv().await {
                    if matches!(event, Event::Ended(_) | Event::Stop) {
                        return;
                    }
                }
            };
            if asked.is_ok() {
                // If it does not end in time, dropping it kills it.
                let _ = timeout(GRACE, ended).await;
            }
        });
    }
}

/// The state of a running cell.
struct Cell {
    id: String,
    started: Instant,
    outputs: Outputs,
    updates: Vec<DisplayUpdate>,
    late: Vec<LateText>,
    reply: Option<Value>,
    idle: bool,
}

impl Cell {
    fn new(id: String, started: Instant) -> Self {
        let outputs = Outputs::default();
        Self { id, started, outputs, updates: Vec::new(), late: Vec::new(), reply: None, idle: false }
    }

    /// Handles events until the cell has ended. Cancellation safe: it can be dropped and called again.
    async fn follow(&mut self, wire: &mut Wire, process: &mut Process) -> Result<CellOutcome> {
        while self.reply.is_none() || !self.idle {
            match wire.events.recv().await {
                Some(Event::Reply(message)) if message.parent.as_ref() == Some(&self.id) => {
                    self.reply = Some(message.content);
                }
                Some(Event::Broadcast(message)) if message.parent.as_ref() == Some(&self.id) => {
                    if message.msg_type == "status" {
                        self.idle |= message.content["execution_state"] == "idle";
                    } else if let Some(update) = self.outputs.apply(&message.msg_type, message.content) {
                        self.updates.push(update);
                    }
                }
                Some(Event::Broadcast(message)) if message.msg_type == "stream" => {
                    let (name, text) = (text(&message.content, "name"), text(&message.content, "text"));
                    self.late.extend(message.parent.map(|request| LateText { request, name, text }));
                }
                Some(Event::Reply(_) | Event::Broadcast(_)) => {}
                Some(Event::Disconnected) => return Err(disconnected(wire, process).await),
                Some(Event::Ended(status)) => {
                    process.ended = Some(status);
                    return Err(ClientError::Ended { status, log: process.last_words() });
                }
                Some(Event::Stop) | None => return Err(ClientError::Stopped),
            }
        }
        let elapsed = self.started.elapsed();
        let reply = self.reply.take().unwrap_or_default();
        Ok(CellOutcome {
            status: status(&reply, &self.outputs),
            outputs: std::mem::take(&mut self.outputs),
            updates: std::mem::take(&mut self.updates),
            late: std::mem::take(&mut self.late),
            request: self.id.clone(),
            execution_count: reply["execution_count"].as_u64(),
            elapsed,
        })
    }
}

/// The error of a connection that the kernel has closed: the kernel has ended, or has disconnected this client.
async fn disconnected(wire: &mut Wire, process: &mut Process) -> ClientError {
    let end = async {
        loop {
            match wire.events.recv().await {
                Some(Event::Ended(status)) => return Some(status),
                Some(Event::Stop) | None => return None,
                Some(_) => {}
            }
        }
    };
    match timeout(END_TIMEOUT, end).await {
        Ok(Some(status)) => {
            process.ended = Some(status);
            ClientError::Ended { status, log: process.last_words() }
        }
        Ok(None) => ClientError::Stopped,
        Err(_) => ClientError::Connection(ZmtpError::Closed),
    }
}

impl Outputs {
    fn error(&self) -> Option<Status> {
        self.list().iter().rev().find_map(|output| match output.clone() {
            Output::Error { ename, evalue, traceback } => Some(Status::Error { ename, evalue, traceback }),
            _ => None,
        })
    }
}

fn status(reply: &Value, outputs: &Outputs) -> Status {
    match reply["status"].as_str() {
        Some("ok") => Status::Ok,
        // The reply repeats the error, but not in every kernel.
        Some("error") => outputs.error().unwrap_or_else(|| Status::Error {
            ename: text(reply, "ename"),
            evalue: text(reply, "evalue"),
            traceback: strings(&reply["traceback"]),
        }),
        other => Status::Error {
            ename: "Aborted".into(),
            evalue: format!("the kernel replied with status {}", other.unwrap_or("none")),
            traceback: Vec::new(),
        },
    }
}

/// Connects to a kernel that has just been spawned, and repeats `kernel_info_request` until both channels
/// have answered: only then is the subscription to its broadcasts known to be active.
async fn first_answer(process: &mut Process, connection: &ConnectionInfo) -> Result<(Wire, Value)> {
    let connected = async {
        loop {
            // Directly after its spawn, the kernel's process may still hold the listeners that reserved the
            // ports, and a connection to one of those fails. So any failure means "not yet".
            if let Ok(Ok(connected)) = timeout(CONNECT_TIMEOUT, Wire::connect(connection)).await {
                return connected;
            }
            sleep(Duration::from_millis(2)).await;
        }
    };
    let (mut wire, events) = tokio::select! {
        connected = connected => connected,
        event = process.next_event() => return Err(process.failure(event)),
    };
    process.report_to(events);

    let (mut info, mut subscribed) = (None, false);
    let mut request = wire.request(KernelInfoRequest {}.into()).await?;
    loop {
        let limit = if info.is_some() { Duration::from_millis(200) } else { START_TIMEOUT };
        match timeout(limit, wire.events.recv()).await {
            Ok(Some(Event::Reply(message))) if message.parent.as_ref() == Some(&request) => {
                info = Some(message.content);
            }
            Ok(Some(Event::Reply(_))) => {}
            Ok(Some(Event::Broadcast(_))) => subscribed = true,
            Ok(Some(Event::Disconnected)) => return Err(disconnected(&mut wire, process).await),
            Ok(Some(event @ (Event::Ended(_) | Event::Stop))) => return Err(process.failure(event)),
            Ok(None) => return Err(ClientError::Stopped),
            Err(_) => {
                info = None;
                request = wire.request(KernelInfoRequest {}.into()).await?;
            }
        }
        if subscribed && let Some(info) = info.take() {
            return Ok((wire, info));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CONNECTION_FILE;
    use serde_json::json;

    #[test]
    fn a_reply_without_the_error_takes_it_from_the_outputs() {
        let mut outputs = Outputs::default();
        let error = json!({"ename": "Panic", "evalue": "no", "traceback": ["a"]});
        let expected =
            Status::Error { ename: "Panic".into(), evalue: "no".into(), traceback: vec!["a".into()] };
        let mut reply = error.clone();
        reply["status"] = json!("error");
        assert_eq!(status(&reply, &outputs), expected);
        outputs.apply("error", error);
        assert_eq!(status(&json!({"status": "error"}), &outputs), expected);
        assert_eq!(status(&json!({"status": "ok"}), &outputs), Status::Ok);
    }

    #[test]
    fn an_aborted_cell_is_no_success() {
        let aborted = status(&json!({"status": "aborted"}), &Outputs::default());
        assert!(matches!(aborted, Status::Error { ename, .. } if ename == "Aborted"));
    }

    fn failure(argv: &[&str]) -> String {
        KernelClient::start(argv, Path::new(".")).err().expect("this is no kernel").to_string()
    }

    #[test]
    fn a_command_that_is_no_kernel_is_an_error_with_its_last_words() {
        let missing = failure(&["/there/is/no/such/program", CONNECTION_FILE]);
        assert!(missing.starts_with("cannot start /there/is/no/such/program: "), "{missing}");
        let fails = failure(&["sh", "-c", "echo first; echo the reason >&2; exit 4", CONNECTION_FILE]);
        assert!(fails.contains("exit status: 4") && fails.ends_with("first / the reason"), "{fails}");
        assert!(failure(&[]).contains("an empty command"));
    }
}
