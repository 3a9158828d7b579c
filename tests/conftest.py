"""Fixtures of the end-to-end tests. They test the installed kernel through the Jupyter protocol, as a front end sees it."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import nbclient
import nbformat
import pytest
from xdist.scheduler import LoadScopeScheduling

import helpers

FAILED = pytest.StashKey[bool]()


def pytest_configure(config):
    """No kernel that a test starts, in whatever way, writes to the user's own history."""
    os.environ["THREADBOOK_HISTORY"] = ""
    config.addinivalue_line("markers", "alone: measures, and so is to run when no other test does")


def pytest_collection_modifyitems(items):
    """No test may hang: each one without a time-out of its own gets this one."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))


class ByFile(LoadScopeScheduling):
    """Several processes take a file each, as the tests in it share kernels, and those of the course executed notebooks."""

    COURSE = {"test_course_browser.py", "test_handout.py", "test_notebooks.py"}

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::")[0]).name
        return "the course" if file in self.COURSE else file


def pytest_xdist_make_scheduler(config, log):
    """Has `pytest --numprocesses` share the tests in this way."""
    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A missing part is a failure here, never a skip."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and no test here may be: {call.excinfo.value if call.excinfo else ''}"
    return report


@pytest.fixture(scope="session")
def kernelspec() -> str:
    """The name of the kernel under test; fails when it is not installed."""
    helpers.kernel_spec()
    return helpers.KERNEL


@dataclass
class Run:
    """What `threadbook run` said, and the executed copy that it wrote."""

    process: CompletedProcess
    copy: Path


@pytest.fixture(scope="session")
def first_run(kernelspec, tmp_path_factory) -> Run:
    """The first notebook, run once for all tests that look at its outputs."""
    directory = tmp_path_factory.mktemp("first")
    process = helpers.threadbook("run", helpers.FIRST, "--output-dir", directory, cwd=helpers.ROOT, timeout=600)
    assert process.returncode == 0, helpers.told(process)
    return Run(process, directory / helpers.FIRST.name)


@pytest.fixture(scope="session")
def saved_by_jupyterlab() -> dict:
    """The notebooks that were run in JupyterLab in this session, by path: there is no need to run them once more."""
    return {}


def execute(path: Path):
    """Runs a notebook as nbconvert does, in a kernel that starts in the notebook's directory."""
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    where = {"metadata": {"path": str(path.parent)}}
    started = time.monotonic()
    nbclient.NotebookClient(notebook, kernel_name=helpers.KERNEL, timeout=110, resources=where).execute()
    notebook.metadata["seconds"] = time.monotonic() - started
    return notebook


@pytest.fixture(scope="session")
def executed(kernelspec, saved_by_jupyterlab, request):
    """The executed notebooks by path, with the seconds that it took: each was run once, by `threadbook run`, in
    JupyterLab, or here.

    In JupyterLab the tour is answered what it asks; here nobody is there to answer.
    """
    done: dict = {}

    def run(path: Path):
        if path not in done and path.name != "00-tour.ipynb" and path in saved_by_jupyterlab:
            done[path] = saved_by_jupyterlab[path]
        elif path not in done and path == helpers.FIRST:
            first = request.getfixturevalue("first_run")
            done[path] = nbformat.read(first.copy, as_version=nbformat.NO_CONVERT)
            cells = re.findall(r"([\d.]+) s$", first.process.stdout, re.MULTILINE)
            done[path].metadata["seconds"] = sum(map(float, cells))
        elif path not in done:
            done[path] = execute(path)
        return done[path]

    return run


@pytest.fixture(scope="session")
def shared_kernel(kernelspec, tmp_path_factory):
    """Starts the kernel that many tests share, and starts another when a test may have broken it."""
    running: list[helpers.Kernel] = []
    broken: list[AssertionError] = []

    def get() -> helpers.Kernel:
        if broken:
            raise broken[0]  # what does not start once is not waited for again by every test
        if not running:
            running.append(helpers.Kernel(tmp_path_factory.mktemp("kernel")))
            try:
                running[0].start()
            except AssertionError as error:
                discard()
                broken.append(error)
                raise
        return running[0]

    def discard() -> None:
        while running:
            running.pop().stop()

    yield get, discard
    discard()


@pytest.fixture
def kernel(shared_kernel, request):
    """A running kernel that other tests have used before: for tests that leave nothing behind which others could see."""
    get, discard = shared_kernel
    yield get()
    if request.node.stash.get(FAILED, False):
        discard()


@pytest.fixture
def kc(kernel):
    """The client of the shared kernel."""
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
