"""Every notebook of the course is well-formed and runs from top to bottom in a fresh kernel."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import nbformat
import pytest

import helpers
from helpers import FIRST, code_cells, read_notebook, run_cell, tagged, threadbook, told, write_notebook
from wrong_answers import WRONG_ANSWERS

NOTEBOOKS = sorted(helpers.NOTEBOOKS.glob("*.ipynb"))

#: The first test of a notebook may have to execute it.
pytestmark = pytest.mark.timeout(900)

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def printed(cell, stream: str = "stdout") -> str:
    return "".join(o["text"] for o in cell.outputs if o["output_type"] == "stream" and o["name"] == stream)


def shown(cell, kind: str = "text/plain") -> str:
    """What a cell shows besides text streams."""
    return "\n".join(o["data"][kind] for o in cell.outputs if "data" in o)


def speed_ups(text: str) -> dict[str, float]:
    """How many times as fast as the first each other line of a curve is, by its name."""
    return {name: float(times) for name, times in re.findall(r"^ *(.+?)  .*?([\d.]+) times", text, re.MULTILINE)}


def test_there_are_notebooks():
    assert FIRST in NOTEBOOKS, f"only these: {NOTEBOOKS}"


@every_notebook
def test_is_well_formed(path):
    notebook = read_notebook(path)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook, relax_add_props=False)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids), "cell ids repeat"
    for cell_id in ids:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell_id), f"{cell_id!r} is not a readable id"
    assert notebook.metadata.kernelspec == {"name": "threadbook", "display_name": "Rust (Threadbook)", "language": "rust"}
    assert notebook.metadata.language_info.name == "rust"
    assert notebook.metadata.language_info.file_extension == ".rs"


@every_notebook
def test_stores_no_outputs(path):
    for cell in code_cells(read_notebook(path)):
        assert cell.outputs == [] and cell.execution_count is None, f"cell {cell.id} has stored results"
        assert "execution" not in cell.metadata, f"cell {cell.id} has stored times"


@every_notebook
def test_every_cell_says_something(path):
    for cell in read_notebook(path).cells:
        assert cell.source.strip(), f"cell {cell.id} is empty"


@every_notebook
def test_needs_no_dependency_lines(path):
    first = code_cells(read_notebook(path))[0]
    assert ":dep" not in first.source, "the companion is loaded already"


@every_notebook
def test_runs_from_top_to_bottom(path, executed):
    notebook = read_notebook(executed(path))
    failing = tagged(notebook, "raises-exception")
    for count, cell in enumerate(code_cells(notebook), start=1):
        assert cell.execution_count == count, f"cell {cell.id} has the prompt number {cell.execution_count}"
        assert "src/lib.rs" not in str(cell.outputs), f"cell {cell.id} names a place in generated code: {cell.outputs}"
        errors = [output for output in cell.outputs if output["output_type"] == "error"]
        if cell in failing:
            assert len(errors) == 1, f"cell {cell.id} should end in an error"
        else:
            assert not errors, f"cell {cell.id} ends in an error: {errors}"
            assert printed(cell, "stderr") == "", f"cell {cell.id} complains: {printed(cell, 'stderr')}"


#: The beginning of a `let` and its type.
ANNOTATED = re.compile(r"^( *let [^=\n]+?): (.+?)(?= =)", re.MULTILINE)


@pytest.mark.rare
@every_notebook
def test_no_let_has_a_type_that_the_compiler_finds_out(path, kernelspec, tmp_path):
    """Without its type, each such cell is an error."""
    with helpers.running_kernel(tmp_path, cwd=helpers.NOTEBOOKS) as kernel:
        for cell in code_cells(read_notebook(path)):
            if "raises-exception" in cell.metadata.get("tags", []):
                continue
            for let in ANNOTATED.finditer(cell.source):
                without = cell.source[: let.end(1)] + cell.source[let.end() :]
                assert run_cell(kernel.client, without).errors, f"{cell.id}: the type in `{let[0]}` is redundant"
            run_cell(kernel.client, cell.source, timeout=120)


@pytest.mark.alone
@pytest.mark.rare
@every_notebook
def test_takes_less_than_two_minutes(path, kernelspec, tmp_path):
    run = threadbook("run", path, "--output-dir", tmp_path, cwd=helpers.ROOT, timeout=120)
    assert run.returncode == 0, told(run)


# --- exercises ----------------------------------------------------------------------------------------------------

#: The cells of an exercise after its task, in their order. `notebooks/EXERCISES.md` says what each holds.
PARTS = ("start", "check", "hints", "solution")

#: The kinds of exercises whose answer is code that a check runs. An answer to the other kind is a text.
CHECKED = {"predict", "complete", "mend", "find", "faster"}


def parts_of(notebook) -> dict[str, dict]:
    """The cells of each exercise by their part."""
    found: dict[str, dict] = {}
    for cell in notebook.cells:
        if match := re.fullmatch(rf"(exercise-.+)-({'|'.join(PARTS)})", cell.id):
            found.setdefault(match[1], {})[match[2]] = cell
    return found


EXERCISES = {name: parts for path in NOTEBOOKS for name, parts in parts_of(read_notebook(path)).items()}


def kind_of(name: str) -> str:
    return EXERCISES[name]["start"].metadata.exercise["kind"]


#: The exercises that a check decides.
DECIDED = [name for name in EXERCISES if kind_of(name) in CHECKED]

every_exercise = pytest.mark.parametrize("name", EXERCISES)
every_decided_exercise = pytest.mark.parametrize("name", DECIDED)


def solution_of(name: str) -> str:
    """The code in a solution."""
    (code,) = re.findall(r"^```rust\n(.+?)\n```$", EXERCISES[name]["solution"].source, re.DOTALL | re.MULTILINE)
    return code


def checked(kc, name: str, answer: str):
    """An answer in the place of the start, and then the exercise's check."""
    return run_cell(kc, f"{answer.strip()}\n{EXERCISES[name]['check'].source}")


def wrong_answers() -> list:
    """Each wrong answer to each exercise; the commit chooses the one of an exercise that is no rare test."""
    return [
        pytest.param(name, answer, hint, id=f"{name}-{n}", marks=() if n == helpers.rotation(len(answers)) else pytest.mark.rare)
        for name, answers in WRONG_ANSWERS.items()
        for n, (answer, hint) in enumerate(answers)
    ]


def complaint_about(kc, name: str, answer: str) -> str:
    """The message of an exercise's check about an answer."""
    failed = checked(kc, name, answer)
    assert failed.errors and failed.errors[0]["ename"] == "Panic", f"{name}: the check passes\n{failed}"
    return failed.errors[0]["evalue"]


