"""Nothing costs a variable: the process of the cells dies in every way there is, and the notebook goes on."""

import os
import random
import signal
import threading

import psutil
import pytest

from helpers import ROUNDS, collect, follow, interrupting, ok, run_cell, running_kernel, send_cell, wait_until
from helpers import rough_kernel, rough_kernels  # noqa: F401 (fixtures)

#: Statements that end the process, and the words of the error.
DEATHS = {
    "exit": ("std::process::exit(3);", "exit code 3"),
    "exit without failure": ("std::process::exit(0);", "exit code 0"),
    "abort": ("std::process::abort();", "SIGABRT"),
    "segfault": ("unsafe { (8 as *mut u32).write_volatile(1) };", "SIGSEGV"),
    "segfault in a thread": (
        "std::thread::spawn(|| unsafe { (8 as *mut u32).write_volatile(1) }).join().unwrap();",
        "SIGSEGV",
    ),
    "stack overflow": (
        "fn down(n: u64) -> u64 { let page = std::hint::black_box([n; 64]); down(n + 1) + page[7] }\ndown(0);",
        "overflowed",
    ),
    "out of memory": ("let all = vec![1u8; 1 << 46]; all.len();", "SIGABRT"),
    "killed from outside": (
        'std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status()?;\n'
        "std::thread::sleep(std::time::Duration::from_secs(60));",
        "SIGKILL",
    ),
    "panic while panicking": (
        'struct Twice;\nimpl Drop for Twice { fn drop(&mut self) { panic!("second") } }\n'
        'let _twice = Twice;\nif true { panic!("first") }',
        "SIGABRT",
    ),
}

DEFINE = """\
let kept = vec![1, 2, 3];
let mut grown = String::from("a");
let threads = ThreadPoolExecutor::new(2);
let on_rayon = RayonExecutor::new(2);
let on_tokio = TokioExecutor::new(2);
tokio::task::yield_now().await;
rayon::current_num_threads();
"""

#: A function is defined, and every variable and everything that works with threads is used.
USE = """\
fn two() -> u8 { 2 }
grown.push('b');
let sum = {
    use rayon::prelude::*;
    threads.submit(|| 1).result()? + on_rayon.submit(two).result()? + on_tokio.submit(|| 3).result()?
        + on_tokio.spawn(async { tokio::time::sleep(std::time::Duration::from_millis(5)).await; 4 }).result()?
        + (0..10u8).into_par_iter().sum::<u8>()
};
tokio::time::sleep(std::time::Duration::from_millis(5)).await;
let squares: Vec<i32> = ThreadPoolExecutor::new(2).map(|n| n * n, 0..4).collect::<Result<_, _>>()?;
format!("{kept:?} {grown} {sum} {squares:?}")
"""
USED = '"[1, 2, 3] ab 55 [0, 1, 4, 9]"'


def cell_process(kc) -> int:
    return int(ok(kc, "std::process::id()").result)


@pytest.mark.parametrize("case", DEATHS)
def test_a_death_leaves_the_variables(rough_kernel, case):
    kc = rough_kernel.client
    statements, words = DEATHS[case]
    ok(kc, DEFINE)
    result = run_cell(kc, f'println!("before"); grown.push(\'x\');\n{statements}')
    assert result.status == "error" and len(result.errors) == 1 and words in result.complaint, result
    assert "as they were before this cell" in result.traceback, result
    assert len(result.traceback.splitlines()) <= 12, result.traceback
    assert result.stdout == "before\n", result
    # The cell that died changed no variable; the cell after it changes them.
    assert ok(kc, USE).result == USED


def test_a_death_between_two_cells(rough_kernel):
    kc = rough_kernel.client
    ok(kc, "let kept = vec![1, 2, 3];")
    pid = cell_process(kc)
    code = "let last = 5;"
    request = send_cell(kc, code)
    results = collect(kc, {request: code})
    os.kill(pid, signal.SIGABRT)
    # No cell runs, so the message is output of the last one.
    follow(kc, results, lambda: results[request].stderr.endswith("\n"))
    message = results[request].stderr
    assert "Between two cells" in message and "SIGABRT" in message, message
    assert "as they were after the last cell" in message, message
    assert ok(kc, "last + kept.len() as i32").result == "8"


