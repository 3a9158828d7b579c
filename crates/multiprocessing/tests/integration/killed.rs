//! `kill -9` at any point: nobody hangs, and nothing remains.

use crate::common::{LONG, SHORT, ended, error, exists, wait_until};
use std::time::{Duration, Instant};
use threadbook_executor::TaskError;
use threadbook_multiprocessing::{
    Array, Condition, Connection, Error, Event, Lock, Pipe, Process, Queue, RLock, Semaphore, Value,
};

fn sleep() {
    std::thread::sleep(Duration::from_secs(600));
}

/// Starts a process, and kills it when it has set the event that it is given beside its argument.
fn kill_when_ready<A: threadbook_executor::Portable>(
    target: impl Fn((Event, A)) + Copy + Send + Sync + 'static,
    args: A,
) -> u32 {
    let ready = Event::new();
    let process = Process::spawn(target, (ready.clone(), args)).unwrap();
    let pid = process.pid().unwrap();
    assert_eq!(ready.wait_timeout(LONG), Ok(true));
    process.kill();
    assert_eq!(ended(&process), Some(-libc::SIGKILL));
    pid
}

#[test]
fn a_lock_whose_holder_was_killed_says_so_and_can_be_recovered() {
    let (lock, rlock) = (Lock::new(), RLock::new());
    let hold = |(ready, (lock, rlock)): (Event, (Lock, RLock))| {
        let _guards = (lock.lock().unwrap(), rlock.lock().unwrap());
        ready.set();
        sleep();
    };
    let pid = kill_when_ready(hold, (lock.clone(), rlock.clone()));
    // Each who waits is told, not only the first.
    for _ in 0..2 {
        assert_eq!(error(lock.lock().map(drop)), Error::HolderDied { pid });
        assert_eq!(error(rlock.lock_timeout(LONG).map(drop)), Error::HolderDied { pid });
    }
    assert!(lock.try_lock().is_none());
    assert_eq!(format!("{lock:?}"), format!("Lock(held by process {pid}, which has ended)"));
    let said = lock.lock().unwrap_err().to_string();
    assert!(said.contains(&format!("process {pid} ended while it held the lock")), "{said}");
    assert!(lock.recover() && rlock.recover());
    assert!(!lock.recover() && !rlock.recover());
    drop((lock.lock().unwrap(), rlock.lock().unwrap()));
}

#[test]
fn those_who_wait_already_are_told() {
    let (lock, waiting) = (Lock::new(), Lock::new());
    let hold = |(ready, (lock, waiting)): (Event, (Lock, Lock))| {
        let _guards = (lock.lock().unwrap(), waiting.lock().unwrap());
        ready.set();
        sleep();
    };
    let ready = Event::new();
    let process = Process::spawn(hold, (ready.clone(), (lock.clone(), waiting.clone()))).unwrap();
    assert_eq!(ready.wait_timeout(LONG), Ok(true));
    let threads: Vec<_> = [lock, waiting]
        .map(|lock| std::thread::spawn(move || error(lock.lock().map(drop))))
        .into_iter()
        .collect();
    std::thread::sleep(SHORT);
    process.kill();
    for thread in threads {
        assert!(wait_until(|| thread.is_finished()));
        assert_eq!(thread.join().unwrap(), Error::HolderDied { pid: process.pid().unwrap() });
    }
}

#[test]
fn waiters_that_were_killed_take_nothing_along() {
    type Args = (Semaphore, Condition, Lock, Queue<u8>, Event);
    let args: Args = (Semaphore::new(0), Condition::new(), Lock::new(), Queue::new(), Event::new());
    // Threads of one process wait for all of it.
    let wait = |(ready, (semaphore, condition, lock, queue, event)): (Event, Args)| {
        std::thread::spawn(move || semaphore.acquire().map(drop));
        std::thread::spawn(move || queue.get().map(drop));
        std::thread::spawn(move || event.wait());
        let guard = lock.lock().unwrap();
        ready.set();
        let _ = condition.wait(guard);
    };
    for _ in 0..3 {
        kill_when_ready(wait, args.clone());
        // It may have been killed before it gave the lock away.
        args.2.recover();
    }
    let (semaphore, condition, lock, queue, event) = args;
    let waits = {
        let (semaphore, condition, lock, queue) =
            (semaphore.clone(), condition.clone(), lock.clone(), queue.clone());
        std::thread::spawn(move || -> Result<u8, TaskError> {
            semaphore.acquire()?.forget();
            let item = queue.get()?;
            event.wait_timeout(Duration::ZERO)?;
            drop(condition.wait(lock.lock()?)?);
            Ok(item)
        })
    };
    semaphore.release();
    queue.put(7).unwrap();
    // A notification goes to one that lives.
    assert!(wait_until(|| {
        condition.notify_one();
        std::thread::sleep(Duration::from_millis(5));
        waits.is_finished()
    }));
    assert_eq!(waits.join().unwrap(), Ok(7));
}

