"""What the kernel promises to a notebook, seen through the Jupyter protocol."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import nbclient
import nbformat
import pytest
import zmq

import helpers
from helpers import ask, collect, interrupting, ok, run_cell, send_cell, until, wait_until
from test_transcript import BUSY_IDLE, exchange

#: Every error, whatever its kind, fits on the screen below its cell.
LONGEST_TRACEBACK = 12


def assert_error(result, *said: str):
    """The cell failed as the contract says: status, one error message, a short traceback that says these things."""
    assert result.status == "error", f"the reply's status should be `error`\n{result}"
    assert len(result.errors) == 1, f"there should be exactly one error message\n{result}"
    error = result.errors[0]
    assert error["ename"] and error["evalue"], f"an error has a name and a value\n{result}"
    assert result.reply["ename"] == error["ename"] and result.reply["evalue"] == error["evalue"], (
        f"the reply and the error message should agree\n{result}"
    )
    lines = result.traceback.splitlines()
    assert 1 <= len(lines) <= LONGEST_TRACEBACK, f"{len(lines)} lines of traceback\n{result.traceback}"
    for text in said:
        assert text in result.traceback, f"the traceback should say {text!r}\n{result.traceback}"
    for noise in ("stack backtrace", "RUST_BACKTRACE", "evcxr"):
        assert noise not in result.complaint, f"{noise!r} is of no use to a reader\n{result}"
    assert not result.results, f"a cell that fails has no result\n{result}"


def wait_for_text(kc, request: str) -> None:
    """Waits until this cell, which still runs, has printed."""
    while (message := kc.get_iopub_msg(timeout=helpers.CELL_TIMEOUT))["msg_type"] != "stream" or message["parent_header"]["msg_id"] != request:
        pass


# --- start-up -------------------------------------------------------------------------------------------------------


def test_the_first_cell_has_everything_and_kernel_info_does_not_wait_for_it(kernelspec, tmp_path):
    """Compiling tokio, rayon and plotters takes half a minute; a first cell that uses them does not."""
    cell = """let red: plotters::style::RGBColor = plotters::style::RGBColor(255, 0, 0);
println!("{} {red:?}", rayon::current_num_threads() > 0);
tokio::time::sleep(std::time::Duration::from_millis(1)).await;
ThreadPoolExecutor::new(2).submit(|| 6 * 7).result()?"""
    with helpers.running_kernel(tmp_path, ready_timeout=None) as kernel:
        kc = kernel.client
        first, question = send_cell(kc, cell), kc.kernel_info()
        reply = kc.get_shell_msg(timeout=helpers.CELL_TIMEOUT)
        assert reply["parent_header"]["msg_id"] == question, f"the first answer is not that to kernel_info: {reply}"
        result = collect(kc, {first: cell})[first]
        assert result.stdout == "true RGBColor(255, 0, 0)\n" and result.result == "42", result
        assert result.count == 1, f"the first prompt number is 1, not {result.count}"
        assert "Compiling" not in kernel.log(), kernel.log()


def test_heartbeat(kernel):
    info = kernel.manager.get_connection_info()
    with zmq.Context.instance().socket(zmq.REQ) as heart:
        heart.linger = 0
        heart.connect(f"tcp://{info['ip']}:{info['hb_port']}")
        for _ in range(2):
            heart.send(b"ping")
            assert heart.poll(30_000), "no answer on the heartbeat channel"
            heart.recv()


# --- the companion and the libraries ------------------------------------------------------------------------------


def test_explicit_dependency_lines_work_too(kernelspec, tmp_path):
    with helpers.running_kernel(tmp_path, cwd=helpers.NOTEBOOKS) as kernel:
        kc = kernel.client
        ok(kc, "let early: ThreadPoolExecutor = ThreadPoolExecutor::new(2);")
        ok(kc, ':dep threadbook = { path = "../crates/threadbook" }\nuse threadbook::prelude::*;', timeout=150)
        late = ok(kc, "ThreadPoolExecutor::new(2).submit(|| 40 + 2).result()?")
        assert late.result == "42", late
        # One companion, not two: what was made before the lines still fits.
        assert ok(kc, "early.submit(|| 40 + 3).result()?").result == "43"


LIBRARIES = {
    "tokio": "tokio::spawn(async { 6 * 7 }).await?",
    "rayon": "{ use rayon::prelude::*; (1..=8u64).into_par_iter().map(|n| n + 1).sum::<u64>() - 2 }",
    "futures": "futures::future::join_all((0..3).map(|n| async move { 13 + n })).await.into_iter().sum::<i32>()",
    "serde_json": 'serde_json::from_str::<u8>("42")?',
    "serde": """
