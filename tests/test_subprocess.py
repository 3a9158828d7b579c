"""Commands in cells: output that streams into the cell, errors in words, interrupts, and nothing left behind."""

import time

from helpers import collect, ok, run_cell, send_cell, wait_until


def test_the_notes_cells(fresh_kc):
    assert ok(fresh_kc, 'subprocess::call(["true"])?').result == "0"
    streamed = ok(fresh_kc, 'subprocess::call(shell("echo out; echo err >&2; exit 3"))?')
    assert (streamed.stdout, streamed.stderr, streamed.result) == ("out\n", "err\n", "3")
    assert ok(fresh_kc, 'subprocess::check_output(shell("echo 1a | tr a-z A-Z | tr 1 Q"))?').result == '"QA\\n"'
    piped = 'subprocess::check_output(Command::new("echo").arg("b") | Command::new("tr").args(["b", "c"]))?'
    assert ok(fresh_kc, piped).result == '"c\\n"'
    ran = ok(fresh_kc, 'subprocess::run(["sh", "-c", "echo x; exit 2"])?').shown[-1]
    assert "exit code" in ran["text/html"] and "2" in ran["text/plain"], ran


def test_errors_are_words(fresh_kc):
    failed = run_cell(fresh_kc, 'subprocess::check_call(["ls", "/nowhere"])?')
    assert failed.status == "error" and "exit code 2" in failed.traceback, failed
    missing = run_cell(fresh_kc, 'subprocess::check_output("no-such-program")?')
    assert "no-such-program" in missing.traceback, missing
    slow = run_cell(fresh_kc, 'subprocess::run(Command::new("sleep").arg("60").timeout(std::time::Duration::from_millis(200)))?')
    assert slow.status == "error" and "200" in slow.traceback, slow


def test_an_interrupt_ends_the_command_and_keeps_the_variables(fresh_kernel):
    kc = fresh_kernel.client
    ok(kc, "let kept = vec![1, 2];")
    request = send_cell(kc, 'subprocess::call(shell("echo started; sleep 600"))?')

    def interrupt(message):
        if message.kind == "stream":
            fresh_kernel.manager.interrupt_kernel()

    started = time.monotonic()
    result = collect(kc, {request: "sleep"}, 60, interrupt)[request]
    assert result.errors and result.errors[0]["ename"] == "Interrupted", result
    assert time.monotonic() - started < 30
    asleep = lambda: [p for p in fresh_kernel.processes() if p.name() == "sleep"]
    assert wait_until(lambda: not asleep(), 10), asleep()
    assert ok(kc, "kept.len()").result == "2"


def test_a_pipe_can_be_read_line_by_line(fresh_kc):
    code = """\
use std::io::{BufRead, BufReader};
let mut child = subprocess::spawn(Command::new("seq").arg("3").stdout(subprocess::Redirect::Pipe))?;
let lines: Vec<String> = BufReader::new(child.take_stdout().unwrap()).lines().collect::<Result<_, _>>()?;
(lines, child.wait()?)"""
    assert ok(fresh_kc, code).result == '(["1", "2", "3"], 0)'
