//! The threads of a run as coroutines, whose stacks are used again from run to run.

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// The stack of a thread, as large as std's. Only pages that are used take memory.
const STACK_SIZE: usize = 2 << 20;

/// The handle that suspends the coroutine of a thread.
pub(crate) type Switch = Yielder<(), ()>;

/// The stacks that no thread has at the moment.
#[derive(Default)]
pub(crate) struct Stacks(Vec<DefaultStack>);

/// The coroutine of a thread. It is not dropped but left as it is, like a thread that sleeps for ever, if it has not
/// ended: its destructors are the user's, and in the state of a deadlock they would wait or panic.
pub(crate) struct Fiber(Option<ManuallyDrop<Coroutine<(), (), ()>>>);

impl Stacks {
    /// A coroutine that will run `body`, which must not panic.
    pub(crate) fn fiber(&mut self, body: impl FnOnce(NonNull<Switch>) + 'static) -> std::io::Result<Fiber> {
        let stack = match self.0.pop() {
            Some(stack) => stack,
            None => DefaultStack::new(STACK_SIZE)?,
        };
        let coroutine = Coroutine::with_stack(stack, move |switch: &Switch, ()| body(NonNull::from(switch)));
        Ok(Fiber(Some(ManuallyDrop::new(coroutine))))
    }
}

impl Fiber {
    /// Goes on until the coroutine is suspended or ends. Returns whether it has ended.
    pub(crate) fn resume(&mut self, stacks: &mut Stacks) -> bool {
        let Some(coroutine) = &mut self.0 else { return true };
        if let CoroutineResult::Yield(()) = coroutine.resume(()) {
            return false;
        }
        if let Some(coroutine) = self.0.take() {
            stacks.0.push(ManuallyDrop::into_inner(coroutine).into_stack());
        }
        true
    }
}
