//! The threads of a process pool: each drives one worker process, sends it tasks, and receives the answers.
//!
//! A task that is sent alone costs two switches between processes. So if a driver's last tasks were short,
//! it sends several at once, up to half of its fair share of the queue: then the other workers have tasks, too,
//! and near the end tasks are sent one by one. Tasks that were sent count as started.
//!
//! If these tasks take long after all, those that the process has not begun go back to the front of the queue,
//! where they can be cancelled again. So no task waits for long behind another one, which might wait for it.
//!
//! A second interrupt ends the tasks that were submitted before the first: each pool stores the times of its interrupts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use threadbook_base::Mutex;
use threadbook_base::fork::Held;
use threadbook_future::TaskError;
use threadbook_future::producer::FutureState;
use threadbook_future::wait::{ThreadData, ThreadNumber};
use threadbook_trace::{Log, Outcome, Recorder, TaskLabel, TaskSpan, Ticks};
use threadbook_worker::{Answer, Call, CodecError, Death, Descriptor, Start, StartError, Stopper, Worker};

use crate::task::Queued;
use crate::workers::{Runner, WorkerPool};

/// If a batch takes longer than this, the next one has fewer tasks.
const SHORT_BATCH: Duration = Duration::from_micros(500);

/// If a process takes longer than this for a batch, the tasks that it has not begun are taken back.
const BATCH_TIMEOUT: Duration = Duration::from_millis(5);

/// Limits of a batch. So many bytes fit into a socket, so the worker need not read while it answers.
const MAX_BATCH: usize = 64;
const MAX_BATCH_BYTES: usize = 32 << 10;

/// The timeline keeps at least this number of processes, and less than twice as many.
const RECORDED_PROCESSES: usize = 256;

/// How a worker process is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartMethod {
    /// As a new process, which loads the program anew.
    #[default]
    Spawn,
    /// As a fork of a process that was started for that, which is faster.
    ForkServer,
}

type Initializer = Box<dyn Fn() -> Result<Call, CodecError> + Send + Sync>;

/// The settings of a process pool.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) start_method: StartMethod,
    pub(super) initializer: Option<Initializer>,
    pub(super) max_tasks_per_child: Option<usize>,
    pub(super) label_output: bool,
}

/// A task that a worker process can run.
pub(crate) trait RemoteJob: Queued {
    fn call(&self) -> &Call;

    fn state(&self) -> &FutureState;

    fn submitted(&self) -> Ticks;

    /// The origin of the task's output.
    fn origin(&self) -> u64;

    /// Completes the future with an encoded value.
    fn finish(self: Box<Self>, value: Vec<u8>, descriptors: Vec<Descriptor>);
}

/// Runs calls in processes.
pub(crate) struct Processes {
    settings: Settings,
    /// The source of processes, once one was started. A forked child replaces the inner lock: a missing thread may hold it.
    start: Mutex<Arc<Mutex<Option<Start>>>>,
    /// The processes, by the number of their driver.
    slots: Mutex<Vec<Slot>>,
    /// The times of the last two interrupts, the last one first.
    interrupts: Mutex<(Ticks, Ticks)>,
    /// The log of the processes. Each may be replaced again and again, so the oldest are dropped.
    pub(crate) recorder: Recorder,
}

/// A process, for other threads than its driver.
#[derive(Default)]
struct Slot {
    stopper: Option<Stopper>,
    /// The submission of the first of its tasks.
    busy_with: Option<Ticks>,
    /// It is ended because of a second interrupt.
    is_ended: bool,
}

impl Processes {
    pub(super) fn new(name: &str, max_workers: usize, settings: Settings) -> Processes {
        let recorder = Recorder::with_max(name, RECORDED_PROCESSES.max(max_workers));
        let (start, slots, interrupts) = Default::default();
        Processes { settings, start, slots, interrupts, recorder }
    }

    /// Ends the processes that run tasks from before the last interrupt, and stores the time of this one.
    pub(super) fn interrupt(&self) {
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

    /// Whether there were two interrupts after a task was submitted.
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
        let start = Arc::clone(&self.start.lock());
        // Held while a fork server is started, so that there is only one.
        let mut start = start.lock();
        if start.is_none() {
            *start = Some(match self.settings.start_method {
                StartMethod::Spawn => Start::spawn(),
                StartMethod::ForkServer => Start::fork_server()?,
            });
        }
        Ok(start.clone().unwrap_or(Start::Spawn))
    }
}

impl Runner for Processes {
    type Job = dyn RemoteJob;