#[test]
fn a_queue_survives_whoever_is_killed_while_it_puts_and_gets() {
    let (queue, taken) = (Queue::<Vec<u64>>::bounded(50), Value::new(0_u64));
    let put_and_get = |(ready, (queue, taken)): (Event, (Queue<Vec<u64>>, Value<u64>))| {
        ready.set();
        for n in 0_u64.. {
            queue.put(vec![n; (n * 7 % 1_000) as usize]).unwrap();
            let item = queue.get().unwrap();
            assert!(item.iter().all(|n| item.len() as u64 == n * 7 % 1_000), "half an item");
            taken.update(|n| n + 1);
        }
    };
    for round in 0..15 {
        let ready = Event::new();
        let start = || Process::spawn(put_and_get, (ready.clone(), (queue.clone(), taken.clone()))).unwrap();
        let processes = [start(), start()];
        assert_eq!(ready.wait_timeout(LONG), Ok(true));
        std::thread::sleep(Duration::from_millis(round % 7));
        processes.iter().for_each(Process::kill);
        for process in &processes {
            assert_eq!(ended(process), Some(-libc::SIGKILL));
        }
        // Whole items are there, as many as the queue says. Each process has left one at most.
        let size = queue.qsize();
        assert!(size <= 2, "{size}");
        for _ in 0..size {
            let item = queue.get_timeout(LONG).unwrap();
            assert!(item.iter().all(|n| item.len() as u64 == n * 7 % 1_000));
        }
        assert_eq!(queue.try_get(), Ok(None));
    }
    assert!(taken.get() > 0);
}

#[test]
fn a_queue_of_open_files_survives_whoever_is_killed() {
    type Item = (u64, Connection<u64, ()>);
    let (queue, ready) = (Queue::<Item>::new(), Event::new());
    let put_and_get = |(ready, queue): (Event, Queue<Item>)| {
        for n in 0_u64.. {
            let (here, there) = Pipe::new();
            queue.put((n, there)).unwrap();
            ready.set();
            if let Ok((n, connection)) = queue.get() {
                // The other end may be gone with its process.
                let _ = connection.send(n);
            }
            drop(here);
        }
    };
    for round in 0..10 {
        ready.clear();
        let start = || Process::spawn(put_and_get, (ready.clone(), queue.clone())).unwrap();
        let processes = [start(), start()];
        assert_eq!(ready.wait_timeout(LONG), Ok(true));
        std::thread::sleep(Duration::from_millis(round % 5));
        processes.iter().for_each(Process::kill);
        drop(processes);
        // What was left has its files, or an error says that they are lost.
        while !queue.empty() {
            if let Err(error) = queue.get_timeout(LONG) {
                assert!(error.to_string().contains("open files"), "{error}");
            }
        }
    }
    // And each file belongs to its item.
    let ends: Vec<Connection<(), u64>> = (0..5)
        .map(|n| {
            let (here, there) = Pipe::new();
            queue.put((n, there)).unwrap();
            here
        })
        .collect();
    for _ in &ends {
        let (n, connection) = queue.get().unwrap();
        connection.send(n).unwrap();
    }
    assert!(ends.iter().map(|end| end.recv().unwrap()).eq(0..5));
}

#[test]
fn a_pipe_says_that_its_other_end_was_killed() {
    let (here, there) = Pipe::new::<u8, Vec<u8>>();
    let flood = |(ready, there): (Event, Connection<Vec<u8>, u8>)| {
        ready.set();
        while there.send(vec![1; 50_000]).is_ok() {}
    };
    kill_when_ready(flood, there);
    // What it has sent arrives, whole.
    assert!(here.iter().all(|message| message == vec![1; 50_000]));
    assert_eq!(error(here.recv()), Error::Closed("the other end of the pipe"));
}

#[test]
fn an_array_is_told_to_be_half_done() {
    let array = Array::new(&[1, 2, 3]);
    let stop = |(ready, array): (Event, Array<i32>)| {
        let _ = array.update(|all| {
            all.fill(9);
            ready.set();
            sleep();
        });
    };
    let pid = kill_when_ready(stop, array.clone());
    assert_eq!(array.to_vec(), [1, 2, 3]);
    assert_eq!(error(array.update(|_| ())), Error::HolderDied { pid });
    assert!(array.lock().recover());
    array.update(|all| all[0] = 0).unwrap();
    assert_eq!(array.to_vec(), [0, 2, 3]);
}

