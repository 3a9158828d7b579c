//! The interrupt, which is one of the whole process. So this test has a process of its own.

use crate::common::{LONG, alone, exists, wait_until};
use threadbook_executor::{TaskError, clear_interrupt, interrupt};
use threadbook_multiprocessing::{
    Barrier, BoundedSemaphore, Condition, Event, Lock, Pipe, Process, Queue, RLock, Semaphore,
};

type Wait = Box<dyn FnOnce() -> Result<(), TaskError> + Send>;

fn wait_for<T: Send + 'static>(
    what: T,
    wait: impl FnOnce(&T) -> Result<(), TaskError> + Send + 'static,
) -> Wait {
    Box::new(move || wait(&what))
}

#[test]
fn every_wait_ends_and_everything_stays_usable() {
    if !alone("interrupt::every_wait_ends_and_everything_stays_usable") {
        return;
    }
    let (lock, rlock, holds, let_go) = (Lock::new(), RLock::new(), Event::new(), Event::new());
    let hold = |(lock, rlock, holds, let_go): (Lock, RLock, Event, Event)| {
        let _guards = (lock.lock()?, rlock.lock()?);
        holds.set();
        let_go.wait()
    };
    let args = (lock.clone(), rlock.clone(), holds.clone(), let_go.clone());
    let holder = Process::spawn(hold, args).unwrap();
    assert_eq!(holds.wait_timeout(LONG), Ok(true));
    let (empty, full) = (Queue::<u8>::new(), Queue::bounded(1));
    full.put(1_u8).unwrap();
    // Nobody sends, and nobody receives.
    let (here, _there) = Pipe::new::<Vec<u8>, u8>();
    let (event, condition, own) = (Event::new(), Condition::new(), Lock::new());
    let (semaphore, bounded, barrier) = (Semaphore::new(0), BoundedSemaphore::new(0), Barrier::new(2));
    let holder = std::sync::Arc::new(holder);
    let joined = holder.clone();
    let slow = Process::new(|event: Event| event.wait(), event.clone()).daemon(false);
    slow.start().unwrap();
    let slow_pid = slow.pid().unwrap();
    let waits: Vec<(&str, Wait)> = vec![
        ("lock", wait_for(lock.clone(), |lock| lock.lock().map(drop))),
        ("lock_timeout", wait_for(lock.clone(), |lock| lock.lock_timeout(LONG).map(drop))),
        ("rlock", wait_for(rlock, |lock| lock.lock().map(drop))),
        ("get", wait_for(empty.clone(), |queue| queue.get().map(drop))),
        ("put", wait_for(full.clone(), |queue| queue.put(2))),
        ("queue join", wait_for(full.clone(), |queue| queue.join())),
        ("recv", wait_for(here.clone(), |connection| connection.recv().map(drop))),
        (
            "send",
            wait_for(here.clone(), |connection| {
                (0..1_000).try_for_each(|_| connection.send(vec![0; 30_000]))
            }),
        ),
        ("poll", wait_for(here.clone(), |connection| connection.poll(LONG).map(drop))),
        ("event", wait_for(event.clone(), |event| event.wait())),
        (
            "condition",
            wait_for((condition.clone(), own), |(condition, lock)| condition.wait(lock.lock()?).map(drop)),
        ),
        ("semaphore", wait_for(semaphore.clone(), |semaphore| semaphore.acquire().map(drop))),
        ("bounded semaphore", wait_for(bounded, |semaphore| semaphore.acquire().map(drop))),
        ("barrier", wait_for(barrier.clone(), |barrier| barrier.wait().map(drop))),
        ("join", wait_for(joined, |process| process.join().map(drop))),
        (
            "drop",
            wait_for((), move |_| {
                drop(slow);
                Err(TaskError::Interrupted)
            }),
        ),
    ];
    let threads: Vec<_> = waits.into_iter().map(|(name, wait)| (name, std::thread::spawn(wait))).collect();
    std::thread::sleep(crate::common::SHORT);
    interrupt();
    for (name, thread) in threads {
        assert!(wait_until(|| thread.is_finished()), "{name} hangs");
        assert_eq!(thread.join().unwrap(), Err(TaskError::Interrupted), "{name}");
    }
    assert!(wait_until(|| !exists(slow_pid)));
    clear_interrupt();

    assert!(barrier.broken());
    barrier.reset();
    semaphore.release();
    semaphore.acquire().unwrap().forget();
    empty.put(3).unwrap();
    assert_eq!(empty.get(), Ok(3));
    assert_eq!(full.get(), Ok(1));
    let_go.set();
    assert_eq!(holder.join(), Ok(0));
    drop(lock.lock().unwrap());
}
