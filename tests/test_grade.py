"""`threadbook grade`: points for the answers in submitted notebooks, with the checks of the notebook that was handed out."""

from __future__ import annotations

import copy
import csv
import re
from pathlib import Path

import nbformat
import psutil
import pytest

import helpers
from helpers import read_notebook, threadbook, told
from wrong_answers import WRONG_ANSWERS

NOTEBOOKS = [path for path in sorted(helpers.NOTEBOOKS.glob("*.ipynb")) if path.name != "00-tour.ipynb"]

#: Each answer has a kernel of its own.
pytestmark = pytest.mark.timeout(900)

START = "fn sum(n: u64) -> u64 {\n    0 // your code instead of this\n}"
RIGHT = "fn sum(n: u64) -> u64 {\n    (1..=n).sum()\n}"
CHECK = """
assert!(sum(10) == 55, "the sum of 1 to 10 is 55, but sum returns {}.", sum(10));
println!("Correct: {}", sum(10));
"""


def cell(name: str, source: str, **metadata):
    made = nbformat.v4.new_markdown_cell if name.startswith("why") else nbformat.v4.new_code_cell
    return made(source, id=name, metadata=metadata)


def notebook(answer: str, check: str = CHECK):
    worth = {"minutes": 5, "difficulty": 1}
    return nbformat.v4.new_notebook(
        cells=[
            cell("sum-start", answer, exercise={"kind": "complete", "points": 3, **worth}),
            cell("sum-check", check),
            cell("why-start", "*My answer:* …", exercise={"kind": "explain", "points": 2, **worth}),
        ]
    )