def test_a_variable_that_a_dying_cell_had_moved_is_there_again(rough_kernel):
    kc = rough_kernel.client
    ok(kc, "let moved = vec![1]; let kept = vec![2];")
    assert run_cell(kc, "drop(moved); std::process::abort();").status == "error"
    assert ok(kc, "(moved, kept)").result == "([1], [2])"


def test_a_display_that_was_cut_off_does_not_garble_the_next(rough_kernel):
    kc = rough_kernel.client
    ok(kc, "let kept = 1;")
    racing = """\
let (shown, seen) = std::sync::mpsc::channel();
for _ in 0..4 {
    let shown = shown.clone();
    std::thread::spawn(move || loop { display(&"x".repeat(100_000)); let _ = shown.send(()); });
}
for _ in 0..8 { seen.recv()?; }
std::process::abort();"""
    for _ in range(3):
        assert run_cell(kc, racing).errors[0]["ename"] == "ProcessDied"
        shown = ok(kc, 'display("whole"); kept')
        assert (shown.displays, shown.result) == ([{"text/plain": '"whole"'}], "1"), shown


def test_threads_print_in_their_cell_in_a_restored_process(rough_kernel):
    kc = rough_kernel.client
    ok(kc, "let kept = 1;")
    assert run_cell(kc, "std::process::abort();").errors[0]["ename"] == "ProcessDied"
    start = """\
let (go, wait) = std::sync::mpsc::channel::<()>();
let late = std::thread::spawn(move || { wait.recv().unwrap(); println!("late"); });
println!("{kept}");"""
    join = 'println!("begin"); go.send(())?; late.join().unwrap(); println!("end");'
    requests = {send_cell(kc, code): code for code in (start, join)}
    results = collect(kc, requests)
    first, second = results.values()
    follow(kc, results, lambda: first.stdout.endswith("late\n"))
    assert (first.stdout, second.stdout) == ("1\nlate\n", "begin\nend\n"), (first, second)


def test_questions_are_asked_in_a_restored_process(rough_kernel):
    kc = rough_kernel.client
    pid = cell_process(kc)
    ok(kc, "let kept: i32 = 41;")
    code = 'input("no answer")?;'
    request = send_cell(kc, code, allow_stdin=True)
    assert kc.get_stdin_msg(timeout=60)["content"]["prompt"] == "no answer"
    os.kill(pid, signal.SIGABRT)
    assert collect(kc, {request: code})[request].errors[0]["ename"] == "ProcessDied"
    kc.input("late")
    code = 'kept + input("an answer")?.parse::<i32>()?'
    request = send_cell(kc, code, allow_stdin=True)
    assert kc.get_stdin_msg(timeout=60)["content"]["prompt"] == "an answer"
    kc.input("1")
    assert collect(kc, {request: code})[request].result == "42"


def test_without_its_checkpoint_a_dead_process_is_replaced(rough_kernel):
    kc = rough_kernel.client
    ok(kc, "let lost = 1;")
    for sleeping in psutil.Process(cell_process(kc)).children():
        sleeping.kill()
    result = run_cell(kc, "std::process::abort();")
    assert result.status == "error" and "Variables are lost" in result.traceback, result
    assert "lost" in run_cell(kc, "lost").complaint
    assert ok(kc, "6 * 7").result == "42"


def test_checkpoints_can_be_switched_off(kernelspec, tmp_path):
    with running_kernel(tmp_path, env={"THREADBOOK_CHECKPOINT": "0"}) as kernel:
        ok(kernel.client, "let lost = 1;")
        result = run_cell(kernel.client, "std::process::abort();")
        assert "Variables are lost" in result.traceback, result
        assert "lost" in run_cell(kernel.client, "lost").complaint
        assert ok(kernel.client, "6 * 7").result == "42"


