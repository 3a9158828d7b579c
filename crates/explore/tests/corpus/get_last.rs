//! A compound action on a collection whose methods lock: the length is old when the element is taken.
//! Brian Goetz and others, *Java Concurrency in Practice*, 2006, section 5.1.1.

use threadbook_explore::std;

use std::sync::{Arc, Mutex};
use std::thread;

fn run(get_last: fn(&Mutex<Vec<u32>>) -> Option<u32>) {
    let words = Arc::new(Mutex::new(vec![7]));
    let other = words.clone();
    let deleter = thread::spawn(move || {
        other.lock().unwrap().pop();
    });
    get_last(&words);
    deleter.join().unwrap();
}

pub fn bug() {
    run(|words| {
        let length = words.lock().unwrap().len();
        (length > 0).then(|| words.lock().unwrap()[length - 1])
    });
}

pub fn fixed() {
    run(|words| words.lock().unwrap().last().copied());
}
