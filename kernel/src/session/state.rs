//! The state of a session, which its loop owns, and the effect of each event on it.
//!
//! *Invariant:* a cell's reply leaves after all that the cell printed. The end of a cell waits until the supervisor has
//! sent everything ([`Command::Sync`]) or is gone, and the reply is in the outbox behind the outputs.
//!
//! *Invariant:* an interrupt ends the cell that runs, also if it hangs. The cell process gets a signal, the compiler is
//! ended, questions are forgotten; after [`MAX_ATTEMPTS`] attempts the supervisor is killed, which costs the variables.

use super::comms::Comms;
use super::dependency_progress::DependencyProgress;
use super::event::{
    CellEvents, CellJob, EngineStep, Event, FromSupervisor, Panic, ProcessDeath, RunEnd, SessionRequest,
};
use super::input::{CellInput, UserQuestion};
use super::lock::lock;
use super::outbox::Outgoing;
use super::output::CellOutput;
use super::report::{self, Cells};
use super::supervisor_link::SupervisorLink;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use threadbook_engine::Interrupt;
use threadbook_wire::{CellEnd, Command, FrameKind, InputAnswer, Message, MimeBundle};

/// The time for the supervisor to answer. It does so within microseconds, if it lives.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for an interrupted cell to end before it is interrupted again.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of further interrupts before the supervisor is killed.
const MAX_ATTEMPTS: usize = 4;

/// See the module's documentation.
pub struct SessionState {
    output: CellOutput,
    comms: Comms,
    input: CellInput,
    progress: DependencyProgress,
    supervisor: SupervisorLink,
    /// The threads that wait for a supervisor, and the number of connections before it.
    awaiting: Vec<(u64, Sender<()>)>,
    /// The source positions of cells. Shared with the engine; this lock is the innermost.
    cells: Arc<Mutex<Cells>>,
    /// Ends compilers.
    compilers: Interrupt,
    /// The cells for the engine's thread, until the session closes.
    jobs: Option<Sender<CellJob>>,
    /// Cells that have arrived and were not executed yet.
    enqueued: usize,
    /// Cells that are executed next, and whether an interrupt has come for them.
    queued: usize,
    is_cancelled: bool,
    /// The number of the running cell. Cells are counted from 1.
    running: Option<u64>,
    begun: u64,
    /// The number of supervisors that had gone when the running cell began.
    gone_before: u64,
    events: CellEvents,
    /// The reply to the engine when the running cell has ended in its process.
    ran: Option<Sender<RunEnd>>,
    finishing: Option<Finishing>,
    escalation: Option<Escalation>,
    /// The process was restored, and the engine does not know yet.
    was_restored: bool,
    /// A message waits for room at the front ends, so nothing is taken from the supervisor.
    is_publishing: bool,
    is_over: bool,
}

/// The end of a cell whose last output may be on its way.
struct Finishing {
    awaited: Awaited,
    /// The supervisor does not answer if nothing comes until then.
    deadline: Instant,
    reply: Sender<CellEvents>,
}

#[derive(Clone, Copy)]
enum Awaited {
    /// More supervisors have gone than this.
    Gone { more_than: u64 },
    /// The supervisor has answered this [`Command::Sync`], or more have gone than this.
    Synced { id: u64, gone: u64 },
}

/// Further interrupts of a cell that goes on.
struct Escalation {
    cell: u64,
    attempts: usize,
    next: Instant,
}

impl SessionState {
    /// The state of a session whose engine takes `jobs`, and whose files lie in `directory`.
    pub fn new(
        directory: PathBuf,
        cells: Arc<Mutex<Cells>>,
        compilers: Interrupt,
        jobs: Sender<CellJob>,
    ) -> SessionState {
        SessionState {
            output: CellOutput::new(directory),
            comms: Comms::default(),
            input: CellInput::default(),
            progress: DependencyProgress::default(),
            supervisor: SupervisorLink::default(),
            awaiting: Vec::new(),
            cells,
            compilers,
            jobs: Some(jobs),
            enqueued: 0,
            queued: 0,
            is_cancelled: false,
            running: None,
            begun: 0,
            gone_before: 0,
            events: CellEvents::default(),
            ran: None,
            finishing: None,
            escalation: None,
            was_restored: false,
            is_publishing: false,
            is_over: false,
        }
    }

