"""Objects that outlive their cell: a later cell uses them and closes them as in a program, and a death of the process
leaves them usable, or closed and named in the error."""

import os
import re
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from helpers import interrupting, ok, run_cell, wait_until
from helpers import rough_kernel, rough_kernels  # noqa: F401 (fixtures)

IMPORTS = """\
use std::fs::{File, OpenOptions};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use rayon::prelude::*;
unsafe extern "C" {
    fn fcntl(descriptor: i32, command: i32, argument: i32) -> i32;
    fn eventfd(value: u32, flags: i32) -> i32;
    fn memfd_create(name: *const std::ffi::c_char, flags: u32) -> i32;
    fn timerfd_create(clock: i32, flags: i32) -> i32;
    fn timerfd_settime(timer: i32, flags: i32, new: *const [i64; 4], old: *mut [i64; 4]) -> i32;
    fn posix_openpt(flags: i32) -> i32;
    fn grantpt(master: i32) -> i32;
    fn unlockpt(master: i32) -> i32;
    fn ptsname(master: i32) -> *const std::ffi::c_char;
}
thread_local! { static LOCAL: std::cell::Cell<u8> = const { std::cell::Cell::new(0) }; }
let place: std::path::PathBuf = std::env::temp_dir().join(format!("threadbook-across-{}", std::process::id()));
std::fs::create_dir_all(&place)?;"""


@dataclass
class Kept:
    """An object: its cell, a later cell that uses it, and a last one after the process has died; with their results."""

    define: str
    use: tuple[str, str]
    after: tuple[str, str]
    #: Words of the error that names what is lost.
    lost: str | None = None


CLOSED = "Some(BrokenPipe)"
REFUSED = "Some(ConnectionRefused)"