@every_notebook
def test_exercises_are_complete(path):
    notebook = read_notebook(path)
    ids = [cell.id for cell in notebook.cells]
    exercises = parts_of(notebook)
    for name, parts in exercises.items():
        data = parts["start"].metadata.exercise
        assert set(data) == {"kind", "points", "minutes", "difficulty"}, f"{name}: {data}"
        assert data["kind"] in CHECKED | {"explain"} and data["difficulty"] in (1, 2, 3), f"{name}: {data}"
        assert data["points"] >= 1 and data["minutes"] >= 1, f"{name}: {data}"
        present = [part for part in PARTS if part != "check" or data["kind"] in CHECKED]
        first = ids.index(f"{name}-start")
        assert ids[first : first + len(present)] == [f"{name}-{part}" for part in present], f"{name}: another order"
        assert ids[first - 1] in (name, f"{name}-task"), f"the task of {name} stands before its start"
        for part in ("hints", "solution"):
            assert parts[part].cell_type == "markdown" and parts[part].source.startswith("<details>"), f"{name}: {part} unfolded"
        assert parts["solution"].metadata.tags == ["solution"]
        if "check" in present:
            # In a run of all cells, a check without an answer fails, and the cells after it run.
            assert parts["check"].metadata == {"jupyter": {"source_hidden": True}, "tags": ["check", "raises-exception"]}
    for tag in ("solution", "check"):
        named = {f"{name}-{tag}" for name, parts in exercises.items() if tag in parts}
        assert {cell.id for cell in tagged(notebook, tag)} == named


def test_the_teachers_guide_lists_each_exercise():
    guide = (helpers.NOTEBOOKS / "TEACHING.md").read_text()
    rows = []
    for path in NOTEBOOKS:
        for name, parts in parts_of(read_notebook(path)).items():
            data = parts["start"].metadata.exercise
            rows.append((path.name[:2], f"`{name}`", data["kind"], *(str(data[key]) for key in ("points", "minutes", "difficulty"))))
    table = guide[guide.index("| Notebook | Exercise |") :].splitlines()[2:]
    assert [tuple(line.strip("| ").split(" | ")) for line in table if line.startswith("|")] == rows
    assert f"{len(rows)} exercises have {sum(int(row[3]) for row in rows)} points." in guide


@every_decided_exercise
def test_no_check_contains_the_solution(name):
    def dense(text: str) -> set[str]:
        return {re.sub(r"\s+", "", line) for line in text.splitlines()}

    own = {line for line in dense(solution_of(name)) - dense(EXERCISES[name]["start"].source) if len(line) > 24}
    assert [line for line in own if line in re.sub(r"\s+", "", EXERCISES[name]["check"].source)] == []


@every_decided_exercise
def test_a_solution_passes_its_check(kc, name):
    result = checked(kc, name, solution_of(name))
    assert not result.errors, result
    assert result.stdout.startswith("Correct"), result
    assert result.stderr == "", result


@every_decided_exercise
def test_the_check_of_an_exercise_says_in_words_what_its_start_lacks(kc, name):
    start = EXERCISES[name]["start"]
    if "raises-exception" in start.metadata.get("tags", []):
        failed = run_cell(kc, start.source)
        assert failed.status == "error" and "error" in failed.traceback, f"{name}: its start is to be mended, and runs\n{failed}"
        return
    said = complaint_about(kc, name, start.source)
    assert len(said.split()) >= 8 and "unwrap" not in said and "left" not in said, f"{said!r} is no help"


def test_each_exercise_has_three_wrong_answers():
    assert set(DECIDED) == WRONG_ANSWERS.keys()
    assert [name for name, answers in WRONG_ANSWERS.items() if len(answers) < 3] == []


@pytest.mark.parametrize("name, answer, hint", wrong_answers())
def test_checks_say_what_is_wrong_with_a_wrong_answer(kc, name, answer, hint):
    assert hint in complaint_about(kc, name, answer)


# --- the first notebook -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(executed) -> dict:
    """The cells of the first notebook after its run, by id."""
    return {cell.id: cell for cell in read_notebook(executed(FIRST)).cells}


def test_which_of_the_numbers_are_prime(first):
    for cell in ("futures-example-primes", "futures-example-processes"):
        assert printed(first[cell]).splitlines() == [
            "112272535095293 is prime: true",
            "1099726899285419 is prime: false",
            "112582705942171 is prime: true",
        ]
    assert re.search(r"pid \d+ .* task", shown(first["futures-example-timeline-run"]))
    assert "is_prime" in shown(first["futures-example-timeline-run"], "image/svg+xml")


def test_small_primes(first):
    (output,) = first["futures-example-small-primes"].outputs
    assert output["data"]["text/plain"] == "[2, 3, 5, 7, 11, 13, 17, 19, 23, 29]"


def test_processes_and_threads(first):
    own = int(re.search(r"process (\d+)", printed(first["terminology-process-id"]))[1])
    child = int(re.search(r"process (\d+)", printed(first["terminology-child-process-run"]))[1])
    assert own != child, "a child has a process id of its own"
    threads = re.findall(r"(ThreadId\(\d+\)) of process (\d+)", printed(first["terminology-threads"]))
    assert len(threads) == 3 and len({thread for thread, _ in threads}) == 3, threads
    assert {int(process) for _, process in threads} == {own}, "the threads are in the notebook's process"


def test_lock_counts_right(first):
    counted = int(re.fullmatch(r"counted to (\d+) of 40000\n", printed(first["terminology-lock-spoilt"]))[1])
    assert 2 <= counted < 40_000, "with a yield between its steps, updates are lost on any machine"
    for cell in ("atomic", "counter"):
        assert printed(first[f"terminology-lock-{cell}"]) == "counted to 40000 of 40000\n"
    assert int(re.search(r"\d+", printed(first["terminology-lock-waits-run"]))[0]) > 0, "four threads want one lock"


def test_compiler_refuses_what_the_gil_would_guard(first):
    (output,) = first["terminology-gil-compiler"].outputs
    assert "cannot be sent between threads safely" in helpers.plain("\n".join(output["traceback"]))
    (output,) = first["terminology-lock-compiler"].outputs
    assert "cannot borrow `counter` as mutable more than once" in helpers.plain("\n".join(output["traceback"]))


def test_future_waits_for_its_result(first):
    assert printed(first["what-are-futures-result"]).splitlines() == ["other work gets done...", "and the answer is 42"]


def test_naps_run_side_by_side(first):
    *reports, total = printed(first["why-futures-naps"]).splitlines()
    assert [report.split()[0] for report in reports] == ["alice", "bob", "carol", "dave"], "in the order of the names"
    seconds = float(re.search(r"[\d.]+", total)[0])
    assert 0.5 <= seconds < 2, f"one after the other they take 2 s; four naps of half a second took {seconds} s on four workers"


def test_python_counts_under_its_lock(first):
    lines = printed(first["terminology-gil-python"]).splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["Python, one after the other", "Python, in two threads"]
    assert re.fullmatch("the GIL is (on|off)", lines[2])


def test_a_future_is_there_before_its_result(first):
    *_, result, done = printed(first["terminology-futures-run"]).splitlines()
    assert (result, done) == ("the result: 42", "is it done? true")


