"""What is typed in a cell beside Rust: magics, shell commands, questions and the engine's commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import helpers
from helpers import ask, ok, rough_kernel, rough_kernels, run_cell, wait_until  # noqa: F401
from test_contract import assert_error, interrupted

TIMES = re.compile(r"wall ([\d.]+) (ns|µs|ms|s), user [\d.]+ \S+, system [\d.]+ \S+\n")


def pages(result) -> list[dict]:
    """What the cell asks the front end to show in its pager."""
    return [payload["data"] for payload in result.reply["payload"] if payload["source"] == "page"]


# --- time ---------------------------------------------------------------------------------------------------------


def test_time_of_a_line(kc):
    result = ok(kc, "%time (1..=100_u64).sum::<u64>()")
    assert TIMES.fullmatch(result.stdout), result
    assert result.result == "5050"
    result = ok(kc, "%time let timed_line = 6 * 7;\ntimed_line")
    assert TIMES.fullmatch(result.stdout) and result.result == "42", result
    assert ok(kc, "timed_line").result == "42"


def test_time_of_a_cell_keeps_its_variables_and_its_value(kc):
    result = ok(kc, "%%time\nlet timed_cell = 6 * 7;\nstd::thread::sleep(std::time::Duration::from_millis(120));\ntimed_cell + 1")
    number, unit = TIMES.fullmatch(result.stdout).groups()
    assert 0.12 <= float(number) * {"ms": 1e-3, "s": 1}[unit] <= result.reply_at, result
    assert result.result == "43"
    assert ok(kc, "timed_cell").result == "42"


def test_errors_in_a_timed_cell_show_what_was_typed(kc):
    result = run_cell(kc, '%%time\nlet n = 1;\nlet text: String = n;\nn')
    assert_error(result, ":3:", "let text: String = n;", "expected `String`")
    assert "threadbook::" not in result.traceback
    result = run_cell(kc, '%time let n: i32 = "a";')
    assert_error(result, ":1:20", '%time let n: i32 = "a";')
    result = run_cell(kc, "%time vec![1][std::hint::black_box(7)]")
    assert_error(result, "index out of bounds", "%time vec![1]")


def test_timeit(kc):
    result = ok(kc, "%timeit std::thread::sleep(std::time::Duration::from_millis(30))")
    said = re.match(r"(\d+\.\d) ms ± \d+\.\d ms per loop \(median of 7 repeats, 10 loops each\)\n", result.result)
    # Four of the seven repeats took at least the median.
    assert said and 0.030 <= float(said[1]) / 1000 <= result.reply_at / (4 * 10), result
    result = ok(kc, "%%timeit let nap = std::time::Duration::from_millis(210)\n// sleeps\nstd::thread::sleep(nap);\n")
    assert "7 repeats, 1 loop each" in result.result, result


def test_time_and_timeit_are_functions_too(kc):
    result = ok(kc, "let timed = time(|| 6 * 7);\nassert!(timed.wall >= std::time::Duration::ZERO);\ntimed")
    assert re.match(r"42\nwall ", result.result), result
    result = ok(kc, "let it = timeit(|| std::thread::sleep(std::time::Duration::from_millis(210)));\nit.loops()")
    assert result.result == "1"


# --- shell --------------------------------------------------------------------------------------------------------


def test_shell_lines_among_rust(kc):
    result = ok(kc, "!echo one; echo \"it's\" >&2\nlet two = 2;\n!echo three \\\n  more\ntwo")
    assert result.stdout == "one\nthree more\n", result
    assert result.stderr == "it's\n"
    assert result.result == "2"


def test_what_a_command_prints_comes_as_it_is_printed(kc, tmp_path):
    go_on = tmp_path / "go-on"

    def on_message(message):
        if message.kind == "stream" and message.content["text"] == "first\n":
            go_on.touch()

    result = run_cell(kc, f"!echo first; until [ -e {go_on} ]; do sleep 0.05; done; echo second", on_message=on_message)
    assert result.status == "ok" and result.stdout == "first\nsecond\n", result


def test_a_command_that_fails_is_no_error(kc):
    result = ok(kc, "!exit 3\n!kill -9 $$\n1")
    assert result.stderr == "exit code 3\nended by signal 9\n"
    assert result.result == "1"


def test_a_script(kc):
    result = ok(kc, "%%bash\nfor i in {1..3}; do\n  echo \"<$i>\"\ndone")
    assert result.stdout == "<1>\n<2>\n<3>\n"
    assert ok(kc, "%%sh\nx=1\necho $x").stdout == "1\n"


def test_the_directory_and_the_environment_are_the_notebook_s(rough_kernel, tmp_path):
    kc, where = rough_kernel.client, tmp_path / "it's here"
    where.mkdir()
    where = where.resolve()
    result = ok(kc, f'%cd "{where}"\n%env MAGIC_VALUE=a b\n!pwd; echo "$MAGIC_VALUE"\n%env MAGIC_VALUE')
    assert result.stdout == f"{where}\n{where}\na b\na b\n", result
    assert ok(kc, 'std::env::var("MAGIC_VALUE")?').result == '"a b"'
    assert_error(run_cell(kc, "%cd /no/such/directory"), "/no/such/directory", "%cd")
    assert_error(run_cell(kc, "%env NO_SUCH_VARIABLE"), "NO_SUCH_VARIABLE is not set")
    assert ok(kc, "%pwd").stdout == f"{where}\n"


@pytest.mark.alone
@pytest.mark.parametrize("command", ["sleep 300", "trap '' INT TERM; sleep 300 & sleep 300; sleep 300"])
def test_interrupt_ends_a_command_with_all_that_it_started(kernel, command):
    ok(kernel.client, "let kept = vec![1, 2, 3];")
    result = interrupted(kernel, f'!echo started; {command}\nprintln!("not reached");')
    assert "not reached" not in result.stdout
    sleeping = lambda: [process for process in kernel.processes() if process.name() == "sleep"]  # noqa: E731
    assert wait_until(lambda: not sleeping(), timeout=5), sleeping()
    result = ok(kernel.client, "kept")
    assert result.result == "[1, 2, 3]" and "process" not in result.stderr, result


# --- questions and commands ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["?Vec", "Vec?", "??Vec", "let asked = 1;\n?Vec"])
def test_a_question_is_answered_in_the_pager(kc, cell):
    (page,) = pages(ok(kc, cell))
    assert "contiguous growable array" in page["text/plain"] and "<p>" in page["text/html"]


def test_questions_about_macros_variables_and_nothing(kc):
    assert "standard output" in pages(ok(kc, "println!?"))[0]["text/plain"]
    ok(kc, 'let questioned: Result<i32, String> = Ok(7); let plain = 1_u8;')
    assert "Result" in pages(ok(kc, "?questioned"))[0]["text/plain"]
    assert "u8" in pages(ok(kc, "plain?"))[0]["text/plain"]
    assert ok(kc, "questioned?").result == "7", "on a Result, `?` is Rust's operator"
    assert_error(run_cell(kc, "?no_such_thing"), "nothing is known of `no_such_thing`")


@pytest.mark.parametrize("cell", [":help", "%lsmagic", "%magic"])
def test_the_table_of_magics(kc, cell):
    (page,) = pages(ok(kc, cell))
    for name in ("%timeit", "%%bash", "!ls -l", ":dep", ":vars"):
        assert name in page["text/plain"]
    assert ":quit" not in page["text/plain"] and len(page["text/plain"].splitlines()) <= 30


@pytest.mark.parametrize("command, said", [
    (":vars", "known_variable: i32"), ("%who", "known_variable: i32"), ("%whos", "known_variable: i32"),
    (":type known_variable", "i32"), (":t known_variable", "i32"), (":show_deps", 'rayon = "1"'),
    (":offline 1", "true"), (":offline 0", "false"),
    (":build_env MAGIC=1", "MAGIC=1"),
])  # fmt: skip
def test_commands_of_the_engine(kc, command, said):
    ok(kc, "let known_variable = 1;")
    result = ok(kc, command)
    assert said in result.result and "# read" not in result.result, result


def test_the_engine_s_version_and_its_directory(kc):
    version = re.search(r'version = "(.+)"', (helpers.ROOT / "Cargo.toml").read_text())[1]
    assert ok(kc, ":version").result == version
    ok(kc, "1 + 1")
    assert list(Path(ok(kc, ":last_compile_dir").result).rglob("cell*.rs"))


def test_explain_and_doc(kc):
    run_cell(kc, 'let n: i32 = "a";')
    assert ok(kc, ":explain").result.startswith("Expected type did not match the received type.")
    assert "growable array" in pages(ok(kc, ":doc Vec"))[0]["text/plain"]


@pytest.mark.parametrize("cell, said", [
    ("%foo", ["no magic `%foo`", "%timeit"]),
    ("%matplotlib inline", ["no magic `%matplotlib`", "%%bash"]),
    ("let a = 1;\n%timit a", ["did you mean `%timeit`?"]),
    ("%%foo\n%%bar", ["no magic `%%foo`"]),
    (":vasr", ["did you mean `:vars`?"]),
    (":quit", ["`:quit` is not for notebooks", "menu"]),
    (":restart", ["Restart the kernel"]),
    (":clear", ["Restart the kernel"]),
    (":env A=1", ["%env NAME=value"]),
    (":opt 1", ["every crate would be compiled again"]),
    ("let a = 1;\n:dep rand", ["`:dep` must come before"]),
    ("let a = 1;\n%%time\na", ["first line of its cell"]),
    ("%time", ["alone times nothing"]),
    ("%timeit -n 10 f()", ["no options"]),
])  # fmt: skip
def test_misuse_is_named_and_the_way_out_too(kc, cell, said):
    result = run_cell(kc, cell)
    assert_error(result, *said)
    assert result.errors[0]["ename"] == "UsageError"
    assert ok(kc, "1").result == "1"


@pytest.mark.parametrize("cell, value", [
    ("let a = 7\n % 3;\na", "1"),
    ("let b = 3;\nlet a = 7\n%b;\na", "1"),
    ("let no =\n!true;\nno", "false"),
    ("let off = true;\n!off", "false"),
    ('"\n!ls\n%time\n?x".len()', "13"),
    ("[\n!true,\n]", "[false]"),
])  # fmt: skip
def test_what_only_looks_like_a_magic_stays_rust(kc, cell, value):
    assert ok(kc, cell).result == value


def test_completion_and_help_beside_magics(kc):
    assert ask(kc, "complete", "%ti", 3)["matches"] == ["%time", "%timeit"]
    assert "len" in ask(kc, "complete", '%time "a".le', 12)["matches"]
    assert "growable" in ask(kc, "inspect", "%time Vec::<u8>::new()", 8)["data"]["text/plain"]


# --- crates -------------------------------------------------------------------------------------------------------


def write_crate(directory, body: str = "pub fn seven() -> i32 { 7 }"):
    (directory / "src").mkdir(parents=True)
    (directory / "Cargo.toml").write_text('[package]\nname = "own-crate"\nversion = "1.2.3"\nedition = "2024"\n')
    (directory / "src/lib.rs").write_text(body)
    return directory


def test_a_crate_comes_with_one_line_that_changes_in_its_place(rough_kernel, tmp_path):
    # Slow to compile on purpose, so that the line is seen to change.
    (build := write_crate(tmp_path / "own")).joinpath("build.rs").write_text(
        "fn main() { std::thread::sleep(std::time::Duration::from_secs(2)); }"
    )
    result = ok(rough_kernel.client, f':dep own-crate = {{ path = "{build}" }}\nown_crate::seven()', timeout=150)
    assert result.result == "7" and not result.stderr, result
    shown = [(m.kind, m.content["data"]["text/plain"]) for m in result.of("display_data", "update_display_data")]
    assert shown[0][0] == "display_data" and all(kind == "update_display_data" for kind, _ in shown[1:]), result
    ids = {m.content["transient"]["display_id"] for m in result.of("display_data", "update_display_data")}
    assert len(ids) == 1
    assert any(text.startswith("Compiling own-crate 1.2.3… ") for _, text in shown), shown
    assert re.fullmatch(r"own-crate 1\.2\.3 is ready \(\d+\.\d s\)", shown[-1][1]), shown
    assert not ok(rough_kernel.client, "own_crate::seven() + 1").shown[:-1]


def test_a_crate_that_does_not_compile_says_so_in_its_line(rough_kernel, tmp_path):
    broken = write_crate(tmp_path / "own", "pub fn seven() -> i32 { \"7\" }")
    result = run_cell(rough_kernel.client, f':dep own-crate = {{ path = "{broken}" }}\nown_crate::seven()', timeout=150)
    assert result.status == "error" and len(result.traceback.splitlines()) <= 12, result
    updates = result.of("display_data", "update_display_data")
    assert not updates or "could not be brought" in updates[-1].content["data"]["text/plain"], result
    assert ok(rough_kernel.client, "1").result == "1"
