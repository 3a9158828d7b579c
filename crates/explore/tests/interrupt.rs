//! An interrupt ends an exploration, which keeps what it has found.

use std::time::Duration;

use threadbook_explore::{Explorer, std as explored};

use explored::sync::atomic::{AtomicU32, Ordering::SeqCst};
use explored::thread;

#[test]
fn an_interrupt_ends_an_exploration() {
    let runs = std::sync::atomic::AtomicU32::new(0);
    let explorer = Explorer::new().max_schedules(usize::MAX).time_limit(Duration::from_secs(3600));
    let exploration = explorer.run(|| {
        // The switch is the process's own, which a kernel sets from another thread.
        if runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 500 {
            threadbook_base::interrupt::interrupt();
        }
        let count = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..20).for_each(|_| {
                        count.fetch_add(1, SeqCst);
                    })
                });
            }
        });
    });
    threadbook_base::interrupt::clear_interrupt();
    assert!(exploration.failure().is_none() && !exploration.is_exhaustive());
    assert!((500..=502).contains(&exploration.schedules()), "{exploration}");
    assert!(exploration.to_string().contains("until the interrupt"), "{exploration}");
}