def test_commands(first):
    assert shown(first["subprocess-call"]) == "0"
    assert shown(first["subprocess-check-output-run"]) == '"Hello from another process\\n"'
    assert shown(first["subprocess-shell-run"]) == '"CONCURRENCY\\n"'
    assert "there is no program `echo concurrency" in printed(first["subprocess-bare-run"])
    assert "exit code 3" in shown(first["subprocess-run-run"])


def test_threads(first):
    assert printed(first["threading-thread"]) == "hello from greeter\n"
    dishes = [line.split()[-1] for line in printed(first["threading-queue-run"]).splitlines()]
    assert dishes == ["soup", "pasta", "cake"]


def test_processes(first):
    own = re.search(r"\d+", printed(first["terminology-process-id"]))[0]
    (carol,) = re.findall(r"carol is process (\d+)", printed(first["multiprocessing-process"]))
    assert carol != own and "carol ended with 0" in printed(first["multiprocessing-process"])
    *tasks, notebook = printed(first["multiprocessing-pool"]).splitlines()
    assert [task.split()[:2] for task in tasks] == [["task", str(n)] for n in range(1, 5)]
    assert notebook.split()[-1] == own and own not in {task.split()[-1] for task in tasks}
    assert printed(first["multiprocessing-memory-run"]).splitlines() == ["in the worker: 5", "here: 0"]
    assert own not in printed(first["multiprocessing-start-run"]).split()


def test_futures_as_they_complete(first):
    assert sorted(printed(first["concurrent-futures-run"]).split()) == ["3", "5", "6"]


def test_amdahl_is_drawn_from_a_measurement(first):
    curve = first["why-futures-amdahl-curve"]
    assert "Amdahl's law" in shown(curve) and shown(curve, "image/svg+xml").startswith("<svg")
    # 200 ms with one worker and 80 ms with four, of which a busy machine makes less.
    assert 1.5 < speed_ups(shown(curve))["4 workers"] < 3, shown(curve)
    assert "50 % serial:  1 workers  1.0" in printed(first["why-futures-amdahl-law"])


def test_what_cannot_go_to_another_process(first):
    assert shown(first["futures-caveats-pickle-run"]) == '(8, "database")'
    (socket,) = first["futures-caveats-socket-run"].outputs
    assert "TcpStream` cannot go to another process" in helpers.plain("\n".join(socket["traceback"]))
    (captured,) = first["futures-caveats-capture-run"].outputs
    assert "cannot capture variables" in helpers.plain("\n".join(captured["traceback"]))


def test_a_thousand_naps_on_one_thread(first):
    assert printed(first["futures-caveats-async-run"]).startswith("1000 naps in ")


def test_deadlock_of_alice_and_bob(first):
    for text in (shown(first["deadlock-1-graph"]), printed(first["deadlock-1-words"])):
        assert "runs `alice`, which waits for `bob`" in text and "runs `bob`, which waits for `alice`" in text
    picture = shown(first["deadlock-1-graph"], "image/svg+xml")
    assert "alice" in picture and "bob" in picture
    assert shown(first["deadlock-1-solution-values"]) == "6"
    assert printed(first["deadlock-1-solution-timeout"]).splitlines() == ["alice goes on without bob", "5", "bob: 6"]
    assert printed(first["deadlock-1-solution-promise"]) == "bob says 6, and alice heard 6\n"


def test_deadlock_of_one_worker(first):
    assert "runs `wait_on_future`, which waits for `pow`" in shown(first["deadlock-2-graph"])
    assert "pow" in shown(first["deadlock-2-graph"], "image/svg+xml")
    assert shown(first["deadlock-2-after-run"]) == '"still at work"'
    for solution in ("threads", "no-wait", "help"):
        assert shown(first[f"deadlock-2-solution-{solution}"]) == "25"


def test_three_runs_of_each_script(first):
    assert [word in shown(first["exercise-scripts-once"]) for word in ("real", "user", "sys")] == [True] * 3
    table = [line.split() for line in printed(first["exercise-scripts-table"]).splitlines()]
    assert [name for name, *_ in table] == ["serial", "threads", "processes"]
    assert all(re.fullmatch(r"\d+\.\d\d", seconds) for _, seconds, *_ in table), f"figures that can be compared: {table}"


def test_scripts_in_rust_need_no_network():
    """Whoever has built the kernel has fetched all that they are made of."""

    def crates(lock: Path) -> set[tuple[str, str]]:
        return set(re.findall(r'^name = "(.+)"\nversion = "(.+)"$', lock.read_text(), re.MULTILINE))

    scripts, workspace = helpers.NOTEBOOKS / "scripts" / "Cargo.lock", helpers.ROOT / "Cargo.lock"
    assert len(crates(workspace)) > 100
    assert crates(scripts) - crates(workspace) == {("threadbook-scripts", "0.1.0")}


def test_scripts_in_rust_are_compared(first):
    compared = shown(first["exercise-scripts-benchmark"])
    assert [case in compared for case in ("serial", "threads", "processes", "rayon", "async")] == [True] * 5
    assert "runs failed" not in compared


def test_eight_workers_wait_for_pages_at_the_same_time(first):
    compared = shown(first["exercise-benchmark-io"])
    median = helpers.medians(compared)
    assert median["1 worker"] / median["8 workers"] > 1.5, compared


def test_benchmarks_have_three_runs_of_each_case(first):
    assert "3 runs of each case" in shown(first["exercise-benchmark-cpu"])
    for case in ("1 thread ", "2 threads ", "2 processes "):
        assert case in shown(first["exercise-benchmark-cpu"])
    assert shown(first["exercise-benchmark-cpu"], "image/svg+xml").startswith("<svg")


def test_sections_and_links_of_the_notes_are_there():
    text = "\n".join(cell.source for cell in read_notebook(FIRST).cells if cell.cell_type == "markdown")
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == [
        "Why?",
        "Terminology",
        "Libraries",
        "What are futures?",
        "Why care about futures?",
        "Futures: example",
        "Futures: caveats",
        "Futures: deadlocks, example 1 (live)",
        "Futures: deadlocks, example 2",
        "Exercise: futures",
        "Exercise: benchmarking CPU- or IO-bound tasks",
    ]
    for link in (
        "docs.python.org/3/glossary.html#term-global-interpreter-lock",
        "docs.python.org/3/c-api/init.html#thread-state-and-the-global-interpreter-lock",
        "docs.python.org/3/library/threading.html",
        "docs.python.org/3/library/multiprocessing.html",
        "docs.python.org/3/library/concurrent.futures.html",
        "pymotw.com/2/threading/index.html#module-threading",
        "pymotw.com/2/multiprocessing/basics.html",
        "www.python.org/dev/peps/pep-3148/",
        "www.gotw.ca/publications/concurrency-ddj.htm",
        "docs.python.org/3.4/library/asyncio.html",
        "www.python.org/dev/peps/pep-0380/",
    ):
        assert link in text, f"the notes point to {link}"


