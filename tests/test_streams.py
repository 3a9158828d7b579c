"""What cells print: in which order it appears, and what is hard to print."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import zmq

from helpers import ask, collect, follow, interrupting, ok, run_cell, running_kernel, send_cell, until, wait_until
from helpers import rough_kernel, rough_kernels  # noqa: F401 (fixtures)


def printed(result) -> str:
    """All that the cell printed, as it appears: each stream's texts, marked."""
    return "".join(f"<{m.content['name']}>{m.content['text']}" for m in result.of("stream"))


@pytest.mark.parametrize(
    "cell",
    [
        'for n in 0..50 { println!("{n}"); eprintln!("{n}"); }',
        'for n in 0..50 { print!("{n}\\n"); eprint!("{n}\\n"); }',
        'fn tell(n: u32) { println!("{n}"); eprintln!("{n}"); }\nfor n in 0..50 { tell(n); }',
        'std::thread::spawn(|| for n in 0..50 { println!("{n}"); eprintln!("{n}"); }).join().unwrap();',
    ],
)
def test_both_streams_keep_their_order(kc, cell):
    result = ok(kc, cell)
    assert printed(result) == "".join(f"<stdout>{n}\n<stderr>{n}\n" for n in range(50)), result


def test_a_line_that_has_begun_comes_before_what_is_said_meanwhile(kc):
    result = ok(kc, 'print!("so far: ");\neprintln!("a remark");\ndbg!(1 + 1);\nprintln!("done");')
    assert printed(result).startswith("<stdout>so far: <stderr>a remark\n"), result
    assert result.stderr.splitlines()[1].endswith("1 + 1 = 2"), result
    assert printed(result).endswith("<stdout>done\n"), result


@pytest.mark.parametrize(
    "cell",
    [
        """
        println!("EVCXR_BEGIN_CONTENT text/html\\n<b>");
        std::thread::sleep(std::time::Duration::from_millis(100));
        println!("1</b>\\nEVCXR_END_CONTENT");
        """,
        'println!("EVCXR_BEGIN_CONTENT text/html\\n<b>{}1</b>\\nEVCXR_END_CONTENT", " ".repeat(3_000_000));',
    ],
    ids=["slow", "large"],
)
def test_a_content_block_may_take_its_time(kc, cell):
    result = ok(kc, cell)
    assert [bundle["text/html"].replace(" ", "").replace("\n", "") for bundle in result.shown] == ["<b>1</b>"], result
    assert result.stdout == "", result


def test_an_interrupt_ends_a_wait_also_when_standard_output_is_locked(rough_kernel):
    kc = rough_kernel.client
    ok(kc, "use std::io::Write;\nlet event = threading::Event::new();\nlet kept = 7;")
    code = 'let out = std::io::stdout().lock();\neprintln!("locked");\nevent.wait()?;'
    result = run_cell(kc, code, on_message=interrupting(rough_kernel))
    assert [error["ename"] for error in result.errors] == ["Interrupted"], result
    assert "gone" not in result.complaint, f"the process should not have been ended\n{result}"
    assert ok(kc, "kept").result == "7"


def test_a_thread_that_keeps_standard_output_does_not_keep_the_cell(rough_kernel):
    kc = rough_kernel.client
    cell = """
    let (locked, is_locked) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let locking = std::thread::spawn(move || {
        let _out = std::io::stdout().lock();
        locked.send(()).unwrap();
        let _ = released.recv();
    });
    is_locked.recv()?;
    """
    ok(kc, cell)
    ok(kc, "let x = 1;")
    assert ok(kc, 'drop(release); locking.join().unwrap(); println!("free");').stdout == "free\n"


def test_what_a_thread_prints_after_user_expressions_belongs_to_the_cell(rough_kernel, tmp_path):
    kc = rough_kernel.client
    go = tmp_path / "go"
    code = f'std::thread::spawn(|| {{ {until(go)} println!("late"); }});'
    request = send_cell(kc, code, user_expressions={"three": "1 + 2"})
    results = collect(kc, {request: code})
    result = results[request]
    assert result.reply["user_expressions"]["three"]["data"]["text/plain"] == "3", result
    assert result.stdout == ""
    go.touch()
    follow(kc, results, lambda: result.stdout)
    assert result.stdout == "late\n", result


@pytest.mark.parametrize("word", ["odd(3)", "matches!(1, 2)"])
def test_a_negation_is_no_shell_command(kc, word):
    ok(kc, "fn odd(n: u8) -> bool { n % 2 == 1 }")
    assert ok(kc, f"!{word}").result == ("false" if word == "odd(3)" else "true")


