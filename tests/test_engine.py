"""A cell is Rust, as often as it is executed: items, variables, control flow and the cache of a session."""

from __future__ import annotations

import pytest

from helpers import ask, interrupting, ok, reused_kernel, run_cell, running_kernel


@pytest.fixture(scope="module")
def engine_kernels(kernelspec, tmp_path_factory):
    env = {"THREADBOOK_CACHE": str(tmp_path_factory.mktemp("cache"))}
    with reused_kernel(lambda: tmp_path_factory.mktemp("engine"), env=env) as functions:
        yield functions


@pytest.fixture
def kc(engine_kernels):
    get, _ = engine_kernels
    return get().client


def test_types_need_not_be_written(kc):
    ok(kc, "let it = vec![1, 2, 3];\nlet words = it.iter().map(|n| n.to_string()).collect::<Vec<_>>();\nlet (a, b) = (it.len(), words.join(\"+\"));")
    assert ok(kc, 'println!("{a} {b}");\nwords').result == '["1", "2", "3"]'


def test_an_impl_is_corrected(kc):
    ok(kc, "struct Counter { n: u64 }\nimpl Counter { fn next(&mut self) -> u64 { self.n } }\nlet mut counter = Counter { n: 0 };")
    assert ok(kc, "counter.next()").result == "0"
    ok(kc, "impl Counter { fn next(&mut self) -> u64 { self.n += 1; self.n } }")
    assert [ok(kc, "counter.next()").result for _ in range(2)] == ["1", "2"]


def test_a_redefined_type_takes_its_variables_along(kc):
    ok(kc, "#[derive(Debug)]\nstruct Point { x: i32 }\nlet point = Point { x: 1 };\nlet other = 5;")
    told = ok(kc, "#[derive(Debug)]\nstruct Point { x: i32, y: i32 }")
    assert told.stderr == "`point` was dropped, because `Point` was redefined.\n"
    assert "`point` was dropped when `Point` was redefined" in run_cell(kc, "point").traceback
    assert ok(kc, "other").result == "5"


def test_a_static_lasts(kc):
    ok(kc, "use std::sync::atomic::{AtomicUsize, Ordering};\nstatic CALLS: AtomicUsize = AtomicUsize::new(0);")
    assert [ok(kc, "CALLS.fetch_add(1, Ordering::SeqCst)").result for _ in range(3)] == ["0", "1", "2"]


def test_a_panic_and_a_question_mark_cost_no_variable(kc):
    ok(kc, "let mut kept = vec![1];")
    panicked = run_cell(kc, "kept.push(2);\nlet fresh = 1;\nkept[7]")
    assert panicked.status == "error" and "index out of bounds" in panicked.complaint and "]:3" in panicked.traceback
    ended = run_cell(kc, 'kept.push(3);\nlet n: i32 = "x".parse()?;')
    assert "invalid digit" in ended.complaint and '"x".parse()?' in ended.traceback
    assert ok(kc, "kept").result == "[1, 2, 3]"
    assert "ended before its last statement" in run_cell(kc, "fresh").traceback


def test_a_function_of_an_earlier_cell_names_its_line(kc):
    ok(kc, "fn third(v: &[i32]) -> i32 {\n    v[2]\n}")
    result = run_cell(kc, "third(&[1])")
    assert "v[2]" in result.traceback and "]:2" in result.traceback, result.traceback


def test_await_and_spawn(kc):
    assert ok(kc, "let task = tokio::spawn(async { 6 * 7 });\ntask.await?").result == "42"
    ok(kc, "let later = tokio::spawn(async { 1 });")
    assert ok(kc, "later.await?").result == "1"


def test_workers_call_functions_of_cells(kc):
    ok(kc, "fn square(n: u64) -> u64 { if n == 9 { panic!(\"nine\") } n * n }")
    ok(kc, "let processes = ProcessPoolExecutor::new(2);")
    assert ok(kc, "processes.map(square, 1..=4).map(Result::unwrap).sum::<u64>()").result == "30"
    failed = run_cell(kc, "processes.submit(square, 9).result()?")
    assert "nine" in failed.complaint, failed


def test_a_crash_costs_one_cell(kc):
    ok(kc, "let before = vec![1, 2];")
    assert "SIGABRT" in run_cell(kc, "std::process::abort();").complaint
    assert ok(kc, "before").result == "[1, 2]"


def test_completion_and_help_know_the_session(kc):
    ok(kc, "let names: Vec<String> = Vec::new();\nfn brew_coffee() {}")
    assert "len" in ask(kc, "complete", "names.le", 8)["matches"]
    assert "brew_coffee" in ask(kc, "complete", "brew_", 5)["matches"]
    assert "fn brew_coffee()" in ask(kc, "inspect", "brew_coffee()", 4)["data"]["text/plain"]
    assert "an earlier cell defines `brew_coffee`" in run_cell(kc, "brew_cofee();").traceback


