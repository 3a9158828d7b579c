//! Explorations of small programs: what is found, what is said of it, and input that is wrong.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use threadbook_explore::FailureKind::{Deadlock, Livelock, Panic};
use threadbook_explore::{Exploration, Explorer, Failure, explore, replay, std as explored};

use explored::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::*};
use explored::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, mpsc};
use explored::thread;

#[track_caller]
fn failure(exploration: &Exploration) -> &Failure {
    exploration.failure().unwrap_or_else(|| panic!("no failure: {exploration}"))
}

#[track_caller]
fn exhaustive(exploration: Exploration) -> usize {
    assert!(exploration.is_exhaustive(), "{exploration}");
    exploration.schedules()
}

// --- which schedules ------------------------------------------------------------------------------------------------

#[test]
fn every_order_of_steps_is_run_once() {
    let orders = std::sync::Mutex::new(Vec::new());
    let schedules = exhaustive(explore(|| {
        let order = Arc::new(Mutex::new(String::new()));
        thread::scope(|scope| {
            for name in ['a', 'b'] {
                let order = &order;
                scope.spawn(move || {
                    order.lock().unwrap().push(name);
                    order.lock().unwrap().push(name);
                });
            }
        });
        let order = order.lock().unwrap().clone();
        orders.lock().unwrap().push(order);
    }));
    let mut orders = orders.into_inner().unwrap();
    orders.sort();
    orders.dedup();
    assert_eq!(orders, ["aabb", "abab", "abba", "baab", "baba", "bbaa"]);
    assert!(schedules >= 6);
}

#[test]
fn one_thread_has_one_schedule() {
    assert_eq!(exhaustive(explore(|| drop(Mutex::new(1).lock().unwrap()))), 1);
    assert_eq!(explore(|| drop(Mutex::new(1).lock().unwrap())).to_string(), "every schedule: 1");
}

#[test]
fn limits_are_kept_and_named() {
    let long = || {
        let count = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..6).for_each(|_| {
                        count.fetch_add(1, SeqCst);
                    })
                });
            }
        });
    };
    let few = Explorer::new().max_schedules(50).run(long);
    assert_eq!(few.schedules(), 50);
    assert!(!few.is_exhaustive() && few.to_string().contains("the limit of schedules was reached"), "{few}");
    let short = Explorer::new().time_limit(Duration::ZERO).run(long);
    assert!(short.to_string().contains("time limit"), "{short}");
    let one = Explorer::new().max_switches(1).run(long);
    assert!(one.to_string().contains("at most 1 switch"), "{one}");
    assert!(one.schedules() > 4 && !one.is_exhaustive());
}

#[test]
fn a_failure_has_the_fewest_switches() {
    let exploration = explore(|| {
        let (a, b) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                a.store(1, SeqCst);
                b.store(1, SeqCst);
            });
            assert!(!(a.load(SeqCst) == 1 && b.load(SeqCst) == 0));
        });
    });
    let failure = failure(&exploration);
    // To the other thread before the first load, and back after its first store.
    assert_eq!(failure.switches(), 2, "{exploration}");
    assert_eq!(failure.steps().iter().filter(|step| step.is_switch).count(), 2);
    assert!(failure.deciding_switch().is_some_and(|step| failure.steps()[step].is_switch));
}

#[test]
fn all_explorations_of_a_program_are_the_same() {
    let program = || {
        let count = AtomicU32::new(0);
        thread::scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(|| count.store(count.load(SeqCst) + 1, SeqCst))));
        });
        assert_eq!(count.load(SeqCst), 3);
    };
    assert_eq!(explore(program).to_string(), explore(program).to_string());
}

// --- failures -------------------------------------------------------------------------------------------------------