# --- the tour and the deeper notebooks ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cells_of(executed):
    """The cells of a notebook after its run, by id."""
    return functools.cache(lambda name: {cell.id: cell for cell in read_notebook(executed(helpers.NOTEBOOKS / name)).cells})


@pytest.fixture
def tour(cells_of) -> dict:
    return cells_of("00-tour.ipynb")


def test_tour_of_cells(tour):
    assert shown(tour["expressions-value"]) == "385"
    assert 'Cook { name: "ann", dishes: 3 }' in shown(tour["expressions-struct"])
    kinds = [sorted(output["data"]) for output in tour["rich-displays"].outputs if "data" in output]
    assert [kind[0] for kind in kinds] == ["text/html", "text/markdown", "image/svg+xml"]
    assert printed(tour["await-run"]).startswith("two naps of 150 ms in ")
    (menu,) = tour["dep-serde"].outputs
    assert menu["data"]["application/json"] == {"soup": 4.5, "cake": [3.0, 3.5]}


def test_tour_of_what_is_beside_rust(tour):
    assert "per loop" in shown(tour["magics-timeit"])
    assert "entries" in printed(tour["magics-shell"]) and shown(tour["magics-shell"]) == '"and Rust goes on"'
    assert printed(tour["magics-bash"]).split() == ["ONE", "TWO", "THREE"]
    assert printed(tour["input-run"]) in ("hello Ada\n", "hello whoever you are\n"), "with and without a person to ask"


def test_tour_of_errors(tour):
    for cell, name in [("compile", "mismatched types"), ("parse", "invalid digit"), ("crash-run", "SIGSEGV")]:
        (output,) = tour[f"errors-{cell}"].outputs
        assert name in helpers.plain("\n".join([output["evalue"], *output["traceback"]]))
    assert printed(tour["errors-crash-after"]) == "10 numbers and 2 cooks are still there\n"


def test_tour_of_the_companion(tour):
    assert printed(tour["pools-run"]).splitlines() == ["is it done? false", "10 cups", *(f"{n} more" for n in (1, 4, 2, 3))]
    assert "5 tasks on 2 workers" in shown(tour["timeline-run"])
    assert "6/6" in shown(tour["progress-run"], "text/plain")
    assert "runs `make breakfast`, which waits for `brew coffee`" in shown(tour["deadlock-run"])
    assert float(re.search(r"[\d.]+", printed(tour["measure-ratio"]))[0]) > 1.5
    assert speed_ups(shown(tour["measure-speedup-run"]))["4 workers"] > 1.5
    assert printed(tour["processes-run"]).splitlines() == [f"{n * n}, in another process: true" for n in (1, 2, 3)]
    assert "apple" in shown(tour["subprocess-run"]) and "pear" not in shown(tour["subprocess-run"]).split("stdout:")[1]


def test_tour_of_one_program_on_every_executor(tour):
    lines = printed(tour["one-word-run"]).splitlines()
    names = [re.fullmatch(r"12 cups in ([\d.]+) s on ([A-Za-z]+)Executor-\d+", line)[2] for line in lines]
    assert names == ["Serial", "ThreadPool", "ProcessPool", "Rayon", "Tokio"]
    serial, threads = (float(re.search(r"([\d.]+) s", line)[1]) for line in lines[:2])
    assert serial / threads > 1.5, "four naps on four threads"


def test_tour_of_futures_locks_and_processes(tour):
    assert printed(tour["many-run"]).splitlines() == ["1 cups", "5 cups", "9 cups", "1 done, 1 not done"]
    assert printed(tour["promise-run"]) == "dinner is ready\n"
    assert printed(tour["locks-run"]) == "40 of 40\n"
    assert printed(tour["processes-one-run"]).splitlines() == ["hello ann, from another process", "exit code 0"]
    assert "real" in shown(tour["subprocess-time-run"])
    assert shown(tour["plotters-run"], "image/svg+xml").startswith("<svg")
    assert "per loop" in shown(tour["measure-timeit"]) and "coffee" in shown(tour["measure-history-run"])


def test_tour_of_explorations(tour):
    for cell, failure in [("race", "a sale is lost"), ("deadlock-run", "deadlock")]:
        drawing, error = tour[f"explore-{cell}"].outputs
        assert failure in error["evalue"] and failure in drawing["data"]["image/svg+xml"]
        assert "<script>" in drawing["data"]["text/html"], "the slider"
    assert shown(tour["explore-corrected-run"]) == "every schedule: 2"


def test_tour_of_what_moves(tour):
    (picture,) = tour["live-run"].outputs
    assert "cx='515'" in picture["data"]["image/svg+xml"], "the last picture is the one that stays"
    assert "8 tasks on 3 workers" in shown(tour["live-pool-run"]) and "27 cups" in printed(tour["live-pool-run"])
    assert "IntSlider(2, 1..=8)" in shown(tour["widgets-slider"])
    assert "8 tasks on 1 worker" in shown(tour["widgets-interact"])


@pytest.fixture
def commands(cells_of) -> dict:
    return cells_of("02-subprocess.ipynb")


def test_commands_say_how_they_ended(commands):
    assert "exit code 3" in shown(commands["run-run"]) and "a complaint" in shown(commands["run-run"], "text/html")
    assert "code 2, 0 bytes" in printed(commands["run-fields-run"])
    failed, missing, directory = printed(commands["check-errors"]).splitlines()
    assert "exit code 7" in failed and "no program `no-such-program`" in missing and "is a directory" in directory
    assert printed(commands["check-match-run"]) == '7, after "so far so good\\n"\n'
    assert "hello" in printed(commands["std-run"])


def test_only_a_shell_takes_a_line_apart(commands):
    words, line = printed(commands["words-injection"]).splitlines()
    assert "; echo all" in words and "\\nall your files are mine" in line
    assert printed(commands["words-command"]).split() == ["hello", "from", "/", "apple", "pear"]


def test_commands_in_a_pipeline(commands):
    assert printed(commands["pipeline-run"]).splitlines() == ['["yes"] ended with -13', '["head", "-n", "3"] ended with 0']
    assert printed(commands["pipeline-file"]) == '0, and in the file: "apple\\npear\\n"\n'
    assert printed(commands["check-bytes-run"]).endswith("[233, 99, 108, 97, 105, 114]\n")
    assert printed(commands["spawn-trap-run"]) == "ended? None\nafter 1000000 bytes were read: exit status: 0\n"
    assert printed(commands["spawn-full-pipe"]).splitlines() == ["it ended with 0", "and has printed 1000000 bytes"]


