//! A task of a pool that waits for another task of it, and has the only worker.
//! Brian Goetz and others, *Java Concurrency in Practice*, 2006, section 8.1.1.

use threadbook_explore::std;

use std::sync::{Arc, Mutex, mpsc};
use std::thread;

type Task = Box<dyn FnOnce() + Send>;

fn run(workers: usize) {
    let (submit, tasks) = mpsc::channel::<Task>();
    let tasks = Arc::new(Mutex::new(tasks));
    let pool: Vec<_> = (0..workers)
        .map(|_| {
            let tasks = tasks.clone();
            thread::spawn(move || {
                loop {
                    let task = tasks.lock().unwrap().recv();
                    match task {
                        Ok(task) => task(),
                        Err(_) => break,
                    }
                }
            })
        })
        .collect();
    let inner = submit.clone();
    let (answer, outer) = mpsc::channel();
    submit
        .send(Box::new(move || {
            let (send, receive) = mpsc::channel();
            inner.send(Box::new(move || send.send(7).unwrap())).unwrap();
            drop(inner);
            answer.send(receive.recv().unwrap()).unwrap();
        }))
        .unwrap();
    assert_eq!(outer.recv(), Ok(7));
    drop(submit);
    pool.into_iter().for_each(|worker| worker.join().unwrap());
}

pub fn bug() {
    run(1);
}

pub fn fixed() {
    run(2);
}
