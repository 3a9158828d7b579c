//! Which threads can go on, and the choice between them.

use std::panic::Location;

use threadbook_base::interrupt::is_interrupted;

use super::object::{Kind, Object, ObjectId, TaskId};
use super::operation::{Operation, Wait, mix};
use super::state::{Ended, RawStep, Run, Settings, Task};
use crate::search::{Candidate, Footprint, Point, Strategy};

/// So many times in a row a thread may see that nothing has changed before it counts as one that waits in a loop.
const MAX_SPINS: u32 = 3;

/// So many steps in a row a thread may take while others could, before it has to let them.
const MAX_STEPS_IN_A_ROW: usize = 200;

/// So often in steps an interrupt is looked for.
const STEPS_BETWEEN_LOOKS: usize = 64;

impl Run {
    pub(crate) fn new(number: u32, strategy: Box<dyn Strategy>, settings: &Settings) -> Run {
        Run {
            number,
            tasks: Vec::new(),
            objects: Vec::new(),
            current: 0,
            ended: None,
            unwinding: None,
            strategy: Some(strategy),
            choices: Vec::new(),
            switches: 0,
            steps: 0,
            steps_in_a_row: 0,
            max_steps: settings.max_steps,
            was_unfair: false,
            was_cut: false,
            footprint: Footprint::default(),
            to_start: None,
            record: settings.is_recorded.then(Vec::new),
            weak: settings.has_notes.then(Default::default),
            digest: 0,
            next_is_switch: false,
            place: settings.place,
            progress: settings.progress.clone(),
            statics: Vec::new(),
            able: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Adds an object.
    pub(crate) fn add(&mut self, object: Object) -> ObjectId {
        self.objects.push(object);
        self.objects.len() - 1
    }

    pub(super) fn new_task(&mut self, name: Option<String>, made: &'static Location<'static>) -> TaskId {
        let object = self.add(Object::new(Kind::Thread, made));
        self.tasks.push(Task {
            name,
            object,
            is_finished: false,
            has_token: false,
            next: None,
            is_starting: true,
            after: Vec::new(),
            seen: Vec::new(),
            switch: None,
            locals: Vec::new(),
        });
        self.tasks.len() - 1
    }

    /// The name of a thread for people.
    pub(crate) fn thread_name(&self, task: TaskId) -> String {
        self.tasks[task].name.clone().unwrap_or_else(|| format!("thread {task}"))
    }

    /// Whether the stack of this thread is unwound.
    pub(crate) fn is_unwinding(&mut self, me: TaskId, is_panicking: bool) -> bool {
        if !is_panicking {
            self.unwinding = None;
        }
        is_panicking && *self.unwinding.get_or_insert(me) == me
    }

    /// Notes the next operation of the current thread, and chooses the thread that goes on. Returns the current
    /// thread, and whether it has to wait until it is chosen.
    pub(super) fn announce(
        &mut self,
        announce: impl FnOnce(&mut Run) -> Result<Operation, String>,
        is_panicking: bool,
    ) -> (TaskId, bool) {
        let me = self.current;
        match announce(self) {
            Ok(operation) => self.tasks[me].next = Some(operation),
            Err(reason) => {
                self.ended.get_or_insert(Ended::Refused(reason));
                return (me, true);
            }
        }
        if self.tasks[me].is_starting {
            return (me, true);
        }
        // A destructor during a panic gives no choice, unless it has to wait.
        if self.is_unwinding(me, is_panicking) && self.is_able(me) {
            return (me, false);
        }
        self.decide();
        (me, self.ended.is_some() || self.current != me)
    }

    /// Carries out the operation that the current thread has announced.
    pub(super) fn carry_out<R>(&mut self, effect: impl FnOnce(&mut Run, bool) -> R) -> R {
        let me = self.current;
        let Some(operation) = self.tasks[me].next.take() else {
            unreachable!("a thread that is resumed has announced an operation")
        };
        for task in &mut self.tasks {
            task.after.retain(|other| *other != me);
        }
        self.carry_out_now(me, operation, effect)
    }

    /// Carries out an operation within the current step.
    pub(super) fn carry_out_now<R>(
        &mut self,
        me: TaskId,
        operation: Operation,
        effect: impl FnOnce(&mut Run, bool) -> R,
    ) -> R {
        let timed_out = !self.is_satisfied(me, &operation);
        self.digest = mix(mix(self.digest, me as u64), operation.shape());
        self.touch(operation.object, operation.is_write);
        if let Wait::Notified { lock } = operation.wait {
            self.touch(lock, true);
        }
        let is_switch = std::mem::take(&mut self.next_is_switch);
        if self.record.is_none() {
            return self.note_wait_in_a_loop(me, &operation, timed_out, effect);
        }
        let able: Vec<bool> = (0..self.tasks.len()).map(|task| self.is_able(task)).collect();
        let place = operation.clone();
        let result = self.note_wait_in_a_loop(me, &operation, timed_out, effect);
        let wakes =
            (0..able.len()).filter(|task| *task != me && !able[*task] && self.is_able(*task)).collect();
        let outcome = self.objects[place.object].outcome.take().or(timed_out.then(|| "timed out".to_owned()));
        let states = (0..self.objects.len()).filter_map(|id| Some((id, self.state_of(id)?))).collect();
        let step = RawStep { task: me, operation: place, outcome, wakes, is_switch, states };
        self.record.get_or_insert_default().push(step);
        result
    }

    /// Carries out an effect. A thread that sees again and again that nothing has changed, or whose time-out has ended
    /// its wait, lets all others go first.
    fn note_wait_in_a_loop<R>(
        &mut self,
        me: TaskId,
        operation: &Operation,
        timed_out: bool,
        effect: impl FnOnce(&mut Run, bool) -> R,
    ) -> R {
        let before = self.objects[operation.object].version;
        let result = effect(self, timed_out);
        let after = self.objects[operation.object].version;
        if timed_out {
            self.let_others_go_first(me);
        } else if before == after && !operation.is_write {
            let place = std::ptr::from_ref(operation.place).addr();
            let seen = &mut self.tasks[me].seen;
            match seen.iter_mut().find(|(at, object, ..)| (*at, *object) == (place, operation.object)) {
                Some((_, _, version, count)) if *version == after => {
                    *count += 1;
                    if *count >= MAX_SPINS {
                        self.let_others_go_first(me);
                    }
                }
                Some(entry) => (entry.2, entry.3) = (after, 0),
                None => seen.push((place, operation.object, after, 0)),
            }
        }
        result
    }

    /// Notes that the current step has read or changed an object.
    pub(crate) fn touch(&mut self, object: ObjectId, is_write: bool) {
        self.footprint.add(object, is_write);
        if is_write {
            self.objects[object].version += 1;
        }
    }

    /// A thread that yields at a place for the first time goes on, as it may; from the second time on it waits in a loop.
    pub(crate) fn yield_at(&mut self, place: &'static Location<'static>) {
        let (me, place) = (self.current, std::ptr::from_ref(place).addr());
        let object = self.tasks[me].object;
        if self.tasks[me].seen.iter().any(|(at, ..)| *at == place) {
            self.let_others_go_first(me);
        } else {
            self.tasks[me].seen.push((place, object, 0, 0));
        }
    }

    /// Has a thread wait until each of the others that can go on has taken a step.
    pub(crate) fn let_others_go_first(&mut self, me: TaskId) {
        let others: Vec<_> =
            (0..self.tasks.len()).filter(|task| *task != me && self.is_able(*task)).collect();
        if !others.is_empty() {
            self.was_unfair = true;
            self.tasks[me].after = others;
        }
    }

    /// Keeps the outcome of an operation, as text. It is made only if the run is recorded.
    pub(crate) fn say(&mut self, object: ObjectId, text: impl FnOnce() -> String) {
        if self.record.is_some() {
            self.objects[object].outcome = Some(text());
        }
    }

    /// Notes the end of a thread.
    pub(super) fn finish(&mut self, task: TaskId) {
        let object = self.tasks[task].object;
        self.tasks[task].is_finished = true;
        self.tasks[task].next = None;
        self.touch(object, true);
        if let Some(record) = &mut self.record
            && self.ended.is_none()
        {
            let made = self.objects[object].made;
            let operation = Operation::on(object, "ends", made);
            let wakes = (0..self.tasks.len()).filter(|id| {
                let next = self.tasks[*id].next.as_ref();
                next.is_some_and(|next| next.wait == Wait::End(task))
            });
            let wakes = wakes.collect();
            record.push(RawStep { wakes, ..RawStep::of(task, operation) });
        }
    }

    /// Whether a thread can take a step.
    fn is_able(&self, task: TaskId) -> bool {
        let next = self.tasks[task].next.as_ref();
        next.is_some_and(|next| self.is_satisfied(task, next) || next.has_time_out && self.may_time_out(next))
    }

    /// A wait with a time-out still ends with the lock.
    fn may_time_out(&self, operation: &Operation) -> bool {
        match operation.wait {
            Wait::Notified { lock } => self.objects[lock].is_free(),
            _ => true,
        }
    }

    fn is_satisfied(&self, task: TaskId, operation: &Operation) -> bool {
        let object = &self.objects[operation.object];
        match operation.wait {
            Wait::Nothing => true,
            Wait::Lock => object.is_free(),
            Wait::Read => object.holder.is_none(),
            Wait::Notified { lock } => object.has_signal_for(task) && self.objects[lock].is_free(),
            Wait::End(task) => self.tasks[task].is_finished,
            Wait::Token => self.tasks[task].has_token,
            Wait::Message => object.count > 0 || object.is_closed,
            Wait::Room => object.count < object.capacity.max(1) || object.is_closed,
            Wait::Taken(count) => object.generation >= count || object.is_closed,
            Wait::Turn(generation) => object.generation != generation,
            Wait::Initialised => object.holder.is_none(),
        }
    }

    /// Has the strategy choose the thread that goes on.
    pub(super) fn decide(&mut self) {
        let mut able = std::mem::take(&mut self.able);
        able.clear();
        able.extend((0..self.tasks.len()).filter(|task| self.is_able(*task)));
        if able.is_empty() {
            if self.tasks.iter().any(|task| !task.is_finished) {
                self.ended = Some(Ended::Deadlock(self.waits()));
            }
            return;
        }
        self.steps += 1;
        if self.steps > self.max_steps {
            self.ended = Some(Ended::TooManySteps(self.max_steps));
            return;
        }
        if self.steps.is_multiple_of(STEPS_BETWEEN_LOOKS) && is_interrupted() {
            self.ended = Some(Ended::Interrupted);
            return;
        }
        if self.steps_in_a_row >= MAX_STEPS_IN_A_ROW && able.len() > 1 {
            self.was_cut = true;
            self.steps_in_a_row = 0;
            self.let_others_go_first(self.current);
        }
        let has_to_wait = |task: &TaskId| self.tasks[*task].after.iter().any(|other| able.contains(other));
        let candidate =
            |&task: &TaskId| Some(Candidate { task, mark: self.tasks[task].next.as_ref()?.mark() });
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        candidates.extend(able.iter().filter(|task| !has_to_wait(task)).filter_map(candidate));
        if candidates.is_empty() {
            candidates.extend(able.iter().filter_map(candidate));
        }
        let current =
            candidates.iter().any(|candidate| candidate.task == self.current).then_some(self.current);
        let point =
            Point { candidates: &candidates, current, switches: self.switches, footprint: &self.footprint };
        let Some(strategy) = &mut self.strategy else { return };
        let Some(chosen) = strategy.choose(&point) else {
            self.ended = Some(Ended::Strayed);
            return;
        };
        self.footprint.clear();
        self.progress.note(chosen, self.tasks[chosen].next.as_ref().map(|next| next.place));
        if candidates.len() > 1 {
            self.choices.push(chosen);
        }
        self.next_is_switch = current.is_some_and(|current| current != chosen);
        self.switches += usize::from(self.next_is_switch);
        self.steps_in_a_row = if chosen == self.current { self.steps_in_a_row + 1 } else { 0 };
        self.current = chosen;
        (self.able, self.candidates) = (able, candidates);
    }

    /// The state of an object for people, if it has one to show.
    fn state_of(&self, id: ObjectId) -> Option<String> {
        let object = &self.objects[id];
        let names = |tasks: &[TaskId]| {
            tasks.iter().map(|task| self.thread_name(*task)).collect::<Vec<_>>().join(", ")
        };
        Some(match object.kind {
            Kind::Mutex | Kind::RwLock => match (object.holder, &object.readers[..]) {
                (Some(holder), _) => self.thread_name(holder),
                (None, []) => "free".into(),
                (None, readers) => format!("read by {}", names(readers)),
            },
            Kind::Condvar if object.waiters.is_empty() => "–".into(),
            Kind::Condvar => format!("{} waits", names(&object.waiters)),
            Kind::Channel => object.count.to_string(),
            Kind::Barrier => format!("{} of {}", object.count, object.capacity),
            Kind::Atomic => object.value.clone()?,
            Kind::Once => match (object.holder, object.is_closed) {
                (Some(holder), _) => self.thread_name(holder),
                (None, true) => "done".into(),
                (None, false) => "–".into(),
            },
            Kind::Thread => return None,
        })
    }
}
