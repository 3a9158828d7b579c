//! The pool's queue, run through every interleaving by loom.
//!
//! ```text
//! cargo test -p threadbook-executor --lib --features models loom_tests::
//! ```

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;

use crate::queue::{Pushed, Queue};

/// Explores every interleaving.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    loom::model::Builder::new().check(model);
}

/// Explores every interleaving with up to three forced switches between threads, for a model of which
/// all would take hours.
fn explore_bounded(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Starts a worker that adds up the jobs that it pops.
fn work(queue: &Arc<Queue<usize>>, popped: &Arc<AtomicUsize>) -> thread::JoinHandle<()> {
    let (queue, popped) = (queue.clone(), popped.clone());
    thread::spawn(move || {
        while let Ok(job) = queue.pop(|| (), |_| ()) {
            popped.fetch_add(job, SeqCst);
        }
    })
}

#[test]
fn one_worker_pops_everything_that_was_pushed_before_the_close() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let popped = Arc::new(AtomicUsize::new(0));
        assert_eq!(queue.push(1), Ok(Pushed::StartWorker(0)));
        let worker = work(&queue, &popped);
        assert_eq!(queue.push(10), Ok(Pushed::Queued));
        queue.close();
        assert_eq!(queue.push(100), Err(100));
        // Hangs, which loom reports, if the worker sleeps past a job or past the close.
        worker.join().unwrap();
        assert_eq!(popped.load(SeqCst), 11);
    });
}

#[test]
fn a_sleeping_worker_is_woken_by_a_push() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        assert_eq!(queue.push(1), Ok(Pushed::StartWorker(0)));
        let worker = {
            let queue = queue.clone();
            thread::spawn(move || (queue.pop(|| (), |_| ()).unwrap(), queue.pop(|| (), |_| ()).unwrap()))
        };
        assert_eq!(queue.push(10), Ok(Pushed::Queued));
        assert_eq!(worker.join().unwrap(), (1, 10));
    });
}

#[test]
fn two_workers_share_the_jobs_and_both_end() {
    explore_bounded(|| {
        let queue = Arc::new(Queue::new(2));
        let popped = Arc::new(AtomicUsize::new(0));
        let mut workers = Vec::new();
        for job in [1, 10, 100] {
            match queue.push(job) {
                Ok(Pushed::StartWorker(_)) => workers.push(work(&queue, &popped)),
                other => assert_eq!(other, Ok(Pushed::Queued)),
            }
        }
        queue.close();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert_eq!(popped.load(SeqCst), 111);
        assert_eq!(queue.workers(), 0);
    });
}

#[test]
fn a_job_is_either_drained_or_popped() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let popped = Arc::new(AtomicUsize::new(0));
        assert!(queue.push(1).is_ok());
        assert!(queue.push(10).is_ok());
        let worker = work(&queue, &popped);
        let drained: usize = queue.drain().into_iter().sum();
        queue.close();
        worker.join().unwrap();
        assert_eq!(popped.load(SeqCst) + drained, 11);
    });
}
