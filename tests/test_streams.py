"""What cells print: in which order it appears, and what is hard to print."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import zmq

from helpers import ask, collect, ok, run_cell, running_kernel, send_cell, wait_until


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


def test_an_interrupt_ends_a_wait_also_when_standard_output_is_locked(fresh_kernel):
    kc = fresh_kernel.client
    ok(kc, "use std::io::Write;\nlet event = threading::Event::new();\nlet kept = 7;")
    code = 'let out = std::io::stdout().lock();\neprintln!("locked");\nevent.wait()?;'

    def interrupt(message):
        if message.kind == "stream":
            fresh_kernel.manager.interrupt_kernel()

    result = run_cell(kc, code, on_message=interrupt)
    assert [error["ename"] for error in result.errors] == ["Interrupted"], result
    assert "gone" not in result.complaint, f"the process should not have been ended\n{result}"
    assert ok(kc, "kept").result == "7"


def test_a_thread_that_keeps_standard_output_does_not_keep_the_cell(fresh_kc):
    cell = """
    let (locked, is_locked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _out = std::io::stdout().lock();
        locked.send(()).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(3600));
    });
    is_locked.recv()?;
    """
    ok(fresh_kc, cell)
    ok(fresh_kc, "let x = 1;")


def test_what_a_thread_prints_after_user_expressions_belongs_to_the_cell(fresh_kc):
    kc = fresh_kc
    code = """
    let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    std::thread::spawn({
        let flag = flag.clone();
        move || {
            while !flag.load(std::sync::atomic::Ordering::Relaxed) { std::thread::yield_now(); }
            std::thread::sleep(std::time::Duration::from_millis(500));
            println!("late");
        }
    });
    """
    request = send_cell(kc, code, user_expressions={"set": "flag.store(true, std::sync::atomic::Ordering::Relaxed)"})
    result = collect(kc, {request: code})[request]
    assert result.status == "ok", result
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        message = kc.get_iopub_msg(timeout=20)
        if message["msg_type"] == "stream":
            break
    assert message["content"]["text"] == "late\n", message
    assert message["parent_header"]["msg_id"] == request, message


@pytest.mark.parametrize("word", ["odd(3)", "matches!(1, 2)"])
def test_a_negation_is_no_shell_command(kc, word):
    ok(kc, "fn odd(n: u8) -> bool { n % 2 == 1 }")
    assert ok(kc, f"!{word}").result == ("false" if word == "odd(3)" else "true")


def test_a_death_while_the_next_cell_is_compiled_is_not_that_cells(fresh_kc):
    kc = fresh_kc
    ok(kc, "let kept = 7;")
    dying = "std::thread::spawn(|| { std::thread::sleep(std::time::Duration::from_millis(30)); std::process::abort() });"
    seen = set()
    for attempt in range(10):
        requests = {send_cell(kc, code): code for code in (dying, 'println!("ran {kept}");\nlet x = 5;')}
        results = list(collect(kc, requests).values())
        second = results[1]
        seen.add(second.status)
        if second.status == "ok":
            assert second.stdout == "ran 7\n", second
            assert "Between two cells" in second.stderr + results[0].stderr, results
        else:
            # The process died while that cell ran.
            assert "ran 7" not in second.stdout or second.errors[0]["ename"] == "ProcessDied", second
    assert "ok" in seen, "the process never died before the second cell ran"


def test_completion_does_not_wait_for_a_cell_that_waits(fresh_kc):
    kc = fresh_kc
    ok(kc, "let wanted = 1;")
    long = "std::thread::sleep(std::time::Duration::from_secs(20));"
    kc.complete("wan", 3)
    request = send_cell(kc, long)
    start = time.monotonic()
    reply = ask(kc, "complete", "wan", 3)
    assert "wanted" in reply["matches"], reply
    assert time.monotonic() - start < 10, "the completion waited for the cell"
    kc.parent.interrupt_kernel()
    collect(kc, {request: long})


def test_what_cells_have_started_ends_with_the_kernel(kernelspec, tmp_path):
    with running_kernel(tmp_path) as kernel:
        ok(kernel.client, "!setsid sleep 1000 &\n!sleep 1001 &")
        assert wait_until(lambda: sum(p.name() == "sleep" for p in kernel.processes()) == 2, 10)
        kernel.client.shutdown()
        assert wait_until(lambda: not kernel.processes(), 20), kernel.processes()


def test_the_process_of_the_cells_is_what_ends_when_memory_runs_out(fresh_kernel):
    score = ok(fresh_kernel.client, 'std::fs::read_to_string("/proc/self/oom_score_adj")?.trim().to_string()').result
    own = int(Path(f"/proc/{fresh_kernel.manager.provisioner.pid}/oom_score_adj").read_text())
    assert int(score.strip('"')) > own


@pytest.mark.timeout(300)
def test_a_front_end_that_takes_nothing_any_more_holds_up_no_interrupt_and_no_shutdown(kernelspec, tmp_path):
    with running_kernel(tmp_path) as kernel:
        kc = kernel.client
        ok(kc, "let kept = 7;")
        with zmq.Context() as context:
            socket = context.socket(zmq.SUB)
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.RCVHWM, 1)
            socket.set(zmq.RCVBUF, 4096)
            socket.connect(kc.get_connection_info()["transport"] + f"://127.0.0.1:{kc.iopub_port}")
            socket.subscribe(b"")
            cell = 'let page = "x".repeat(100_000);\nloop { display(&Html(page.clone())); }'
            send_cell(kc, cell)
            time.sleep(8)
            for kind in ("interrupt_request", "shutdown_request"):
                message = kc.session.msg(kind, {"restart": False} if kind == "shutdown_request" else {})
                kc.control_channel.send(message)
                reply = kc.get_control_msg(timeout=30)
                assert reply["msg_type"] == kind.replace("request", "reply"), reply
            socket.close()
        assert wait_until(lambda: not kernel.processes(), 30), kernel.processes()


@pytest.mark.parametrize(
    "cell, said",
    [
        ('let sum = 1;\nlet _ = std::thread::spawn(|| {\n    panic!("boom")\n}).join();', "thread '<unnamed>' panicked at cell [1]:3: boom"),
        ('let _ = std::panic::catch_unwind(|| {\n    panic!("boom")\n});', "thread 'main' panicked at cell [1]:2: boom"),
        (
            'fn fail() {\n    panic!("boom")\n}\n'
            'let _ = std::thread::Builder::new().name("carol".into()).spawn(fail)?.join();',
            "thread 'carol' panicked at cell [1]:2: boom",
        ),
    ],
)
def test_a_panic_that_ends_no_cell_names_the_cells_line(fresh_kc, cell, said):
    assert ok(fresh_kc, cell).stderr == said + "\n"


@pytest.mark.parametrize(
    "cell",
    [
        "use rayon::prelude::*;\n(1..=8).into_par_iter().for_each(|n| assert!(n != 5, \"five\"));",
        "std::thread::spawn(|| panic!(\"five\")).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));",
    ],
    ids=["rayon", "resume_unwind"],
)
def test_a_panic_that_is_carried_on_from_another_thread_ends_the_cell(fresh_kc, cell):
    result = run_cell(fresh_kc, cell)
    assert [(error["ename"], error["evalue"]) for error in result.errors] == [("Panic", "five")], result
    assert "EVCXR" not in result.stdout + result.stderr, result
