"""Fixtures of the end-to-end tests. They test the installed kernel through the Jupyter protocol, as a front end sees it."""

from __future__ import annotations

import collections
import contextlib
import os
import queue
import tempfile
import textwrap
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from xdist.scheduler import LoadScopeScheduling

import helpers

FAILED = pytest.StashKey[bool]()
CACHE = pytest.StashKey[tempfile.TemporaryDirectory]()

#: The tests of these files share the executed notebooks, so one process runs them all.
COURSE = {"test_course_browser.py", "test_export.py", "test_handout.py", "test_notebooks.py"}

#: About how many seconds the units of work take on two processors; the others take less. The longest begin first.
SECONDS = {
    "the course": 950,
    "test_contract.py": 200,
    "test_checkpoint.py": 180,
    "test_stock.py": 150,
    "test_streams.py": 100,
    "test_strangers.py": 100,
    "test_processes.py": 100,
    "test_magics.py": 90,
    "test_private.py": 80,
    "test_life_cycle.py": 60,
    "test_grade.py": 50,
    "test_widgets.py": 50,
    "test_bad_input.py": 50,
    "test_input.py": 40,
    "test_types.py": 40,
}

#: Seconds, tests, kernel starts and executed notebooks of each file.
WORK: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
COLUMNS = ("seconds", "tests", "kernel starts", "notebooks executed")

#: How much of a failed test's message `cargo verify` repeats at its end, in characters.
MAX_MESSAGE = 1000


def unit_of(nodeid: str) -> str:
    """The unit of work that a test belongs to: its file, as the tests in it share kernels, or the course."""
    file = Path(nodeid.split("::")[0]).name
    return "the course" if file in COURSE else file


def pytest_configure(config):
    """No kernel that a test starts, in whatever way, writes to the user's own history, or takes an object that an earlier
    run of the tests has compiled."""
    os.environ["THREADBOOK_HISTORY"] = ""
    if not hasattr(config, "workerinput"):
        config.stash[CACHE] = tempfile.TemporaryDirectory(prefix="threadbook-cache-")
        os.environ["THREADBOOK_CACHE"] = config.stash[CACHE].name
    config.addinivalue_line("markers", "alone: measures time, and runs when no other test does")
    config.addinivalue_line("markers", "rare: repeats or widens another test, and runs in `cargo verify --all` only")


def pytest_collection_modifyitems(items):
    """Orders the tests by their units, the longest first, and gives each test without a time limit one."""
    items.sort(key=lambda item: -SECONDS.get(unit_of(item.nodeid), 0))
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))


class ByUnit(LoadScopeScheduling):
    """Each process takes the next unit of work in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Has `pytest --numprocesses` share the tests in this way."""
    config.option.loadscopereorder = False
    return ByUnit(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A missing part is a failure here, never a skip. The report carries the work that was done for it."""
    report = yield
    report.work = dict(helpers.COUNTS)
    helpers.COUNTS.clear()
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and no test here may be: {call.excinfo.value if call.excinfo else ''}"
    return report


def pytest_runtest_logreport(report):
    """Adds up the work of each file, in the process that prints the summary."""
    work = WORK[Path(report.nodeid.split("::")[0]).name]
    work.update(getattr(report, "work", {}), seconds=report.duration, tests=report.when == "call")


def pytest_terminal_summary(terminalreporter):
    """Prints the work of each file, the longest first; `cargo verify` prints it again at its end."""
    if not WORK:
        return
    rows = [(file, *map(WORK[file].__getitem__, COLUMNS)) for file in WORK]
    rows.sort(key=lambda row: -row[1])
    rows.append(("together", *(sum(row[n] for row in rows) for n in range(1, len(COLUMNS) + 1))))
    width = max(len(row[0]) for row in rows)
    lines = [" ".join([" " * width, *(f"{name:>{len(name) + 1}}" for name in COLUMNS)])]
    for file, *numbers in rows:
        cells = (f"{number:>{len(name) + 1}.0f}" for name, number in zip(COLUMNS, numbers))
        lines.append(" ".join([f"{file:<{width}}", *cells]))
    terminalreporter.section("work of each file")
    terminalreporter.write_line("\n".join(lines))
    if path := os.environ.get("THREADBOOK_REPORT"):
        Path(path).write_text("\n".join(lines) + "\n")
        failed = [report for kind in ("failed", "error") for report in terminalreporter.stats.get(kind, [])]
        Path(path).with_suffix(".failed").write_text("".join(map(in_short, failed)))


def in_short(report) -> str:
    """A failed test and the beginning of its message."""
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message if crash else str(report.longrepr)
    return f"{report.nodeid} ({report.when})\n" + textwrap.indent(message[:MAX_MESSAGE].rstrip(), "    ") + "\n"


@pytest.fixture(scope="session")
def kernelspec() -> str:
    """The name of the kernel under test; fails when it is not installed."""
    helpers.kernel_spec()
    return helpers.KERNEL


@pytest.fixture(scope="session")
def saved_by_jupyterlab() -> dict[Path, Path]:
    """The copies of notebooks that were executed in JupyterLab, by the notebook's path."""
    return {}


@pytest.fixture(scope="session")
def executed(kernelspec, saved_by_jupyterlab, tmp_path_factory):
    """The executed copy of a notebook: JupyterLab's if there is one, otherwise that of `threadbook run`, whose output
    lies beside it. So no notebook is executed twice."""
    directory = tmp_path_factory.mktemp("executed")
    runs: dict[Path, CompletedProcess] = {}

    def copy_of(path: Path) -> Path:
        if path in saved_by_jupyterlab:
            return saved_by_jupyterlab[path]
        copy = directory / path.name
        if path not in runs:
            runs[path] = helpers.threadbook("run", path, "--timeout", "120", "--output-dir", directory, cwd=helpers.ROOT, timeout=600)
            copy.with_suffix(".log").write_text(runs[path].stdout)
        assert runs[path].returncode == 0, helpers.told(runs[path])
        return copy

    return copy_of


@pytest.fixture(scope="session")
def shared_kernel(kernelspec, tmp_path_factory):
    """Starts the kernel that many tests share, and starts another when a test may have broken it."""
    with helpers.reused_kernel(lambda: tmp_path_factory.mktemp("kernel")) as functions:
        yield functions


@pytest.fixture
def kernel(shared_kernel, request):
    """A running kernel that other tests have used before: for tests that leave nothing behind which others could see."""
    get, discard = shared_kernel
    yield get()
    if request.node.stash.get(FAILED, False):
        discard()


@pytest.fixture
def kc(kernel):
    """The client of the shared kernel, without the messages that an earlier test has left unread."""
    with contextlib.suppress(queue.Empty):
        while kernel.client.get_iopub_msg(timeout=0):
            pass
    return kernel.client


@pytest.fixture
def fresh_kernel(kernelspec, tmp_path):
    """A kernel of the test's own."""
    with helpers.running_kernel(tmp_path) as running:
        yield running


@pytest.fixture
def fresh_kc(fresh_kernel):
    """The client of a kernel of the test's own."""
    return fresh_kernel.client
