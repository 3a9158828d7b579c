//! Threads of one cell and a later cell share a condition variable, a barrier and an atomic.
//@ cell
use std::{sync::{Arc, Barrier, Condvar, Mutex, atomic::{AtomicBool, Ordering::SeqCst}}, thread};
let state = Arc::new((Mutex::new(0), Condvar::new()));
let stop = Arc::new(AtomicBool::new(false));
let line = Arc::new(Barrier::new(3));
//@ cell
let workers: Vec<_> = (0..2).map(|i| {
    let (state, stop, line) = (state.clone(), stop.clone(), line.clone());
    thread::spawn(move || {
        line.wait();
        while !stop.load(SeqCst) { thread::yield_now() }
        *state.0.lock().unwrap() += i + 1;
        state.1.notify_all();
    })
}).collect();
//@ cell
line.wait();
stop.store(true, SeqCst);
let n = *state.1.wait_while(state.0.lock().unwrap(), |n| *n < 3).unwrap();
//@ cell
for w in workers { w.join().unwrap() }
(n, Arc::strong_count(&state))
//@ model
use std::{sync::{Arc, Barrier, Condvar, Mutex, atomic::{AtomicBool, Ordering::SeqCst}}, thread};
fn main() {
    let state = Arc::new((Mutex::new(0), Condvar::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let line = Arc::new(Barrier::new(3));
    let workers: Vec<_> = (0..2).map(|i| {
        let (state, stop, line) = (state.clone(), stop.clone(), line.clone());
        thread::spawn(move || {
            line.wait();
            while !stop.load(SeqCst) { thread::yield_now() }
            *state.0.lock().unwrap() += i + 1;
            state.1.notify_all();
        })
    }).collect();
    line.wait();
    stop.store(true, SeqCst);
    let n = *state.1.wait_while(state.0.lock().unwrap(), |n| *n < 3).unwrap();
    for w in workers { w.join().unwrap() }
    println!("{:?}", (n, Arc::strong_count(&state)));
}
//@ output
(3, 1)