def test_commands_that_run_are_watched_and_ended(commands):
    assert "not done after 300ms" in printed(commands["timeout-run"])
    assert printed(commands["spawn-run"]).splitlines() == ["just started: None", "the end: 5, and again: Some(5)"]
    assert printed(commands["spawn-talk-run"]).splitlines() == ['it says "hello"', 'it says "goodbye"', "it ended with 0"]
    assert printed(commands["signals-run"]).splitlines()[1] == "ended by signal 9"
    assert printed(commands["signals-other-run"]).splitlines() == ["ready", "read again, and then 0"]
    assert printed(commands["spawn-communicate-run"]) == '"apple\\nfig\\npear\\n", 0 complaints\n'
    together, alone = printed(commands["streams-run"]).splitlines()
    assert (together, alone) == ('"a result\\na complaint\\n"', '"a result\\n"')


def test_commands_side_by_side(commands):
    times = float(re.search(r"([\d.]+) times as fast", printed(commands["many-spawn"]))[1])
    assert times > 1.5, "four programs that only sleep"
    assert printed(commands["many-pool-run"]) == "[0, 0, 0, 0, 0]\n"
    assert "5 tasks on 2 workers" in shown(commands["many-pool-run"])
    for case in ("words", "shell", "python3"):
        assert case in shown(commands["time-start-run"])


@pytest.fixture
def threads(cells_of) -> dict:
    return cells_of("03-threading.ipynb")


def test_threads_return_what_their_functions_do(threads):
    assert printed(threads["start-cooks"]).splitlines()[1:] == ["SOUP is ready", "PASTA is ready", "CAKE is ready"]
    assert "dropped the plates" in printed(threads["panic-join"])
    assert printed(threads["daemon-run"]) == 'Thread("cleaner", running, daemon)\n'
    said = re.fullmatch(r"(\d+) threads: (.+)\n", printed(threads["daemon-enumerate"]))
    names = said[2].split(", ")
    assert {"main", "ann", "ben"} <= set(names) and len(names) == int(said[1]), said
    assert shown(threads["borrow-scope"]) == "(15, 5)"
    for name in ("soup", "pasta", "cake"):
        assert name in shown(threads["start-timeline"]) and name in shown(threads["start-timeline"], "image/svg+xml")


def test_the_compiler_refuses_a_thread_that_borrows(threads):
    (output,) = threads["borrow-refused"].outputs
    assert "`text` escapes the function body here" in helpers.plain("\n".join(output["traceback"]))


def test_updates_are_lost_without_a_lock(threads):
    assert printed(threads["race-lost"]) == "10 of 40\n"
    assert printed(threads["race-lock"]) == "40 of 40\n"
    assert "3 tasks on 3 workers" in shown(threads["lock-wait"]) and "░" in shown(threads["lock-wait"]), "the waits are drawn"
    assert printed(threads["lock-poison-run"]) == "poisoned: true\nin it: 40\n"
    assert printed(threads["lock-try-run"]).splitlines()[::2] == ["free at once? false", "and now? true"]


def test_deadlock_of_fork_and_knife(threads):
    graph = shown(threads["deadlock-graph"])
    assert "`alice` waits for lock `knife`, which thread `bob` holds" in graph
    assert "`bob` waits for lock `fork`, which thread `alice` holds" in graph
    assert "knife" in shown(threads["deadlock-graph"], "image/svg+xml")
    lock, rlock = printed(threads["rlock-run"]).splitlines()
    assert lock == "Lock: deadlock: thread `main` waits for lock `door`, which thread `main` holds"
    assert rlock == "RLock: entered twice"


def test_signals_between_threads(threads):
    assert printed(threads["event-run"]).splitlines() == ["ready? true", '["off", "off", "off"]']
    assert printed(threads["condition-run"]) == "3 loaves are there\n"
    cars, most = map(int, re.findall(r"\d+", printed(threads["semaphore-run"])))
    assert cars == 6 and 1 <= most <= 2
    assert "the barrier is broken" in printed(threads["barrier-run"])
    assert printed(threads["timer-run"]) == "the tea is ready\n"
    assert printed(threads["local-run"]) == "here: curious, in another thread: fine\n"
    assert shown(threads["queue-run"]) == "55"


@pytest.fixture
def processes(cells_of) -> dict:
    return cells_of("04-multiprocessing.ipynb")


def test_processes_of_ones_own(processes):
    *greetings, code, ids = printed(processes["start-run"]).splitlines()
    assert greetings == ["hello bob, from greeter"] * 2 and code == "exit code 0"
    child, own = re.findall(r"\d+", ids)
    assert child != own
    assert printed(processes["start-codes"]).splitlines() == ["sleeps: still alive", "leaves 3, crashes -6, sleeps -9"]
    assert printed(processes["start-children"]).splitlines() == ["3 children", "0 children"]
    watcher, left = printed(processes["start-daemon-run"]).splitlines()
    assert '"watcher"' in watcher and "daemon: true" in watcher and left == "0 children"


def test_what_travels_to_processes(processes):
    assert printed(processes["travel-struct"]) == 'Order { dish: "soup", table: 4 } arrived in another process\n'
    (refused,) = processes["travel-refused-run"].outputs
    assert "cannot capture variables" in helpers.plain("\n".join(refused["traceback"]))


def test_processes_talk(processes):
    dishes = printed(processes["queue-run"]).splitlines()
    assert sorted(dish.split(",")[0] for dish in dishes) == ["dish 1", "dish 2", "dish 3", "dish 4"]
    assert {dish.split()[-1] for dish in dishes} <= {"ann", "ben"}
    assert printed(processes["pipe-run"]).splitlines() == ["the root of 2 is 1.414", "the root of 144 is 12.000", "exit code 0"]


def test_processes_share(processes):
    assert printed(processes["shared-race"]) == "10 of 40\n"
    assert printed(processes["semaphore-run"]) in ("at most 1 at a time\n", "at most 2 at a time\n")
    assert printed(processes["shared-update-run"]) == "40 of 40\n"
    died, then = printed(processes["lock-died"]).splitlines()
    assert "ended while it held the lock" in died and then == "and then: taken"
    assert shown(processes["array-run"]) == "[2, 4, 6, 8, 10, 12]"


def test_pools_of_processes(processes):
    assert printed(processes["pool-run"]) == "map: [25, 1, 4]\n"
    *unordered, last = (line.split()[1] for line in printed(processes["pool-run-as-they-come"]).splitlines())
    assert (sorted(unordered), last) == (["1", "25", "4"], "16")
    assert "3 tasks on 2 workers" in shown(processes["pool-timeline"])
    times = float(re.search(r"([\d.]+) times as fast", printed(processes["pool-naps"]))[1])
    assert times > 1.5, "naps overlap, however busy the machine is"
    assert "chunks of 100" in shown(processes["pool-cost"], "image/svg+xml")
    assert "SIGABRT (signal 6) while it ran `crash_at_3`" in printed(processes["pool-broken"])
    there, here = printed(processes["fresh-initializer-run"]).splitlines()
    assert (there, here) == ('there: [Some("soup"), Some("pasta"), Some("cake")]', "here: None")
    assert printed(processes["fresh-run"]) == "3 processes\n"
    methods = shown(processes["methods-run"], "image/svg+xml")
    assert "spawn" in methods and "forkserver" in methods


