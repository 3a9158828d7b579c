"""What the kernel remembers of earlier sessions."""

from __future__ import annotations

import sqlite3
import statistics
from contextlib import contextmanager

import pytest

import helpers
from helpers import ask, ok, run_cell


@contextmanager
def kernel_with(directory, history):
    """A kernel that keeps its history there."""
    with helpers.running_kernel(directory, env={"THREADBOOK_HISTORY": str(history)}) as kernel:
        yield kernel


def entries(kc, access: str, **options) -> list[list]:
    reply = ask(kc, "history", **{"raw": True, "output": False, "hist_access_type": access, **options})
    assert reply["status"] == "ok"
    return reply["history"]


def codes(kc, access: str, **options) -> list[str]:
    return [entry[2] for entry in entries(kc, access, **options)]


def test_earlier_sessions_are_remembered(kernelspec, tmp_path):
    file = tmp_path / "deep" / "history.sqlite"
    with kernel_with(tmp_path / "first", file) as kernel:
        for code in ["let one = 1;", "2 + 2"]:
            ok(kernel.client, code)
        run_cell(kernel.client, "nonsense")
    with kernel_with(tmp_path / "second", file) as kernel:
        kc = kernel.client
        assert codes(kc, "tail", n=2) == ["2 + 2", "nonsense"]
        assert entries(kc, "range", session=0, start=1) == []
        ok(kc, "3 + 3")
        assert entries(kc, "tail", n=9) == [[1, 1, "let one = 1;"], [1, 2, "2 + 2"], [1, 3, "nonsense"], [2, 1, "3 + 3"]]
        assert codes(kc, "range", session=0, start=1, stop=None) == ["3 + 3"]
        assert codes(kc, "range", session=-1, start=2) == ["2 + 2", "nonsense"]
        assert codes(kc, "range", session=1, start=1, stop=2) == ["let one = 1;"]
        assert entries(kc, "search", pattern="? + ?", output=True) == [[1, 2, ["2 + 2", "4"]], [2, 1, ["3 + 3", "6"]]]
        ok(kc, "2 + 2")
        assert entries(kc, "search", pattern="2*", unique=True) == [[2, 2, "2 + 2"]]
        assert entries(kc, "search", pattern="*+*", n=1) == [[2, 2, "2 + 2"]]
        kernel.manager.restart_kernel()
        kc.wait_for_ready(timeout=helpers.CELL_TIMEOUT)
        assert codes(kc, "tail", n=1) == ["2 + 2"], "a restart begins a session, and forgets nothing"
        ok(kc, "4 + 4")
        assert entries(kc, "tail", n=1) == [[3, 1, "4 + 4"]]


def test_two_kernels_share_a_file(kernelspec, tmp_path):
    file = tmp_path / "history.sqlite"
    with kernel_with(tmp_path / "one", file) as one, kernel_with(tmp_path / "other", file) as other:
        for n in range(5):
            ok(one.client, f'"one {n}"')
            ok(other.client, f'"other {n}"')
        for kernel, name, foreign in [(one, "one", "other"), (other, "other", "one")]:
            assert codes(kernel.client, "range", session=0, start=1) == [f'"{name} {n}"' for n in range(5)]
            both = codes(kernel.client, "tail", n=10)
            assert both == [f'"{who} {n}"' for who in (foreign, name) for n in range(5)], "one's own come last"
            assert "history" not in kernel.log(), kernel.log()


def test_silent_and_unlisted_cells_are_not_remembered(kernelspec, tmp_path):
    file = tmp_path / "history.sqlite"
    with kernel_with(tmp_path / "kernel", file) as kernel:
        ok(kernel.client, "1")
        run_cell(kernel.client, "2", silent=True)
        ok(kernel.client, "3", store_history=False)
        ok(kernel.client, "4")
        assert entries(kernel.client, "tail", n=9) == [[1, 1, "1"], [1, 2, "4"]]


def test_a_cell_that_kills_its_process_is_remembered(kernelspec, tmp_path):
    with kernel_with(tmp_path / "kernel", tmp_path / "history.sqlite") as kernel:
        run_cell(kernel.client, "std::process::abort();")
        assert codes(kernel.client, "tail", n=1) == ["std::process::abort();"]


@pytest.mark.parametrize("where", ["", ":memory:"])
def test_it_can_be_kept_off_the_disk(kernelspec, tmp_path, where):
    with helpers.running_kernel(
        tmp_path / "kernel", cwd=tmp_path, env={"THREADBOOK_HISTORY": where, "XDG_DATA_HOME": str(tmp_path / "data")}
    ) as kernel:
        ok(kernel.client, "1 + 1")
        assert codes(kernel.client, "tail", n=9) == ["1 + 1"]
    assert not list(tmp_path.glob("*memory*")) and not (tmp_path / "data").exists()


@pytest.mark.parametrize("trouble", ["a damaged file", "a directory in its place", "no directory"])
def test_whatever_happens_to_the_file_the_kernel_goes_on(kernelspec, tmp_path, trouble):
    file = tmp_path / "history.sqlite"
    match trouble:
        case "a damaged file":
            file.write_bytes(b"SQLite format 3\0" + b"garbage" * 1000)
        case "a directory in its place":
            file.mkdir()
        case "no directory":
            file.write_text("")
            file = file / "history.sqlite"
    with kernel_with(tmp_path / "kernel", file) as kernel:
        for n in range(3):
            ok(kernel.client, f"{n}")
        assert codes(kernel.client, "tail", n=9) == ["0", "1", "2"]
        assert str(file) in kernel.log(), "the log says what is the matter"
        assert kernel.log().count("history") < 5, "and says it once"
    if trouble == "a damaged file":
        assert (tmp_path / "history.sqlite.damaged").exists()
        with kernel_with(tmp_path / "again", file) as kernel:
            assert codes(kernel.client, "tail", n=9) == ["0", "1", "2"], "the new file is used"


def test_when_the_file_cannot_be_written_any_more_nothing_is_lost(kernelspec, tmp_path):
    file = tmp_path / "history.sqlite"
    with kernel_with(tmp_path / "kernel", file) as kernel:
        ok(kernel.client, "0")
        assert codes(kernel.client, "tail", n=1) == ["0"]
        with sqlite3.connect(file) as database:  # as a full disk would do, for this file
            database.execute("CREATE TRIGGER full BEFORE INSERT ON cells BEGIN SELECT raise(ABORT, 'no room'); END")
        ok(kernel.client, "1")
        assert codes(kernel.client, "tail", n=9) == ["0", "1"]
        assert "no room" in kernel.log() and str(file) in kernel.log(), kernel.log()


def test_a_file_that_another_program_holds_delays_no_cell(kernelspec, tmp_path):
    file = tmp_path / "history.sqlite"
    with kernel_with(tmp_path / "kernel", file) as kernel:
        ok(kernel.client, "0")
        usual = statistics.median(ok(kernel.client, "1").reply_at for _ in range(3))
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        held = ok(kernel.client, "2").reply_at
        other.execute("ROLLBACK")
        assert held < usual + 2, f"{held:.2f} s, else {usual:.2f} s"
        assert codes(kernel.client, "tail", n=1) == ["2"]
