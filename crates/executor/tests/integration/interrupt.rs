//! The interrupt, which is one of the whole process. So this test has a process of its own.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::common::alone;
use threadbook_executor::{
    Promise, RayonExecutor, ReturnWhen, TaskError, ThreadPoolExecutor, TokioExecutor, as_completed_timeout,
    clear_interrupt, interrupt, is_interrupted, try_wait,
};
use threadbook_threading::{Barrier, Condition, Event, Lock, Queue, Semaphore, Thread};

/// Longer than anything here takes, also on a busy machine.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn every_wait_ends_and_everything_stays_usable() {
    if !alone("interrupt::every_wait_ends_and_everything_stays_usable") {
        return;
    }
    let pool = ThreadPoolExecutor::new(2);
    let rayon = RayonExecutor::new(1);
    let tokio = TokioExecutor::new(1);
    let (promise, never) = Promise::<i32>::new();
    let lock = Arc::new(Lock::new(()));
    // A thread that nobody joins holds the lock until the test lets it go.
    let release = Arc::new(Event::new());
    let holder = {
        let (lock, taken) = (lock.clone(), Arc::new(Event::new()));
        let is_taken = taken.clone();
        let (sender, receiver) = mpsc::channel::<()>();
        let thread = Thread::spawn(move || {
            let _guard = lock.lock().unwrap();
            taken.set();
            let _ = receiver.recv();
        });
        is_taken.wait().unwrap();
        (thread, sender)
    };
    type Wait = Box<dyn FnOnce() -> Result<(), TaskError> + Send>;
    let waits: Vec<(&str, Wait)> = vec![
        ("result", {
            let f = never.clone();
            Box::new(move || f.result().map(drop))
        }),
        ("result_timeout", {
            let f = never.clone();
            Box::new(move || f.result_timeout(LONG).map(drop))
        }),
        ("wait", {
            let f = never.clone();
            Box::new(move || try_wait(&[f], ReturnWhen::AllCompleted, None).map(drop))
        }),
        ("as_completed", {
            let f = never.clone();
            Box::new(move || as_completed_timeout([f], LONG).next().unwrap().map(drop))
        }),
        ("in a task", {
            let f = never.clone();
            let pool = pool.clone();
            Box::new(move || pool.submit(move || f.result()).result()?.map(drop))
        }),
        ("in a rayon task", {
            let f = never.clone();
            Box::new(move || rayon.submit(move || f.result()).result()?.map(drop))
        }),
        ("in a tokio task", {
            let f = never.clone();
            Box::new(move || tokio.submit(move || f.result()).result()?.map(drop))
        }),
        ("lock", {
            let lock = lock.clone();
            Box::new(move || lock.lock().map(drop))
        }),
        ("event", {
            let release = release.clone();
            Box::new(move || release.wait())
        }),
        ("semaphore", Box::new(|| Semaphore::new(0).acquire().map(drop))),
        ("barrier", Box::new(|| Barrier::new(2).wait().map(drop))),
        ("queue", Box::new(|| Queue::<i32>::new().get().map(drop))),
        (
            "condition",
            Box::new(|| {
                let lock = Lock::new(());
                Condition::new().wait(lock.lock()?).map(drop)
            }),
        ),
        ("join", {
            let f = never.clone();
            Box::new(move || Thread::spawn(move || f.result()).join()?.map(drop))
        }),
    ];
    let count = waits.len();
    let (sender, receiver) = mpsc::channel();
    for (name, wait) in waits {
        let sender = sender.clone();
        std::thread::spawn(move || sender.send((name, wait())));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert!(receiver.try_recv().is_err(), "nothing ends by itself");
    interrupt();
    assert!(is_interrupted());
    for _ in 0..count {
        let (name, result) = receiver.recv_timeout(LONG).expect("a wait went on");
        assert_eq!(result, Err(TaskError::Interrupted), "{name}");
    }

    // A pool that is dropped now does not wait for its tasks.
    let busy = ThreadPoolExecutor::new(1);
    let (let_go, held) = mpsc::channel();
    let running = busy.submit(move || held.recv_timeout(LONG));
    let queued = busy.submit(|| ());
    while !running.running() {
        std::thread::yield_now();
    }
    drop(busy);
    assert!(queued.cancelled());
    let_go.send(()).expect("the task still runs");

    clear_interrupt();
    assert_eq!(running.result(), Ok(Ok(())));
    assert_eq!(pool.submit(|| 42).result(), Ok(42));
    promise.set_result(1);
    assert_eq!(never.result(), Ok(1));
    drop(holder.1);
    holder.0.join().unwrap();
    assert!(lock.lock().is_ok());
}
