"""Nothing costs a variable: the process of the cells dies in every way there is, and the notebook goes on."""

import random
import threading

import psutil
import pytest

from helpers import ok, run_cell, running_kernel, wait_until

DEATHS = {
    "exit": ("std::process::exit(3);", "exit code 3"),
    "abort": ("std::process::abort();", "SIGABRT"),
    "segfault": ("unsafe { (8 as *mut u32).write_volatile(1) };", "SIGSEGV"),
    "stack overflow": (
        "fn down(n: u64) -> u64 { let page = std::hint::black_box([n; 64]); down(n + 1) + page[7] }\ndown(0)",
        "stack",
    ),
    "out of memory": ("let all = vec![1u8; 1 << 46]; all.len()", "SIGABRT"),
    "killed from outside": (
        'std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status()?;\n'
        "std::thread::sleep(std::time::Duration::from_secs(60));",
        "SIGKILL",
    ),
}

#: Cells that never end and never look whether they should.
STUCK = {
    "endless loop": "loop { std::hint::spin_loop(); }",
    "deadlock of std's locks": (
        "let one = std::sync::Mutex::new(1);\nlet _held = one.lock().unwrap();\nlet _again = one.lock().unwrap();"
    ),
}

DEFINE = """\
let kept = vec![1, 2, 3];
let mut grown = String::from("a");
let threads = ThreadPoolExecutor::new(2);
let on_rayon = RayonExecutor::new(2);
let on_tokio = TokioExecutor::new(2);
"""

SLEEP = "tokio::time::sleep(std::time::Duration::from_millis(5)).await;"


def interrupting(kernel, marker="started", after=0.1):
    """Interrupts the kernel a moment after the cell has printed the marker."""

    def on_message(message):
        if message.kind == "stream" and marker in message.content["text"]:
            threading.Timer(after, kernel.manager.interrupt_kernel).start()

    return on_message


def all_is_there(kc, grown):
    """Every variable, and everything that lived from threads."""
    assert ok(kc, 'format!("{kept:?} {grown}")').result == f'"[1, 2, 3] {grown}"'
    assert ok(kc, "threads.submit(|| 1).result().unwrap() + on_rayon.submit(|| 2).result().unwrap()").result == "3"
    assert ok(kc, f"on_tokio.submit(|| 1).result().unwrap() + on_tokio.spawn(async {{ {SLEEP} 3 }}).result().unwrap()").result == "4"
    assert ok(kc, "{ use rayon::prelude::*; (0..1000u64).into_par_iter().sum::<u64>() }").result == "499500"
    assert ok(kc, f'{SLEEP} println!("slept");').stdout == "slept\n"
    assert ok(kc, "ThreadPoolExecutor::new(2).map(|n| n * n, 0..3).filter_map(Result::ok).sum::<i32>()").result == "5"


@pytest.mark.timeout(300)
def test_every_death_leaves_the_variables(fresh_kernel):
    kc = fresh_kernel.client
    ok(kc, DEFINE)
    ok(kc, f"{SLEEP} rayon::current_num_threads();")
    for number, (name, (cell, said)) in enumerate(DEATHS.items()):
        result = run_cell(kc, f'println!("before"); grown.push(\'x\');\n{cell}')
        assert result.status == "error" and said in result.complaint, f"{name}\n{result}"
        assert "as they were before this cell" in result.traceback, f"what is left is not said\n{result}"
        assert result.stdout == "before\n", "what was printed before is shown"
        # What the dying cell did to a variable is undone, what a good cell does is kept.
        ok(kc, "grown.push('b');")
        all_is_there(kc, "a" + "b" * (number + 1))


@pytest.mark.parametrize("case", STUCK)
def test_a_stuck_cell_can_be_interrupted(fresh_kernel, case):
    kc = fresh_kernel.client
    ok(kc, DEFINE)
    ok(kc, f"{SLEEP} grown.push('b');")
    interrupt = interrupting(fresh_kernel)
    result = run_cell(kc, f'println!("started"); {{ {STUCK[case]} }}', timeout=30, on_message=interrupt)
    assert result.status == "error" and result.errors[0]["ename"] == "Interrupted", result
    all_is_there(kc, "ab")


def test_a_death_between_two_cells(fresh_kc):
    ok(fresh_kc, DEFINE)
    sleep = "std::thread::sleep(std::time::Duration::from_millis(300))"
    dying = ok(fresh_kc, f"std::thread::spawn(|| {{ {sleep}; std::process::abort() }}); let last = 5;")
    assert not dying.errors

    def text():
        # It arrives when no cell is running, so as output of the last one.
        message = fresh_kc.get_iopub_msg(timeout=10)
        return message["content"]["text"] if message["msg_type"] == "stream" else ""

    said = wait_until(text, timeout=10)
    assert "Between two cells" in said and "SIGABRT" in said and "as they were after the last cell" in said, said
    assert ok(fresh_kc, "last + kept.len() as i32").result == "8"