#[derive(serde::Serialize, serde::Deserialize)]
struct Answer { value: u8 }
serde_json::from_str::<Answer>(&serde_json::to_string(&Answer { value: 42 })?)?.value
""",
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_library_is_usable_by_name(kc, library):
    result = ok(kc, LIBRARIES[library])
    assert result.result == "42", result


def test_plotters_draws_an_svg(kc):
    result = ok(
        kc,
        """
fn parabola() -> Result<String, Box<dyn std::error::Error>> {
    use plotters::prelude::*;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (320, 200)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root).build_cartesian_2d(0f64..1f64, 0f64..1f64)?;
        chart.draw_series(LineSeries::new((0..=20).map(|i| (i as f64 / 20.0, (i * i) as f64 / 400.0)), &RED))?;
        root.present()?;
    }
    Ok(svg)
}
Svg(parabola().unwrap())
""",
    )
    assert len(result.shown) == 1, result
    svg = result.shown[0].get("image/svg+xml", "")
    assert svg.lstrip().startswith("<svg") and "polyline" in svg, result


def test_top_level_await(kc):
    result = ok(kc, 'tokio::time::sleep(std::time::Duration::from_millis(10)).await;\nprintln!("awake");')
    assert result.stdout == "awake\n"


# --- what a cell prints and shows ---------------------------------------------------------------------------------


def test_text_without_a_newline_is_shown(kc):
    assert ok(kc, 'print!("0 1 2");').stdout == "0 1 2"
    assert ok(kc, 'eprint!("3 4 5");').stderr == "3 4 5"


def test_text_does_not_leak_into_the_next_cell(kc):
    ok(kc, 'print!("left over");')
    assert ok(kc, 'println!("fresh");').stdout == "fresh\n"


def test_text_appears_while_the_cell_still_runs(kc, tmp_path):
    """After each text the cell waits until a file is there, which is made when the text has arrived."""
    steps = [("println", "a\n"), ("print", "b"), ("eprint", "c")]
    cell = "".join(f'{macro}!("{text.strip()}"); {until(tmp_path / text.strip())}\n' for macro, text in steps)

    def go_on(message):
        if message.kind == "stream":
            [(tmp_path / text.strip()).touch() for _, text in steps if message.content["text"] == text]

    result = run_cell(kc, cell, on_message=go_on)
    shown = [(m.content["name"], m.content["text"]) for m in result.of("stream")]
    assert shown == [("stdout", "a\n"), ("stdout", "b"), ("stderr", "c")], result


def test_stdout_and_stderr_are_kept_apart(kc):
    result = ok(kc, 'println!("one"); eprintln!("two"); println!("three"); eprintln!("four");')
    assert result.stdout == "one\nthree\n"
    assert result.stderr == "two\nfour\n"


def test_output_of_threads_and_children_belongs_to_the_cell(kc):
    result = ok(
        kc,
        'std::thread::spawn(|| println!("from a thread")).join().unwrap();\n'
        'std::process::Command::new("echo").arg("from a child").status()?;',
    )
    assert result.stdout == "from a thread\nfrom a child\n", result


def test_characters_survive_being_written_in_pieces(kc):
    result = ok(
        kc,
        "use std::io::Write;\n"
        'for byte in "é数🦀\\n".bytes() {\n'
        "    std::io::stdout().write_all(&[byte])?;\n"
        "    std::io::stdout().flush()?;\n"
        "    std::thread::sleep(std::time::Duration::from_millis(60));\n"
        "}",
    )
    assert result.stdout == "é数🦀\n", result


def test_several_displays_in_order(kc):
    result = ok(kc, 'display(&41);\nprintln!("between");\ndisplay(&Html("<b>two</b>".into()));\ndisplay(&"three");')
    assert len(result.displays) == 3, result
    first, second, third = result.displays
    assert first["text/plain"] == "41"
    assert second["text/html"] == "<b>two</b>"
    assert third["text/plain"].strip('"') == "three"
    kinds = [m.kind for m in result.of("stream", "display_data")]
    assert kinds == ["display_data", "stream", "display_data", "display_data"], f"out of order: {kinds}"


def test_displays_of_one_kind_are_all_shown(kc):
    result = ok(kc, "for n in 0..5 { display(&n); }")
    assert [data["text/plain"] for data in result.displays] == ["0", "1", "2", "3", "4"], result


def test_last_expression_is_the_result(kc):
    result = ok(kc, "let two: i32 = 2;\ntwo + 2")
    assert result.result == "4"
    assert len(result.shown) == 1, result
    message = result.of("execute_result")[0]
    assert message.content["execution_count"] == result.count


def test_html_as_last_expression(kc):
    result = ok(kc, 'Html("<i>slanted</i>".into())')
    assert [data.get("text/html") for data in result.shown] == ["<i>slanted</i>"], result


@pytest.mark.parametrize(
    "cell",
    ["()", "let quiet: i32 = 1;", "fn quiet_fn() {}", 'println!("said")', "if true { () }", "// a comment"],
)
def test_nothing_is_shown_for_nothing(kc, cell):
    result = ok(kc, cell)
    assert result.shown == [], f"there is no value to show\n{result}"
    assert result.stdout == ("said\n" if "println" in cell else "")


def test_values_of_own_types_are_shown(kc):
    ok(kc, "#[derive(Debug, Clone)]\nstruct Point { x: i32, y: i32 }\nlet point: Point = Point { x: 1, y: 2 };")
    assert "Point" in ok(kc, "point").result
    assert ok(kc, "point.x + point.y").result == "3", "showing a variable must not move it"


# --- errors -------------------------------------------------------------------------------------------------------


def test_panic(kc):
    result = run_cell(kc, 'let coffee = 0;\npanic!("out of coffee: {coffee} cups");')
    assert_error(result, "out of coffee: 0 cups")


def test_panic_in_own_function_shows_where(kc):
    ok(kc, 'fn half(n: u32) -> u32 {\n    assert!(n % 2 == 0, "{n} is odd");\n    n / 2\n}')
    assert_error(run_cell(kc, "half(7)"), "7 is odd")


def test_panic_in_a_function_of_an_earlier_cell(kc):
    ok(kc, "fn third_of(v: &[i32]) -> i32 {\n    // The comment makes it line 3.\n    v[2]\n}")
    assert_error(run_cell(kc, "let pair = vec![1, 2];\nthird_of(&pair)"), "index out of bounds", "3 |     v[2]")


def test_the_whole_backtrace_on_request(kc):
    ok(kc, 'unsafe { std::env::set_var("RUST_BACKTRACE", "1") };')
    result = run_cell(kc, 'panic!("all of it")')
    ok(kc, 'unsafe { std::env::remove_var("RUST_BACKTRACE") };')
    assert_error(result, "all of it")
    assert "threadbook_execute" in result.stderr and "threadbook_cell" in result.stderr, result
    assert run_cell(kc, 'panic!("less")').stderr == ""


def test_early_return_by_question_mark(kc):
    result = run_cell(kc, 'let cups: i32 = "twelve".parse::<i32>()?;\nprintln!("{cups}");')
    assert_error(result, "invalid digit found in string")
    assert result.stdout == "", "nothing after the `?` runs"


CAUSED = """
#[derive(Debug)]
struct Settings { source: std::io::Error }
impl std::fmt::Display for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { f.write_str("no settings") }
}
impl std::error::Error for Settings {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { Some(&self.source) }
}
fn plain() -> Result<u8, Settings> {
    Err(Settings { source: std::io::Error::other("no disk") })
}
fn boxed() -> Result<u8, Box<dyn std::error::Error>> { Ok(plain()?) }
fn sent() -> Result<u8, Box<dyn std::error::Error + Send + Sync>> { Ok(plain()?) }
fn text() -> Result<u8, String> { Err("only words".to_string()) }
"""


@pytest.mark.parametrize("call", ["plain", "boxed", "sent"])
def test_question_mark_tells_the_cause_and_the_place(kc, call):
    ok(kc, CAUSED)
    others = ['let n: u32 = "5".parse()?;']
    if call != "plain":
        # Beside what is only text, the engine cannot know more of an error than that it can be displayed.
        others.append("let n = Ok::<u32, String>(5)?;")
    for other in others:
        result = run_cell(kc, f"{other}\nlet wanted = {call}()?;\nprintln!(\"{{n}} {{wanted}}\");")
        assert_error(result, "no settings", "caused by: no disk", f"let wanted = {call}()?;", "]:2:")
        assert (result.reply["ename"], result.reply["evalue"]) == ("Error", "no settings")


def test_question_mark_on_what_is_only_text(kc):
    ok(kc, CAUSED)
    result = run_cell(kc, "let wanted = text()?;")
    assert_error(result, "only words", "let wanted = text()?;")
    assert "caused by" not in result.traceback


def test_compile_error(kc):
    result = run_cell(kc, 'let before = 1;\nlet cups: u32 = "twelve";')
    assert_error(result, "mismatched types", 'let cups: u32 = "twelve";')


def test_compile_error_with_help(kc):
    ok(kc, "fn brew_coffee() {}")
    assert_error(run_cell(kc, "brew_cofee();"), "brew_cofee", "cannot find function", "brew_coffee")


def test_compile_error_with_a_note_on_another_line(kc):
    code = "let lock = std::sync::Arc::new(std::sync::Mutex::new(0));\ntokio::spawn(async move {\n    let _held = lock.lock().unwrap();\n    tokio::task::yield_now().await;\n});"
    result = run_cell(kc, code)
    assert_error(result, "cannot be sent between threads", "used across an await", "]:4: tokio::task::yield_now().await;")


def test_many_compile_errors_stay_short(kc):
    result = run_cell(kc, "\n".join(f"unknown_name_{n}();" for n in range(40)))
    assert_error(result, "unknown_name_0")


def test_long_panic_message_stays_short(kc):
    assert_error(run_cell(kc, 'panic!("{}", "many lines\\n".repeat(500));'), "many lines")


def test_text_printed_before_an_error_is_shown(kc):
    result = run_cell(kc, 'print!("so far so good"); panic!("and then");')
    assert_error(result, "and then")
    assert result.stdout == "so far so good"
    kinds = [m.kind for m in result.of("stream", "error")]
    assert kinds.index("stream") < kinds.index("error"), kinds


def test_variables_survive_errors(kc):
    ok(kc, "let kept: Vec<i32> = vec![1, 2, 3];\nlet mut used: Vec<i32> = vec![4];")
    for failing in ('used.push(5); panic!("with it in use")', '"x".parse::<i32>()?;', 'let wrong: u32 = "";'):
        assert run_cell(kc, failing).status == "error"
        assert ok(kc, "kept.len()").result == "3", f"lost after {failing!r}"
    assert ok(kc, "used.len()").result == "2", "a variable that the panicking cell used is lost"


def test_definitions_survive_errors(kc):
    ok(kc, "fn double(n: i32) -> i32 { 2 * n }")
    assert run_cell(kc, 'panic!("again")').status == "error"
    assert ok(kc, "double(21)").result == "42"


def test_panic_in_a_task_does_not_fail_the_cell(kc):
    result = ok(kc, 'ThreadPoolExecutor::new(1).submit(|| -> u8 { panic!("in the pool") }).result().is_err()')
    assert result.result == "true"


def test_run_all_stops_after_an_error(kc):
    cells = ['println!("runs");', 'panic!("stop here");', 'println!("must not run");', "6 * 7"]
    requests = {send_cell(kc, code): code for code in cells}
    runs, fails, *rest = collect(kc, requests).values()
    assert runs.status == "ok" and runs.stdout == "runs\n"
    assert fails.status == "error"
    for result in rest:
        assert result.status == "aborted", f"queued cells are aborted\n{result}"
        assert not result.of("stream", "execute_result", "error"), f"an aborted cell shows nothing\n{result}"
    after = ok(kc, "6 * 7")
    assert after.result == "42", "a cell sent after the error runs"
    assert after.count == runs.count + 2, f"aborted cells use no prompt number: {after.count}"


def test_run_all_goes_on_where_the_front_end_says_so(kc):
    cells = {'panic!("expected");': False, "6 * 7": True}
    requests = {send_cell(kc, code, stop_on_error=stop): code for code, stop in cells.items()}
    fails, runs = collect(kc, requests).values()
    assert fails.status == "error"
    assert runs.status == "ok" and runs.result == "42", runs


def test_an_error_stops_a_headless_run_unless_it_is_expected(kernelspec):
    codes = ['panic!("expected")', "6 * 7", 'panic!("unexpected")', 'println!("must not run");']
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in codes])
    notebook.cells[0].metadata["tags"] = ["raises-exception"]
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="unexpected"):
        nbclient.NotebookClient(notebook, timeout=90, kernel_name=kernelspec).execute()
    expected, answer, unexpected, never = (cell.outputs for cell in notebook.cells)
    assert [output["output_type"] for output in expected] == ["error"]
    assert answer[0]["data"]["text/plain"] == "42"
    assert [output["output_type"] for output in unexpected] == ["error"]
    assert never == []


# --- silent cells and counting ------------------------------------------------------------------------------------


def test_silent_and_unlisted_cells_do_not_count_and_are_not_remembered(kc):
    before = ok(kc, "let shown: i32 = 1;").count
    silent = run_cell(kc, "let hidden: i32 = 7;\nhidden", silent=True)
    assert silent.status == "ok"
    assert [m.kind for m in silent.messages] == ["status", "status"], f"silent means quiet\n{silent}"
    unlisted = ok(kc, "hidden + 1", store_history=False)
    assert unlisted.result == "8", "a silent cell still runs, and an unlisted one is not silent"
    assert ok(kc, "hidden").count == before + 1, "neither takes a prompt number"
    history = ask(kc, "history", hist_access_type="tail", n=2)["history"]
    assert [entry[1:] for entry in history] == [[before, "let shown: i32 = 1;"], [before + 1, "hidden"]]


def test_execute_input_echoes_the_cell(kc):
    result = ok(kc, "1 + 2 // with a remark")
    echoes = result.of("execute_input")
    assert [m.content["code"] for m in echoes] == ["1 + 2 // with a remark"]
    assert echoes[0].content["execution_count"] == result.count
    states = [m.content["execution_state"] for m in result.of("status")]
    assert states == ["busy", "idle"], states
    assert result.messages[0].kind == "status" and result.messages[-1].kind == "status"


# --- completion, inspection, completeness -------------------------------------------------------------------------

COMPLETIONS = {
    "plain": ("fn count_primes_below() {}\n", "count_pri", "count_primes_below"),
    "after emoji": ('fn count_primes_below() {}\nlet crab = "🦀🦀🦀"; ', "count_pri", "count_primes_below"),
    "after CJK": ('fn count_primes_below() {}\n/* 素数を数える */ let 数 = "数数"; ', "count_pri", "count_primes_below"),
    "after combined": ('fn count_primes_below() {}\nlet family = "👨‍👩‍👧 é"; ', "count_pri", "count_primes_below"),
    "the companion": ('let crab = "🦀"; ', "ThreadPoolExec", "ThreadPoolExecutor"),
    "a method of the companion": ('let crab = "🦀"; ThreadPoolExecutor::', "ne", "new"),
}


@pytest.mark.parametrize("case", COMPLETIONS)
@pytest.mark.parametrize("rest", ["", ';\nlet more = "🦀";'], ids=["at the end", "inside"])
def test_completion_counts_code_points(kc, case, rest):
    before, typed, expected = COMPLETIONS[case]
    code = before + typed + rest
    cursor = len(before + typed)
    reply = ask(kc, "complete", code, cursor)
    assert reply["status"] == "ok"
    assert any(re.fullmatch(expected + r"(\(.*\))?", match) for match in reply["matches"]), reply
    assert (reply["cursor_start"], reply["cursor_end"]) == (len(before), cursor), (
        f"{code[reply['cursor_start'] : reply['cursor_end']]!r} would be replaced instead of {typed!r}"
    )


def test_completion_knows_earlier_cells(kc):
    ok(kc, "fn harvest_apples() -> u32 { 3 }\nlet apple_baskets: u32 = 4;")
    for typed, expected in (("harvest_ap", "harvest_apples"), ("apple_bas", "apple_baskets")):
        matches = ask(kc, "complete", typed, len(typed))["matches"]
        assert any(match.startswith(expected) for match in matches), matches


def test_completions_say_what_they_are_and_have_documentation(kc):
    for typed, name, kind, documentation in (
        ("ThreadPoolExec", "ThreadPoolExecutor", "class", "Runs tasks in a fixed number of threads"),
        ("ThreadPoolExecutor::bui", "builder", "function", "Settings for a pool"),
        ("as_compl", "as_completed", "function", "when it is done"),
        ("subproc", "subprocess", "module", "Child processes"),
    ):
        reply = ask(kc, "complete", typed, len(typed))
        types = reply["metadata"]["_jupyter_types_experimental"]
        assert [offered["text"] for offered in types] == reply["matches"]
        [offered] = [offered for offered in types if re.fullmatch(name + r"(\(.*\))?(::)?", offered["text"])]
        assert offered["type"] == kind, offered
        # A front end asks about a match as if it stood in the cell already.
        chosen = typed[: offered["start"]] + name
        page = ask(kc, "inspect", chosen, len(chosen))["data"]
        assert documentation in page["text/plain"], page["text/plain"]


def test_completion_of_nonsense_answers(kc):
    for code, cursor, start, end in (("", 0, 0, 0), ("🦀🦀", 1, 1, 1), ("zzz", 99, 0, 3)):
        reply = ask(kc, "complete", code, cursor)
        assert reply == {"status": "ok", "matches": [], "cursor_start": start, "cursor_end": end, "metadata": reply["metadata"]}
    reply = ask(kc, "complete", "let x = (((", 11)
    assert "ThreadPoolExecutor" in reply["matches"] and (reply["cursor_start"], reply["cursor_end"]) == (11, 11), reply


def test_inspect(kc):
    for before in ("", 'let crab = "🦀数"; '):
        code = before + "ThreadPoolExecutor::new(2)"
        reply = ask(kc, "inspect", code, len(before) + 4)
        assert reply["status"] == "ok" and reply["found"] is True, reply
        assert "ThreadPoolExecutor" in reply["data"]["text/plain"], reply


def test_inspect_own_function(kc):
    ok(kc, "/// Adds one.\nfn add_one(n: i32) -> i32 { n + 1 }")
    reply = ask(kc, "inspect", "add_one(1)", 3)
    assert reply["found"] is True, reply
    assert "fn add_one" in helpers.plain(reply["data"]["text/plain"]), reply


def test_inspect_among_the_arguments_of_a_call(kc):
    """Shift-Tab behind an opening parenthesis asks what the function takes, as it does with ipykernel."""
    ok(kc, "/// Adds two numbers.\nfn add_two(left: i32, right: i32) -> i32 { left + right }")
    for code in ("add_two(", "add_two(1, )", "add_two(1)", "add_two(1, ", 'let crab = "🦀数"; add_two(1, '):
        reply = ask(kc, "inspect", code, len(code.removesuffix(")")))
        assert reply["found"] and "fn add_two" in helpers.plain(reply["data"]["text/plain"]), (code, reply)
    inner = "add_two(1, u8::from_str_radix())"
    reply = ask(kc, "inspect", inner, len(inner) - 2)
    assert reply["found"] and "from_str_radix" in reply["data"]["text/plain"], reply


def test_inspect_of_the_unknown(kc):
    reply = ask(kc, "inspect", "no_such_thing_at_all", 5)
    assert (reply["status"], reply["found"], reply["data"]) == ("ok", False, {}), reply


def test_questions_do_not_run_code(kc):
    ok(kc, "let mut touched: i32 = 0;")
    for question in ("complete", "inspect", "is_complete"):
        ask(kc, question, "touched += 1; touched")
    assert ok(kc, "touched").result == "0"


def test_user_expressions(kc):
    asked = {"sum": "one + 1", "text": '"é"', "unknown": "no_such_name", "panics": 'panic!("in it")', "partial": "3 +"}
    reply = ok(kc, "let one = 1;", user_expressions=asked).reply
    values = reply["user_expressions"]
    assert values["sum"] == {"status": "ok", "data": {"text/plain": "2"}, "metadata": {}}
    assert values["text"]["data"]["text/plain"] == '"é"'
    assert values["unknown"]["status"] == "error" and "no_such_name" in values["unknown"]["evalue"]
    assert (values["panics"]["ename"], values["panics"]["evalue"]) == ("Panic", "in it")
    assert (values["partial"]["status"], values["partial"]["ename"]) == ("error", "CompileError")
    assert ok(kc, "one").result == "1"
    failed = run_cell(kc, "no_such_name", user_expressions=asked)
    assert failed.reply["user_expressions"] == {}, "after an error they are not evaluated"


def test_questions_are_answered_while_a_cell_runs(kernel, tmp_path):
    """Without the engine, which has no time: by the names that it knew, and those of the cells since."""
    kc, go_on = kernel.client, tmp_path / "go on"
    ok(kc, "fn thousandfold(n: u64) -> u64 { 1000 * n }\nlet answer = thousandfold(42);")
    cell = f'println!("started"); {until(go_on)} answer.pow(2)'
    running = send_cell(kc, cell)
    wait_for_text(kc, running)
    # The cell ends when all questions are answered, so that no answer can have waited for it.
    assert "thousandfold" in ask(kc, "complete", "let é = thou", 12)["matches"]
    assert "ThreadPoolExecutor" in ask(kc, "complete", "Thread", 6)["matches"]
    assert "pow" in ask(kc, "complete", "answer.p", 8)["matches"]
    shown = ask(kc, "inspect", "thousandfold", 4)
    assert shown["found"] and "fn thousandfold(n: u64) -> u64" in shown["data"]["text/plain"], shown
    assert not ask(kc, "inspect", "unheard_of", 4)["found"]
    assert ask(kc, "is_complete", "fn f() {")["status"] == "incomplete"
    assert exchange(kernel, "control", "kernel_info_request", {}).reply["content"]["status"] == "ok"
    go_on.touch()
    done = collect(kc, {running: cell})[running]
    assert done.result == "1764000000", done


# --- interrupt, restart, shutdown ---------------------------------------------------------------------------------

WAITING_CELLS = {
    "sleep": "std::thread::sleep(std::time::Duration::from_secs(120));",
    "await": "tokio::time::sleep(std::time::Duration::from_secs(120)).await;",
    "lock": "{ let lock = std::sync::Mutex::new(()); let _held = lock.lock().unwrap(); let _again = lock.lock().unwrap(); }",
    "channel": "{ let (_sender, receiver) = std::sync::mpsc::channel::<()>(); receiver.recv().unwrap(); }",
    "pool": "ThreadPoolExecutor::new(1).submit(|| std::thread::sleep(std::time::Duration::from_secs(120))).result()?;",
    "endless loop": "loop { std::hint::black_box(()); }",
    "printing loop": 'loop { println!("tick"); std::thread::sleep(std::time::Duration::from_millis(5)); }',
}


def interrupted(kernel, code: str) -> helpers.Result:
    """Interrupts a cell when it first prints, and checks that it ends within a second in one of up to five attempts, as
    other programs may delay some."""
    for _ in range(5):
        result = run_cell(kernel.client, code, timeout=60, on_message=interrupting(kernel))
        assert_error(result)
        assert result.errors[0]["ename"] == "Interrupted", result
        if result.reply_at - result.of("stream")[0].at < 1:
            return result
    raise AssertionError(f"five times a second and more from the interrupt to the end\n{result}")


@pytest.mark.alone
@pytest.mark.parametrize("case", WAITING_CELLS)
def test_interrupt_takes_less_than_a_second_and_costs_no_variable(kernel, case):
    ok(kernel.client, "let kept = vec![1, 2, 3];\nlet pool = ThreadPoolExecutor::new(2);")
    interrupted(kernel, f'println!("started"); {WAITING_CELLS[case]}')
    assert ok(kernel.client, "pool.submit(|| 39).result()? + kept.len()").result == "42"


def test_interrupt_while_idle_changes_nothing(kernel, kc):
    ok(kc, "let kept: i32 = 41;")
    exchange(kernel, "control", "interrupt_request", {})  # else the next cell may come before the interrupt
    result = ok(kc, "kept + 1")
    assert result.result == "42", result


def test_interrupt_stops_the_queue(kernel, kc):
    cells = ['println!("started"); std::thread::sleep(std::time::Duration::from_secs(120));', 'println!("must not run");']
    requests = {send_cell(kc, code): code for code in cells}
    sleeping, queued = collect(kc, requests, on_message=interrupting(kernel)).values()
    assert sleeping.status == "error"
    assert queued.status == "aborted" and queued.stdout == "", queued


def prepared_directory() -> Path:
    argv = helpers.kernel_spec().argv
    assert "--prepared" in argv, f"the kernelspec names no prepared directory: {argv}"
    return Path(argv[argv.index("--prepared") + 1])


def directories(*roots: Path) -> set[Path]:
    """What lies in these directories, two levels deep: where a kernel may put its own copy."""
    return {path for root in roots if root.exists() for pattern in ("*", "*/*") for path in root.glob(pattern)}


def shut_down(kernel, channel: str = "control", restart: bool = False) -> None:
    """Asks the kernel to end, as a front end does, and waits until it has ended by itself."""
    got = exchange(kernel, channel, "shutdown_request", {"restart": restart})
    assert got.reply["msg_type"] == "shutdown_reply" and got.kinds == BUSY_IDLE, got
    assert got.reply["content"] == {"status": "ok", "restart": restart}, got
    process = kernel.manager.provisioner.process
    assert wait_until(lambda: process.poll() is not None, 30), "the kernel still runs 30 s after its shutdown_reply"
    assert process.returncode == 0


def assert_nothing_left(kernel, before: set[Path], roots: list[Path]) -> None:
    assert wait_until(lambda: not kernel.processes(), 10), (
        f"processes left behind: {[(p.pid, p.name()) for p in kernel.processes()]}"
    )
    assert wait_until(lambda: not directories(*roots) - before, 10), (
        f"files left behind: {sorted(map(str, directories(*roots) - before))}"
    )


# The tests below ask for `kernel` too: what a first kernel leaves for the next ones (a lock file, say) is there then.


@pytest.mark.parametrize(
    "channel, restart, cell",
    [
        ("control", False, None),
        ("control", True, "loop {}"),
        ("shell", False, "std::thread::sleep(std::time::Duration::from_secs(120));"),
    ],
    ids=["before the engine is ready", "in an endless loop", "in a sleep"],
)
def test_shutdown_leaves_nothing_behind(kernel, tmp_path, channel, restart, cell):
    roots = [tmp_path / "tmp", prepared_directory().parent]
    before = directories(prepared_directory().parent)
    with helpers.running_kernel(tmp_path) as ending:
        if cell:
            wait_for_text(ending.client, send_cell(ending.client, f'println!("started"); {cell}'))
            assert len(ending.processes()) >= 2, "a kernel has a process for its cells"
        shut_down(ending, channel, restart)
        assert_nothing_left(ending, before, roots)


def test_a_killed_kernel_leaves_no_process_and_the_next_one_cleans_up(kernel, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    roots, env = [shared, prepared_directory().parent], {"TMPDIR": str(shared)}
    before = directories(*roots)
    with helpers.running_kernel(tmp_path / "killed", env=env) as killed:
        send_cell(killed.client, 'println!("started"); std::thread::sleep(std::time::Duration::from_secs(120));')
        assert wait_until(lambda: len(killed.processes()) >= 2, 30), "no process for cells"
        os.kill(killed.manager.provisioner.pid, signal.SIGKILL)
        assert wait_until(lambda: not killed.processes(), 20), f"orphans: {[(p.pid, p.name()) for p in killed.processes()]}"
    with helpers.running_kernel(tmp_path / "next", env=env) as ending:
        ok(ending.client, "1 + 1")
        shut_down(ending, "shell", restart=True)
        assert_nothing_left(ending, before, roots)


def test_two_kernels_at_once_and_a_restart(kernelspec, tmp_path):
    with helpers.running_kernel(tmp_path / "a", ready_timeout=None) as a, helpers.running_kernel(tmp_path / "b") as b:
        a.client.wait_for_ready(timeout=helpers.CELL_TIMEOUT)
        ok(a.client, "let mine: i32 = 1;")
        ok(b.client, "let mine: i32 = 2;")
        assert ok(a.client, "mine").result == "1"
        before = {process.pid for process in a.processes()}
        a.manager.restart_kernel()
        a.client.wait_for_ready(timeout=helpers.CELL_TIMEOUT)
        result = run_cell(a.client, "mine")
        assert result.status == "error", "a restart forgets variables"
        assert result.count == 1, f"prompt numbers start anew: {result.count}"
        assert ok(a.client, "ThreadPoolExecutor::new(2).submit(|| 42).result()?").result == "42"
        left = before & {process.pid for process in a.processes()}
        assert not left, f"processes of the kernel before the restart still live: {left}"
        shut_down(a)
        assert ok(b.client, "mine").result == "2", "one kernel's end must not disturb another"


# --- A last expression is a picture, whatever the engine has to mend in the cell ---------------------------------------


def test_a_last_expression_keeps_its_picture(fresh_kc):
    """Of a variable that the cell moves, and beside the first question mark and the first await of a session."""
    for cell in ["Html(page)", '"7".parse::<u8>()?;\nHtml(page)', "async { Html(page) }.await"]:
        ok(fresh_kc, 'let page = "<b>7</b>".to_owned();')
        assert ok(fresh_kc, cell).results[0].get("text/html") == "<b>7</b>", cell


def test_errors_in_the_last_expression_point_at_the_cell(kc):
    result = run_cell(kc, "let é = 1; é + undefined_name")
    assert_error(result, "undefined_name")
    lines = result.traceback.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("1 |"))
    assert lines[at + 1].index("^") == lines[at].index("undefined_name"), result.traceback


# --- Bars that move in their place -------------------------------------------------------------------------------------


def bar_of(result):
    """The one display of a cell and its changes in order: at most one in 33 ms, by the seconds that the cell prints."""
    (shown,) = result.of("display_data")
    updates = result.of("update_display_data")
    for update in updates:
        assert update.content["transient"] == shown.content["transient"], "the same display is changed"
    assert shown.content["transient"]["display_id"]
    took = float(result.stdout)
    assert 1 <= len(updates) <= took / 0.033 + 2, f"{len(updates)} changes in {took:.2f} s"
    return shown, updates


#: Around the work of a cell: prints how long it took, in seconds.
TIMED = "let started = std::time::Instant::now();\n{}\nprintln!(\"{{}}\", started.elapsed().as_secs_f64());"


def test_progress_of_a_loop(kc):
    cell = "for _ in progress(0..100) { std::thread::sleep(std::time::Duration::from_millis(3)); }"
    shown, updates = bar_of(ok(kc, TIMED.format(cell)))
    assert 'max="100"' in shown.content["data"]["text/html"]
    assert len(updates) >= 3, f"{len(updates)} changes in at least 0.3 s"
    assert updates[-1].content["data"]["text/plain"].startswith("█" * 30 + " 100/100")


def test_a_progress_bar_is_moved_by_tasks(kc):
    cell = """{
    let bar = std::sync::Arc::new(progress_bar(40, "<b>"));
    let pool = ThreadPoolExecutor::new(2);
    let moved = bar.clone();
    pool.map(move |_| { std::thread::sleep(std::time::Duration::from_millis(5)); moved.inc(1) }, 0..40).for_each(drop);
    pool.shutdown();
}"""
    shown, updates = bar_of(ok(kc, TIMED.format(cell)))
    assert "&lt;b&gt; <progress" in shown.content["data"]["text/html"], "a label is text"
    assert "40/40" in updates[-1].content["data"]["text/plain"]


def test_a_quick_loop_does_not_flood_the_reader(kc):
    cell = "let sum: u64 = progress(0..3_000_000u64).sum();\nassert_eq!(sum, 4499998500000);"
    bar_of(ok(kc, TIMED.format(cell)))


def test_a_live_view_changes_in_its_place(kc):
    cell = """let pool = ThreadPoolExecutor::new(2);
let stdout = std::io::stdout().lock();
let sum: u32 = live(|| pool.timeline(), || {
    pool.map(|n: u32| { std::thread::sleep(std::time::Duration::from_millis(100)); n }, 0..10).flatten().sum()
});
drop(stdout);
assert_eq!(sum, 45);"""
    shown, updates = bar_of(ok(kc, TIMED.format(cell)))
    assert len(updates) >= 3, f"{len(updates)} changes in at least 0.5 s"
    texts = [update.content["data"]["text/plain"] for update in updates]
    tasks = [int(re.search(r"(\d+) tasks? on", text)[1]) for text in texts]
    assert tasks == sorted(tasks) and tasks[0] < tasks[-1] == 10, tasks
    assert "<svg" in updates[-1].content["data"]["image/svg+xml"]
    assert_error(run_cell(kc, 'live(|| 1, || panic!("the work"));'), "the work")
    assert_error(run_cell(kc, 'live(|| -> u8 { panic!("the look") }, || ());'), "the look")
    assert ok(kc, "pool.submit(|| 7).result()?").result == "7"
