"""Where a panic was, and who had called whom: the user's own lines, in the cells that they were typed in."""

from helpers import ok, run_cell

FUNCTIONS = """\
fn pick(v: &[i32]) -> i32 {
    v[7]
}
fn twice(n: u64) -> i32 {
    if n == 0 { pick(&[1]) + 1 } else { twice(n - 1) + 1 }
}"""


def test_the_calls_that_led_to_a_panic(fresh_kc):
    ok(fresh_kc, FUNCTIONS)
    result = run_cell(fresh_kc, "// Line 2 is the call.\ntwice(3)")
    assert "cell [1]:2:5" in result.traceback and "2 |     v[7]" in result.traceback, result
    calls = [line.strip(" =") for line in result.traceback.splitlines() if "called from" in line]
    assert calls == [
        "called from: cell [1]:5: if n == 0 { pick(&[1]) + 1 } else { twice(n - 1) + 1 }",
        "called from: cell [2]:2: twice(3)",
    ]
    assert len(result.traceback.splitlines()) <= 12 and "rust_begin_unwind" not in result.complaint, result


def test_a_closure_of_an_earlier_cell_panics_there(fresh_kc):
    ok(fresh_kc, "let kept: Box<dyn Fn(usize) -> i32> = Box::new(|at| {\n    // line 2\n    [5, 6][at]\n});")
    # In each of these cells, another line stands where the closure's own line was in what was compiled.
    for number in (2, 3):
        result = run_cell(fresh_kc, f"let n = {number};\nlet m = n + 1;\nkept(m)")
        assert "cell [1]:3" in result.traceback and "[5, 6][at]" in result.traceback, result
        assert f"called from: cell [{number}]:3: kept(m)" in result.traceback, result


def test_a_panic_in_a_library_shows_the_line_of_the_cell(fresh_kc):
    result = run_cell(fresh_kc, 'let n = usize::MAX;\nlet all = "abc".repeat(n);')
    assert "capacity overflow" in result.traceback and 'let all = "abc".repeat(n);' in result.traceback, result
    assert "cell [1]:2" in result.traceback and "in alloc/src" in result.traceback, result


def test_a_thread_that_panics_later_names_its_own_cell(fresh_kc):
    ok(fresh_kc, "let (go, told): (std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>) = std::sync::mpsc::channel();")
    thread = 'let late: std::thread::JoinHandle<()> = std::thread::spawn(move || {\n    told.recv().unwrap();\n    panic!("late")\n});'
    ok(fresh_kc, thread)
    waiting = ok(fresh_kc, "let a = 1;\nlet b = 2;\ngo.send(())?;\nassert!(late.join().is_err());")
    assert waiting.stderr == "thread '<unnamed>' panicked at cell [2]:3: late\n", waiting


def test_ten_thousand_panics_that_are_caught_are_not_slow(fresh_kc):
    """What is noted of each is cheap: who has called whom is found out for the one that ends the cell."""
    ok(fresh_kc, "std::panic::catch_unwind(|| panic!()).is_err()")
    result = ok(fresh_kc, "(0..10_000).filter(|n| std::panic::catch_unwind(|| assert!(*n == 0)).is_err()).count()", timeout=60)
    assert result.result == "9999"


def test_an_error_that_is_printed_names_its_cell(fresh_kc):
    """A cell may print the error, compare it or show it: its text itself is what has the place."""
    kept = 'let kept: Arc<dyn Fn() + Send + Sync> = Arc::new(|| {\n    // line 2\n    if true { panic!("kept") }\n});'
    ok(fresh_kc, f"use std::sync::Arc;\n{kept}")
    ok(fresh_kc, "fn pick(n: usize) -> i32 {\n    [5, 6][n]\n}")
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
println!("{}", SerialExecutor::new().submit(|| pick(7)).result().unwrap_err());"""
    printed = ok(fresh_kc, cell).stdout.splitlines()
    places = [line.split(" at ")[1].split(": ")[0] for line in printed]
    assert places == ["cell [1]:4", "cell [1]:4", "cell [3]:8", "cell [2]:2"], printed


def test_an_error_of_another_process_names_its_cell(fresh_kc):
    ok(fresh_kc, "fn pick(n: usize) -> i32 {\n    // line 2\n    [5, 6][n]\n}")
    pool = "let pool = ProcessPoolExecutor::new(1);\nlet n = 1;"
    one = 'println!("{}", pool.submit(pick, 7).result().unwrap_err());'
    chunk = 'println!("{}", pool.map_chunked(|n| pick(n), [8], 1).next().unwrap().unwrap_err());'
    process = "let mut process = multiprocessing::Process::spawn(|n: usize| { pick(n); }, 9)?;\nprocess.join();"
    result = ok(fresh_kc, f"{pool}\n{one}\n{chunk}\n{process}")
    assert result.stdout.count("panicked at cell [1]:3: index out of bounds") == 2, result
    assert "panicked at cell [1]:3: index out of bounds: the len is 2 but the index is 9" in result.stderr, result
    assert "src/lib.rs" not in str(result), result


def test_dbg_names_its_cell(fresh_kc):
    ok(fresh_kc, "fn twice(n: u64) -> u64 {\n    dbg!(n * 2)\n}")
    result = ok(fresh_kc, "let pair = dbg!(twice(1), vec![3u8]);\ndbg!();\npair.1.len()")
    assert result.stderr == "[cell [1]:2] n * 2 = 2\n[cell [2]:1] twice(1) = 2\n[cell [2]:1] vec![3u8] = [\n    3,\n]\n[cell [2]:2]\n", result
    assert result.result == "1"