def test_what_a_dying_cell_had_moved_is_gone_and_the_rest_is_not(fresh_kc):
    ok(fresh_kc, "let moved = vec![1]; let kept = vec![2];")
    assert run_cell(fresh_kc, "drop(moved); std::process::abort();").status == "error"
    assert "moved" in run_cell(fresh_kc, "moved.len()").complaint
    assert ok(fresh_kc, "kept.len()").result == "1"


def test_a_display_that_was_cut_off_does_not_garble_the_next(fresh_kc):
    ok(fresh_kc, "let kept = 1;")
    racing = (
        'for _ in 0..4 { std::thread::spawn(|| loop { display(&"x".repeat(100_000)); }); }\n'
        "std::thread::sleep(std::time::Duration::from_millis(200)); std::process::abort();"
    )
    for _ in range(3):
        assert run_cell(fresh_kc, racing).status == "error"
        shown = ok(fresh_kc, 'display("whole"); kept')
        assert (shown.displays, shown.result) == ([{"text/plain": '"whole"'}], "1"), shown


def test_checkpoints_can_be_switched_off(kernelspec, tmp_path):
    with running_kernel(tmp_path, env={"THREADBOOK_CHECKPOINT": "0"}) as kernel:
        ok(kernel.client, "let lost = 1;")
        result = run_cell(kernel.client, "std::process::abort();")
        assert "Variables are lost" in result.traceback, result
        assert "lost" in run_cell(kernel.client, "lost").complaint
        assert ok(kernel.client, "6 * 7").result == "42"


def test_without_its_checkpoint_a_dead_process_is_replaced(fresh_kernel):
    kc = fresh_kernel.client
    ok(kc, "let lost = 1;")
    pid = int(ok(kc, "std::process::id()").result)
    for sleeping in psutil.Process(pid).children():
        sleeping.kill()
    result = run_cell(kc, "std::process::abort();")
    assert result.status == "error" and "Variables are lost" in result.traceback, result
    assert ok(kc, "6 * 7").result == "42"


@pytest.mark.timeout(400)
def test_two_hundred_crashes_and_two_hundred_interrupts(fresh_kernel):
    kc = fresh_kernel.client
    ok(kc, "let kept = vec![1, 2, 3]; let never = threadbook::threading::Event::new();")
    # The compiler that waits for the next cell may have started already.
    before = len(fresh_kernel.processes()) + 1
    for _ in range(200):
        assert run_cell(kc, "std::process::abort();").status == "error"
    interrupt = interrupting(fresh_kernel, after=0)
    for _ in range(200):
        result = run_cell(kc, 'println!("started"); never.wait();', timeout=30, on_message=interrupt)
        assert result.errors and result.errors[0]["ename"] == "Interrupted", result
    assert ok(kc, "kept.len()").result == "3"
    assert wait_until(lambda: len(fresh_kernel.processes()) <= before, timeout=5), fresh_kernel.processes()
    fresh_kernel.manager.shutdown_kernel()
    assert wait_until(lambda: not fresh_kernel.processes(), timeout=5), fresh_kernel.processes()


@pytest.mark.timeout(400)
def test_interrupts_at_any_moment_of_compiling(fresh_kernel):
    """From the request to the first line that the cell prints, and so also when the compiler writes what it keeps."""
    kc = fresh_kernel.client
    ok(kc, "let mut kept = vec![0u64];")
    ok(kc, "kept.len()")
    before = len(fresh_kernel.processes()) + 1
    moments = random.Random(11)
    compiled = 0
    for number in range(60):
        cell = f"fn tried_{number}() -> u64 {{ {number} }}\nloop {{ kept.push(tried_{number}()); std::thread::yield_now(); kept.pop(); }}"


        def interrupt(message, after=moments.uniform(0, 0.3)):
            if message.kind == "execute_input":
                threading.Timer(after, kc.control_channel.send, [kc.session.msg("interrupt_request", {})]).start()

        result = run_cell(kc, cell, timeout=30, on_message=interrupt)
        assert result.errors and result.errors[0]["ename"] == "Interrupted", result
        compiled += "as they were before this cell" in result.traceback
    assert compiled < 60, "every interrupt came too late to meet the compiler"
    assert ok(kc, "kept.len()").result == "1"
    assert wait_until(lambda: len(fresh_kernel.processes()) <= before, timeout=10), fresh_kernel.processes()