@pytest.mark.timeout(180 + 3 * ROUNDS)
def test_many_crashes_and_interrupts(fresh_kernel):
    kc = fresh_kernel.client
    ok(kc, "let kept = vec![1, 2, 3]; let never = threadbook::threading::Event::new();")
    # The compiler that waits for the next cell may have started already.
    before = len(fresh_kernel.processes()) + 1
    for _ in range(ROUNDS):
        assert run_cell(kc, "std::process::abort();").errors[0]["ename"] == "ProcessDied"
    for _ in range(ROUNDS):
        interrupt = interrupting(fresh_kernel)
        result = run_cell(kc, 'println!("started"); never.wait();', timeout=30, on_message=interrupt)
        assert result.errors and result.errors[0]["ename"] == "Interrupted", result
    assert ok(kc, "kept.len()").result == "3"
    assert wait_until(lambda: len(fresh_kernel.processes()) <= before, timeout=10), fresh_kernel.processes()
    fresh_kernel.manager.shutdown_kernel()
    assert wait_until(lambda: not fresh_kernel.processes(), timeout=10), fresh_kernel.processes()


#: Threads that use executors without end, so that one of them is likely to hold a lock of an executor at the fork.
BUSY = """\
let threads = ThreadPoolExecutor::new(2);
let on_rayon = RayonExecutor::new(2);
let on_tokio = TokioExecutor::new(2);
let serial = SerialExecutor::new();
for _ in 0..2 {
    let (threads, on_rayon, on_tokio) = (threads.clone(), on_rayon.clone(), on_tokio.clone());
    std::thread::spawn(move || loop {
        let futures = [threads.submit(|| 1), on_rayon.submit(|| 2), on_tokio.submit(|| 3)];
        for future in as_completed(futures) { let _ = future.result(); }
    });
}
std::thread::sleep(std::time::Duration::from_millis(20));
"""
USE_AGAIN = """\
let all = [threads.submit(|| 1), on_rayon.submit(|| 2), on_tokio.submit(|| 3), serial.submit(|| 4)];
all.iter().map(|future| future.result().unwrap()).sum::<i32>()
"""


@pytest.mark.timeout(180 + 6 * ROUNDS)
def test_executors_that_were_busy_at_the_fork_work_on_after_a_death(rough_kernel):
    kc = rough_kernel.client
    for _ in range(max(5, ROUNDS // 3)):
        ok(kc, BUSY)
        assert run_cell(kc, "std::process::abort();").errors[0]["ename"] == "ProcessDied"
        assert ok(kc, USE_AGAIN, timeout=30).result == "10"


@pytest.mark.timeout(180 + 3 * ROUNDS)
def test_interrupts_at_any_moment_of_compiling(rough_kernel):
    """From the request to the first line that the cell prints, and so also when the compiler writes what it keeps."""
    kc = rough_kernel.client
    ok(kc, DEFINE)
    numbers = iter(range(10_000))

    def cell() -> str:
        n = next(numbers)
        return f'fn tried_{n}() -> char {{ \'{n % 10}\' }}\nprintln!("running"); loop {{ grown.push(tried_{n}()); grown.pop(); }}'

    def interrupted_after(seconds: float):
        """The result of a cell that was interrupted so long after its compilation began."""

        def interrupt(message):
            if message.kind == "execute_input":
                threading.Timer(seconds, kc.control_channel.send, [kc.session.msg("interrupt_request", {})]).start()

        result = run_cell(kc, cell(), timeout=30, on_message=interrupt)
        assert result.errors and result.errors[0]["ename"] == "Interrupted", result
        return result

    def compile_time() -> float:
        result = run_cell(kc, cell(), timeout=60, on_message=interrupting(rough_kernel))
        (started,), (printed, *_) = result.of("execute_input"), result.of("stream")
        return printed.at - started.at

    rounds = max(5, ROUNDS // 3)
    whole = min(compile_time() for _ in range(3))
    moments = [1.25 * whole * n / (rounds - 1) for n in range(rounds)]
    random.Random(11).shuffle(moments)
    before = len(rough_kernel.processes()) + 1
    compiling = sum(not interrupted_after(moment).stdout for moment in moments)
    assert compiling >= rounds // 2, f"{compiling} of {rounds} interrupts met the compiler, which takes {whole:.2f} s"
    assert ok(kc, USE).result == USED
    assert wait_until(lambda: len(rough_kernel.processes()) <= before, timeout=10), rough_kernel.processes()