#[test]
fn a_deadlock_says_who_waits_for_whom_and_where() {
    let exploration = explore(|| {
        let a = Arc::new(Mutex::new(()));
        let b = Arc::new(Mutex::new(()));
        let (a2, b2) = (a.clone(), b.clone());
        let thread = thread::Builder::new().name("second".into()).spawn(move || {
            let _b = b2.lock().unwrap();
            let _a = a2.lock().unwrap();
        });
        let _a = a.lock().unwrap();
        let _b = b.lock().unwrap();
        drop((_a, _b));
        thread.unwrap().join().unwrap();
    });
    let failure = failure(&exploration);
    assert_eq!(failure.kind(), Deadlock);
    for part in [
        "`main` waits at explore.rs:",
        "lock `b`, held by `second` since explore.rs:",
        "lock `a`, held by `main`",
    ] {
        assert!(failure.message().contains(part), "{part}: {}", failure.message());
    }
    assert_eq!(failure.waiting().len(), 2);
    assert!(failure.waits().unwrap().to_string().contains("thread `main` waits for lock `b`"));
    assert_eq!(failure.threads(), ["main", "second"]);
    assert_eq!(failure.objects(), ["a", "b"]);
}

#[test]
fn a_lock_that_is_never_released_is_named_with_its_holder() {
    let exploration = explore(|| {
        let lock = Arc::new(Mutex::new(()));
        let other = lock.clone();
        thread::spawn(move || std::mem::forget(other.lock().unwrap())).join().unwrap();
        drop(lock.lock().unwrap());
    });
    assert!(failure(&exploration).message().contains("has ended without unlocking it"), "{exploration}");
}

#[test]
fn a_thread_that_waits_for_its_own_lock_deadlocks() {
    let exploration = explore(|| {
        let lock = Mutex::new(());
        let _first = lock.lock().unwrap();
        let _second = lock.lock().unwrap();
    });
    assert!(failure(&exploration).message().contains("lock `lock`, held by itself"), "{exploration}");
}

#[test]
fn waits_that_never_end_are_deadlocks() {
    let says = |exploration: Exploration, text: &str| {
        let failure = failure(&exploration);
        assert_eq!(failure.kind(), Deadlock);
        assert!(failure.message().contains(text), "{exploration}");
    };
    says(explore(thread::park), "an `unpark`, which never comes");
    says(
        explore(|| {
            Barrier::new(2).wait();
        }),
        "1 of 2 threads",
    );
    says(
        explore(|| {
            let (sender, receiver) = mpsc::channel::<()>();
            let _ = receiver.recv();
            drop(sender);
        }),
        "a message in `sender`",
    );
    says(
        explore(|| {
            let (lock, never) = (Mutex::new(()), Condvar::new());
            drop(never.wait(lock.lock().unwrap()));
        }),
        "a notification of `never`",
    );
}

#[test]
fn a_loop_without_end_is_a_livelock() {
    let exploration = Explorer::new().max_steps(500).run(|| {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| while !stop.load(SeqCst) {});
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    thread::yield_now();
                }
            });
        });
    });
    assert_eq!(failure(&exploration).kind(), Livelock, "{exploration}");
}

#[test]
fn a_loop_that_waits_for_another_thread_ends() {
    for with_a_lock in [false, true] {
        // A thread that takes a lock again and again has very many schedules.
        let exploration = Explorer::new().time_limit(Duration::from_secs(1)).run(|| {
            let (flag, lock) = (AtomicBool::new(false), Mutex::new(false));
            thread::scope(|scope| {
                scope.spawn(|| {
                    flag.store(true, SeqCst);
                    *lock.lock().unwrap() = true;
                });
                if with_a_lock {
                    while !*lock.lock().unwrap() {}
                } else {
                    while !flag.load(SeqCst) {
                        explored::hint::spin_loop();
                    }
                }
            });
        });
        assert!(
            exploration.failure().is_none() && exploration.problem().is_none(),
            "{with_a_lock}: {exploration}"
        );
    }
}

