//! A forked copy of the process, as a notebook makes after each cell.

use crate::common::{LONG, alone, ended};
use std::io::{Read, Write};
use threadbook_multiprocessing::{Connection, Event, Lock, Pipe, Process, Queue, Value};

#[test]
fn a_copy_of_the_process_goes_on_with_shared_values() {
    if !alone("fork::a_copy_of_the_process_goes_on_with_shared_values") {
        return;
    }
    let (here, there) = Pipe::new::<u32, u32>();
    let echo = |there: Connection<u32, u32>| there.iter().for_each(|n| there.send(n + 1).unwrap());
    let process = Process::spawn(echo, there).unwrap();
    here.send(1).unwrap();
    assert_eq!(here.recv_timeout(LONG), Ok(2));
    let go_on = Event::new();
    let waiting = Process::spawn(|go_on: Event| go_on.wait(), go_on.clone()).unwrap();
    let (queue, lock, value) = (Queue::new(), Lock::new(), Value::new(1));
    let guard = lock.lock().unwrap();

    let (mut reader, mut writer) = std::io::pipe().unwrap();
    // SAFETY: the child runs only what is here and ends with `_exit`.
    let copy = unsafe { libc::fork() };
    assert!(copy >= 0, "no process could be started");
    if copy == 0 {
        let check = || {
            // A notebook's copy closes all sockets, too.
            drop(here);
            // A sleep until the original has seen to its own part, or is gone.
            drop(writer);
            assert_eq!(reader.read(&mut [0]).unwrap(), 1);
            // A lock of the original is not the copy's, also if the copy has the guard.
            drop(guard);
            assert!(lock.locked());
            assert_eq!(queue.get_timeout(LONG), Ok(5));
            value.update(|n| n * 10);
            assert!(waiting.is_alive());
            go_on.set();
            // Nobody tells the copy how the original's child ended, but that it did.
            assert_eq!(waiting.join_timeout(LONG), Ok(true));
            assert_eq!(waiting.exitcode(), None);
            // It can start processes of its own.
            let child =
                Process::spawn(|value: Value<i32>| assert_eq!(value.update(|n| n + 7), 17), value.clone())
                    .unwrap();
            assert_eq!(child.join(), Ok(0));
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
        // SAFETY: ends the child at once, without running handlers that belong to the parent.
        unsafe { libc::_exit(i32::from(outcome.is_err())) };
    }

    here.send(2).unwrap();
    assert_eq!(here.recv_timeout(LONG), Ok(3));
    drop(here);
    assert_eq!(ended(&process), Some(0));
    queue.put(5).unwrap();
    writer.write_all(&[1]).unwrap();
    let mut status = 0;
    // SAFETY: `status` is valid for writing, and the child is ours.
    assert_eq!(unsafe { libc::waitpid(copy, &raw mut status, 0) }, copy);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status}");
    assert_eq!(value.get(), 17);
    assert_eq!(ended(&waiting), Some(0));
    drop(guard);
    assert!(!lock.locked());
}
