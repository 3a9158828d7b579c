"""What is printed when another cell runs by now is shown with the cell whose thread it is."""

from __future__ import annotations

import nbformat
import pytest

from helpers import collect, ok, run_cell, send_cell, threadbook, told

PAUSE = "std::thread::sleep(std::time::Duration::from_millis({}));"


def two_cells(kc, first: str, second: str) -> list:
    """What came for two cells that were sent at once, also what came for the first one while the second ran."""
    requests = {send_cell(kc, code): code for code in (first, second)}
    results = list(collect(kc, requests).values())
    assert [result.status for result in results] == ["ok", "ok"], results
    return results


#: Each leaves `late`, a thread that works on when its cell has ended, and what waits for it.
STARTS = {
    "std": ("let late: std::thread::JoinHandle<()> = std::thread::spawn(|| WORK);", "late.join().unwrap();"),
    "threading": ("let late: threading::Thread<()> = threading::Thread::spawn(|| WORK);", "late.join()?;"),
    "of a thread": (
        "let late: std::thread::JoinHandle<()> = std::thread::spawn(|| std::thread::spawn(|| WORK)).join().unwrap();",
        "late.join().unwrap();",
    ),
}


@pytest.mark.parametrize("how", STARTS)
def test_a_thread_prints_in_the_cell_that_started_it(kc, how):
    start, join = STARTS[how]
    # It begins when its cell has ended.
    work = f'{{ {PAUSE.format(300)} for n in 0..20 {{ println!("late {{n}}"); eprintln!("err {{n}}"); {PAUSE.format(100)} }} }}'
    first, second = two_cells(kc, start.replace("WORK", work), f'{join} println!("mine");')
    assert second.stdout == "mine\n" and second.stderr == "", second
    assert first.stdout.splitlines() == [f"late {n}" for n in range(20)], first
    assert first.stderr.splitlines() == [f"err {n}" for n in range(20)], first


SHARED = {
    "pool": (
        "let shared = ThreadPoolExecutor::new(1); shared.submit(|| 1).result()?;",
        'shared.submit(|| println!("mine")).result()?;',
    ),
    "rayon": (
        "use rayon::prelude::*; (0..8).into_par_iter().for_each(|_| { std::hint::black_box(1); });",
        'rayon::scope(|scope| scope.spawn(|_| println!("mine")));',
    ),
    "tokio": ("tokio::spawn(async { 1 }).await?;", 'tokio::spawn(async { println!("mine") }).await?;'),
}


@pytest.mark.parametrize("whose", SHARED)
def test_a_worker_that_cells_share_prints_in_the_cell_that_gives_it_work(kc, whose):
    first, second = two_cells(kc, *SHARED[whose])
    assert (first.stdout, second.stdout) == ("", "mine\n"), (first, second)


def test_threads_print_in_their_cell_in_a_restored_process(fresh_kc):
    ok(fresh_kc, "let kept = 1;")
    assert run_cell(fresh_kc, "std::process::abort();").status == "error"
    late = f'std::thread::spawn(|| {{ {PAUSE.format(600)} println!("late"); }}); println!("{{kept}}");'
    first, second = two_cells(fresh_kc, late, f'println!("begin"); {PAUSE.format(1500)} println!("end");')
    assert (first.stdout, second.stdout) == ("1\nlate\n", "begin\nend\n"), (first, second)


def test_threadbook_run_keeps_what_is_printed_late(kernelspec, tmp_path):
    notebook = nbformat.v4.new_notebook()
    late = f'std::thread::spawn(|| {{ {PAUSE.format(700)} println!("late"); }});'
    notebook.cells = [nbformat.v4.new_code_cell(code) for code in (late, f'{PAUSE.format(1800)} println!("mine");')]
    nbformat.write(notebook, tmp_path / "late.ipynb")
    run = threadbook("run", "late.ipynb", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    copy = nbformat.read(tmp_path / "executed" / "late.ipynb", as_version=nbformat.NO_CONVERT)
    assert [[output.text for output in cell.outputs] for cell in copy.cells] == [["late\n"], ["mine\n"]]