    fn work(pool: &Arc<WorkerPool<Self>>, number: usize) -> usize {
        let thread = ThreadData::become_worker(format!("worker {number}"), pool.id, None).id;
        let mut driver = Driver { pool, number, thread, process: None, batch: 1 };
        loop {
            match pool.queue.pop(|| (), |job| job.set_runner(thread)) {
                Ok(job) => driver.run(job),
                Err(left) => {
                    driver.finish_process();
                    return left;
                }
            }
        }
    }

    fn abort(pool: &WorkerPool<Self>) {
        for slot in pool.runner.slots.lock().iter() {
            slot.stopper.iter().for_each(Stopper::stop);
        }
    }

    fn hold<'a>(&'a self, held: &mut Vec<Box<dyn Held + 'a>>) {
        held.push(Box::new(self.start.lock()));
        held.push(Box::new(self.slots.lock()));
        held.push(Box::new(self.interrupts.lock()));
        held.push(Box::new(self.recorder.hold()));
    }

    fn after_fork_in_child(&self) {
        // The processes are children of the parent: it ends them, or has died and took them along.
        self.slots.lock().clear();
        std::mem::forget(std::mem::take(&mut *self.start.lock()));
    }
}

/// One thread and its process.
struct Driver<'a> {
    pool: &'a Arc<WorkerPool<Processes>>,
    number: usize,
    thread: ThreadNumber,
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

