//! The cases of CPython's `_test_multiprocessing` about connections, each named after its original, and what is
//! ours.
//!
//! Left out are cases about pickling, listeners and sockets with an address, and offsets into buffers: a slice
//! does that in Rust.

use crate::common::{LONG, SHORT, ended, error};
use arbtest::arbtest;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};
use threadbook_executor::TaskError;
use threadbook_multiprocessing::{Barrier, Connection, Error, Event, Lock, Pipe, Process};
use threadbook_worker::Descriptor;

type Sender<T> = Connection<T, Infallible>;
type Receiver<T> = Connection<Infallible, T>;

#[test]
fn connection() {
    type Seq = (i32, f64, Option<u8>, Vec<u8>);
    let echo =
        |connection: Connection<Seq, Seq>| connection.iter().for_each(|seq| connection.send(seq).unwrap());
    let (here, there) = Pipe::new();
    let process = Process::spawn(echo, there).unwrap();
    let seq = (1, 2.25, None, b"hello world".to_vec());
    here.send(seq.clone()).unwrap();
    assert_eq!(here.recv(), Ok(seq.clone()));
    assert_eq!(here.poll(Duration::ZERO), Ok(false));
    let start = Instant::now();
    assert_eq!(here.poll(SHORT), Ok(false));
    assert_eq!(here.recv_timeout(SHORT), Err(TaskError::TimedOut));
    assert!(start.elapsed() >= 2 * SHORT);
    here.send(seq.clone()).unwrap();
    assert_eq!(here.poll(LONG), Ok(true));
    assert_eq!(here.recv(), Ok(seq.clone()));
    let really_big = (1, 2.25, Some(3), vec![b'X'; 16 << 20]);
    here.send(really_big.clone()).unwrap();
    assert!(here.recv() == Ok(really_big));
    drop(here);
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn duplex_false() {
    let (reader, writer) = Pipe::one_way();
    writer.send(1).unwrap();
    assert_eq!(reader.recv(), Ok(1));
    // To send at the reader, or to receive at the writer, is no program; the compiler says so.
    drop(writer);
    assert_eq!(error(reader.recv_timeout(LONG)), CLOSED);
}

/// What never came.
const CLOSED: Error = Error::Closed("the other end of the pipe");

#[test]
fn spawn_close() {
    let (here, there) = Pipe::new();
    let echo = |there: Connection<String, String>| there.send(there.recv()?);
    let process = Process::spawn(echo, there).unwrap();
    // The end is the child's alone now, though it has perhaps not begun yet.
    here.send("hello".to_owned()).unwrap();
    assert_eq!(here.recv_timeout(LONG), Ok("hello".to_owned()));
    assert_eq!(error(here.recv_timeout(LONG)), CLOSED);
    assert_eq!(error(here.send(String::new())), CLOSED);
    assert_eq!(error(here.recv()).to_string(), "the other end of the pipe is closed");
    assert_eq!(here.poll(LONG), Ok(true));
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn sendbytes() {
    let msg = b"abcdefghijklmnopqrstuvwxyz";
    let (a, b) = Pipe::new::<Vec<u8>, Infallible>();
    for part in [&msg[..], &msg[5..], &msg[7..7 + 8], &msg[26..]] {
        a.send(part.to_vec()).unwrap();
        assert_eq!(b.recv(), Ok(part.to_vec()));
    }
}

#[test]
fn fd_transfer() {
    let write = |connection: Connection<(), Descriptor>| {
        let file = connection.recv().unwrap().into_owned().unwrap();
        std::fs::File::from(file).write_all(b"foo").unwrap();
    };
    let (here, there) = Pipe::new();
    let process = Process::spawn(write, there).unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    here.send(Descriptor::from(OwnedFd::from(writer))).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "foo");
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn large_fd_transfer() {
    let (here, there) = Pipe::new::<Descriptor, Infallible>();
    let file = std::fs::File::open("/dev/zero").unwrap();
    // SAFETY: the descriptor is open, and what comes back is new.
    let large = unsafe {
        let number = libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 300);
        <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(number)
    };
    assert!(large.as_raw_fd() >= 300);
    here.send(large.into()).unwrap();
    let mut byte = [1];
    std::fs::File::from(there.recv().unwrap().into_owned().unwrap()).read_exact(&mut byte).unwrap();
    assert_eq!(byte, [0]);
}

#[test]
fn missing_fd_transfer() {
    // A value that is no open file comes where one is awaited.
    let (here, there) = Pipe::new::<u32, Infallible>();
    let there: Connection<Infallible, Descriptor> = as_other(there);
    here.send(0).unwrap();
    let Err(TaskError::Failed(said)) = there.recv() else { panic!() };
    assert!(said.to_string().contains("did not come"), "{said}");
}

/// The same end, of which something else is believed.
fn as_other<T: serde::Serialize + 'static, U: serde::de::DeserializeOwned + 'static>(value: T) -> U {
    threadbook_worker::Message::new(&value).unwrap().read().unwrap()
}

#[test]
fn what_is_of_another_type_is_an_error_and_the_next_message_arrives() {
    let (here, there) = Pipe::new::<Option<u8>, Infallible>();
    let there: Connection<Infallible, u8> = as_other(there);
    here.send(None).unwrap();
    here.send(Some(7)).unwrap();
    assert!(there.recv().unwrap_err().to_string().contains("no value of type u8"));
    assert_eq!(there.recv(), Ok(7));
}

#[test]
fn context() {
    let (a, b) = Pipe::new::<u32, u32>();
    a.send(1729).unwrap();
    assert_eq!(b.recv(), Ok(1729));
    let clone = b.clone();
    drop(b);
    a.send(1730).unwrap();
    drop(a);
    assert_eq!(clone.recv(), Ok(1730));
    assert_eq!(error(clone.recv()), CLOSED);
}

#[test]
fn what_was_sent_arrives_though_the_sender_closed_with_messages_of_its_own_unread() {
    let (a, b) = Pipe::new::<u32, u32>();
    b.send(1).unwrap();
    a.send(2).unwrap();
    drop(a);
    assert_eq!(b.recv(), Ok(2));
    assert_eq!(error(b.recv()), CLOSED);
}

#[test]
fn empty_string() {
    let (a, b) = Pipe::new::<(), String>();
    assert_eq!(a.poll(Duration::ZERO), Ok(false));
    b.send(String::new()).unwrap();
    assert_eq!(a.poll(Duration::ZERO), Ok(true));
    assert_eq!(a.poll(Duration::ZERO), Ok(true));
    assert_eq!(a.recv(), Ok(String::new()));
    assert_eq!(a.poll(Duration::ZERO), Ok(false));
}

#[test]
fn strings() {
    let strings = ["hello", "", "a", "b", "", "bye", "", "lop"].map(str::to_owned).to_vec();
    let send = |(sender, strings): (Sender<String>, Vec<String>)| {
        for string in strings {
            std::thread::sleep(Duration::from_millis(5));
            sender.send(string).unwrap();
        }
    };
    let (a, b) = Pipe::one_way();
    let process = Process::spawn(send, (b, strings.clone())).unwrap();
    for string in strings {
        assert_eq!(a.poll(LONG), Ok(true));
        assert_eq!(a.recv(), Ok(string));
    }
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn boundaries() {
    let (reader, writer) = Pipe::one_way::<String>();
    let go_on = Event::new();
    // To look for a message takes no part of it away.
    let poll = |(reader, go_on): (Receiver<String>, Event)| {
        assert!(reader.poll(LONG).unwrap());
        go_on.set();
    };
    let process = Process::spawn(poll, (reader.clone(), go_on.clone())).unwrap();
    writer.send("first".to_owned()).unwrap();
    writer.send("second".to_owned()).unwrap();
    assert_eq!(go_on.wait_timeout(LONG), Ok(true));
    assert_eq!(ended(&process), Some(0));
    assert_eq!([reader.recv(), reader.recv()], ["first", "second"].map(|text| Ok(text.to_owned())));
}

#[test]
fn dont_merge() {
    let (a, b) = Pipe::one_way();
    assert_eq!(a.poll(Duration::ZERO), Ok(false));
    assert_eq!(a.poll(SHORT), Ok(false));
    let send = |b: Sender<String>| ["a", "b", "cd"].into_iter().try_for_each(|text| b.send(text.to_owned()));
    let process = Process::spawn(send, b).unwrap();
    for text in ["a", "b", "cd"] {
        assert_eq!(a.poll(LONG), Ok(true));
        assert_eq!(a.poll(Duration::ZERO), Ok(true));
        assert_eq!(a.recv(), Ok(text.to_owned()));
    }
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn access() {
    type Ends = Result<Sender<String>, Receiver<String>>;
    let child = |connection: Connection<String, Ends>| {
        let writer = connection.recv().unwrap().ok().unwrap();
        writer.send("all is well".to_owned()).unwrap();
        drop(writer);
        let reader = connection.recv().unwrap().err().unwrap();
        connection.send(reader.recv().unwrap().repeat(2)).unwrap();
    };
    let (here, there) = Pipe::new::<Ends, String>();
    let process = Process::spawn(child, there).unwrap();
    let (reader, writer) = Pipe::one_way();
    here.send(Ok(writer)).unwrap();
    assert_eq!(reader.recv_timeout(LONG), Ok("all is well".to_owned()));
    assert_eq!(error(reader.recv_timeout(LONG)), CLOSED);
    let (reader, writer) = Pipe::one_way();
    here.send(Err(reader)).unwrap();
    writer.send("foobar".to_owned()).unwrap();
    assert_eq!(here.recv_timeout(LONG), Ok("foobarfoobar".to_owned()));
    assert_eq!(ended(&process), Some(0));
}

/// Python's case of a barrier, a lock and one end that several processes use.
#[test]
fn thousand() {
    const N: usize = 3;
    const PASSES: u32 = 200;
    type Args = (Barrier, Sender<u32>, Lock);
    let pass = |(barrier, sender, lock): Args| {
        for n in 0..PASSES {
            barrier.wait().unwrap();
            let _guard = lock.lock().unwrap();
            sender.send(n).unwrap();
        }
    };
    let (barrier, lock) = (Barrier::new(N), Lock::new());
    let (receiver, sender) = Pipe::one_way();
    let processes: Vec<Process> = (0..N)
        .map(|_| Process::spawn(pass, (barrier.clone(), sender.clone(), lock.clone())).unwrap())
        .collect();
    drop(sender);
    let all: Vec<u32> = receiver.iter().collect();
    assert!(all.into_iter().eq((0..PASSES).flat_map(|n| [n; N])));
    assert!(processes.iter().all(|process| ended(process) == Some(0)));
}

#[test]
fn a_full_pipe_waits_and_nothing_is_lost() {
    let (receiver, sender) = Pipe::one_way::<(u64, Vec<u8>)>();
    let send = |sender: Sender<(u64, Vec<u8>)>| {
        for n in 0..2_000_u64 {
            sender.send((n, vec![n as u8; (n * 37 % 1_000) as usize])).unwrap();
        }
    };
    let process = Process::spawn(send, sender).unwrap();
    // The sender gets ahead until the pipe is full.
    assert!(!process.join_timeout(SHORT).unwrap());
    for (expected, (n, bytes)) in receiver.iter().enumerate() {
        assert_eq!((n, bytes.len() as u64), (expected as u64, n * 37 % 1_000));
        assert!(bytes.iter().all(|byte| *byte == n as u8));
    }
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn all_sizes_arrive_whole() {
    let (a, b) = Pipe::new::<Vec<u8>, Infallible>();
    arbtest(|random| {
        let around = *random.choose(&[0_usize, 32 << 10, 64 << 10, 1 << 20])?;
        let length = (around + random.int_in_range(0..=64_usize)?).saturating_sub(32);
        let message: Vec<u8> = (0..length).map(|n| (n * 31 % 251) as u8).collect();
        a.send(message.clone()).unwrap();
        assert!(b.recv() == Ok(message));
        Ok(())
    })
    .budget_ms(1_000);
}

#[test]
fn a_hundred_megabytes_go_through() {
    let (here, there) = Pipe::new::<Vec<u8>, Vec<u8>>();
    let turn = |there: Connection<Vec<u8>, Vec<u8>>| {
        let mut bytes = there.recv().unwrap();
        bytes.reverse();
        there.send(bytes).unwrap();
    };
    let process = Process::spawn(turn, there).unwrap();
    let large: Vec<u8> = (0..100_u32 << 20).map(|n| (n % 251) as u8).collect();
    here.send(large.clone()).unwrap();
    assert!(here.recv_timeout(LONG).unwrap().iter().rev().eq(&large));
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn an_end_that_a_process_drops_is_closed_while_the_process_goes_on() {
    let (here, there) = Pipe::new::<(), u8>();
    let go_on = Event::new();
    let drop_it = |(there, go_on): (Connection<u8, ()>, Event)| {
        there.send(1).unwrap();
        drop(there);
        assert!(go_on.wait_timeout(LONG).unwrap());
    };
    let process = Process::spawn(drop_it, (there, go_on.clone())).unwrap();
    assert_eq!(here.recv_timeout(LONG), Ok(1));
    assert_eq!(error(here.recv_timeout(LONG)), Error::Closed("the other end of the pipe"));
    go_on.set();
    assert_eq!(ended(&process), Some(0));
}
