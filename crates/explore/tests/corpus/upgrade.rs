//! Two readers that want to write, each before it has stopped to read.
//! P. J. Courtois, F. Heymans and D. L. Parnas, *Concurrent control with "readers" and "writers"*, Communications of the
//! ACM 14(10), 1971.

use threadbook_explore::std;

use std::sync::RwLock;
use std::thread;

fn run(stops_to_read: bool) {
    let cache = RwLock::new(None);
    let get = || {
        let reader = cache.read().unwrap();
        if reader.is_none() {
            if stops_to_read {
                drop(reader);
                cache.write().unwrap().get_or_insert(7);
            } else {
                cache.write().unwrap().get_or_insert(7);
                drop(reader);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(get);
        get();
    });
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