impl Driver<'_> {
    /// Runs a task, and perhaps some of those behind it.
    fn run(&mut self, first: Box<dyn RemoteJob>) {
        self.pool.runner.with_slot(self.number, |slot| slot.busy_with = Some(first.submitted()));
        self.run_batch(first);
        let is_ended = self.pool.runner.with_slot(self.number, |slot| {
            slot.busy_with = None;
            std::mem::take(&mut slot.is_ended)
        });
        let max_tasks = self.pool.runner.settings.max_tasks_per_child.unwrap_or(usize::MAX);
        if is_ended || self.process.as_ref().is_some_and(|process| process.tasks >= max_tasks) {
            self.finish_process();
        }
    }

    fn run_batch(&mut self, first: Box<dyn RemoteJob>) {
        if self.pool.runner.is_interrupted(first.submitted()) {
            return first.fail(TaskError::Interrupted);
        }
        if let Err(reason) = self.start() {
            if self.is_ended() {
                return first.fail(TaskError::Interrupted);
            }
            // Before the task fails: a caller that submits again on the error must find a broken pool.
            self.pool.break_up(reason);
        }
        if self.pool.is_broken() {
            return first.fail(self.pool.breakage());
        }
        let (batch, lent) = self.gather(first);
        if batch.is_empty() {
            return self.pool.queue.keep(lent);
        }
        let (count, started) = (batch.len(), Instant::now());
        let result = self.exchange_or_put_back(batch, lent);
        let took = started.elapsed();
        self.batch = if took > SHORT_BATCH { (self.batch / 4).max(1) } else { (count * 2).min(MAX_BATCH) };
        if let Err((death, unfinished)) = result {
            self.reap(death, unfinished);
        }
    }

    /// Whether a second interrupt ends the process.
    fn is_ended(&self) -> bool {
        self.pool.runner.with_slot(self.number, |slot| slot.is_ended)
    }

    /// Starts a process, if there is none and the pool is not broken.
    fn start(&mut self) -> Result<(), String> {
        if self.process.is_some() || self.pool.is_broken() {
            return Ok(());
        }
        let settings = &self.pool.runner.settings;
        let start = self.pool.runner.start().map_err(|error| error.to_string())?;
        let start_worker = if settings.label_output { Worker::start_labelled } else { Worker::start };
        let mut started = start_worker(&start);
        if started.is_err() && settings.start_method == StartMethod::ForkServer {
            // The fork server may have been killed. Another one can be started.
            let lost = std::mem::take(&mut *self.pool.runner.start.lock());
            drop(lost);
            started = start_worker(&self.pool.runner.start().map_err(|error| error.to_string())?);
        }
        let mut worker = started.map_err(|error| error.to_string())?;
        let pid = worker.pid();
        let stopper = worker.stopper().map_err(|error| error.to_string())?;
        self.pool.runner.with_slot(self.number, |slot| slot.stopper = Some(stopper));
        if self.is_ended() || self.pool.is_broken() {
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
        let log = self.pool.runner.recorder.add(format!("pid {pid}"));
        self.process = Some(Process { worker, log, tasks: 0 });
        Ok(())
    }

    /// The tasks to send next, which count as running from now on, without the cancelled ones. Returns also how many of them the
    /// queue has lent.
    fn gather(&self, first: Box<dyn RemoteJob>) -> (VecDeque<Sent>, usize) {
        let left = self.pool.runner.settings.max_tasks_per_child.zip(self.process.as_ref());
        let left = left.map_or(usize::MAX, |(max_tasks, process)| max_tasks - process.tasks);
        let (mut bytes, origin) = (first.call().size(), first.origin());
        let (mut batch, mut lent) = (VecDeque::new(), 0);
        let mut next = Some(first);
        while let Some(job) = next {
            let label = job.state().header().label;
            if job.state().start() {
                batch.push_back(Sent { job, label, at: Ticks::now() });
            }
            next = self.pool.queue.pop_if(
                |job, waiting| {
                    bytes += job.call().size();
                    let share = (waiting / (2 * self.pool.max_workers)).max(1);
                    let max_batch = self.batch.min(share).min(left).max(1);
                    batch.len() < max_batch && bytes <= MAX_BATCH_BYTES && job.origin() == origin
                },
                |job| job.set_runner(self.thread),
            );
            lent += usize::from(next.is_some());
        }
        (batch, lent)
    }

    /// Runs tasks, and puts those back that the process does not begin in time. If the process dies, returns how, and the
    /// tasks that are not done.
    fn exchange_or_put_back(
        &mut self,
        batch: VecDeque<Sent>,
        mut lent: usize,
    ) -> Result<(), (Death, VecDeque<Sent>)> {
        let pool = self.pool;
        let result = self.exchange(batch, |jobs| {
            lent -= jobs.len();
            for job in pool.queue.put_back(jobs, |job| job.state().put_back()) {
                if pool.is_broken() {
                    job.fail(pool.breakage());
                } else {
                    job.cancel();
                }
            }
        });
        if lent > 0 {
            pool.queue.keep(lent);
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
        let deadline = Instant::now() + BATCH_TIMEOUT;
        let mut put_back = Some(put_back);
        loop {
            if batch.len() > 1
                && !process.worker.has_answer_within(deadline.saturating_duration_since(Instant::now()))
            {
                // After the first answer, the next call may not have begun, either.
                let late = batch.split_off(batch.len() - process.worker.take_back().min(batch.len()));
                if let Some(put_back) = put_back.take() {
                    put_back(late.into_iter().map(|sent| sent.job).collect());
                }
            }
            let Some(Sent { job, label, at }) = batch.pop_front() else { return Ok(()) };
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
            let log = |started, finished, outcome| {
                process.log.finished(TaskSpan { task: label, submitted, started, finished, outcome });
            };
            match answer {
                Answer::Returned { started, finished, value, descriptors } => {
                    log(started, finished, Outcome::Returned);
                    job.finish(value, descriptors);
                }
                Answer::Panicked { started, finished, message, location } => {
                    log(started, finished, Outcome::Panicked);
                    job.fail(TaskError::Panicked { message, location, task: label.to_string() });
                }
                Answer::Failed(reason) => {
                    log(at, Ticks::now(), Outcome::Panicked);
                    job.fail(TaskError::from_error(reason));
                }
            }
        }
    }

    /// Fails the tasks of a process that has died. If an interrupt ended it, its tasks are interrupted and the next task
    /// gets a new process; else the pool is broken.
    fn reap(&mut self, death: Death, unfinished: VecDeque<Sent>) {
        let Some(process) = self.process.take() else { return };
        let by_interrupt = self.pool.runner.with_slot(self.number, std::mem::take).is_ended;
        if let Some(Sent { job, label: task, at: started }) = unfinished.front() {
            let (task, started, submitted) = (*task, *started, job.submitted());
            let (finished, outcome) = (Ticks::now(), Outcome::Panicked);
            process.log.finished(TaskSpan { task, submitted, started, finished, outcome });
        }
        let error = if by_interrupt {
            TaskError::Interrupted
        } else if self.pool.is_broken() {
            self.pool.breakage()
        } else {
            let pid = process.worker.pid();
            let task = unfinished.front().map(|sent| format!(" while it ran `{}`", sent.label));
            let reason = format!("process {pid} {death}{}", task.unwrap_or_default());
            self.pool.break_up(reason);
            self.pool.breakage()
        };
        for sent in unfinished {
            sent.job.fail(error.clone());
        }
    }

    /// Asks the process to end, and waits for that.
    fn finish_process(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.worker.finish();
            self.pool.runner.with_slot(self.number, |slot| *slot = Slot::default());
        }
    }
}