#[test]
fn a_panic_of_any_thread_is_a_failure_unless_it_is_caught() {
    let exploration = explore(|| {
        let thread = thread::spawn(|| {
            drop(Mutex::new(1).lock().unwrap());
            panic!("in a thread");
        });
        let _ = thread.join();
    });
    let found = failure(&exploration);
    assert_eq!((found.kind(), found.message()), (Panic, "in a thread"));
    assert!(found.place().unwrap().contains("explore.rs:") && found.place().unwrap().contains("`thread 1`"));
    exhaustive(explore(|| {
        let lock = Mutex::new(1);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock.lock().unwrap();
            panic!("caught");
        }));
        assert!(caught.is_err() && lock.is_poisoned() && lock.lock().is_err());
        lock.clear_poison();
        assert_eq!(*lock.lock().unwrap(), 1);
    }));
}

#[test]
fn destructors_may_lock_join_and_panic() {
    struct Joins(Option<thread::JoinHandle<()>>, Arc<Mutex<u32>>);
    impl Drop for Joins {
        fn drop(&mut self) {
            *self.1.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += 1;
            self.0.take().unwrap().join().unwrap();
        }
    }
    let program = |fails: bool| {
        let lock = Arc::new(Mutex::new(0));
        let other = lock.clone();
        let _joins = Joins(Some(thread::spawn(move || *other.lock().unwrap() += 1)), lock.clone());
        drop(lock.lock().unwrap());
        assert!(!fails, "with a destructor that waits");
    };
    exhaustive(explore(|| program(false)));
    assert_eq!(failure(&explore(|| program(true))).message(), "with a destructor that waits");

    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let exploration = explore(|| {
        let _panics = Panics;
        drop(Mutex::new(1).lock().unwrap());
    });
    assert_eq!(failure(&exploration).message(), "in a destructor");
    // A thread that is stuck is left as it is: its destructors are not run.
    let exploration = explore(|| {
        let _panics = Panics;
        thread::park();
    });
    assert_eq!(failure(&exploration).kind(), Deadlock);
}

// --- the forms of std ------------------------------------------------------------------------------------------------

#[test]
fn time_outs_fire_or_not() {
    let seen = std::sync::Mutex::new([false; 2]);
    exhaustive(explore(|| {
        let (lock, condition) = (Mutex::new(false), Condvar::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                *lock.lock().unwrap() = true;
                condition.notify_one();
            });
            let guard = lock.lock().unwrap();
            let timeout = Duration::from_secs(3600);
            let (guard, result) = condition.wait_timeout_while(guard, timeout, |done| !*done).unwrap();
            assert_eq!(*guard, !result.timed_out());
            seen.lock().unwrap()[usize::from(result.timed_out())] = true;
        });
    }));
    assert_eq!(*seen.lock().unwrap(), [true; 2]);
    let exploration = explore(|| {
        let (_sender, receiver) = mpsc::channel::<u8>();
        assert_eq!(receiver.recv_timeout(Duration::MAX), Err(mpsc::RecvTimeoutError::Timeout));
        thread::park_timeout(Duration::MAX);
        thread::sleep(Duration::MAX);
    });
    exhaustive(exploration);
}

#[test]
fn readers_share_and_writers_do_not() {
    let both = std::sync::atomic::AtomicBool::new(false);
    exhaustive(explore(|| {
        let (lock, readers) = (RwLock::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let _guard = lock.read().unwrap();
                    both.fetch_or(readers.fetch_add(1, SeqCst) == 1, std::sync::atomic::Ordering::SeqCst);
                    readers.fetch_sub(1, SeqCst);
                });
            }
            let mut guard = lock.write().unwrap();
            assert_eq!(readers.load(SeqCst), 0);
            *guard += 1;
        });
        assert!(lock.try_read().is_ok());
        assert!(lock.try_write().is_ok());
    }));
    assert!(both.into_inner());
}

