//! The kernel's end of the wire: listens for the supervisor, passes on what it sends, and gives it orders.
//!
//! A new supervisor is started when one has ended, so connections come one after the other.

use super::comms::Comms;
use super::lock;
use super::output::{Cell, CellOutput};
use super::questions::{Question, Questions};
use super::report::{self, Cells};
use std::io::{self, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, OnceLock, mpsc};
use std::time::Duration;
use threadbook_engine::Interrupt;
use threadbook_wire::{
    CellEnd, CodeAddress, CommMessage, Command, FrameKind, InputAnswer, Message, PanicPlace, RunCell,
    read_frame, write_frame,
};

/// How long to wait for the supervisor to answer. It does so within microseconds, if it lives.
const ANSWER: Duration = Duration::from_secs(10);

/// How long an interrupted cell may take to end before it is interrupted again, and how often it is before its
/// supervisor is ended, which costs the variables.
const GRACE: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 4;

/// What happened to a cell beside its outputs.
#[derive(Clone, Debug, Default)]
pub struct Happened {
    pub panic: Option<Panic>,
    /// The last one in another thread. If it is carried on into the cell's, there is no other word of it.
    pub elsewhere: Option<Panic>,
    /// The panic ended the cell; otherwise it was caught.
    pub panicked: bool,
    pub died: Option<Death>,
    pub interrupted: bool,
    /// Why the cell ended before its last statement.
    pub end: Option<CellEnd>,
}

/// How an order to run a cell was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// The cell has ended in its process.
    Ended,
    /// It was not begun, or its process died, and another one goes on.
    NotAtAll,
    /// Its process died with all variables.
    Gone,
}

/// A panic's message and place, and how it came there.
#[derive(Clone, Debug, Default)]
pub struct Panic {
    pub message: String,
    pub place: PanicPlace,
    pub frames: Vec<CodeAddress>,
}

/// How the cell process ended.
#[derive(Clone, Debug)]
pub struct Death {
    pub signal: Option<i32>,
    pub code: Option<i32>,
    /// Another process goes on in its place, with the variables.
    pub restored: bool,
    /// What that process does not have any more, in words: connections, pipes, locks.
    pub lost: String,
}

#[derive(Default)]
struct State {
    /// How many supervisors have gone.
    gone: u64,
    /// How many had gone when the running cell began.
    gone_before: u64,
    synced: u64,
    /// How many supervisors have connected.
    connected: u64,
    /// The answer to the order to run a cell.
    ran: Option<bool>,
    /// Counts cells; `None` in between.
    running: Option<u64>,
    cells: u64,
    /// Cells that wait for the engine, and whether an interrupt has come for them.
    waiting: usize,
    cancelled: bool,
    happened: Happened,
    /// The process was restored, and the engine does not know yet.
    was_restored: bool,
}

/// See the module's documentation.
pub struct Link {
    state: Mutex<State>,
    changed: Condvar,
    /// Where orders go. A thread writes them: that may take until the supervisor has been listened to.
    orders: Mutex<Option<mpsc::Sender<Vec<u8>>>>,
    output: Arc<CellOutput>,
    questions: Questions,
    comms: Arc<Comms>,
    supervisor_process: OnceLock<Arc<Mutex<Child>>>,
    compilers: Interrupt,
    /// What to find places in.
    cells: Arc<Mutex<Cells>>,
}

impl Link {
    pub fn new(
        output: Arc<CellOutput>,
        questions: Questions,
        comms: Arc<Comms>,
        cells: Arc<Mutex<Cells>>,
    ) -> Arc<Link> {
        Arc::new(Link {
            state: Mutex::default(),
            changed: Condvar::new(),
            orders: Mutex::default(),
            output,
            questions,
            comms,
            supervisor_process: OnceLock::new(),
            compilers: Interrupt::default(),
            cells,
        })
    }

