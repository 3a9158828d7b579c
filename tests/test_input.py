"""What a cell can ask the user, through the stdin channel."""

from __future__ import annotations

import queue

import nbclient
import nbformat
import pytest
from jupyter_client import BlockingKernelClient

import helpers
from helpers import collect, ok, run_cell, send_cell, until, wait_until


def question(kc, timeout: float = helpers.CELL_TIMEOUT) -> dict:
    """The next thing that the user is asked."""
    message = kc.get_stdin_msg(timeout=timeout)
    assert message["msg_type"] == "input_request", message
    return message


def run_with_answers(kc, code: str, *answers: str) -> tuple[helpers.Result, list[dict]]:
    """Runs a cell that asks as many questions; returns the questions, too."""
    request = send_cell(kc, code, allow_stdin=True)
    asked = []
    for answer in answers:
        asked.append(question(kc))
        assert asked[-1]["parent_header"]["msg_id"] == request
        kc.input(answer)
    return collect(kc, {request: code})[request], [message["content"] for message in asked]


def nobody_is_asked(kc) -> bool:
    try:
        return not question(kc, timeout=0.3)
    except queue.Empty:
        return True


def test_a_line(kc):
    result, asked = run_with_answers(kc, 'let name: String = input("What is your name? ")?;\nname.as_str()', " Ada 🦀\\ ")
    assert asked == [{"prompt": "What is your name? ", "password": False}]
    assert result.result == '" Ada 🦀\\\\ "', result
    assert ok(kc, "name.len()").result == "11", "what was entered is a variable like any other"


def test_a_password(kc):
    result, asked = run_with_answers(kc, 'password("Password: ")?.len()', "secret")
    assert asked == [{"prompt": "Password: ", "password": True}]
    assert result.result == "6", result


def test_any_number_of_questions_and_any_prompt(kc):
    code = 'let mut sum = 0; for n in 1..=3 { sum += input(format!("{n}: "))?.parse::<i32>()?; }\nsum'
    result, asked = run_with_answers(kc, code, "20", "2", "20")
    assert [content["prompt"] for content in asked] == ["1: ", "2: ", "3: "]
    assert result.result == "42", result


def test_threads_ask_one_after_the_other(kc):
    code = """
let asking: Vec<_> = (0..3).map(|n| std::thread::spawn(move || (n, input(n).unwrap()))).collect();
for thread in asking { let (n, answer) = thread.join().unwrap(); println!("{n} {answer}"); }
"""
    request = send_cell(kc, code, allow_stdin=True)
    for _ in range(3):
        prompt = question(kc)["content"]["prompt"]
        assert nobody_is_asked(kc), "a second question came before the first was answered"
        kc.input(f"for {prompt}")
    result = collect(kc, {request: code})[request]
    assert result.stdout == "0 for 0\n1 for 1\n2 for 2\n", result


def test_what_was_printed_is_visible_before_the_prompt(kc):
    code = 'for n in 0..2000 { println!("{n}"); }\nprint!("no newline");\nlet _ = input("")?;'
    request = send_cell(kc, code, allow_stdin=True)
    question(kc)
    seen = ""
    while not seen.endswith("1999\nno newline"):  # all of it before the answer
        seen += kc.get_iopub_msg(timeout=30)["content"].get("text", "")
    kc.input("")
    collect(kc, {request: code})


def test_other_threads_print_and_show_while_one_waits(kc):
    code = """
let showing = std::thread::spawn(|| for n in 0..50 {
    display(&Markdown(format!("**{n}**")));
    println!("{n}");
    std::thread::sleep(std::time::Duration::from_millis(5));
});
let answer = input("")?;
showing.join().unwrap();
answer.as_str()
"""
    request = send_cell(kc, code, allow_stdin=True)
    question(kc)
    shown = 0
    while shown < 50:  # all of it before the answer
        shown += kc.get_iopub_msg(timeout=30)["msg_type"] == "display_data"
    kc.input("done")
    assert collect(kc, {request: code})[request].result == '"done"'


