//! The threads of a process pool: each keeps one worker process, gives it tasks, and reads its answers.
//!
//! A task costs two switches between processes if it is sent alone. So when a keeper's last tasks were short,
//! it takes several at once, up to half of its fair share of those that wait: then the other workers are not
//! left without, and near the end tasks go out one by one. What is sent counts as started.
//!
//! If those tasks turn out not to be short, all that the process has not begun go back to the front of the queue,
//! where they can be cancelled again. So none waits for long behind another one, which might wait for it.
//!
//! A second interrupt ends what was submitted before the first: each pool notes when it was interrupted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use threadbook_trace::sync::Mutex;
use threadbook_trace::{Log, Outcome, Recorder, TaskLabel, TaskSpan, Ticks};
use threadbook_worker::{Answer, Call, Death, Descriptor, Start, StartError, Stopper, Worker};

use crate::agent::{Agent, AgentId};
use crate::crew::{Craft, Crew};
use crate::error::TaskError;
use crate::process_builder::{ProcessPoolBuilder, StartMethod};
use crate::state::State;
use crate::task::Queued;

/// A batch that takes longer than this is made of fewer tasks the next time.
const SHORT: Duration = Duration::from_micros(500);

/// A process that takes longer than this for a batch is relieved of what it has not begun.
const PATIENCE: Duration = Duration::from_millis(5);

/// As many tasks, and bytes, as may be sent at once. So many bytes fit into a socket, so the worker need not
/// read while it answers.
const MOST_TASKS: usize = 64;
const MOST_BYTES: usize = 32 << 10;

/// The timeline has as many processes at least, and less than twice as many at most.
const MOST_RECORDED: usize = 256;

/// Something that a worker process can run.
pub(crate) trait RemoteJob: Queued {
    fn call(&self) -> &Call;

    fn state(&self) -> &State;

    fn submitted(&self) -> Ticks;

    /// What the task prints is printed for this.
    fn origin(&self) -> u64;

    /// Completes the future with the value that these bytes are.
    fn finish(self: Box<Self>, value: Vec<u8>, descriptors: Vec<Descriptor>);
}

/// Has calls run in processes.
pub(crate) struct Processes {
    settings: ProcessPoolBuilder,
    /// How processes are started, once one was.
    start: Mutex<Option<Start>>,
    /// The processes, by the number of their keeper.
    slots: Mutex<Vec<Slot>>,
    /// When the last interrupt came, and the one before.
    interrupts: Mutex<(Ticks, Ticks)>,
    /// What the processes did. Each may be replaced again and again, so the oldest are forgotten.
    pub(crate) recorder: Recorder,
}

/// A process as other threads see it.
#[derive(Default)]
struct Slot {
    stopper: Option<Stopper>,
    /// When the first of the tasks that it has was submitted.
    busy_with: Option<Ticks>,
    /// It is ended because of a second interrupt.
    is_ended: bool,
}

impl Processes {
    pub(crate) fn new(name: &str, most: usize, settings: ProcessPoolBuilder) -> Processes {
        let recorder = Recorder::with_most(name, MOST_RECORDED.max(most));
        let (start, slots, interrupts) = Default::default();
        Processes { settings, start, slots, interrupts, recorder }
    }

    /// Notes an interrupt; ends processes that run tasks from before the last one.
    pub(crate) fn interrupt(&self) {
        let mut interrupts = self.interrupts.lock();
        *interrupts = (Ticks::now(), interrupts.0);
        drop(interrupts);
        for slot in self.slots.lock().iter_mut() {
            if slot.busy_with.is_some_and(|submitted| self.is_interrupted(submitted)) {
                slot.is_ended = true;
                slot.stopper.iter().for_each(Stopper::stop);
            }
        }
    }

    /// Whether two interrupts came after a task was submitted.
    fn is_interrupted(&self, submitted: Ticks) -> bool {
        submitted <= self.interrupts.lock().1
    }

    fn with_slot<R>(&self, number: usize, change: impl FnOnce(&mut Slot) -> R) -> R {
        let mut slots = self.slots.lock();
        if slots.len() <= number {
            slots.resize_with(number + 1, Slot::default);
        }
        change(&mut slots[number])
    }

    fn start(&self) -> Result<Start, StartError> {
        let mut start = self.start.lock();
        if start.is_none() {
            *start = Some(match self.settings.start_method {
                StartMethod::Spawn => Start::spawn(),
                StartMethod::ForkServer => Start::fork_server()?,
            });
        }
        Ok(start.clone().unwrap_or(Start::Spawn))
    }
}

impl Craft for Processes {
    type Job = dyn RemoteJob;

    fn work(crew: &Arc<Crew<Self>>, number: usize) -> usize {
        let agent = Agent::become_worker(format!("worker {number}"), crew.id, None).id;
        let mut keeper = Keeper { crew, number, agent, process: None, batch: 1 };
        loop {
            match crew.queue.pop(|| ()) {
                Ok(job) => keeper.work_on(job),
                Err(left) => {
                    keeper.let_go();
                    return left;
                }
            }
        }
    }

