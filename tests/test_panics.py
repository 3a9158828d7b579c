"""Where a panic was, and who had called whom: the user's own lines, in the cells that they were typed in."""

import pytest
from helpers import ok, run_cell

FUNCTIONS = """\
fn pick(v: &[i32]) -> i32 {
    v[7]
}
fn twice(n: u64) -> i32 {
    if n == 0 { pick(&[1]) + 1 } else { twice(n - 1) + 1 }
}"""


def test_the_calls_that_led_to_a_panic(kc):
    defined = ok(kc, FUNCTIONS).count
    result = run_cell(kc, "// Line 2 is the call.\ntwice(3)")
    assert f"cell [{defined}]:2:5" in result.traceback and "2 |     v[7]" in result.traceback, result
    calls = [line.strip(" =") for line in result.traceback.splitlines() if "called from" in line]
    assert calls == [
        f"called from: cell [{defined}]:5: if n == 0 {{ pick(&[1]) + 1 }} else {{ twice(n - 1) + 1 }}",
        f"called from: cell [{result.count}]:2: twice(3)",
    ]
    assert len(result.traceback.splitlines()) <= 12 and "rust_begin_unwind" not in result.complaint, result


def test_a_closure_of_an_earlier_cell_panics_there(kc):
    closure = ok(kc, "let kept: Box<dyn Fn(usize) -> i32> = Box::new(|at| {\n    // line 2\n    [5, 6][at]\n});").count
    # In each of these cells, another line stands where the closure's own line was in what was compiled.
    for number in (2, 3):
        result = run_cell(kc, f"let n = {number};\nlet m = n + 1;\nkept(m)")
        assert f"cell [{closure}]:3" in result.traceback and "[5, 6][at]" in result.traceback, result
        assert f"called from: cell [{result.count}]:3: kept(m)" in result.traceback, result


@pytest.mark.parametrize("before", ["let n = usize::MAX;", "let n = std::future::ready(usize::MAX).await;", 'let n: usize = "18446744073709551615".parse()?;'])
def test_a_panic_in_a_library_shows_the_line_of_the_cell(kc, before):
    """However small a cell is, the compiler leaves its lines in the object."""
    result = run_cell(kc, f'{before}\nlet all = "abc".repeat(n);')
    assert "capacity overflow" in result.traceback and 'let all = "abc".repeat(n);' in result.traceback, result
    assert f"cell [{result.count}]:2" in result.traceback and "in alloc/src" in result.traceback, result


def test_a_thread_that_panics_later_names_its_own_cell(kc):
    ok(kc, "let (go, told): (std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>) = std::sync::mpsc::channel();")
    thread = 'let late: std::thread::JoinHandle<()> = std::thread::spawn(move || {\n    told.recv().unwrap();\n    panic!("late")\n});'
    started = ok(kc, thread).count
    waiting = ok(kc, "let a = 1;\nlet b = 2;\ngo.send(())?;\nassert!(late.join().is_err());")
    assert waiting.stderr == f"thread '<unnamed>' panicked at cell [{started}]:3: late\n", waiting


def test_ten_thousand_panics_that_are_caught_are_not_slow(kc):
    """What is noted of each is cheap: who has called whom is found out for the one that ends the cell."""
    ok(kc, "std::panic::catch_unwind(|| panic!()).is_err()")
    result = ok(kc, "(0..10_000).filter(|n| std::panic::catch_unwind(|| assert!(*n == 0)).is_err()).count()", timeout=60)
    assert result.result == "9999"


def test_an_error_that_is_printed_names_its_cell(kc):
    """A cell may print the error, compare it or show it: its text itself is what has the place."""
    kept = 'let kept: Arc<dyn Fn() + Send + Sync> = Arc::new(|| {\n    // line 2\n    if true { panic!("kept") }\n});'
    closure = ok(kc, f"use std::sync::Arc;\n{kept}").count
    function = ok(kc, "fn element(n: usize) -> i32 {\n    [5, 6][n]\n}").count
    # Here other lines stand where those of the other cells stood in what was compiled.
    cell = """\
let pool = ThreadPoolExecutor::new(2);
let (first, second) = (kept.clone(), kept.clone());
let early: String = pool.submit(move || first()).result().unwrap_err().to_string();
println!("{early}");
let thread = threading::Thread::spawn(move || second());
println!("{}", thread.join().unwrap_err());
let own = pool.submit(|| -> i32 {
    "x".parse::<i32>().unwrap()
});
println!("{}", own.result().unwrap_err());
println!("{}", SerialExecutor::new().submit(|| element(7)).result().unwrap_err());"""
    result = ok(kc, cell)
    places = [line.split(" at ")[1].split(": ")[0] for line in result.stdout.splitlines()]
    expected = [(closure, 4), (closure, 4), (result.count, 8), (function, 2)]
    assert places == [f"cell [{count}]:{line}" for count, line in expected], result


def test_an_error_of_another_process_names_its_cell(kc):
    function = ok(kc, "fn element(n: usize) -> i32 {\n    // line 2\n    [5, 6][n]\n}").count
    pool = "let pool = ProcessPoolExecutor::new(1);\nlet n = 1;"
    one = 'println!("{}", pool.submit(element, 7).result().unwrap_err());'
    chunk = 'println!("{}", pool.map_chunked(|n| element(n), [8], 1).next().unwrap().unwrap_err());'
    process = "let mut process = multiprocessing::Process::spawn(|n: usize| { element(n); }, 9)?;\nprocess.join();"
    result = ok(kc, f"{pool}\n{one}\n{chunk}\n{process}")
    panicked = f"panicked at cell [{function}]:3: index out of bounds"
    assert result.stdout.count(panicked) == 2, result
    assert f"{panicked}: the len is 2 but the index is 9" in result.stderr, result
    assert "src/lib.rs" not in str(result), result


def test_dbg_names_its_cell(kc):
    first = ok(kc, "fn doubled(n: u64) -> u64 {\n    dbg!(n * 2)\n}").count
    result = ok(kc, "let pair = dbg!(doubled(1), vec![3u8]);\ndbg!();\npair.1.len()")
    second = result.count
    assert result.stderr == (
        f"[cell [{first}]:2] n * 2 = 2\n[cell [{second}]:1] doubled(1) = 2\n"
        f"[cell [{second}]:1] vec![3u8] = [\n    3,\n]\n[cell [{second}]:2]\n"
    ), result
    assert result.result == "1"
