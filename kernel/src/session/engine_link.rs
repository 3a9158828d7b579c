//! The engine's connection to the session's loop.

use super::event::{Cell, CellEvents, DependencyStep, EngineStep, Event, RunEnd};
use nix::unistd::Pid;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;
use threadbook_engine::Interrupt;
use threadbook_wire::{MimeBundle, RunCell};
use tokio::sync::mpsc::UnboundedSender;

/// The time for a supervisor to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// See the module's documentation. Methods that return a value wait for the loop; the others do not. When the loop has
/// ended, cells end at once.
#[derive(Clone)]
pub struct EngineLink {
    events: UnboundedSender<Event>,
    compilers: Interrupt,
}

impl EngineLink {
    /// The connection to the loop that takes `events`. `compilers` is the loop's handle to end compilers.
    pub fn new(events: UnboundedSender<Event>, compilers: Interrupt) -> EngineLink {
        EngineLink { events, compilers }
    }

    /// The handle by which an interrupt ends the compilation of a cell.
    pub fn compiler_interrupt(&self) -> Interrupt {
        self.compilers.clone()
    }

    /// A cell begins. Returns false if it was interrupted before.
    pub fn begin_cell(&self, cell: &Cell) -> bool {
        let cell = Box::new(cell.clone());
        self.ask(|reply| EngineStep::Begin { cell, reply }).unwrap_or_default()
    }

    /// Outputs belong to this cell from now on.
    pub fn begin_output(&self, cell: Box<Cell>) {
        self.send(EngineStep::BeginOutput(cell));
    }

    /// Prints a line on standard error.
    pub fn print_stderr(&self, line: String) {
        self.send(EngineStep::Stderr(line));
    }

    /// Shows a value.
    pub fn display(&self, data: MimeBundle) {
        self.send(EngineStep::Display(data));
    }

    /// Shows a value as the cell's result.
    pub fn show_result(&self, data: MimeBundle) {
        self.send(EngineStep::Result(data));
    }

    /// Shows the progress of the crates that the cell asks for.
    pub fn dependencies(&self, step: DependencyStep) {
        self.send(EngineStep::Dependencies(step));
    }

    /// Runs a cell in the cell process, and waits until it has ended.
    pub fn run(&self, cell: RunCell) -> RunEnd {
        self.ask(|reply| EngineStep::Run { cell, reply }).unwrap_or(RunEnd::Gone)
    }

    /// The cell has ended, by the death of its process if `by_death`. Waits until all its outputs are published, and
    /// returns its events.
    pub fn end_cell(&self, by_death: bool) -> CellEvents {
        self.ask(|reply| EngineStep::End { by_death, reply }).unwrap_or_default()
    }

    /// The cell has no more outputs. Waits until they are published, and returns its result as text.
    pub fn end_output(&self) -> Option<String> {
        self.ask(EngineStep::EndOutput).flatten()
    }

    /// Whether the cell process was restored since the last call.
    pub fn was_restored(&self) -> bool {
        self.ask(EngineStep::WasRestored).unwrap_or_default()
    }

    /// The number of supervisors that have connected so far.
    pub fn connected(&self) -> u64 {
        self.ask(EngineStep::Connected).unwrap_or_default()
    }

    /// Waits until more than `before` supervisors have connected.
    pub fn await_supervisor(&self, before: u64) {
        let (reply, replied) = mpsc::channel();
        self.send(EngineStep::AwaitSupervisor { before, reply });
        if replied.recv_timeout(CONNECT_TIMEOUT).is_err() {
            eprintln!("threadbook: the process of the cells did not connect within {CONNECT_TIMEOUT:?}");
        }
    }

    /// The process to end when a cell does not end otherwise. After this returns, the process before may be reaped.
    pub fn supervise(&self, pid: Option<Pid>) {
        self.ask(|reply| EngineStep::Supervise { pid, reply });
    }

    /// The engine has ended.
    pub fn end(&self) {
        self.send(EngineStep::Over);
    }

    fn send(&self, step: EngineStep) {
        let _ = self.events.send(Event::Engine(step));
    }

    fn ask<T>(&self, step: impl FnOnce(Sender<T>) -> EngineStep) -> Option<T> {
        let (reply, replied) = mpsc::channel();
        self.send(step(reply));
        replied.recv().ok()
    }
}
