"""Process pools from cells: functions of any cell, what is refused, what a death costs, and interrupts."""

import re

import psutil
import pytest

from helpers import collect, follow, interrupting, ok, run_cell, send_cell, until, wait_until
from helpers import rough_kernel, rough_kernels  # noqa: F401 (fixtures)

PRIME = "fn is_prime(n: u64) -> bool { n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0) }"
NOTES = "[112272535095293u64, 112582705942171, 115797848077099]"


@pytest.fixture
def kc(rough_kernel):
    return rough_kernel.client


def workers(kernel) -> set[psutil.Process]:
    """Processes that are workers: those whose environment says so, before they forget it."""
    found = set()
    for process in kernel.processes():
        try:
            if process.ppid() and "THREADBOOK_WORKER" in process.environ():
                found.add(process)
        except psutil.Error:
            continue
    return found


def test_the_notes_example_on_processes(rough_kernel, kc):
    before = workers(rough_kernel)
    ok(kc, PRIME)
    ok(kc, "let procs = ProcessPoolExecutor::new(2);")
    primes = ok(kc, f"procs.map(is_prime, {NOTES}).map(Result::unwrap).collect::<Vec<_>>()")
    assert primes.result == "[true, true, true]"
    shown = ok(kc, "procs.timeline()").shown[-1]
    assert re.search(r"pid \d+", shown["text/plain"]), shown["text/plain"]
    assert "is_prime" in shown["image/svg+xml"]
    # A function that is defined anew is the new one.
    ok(kc, "fn is_prime(n: u64) -> bool { n == 4 }")
    assert ok(kc, "procs.map(is_prime, [4u64, 5]).map(Result::unwrap).collect::<Vec<_>>()").result == "[true, false]"
    # Types of a cell, generic functions, closures, chunks, and the other executors by one word.
    ok(kc, "#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)] struct Point { x: f64, y: Option<String> }")
    point = 'Point { x: 1.5, y: Some("né 🦀".into()) }'
    assert ok(kc, f"procs.submit(|p: Point| vec![p.clone(), p], {point}).result()?[1].y").result == 'Some("né 🦀")'
    ok(kc, "fn twice<T: Clone>(t: T) -> (T, T) { (t.clone(), t) }")
    assert ok(kc, 'procs.submit(twice, "a".to_string()).result()?').result == '("a", "a")'
    assert ok(kc, "procs.map_chunked(|n: u64| n * n, 0..1000, 100).map(Result::unwrap).sum::<u64>()").result == "332833500"
    ok(kc, "fn total(executor: &impl Executor) -> u64 { executor.run_all(|n: u64| n + 1, vec![1, 2]).into_iter().map(Result::unwrap).sum() }")
    assert ok(kc, "(total(&procs), total(&SerialExecutor::new()), total(&RayonExecutor::new(2)))").result == "(5, 5, 5)"
    ok(kc, "let forked = ProcessPoolExecutor::builder().max_workers(2).start_method(StartMethod::ForkServer).build()?;")
    assert ok(kc, "forked.map(is_prime, [4u64, 5]).map(Result::unwrap).collect::<Vec<_>>()").result == "[true, false]"
    assert len(workers(rough_kernel) - before) >= 4
    ok(kc, "drop(procs); drop(forked);")
    assert wait_until(lambda: workers(rough_kernel) <= before, 10), workers(rough_kernel)


def test_a_worker_prints_in_the_cell(kc):
    said = ok(kc, 'ProcessPoolExecutor::new(1).submit(|()| println!("hello from a worker"), ()).result()?')
    assert said.stdout == "hello from a worker\n"
    labelled = "ProcessPoolExecutor::builder().max_workers(1).label_output(true).build()?"
    said = ok(kc, f'let labelled = {labelled}; labelled.submit(|()| println!("hello"), ()).result()?; drop(labelled);')
    assert re.fullmatch(r"\[\d+\] hello\n", said.stdout), said


#: A worker that begins a line at once, and ends it when another cell runs.
PRINTS_LATER = """{
    print!("first, ");
    GO
    println!("né 🦀"); eprintln!("and this");
    std::fs::write("DONE", "").unwrap();
}"""


@pytest.mark.parametrize(
    "start",
    [
        f"let procs = ProcessPoolExecutor::new(1); let _ = procs.submit(|()| {PRINTS_LATER}, ());",
        "let procs = ProcessPoolExecutor::builder().start_method(StartMethod::ForkServer).build()?;"
        f"let _ = procs.submit(|()| {PRINTS_LATER}, ());",
        f"let child = multiprocessing::Process::spawn(|()| {PRINTS_LATER}, ())?;",
    ],
    ids=["spawn", "fork server", "Process"],
)
def test_a_worker_prints_in_the_cell_that_submitted_its_task(kc, tmp_path, start):
    go, done = tmp_path / "go", tmp_path / "done"
    start = start.replace("GO", until(go)).replace("DONE", str(done))
    other = f'std::fs::write("{go}", "")?;\n{until(done)}\nprintln!("another cell");'
    requests = {send_cell(kc, code): code for code in (start, other)}
    results = collect(kc, requests)
    first, second = results.values()
    follow(kc, results, lambda: first.stdout.endswith("\n") and first.stderr)
    assert (second.stdout, second.stderr) == ("another cell\n", "")
    assert (first.stdout, first.stderr) == ("first, né 🦀\n", "and this\n")


