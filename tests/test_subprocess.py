"""Commands in cells: output that streams into the cell, errors in words, interrupts, and nothing left behind."""

from helpers import interrupting, ok, run_cell, wait_until


def test_the_notes_cells(kc):
    assert ok(kc, 'subprocess::call(["true"])?').result == "0"
    streamed = ok(kc, 'subprocess::call(shell("echo out; echo err >&2; exit 3"))?')
    assert (streamed.stdout, streamed.stderr, streamed.result) == ("out\n", "err\n", "3")
    assert ok(kc, 'subprocess::check_output(shell("echo 1a | tr a-z A-Z | tr 1 Q"))?').result == '"QA\\n"'
    piped = 'subprocess::check_output(Command::new("echo").arg("b") | Command::new("tr").args(["b", "c"]))?'
    assert ok(kc, piped).result == '"c\\n"'
    ran = ok(kc, 'subprocess::run(["sh", "-c", "echo x; exit 2"])?').shown[-1]
    assert "exit code" in ran["text/html"] and "2" in ran["text/plain"], ran


def test_errors_are_words(kc):
    failed = run_cell(kc, 'subprocess::check_call(["ls", "/nowhere"])?')
    assert failed.status == "error" and "exit code 2" in failed.traceback, failed
    missing = run_cell(kc, 'subprocess::check_output("no-such-program")?')
    assert "no-such-program" in missing.traceback, missing
    slow = run_cell(kc, 'subprocess::run(Command::new("sleep").arg("60").timeout(std::time::Duration::from_millis(200)))?')
    assert slow.status == "error" and "200" in slow.traceback, slow


def test_an_interrupt_ends_the_command_and_keeps_the_variables(kernel, kc):
    ok(kc, "let kept = vec![1, 2];")
    process = ok(kc, "std::process::id()").result
    result = run_cell(kc, 'subprocess::call(shell("echo started; sleep 600"))?', on_message=interrupting(kernel))
    assert result.errors and result.errors[0]["ename"] == "Interrupted", result
    asleep = lambda: [p for p in kernel.processes() if p.name() == "sleep"]
    assert wait_until(lambda: not asleep(), 10), asleep()
    assert ok(kc, "kept.len()").result == "2"
    # The kernel ends a process that does not end its wait within a second.
    assert ok(kc, "std::process::id()").result == process


def test_a_pipe_can_be_read_line_by_line(kc):
    code = """\
use std::io::{BufRead, BufReader};
let mut child = subprocess::spawn(Command::new("seq").arg("3").stdout(subprocess::Redirect::Pipe))?;
let lines: Vec<String> = BufReader::new(child.take_stdout().unwrap()).lines().collect::<Result<_, _>>()?;
(lines, child.wait()?)"""
    assert ok(kc, code).result == '(["1", "2", "3"], 0)'