@pytest.fixture
def futures(cells_of) -> dict:
    return cells_of("05-futures.ipynb")


def test_a_running_task_cannot_be_cancelled(futures):
    assert printed(futures["life-cancel"]).splitlines() == [
        "cancel the first:  false",
        "cancel the second: true",
        "first: running true, done false",
        "second: running false, done true",
        "third: running false, done false",
    ]
    assert printed(futures["life-results"]).splitlines() == ["Ok(400)", "Err(Cancelled)", "Ok(30)"]
    assert printed(futures["timeout-run"]).splitlines()[1] == "and later: 600"


def test_failures_stay_in_their_futures(futures):
    assert "settle the bill panicked" in printed(futures["errors-panic"])
    assert "the worker is fine: 42" in printed(futures["errors-panic"])
    assert printed(futures["errors-values-run"]).splitlines() == ["a number: 12", "no number: invalid digit found in string"]
    assert printed(futures["wait-failed"]).endswith("woken up\n")
    assert printed(futures["broken-run"]).count("ended by SIGABRT (signal 6) while it ran `crash`") == 2
    assert "the initializer panicked" in printed(futures["initializer-run"])


def test_orders_of_many_futures(futures):
    orders = printed(futures["many-orders"]).splitlines()
    assert orders[:3] == ["map: 500 ms", "map: 100 ms", "map: 300 ms"]
    assert sorted(orders[3:]) == ["as_completed: 100 ms", "as_completed: 300 ms", "as_completed: 500 ms"]
    assert "6 tasks on 3 workers" in shown(futures["many-timeline-run"])
    assert shown(futures["many-timeline-run"], "image/svg+xml").startswith("<svg")


def test_futures_with_a_deadline_and_with_one_owner(futures):
    assert printed(futures["many-timeout-run"]).splitlines() == ["Ok(20)", "Ok(50)", "Err(TimedOut)"]
    assert printed(futures["life-owned-run"]) == "ticket 7\n"


def test_callbacks_of_futures(futures):
    assert sorted(printed(futures["callback-run"]).splitlines()) == ["Ok(300), told by kitchen_0", "the cell goes on"]
    assert printed(futures["callback-done-run"]).splitlines() == ["told by main", "and only then the cell goes on"]


def test_every_executor_takes_the_same_work(futures):
    lines = printed(futures["executors-run"]).splitlines()
    names = [re.search(r"on ([A-Za-z]+)Executor", line)[1] for line in lines]
    assert names == ["Serial", "ThreadPool", "Rayon", "Tokio", "ProcessPool"]
    assert all(line.startswith("400 ms of naps") for line in lines)
    curve = shown(futures["executors-speedup"])
    assert speed_ups(curve)["4 workers"] > 1.5, curve


def test_the_end_of_a_pool(futures):
    thrown, results, refused = printed(futures["shutdown-run"]).splitlines()
    assert (thrown, results) == ("thrown away: 2", "Ok(400), Err(Cancelled)") and "takes no more tasks" in refused
    assert "dropped without a result" in printed(futures["promise-run"])
    assert shown(futures["await-run"]) == "(100, 200)"


@pytest.fixture
def tokio(cells_of) -> dict:
    return cells_of("06-async-tokio.ipynb")


def test_async_code_runs_when_it_is_awaited(tokio):
    assert printed(tokio["lazy-run"]).splitlines() == ["nothing was greeted yet", "now greeting bob", "hello bob"]
    assert printed(tokio["lazy-eager-run"]) == "the pool is at work without a wait\nann was never greeted\n"
    first, _, *polite = printed(tokio["yield-run"]).partition("polite: true\n")
    assert [line.split()[0] for line in first.splitlines()[1:]] == ["ann"] * 3 + ["ben"] * 3
    assert [line.split()[0] for line in polite[0].splitlines()] == ["ann", "ben"] * 3
    two, four = map(float, re.findall(r"([\d.]+) s", printed(tokio["join-run"])))
    assert two * 2 / four > 1.5, "four naps together take about as long as one"
    assert sorted(printed(tokio["tasks-set"]).splitlines()) == ["slept 150 ms", "slept 250 ms", "slept 50 ms"]
    assert "500 of them" in shown(tokio["tasks-benchmark"])


def test_tokio_tasks_that_block_hold_up_others(tokio):
    assert "on 1 worker" in shown(tokio["seen-run"])
    held_up = int(re.search(r"took (\d+)ms", printed(tokio["blocking-run"]))[1])
    assert held_up >= 400, "ann blocks for 400 ms"
    assert "ann blocks" in shown(tokio["blocking-run"], "image/svg+xml")
    assert "ann blocks" in shown(tokio["blocking-solved"], "image/svg+xml")


def test_tokio_tasks_are_cancelled_and_clean_up(tokio):
    assert printed(tokio["cancel-timeout"]).splitlines() == ["ann cleans up", "Err(Elapsed(()))"]
    assert printed(tokio["select-run"]).splitlines()[-1] == "the tortoise is there after 50 ms"
    assert "the hare cleans up" in printed(tokio["select-run"])
    assert printed(tokio["abort-run"]).splitlines()[-1] == "cancelled: true"


def test_tokio_underneath_and_by_the_clock(tokio):
    assert printed(tokio["poll-run"]).splitlines() == ["Pending", "and with a runtime: 50"]
    assert printed(tokio["interval-run"]).startswith("five rounds in ")
    assert printed(tokio["siblings-run"]).splitlines() == ["the oven is cold: the other tasks are cancelled", "carol cleans up"]


def test_tokio_channels(tokio):
    *sent, total = printed(tokio["channels-mpsc"]).splitlines()
    assert [line.split()[0] for line in sent] == list("12345") and total == "the sum is 15"
    assert int(re.search(r"(\d+) ms", sent[-1])[1]) >= 200, "the fifth waits for two that are taken, 100 ms each"
    assert printed(tokio["channels-lagged-run"]) == 'Err(Lagged(1))\nOk("mild")\nOk("warm")\n'
    assert printed(tokio["notify-run"]) == "the cook rings\na guest comes to the table\n"
    assert printed(tokio["channels-oneshot-run"]).split() == "now it is 10 now it is 30 now it is 42".split()
    assert printed(tokio["channels-news-run"]).splitlines() == [
        "ann: mild, warm",
        "ben: mild, warm",
        "the setting: warm",
    ]


def test_tokio_with_bounds_and_locks(tokio):
    assert printed(tokio["bounded-semaphore"]) == "12 visits, 3 at most at a time\n"
    assert shown(tokio["streams-run"]) == "[4, 16, 36]"
    (refused,) = tokio["lock-refused"].outputs
    assert "future cannot be sent between threads safely" in helpers.plain("\n".join(refused["traceback"]))
    assert printed(tokio["lock-short"]) == printed(tokio["lock-async"]) == "40 of 40\n"
    assert printed(tokio["process-run"]).startswith("8 programs slept")
    assert shown(tokio["server-call"]) == '("HELLO!\\nWORLD!\\n", "ANYBODY THERE!\\n")'