    fn abort(crew: &Crew<Self>) {
        for slot in crew.craft.slots.lock().iter() {
            slot.stopper.iter().for_each(Stopper::stop);
        }
    }

    fn in_copy(&self) {
        // They are another process's children: it ends them, or has died and took them along.
        self.slots.lock().clear();
        std::mem::forget(self.start.lock().take());
    }
}

/// One thread and its process.
struct Keeper<'a> {
    crew: &'a Arc<Crew<Processes>>,
    number: usize,
    agent: AgentId,
    process: Option<Process>,
    /// How many tasks to send at once.
    batch: usize,
}

struct Process {
    worker: Worker,
    log: Arc<Log>,
    tasks: usize,
}

/// A task that was sent.
struct Sent {
    job: Box<dyn RemoteJob>,
    label: TaskLabel,
    at: Ticks,
}

impl Keeper<'_> {
    /// Has a task run, and perhaps some of those behind it.
    fn work_on(&mut self, first: Box<dyn RemoteJob>) {
        self.crew.craft.with_slot(self.number, |slot| slot.busy_with = Some(first.submitted()));
        self.attend_to(first);
        let is_ended = self.crew.craft.with_slot(self.number, |slot| {
            slot.busy_with = None;
            std::mem::take(&mut slot.is_ended)
        });
        let most = self.crew.craft.settings.max_tasks_per_child.unwrap_or(usize::MAX);
        if is_ended || self.process.as_ref().is_some_and(|process| process.tasks >= most) {
            self.let_go();
        }
    }

    fn attend_to(&mut self, first: Box<dyn RemoteJob>) {
        if self.crew.craft.is_interrupted(first.submitted()) {
            return first.give_up(TaskError::Interrupted);
        }
        if let Err(reason) = self.start() {
            if self.is_ended() {
                return first.give_up(TaskError::Interrupted);
            }
            // First of all: who sees the error and submits at once must not get a worker that this would end.
            self.crew.break_up(reason);
        }
        if self.crew.is_broken() {
            return first.give_up(self.crew.breakage());
        }
        let (batch, lent) = self.gather(first);
        if batch.is_empty() {
            return self.crew.queue.keep(lent);
        }
        let (count, started) = (batch.len(), Instant::now());
        let result = self.have_run(batch, lent);
        let took = started.elapsed();
        self.batch = if took > SHORT { (self.batch / 4).max(1) } else { (count * 2).min(MOST_TASKS) };
        if let Err((death, unfinished)) = result {
            self.bury(death, unfinished);
        }
    }

    /// Whether a second interrupt has ended the process, or is to.
    fn is_ended(&self) -> bool {
        self.crew.craft.with_slot(self.number, |slot| slot.is_ended)
    }

    /// Starts a process, if there is none and the pool is not broken.
    fn start(&mut self) -> Result<(), String> {
        if self.process.is_some() || self.crew.is_broken() {
            return Ok(());
        }
        let settings = &self.crew.craft.settings;
        let start = self.crew.craft.start().map_err(|error| error.to_string())?;
        let start_worker = if settings.label_output { Worker::start_labelled } else { Worker::start };
        let mut started = start_worker(&start);
        if started.is_err() && settings.start_method == StartMethod::ForkServer {
            // It may have been killed. Another one can be started.
            *self.crew.craft.start.lock() = None;
            started = start_worker(&self.crew.craft.start().map_err(|error| error.to_string())?);
        }
        let mut worker = started.map_err(|error| error.to_string())?;
        let pid = worker.pid();
        let stopper = worker.stopper().map_err(|error| error.to_string())?;
        self.crew.craft.with_slot(self.number, |slot| slot.stopper = Some(stopper));
        if self.is_ended() || self.crew.is_broken() {
            return Err(format!("process {pid} is not wanted any more"));
        }
        if let Some(initializer) = &settings.initializer {
            let call = initializer().map_err(|error| error.to_string())?;
            match worker.send(&[&call]).and_then(|()| worker.receive()) {
                Ok(Answer::Returned { .. }) => {}
                Ok(Answer::Panicked { message, location, .. }) => {
                    let task = "the initializer".to_owned();
                    return Err(TaskError::Panicked { message, location, task }.to_string());
                }
                Ok(Answer::Failed(reason)) => {
                    return Err(format!("the initializer could not be run: {reason}"));
                }
                Err(death) => return Err(format!("process {pid} {death} in the initializer")),
            }
        }
        let log = self.crew.craft.recorder.add(format!("pid {pid}"));
        self.process = Some(Process { worker, log, tasks: 0 });
        Ok(())
    }

    /// The tasks to send next, which begin to count as running; those that were cancelled are left out. Says as
    /// well how many of them the queue has lent.
    fn gather(&self, first: Box<dyn RemoteJob>) -> (VecDeque<Sent>, usize) {
        let left = self.crew.craft.settings.max_tasks_per_child.zip(self.process.as_ref());
        let left = left.map_or(usize::MAX, |(most, process)| most - process.tasks);
        let (mut bytes, origin) = (first.call().size(), first.origin());
        let (mut batch, mut lent) = (VecDeque::new(), 0);
        let mut next = Some(first);
        while let Some(job) = next {
            let header = job.state().header();
            header.set_runner(self.agent);
            let label = header.label;
            if job.state().start() {
                batch.push_back(Sent { job, label, at: Ticks::now() });
            }
            next = self.crew.queue.pop_if(|job, waiting| {
                bytes += job.call().size();
                let share = (waiting / (2 * self.crew.most)).max(1);
                let most = self.batch.min(share).min(left).max(1);
                batch.len() < most && bytes <= MOST_BYTES && job.origin() == origin
            });
            lent += usize::from(next.is_some());
        }
        (batch, lent)
    }

    /// Has tasks run, and puts back what takes too long to be begun. If the process dies, tells how, and gives
    /// those back that are not done.
    fn have_run(&mut self, batch: VecDeque<Sent>, mut lent: usize) -> Result<(), (Death, VecDeque<Sent>)> {
        let crew = self.crew;
        let result = self.exchange(batch, |jobs| {
            lent -= jobs.len();
            for job in crew.queue.put_back(jobs) {
                if crew.is_broken() {
                    job.give_up(crew.breakage());
                } else {
                    job.cancel();
                }
            }
        });
        if lent > 0 {
            crew.queue.keep(lent);
        }
        result
    }

    /// Sends tasks and completes them as the answers come.
    fn exchange(
        &mut self,
        mut batch: VecDeque<Sent>,
        put_back: impl FnOnce(Vec<Box<dyn RemoteJob>>),
    ) -> Result<(), (Death, VecDeque<Sent>)> {
        let Some(process) = &mut self.process else { return Err((Death::Unknown, batch)) };
        batch.iter().take(1).for_each(|sent| process.worker.set_origin(sent.job.origin()));
        let calls: Vec<&Call> = batch.iter().map(|sent| sent.job.call()).collect();
        if let Err(death) = process.worker.send(&calls) {
            return Err((death, batch));
        }
        let patience = Instant::now() + PATIENCE;
        let mut put_back = Some(put_back);
        while let Some(Sent { job, label, at }) = batch.pop_front() {
            if !batch.is_empty()
                && !process.worker.has_answer_within(patience.saturating_duration_since(Instant::now()))
            {
                let late = batch.split_off(batch.len() - process.worker.take_back().min(batch.len()));
                late.iter().for_each(|sent| sent.job.state().put_back());
                if let Some(put_back) = put_back.take() {
                    put_back(late.into_iter().map(|sent| sent.job).collect());
                }
            }
            process.log.started(label, job.submitted(), at);
            let answer = match process.worker.receive() {
                Ok(answer) => answer,
                Err(death) => {
                    batch.push_front(Sent { job, label, at });
                    return Err((death, batch));
                }
            };
            process.tasks += 1;
            let submitted = job.submitted();
            let note = |started, finished, outcome| {
                process.log.finished(TaskSpan { task: label, submitted, started, finished, outcome });
            };
            match answer {
                Answer::Returned { started, finished, value, descriptors } => {
                    note(started, finished, Outcome::Returned);
                    job.finish(value, descriptors);
                }
                Answer::Panicked { started, finished, message, location } => {
                    note(started, finished, Outcome::Panicked);
                    job.give_up(TaskError::Panicked { message, location, task: label.to_string() });
                }
                Answer::Failed(reason) => {
                    note(at, Ticks::now(), Outcome::Panicked);
                    job.give_up(TaskError::from_error(reason));
                }
            }
        }
        Ok(())
    }

    /// The process has died. If it was ended by an interrupt, its tasks are interrupted and the next task
    /// gets a new process; else the pool is broken.
    fn bury(&mut self, death: Death, unfinished: VecDeque<Sent>) {
        let Some(process) = self.process.take() else { return };
        let by_interrupt = self.crew.craft.with_slot(self.number, std::mem::take).is_ended;
        if let Some(Sent { job, label: task, at: started }) = unfinished.front() {
            let (task, started, submitted) = (*task, *started, job.submitted());
            let (finished, outcome) = (Ticks::now(), Outcome::Panicked);
            process.log.finished(TaskSpan { task, submitted, started, finished, outcome });
        }
        let error = if by_interrupt {
            TaskError::Interrupted
        } else if self.crew.is_broken() {
            self.crew.breakage()
        } else {
            let pid = process.worker.pid();
            let task = unfinished.front().map(|sent| format!(" while it ran `{}`", sent.label));
            let reason = format!("process {pid} {death}{}", task.unwrap_or_default());
            self.crew.break_up(reason);
            self.crew.breakage()
        };
        for sent in unfinished {
            sent.job.give_up(error.clone());
        }
    }

    /// Ends the process in good order.
    fn let_go(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.worker.finish();
            self.crew.craft.with_slot(self.number, |slot| *slot = Slot::default());
        }
    }
}