def test_an_unchanged_cell_is_compiled_once(kernelspec, tmp_path):
    """The objects of a session serve the next one."""
    cells = ["fn double(n: u64) -> u64 { n * 2 }", "let a = double(21);", "a"]
    cache = tmp_path / "cache"
    for session in ("first", "second"):
        with running_kernel(tmp_path / session, env={"THREADBOOK_CACHE": str(cache)}) as kernel:
            assert [ok(kernel.client, cell).result for cell in cells] == [None, None, "42"]
        objects = sorted(path.name for path in cache.iterdir())
        if session == "first":
            first = objects
    assert objects == first and objects


WITH_A_WARNING = "fn brew() -> Result<u8, u8> {\n    Ok(3)\n}\nbrew();"


def test_warnings_are_folded_and_hide_nothing(kc):
    result = ok(kc, WITH_A_WARNING + '\nprintln!("brewed");')
    assert result.stdout == "brewed\n" and result.stderr == "", result
    [shown] = result.shown
    assert shown["text/plain"].startswith("warning: unused `Result` that must be used") and "]:4" in shown["text/plain"], shown
    assert "<details" in shown["text/html"] and "1 warning" in shown["text/html"], shown
    failed = run_cell(kc, WITH_A_WARNING + "\nlet n: u8 = brew();")
    assert failed.errors[0]["evalue"].startswith("mismatched types") and not failed.shown, failed
    assert ok(kc, "brew().unwrap()").shown == [{"text/plain": "3"}], "a warning is about its own cell only"


def test_an_interrupt_leaves_completion_alone(kernelspec, tmp_path):
    with running_kernel(tmp_path) as kernel:
        def analyses() -> list:
            return [process.pid for process in kernel.processes() if "analysis" in process.name()]

        ok(kernel.client, "let words = vec![String::new()];")
        assert "len" in ask(kernel.client, "complete", "words.le", 8)["matches"]
        before = analyses()
        result = run_cell(kernel.client, 'println!("started");\nloop {}', on_message=interrupting(kernel))
        assert result.errors[0]["ename"] == "Interrupted", result
        assert "len" in ask(kernel.client, "complete", "words.le", 8)["matches"]
        assert len(before) == 1 and analyses() == before


@pytest.mark.parametrize("name", ["store", "main", "cell", "std", "core", "variables", "take", "output", "r#type", "größe"])
def test_a_variable_may_have_any_name(kc, name):
    assert ok(kc, f"let {name} = 5;\n{name} + 1").result == "6"
    assert ok(kc, f"{name} * 2").result == "10"
    assert ok(kc, "std::cmp::max(1, 2)").result == "2"


def test_items_may_have_the_names_of_the_prelude(kc):
    ok(kc, "struct Vec;\nenum Option { A }\nfn main() -> u8 { 7 }\nlet (v, o) = (Vec, Option::A);")
    assert ok(kc, "let n = std::vec![1, 2].len();\n(main(), n)").result == "(7, 2)"
    ok(kc, "use std::{option::Option, vec::Vec};")


def test_a_closure_that_is_not_kept_is_named(kc):
    ok(kc, "let offset = 1;\nlet add = move |n: i32| n + offset;\nadd(1);")
    assert "`add` was not kept: its type" in run_cell(kc, "add(2)").traceback


def test_a_cell_of_ten_thousand_lines(kc):
    assert ok(kc, "let long = 1;\n" * 10_000 + "long", timeout=120).result == "1"


def test_a_static_that_is_locked_is_redefined(kc):
    ok(kc, "use std::sync::Mutex;\nuse std::time::Duration;\nstatic LOCK: Mutex<u8> = Mutex::new(1);")
    ok(kc, "let holder = std::thread::spawn(|| {\n    let held = LOCK.lock().unwrap();\n    std::thread::sleep(Duration::from_millis(300));\n    *held\n});")
    assert ok(kc, "static LOCK: Mutex<u8> = Mutex::new(2);\n*LOCK.lock().unwrap()").result == "2"
    assert ok(kc, "holder.join().unwrap()").result == "1"


def test_a_drop_that_panics_costs_nothing_else(kc):
    ok(kc, 'struct Bomb(u8);\nimpl Drop for Bomb { fn drop(&mut self) { panic!("boom"); } }\nlet (bomb, safe) = (Bomb(1), 3);')
    told = ok(kc, "struct Bomb(u16);\nlet after = 1;")
    assert "`bomb` was dropped, because `Bomb` was redefined." in told.stderr and "boom" in told.stderr, told
    assert ok(kc, "(safe, after)").result == "(3, 1)"


@pytest.mark.parametrize("level", ["allow", "warn", "deny"])
def test_a_cell_that_sets_the_level_of_warnings_keeps_its_variables(kc, level):
    ok(kc, f"#![{level}(warnings)]\nlet leveled = vec![1];")
    assert ok(kc, "leveled").result == "[1]"
