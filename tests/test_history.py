"""What the kernel remembers of earlier sessions."""

from __future__ import annotations

import sqlite3

from helpers import CELL_TIMEOUT, ask, ok, run_cell, running_kernel, wait_until


def kernel_with(directory, history):
    """A kernel that keeps its history there."""
    return running_kernel(directory, env={"THREADBOOK_HISTORY": str(history)})


def entries(kc, access: str, **options) -> list[list]:
    reply = ask(kc, "history", **{"raw": True, "output": False, "hist_access_type": access, **options})
    assert reply["status"] == "ok"
    return reply["history"]


def codes(kc, access: str, **options) -> list[str]:
    return [entry[2] for entry in entries(kc, access, **options)]


def test_sessions_share_a_file_and_earlier_ones_are_remembered(kernelspec, tmp_path):
    file = tmp_path / "deep" / "history.sqlite"
    with kernel_with(tmp_path / "one", file) as one, kernel_with(tmp_path / "other", file) as other:
        first, kc = one.client, other.client
        for code in ["let one = 1;", "2 + 2"]:
            ok(first, code)
        run_cell(first, "nonsense")
        assert codes(kc, "tail", n=2) == ["2 + 2", "nonsense"]
        assert entries(kc, "range", session=0, start=1) == []
        ok(kc, "3 + 3")
        assert entries(kc, "tail", n=9) == [[1, 1, "let one = 1;"], [1, 2, "2 + 2"], [1, 3, "nonsense"], [2, 1, "3 + 3"]]
        assert codes(kc, "range", session=0, start=1, stop=None) == ["3 + 3"]
        assert codes(kc, "range", session=-1, start=2) == ["2 + 2", "nonsense"]
        assert codes(kc, "range", session=1, start=1, stop=2) == ["let one = 1;"]
        assert entries(kc, "search", pattern="? + ?", output=True) == [[1, 2, ["2 + 2", "4"]], [2, 1, ["3 + 3", "6"]]]
        assert entries(kc, "search", pattern="*nothing like it*") == []
        ok(kc, "2 + 2")
        assert entries(kc, "search", pattern="2*", unique=True) == [[2, 2, "2 + 2"]]
        assert entries(kc, "search", pattern="*+*", n=1) == [[2, 2, "2 + 2"]]
        ok(first, "5 + 5")
        assert codes(first, "range", session=0, start=3) == ["nonsense", "5 + 5"]
        assert entries(first, "tail", n=2) == [[1, 3, "nonsense"], [1, 4, "5 + 5"]], "a session's own cells come last"
        assert entries(kc, "tail", n=3) == [[1, 4, "5 + 5"], [2, 1, "3 + 3"], [2, 2, "2 + 2"]]
        other.manager.restart_kernel()
        kc.wait_for_ready(timeout=CELL_TIMEOUT)
        assert codes(kc, "tail", n=1) == ["5 + 5"]
        assert codes(kc, "range", session=2, start=1) == ["3 + 3", "2 + 2"], "a restart forgets nothing"
        ok(kc, "4 + 4")
        assert entries(kc, "tail", n=1) == [[3, 1, "4 + 4"]], "a restart begins a session"
        assert "history" not in one.log() + other.log(), one.log() + other.log()


def test_neither_a_dead_process_nor_a_held_nor_a_full_file_loses_a_cell(kernelspec, tmp_path):
    file = tmp_path / "history.sqlite"

    def kept() -> list[str]:
        with sqlite3.connect(file, isolation_level=None) as database:
            return [source for (source,) in database.execute("SELECT source FROM cells ORDER BY id")]

    with kernel_with(tmp_path / "kernel", file) as kernel:
        kc = kernel.client
        run_cell(kc, "std::process::abort();")
        assert codes(kc, "tail", n=1) == ["std::process::abort();"]
        held = sqlite3.connect(file, isolation_level=None)
        held.execute("BEGIN EXCLUSIVE")
        # The history waits for the file in a thread of its own. If the cell waited, the file would not be released.
        ok(kc, "// held")
        held.execute("ROLLBACK")
        held.close()
        assert wait_until(lambda: kept()[1:] == ["// held"], 30), kernel.log()
        with sqlite3.connect(file) as database:  # as a full disk would do, for this file
            database.execute("CREATE TRIGGER full BEFORE INSERT ON cells BEGIN SELECT raise(ABORT, 'no room'); END")
        for n in range(3):
            ok(kc, f"// {n}")
        assert codes(kc, "tail", n=5) == ["std::process::abort();", "// held", "// 0", "// 1", "// 2"]
        assert len(kept()) == 2
        assert "no room" in kernel.log() and str(file) in kernel.log(), kernel.log()
        assert kernel.log().count("history") < 5, "the log says it once"
