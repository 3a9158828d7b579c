//! However many schedules are run, and however many of them fail, the memory stays.
#![cfg(target_os = "linux")]

use std::time::Duration;

use threadbook_explore::{Explorer, std as explored};

use explored::sync::atomic::{AtomicU32, Ordering::SeqCst};
use explored::sync::{Arc, Mutex};
use explored::thread;

/// The resident memory of this process in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

const LIMIT: usize = 16 << 20;

#[test]
fn memory_is_bounded() {
    let program = || {
        let count = Arc::new(AtomicU32::new(0));
        let text = Arc::new(Mutex::new(String::new()));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (count, text) = (count.clone(), text.clone());
                thread::spawn(move || {
                    (0..4).for_each(|_| {
                        count.fetch_add(1, SeqCst);
                    });
                    text.lock().unwrap().push_str("a text that takes memory");
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    };
    let explorer = |schedules| Explorer::new().max_schedules(schedules).time_limit(Duration::from_secs(600));
    explorer(2_000).run(program);
    let before = resident();
    let exploration = explorer(60_000).run(program);
    assert_eq!(exploration.schedules(), 60_000);
    let after = resident();
    assert!(after < before + LIMIT, "{before} bytes, and {after} after 60,000 schedules");

    let fails = || {
        let count = AtomicU32::new(0);
        thread::scope(|scope| {
            (0..2).for_each(|_| drop(scope.spawn(|| count.store(count.load(SeqCst) + 1, SeqCst))));
        });
        assert_eq!(count.load(SeqCst), 2);
    };
    (0..20).for_each(|_| drop(explorer(1_000).run(fails)));
    let before = resident();
    (0..200).for_each(|_| assert!(explorer(1_000).run(fails).failure().is_some()));
    let after = resident();
    // The threads of a run that fails are left as they are: a few pages each.
    assert!(after < before + 2 * LIMIT, "{before} bytes, and {after} after 200 failures");
}