    /// Takes in one event.
    pub fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Request(request) => self.request(request, now),
            Event::Engine(step) => self.step(step, now),
            Event::Supervisor(event) => self.supervised(event, now),
            Event::Tick => {}
        }
        self.progress.tick(now, &mut self.output);
        self.escalate(now);
        self.finish_in_time(now);
    }

    /// The time of the next [`Event::Tick`].
    pub fn next_tick(&self) -> Option<Instant> {
        let escalation = self.escalation.as_ref().map(|escalation| escalation.next);
        let finishing = self.finishing.as_ref().filter(|_| !self.is_publishing);
        let finishing = finishing.map(|finishing| finishing.deadline);
        [self.progress.next_tick(), escalation, finishing].into_iter().flatten().min()
    }

    /// The next message or reply to send.
    pub fn next_outgoing(&mut self) -> Option<Outgoing> {
        let next = self.output.outbox.pop();
        self.is_publishing = matches!(next, Some(Outgoing::Publish(_)));
        next
    }

    /// The message was published, so the supervisor can answer from now on.
    pub fn published(&mut self, now: Instant) {
        self.is_publishing = false;
        self.extend_deadline(now);
    }

    fn extend_deadline(&mut self, now: Instant) {
        if let Some(finishing) = &mut self.finishing {
            finishing.deadline = now + ANSWER_TIMEOUT;
        }
    }

    /// Whether the loop ends.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    fn request(&mut self, request: SessionRequest, now: Instant) {
        match request {
            SessionRequest::Enqueue => self.enqueued += 1,
            SessionRequest::Dequeue => self.enqueued = self.enqueued.saturating_sub(1),
            SessionRequest::Queued => self.queued += 1,
            // A job that nobody takes drops its answer, which is an answer.
            SessionRequest::Execute(job) => drop(self.jobs.as_ref().map(|jobs| jobs.send(job))),
            SessionRequest::IsBusy(reply) => {
                let _ = reply.send(self.enqueued > 0 || self.queued > 0 || self.running.is_some());
            }
            SessionRequest::Answer { message, answer } => {
                let outbox = &mut self.output.outbox;
                if let Some((id, answer)) = self.input.answer(message.as_deref(), answer, outbox) {
                    let _ = self.supervisor.send(&Command::InputReply { id, answer });
                }
            }
            SessionRequest::ListComms(reply) => {
                let _ = reply.send(self.comms.open());
            }
            SessionRequest::Comm { message, parent, handled } => {
                if let Some(id) = self.comms.begin(&message, parent, handled, &mut self.output)
                    && let Err(error) = self.supervisor.send(&Command::Comm { id, message })
                {
                    self.comms.end(id, Err(&error.to_string()), &mut self.output);
                }
            }
            SessionRequest::Interrupt => self.interrupt(now),
            SessionRequest::Close => {
                self.jobs = None;
                self.comms.forget();
                self.interrupt(now);
            }
            SessionRequest::Abandon => self.is_over = true,
        }
    }

    fn step(&mut self, step: EngineStep, now: Instant) {
        match step {
            EngineStep::Begin { cell, reply } => {
                self.input.begin(&cell);
                self.events = CellEvents::default();
                self.compilers.reset();
                self.begun += 1;
                self.running = Some(self.begun);
                self.gone_before = self.supervisor.gone;
                self.queued = self.queued.saturating_sub(1);
                let may_begin = !self.is_cancelled;
                if self.queued == 0 {
                    self.is_cancelled = false;
                }
                let _ = reply.send(may_begin);
            }
            EngineStep::BeginOutput(cell) => self.output.begin(*cell),
            EngineStep::Stderr(line) => self.output.stream(FrameKind::Stderr, line.as_bytes()),
            EngineStep::Display(data) => self.output.display(data, MimeBundle::new(), None),
            EngineStep::Result(data) => self.output.result(data, MimeBundle::new()),
            EngineStep::Dependencies(step) => self.progress.step(step, now, &mut self.output),
            // An interrupt that comes later comes after the command.
            EngineStep::Run { reply, .. } if self.events.interrupted => drop(reply.send(RunEnd::NotAtAll)),
            EngineStep::Run { cell, reply } => match self.supervisor.send(&Command::Run { cell }) {
                Ok(()) => self.ran = Some(reply),
                Err(_) => drop(reply.send(RunEnd::Gone)),
            },
            EngineStep::End { by_death, reply } => {
                let gone = self.supervisor.gone;
                let awaited = match by_death {
                    true => Awaited::Gone { more_than: self.gone_before },
                    false => Awaited::Synced { id: self.begun, gone },
                };
                self.finishing = Some(Finishing { awaited, deadline: now + ANSWER_TIMEOUT, reply });
                if by_death {
                    self.finish_if_gone();
                } else if self.supervisor.send(&Command::Sync { id: self.begun }).is_err() {
                    self.finish();
                }
            }
            EngineStep::EndOutput(reply) => {
                let result = self.output.end();
                self.output.outbox.reply(move || drop(reply.send(result)));
            }
            EngineStep::WasRestored(reply) => {
                let _ = reply.send(std::mem::take(&mut self.was_restored));
            }
            EngineStep::Connected(reply) => {
                let _ = reply.send(self.supervisor.connected);
            }
            EngineStep::AwaitSupervisor { before, reply } => {
                self.awaiting.push((before, reply));
                self.wake_awaiting();
            }
            EngineStep::Supervise { pid, reply } => {
                self.supervisor.pid = pid;
                let _ = reply.send(());
            }
            EngineStep::Over => self.is_over = true,
        }
    }

    fn supervised(&mut self, event: FromSupervisor, now: Instant) {
        self.extend_deadline(now);
        match event {
            FromSupervisor::Connected(commands) => {
                self.supervisor.connect(commands);
                self.wake_awaiting();
            }
            FromSupervisor::Output(kind, bytes) => self.output.stream(kind, &bytes),
            FromSupervisor::Message(message) => self.message(message),
            FromSupervisor::Gone => {
                self.supervisor.disconnect();
                self.comms.lose(&mut self.output);
                self.end_run(RunEnd::Gone);
                self.finish_if_gone();
            }
        }
    }

    fn message(&mut self, message: Message) {
        let output = &mut self.output;
        match message {
            Message::Result { data, metadata } => output.result(data, metadata),
            Message::Display { data, metadata, display_id } => output.display(data, metadata, display_id),
            Message::UpdateDisplay { data, metadata, display_id } => {
                output.update_display(data, metadata, display_id);
            }
            Message::Remember { cell } => output.remember(cell),
            Message::Print { cell, name, text } => output.print(cell, name, &text),
            Message::ClearOutput { wait } => output.clear(wait),
            Message::Content { mime, text } => output.content_block(mime, text),
            Message::InputRequest { id, prompt, password } => {
                let question = UserQuestion { id, prompt, password };
                if let Err(reason) = self.input.ask(question, &mut output.outbox) {
                    let answer = InputAnswer::Error(reason.into());
                    let _ = self.supervisor.send(&Command::InputReply { id, answer });
                }
            }
            Message::Panic { message, place, frames } => {
                let earlier = self.events.panic.replace(Panic { message, place, frames });
                self.print_caught(earlier);
            }
            Message::ThreadPanic { thread, message, place } => {
                let panic = Panic { message, place, frames: Vec::new() };
                self.print_panic(&thread, &panic);
                self.events.elsewhere = Some(panic);
            }
            Message::Ended { end } => {
                self.events.panicked |= end == CellEnd::Panicked;
                self.events.end = Some(end);
            }
            Message::Ran { ran } => self.end_run(if ran { RunEnd::Ended } else { RunEnd::NotAtAll }),
            Message::Comm { message } => self.comms.publish(message, output),
            Message::Handled { id } => self.comms.end(id, Ok(()), output),
            Message::Dropped { id, reason } => self.comms.end(id, Err(&reason), output),
            Message::Comms { open } => self.comms.keep(&open, output),
            Message::Died { signal, code, ran, restored, lost } => {
                self.comms.fail("the process of the cells has died", output);
                self.input.forget();
                self.was_restored |= restored;
                let death = ProcessDeath { signal, code, restored, lost };
                // A cell that is still being compiled will run in the process that goes on.
                if self.running.is_some() && (ran || !restored) {
                    self.events.died = Some(death);
                } else {
                    let text = format!("{}\n", report::between_cells(&death));
                    output.stream(FrameKind::Stderr, text.as_bytes());
                }
            }
            Message::Synced { id } => {
                let awaited = self.finishing.as_ref().map(|finishing| finishing.awaited);
                if matches!(awaited, Some(Awaited::Synced { id: awaited, .. }) if id >= awaited) {
                    self.finish();
                }
            }
        }
    }

    fn end_run(&mut self, ran: RunEnd) {
        if let Some(reply) = self.ran.take() {
            let _ = reply.send(ran);
        }
    }

    fn wake_awaiting(&mut self) {
        let connected = self.supervisor.connected;
        for (_, reply) in self.awaiting.extract_if(.., |(before, _)| connected > *before) {
            let _ = reply.send(());
        }
    }

    /// Ends the cell that runs, or its compilation. Cells that wait will not start. When idle, does nothing.
    fn interrupt(&mut self, now: Instant) {
        self.is_cancelled = self.queued > 0;
        let Some(cell) = self.running else { return };
        self.events.interrupted = true;
        self.input.forget();
        self.end_running();
        if self.escalation.as_ref().is_none_or(|earlier| earlier.cell != cell) {
            self.escalation = Some(Escalation { cell, attempts: 0, next: now + INTERRUPT_TIMEOUT });
        }
    }

    fn end_running(&self) {
        let _ = self.supervisor.send(&Command::Interrupt);
        self.compilers.interrupt();
    }

    /// Interrupts a cell again that goes on: its compiler may only have been about to start, and the supervisor may hang.
    fn escalate(&mut self, now: Instant) {
        let Some(escalation) = self.escalation.as_mut().filter(|escalation| escalation.next <= now) else {
            return;
        };
        if self.running != Some(escalation.cell) {
            self.escalation = None;
        } else if escalation.attempts < MAX_ATTEMPTS {
            escalation.attempts += 1;
            escalation.next = now + INTERRUPT_TIMEOUT;
            self.end_running();
        } else {
            self.escalation = None;
            self.supervisor.kill();
        }
    }

    fn finish_if_gone(&mut self) {
        let gone = self.supervisor.gone;
        let awaited = self.finishing.as_ref().map(|finishing| finishing.awaited);
        if let Some(Awaited::Gone { more_than: before } | Awaited::Synced { gone: before, .. }) = awaited
            && gone > before
        {
            self.finish();
        }
    }

    fn finish_in_time(&mut self, now: Instant) {
        let is_late = |finishing: &Finishing| finishing.deadline <= now;
        if !self.is_publishing && self.finishing.as_ref().is_some_and(is_late) {
            eprintln!("threadbook: the process of the cells did not answer within {ANSWER_TIMEOUT:?}");
            self.finish();
        }
    }

    /// All output of the cell is in the outbox: ends the cell.
    fn finish(&mut self) {
        let Some(Finishing { reply, .. }) = self.finishing.take() else { return };
        self.input.end();
        self.running = None;
        let mut events = std::mem::take(&mut self.events);
        if !events.panicked {
            self.print_caught(events.panic.take());
        }
        self.output.outbox.reply(move || drop(reply.send(events)));
    }

    /// A panic that did not end its cell is printed, as it is anywhere.
    fn print_caught(&mut self, panic: Option<Panic>) {
        if let Some(panic) = panic {
            self.print_panic("main", &panic);
        }
    }

    fn print_panic(&mut self, thread: &str, panic: &Panic) {
        let text = report::panic_of_thread(thread, panic, &lock(&self.cells));
        self.output.stream(FrameKind::Stderr, text.as_bytes());
    }
}

#[cfg(test)]
mod tests;
