//! A sequence lock whose reader does not look at the number again.
//! Hans-J. Boehm, *Can seqlocks get along with programming language memory models?*, MSPC 2012.

use threadbook_explore::std;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::{hint, thread};

fn run(looks_again: bool) {
    let number = AtomicUsize::new(0);
    let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            number.fetch_add(1, SeqCst);
            x.store(1, SeqCst);
            y.store(1, SeqCst);
            number.fetch_add(1, SeqCst);
        });
        let both = loop {
            let before = number.load(SeqCst);
            if before.is_multiple_of(2) {
                let both = (x.load(SeqCst), y.load(SeqCst));
                if !looks_again || number.load(SeqCst) == before {
                    break both;
                }
            }
            hint::spin_loop();
        };
        assert_eq!(both.0, both.1, "one half is old");
    });
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
