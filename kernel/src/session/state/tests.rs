//! Events are fed to the state of a session. A fake supervisor answers its commands, and a fake engine takes its steps.

use super::*;
use crate::session::event::Cell;
use jupyter_protocol::{ExecuteRequest, ExecutionCount, JupyterMessageContent as Content};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use threadbook_wire::{CommMessage, JsonObject, RunCell};
use tokio::sync::oneshot;

/// The end of a cell that a fake supervisor plays.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Play {
    /// The cell prints, asks a question, and ends.
    Ends,
    /// The process dies and is restored.
    Dies,
    /// The process dies, and the supervisor with it.
    Goes,
}

/// A session, its supervisor, its engine, and its front end.
struct Fake {
    state: SessionState,
    now: Instant,
    play: Play,
    commands: Option<Receiver<Vec<u8>>>,
    /// The commands so far.
    received: Vec<Command>,
    /// The events that the supervisor sends next.
    sends: VecDeque<FromSupervisor>,
    /// A cell runs in the process.
    runs: bool,
    /// The texts and comm messages that were published, and `reply`.
    published: Vec<String>,
    /// The events so far, and the number of the event before which an interrupt comes.
    fed: usize,
    interrupt_at: Option<usize>,
    /// The effect that the interrupt must have.
    expected: Expected,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Expected {
    #[default]
    None,
    /// The cell does not begin.
    NotBegun,
    /// The cell is interrupted.
    Interrupted,
}

/// The end of a cell as the engine sees it.
#[derive(Debug, Default)]
struct Seen {
    has_begun: bool,
    ran: Option<RunEnd>,
    events: CellEvents,
}

impl Fake {
    fn new(play: Play) -> Fake {
        let cells = Arc::new(Mutex::new(Cells::new("/".as_ref())));
        let state = SessionState::new("/".into(), cells, Interrupt::default(), mpsc::channel().0);
        let mut fake = Fake {
            state,
            now: Instant::now(),
            play,
            commands: None,
            received: Vec::new(),
            sends: VecDeque::new(),
            runs: false,
            published: Vec::new(),
            fed: 0,
            interrupt_at: None,
            expected: Expected::None,
        };
        fake.connect();
        fake
    }

    fn connect(&mut self) {
        let (sender, commands) = mpsc::channel();
        self.commands = Some(commands);
        self.handle(Event::Supervisor(FromSupervisor::Connected(sender)));
    }

    /// Feeds an event, before it the interrupt if it is time.
    fn feed(&mut self, event: Event) {
        if self.interrupt_at == Some(self.fed) {
            self.expected = match (self.state.running, self.state.queued) {
                (Some(_), _) => Expected::Interrupted,
                (None, 1..) => Expected::NotBegun,
                (None, 0) => Expected::None,
            };
            self.handle(Event::Request(SessionRequest::Interrupt));
        }
        self.fed += 1;
        self.handle(event);
    }

    fn handle(&mut self, event: Event) {
        self.state.handle(event, self.now);
        self.obey();
    }

    /// The supervisor reads its commands.
    fn obey(&mut self) {
        let Some(commands) = &self.commands else { return };
        for body in commands.try_iter() {
            let command: Command = serde_json::from_slice(&body).unwrap();
            let message = FromSupervisor::Message;
            match (&command, self.play) {
                (Command::Run { .. }, Play::Ends) => {
                    self.runs = true;
                    self.sends.push_back(FromSupervisor::Output(FrameKind::Stdout, b"out".to_vec()));
                    self.sends.push_back(message(Message::InputRequest {
                        id: 1,
                        prompt: String::new(),
                        password: false,
                    }));
                }
                (Command::Run { .. }, play) => {
                    self.sends.push_back(FromSupervisor::Output(FrameKind::Stdout, b"out".to_vec()));
                    let restored = play == Play::Dies;
                    let (signal, code, lost) = (Some(11), None, String::new());
                    self.sends.push_back(message(Message::Died { signal, code, ran: true, restored, lost }));
                    self.sends.push_back(match restored {
                        true => message(Message::Ran { ran: false }),
                        false => FromSupervisor::Gone,
                    });
                }
                (Command::Interrupt | Command::InputReply { .. }, _) if self.runs => {
                    self.runs = false;
                    self.sends.push_back(message(Message::Ran { ran: true }));
                }
                (Command::Sync { id }, _) => {
                    self.sends.push_back(FromSupervisor::Output(FrameKind::Stdout, b"late".to_vec()));
                    self.sends.push_back(message(Message::Synced { id: *id }));
                }
                (Command::Comm { id, .. }, _) => {
                    self.sends.push_back(FromSupervisor::Output(FrameKind::Stdout, b"callback".to_vec()));
                    self.sends.push_back(message(Message::Handled { id: *id }));
                }
                _ => {}
            }
            self.received.push(command);
        }
    }