OBJECTS = {
    "a child and its pipes": Kept(
        'let mut sort = std::process::Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;',
        ('writeln!(sort.stdin.as_mut().unwrap(), "b\\na")?; String::from_utf8(sort.wait_with_output()?.stdout)?', '"a\\nb\\n"'),
        ('sort.stdin.as_mut().unwrap().write_all(b"x").err().map(|error| error.kind())', CLOSED),
        "pipe",
    ),
    "a child of the companion": Kept(
        'let child = subprocess::spawn(Command::new("sort").input("b\\na").stdout(subprocess::Redirect::Pipe))?;',
        ("String::from_utf8(child.communicate()?.0)?", '"a\\nb\\n"'),
        ("child.communicate()?.0.len()", "it was started before this process was restored"),
        "pipe",
    ),
    "a pipe": Kept(
        "let (mut reader, mut writer) = std::io::pipe()?;",
        ("drop(writer); reader.read(&mut [0; 8])?", "0"),
        ('writer.write_all(b"abc")?; reader.read(&mut [0; 8])?', "3"),
    ),
    "a reader whose writer is a child's": Kept(
        'let mut cat = std::process::Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;\n'
        "let mut out = cat.stdout.take().unwrap();",
        ("drop(cat.stdin.take()); out.read(&mut [0; 8])?", "0"),
        ("out.read(&mut [0; 8])?", "0"),
        "pipe",
    ),
    "a pair of Unix sockets": Kept(
        "let (mut one, mut other) = UnixStream::pair()?;",
        ("drop(one); other.read(&mut [0; 8])?", "0"),
        ('one.write_all(b"abc")?; other.read(&mut [0; 8])?', "3"),
    ),
    "a pair of Unix datagram sockets": Kept(
        "let (sender, receiver) = UnixDatagram::pair()?;",
        ('drop(receiver); sender.send(b"abc").err().map(|error| error.kind())', REFUSED),
        ('sender.send(b"abc")?; receiver.recv(&mut [0; 8])?', "3"),
    ),
    "a TCP listener": Kept(
        'let listener = TcpListener::bind("127.0.0.1:0")?; let address = listener.local_addr()?;',
        ("drop(listener); let listener = TcpListener::bind(address)?; listener.local_addr()? == address", "true"),
        ("TcpStream::connect(address).err().map(|error| error.kind())", REFUSED),
        "the listener on 127.0.0.1:",
    ),
    "a TCP connection": Kept(
        'let server = TcpListener::bind("127.0.0.1:0")?; let client = TcpStream::connect(server.local_addr()?)?;\n'
        "let mut served = server.accept()?.0;",
        ("drop(client); served.read(&mut [0; 8])?", "0"),
        ('(served.read(&mut [0; 8])?, served.write(b"x").err().map(|error| error.kind()))', f"(0, {CLOSED})"),
        "the connection to 127.0.0.1:",
    ),
    "a UDP socket": Kept(
        'let udp = UdpSocket::bind("127.0.0.1:0")?; let port = udp.local_addr()?;',
        ("drop(udp); UdpSocket::bind(port)?.local_addr()? == port", "true"),
        ("UdpSocket::bind(port)?.local_addr()? == port", "true"),
        "the socket on 127.0.0.1:",
    ),
    "a Unix listener": Kept(
        'let path = place.join("socket"); let _ = std::fs::remove_file(&path); let unix = UnixListener::bind(&path)?;',
        ("drop(unix); UnixStream::connect(&path).err().map(|error| error.kind())", REFUSED),
        ("UnixStream::connect(&path).err().map(|error| error.kind())", REFUSED),
        "/socket",
    ),
    "a lock on a file": Kept(
        'let locked = File::create(place.join("lock"))?; locked.lock()?;',
        ('drop(locked); File::open(place.join("lock"))?.try_lock().is_ok()', "true"),
        ('(&locked).write_all(b"abc")?; (File::open(place.join("lock"))?.try_lock().is_ok(), std::fs::read(place.join("lock"))?.len())', "(true, 3)"),
        "the lock on ",
    ),
    "a shared lock on a file": Kept(
        'let shared = File::create(place.join("shared"))?; shared.lock_shared()?;',
        ('drop(shared); File::open(place.join("shared"))?.try_lock().is_ok()', "true"),
        ('File::open(place.join("shared"))?.try_lock().is_ok()', "true"),
        "the lock on ",
    ),
    "a lease on a file": Kept(
        'std::fs::write(place.join("lease"), "")?; let leased = File::open(place.join("lease"))?;\n'
        "assert_eq!(unsafe { fcntl(leased.as_raw_fd(), 1024, 0) }, 0);",
        ('drop(leased); OpenOptions::new().write(true).custom_flags(0o4000).open(place.join("lease")).is_ok()', "true"),
        ('OpenOptions::new().write(true).custom_flags(0o4000).open(place.join("lease")).is_ok()', "true"),
        "the lock on ",
    ),
    "a pseudo-terminal": Kept(
        "let mut master = unsafe { File::from_raw_fd(posix_openpt(0o2000402)) };\n"
        "let mut slave = unsafe {\n"
        "    assert_eq!((grantpt(master.as_raw_fd()), unlockpt(master.as_raw_fd())), (0, 0));\n"
        "    let name = std::ffi::CStr::from_ptr(ptsname(master.as_raw_fd())).to_str()?;\n"
        "    OpenOptions::new().read(true).write(true).custom_flags(0o400).open(name)?\n"
        "};",
        ("drop(slave); master.read(&mut [0; 8]).err().and_then(|error| error.raw_os_error())", "Some(5)"),
        ("master.read(&mut [0; 8])?", "0"),
        "terminal",
    ),
    "a file": Kept(
        'let mut file = File::create_new(place.join("file")).or_else(|_| File::create(place.join("file")))?; file.write_all(b"ab")?;',
        ('file.write_all(b"c")?; std::fs::read_to_string(place.join("file"))?', '"abc"'),
        ('file.write_all(b"d")?; std::fs::read_to_string(place.join("file"))?', '"abd"'),
    ),
    "memory of a descriptor": Kept(
        'let mut memory = unsafe { File::from_raw_fd(memfd_create(c"m".as_ptr(), 1)) }; memory.write_all(b"ab")?;',
        ('memory.write_all(b"c")?; memory.metadata()?.len()', "3"),
        ('memory.write_all(b"d")?; memory.metadata()?.len()', "3"),
    ),
    "a counter of events": Kept(
        "let mut events = unsafe { File::from_raw_fd(eventfd(3, 0o2000000)) };",
        ("let mut count = [0; 8]; events.read_exact(&mut count)?; u64::from_ne_bytes(count)", "3"),
        ("events.write_all(&5u64.to_ne_bytes())?; let mut count = [0; 8]; events.read_exact(&mut count)?; u64::from_ne_bytes(count) >= 5", "true"),
    ),
    "a timer": Kept(
        "let mut timer = unsafe { File::from_raw_fd(timerfd_create(1, 0o2000000)) };\n"
        "unsafe { timerfd_settime(timer.as_raw_fd(), 0, &[0, 0, 0, 1_000_000], std::ptr::null_mut()) };",
        ("let mut count = [0; 8]; timer.read_exact(&mut count)?; u64::from_ne_bytes(count)", "1"),
        ("unsafe { timerfd_settime(timer.as_raw_fd(), 0, &[0, 0, 0, 1_000_000], std::ptr::null_mut()) }; timer.read(&mut [0; 8])?", "8"),
    ),
    "a thread": Kept(
        "let thread = std::thread::spawn(|| 7);",
        ("thread.join().unwrap()", "7"),
        ("thread.join().is_ok()", "`thread` is gone: its thread has ended with an earlier process"),
    ),
    "threads within a type of the session": Kept(
        "struct Worker { thread: Option<std::thread::JoinHandle<u8>> }\n"
        "let workers: Vec<Worker> = (0..40).map(|n| Worker { thread: Some(std::thread::spawn(move || n)) }).collect();",
        ("workers.into_iter().map(|worker| worker.thread.unwrap().join().unwrap()).max().unwrap()", "39"),
        ("drop(workers);", "`workers` is gone: its thread has ended with an earlier process"),
    ),
    "a thread-local value": Kept(
        "LOCAL.set(7);",
        ("LOCAL.get()", "7"),
        ("LOCAL.get()", "7"),
    ),
    "rayon in a thread of its own": Kept(
        "let sum: u32 = (0..10u32).into_par_iter().sum();",
        ("std::thread::spawn(|| (0..10u32).into_par_iter().sum::<u32>()).join().unwrap()", "45"),
        ("std::thread::spawn(|| (0..11u32).into_par_iter().sum::<u32>()).join().unwrap()", "55"),
    ),
    "rayon's spawn": Kept(
        "let (to, from) = mpsc::channel::<u32>();",
        ("let send = to.clone(); rayon::spawn(move || send.send(1).unwrap()); from.recv()?", "1"),
        ("let send = to.clone(); std::thread::spawn(move || rayon::spawn(move || send.send(2).unwrap())); from.recv()?", "2"),
    ),
    "a task": Kept(
        "let task = tokio::spawn(async { 7 }); tokio::time::sleep(Duration::from_millis(1)).await;",
        ("task.await?", "7"),
        ("task.await?", "`task` is gone: its thread has ended with an earlier process"),
    ),
    "a runtime of one's own": Kept(
        "let runtime = Arc::new(tokio::runtime::Builder::new_current_thread().enable_all().build()?);",
        ("let r = runtime.clone(); std::thread::spawn(move || r.block_on(async { 7 })).join().unwrap()", "7"),
        ("let r = runtime.clone(); std::thread::spawn(move || r.block_on(async { 8 })).join().unwrap()", "8"),
    ),
    "tokio's processes": Kept(
        'let first = tokio::process::Command::new("true").status().await?.success();',
        ('tokio::process::Command::new("false").status().await?.success()', "false"),
        ('tokio::process::Command::new("true").status().await?.success()', "true"),
    ),
    "a channel": Kept(
        "let (sends, receives) = mpsc::channel(); sends.send(1)?;",
        ("sends.send(2)?; receives.try_iter().sum::<i32>()", "3"),
        ("sends.send(4)?; receives.try_iter().sum::<i32>()", "5"),
    ),
    "a mutex": Kept(
        "let mutex = Arc::new(Mutex::new(1));",
        ("*mutex.lock().unwrap() += 1; let m = mutex.clone(); std::thread::spawn(move || *m.lock().unwrap()).join().unwrap()", "2"),
        ("*mutex.lock().unwrap() += 2; let m = mutex.clone(); std::thread::spawn(move || *m.lock().unwrap()).join().unwrap()", "3"),
    ),
    "a thread pool": Kept(
        "let threads = ThreadPoolExecutor::new(2); let future = threads.submit(|| 1);",
        ("future.result()? + threads.submit(|| 2).result()?", "3"),
        ("threads.submit(|| (0..10u32).into_par_iter().sum::<u32>()).result()?", "45"),
    ),
    "a pool of processes": Kept(
        "fn triple(n: u32) -> u32 { 3 * n }\nlet processes = ProcessPoolExecutor::new(2);",
        ("processes.submit(triple, 2).result()?", "6"),
        ("processes.submit(triple, 3).result()?", "9"),
    ),
    "a shared value and a queue": Kept(
        "let value = multiprocessing::Value::new(5i32); let queue = multiprocessing::Queue::<i32>::new(); queue.put(1)?;",
        ("value.update(|n| n + 1); value.get() + queue.get()?", "7"),
        ("queue.put(2)?; value.update(|n| n + 1); value.get() + queue.get()? + queue.get()?", "9"),
    ),
    "a connection of two processes": Kept(
        "let (here, there) = multiprocessing::Pipe::new::<i32, i32>(); here.send(1)?;",
        ("let got = there.recv()?; drop(here); (got, there.recv().is_err())", "(1, true)"),
        ("there.recv_timeout(Duration::from_secs(60)).is_err()", "true"),
    ),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_a_later_cell_uses_and_closes_it(rough_kernel, name):
    kc, kept = rough_kernel.client, OBJECTS[name]
    ok(kc, IMPORTS)
    ok(kc, kept.define)
    code, expected = kept.use
    assert ok(kc, code).result == expected


@pytest.mark.parametrize("how", ["death", "interrupt"])
def test_what_is_left_of_it_in_a_restored_process(rough_kernel, how):
    kc = rough_kernel.client
    ok(kc, IMPORTS)
    # Twice: the process of the first death was restored itself in the second.
    assert run_cell(kc, "std::process::abort();").status == "error"
    for kept in OBJECTS.values():
        ok(kc, kept.define)
    if how == "death":
        died = run_cell(kc, "std::process::abort();")
    else:
        died = run_cell(kc, 'println!("going"); loop { std::hint::spin_loop(); }', on_message=interrupting(rough_kernel))
    assert died.status == "error" and "as they were before this cell" in died.traceback, died
    said = " ".join(died.traceback.replace("|", " ").split())
    silent = [name for name, kept in OBJECTS.items() if kept.lost and kept.lost not in said]
    assert not silent, (silent, said)
    results = {name: run_cell(kc, kept.after[0]) for name, kept in OBJECTS.items()}
    wrong = {name: result for name, result in results.items() if OBJECTS[name].after[1] not in (result.result or result.complaint)}
    assert not wrong, "\n".join(f"{name}: {result.result} {result.traceback}" for name, result in wrong.items())


def test_descriptors_that_are_used_up_leave_room_for_the_next_cell(rough_kernel):
    kc = rough_kernel.client
    ok(kc, "use std::fs::File; let mut files: Vec<File> = Vec::new();")
    for _ in range(2):
        full = ok(kc, 'let error = loop { match File::open("/dev/null") { Ok(file) => files.push(file), Err(error) => break error } };\nerror.raw_os_error()')
        assert full.result == "Some(24)"
        assert ok(kc, "files.len() > 100").result == "true"
        assert run_cell(kc, "std::process::abort();").status == "error"
        assert ok(kc, "files.clear(); File::open(\"/dev/null\").is_ok()").result == "true"


#: Mappings, of which the system allows a process a number, until they are dropped.
MAPS = """unsafe extern "C" {
    fn mmap(start: usize, length: usize, protection: i32, flags: i32, file: i32, offset: i64) -> usize;
    fn mprotect(start: usize, length: usize, protection: i32) -> i32;
    fn munmap(start: usize, length: usize) -> i32;
}
const PAGE: usize = 4096;
struct Maps { start: usize, length: usize }
impl Maps {
    fn limit() -> usize {
        std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap()
    }
    /// So many, or as many as there are.
    fn new(count: usize) -> Maps {
        let length = (count + 1) * PAGE;
        let start = unsafe { mmap(0, length, 0, 0x4022, -1, 0) };
        // Each second page gets another protection, so that no page is in the mapping of its neighbour.
        (1..count).step_by(2).all(|n| unsafe { mprotect(start + n * PAGE, PAGE, 1) } == 0);
        Maps { start, length }
    }
}
impl Drop for Maps {
    fn drop(&mut self) { unsafe { munmap(self.start, self.length) }; }
}"""


@pytest.mark.skipif(not Path("/proc/sys/vm/max_map_count").exists(), reason="this system has no limit")
def test_mappings_that_are_used_up_leave_room_for_the_next_cell(rough_kernel):
    kc = rough_kernel.client
    ok(kc, MAPS)
    ok(kc, "let maps = Maps::new(2 * Maps::limit());")
    for _ in range(2):
        full = ok(kc, "maps.length > 0")
        assert full.result == "true"
        assert re.search(r"this session has \d+ of the \d+ memory mappings .* restart the kernel", full.stderr), full
        assert run_cell(kc, "std::process::abort();").status == "error"
    ok(kc, "drop(maps);")
    again = ok(kc, "1 + 1")
    assert (again.result, again.stderr) == ("2", "")


@pytest.mark.skipif(not Path("/proc/sys/vm/max_map_count").exists(), reason="this system has no limit")
def test_a_session_is_warned_long_before_it_has_no_mappings(rough_kernel):
    """After some ten thousand different cells: here, other mappings take their place."""
    kc = rough_kernel.client
    ok(kc, MAPS)
    ok(kc, "let maps = Maps::new(Maps::limit() * 4 / 5);")
    said = [result.stderr for result in (ok(kc, "1 + 1") for _ in range(300)) if result.stderr]
    assert len(said) in (1, 2) and "memory mappings that the system allows a process" in said[0], said


def is_left(group: Path, home: Path) -> bool:
    """Moves the processes of a group to another one, and removes it. Those that start meanwhile are left for the next time."""
    for process in (group / "cgroup.procs").read_text().split():
        with suppress(OSError):
            (home / "cgroup.procs").write_text(process)
    with suppress(OSError):
        group.rmdir()
    return not group.exists()


@contextmanager
def limited_threads(pid: int):
    """Gives a process and what it starts a limit of threads of their own; yields its file. Nothing where only an administrator can."""
    candidates = [Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")]
    name = f"threadbook-{os.getpid()}-{pid}"
    for parent in candidates:
        group = parent / name
        try:
            group.mkdir()
        except OSError:
            continue
        if not (group / "pids.max").exists():
            group.rmdir()
            continue
        home = next(line.split(":")[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if "pids" in line or line.startswith("0::"))
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            (group / "cgroup.procs").write_text(str(process.pid))
        try:
            yield group / "pids.max"
        finally:
            (group / "pids.max").write_text("max")
            assert wait_until(lambda: is_left(group, parent / home.lstrip("/")), 30), (group / "cgroup.procs").read_text()
        return
    warnings.warn("no limit of threads was tried, which needs an administrator")
    yield None


def test_threads_that_are_used_up_are_said_to_be(rough_kernel):
    """The limit of a container. Nothing can be compiled then, and no variable is lost."""
    kc = rough_kernel.client
    with limited_threads(rough_kernel.manager.provisioner.pid) as limit:
        if limit is None:
            return
        ok(kc, "let (stop, stopped) = std::sync::mpsc::channel::<()>();\nlet stopped = std::sync::Arc::new(std::sync::Mutex::new(stopped));")
        limit.write_text("200")
        ok(kc, "let threads = std::iter::from_fn(|| { let stopped = stopped.clone(); std::thread::Builder::new().spawn(move || { let _ = stopped.lock().unwrap().recv(); }).ok() }).collect::<Vec<_>>();")
        for _ in range(2):
            failed = run_cell(kc, "threads.len() + 1")
            assert failed.errors[0]["ename"] == "ThreadsUsedUp" and "restart the kernel" in failed.traceback, failed
        limit.write_text("max")
        assert int(ok(kc, "threads.len()").result) > 50
        ok(kc, "drop(stop); for thread in threads { thread.join().unwrap(); }")


def test_the_handle_of_a_thread_is_never_dropped_in_a_restored_process(rough_kernel):
    """Not even if the next cell has nothing to run, and a later one gives the name to another variable."""
    kc = rough_kernel.client
    ok(kc, "struct Loud { _thread: std::thread::JoinHandle<()> }\nimpl Drop for Loud { fn drop(&mut self) { println!(\"dropped\"); } }")
    ok(kc, "let loud = Loud { _thread: std::thread::spawn(|| ()) };")
    assert ok(kc, "drop(Loud { _thread: std::thread::spawn(|| ()) });").stdout == "dropped\n"
    assert run_cell(kc, "std::process::abort();").status == "error"
    ok(kc, "fn between() {}")
    assert ok(kc, "let loud = 1;").stdout == ""