# --- nobody there -------------------------------------------------------------------------------------------------


def test_without_a_user_the_error_says_so_at_once(kc):
    result = run_cell(kc, 'input("Name: ")?;', allow_stdin=False)
    assert result.status == "error" and len(result.errors) == 1, result
    assert "without a user" in result.complaint and "JupyterLab" in result.complaint, result
    assert nobody_is_asked(kc)
    kind = ok(kc, 'input("Name: ").unwrap_err().kind()', allow_stdin=False)
    assert kind.result == "Unsupported", kind


def test_nbclient_gets_the_error(kernelspec):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('let name = input("Name: ")?;')])
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="without a user"):
        nbclient.NotebookClient(notebook, timeout=90, kernel_name=kernelspec).execute()


def test_a_front_end_without_the_channel_is_an_error_too(kernel):
    kc = BlockingKernelClient()  # another client than the test's own, which has the channel
    kc.load_connection_info(kernel.manager.get_connection_info())
    kc.start_channels(stdin=False, hb=False)
    try:
        kc.wait_for_ready(timeout=30)
        result = run_cell(kc, 'input("Name: ")?;', allow_stdin=True, timeout=30)
    finally:
        kc.stop_channels()
    assert result.status == "error" and "stdin" in result.complaint, result


def test_after_the_cell_nobody_is_asked(kc, tmp_path):
    go, asked = tmp_path / "go", tmp_path / "asked"
    code = f"""
let asking = std::thread::spawn(|| {{
    {until(go)}
    let error = input("too late").unwrap_err().to_string();
    std::fs::write("{asked}", "").unwrap();
    error
}});
"""
    result = run_cell(kc, code, allow_stdin=True)
    assert result.status == "ok", result
    go.touch()
    assert wait_until(asked.exists, 30)
    assert nobody_is_asked(kc)
    assert "no cell is running" in ok(kc, "asking.join().unwrap()").result


def test_an_endless_answer_is_refused(kc):
    result, _ = run_with_answers(kc, 'input("")?.len()', "x" * 1_000_000)
    assert result.status == "error" and "1000000 bytes" in result.complaint, result
    assert run_with_answers(kc, 'input("")?.len()', "\x01" * 32_000)[0].result == "32000"


def test_standard_input_itself_is_empty(kc):
    assert ok(kc, "std::io::stdin().read_line(&mut String::new())?", allow_stdin=True).result == "0"


# --- interrupts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["?", ".unwrap()"])
def test_an_interrupt_ends_the_wait_and_a_late_answer_is_dropped(kernel, kc, how):
    ok(kc, "let kept: i32 = 41;")
    process = ok(kc, "std::process::id()").result
    code = f'let name = input("Name: "){how};'
    request = send_cell(kc, code, allow_stdin=True)
    question(kc)
    kernel.manager.interrupt_kernel()
    result = collect(kc, {request: code})[request]
    assert result.status == "error" and result.errors[0]["ename"] == "Interrupted", result
    assert ok(kc, "kept + 1").result == "42"
    # The kernel ends a process that does not end its wait within a second.
    assert ok(kc, "std::process::id()").result == process, "the process of the cells died"
    kc.input("late")
    assert run_with_answers(kc, 'input("Again: ")?', "in time")[0].result == '"in time"'


def test_a_late_answer_is_not_taken_for_the_next_question(kernel, kc):
    """A front end that names the question, as JupyterLab does, cannot answer another one."""
    code = 'input("")?'
    request = send_cell(kc, code, allow_stdin=True)
    first = question(kc)
    kernel.manager.interrupt_kernel()
    collect(kc, {request: code})
    request = send_cell(kc, code, allow_stdin=True)
    second = question(kc)
    for asked, value in [(first, "late"), (second, "in time")]:
        kc.stdin_channel.send(kc.session.msg("input_reply", {"value": value, "status": "ok"}, parent=asked))
    assert collect(kc, {request: code})[request].result == '"in time"'