#[test]
fn initialisations_run_once() {
    exhaustive(explore(|| {
        let (runs, once, cell) = (AtomicU32::new(0), Once::new(), OnceLock::new());
        let lazy = LazyLock::new(|| 7);
        thread::scope(|scope| {
            for n in 0..2 {
                let (runs, once, cell, lazy) = (&runs, &once, &cell, &lazy);
                scope.spawn(move || {
                    once.call_once(|| {
                        runs.fetch_add(1, SeqCst);
                    });
                    assert_eq!(cell.get_or_init(|| n), cell.get().unwrap());
                    assert_eq!(**lazy, 7);
                });
            }
        });
        assert!(runs.load(SeqCst) == 1 && once.is_completed());
        assert_eq!(cell.set(5), Err(5));
    }));
}

#[test]
fn channels_keep_the_order_of_each_sender() {
    exhaustive(explore(|| {
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for n in [0, 10] {
                let sender = sender.clone();
                scope.spawn(move || (0..2).for_each(|k| sender.send(n + k).unwrap()));
            }
            drop(sender);
            let got: Vec<i32> = receiver.iter().collect();
            for n in [0, 10] {
                let own: Vec<_> = got.iter().filter(|k| **k / 10 == n / 10).copied().collect();
                assert_eq!(own, [n, n + 1]);
            }
        });
    }));
}

#[test]
fn a_channel_without_room_hands_over() {
    exhaustive(explore(|| {
        let (sender, receiver) = mpsc::sync_channel(0);
        let sent = Arc::new(AtomicBool::new(false));
        let has_sent = sent.clone();
        let thread = thread::spawn(move || {
            sender.send(1).unwrap();
            has_sent.store(true, SeqCst);
        });
        let early = sent.load(SeqCst);
        assert!(!early, "nobody has received");
        assert_eq!(receiver.recv(), Ok(1));
        drop(receiver);
        thread.join().unwrap();
    }));
}

explored::thread_local! {
    static OWN: Cell<u32> = const { Cell::new(0) };
    static LIST: std::cell::RefCell<Vec<u32>> = std::cell::RefCell::new(Vec::new());
}

#[test]
fn thread_local_values_belong_to_a_thread_of_one_schedule() {
    exhaustive(explore(|| {
        let work = || {
            assert_eq!(OWN.get(), 0);
            OWN.set(7);
            LIST.with_borrow_mut(|list| list.push(1));
            thread::yield_now();
            assert_eq!((OWN.get(), LIST.with_borrow(Vec::len)), (7, 1));
        };
        thread::scope(|scope| {
            scope.spawn(work);
            work();
        });
    }));
}

#[test]
fn parked_threads_are_unparked() {
    exhaustive(explore(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let seen = flag.clone();
        let thread = thread::spawn(move || {
            while !seen.load(SeqCst) {
                thread::park();
            }
        });
        flag.store(true, SeqCst);
        thread.thread().unpark();
        thread.join().unwrap();
    }));
}

#[test]
fn weak_orderings_are_named_with_their_lines() {
    let exploration = explore(|| {
        let flag = AtomicBool::new(false);
        flag.store(true, Relaxed);
        flag.load(SeqCst);
        flag.load(Acquire);
    });
    let notes = exploration.notes();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].contains("explore.rs:") && notes[0].contains("`Relaxed` is explored as `SeqCst`"),
        "{notes:?}"
    );
    assert!(exploration.to_string().contains("`Acquire`"));
}

// --- wrong input ----------------------------------------------------------------------------------------------------

#[test]
fn a_hundred_threads_are_explored_within_the_limits() {
    let exploration = Explorer::new().max_schedules(300).run(|| {
        let count = AtomicU32::new(0);
        thread::scope(|scope| (0..100).for_each(|_| drop(scope.spawn(|| count.fetch_add(1, SeqCst)))));
        assert_eq!(count.load(SeqCst), 100);
    });
    assert!(exploration.failure().is_none() && exploration.problem().is_none(), "{exploration}");
    let exploration = explore(|| (0..2000).for_each(|_| drop(thread::spawn(thread::park))));
    assert!(exploration.problem().is_some_and(|problem| problem.contains("threads")), "{exploration}");
}

