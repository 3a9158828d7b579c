//! The failing schedules in the gallery: programs of two to six threads and five to sixty steps.

use super::Sample;
use threadbook_explore::{Exploration, explore, std as explored};
use threadbook_plot::schedule;

use explored::sync::atomic::{AtomicU32, Ordering::SeqCst};
use explored::sync::{Arc, Condvar, Mutex, mpsc};
use explored::thread;

/// All of them.
pub fn all() -> Vec<Sample> {
    let found = |name, exploration: Exploration| Sample::new(name, exploration, schedule);
    vec![
        found("schedule-lost-update", explore(lost_update)),
        found("schedule-lock-order", explore(lock_order)),
        found("schedule-philosophers", explore(philosophers)),
        found("schedule-one-condition", explore(one_condition)),
        found("schedule-channel", explore(channel)),
        found("schedule-six-threads", explore(six_threads)),
        found("schedule-sixty-steps", explore(sixty_steps)),
        found("schedule-none", explore(none)),
    ]
}

fn lost_update() {
    let visits = Arc::new(AtomicU32::new(0));
    let other = visits.clone();
    let thread = thread::spawn(move || {
        let seen = other.load(SeqCst);
        other.store(seen + 1, SeqCst);
    });
    visits.store(visits.load(SeqCst) + 1, SeqCst);
    thread.join().unwrap();
    assert_eq!(visits.load(SeqCst), 2, "an update is lost");
}

fn lock_order() {
    let (savings, loan) = (Arc::new(Mutex::new(100)), Arc::new(Mutex::new(0)));
    let (savings2, loan2) = (savings.clone(), loan.clone());
    let bank = thread::Builder::new().name("bank".into()).spawn(move || {
        let mut loan = loan2.lock().unwrap();
        *loan -= 1;
        *savings2.lock().unwrap() += 1;
    });
    let mut from = savings.lock().unwrap();
    *from -= 10;
    *loan.lock().unwrap() += 10;
    drop(from);
    bank.unwrap().join().unwrap();
}

fn philosophers() {
    let forks: Vec<_> = (0..5).map(|_| Mutex::new(())).collect();
    thread::scope(|scope| {
        for n in 0..5 {
            let (left, right) = (&forks[n], &forks[(n + 1) % 5]);
            scope.spawn(move || {
                let _left = left.lock().unwrap();
                let _right = right.lock().unwrap();
            });
        }
    });
}

fn one_condition() {
    let (slot, changed) = (Mutex::new(None), Condvar::new());
    let put = |n: u32| {
        let mut slot = changed.wait_while(slot.lock().unwrap(), |slot| slot.is_some()).unwrap();
        *slot = Some(n);
        changed.notify_one();
    };
    let take = || {
        let mut slot = changed.wait_while(slot.lock().unwrap(), |slot| slot.is_none()).unwrap();
        *slot = None;
        changed.notify_one();
    };
    thread::scope(|scope| {
        scope.spawn(take);
        scope.spawn(take);
        put(1);
        put(2);
    });
}

fn channel() {
    let (sender, receiver) = mpsc::sync_channel(1);
    let (answers, results) = mpsc::sync_channel(1);
    let worker = thread::spawn(move || {
        for n in receiver {
            answers.send(n * 2).unwrap();
        }
    });
    (0..5).for_each(|n| sender.send(n).unwrap());
    drop(sender);
    assert_eq!(results.iter().count(), 5);
    worker.join().unwrap();
}

fn six_threads() {
    let count = AtomicU32::new(0);
    thread::scope(|scope| {
        for n in 0..5 {
            let count = &count;
            let work = move || {
                let the_number_of_visits_that_this_thread_has_seen_before_it_adds_its_own =
                    count.load(SeqCst);
                count
                    .store(the_number_of_visits_that_this_thread_has_seen_before_it_adds_its_own + 1, SeqCst);
            };
            let name = ["alice", "bob", "the third of them", "carol", "WWWWWWWWWWWWWWWWWWWW"][n];
            thread::Builder::new().name(name.into()).spawn_scoped(scope, work).unwrap();
        }
    });
    assert_eq!(count.load(SeqCst), 5);
}

fn sixty_steps() {
    let (ping, pong) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..14 {
                ping.store(n, SeqCst);
                assert!(pong.load(SeqCst) < 12);
            }
        });
        for n in 0..14 {
            pong.store(n, SeqCst);
            ping.fetch_add(1, SeqCst);
        }
    });
}

fn none() {
    let count = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| count.fetch_add(1, SeqCst));
        count.fetch_add(1, explored::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(count.load(SeqCst), 2);
}