@pytest.fixture
def rayon(cells_of) -> dict:
    return cells_of("07-rayon.ipynb")


def test_rayon_finds_what_a_loop_finds(rayon):
    assert printed(rayon["iter-run"]).startswith("17984 primes, 17984 primes, on ")
    for case in ("iter", "par_iter"):
        assert f"\n  {case} " in shown(rayon["iter-benchmark"])
    assert shown(rayon["join-run"]) == "333338333350000"
    assert shown(rayon["scope-run"]) == "[10, 20, 30, 40]"
    assert printed(rayon["help-run"]) == "100 deep\n"


def test_rayon_keeps_the_order_of_what_it_collects(rayon):
    collected, done = printed(rayon["order-run"]).splitlines()
    assert collected == "collected: [1, 4, 9, 16, 25, 36, 49, 64]"
    assert sorted(re.findall(r"\d", done)) == list("12345678")
    first, *others = map(int, re.findall(r"Some\((\d+)\)", printed(rayon["find-run"])))
    matches = (n for n in range(499_991, 500_100) if all(n % i for i in range(2, 720)))
    assert first == next(matches) and len(others) == 3
    assert all(n % 1_000_000 > 499_990 and all(n % i for i in range(2, 1420)) for n in others), others
    assert printed(rayon["errors-run"]).splitlines() == ["Ok([1, 2, 3])", "Err(ParseIntError { kind: InvalidDigit })"]
    assert printed(rayon["errors-panic-run"]).endswith(": no 5\n")


def test_rayon_needs_no_shared_sum(rayon):
    (refused,) = rayon["refused-run"].outputs
    assert "cannot assign to `total`" in helpers.plain("\n".join(refused["traceback"]))
    assert printed(rayon["reduce-run"]).split() == ["500500", "8"]
    loop, *parallel = map(int, re.findall(r"\d+", printed(rayon["reduce-identity-run"])))
    assert loop == 500_510 and all(n > loop and n % 10 == 0 for n in parallel), parallel
    median = helpers.medians(shown(rayon["fold-benchmark"]))
    assert median["lock"] > median["fold"], "a lock for each item costs many times as much as the item"


def test_rayon_in_place_in_chunks_and_from_any_iterator(rayon):
    assert printed(rayon["slices-run"]) == "[10, 20, 30, 40, 50, 60], in pairs [30, 70, 110]\n"
    assert shown(rayon["bridge-run"]) == "42"


def test_rayon_does_not_always_pay(rayon):
    median = helpers.medians(shown(rayon["small-benchmark"]))
    assert median["par_iter"] > median["iter"], "a hundred additions take less time than to hand them out"
    assert float(re.search(r"([\d.]+) times as fast", printed(rayon["naps-run"]))[1]) > 1.5, "eight naps on eight threads"


def test_rayon_is_seen_at_work(rayon):
    assert printed(rayon["stealing-work"]) == printed(rayon["stealing-rayon-run"])
    assert "17 to 32" in shown(rayon["stealing-work"], "image/svg+xml")
    assert "32 tasks on 2 workers" in shown(rayon["stealing-rayon-run"])
    pieces = re.findall(r"thread \d worked for .+?: (.+)", printed(rayon["stealing-who-run"]))
    assert sorted(int(n) for line in pieces for n in line.split()) == list(range(1, 33)), pieces
    assert "Who did which piece" in shown(rayon["stealing-who-picture"], "image/svg+xml")
    assert shown(rayon["picture-run"], "image/svg+xml").count("<rect") > 1000


@pytest.fixture
def sharing(cells_of) -> dict:
    return cells_of("08-sharing.ipynb")


def test_the_compiler_refuses_what_threads_may_not_share(sharing):
    for cell, said in (
        ("rules-writers-run", "cannot borrow `hits` as mutable more than once"),
        ("rules-sync-run", "cannot be shared between threads safely"),
        ("rules-send-run", "cannot be sent between threads safely"),
        ("rules-moved-run", "borrow of moved value: `text`"),
    ):
        (output,) = sharing[cell].outputs
        assert said in helpers.plain("\n".join([output["evalue"], *output["traceback"]])), output


def test_threads_share_what_is_made_for_it(sharing):
    assert sorted(printed(sharing["arc-run"]).splitlines()[1:4]) == [f"cook {n} makes {dish}" for n, dish in enumerate(["soup", "pasta", "cake"])]
    assert printed(sharing["mutex-run"]) == "[5, 7, 10, 14, 15, 21]\n"
    assert printed(sharing["rwlock-run"]).splitlines() == ["2 dishes"] * 3 + ["3 dishes after the change"]
    assert sorted(printed(sharing["once-run"]).splitlines()) == ["2 words"] * 3 + ["loading"]
    assert printed(sharing["atomics-run"]) == "4000 different ids\n"
    assert printed(sharing["atomics-exchange-run"]).splitlines() == ["Ok(10)", "Err(20)"]
    assert printed(sharing["order-run"]) == "the data is 42\n"
    assert printed(sharing["spin-run"]) == "counted to 20000 of 20000\n"


def test_a_spin_lock_costs_processor_time_while_it_waits(sharing):
    spin, mutex = map(int, re.findall(r"(\d+) ms", printed(sharing["spin-cost-run"])))
    assert spin > 2 * mutex, "the second thread turns for 0.2 s, as far as it gets a core"


def test_own_sums_are_the_fastest(sharing):
    median = helpers.medians(shown(sharing["cost-run"]))
    assert median["own sums"] < min(median[case] for case in ("atomic", "Mutex", "RwLock")), shown(sharing["cost-run"])


@pytest.fixture
def channels(cells_of) -> dict:
    return cells_of("09-channels.ipynb")


def test_threads_send_and_the_channel_hangs_up(channels):
    assert printed(channels["channel-run"]) == '["cake by ann", "cake by ben", "soup by ann", "soup by ben"]\n'
    (moved,) = channels["moved-run"].outputs
    assert "borrow of moved value: `order`" in helpers.plain("\n".join([moved["evalue"], *moved["traceback"]]))
    assert printed(channels["errors-run"]).splitlines() == ["nothing yet: true", "sending on a closed channel"]
    packed = re.findall(r"packed (\d+)", printed(channels["consumers-run"]))
    assert len(packed) == 2 and sum(map(int, packed)) == 10
    assert printed(channels["map-reduce-run"]) == '{"blue": 1, "fish": 4, "one": 3, "red": 1, "two": 2}\n'
    assert printed(channels["actor-run"]) == "in the till: 42\n"


