"""What is printed when another cell runs by now is shown with the cell whose thread it is."""

from __future__ import annotations

import nbclient
import nbformat
import pytest

from helpers import Result, collect, follow, send_cell, threadbook, told, until

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


#: Prints ten lines between the two cells, and ten when the second cell has sent a word.
WORK = """{
    GO
    for n in 0..10 { println!("late {n}"); eprintln!("err {n}"); }
    go_on.recv().unwrap();
    for n in 10..20 { println!("late {n}"); eprintln!("err {n}"); }
}"""


@pytest.mark.parametrize("how", STARTS)
def test_a_thread_prints_in_the_cell_that_started_it(kc, tmp_path, how):
    start, join = STARTS[how]
    go = tmp_path / "go"
    start = start.replace("|| WORK", f"move || {WORK.replace('GO', until(go))}")
    start = f"let (word, go_on) = std::sync::mpsc::channel::<()>();\n{start}"
    request = send_cell(kc, start)
    results = collect(kc, {request: start})
    first = results[request]
    go.touch()
    follow(kc, results, lambda: first.stderr.endswith("err 9\n") and first.stdout.endswith("late 9\n"))
    join = f'word.send(())?; {join} println!("mine");'
    second = results[send_cell(kc, join)] = Result(join)
    follow(kc, results, lambda: first.stderr.endswith("err 19\n") and first.stdout.endswith("late 19\n") and second.is_idle)
    assert (second.stdout, second.stderr, second.errors) == ("mine\n", "", []), second
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


def late_notebook(prints: str):
    """A notebook whose first cell leaves a thread that prints while the second cell runs."""
    start = (
        "let (word, go_on) = std::sync::mpsc::channel::<()>();\n"
        f"let late = std::thread::spawn(move || {{ go_on.recv().unwrap(); {prints} }});"
    )
    join = 'word.send(())?; late.join().unwrap(); println!("mine");'
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in (start, join)])


def test_nbclient_reads_what_is_printed_late_in_the_running_cell(kernelspec):
    """nbclient drops what comes for another cell than the running one: such text goes to the running cell."""
    notebook = late_notebook('println!("late"); eprintln!("error");')
    nbclient.NotebookClient(notebook, timeout=90, kernel_name=kernelspec).execute()
    first, second = ([output.text for output in cell.outputs if output.name == "stdout"] for cell in notebook.cells)
    assert (first, "".join(second)) == ([], "late\nmine\n")
    assert [output.text for output in notebook.cells[1].outputs if output.name == "stderr"] == ["error\n"]


def test_threadbook_run_keeps_what_is_printed_late(kernelspec, tmp_path):
    nbformat.write(late_notebook('println!("late");'), tmp_path / "late.ipynb")
    run = threadbook("run", "late.ipynb", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    copy = nbformat.read(tmp_path / "executed" / "late.ipynb", as_version=nbformat.NO_CONVERT)
    assert [[output.text for output in cell.outputs] for cell in copy.cells] == [["late\n"], ["mine\n"]]