def grade(directory: Path, key, submissions: dict, *options, timeout: float = 600):
    """The run, and the rows of each submission by the exercise. A submission may be the text of a file."""
    nbformat.write(key, directory / "key.ipynb")
    for name, submission in submissions.items():
        path = directory / f"{name}.ipynb"
        path.write_text(submission if isinstance(submission, str) else nbformat.writes(submission))
    files = [f"{name}.ipynb" for name in submissions]
    run = threadbook("grade", *files, "--key", "key.ipynb", "--csv", "points.csv", *options, cwd=directory, timeout=timeout)
    with (directory / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return run, {name: {row["exercise"]: row for row in rows if row["submission"] == f"{name}.ipynb"} for name in submissions}


def answered(key, answers: dict[str, str]):
    """The notebook with answers in the place of its starts."""
    submission = copy.deepcopy(key)
    for each in submission.cells:
        each.source = answers.get(each.id.removesuffix("-start"), each.source) if each.id.endswith("-start") else each.source
    return submission


def solutions(key) -> dict[str, str]:
    found = {}
    for each in key.cells:
        if each.id.endswith("-solution") and (code := re.search(r"^```rust\n(.+?)\n```$", each.source, re.DOTALL | re.MULTILINE)):
            found[each.id.removesuffix("-solution")] = code[1]
    return found


def test_an_answer_is_graded_by_the_check_of_the_key(kernelspec, tmp_path):
    edited = notebook("macro_rules! assert { ($($t:tt)*) => {} }\nfn sum(n: u64) -> u64 { n }", check='println!("Correct");')
    explained = answered(notebook(RIGHT), {"why": "*My answer:* because"})
    run, points = grade(tmp_path, notebook(START), {"start": notebook(START), "edited": edited, "right": explained})
    assert run.returncode == 0, told(run)
    assert (points["start"]["sum"]["points"], points["start"]["sum"]["remark"]) == ("0", "not answered")
    assert (points["edited"]["sum"]["points"], points["right"]["sum"]["points"]) == ("0", "3")
    assert points["edited"]["sum"]["remark"] == "the sum of 1 to 10 is 55, but sum returns 10."
    assert (points["start"]["why"]["points"], points["right"]["why"]["points"]) == ("0", ""), "a person reads the text"
    assert "3 of 3 points; 2 more are given by hand" in run.stdout


MARK = "86413.7"

#: Answers that misbehave, and words about each, as a regular expression.
MISBEHAVING = {
    "endless": ("fn sum(n: u64) -> u64 { loop { std::hint::spin_loop(); } }", "stopped after 5 s"),
    "exit": ("fn sum(n: u64) -> u64 { std::process::exit(0) }", "exit"),
    "segfault": ("fn sum(n: u64) -> u64 { unsafe { *std::hint::black_box(8 as *const u64) } }", "SIGSEGV"),
    "memory": ("fn sum(n: u64) -> u64 { std::hint::black_box(vec![1_u8; 10 << 30]).len() as u64 }", "memory allocation of 10737418240 bytes failed"),
    "output": ("fn sum(n: u64) -> u64 { for _ in 0..1_000_000 { println!(\"{:99}\", 0); } n }", "sum returns 10|stopped after 5 s"),
    "children": (
        f'fn sum(n: u64) -> u64 {{ for _ in 0..50 {{ std::process::Command::new("sleep").arg("{MARK}").spawn().unwrap(); }} n }}',
        "sum returns 10",
    ),
    "syntax": ("fn sum(n: u64) -> u64 { (", "unclosed"),
    "stuck": ("loop {}", "stopped after 5 s"),
}


def test_submissions_that_misbehave_are_graded_and_the_next_is_not_affected(kernelspec, tmp_path):
    key = notebook(START)
    deleted, renamed = notebook(RIGHT), notebook(RIGHT)
    del deleted.cells[0]
    renamed.cells[0].id = "my-sum"
    bad = {name: notebook(answer) for name, (answer, _) in MISBEHAVING.items()}
    broken = {"truncated": nbformat.writes(notebook(RIGHT))[:200], "empty": "", "deleted": deleted, "renamed": renamed}
    run, points = grade(tmp_path, key, {**bad, **broken, "right": notebook(RIGHT)}, "--timeout", "5")
    for name, (_, word) in MISBEHAVING.items():
        row = points[name]["sum"]
        assert row["points"] == "0" and re.search(word, row["remark"]), (name, row, told(run))
    for name in ("deleted", "renamed"):
        assert points[name]["sum"]["remark"] == "the notebook has no cell `sum-start`"
    for name in ("truncated", "empty"):
        assert points[name][""]["points"] == "0" and "not a notebook that can be read" in points[name][""]["remark"]
    assert points["right"]["sum"]["points"] == "3", told(run)
    assert run.returncode == 1 and "2 of 13 submissions could not be graded" in run.stderr, told(run)
    left = [process for process in psutil.process_iter(["cmdline"]) if MARK in (process.info["cmdline"] or [])]
    assert left == [], "processes of an answer are left"


def test_an_answer_sees_neither_the_environment_nor_the_directory_of_the_grader(kernelspec, tmp_path):
    look = 'fn sum(n: u64) -> u64 { panic!("{:?} {:?}", std::env::var("SECRET").is_ok(), std::fs::read_dir(".").unwrap().count()) }'
    nbformat.write(notebook(START), tmp_path / "key.ipynb")
    nbformat.write(notebook(look), tmp_path / "look.ipynb")
    run = threadbook("grade", "look.ipynb", "--key", "key.ipynb", cwd=tmp_path, SECRET="word", timeout=300)
    assert "false 0" in run.stdout, told(run)


def test_a_notebook_without_exercises_is_no_key(kernelspec, tmp_path):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "key.ipynb")
    run = threadbook("grade", "key.ipynb", "--key", "key.ipynb", cwd=tmp_path)
    assert run.returncode == 1 and "key.ipynb is no key: none of its cells is the start" in run.stderr, told(run)


#: The gate grades the exercises of one notebook, which the commit chooses.
every_key = pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.name, marks=() if n == helpers.rotation(len(NOTEBOOKS)) else pytest.mark.rare) for n, path in enumerate(NOTEBOOKS)],
)


@every_key
def test_starts_have_no_points_and_solutions_all_and_wrong_answers_none(kernelspec, tmp_path, path):
    key = read_notebook(path)
    right = solutions(key)
    wrong = {name: WRONG_ANSWERS[name][helpers.rotation(len(WRONG_ANSWERS[name]))][0] for name in right}
    submissions = {"start": key, "right": answered(key, right), "wrong": answered(key, wrong)}
    run, points = grade(tmp_path, key, submissions, timeout=800)
    assert run.returncode == 0 and right, told(run)
    for name in right:
        assert points["right"][name]["points"] == points["right"][name]["maximum"], (name, points["right"][name])
        for other in ("start", "wrong"):
            assert points[other][name]["points"] == "0" and points[other][name]["remark"], (other, points[other][name])
    by_hand = points["start"].keys() - right.keys()
    assert all(points["start"][name]["points"] == "0" for name in by_hand), "a start is no answer"