def test_a_death_while_the_next_cell_is_compiled_is_not_that_cells(rough_kernel, tmp_path):
    """The compiler waits for the cell's text in a pipe, and so until the process has died."""
    kc = rough_kernel.client
    ok(kc, "let kept = 7;")
    pid = int(ok(kc, "std::process::id()").result)
    pipe, whole = tmp_path / "text", tmp_path / "whole"
    os.mkfifo(pipe)
    whole.write_text('"ran"')
    first, second = "let last = 1;", f'println!("{{}} {{kept}}", include!("{pipe}"));'
    requests = {send_cell(kc, code): code for code in (first, second)}
    with pipe.open("w") as writer:  # opens when the compiler reads
        os.kill(pid, signal.SIGABRT)
        whole.replace(pipe)  # for another look of the compiler
        writer.write('"ran"')
    results = collect(kc, requests)
    before, after = results.values()
    assert after.status == "ok" and after.stdout == "ran 7\n", after
    assert "Between two cells" in before.stderr + after.stderr, (before, after)


def test_completion_does_not_wait_for_a_cell_that_waits(rough_kernel):
    kc = rough_kernel.client
    ok(kc, "let wanted = 1; let never = threading::Event::new();")
    long = "never.wait()?;"
    kc.complete("wan", 3)
    request = send_cell(kc, long)
    # The reply comes at all, though the cell waits until it is interrupted.
    assert "wanted" in ask(kc, "complete", "wan", 3)["matches"]

    def interrupt(message):
        # Earlier, the cell may still be behind the first completion, and an interrupt would find no cell.
        if message.kind == "execute_input":
            rough_kernel.manager.interrupt_kernel()

    assert collect(kc, {request: long}, on_message=interrupt)[request].errors[0]["ename"] == "Interrupted"


def test_the_cell_process_is_the_one_that_ends_when_memory_runs_out(kernel):
    score = ok(kernel.client, 'std::fs::read_to_string("/proc/self/oom_score_adj")?.trim().to_string()').result
    own = int(Path(f"/proc/{kernel.manager.provisioner.pid}/oom_score_adj").read_text())
    assert int(score.strip('"')) > own


@pytest.mark.timeout(300)
def test_a_front_end_that_takes_nothing_any_more_holds_up_no_interrupt_and_no_shutdown(kernelspec, tmp_path):
    shown = tmp_path / "shown"

    def is_stuck() -> bool:
        """Whether the cell has begun to show pages, and shows no more."""
        before = shown.exists() and shown.read_text()
        time.sleep(1)
        return before and shown.read_text() == before

    with running_kernel(tmp_path) as kernel:
        kc = kernel.client
        with zmq.Context() as context:
            socket = context.socket(zmq.SUB)
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.RCVHWM, 1)
            socket.set(zmq.RCVBUF, 4096)
            socket.connect(kc.get_connection_info()["transport"] + f"://127.0.0.1:{kc.iopub_port}")
            socket.subscribe(b"")
            cell = f"""
            let page = "x".repeat(100_000);
            for n in 0_u64.. {{ std::fs::write("{shown}", n.to_string())?; display(&Html(page.clone())); }}
            """
            send_cell(kc, cell)
            assert wait_until(is_stuck, 60), "the cell goes on, so this front end takes its pages"
            for kind in ("interrupt_request", "shutdown_request"):
                message = kc.session.msg(kind, {"restart": False} if kind == "shutdown_request" else {})
                kc.control_channel.send(message)
                reply = kc.get_control_msg(timeout=30)
                assert reply["msg_type"] == kind.replace("request", "reply"), reply
            socket.close()
        assert wait_until(lambda: not kernel.processes(), 30), kernel.processes()


@pytest.mark.parametrize(
    "cell, thread, line",
    [
        ('let sum = 1;\nlet _ = std::thread::spawn(|| {\n    panic!("boom")\n}).join();', "<unnamed>", 3),
        ('let _ = std::panic::catch_unwind(|| {\n    panic!("boom")\n});', "main", 2),
        (
            'fn fail() {\n    panic!("boom")\n}\n'
            'let _ = std::thread::Builder::new().name("carol".into()).spawn(fail)?.join();',
            "carol",
            2,
        ),
    ],
)
def test_a_panic_that_ends_no_cell_names_the_cells_line(kc, cell, thread, line):
    result = ok(kc, cell)
    assert result.stderr == f"thread '{thread}' panicked at cell [{result.count}]:{line}: boom\n"


@pytest.mark.parametrize(
    "cell",
    [
        "use rayon::prelude::*;\n(1..=8).into_par_iter().for_each(|n| assert!(n != 5, \"five\"));",
        "std::thread::spawn(|| panic!(\"five\")).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));",
    ],
    ids=["rayon", "resume_unwind"],
)
def test_a_panic_that_is_carried_on_from_another_thread_ends_the_cell(kc, cell):
    result = run_cell(kc, cell)
    assert [(error["ename"], error["evalue"]) for error in result.errors] == [("Panic", "five")], result
    assert "EVCXR" not in result.stdout + result.stderr, result
