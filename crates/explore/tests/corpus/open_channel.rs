//! A receiver that waits for ever, because one sender lives on in the thread that receives.
//! Steve Klabnik and Carol Nichols, *The Rust Programming Language*, 2023, section 16.2.

use threadbook_explore::std;

use std::sync::mpsc;
use std::thread;

fn run(drops: bool) {
    let (sender, receiver) = mpsc::channel();
    let mut own = Some(sender.clone());
    let thread = thread::spawn(move || sender.send(1).unwrap());
    if drops {
        own = None;
    }
    assert_eq!(receiver.iter().sum::<i32>(), 1);
    drop(own);
    thread.join().unwrap();
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