/// Three generations; the first is killed, or ends its `main` without a word to the second.
#[test]
fn no_process_outlives_the_one_that_started_it() {
    fn child(pids: Queue<u32>) {
        let grandchild = |pids: Queue<u32>| {
            pids.put(std::process::id()).unwrap();
            loop {
                // It does not wait for anything.
                std::hint::spin_loop();
            }
        };
        let _grandchild = Process::spawn(grandchild, pids.clone()).unwrap();
        pids.put(std::process::id()).unwrap();
        sleep();
    }
    let parents: [fn(&Process); 3] = [Process::kill, Process::terminate, |_| ()];
    for (index, end) in parents.into_iter().enumerate() {
        let pids = Queue::new();
        let parent = |(pids, forget, ended): (Queue<u32>, bool, Event)| {
            let process = Process::spawn(child, pids.clone()).unwrap();
            if forget {
                std::mem::forget(process);
                ended.wait().unwrap();
            } else {
                sleep();
            }
        };
        let may_end = Event::new();
        let process = Process::spawn(parent, (pids.clone(), index == 2, may_end.clone())).unwrap();
        let others: Vec<u32> = (0..2).map(|_| pids.get_timeout(LONG).unwrap()).collect();
        assert!(others.iter().all(|pid| exists(*pid)));
        may_end.set();
        end(&process);
        assert!(process.join_timeout(LONG).unwrap());
        for pid in others {
            assert!(wait_until(|| !exists(pid)), "an orphan");
        }
    }
}

/// In a process of its own, because other tests open and close files in this one.
#[test]
#[cfg(target_os = "linux")]
fn no_descriptor_is_left_and_no_file_has_a_name() {
    fn open_files() -> Vec<String> {
        let entries = std::fs::read_dir("/proc/self/fd").unwrap();
        let mut files: Vec<String> = entries
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .map(|path| path.to_string_lossy().into_owned())
            .filter(|path| !path.starts_with("/proc/"))
            .collect();
        files.sort();
        files
    }
    fn use_everything() {
        let before = open_files();
        type Args = (Queue<Connection<u32, u32>>, Lock, Semaphore, Condition, Event, (Value<u8>, Array<f64>));
        let shared = (Value::new(1), Array::new(&[1.0]));
        let args: Args =
            (Queue::new(), Lock::new(), Semaphore::new(1), Condition::new(), Event::new(), shared);
        let (here, there) = Pipe::new();
        let work = |(queue, lock, semaphore, condition, event, (value, _)): Args| {
            let there = queue.get().unwrap();
            there.send(value.get().into()).unwrap();
            let (guard, _permit) = (lock.lock().unwrap(), semaphore.acquire().unwrap());
            event.set();
            let _ = condition.wait(guard);
        };
        let process = Process::spawn(work, args.clone()).unwrap();
        let (queue, lock, _, _, event, _) = args;
        let of_shared_memory = |line: &str| line.contains("memfd:threadbook (deleted)");
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(maps.lines().any(of_shared_memory));
        assert!(!maps.contains("/dev/shm/"), "{maps}");
        // What is open now and was not before (such as where the output goes) has no path.
        let has_path = |file: &&String| file.starts_with('/') && !file.starts_with("/memfd:");
        let named: Vec<String> = open_files().into_iter().filter(|file| has_path(&file)).collect();
        assert!(named.iter().all(|file| before.contains(file)), "{named:?}");
        queue.put(there).unwrap();
        assert_eq!(here.recv(), Ok(1));
        event.wait().unwrap();
        process.kill();
        assert_eq!(process.join(), Ok(-libc::SIGKILL));
        // One whose files nobody takes out.
        queue.put(here).unwrap();
        drop(lock);
    }
    let check = |()| {
        use_everything();
        let before = open_files();
        for _ in 0..3 {
            use_everything();
        }
        assert_eq!(open_files(), before);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("memfd:threadbook"), "{maps}");
    };
    let process = Process::spawn(check, ()).unwrap();
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn a_time_out_is_no_reason_to_wait_longer() {
    // Many wake-ups that are of no use do not move the deadline.
    let (queue, other) = (Queue::<u8>::bounded(1), Event::new());
    queue.put(1).unwrap();
    let stop = Event::new();
    let disturb = |(queue, stop): (Queue<u8>, Event)| {
        while !stop.is_set() {
            let _ = queue.task_done();
        }
    };
    let process = Process::spawn(disturb, (queue.clone(), stop.clone())).unwrap();
    let start = Instant::now();
    assert_eq!(queue.put_timeout(2, SHORT), Err(TaskError::TimedOut));
    assert_eq!(other.wait_timeout(SHORT), Ok(false));
    assert!(start.elapsed() >= 2 * SHORT);
    stop.set();
    assert_eq!(ended(&process), Some(0));
}