def test_a_bound_slows_the_producer_down(channels):
    times = [int(time) for time in re.findall(r"after +(\d+) ms", printed(channels["bound-run"]))]
    assert len(times) == 5 and times[4] >= 200, "the fifth waits for two that are taken, 100 ms each"
    served = [int(time) for time in re.findall(r"after +(\d+) ms", printed(channels["pipeline-run"]))]
    assert len(served) == 8 and served[0] >= 80 and served[7] >= 80 + 7 * 40
    assert "The lengths of two queues" in shown(channels["backpressure-picture"], "image/svg+xml")


@pytest.fixture
def stopping(cells_of) -> dict:
    return cells_of("10-stopping.ipynb")


def test_threads_and_tasks_stop_when_they_are_asked(stopping):
    assert printed(stopping["flag-run"]) == "stopped after a whole round: true\n"
    assert "3 tasks on 3 workers" in shown(stopping["flag-step-run"])
    assert printed(stopping["flag-sleep-run"]) == "stopped in less than a minute: true\n"
    assert printed(stopping["timeout-run"]).splitlines() == ["0 loaves, timed out: true", "waited for 100 ms or a bit more: true"]
    assert printed(stopping["retry-run"]).splitlines()[-1] == "call 4: here is your page"
    *cleaned, result = printed(stopping["structure-run"]).splitlines()
    assert cleaned[0] == "ben is cleaned up" and sorted(cleaned) == [f"{name} is cleaned up" for name in ("ann", "ben", "cid")]
    assert result == 'Err("ben lost the connection")'
    assert printed(stopping["token-run"]).splitlines() == [f"{name} stopped after whole rounds" for name in ("ann", "ben")]


def test_a_dropped_future_loses_what_it_has_taken(stopping):
    assert printed(stopping["safety-run"]).splitlines() == ["in time: false", "the next pair: (2, 3)"]


def test_a_server_finishes_its_requests(stopping):
    assert printed(stopping["server-run"]).splitlines() == [
        'the client still gets "HELLO!\\n"',
        "the server has finished 1 request, and takes no more: true",
    ]


# --- threadbook run -----------------------------------------------------------------------------------------------


#: A time such as `0.3 s`, `12 ms` or `1m 02s`.
TIME = re.compile(r"\d+(\.\d+)?\s*(ms|s|m|min)\b")


def test_run_shows_the_time_of_each_cell(executed):
    copy = executed(FIRST)
    nbformat.validate(read_notebook(copy))
    printed = copy.with_suffix(".log").read_text()
    timed = [line for line in printed.splitlines() if TIME.search(line)]
    assert len(timed) >= len(code_cells(read_notebook(copy))), f"a line with its time for each cell\n{printed}"


def test_run_several_notebooks(kernelspec, tmp_path):
    names = [write_notebook(tmp_path / f"{name}.ipynb", f'println!("{name}");') for name in ("one", "two")]
    before = [path.read_bytes() for path in names]
    run = threadbook("run", *names, "--output-dir", tmp_path / "out", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    for name in ("one", "two"):
        assert printed(read_notebook(tmp_path / "out" / f"{name}.ipynb").cells[0]) == f"{name}\n"
    assert [path.read_bytes() for path in names] == before, "the notebooks themselves stay as they are"


def test_run_starts_in_the_directory_of_the_notebook(kernelspec, tmp_path):
    (tmp_path / "course").mkdir()
    notebook = write_notebook(tmp_path / "course" / "here.ipynb", 'println!("{}", std::env::current_dir()?.display());')
    run = threadbook("run", notebook, "--output-dir", tmp_path / "out", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    directory = printed(read_notebook(tmp_path / "out" / "here.ipynb").cells[0]).strip()
    assert Path(directory).resolve() == (tmp_path / "course").resolve()


@pytest.mark.parametrize(
    "failing, said",
    [
        ('panic!("out of coffee")', "out of coffee"),
        ('"twelve".parse::<i32>()?;', "invalid digit"),
        ('let cups: u32 = "twelve";', "mismatched types"),
        ("std::process::abort();", "abort"),
    ],
    ids=["panic", "question mark", "compile error", "abort"],
)
def test_run_stops_at_the_first_error(kernelspec, tmp_path, failing, said):
    notebook = write_notebook(tmp_path / "failing.ipynb", "1 + 1", failing, 'std::fs::write("ran-on", "")?;')
    run = threadbook("run", notebook, "--output-dir", tmp_path / "out", cwd=tmp_path)
    assert run.returncode == 1, told(run)
    assert "failing.ipynb" in told(run), f"which notebook?\n{told(run)}"
    assert re.search(r"cell[ -]#?2\b", told(run), re.IGNORECASE), f"which cell?\n{told(run)}"
    assert said.lower() in told(run).lower(), f"what error?\n{told(run)}"
    assert not (tmp_path / "ran-on").exists(), "a cell after the error ran"


def test_run_allows_errors_when_asked(kernelspec, tmp_path):
    notebook = write_notebook(tmp_path / "failing.ipynb", 'panic!("out of coffee")', 'println!("ran on");')
    run = threadbook("run", notebook, "--allow-errors", "--output-dir", tmp_path / "out", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    failed, after = read_notebook(tmp_path / "out" / "failing.ipynb").cells
    assert failed.outputs[-1]["output_type"] == "error"
    assert printed(after) == "ran on\n"


def test_run_honours_raises_exception(kernelspec, tmp_path):
    notebook = write_notebook(tmp_path / "tagged.ipynb", 'panic!("on purpose")', 'println!("ran on");', raises=(0,))
    run = threadbook("run", notebook, "--output-dir", tmp_path / "out", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    assert printed(read_notebook(tmp_path / "out" / "tagged.ipynb").cells[1]) == "ran on\n"


def test_run_ends_a_cell_that_takes_too_long(kernelspec, tmp_path):
    sleep = "std::thread::sleep(std::time::Duration::from_secs(600));"
    notebook = write_notebook(tmp_path / "slow.ipynb", "1 + 1", sleep)
    run = threadbook("run", notebook, "--timeout", "5", "--output-dir", tmp_path / "out", cwd=tmp_path, timeout=90)
    assert run.returncode == 1, told(run)
    assert "slow.ipynb" in told(run) and re.search(r"time[d -]?\s?out|too long", told(run), re.IGNORECASE), told(run)


def test_run_of_a_missing_notebook(kernelspec, tmp_path):
    run = threadbook("run", "nowhere.ipynb", cwd=tmp_path)
    assert run.returncode in (1, 2) and "nowhere.ipynb" in told(run), told(run)


def test_run_of_something_else(kernelspec, tmp_path):
    (tmp_path / "text.ipynb").write_text("not a notebook")
    run = threadbook("run", "text.ipynb", cwd=tmp_path)
    assert run.returncode == 1 and "text.ipynb" in told(run), told(run)
    assert "Traceback (most recent call last)" not in told(run), f"one line is enough\n{told(run)}"


def test_run_without_a_notebook_is_wrong_use(kernelspec, tmp_path):
    run = threadbook("run", cwd=tmp_path)
    assert run.returncode == 2, told(run)