    /// The front end takes the messages, and the user answers questions.
    fn publish(&mut self) {
        while let Some(outgoing) = self.state.next_outgoing() {
            match outgoing {
                Outgoing::Publish(publication) => {
                    self.published.push(match publication.content {
                        Content::StreamContent(stream) => stream.text,
                        other => other.message_type().to_owned(),
                    });
                    self.state.published(self.now);
                }
                Outgoing::Ask(_) => {
                    let answer = InputAnswer::Value("Ada".into());
                    self.feed(Event::Request(SessionRequest::Answer { message: None, answer }));
                }
                Outgoing::Reply(reply) => {
                    self.published.push("reply".into());
                    reply();
                }
            }
        }
    }

    /// Goes on until the engine has its reply.
    fn wait<T>(&mut self, replied: &Receiver<T>) -> T {
        loop {
            self.publish();
            match replied.try_recv() {
                Ok(reply) => return reply,
                Err(TryRecvError::Disconnected) => panic!("the reply was dropped"),
                Err(TryRecvError::Empty) => {}
            }
            let event = self.sends.pop_front().expect("the engine waits for a reply that does not come");
            if matches!(event, FromSupervisor::Gone) {
                self.commands = None;
            }
            self.feed(Event::Supervisor(event));
        }
    }

    fn ask<T>(&mut self, step: impl FnOnce(Sender<T>) -> EngineStep) -> T {
        let (reply, replied) = mpsc::channel();
        self.feed(Event::Engine(step(reply)));
        self.wait(&replied)
    }

    /// The engine executes a cell.
    fn execute(&mut self) -> Seen {
        self.feed(Event::Request(SessionRequest::Enqueue));
        self.feed(Event::Request(SessionRequest::Queued));
        let mut seen = Seen {
            has_begun: self.ask(|reply| EngineStep::Begin { cell: cell(), reply }),
            ..Seen::default()
        };
        if seen.has_begun {
            self.feed(Event::Engine(EngineStep::BeginOutput(cell())));
            self.feed(Event::Engine(EngineStep::Stderr("warning".into())));
            seen.ran = Some(self.ask(|reply| EngineStep::Run { cell: RunCell::default(), reply }));
        }
        let by_death = seen.ran == Some(RunEnd::Gone);
        seen.events = self.ask(|reply| EngineStep::End { by_death, reply });
        if by_death {
            self.connect();
        }
        if seen.has_begun {
            self.ask(EngineStep::EndOutput);
        }
        self.feed(Event::Request(SessionRequest::Dequeue));
        seen
    }

    fn is_busy(&mut self) -> bool {
        let (reply, mut replied) = oneshot::channel();
        self.handle(Event::Request(SessionRequest::IsBusy(reply)));
        replied.try_recv().unwrap()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.handle(Event::Tick);
    }