#[test]
fn schedules_that_are_none_are_refused() {
    let program = || drop(Mutex::new(1).lock().unwrap());
    for (schedule, why) in
        [("", "not a schedule"), ("nonsense", "not a schedule"), ("9-0-0", "another version")]
    {
        let exploration = replay(schedule, program);
        assert!(
            exploration.problem().is_some_and(|problem| problem.contains(why)),
            "{schedule}: {exploration}"
        );
    }
}

#[test]
fn a_schedule_of_a_corrected_program_is_of_another() {
    let program = |corrected: bool| {
        let count = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| match corrected {
                    true => drop(count.fetch_add(1, SeqCst)),
                    false => count.store(count.load(SeqCst) + 1, SeqCst),
                });
            }
        });
        assert_eq!(count.load(SeqCst), 2);
    };
    let exploration = explore(|| program(false));
    let schedule = failure(&exploration).schedule();
    assert_eq!(
        replay(schedule, || program(false)).failure().unwrap().message(),
        failure(&exploration).message()
    );
    let other = replay(schedule, || program(true));
    assert!(other.problem().is_some_and(|problem| problem.contains("another program")), "{other}");
}

#[test]
fn nested_explorations_are_refused() {
    let exploration = explore(|| drop(explore(|| ())));
    assert!(failure(&exploration).message().contains("an exploration cannot be explored"), "{exploration}");
}

#[test]
fn nothing_to_explore_is_said() {
    let exploration = explore(|| assert_eq!(1 + 1, 2));
    assert!(
        exploration.problem().is_some_and(|problem| problem.contains("nothing to explore")),
        "{exploration}"
    );
    assert!(!exploration.is_exhaustive());
}

#[test]
fn a_program_that_is_not_the_same_in_each_run_is_named_and_no_alarm() {
    let runs = std::sync::atomic::AtomicU32::new(0);
    let exploration = explore(|| {
        let n = runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let count = AtomicU32::new(0);
        thread::scope(|scope| {
            scope.spawn(|| (0..(n + 1) % 3).for_each(|_| count.store(n, SeqCst)));
            count.load(SeqCst);
        });
        assert!(n != 5, "only in one run");
    });
    assert!(exploration.failure().is_none(), "{exploration}");
    assert!(exploration.problem().unwrap().contains("does not do the same in each run"), "{exploration}");
}

#[test]
fn a_lock_from_outside_is_refused_with_its_line() {
    let lock = Mutex::new(0);
    let line = line!() - 1;
    let exploration = explore(|| {
        let other = AtomicU32::new(0);
        thread::scope(|scope| {
            scope.spawn(|| *lock.lock().unwrap() += 1);
            other.load(SeqCst);
            *lock.lock().unwrap() += 1;
        });
    });
    let problem = exploration.problem().unwrap();
    assert!(
        problem.contains("outside of the closure") && problem.contains(&format!("line {line}")),
        "{problem}"
    );
}

#[test]
fn explored_forms_are_refused_outside_of_an_exploration() {
    let refused = catch_unwind(|| drop(Mutex::new(1).lock()));
    let message = *refused.unwrap_err().downcast::<&str>().unwrap();
    assert!(message.contains("outside of `explore`"), "{message}");
}

#[test]
fn explorations_on_several_threads_do_not_meet() {
    let program = || {
        let count = AtomicU32::new(0);
        thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(|| count.fetch_add(1, SeqCst)))));
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || explore(program).schedules())).collect();
        let counts: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(counts.windows(2).all(|pair| pair[0] == pair[1]), "{counts:?}");
    });
}
