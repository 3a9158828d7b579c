//! Two locks, taken in both orders.
//! Edward G. Coffman and others, *System deadlocks*, ACM Computing Surveys 3(2), 1971.

use threadbook_explore::std;

use std::sync::Mutex;
use std::thread;

fn transfer(from: &Mutex<i32>, to: &Mutex<i32>) {
    let mut from = from.lock().unwrap();
    let mut to = to.lock().unwrap();
    *from -= 1;
    *to += 1;
}

pub fn bug() {
    let (a, b) = (Mutex::new(10), Mutex::new(10));
    thread::scope(|scope| {
        scope.spawn(|| transfer(&a, &b));
        scope.spawn(|| transfer(&b, &a));
    });
}

pub fn fixed() {
    let (a, b) = (Mutex::new(10), Mutex::new(10));
    thread::scope(|scope| {
        scope.spawn(|| transfer(&a, &b));
        scope.spawn(|| transfer(&a, &b));
    });
}