    fn interrupts(&self) -> usize {
        self.received.iter().filter(|command| **command == Command::Interrupt).count()
    }
}

fn cell() -> Box<Cell> {
    let parent = Arc::new(ExecuteRequest::default().into());
    Box::new(Cell {
        parent,
        count: ExecutionCount::new(1),
        silent: false,
        allow_stdin: true,
        is_batch: false,
    })
}

fn comm(comm_id: &str) -> CommMessage {
    CommMessage::Msg { comm_id: comm_id.into(), data: JsonObject::new() }
}

#[test]
fn the_reply_is_behind_the_outputs() {
    let mut fake = Fake::new(Play::Ends);
    let seen = fake.execute();
    assert_eq!(seen.ran, Some(RunEnd::Ended));
    assert!(!seen.events.interrupted && seen.events.died.is_none());
    assert_eq!(fake.published, ["warning", "out", "late", "reply", "reply"]);
    assert!(!fake.is_busy());
}

#[test]
fn a_death_is_reported_and_the_next_cell_runs() {
    for (play, ran) in [(Play::Dies, RunEnd::NotAtAll), (Play::Goes, RunEnd::Gone)] {
        let mut fake = Fake::new(play);
        let seen = fake.execute();
        assert_eq!(seen.ran, Some(ran));
        assert_eq!(seen.events.died.unwrap().restored, play == Play::Dies);
        assert_eq!(fake.ask(EngineStep::WasRestored), play == Play::Dies);
        fake.play = Play::Ends;
        assert_eq!(fake.execute().ran, Some(RunEnd::Ended), "after {play:?}");
    }
}

#[test]
fn an_interrupt_at_each_event_ends_the_cell_that_runs_and_no_other() {
    for play in [Play::Ends, Play::Dies, Play::Goes] {
        let mut at = 0;
        loop {
            let mut fake = Fake::new(play);
            fake.interrupt_at = Some(at);
            let seen = fake.execute();
            let case = format!("{play:?}, an interrupt before event {at} of {}: {seen:?}", fake.fed);
            assert_eq!(seen.has_begun, fake.expected != Expected::NotBegun, "{case}");
            assert_eq!(seen.events.interrupted, fake.expected == Expected::Interrupted, "{case}");
            let has_run = fake.received.iter().any(|command| matches!(command, Command::Run { .. }));
            if seen.ran == Some(RunEnd::NotAtAll) && play == Play::Ends {
                assert!(!has_run, "{case}");
            }
            if seen.events.interrupted && has_run && fake.state.supervisor.gone == 0 {
                assert!(fake.interrupts() > 0, "{case}");
            }
            assert!(!fake.is_busy(), "{case}");
            let is_last = at > fake.fed;
            fake.interrupt_at = None;
            fake.play = Play::Ends;
            let next = fake.execute();
            assert!(next.has_begun && next.ran == Some(RunEnd::Ended) && !next.events.interrupted, "{case}");
            if is_last {
                assert!(at > 10, "{case}");
                break;
            }
            at += 1;
        }
    }
}

#[test]
fn all_cells_that_wait_are_cancelled_by_one_interrupt() {
    let mut fake = Fake::new(Play::Ends);
    for _ in 0..3 {
        fake.feed(Event::Request(SessionRequest::Queued));
    }
    fake.feed(Event::Request(SessionRequest::Interrupt));
    for _ in 0..3 {
        assert!(!fake.ask(|reply| EngineStep::Begin { cell: cell(), reply }));
        fake.ask(|reply| EngineStep::End { by_death: false, reply });
    }
    assert!(fake.execute().has_begun);
}

#[test]
fn a_cell_that_goes_on_is_interrupted_again_and_then_its_supervisor_is_killed() {
    use std::os::unix::process::ExitStatusExt;
    let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let mut fake = Fake::new(Play::Dies);
    let pid = Some(Pid::from_raw(child.id() as i32));
    fake.ask(|reply| EngineStep::Supervise { pid, reply });
    assert!(fake.ask(|reply| EngineStep::Begin { cell: cell(), reply }));
    fake.handle(Event::Request(SessionRequest::Interrupt));
    for interrupts in 1..=MAX_ATTEMPTS + 1 {
        assert_eq!(fake.interrupts(), interrupts);
        assert_eq!(fake.state.next_tick(), Some(fake.now + INTERRUPT_TIMEOUT));
        fake.pass(INTERRUPT_TIMEOUT);
    }
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert_eq!(fake.state.next_tick(), None);
}

#[test]
fn a_cell_that_ended_is_not_interrupted_again() {
    let mut fake = Fake::new(Play::Ends);
    fake.interrupt_at = Some(4);
    assert!(fake.execute().events.interrupted);
    let interrupts = fake.interrupts();
    fake.pass(INTERRUPT_TIMEOUT);
    assert_eq!((fake.interrupts(), fake.state.next_tick()), (interrupts, None));
}

#[test]
fn a_supervisor_that_does_not_answer_is_waited_for_while_messages_are_published_and_no_longer() {
    let mut fake = Fake::new(Play::Ends);
    assert!(fake.ask(|reply| EngineStep::Begin { cell: cell(), reply }));
    fake.feed(Event::Engine(EngineStep::BeginOutput(cell())));
    fake.feed(Event::Engine(EngineStep::Stderr("line".into())));
    let (reply, replied) = mpsc::channel();
    fake.feed(Event::Engine(EngineStep::End { by_death: false, reply }));
    // The front end is slow.
    let Some(Outgoing::Publish(_)) = fake.state.next_outgoing() else { panic!() };
    fake.pass(2 * ANSWER_TIMEOUT);
    assert!(replied.try_recv().is_err());
    fake.state.published(fake.now);
    fake.sends.clear();
    assert_eq!(fake.state.next_tick(), Some(fake.now + ANSWER_TIMEOUT));
    fake.pass(ANSWER_TIMEOUT);
    fake.publish();
    assert!(replied.try_recv().is_ok());
}

#[test]
fn a_comm_is_handled_while_a_cell_runs_and_idle_after_its_outputs() {
    let mut fake = Fake::new(Play::Ends);
    assert!(fake.ask(|reply| EngineStep::Begin { cell: cell(), reply }));
    fake.feed(Event::Engine(EngineStep::BeginOutput(cell())));
    let open = CommMessage::Open {
        comm_id: "a".into(),
        target_name: "t".into(),
        data: JsonObject::new(),
        metadata: JsonObject::new(),
    };
    fake.feed(Event::Supervisor(FromSupervisor::Message(Message::Comm { message: open })));
    let (handled, mut is_handled) = oneshot::channel();
    let parent = cell().parent;
    fake.feed(Event::Request(SessionRequest::Comm { message: comm("a"), parent, handled }));
    while let Some(event) = fake.sends.pop_front() {
        assert_eq!(is_handled.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        fake.feed(Event::Supervisor(event));
    }
    fake.publish();
    assert_eq!(fake.published, ["comm_open", "callback", "reply"]);
    assert_eq!(is_handled.try_recv(), Err(oneshot::error::TryRecvError::Closed));
}

#[test]
fn a_comm_that_cannot_be_opened_is_closed_and_a_comm_that_is_not_open_is_idle_at_once() {
    let mut fake = Fake::new(Play::Ends);
    fake.feed(Event::Supervisor(FromSupervisor::Gone));
    let open = CommMessage::Open {
        comm_id: "a".into(),
        target_name: "t".into(),
        data: JsonObject::new(),
        metadata: JsonObject::new(),
    };
    for (message, published) in [(open, &["comm_close", "reply"][..]), (comm("none"), &[][..])] {
        let (handled, mut is_handled) = oneshot::channel();
        let parent = cell().parent;
        fake.published.clear();
        fake.feed(Event::Request(SessionRequest::Comm { message, parent, handled }));
        fake.publish();
        assert_eq!(fake.published, published);
        assert_eq!(is_handled.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}

#[test]
fn a_message_to_a_process_that_dies_is_given_up() {
    let mut fake = Fake::new(Play::Ends);
    fake.state.comms.begin(
        &CommMessage::Open {
            comm_id: "a".into(),
            target_name: "t".into(),
            data: JsonObject::new(),
            metadata: JsonObject::new(),
        },
        cell().parent,
        oneshot::channel().0,
        &mut fake.state.output,
    );
    let (signal, code, lost) = (Some(9), None, String::new());
    let died = Message::Died { signal, code, ran: false, restored: true, lost };
    fake.feed(Event::Supervisor(FromSupervisor::Message(died)));
    fake.publish();
    assert_eq!(fake.published, ["comm_close", "reply"]);
    assert!(fake.ask(EngineStep::WasRestored) && !fake.ask(EngineStep::WasRestored));
}

#[test]
fn a_closed_session_drops_its_cells_and_ends_with_the_engine() {
    let mut fake = Fake::new(Play::Ends);
    fake.feed(Event::Request(SessionRequest::Close));
    let (answer, mut answered) = oneshot::channel();
    fake.feed(Event::Request(SessionRequest::Execute(CellJob { code: String::new(), cell: cell(), answer })));
    assert!(matches!(answered.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    assert!(!fake.state.is_over());
    fake.feed(Event::Engine(EngineStep::Over));
    assert!(fake.state.is_over());
}