def test_a_panic_in_a_worker_names_the_line_that_was_typed(kc):
    count = ok(kc, "fn pick(n: usize) -> u8 {\n    let few = [1, 2];\n    few[n]\n}").count
    failed = run_cell(kc, "ProcessPoolExecutor::new(1).submit(pick, 7).result()?")
    message = f"pick panicked at cell [{count}]:3: index out of bounds: the len is 2 but the index is 7"
    assert failed.errors[0]["evalue"] == message, failed


def test_what_cannot_go_there_is_refused_in_words(kc):
    ok(kc, "let procs = ProcessPoolExecutor::new(1);")
    for move in ["", "move "]:
        capturing = run_cell(kc, f"let limit = 3u64;\nprocs.submit({move}|n: u64| n < limit, 5).result()")
        assert capturing.status == "error", capturing
        assert capturing.errors[0]["evalue"].startswith("a function that is to run in another process"), capturing
        # The closure itself is shown, though rustc's error is about a line of the library.
        assert f"2 | procs.submit({move}|n: u64| n < limit, 5).result()" in capturing.traceback, capturing
        assert "]:2:14" in capturing.traceback and "more error" not in capturing.traceback, capturing
        assert "cannot capture variables" in capturing.traceback and "as its argument" in capturing.traceback, capturing
    socket = run_cell(kc, "procs.submit(|_: std::net::TcpStream| 5, todo!()).result()")
    assert "TcpStream` cannot go to another process" in socket.traceback, socket
    assert len(socket.traceback.splitlines()) <= 12, socket.traceback
    back = run_cell(kc, 'procs.submit(|()| std::fs::File::open("/dev/null").unwrap(), ())')
    assert "File` cannot go to another process" in back.traceback, back
    assert ok(kc, "procs.submit(|n: u64| n + 1, 5).result()?").result == "6"


@pytest.mark.parametrize("method", ["Spawn", "ForkServer"])
def test_a_dead_worker_breaks_its_pool_and_nothing_else(kc, method):
    make = f"ProcessPoolExecutor::builder().max_workers(1).start_method(StartMethod::{method}).build()?"
    ok(kc, f"let procs = {make}; let other = {make}; let kept = vec![1, 2];")
    died = run_cell(kc, "procs.submit(|()| -> () { std::process::abort() }, ()).result()?")
    assert died.status == "error" and "SIGABRT" in died.complaint, died
    assert "SIGABRT" in ok(kc, "procs.submit(|n: u64| n, 1).result()").result
    assert ok(kc, "other.submit(|n: u64| n, 1).result()? as usize + kept.len()").result == "3"
    panicked = run_cell(kc, 'other.submit_named("alice", |n: u64| assert!(n > 5, "{n} is too small"), 3).result()?')
    assert "alice panicked" in panicked.complaint and "3 is too small" in panicked.complaint, panicked


def test_pools_live_on_in_a_restored_process(rough_kernel, kc):
    before = workers(rough_kernel)
    ok(kc, "let procs = ProcessPoolExecutor::new(2);")
    ok(kc, "let forked = ProcessPoolExecutor::builder().max_workers(1).start_method(StartMethod::ForkServer).build()?;")
    assert ok(kc, "procs.map(|n: u64| n, 0..4).count() + forked.map(|n: u64| n, 0..4).count()").result == "8"
    assert run_cell(kc, "std::process::abort();").status == "error"
    assert ok(kc, "procs.map(|n: u64| n, 0..4).map(Result::unwrap).sum::<u64>()").result == "6"
    assert ok(kc, "forked.map(|n: u64| n, 0..4).map(Result::unwrap).sum::<u64>()").result == "6"
    # Two workers, and a fork server with one.
    assert wait_until(lambda: len(workers(rough_kernel) - before) == 4, 10), workers(rough_kernel)


def test_an_interrupt_ends_the_wait_and_a_second_one_the_workers(rough_kernel, kc):
    ok(kc, "let procs = ProcessPoolExecutor::new(1); let pid = procs.submit(|()| std::process::id(), ()).result()?;")
    worker = psutil.Process(int(ok(kc, "pid").result))
    process = ok(kc, "std::process::id()").result
    ok(kc, "let long = procs.submit(|()| -> () { loop { std::thread::sleep(std::time::Duration::from_secs(1)) } }, ());")
    for lives in [True, False]:
        result = run_cell(kc, 'println!("waiting"); long.result()?;', on_message=interrupting(rough_kernel))
        assert result.errors and result.errors[0]["ename"] == "Interrupted", result
        assert wait_until(lambda: worker.is_running() == lives, 10), f"the worker lives: {not lives}"
    assert ok(kc, "procs.submit(|n: u64| n, 7).result()?").result == "7"
    # The kernel ends a process that does not end its wait within a second.
    assert ok(kc, "std::process::id()").result == process


def test_functions_of_a_crate_that_a_cell_names_and_values_of_100_mb(kc, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "steps"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n')
    (tmp_path / "src/lib.rs").write_text("pub fn next(n: u64) -> u64 { n + 1 }\n")
    ok(kc, f':dep steps = {{ path = "{tmp_path}" }}\nlet procs = ProcessPoolExecutor::new(1);', timeout=150)
    assert ok(kc, "procs.map(steps::next, [1u64, 2]).map(Result::unwrap).collect::<Vec<_>>()").result == "[2, 3]"
    ok(kc, "fn mirrored(mut bytes: Vec<u8>) -> Vec<u8> { bytes.reverse(); bytes }")
    ok(kc, "let mut large = vec![1u8; 100_000_000]; large[0] = 9;")
    back = ok(kc, "let back = procs.submit(mirrored, large).into_result()?; (back.len(), back[0], back[99_999_999])")
    assert back.result == "(100000000, 1, 9)"
