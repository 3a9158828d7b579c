//! Philosophers who all take the left fork first.
//! Edsger W. Dijkstra, *Hierarchical ordering of sequential processes*, Acta Informatica 1, 1971.

use threadbook_explore::std;

use std::sync::Mutex;
use std::thread;

fn run(last_is_left_handed: bool) {
    let forks: Vec<_> = (0..3).map(|_| Mutex::new(())).collect();
    thread::scope(|scope| {
        for n in 0..3 {
            let (mut left, mut right) = (&forks[n], &forks[(n + 1) % 3]);
            if last_is_left_handed && n == 2 {
                (left, right) = (right, left);
            }
            scope.spawn(move || {
                let _left = left.lock().unwrap();
                let _right = right.lock().unwrap();
            });
        }
    });
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