    /// Starts to listen for supervisors, in a thread that lives as long as the kernel.
    pub fn listen(self: &Arc<Link>, listener: UnixListener) {
        let listening = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                listening.serve(stream);
            }
        });
    }

    /// Tells the link which process to end when a cell cannot be ended otherwise. The handle stays valid
    /// when the engine starts another supervisor.
    pub fn supervise(&self, process: Arc<Mutex<Child>>) {
        let _ = self.supervisor_process.set(process);
    }

    /// The handle by which an interrupt ends the compilation of a cell.
    pub fn compiler_interrupt(&self) -> Interrupt {
        self.compilers.clone()
    }

    fn serve(&self, stream: UnixStream) {
        *lock(&self.orders) = stream.try_clone().ok().map(write_orders);
        lock(&self.state).connected += 1;
        self.changed.notify_all();
        let mut from = BufReader::with_capacity(128 << 10, stream);
        loop {
            match read_frame(&mut from) {
                Ok(Some((kind @ (FrameKind::Stdout | FrameKind::Stderr), bytes))) => {
                    self.output.stream(kind, &bytes)
                }
                Ok(Some((FrameKind::Message, body))) => match serde_json::from_slice(&body) {
                    Ok(message) => self.hear(message),
                    Err(error) => eprintln!("threadbook: a message of the companion was dropped: {error}"),
                },
                Ok(Some((FrameKind::Ack, _))) => {}
                Ok(None) => break,
                Err(error) => {
                    eprintln!("threadbook: the wire broke: {error}");
                    break;
                }
            }
        }
        *lock(&self.orders) = None;
        self.comms.lose();
        lock(&self.state).gone += 1;
        self.changed.notify_all();
    }

    fn hear(&self, message: Message) {
        match message {
            Message::Result { data, metadata } => self.output.result(data, metadata),
            Message::Display { data, metadata, display_id } => {
                self.output.display(data, metadata, display_id);
            }
            Message::UpdateDisplay { data, metadata, display_id } => {
                self.output.update_display(data, metadata, display_id);
            }
            Message::Remember { cell } => self.output.remember(cell),
            Message::Print { cell, name, text } => self.output.print(cell, name, &text),
            Message::ClearOutput { wait } => self.output.clear(wait),
            Message::Content { mime, text } => self.output.content_block(mime, text),
            Message::InputRequest { id, prompt, password } => {
                if let Err(reason) = self.questions.ask(Question { id, prompt, password }) {
                    let _ =
                        self.order(&Command::InputReply { id, answer: InputAnswer::Error(reason.into()) });
                }
            }
            Message::Panic { message, place, frames } => {
                let panic = Panic { message, place, frames };
                let earlier = lock(&self.state).happened.panic.replace(panic);
                self.print_caught(earlier);
            }
            Message::ThreadPanic { thread, message, place } => {
                let panic = Panic { message, place, frames: Vec::new() };
                self.print_panic(&thread, &panic);
                lock(&self.state).happened.elsewhere = Some(panic);
            }
            Message::Ended { end } => {
                let happened = &mut lock(&self.state).happened;
                happened.panicked |= end == CellEnd::Panicked;
                happened.end = Some(end);
            }
            Message::Ran { ran } => {
                lock(&self.state).ran = Some(ran);
                self.changed.notify_all();
            }
            Message::Comm { message } => self.comms.hear(message),
            Message::Handled { id } => self.comms.answer(id, Ok(())),
            Message::Dropped { id, reason } => self.comms.answer(id, Err(reason)),
            Message::Comms { open } => self.comms.keep(&open),
            Message::Died { signal, code, ran, restored, lost } => {
                self.comms.give_up("the process of the cells has died");
                let death = Death { signal, code, restored, lost };
                self.questions.forget();
                let mut state = lock(&self.state);
                state.was_restored |= restored;
                // A cell that is still being compiled will run in the process that goes on.
                if state.running.is_some() && (ran || !restored) {
                    state.happened.died = Some(death);
                } else {
                    drop(state);
                    self.output
                        .stream(FrameKind::Stderr, format!("{}\n", report::between_cells(&death)).as_bytes());
                }
            }
            Message::Synced { id } => {
                lock(&self.state).synced = id;
                self.changed.notify_all();
            }
        }
    }

    /// A panic that did not end its cell is printed, as it is anywhere.
    fn print_caught(&self, panic: Option<Panic>) {
        if let Some(panic) = panic {
            self.print_panic("main", &panic);
        }
    }

    fn print_panic(&self, thread: &str, panic: &Panic) {
        let text = report::panic_of_thread(thread, panic, &lock(&self.cells));
        self.output.stream(FrameKind::Stderr, text.as_bytes());
    }

    /// A cell begins. `false` if it was interrupted before it could.
    pub fn begin_cell(&self, cell: &Cell) -> bool {
        self.questions.begin(cell);
        let mut state = lock(&self.state);
        state.happened = Happened::default();
        self.compilers.reset();
        state.cells += 1;
        state.running = Some(state.cells);
        state.gone_before = state.gone;
        state.waiting = state.waiting.saturating_sub(1);
        if state.waiting == 0 { !std::mem::take(&mut state.cancelled) } else { !state.cancelled }
    }

    /// A cell waits for the engine.
    pub fn cell_waits(&self) {
        lock(&self.state).waiting += 1;
    }

    /// Whether the process was restored since the last call.
    pub fn was_restored(&self) -> bool {
        std::mem::take(&mut lock(&self.state).was_restored)
    }

    /// Whether a cell runs or waits.
    pub fn is_busy(&self) -> bool {
        let state = lock(&self.state);
        state.running.is_some() || state.waiting > 0
    }

    /// A cell has ended, as the engine says, by the death of its process if `by_death`. Waits until all
    /// that it printed has been published, and returns what happened to it.
    pub fn end_cell(&self, by_death: bool) -> Happened {
        if by_death {
            // Not only told of, but gone: all that it sent has been published then.
            self.wait_until(|state| state.gone > state.gone_before);
        } else {
            self.sync();
        }
        self.questions.end();
        let mut state = lock(&self.state);
        state.running = None;
        let mut happened = std::mem::take(&mut state.happened);
        drop(state);
        if !happened.panicked {
            self.print_caught(happened.panic.take());
        }
        happened
    }

    /// Has the cell process run a cell, and waits until it has ended. Does not begin if an interrupt has come.
    pub fn run(&self, cell: RunCell) -> Ran {
        let mut state = lock(&self.state);
        if state.happened.interrupted {
            return Ran::NotAtAll;
        }
        state.ran = None;
        let gone = state.gone;
        // An interrupt that comes from now on comes after this order.
        if self.order(&Command::Run { cell }).is_err() {
            return Ran::Gone;
        }
        let is_over = |state: &mut State| state.ran.is_none() && state.gone == gone;
        let state = self.changed.wait_while(state, is_over).unwrap_or_else(|poisoned| poisoned.into_inner());
        match state.ran {
            Some(true) => Ran::Ended,
            Some(false) => Ran::NotAtAll,
            None => Ran::Gone,
        }
    }

    /// How many supervisors have connected so far.
    pub fn connected(&self) -> u64 {
        lock(&self.state).connected
    }

    /// Waits until more than `before` supervisors have connected.
    pub fn wait_for_supervisor(&self, before: u64) {
        self.wait_until(|state| state.connected > before);
    }

    /// Passes on to the companion what a front end says to a comm. `Comms` hears when it has been handled.
    pub fn tell_comm(&self, id: u64, message: CommMessage) {
        if let Err(error) = self.order(&Command::Comm { id, message }) {
            self.comms.answer(id, Err(error.to_string()));
        }
    }

    /// Gives an order, without waiting for it to be read.
    fn order(&self, order: &Command) -> io::Result<()> {
        let body = serde_json::to_vec(order)?;
        // What is nested so deep that JSON's readers refuse it must not end the supervisor.
        serde_json::from_slice::<Command>(&body)?;
        let sent = lock(&self.orders).as_ref().is_some_and(|orders| orders.send(body).is_ok());
        if sent { Ok(()) } else { Err(io::Error::other("no process runs cells")) }
    }

    fn sync(&self) {
        let (id, gone) = {
            let state = lock(&self.state);
            (state.cells, state.gone)
        };
        if self.order(&Command::Sync { id }).is_err() {
            return;
        }
        self.wait_until(|state| state.synced >= id || state.gone > gone);
    }

    fn wait_until(&self, condition: impl Fn(&State) -> bool) {
        let state = lock(&self.state);
        let waited = self.changed.wait_timeout_while(state, ANSWER, |state| !condition(state));
        if matches!(waited, Ok((_, timeout)) if timeout.timed_out()) {
            eprintln!("threadbook: the process of the cells did not answer within {ANSWER:?}");
        }
    }

    /// Ends the cell that runs, or its compilation; cells that wait will not start. When idle, does
    /// nothing.
    pub fn interrupt(self: &Arc<Link>) {
        let cell = {
            let mut state = lock(&self.state);
            state.cancelled = state.waiting > 0;
            let Some(cell) = state.running else { return };
            state.happened.interrupted = true;
            cell
        };
        self.questions.forget();
        self.end_running();
        // The compiler may only have been about to start, and at last the supervisor may be stuck.
        let link = self.clone();
        std::thread::spawn(move || {
            let is_over = || {
                std::thread::sleep(GRACE);
                lock(&link.state).running != Some(cell)
            };
            for _ in 0..ATTEMPTS {
                if is_over() {
                    return;
                }
                link.end_running();
            }
            if !is_over()
                && let Some(process) = link.supervisor_process.get()
            {
                let _ = lock(process).kill();
            }
        });
    }

    /// Takes the user's answer to what the cell has asked in `message`.
    pub fn answer(&self, message: Option<&str>, answer: InputAnswer) {
        if let Some((id, answer)) = self.questions.answer(message, answer) {
            let _ = self.order(&Command::InputReply { id, answer });
        }
    }

    fn end_running(&self) {
        let _ = self.order(&Command::Interrupt);
        self.compilers.interrupt();
    }
}

/// Writes to the supervisor what is sent to the channel, until either end is closed.
fn write_orders(mut supervisor: UnixStream) -> mpsc::Sender<Vec<u8>> {
    let (orders, given) = mpsc::channel::<Vec<u8>>();
    std::thread::spawn(move || {
        given.into_iter().try_for_each(|order| write_frame(&mut supervisor, FrameKind::Message, &order))
    });
    orders
}
