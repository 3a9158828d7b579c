"""What the end-to-end tests share: starting a kernel, running a cell, and finding what a kernel left behind."""

from __future__ import annotations

import collections
import itertools
import os
import queue
import re
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
import pytest
import zmq
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
FIRST = NOTEBOOKS / "01-concurrency.ipynb"
KERNEL = os.environ.get("THREADBOOK_KERNEL", "threadbook")

#: Long enough for a cold first cell on a busy two-core machine, short enough that a hang is noticed.
CELL_TIMEOUT = 90.0

#: How often a test repeats what may go wrong by a race: `cargo verify --all` sets a larger number.
ROUNDS = int(os.environ.get("THREADBOOK_ROUNDS", "15"))

#: The work that this process has done, for the report at the end of a run.
COUNTS: collections.Counter[str] = collections.Counter()

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def plain(text: str) -> str:
    """The text without terminal colours."""
    return _ANSI.sub("", text)


def commit() -> str:
    """The commit under test in hexadecimal; `cargo verify` names it in THREADBOOK_COMMIT, so that a run can be repeated."""
    if named := os.environ.get("THREADBOOK_COMMIT"):
        return named
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def rotation(count: int) -> int:
    """An index below `count` that the commit chooses: the share of a large test that the gate runs."""
    return int(commit(), 16) % count


def kernel_spec(name: str = KERNEL) -> KernelSpec:
    """The installed kernelspec; says how to get it when it is not there."""
    try:
        return KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        known = ", ".join(sorted(KernelSpecManager().find_kernel_specs())) or "none"
        raise AssertionError(
            f"the kernel {name!r} is not installed for {sys.executable} (installed: {known}). "
            f"Install it with: threadbook install --prefix {sys.prefix}"
        ) from None


def read_notebook(path: Path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tagged(notebook, tag: str) -> list:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def write_notebook(path: Path, *cells: str, raises: tuple[int, ...] = ()) -> Path:
    """Writes a notebook of these code cells for the kernel under test; the cells with the indices in `raises` may fail."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": KERNEL, "display_name": "Rust", "language": "rust"}
    notebook.cells = [nbformat.v4.new_code_cell(code, id=f"cell-{n}") for n, code in enumerate(cells, start=1)]
    for index in raises:
        notebook.cells[index].metadata["tags"] = ["raises-exception"]
    nbformat.write(notebook, path)
    return path


def threadbook(*arguments, cwd: Path, timeout: float = 150, **env) -> subprocess.CompletedProcess:
    """Runs the binary that the installed kernelspec names, with this Python first in PATH."""
    if arguments and arguments[0] in ("run", "handout") and "--as-is" not in arguments:
        COUNTS["notebooks executed"] += sum(str(argument).endswith(".ipynb") for argument in arguments)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [kernel_spec().argv[0], *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PATH": path, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def told(run: subprocess.CompletedProcess) -> str:
    return plain(f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}")


def medians(comparison: str) -> dict[str, float]:
    """The median of each case in seconds, from the text of what was compared."""
    units = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1}
    lines = re.findall(r"^ *(\S.*?) +█+ +([\d.]+) (ns|µs|ms|s) ", comparison, re.MULTILINE)
    return {name: float(time) * units[unit] for name, time, unit in lines}


@dataclass
class Message:
    """One message about a cell, and when it arrived, in seconds since the cell was sent."""

    kind: str
    content: dict
    at: float


@dataclass
class Result:
    """All that came back for one cell."""

    code: str
    messages: list[Message] = field(default_factory=list)
    reply: dict = field(default_factory=dict)
    reply_at: float = 0.0

    def of(self, *kinds: str) -> list[Message]:
        return [message for message in self.messages if message.kind in kinds]

    def text(self, name: str) -> str:
        return "".join(m.content["text"] for m in self.of("stream") if m.content["name"] == name)

    @property
    def status(self) -> str:
        return self.reply.get("status", "no reply")

    @property
    def count(self) -> int | None:
        return self.reply.get("execution_count")

    @property
    def is_idle(self) -> bool:
        """Whether the kernel has ended its work for this cell."""
        return any(m.content["execution_state"] == "idle" for m in self.of("status"))

    @property
    def stdout(self) -> str:
        return self.text("stdout")

    @property
    def stderr(self) -> str:
        return self.text("stderr")

    @property
    def displays(self) -> list[dict]:
        return [m.content["data"] for m in self.of("display_data")]

    @property
    def results(self) -> list[dict]:
        return [m.content["data"] for m in self.of("execute_result")]

    @property
    def shown(self) -> list[dict]:
        """Everything the cell shows besides text streams, in order."""
        return [m.content["data"] for m in self.of("display_data", "execute_result")]

    @property
    def result(self) -> str | None:
        """The plain text of the last expression's value; None if it shows nothing."""
        return self.results[-1].get("text/plain") if self.results else None

    @property
    def errors(self) -> list[dict]:
        return [m.content for m in self.of("error")]

    @property
    def traceback(self) -> str:
        return plain("\n".join(line for error in self.errors for line in error["traceback"]))

    @property
    def complaint(self) -> str:
        """Everything in which a reader of the cell could find out what went wrong."""
        said = [f"{error['ename']}: {error['evalue']}" for error in self.errors]
        return plain("\n".join([*said, self.traceback, self.stderr]))

    def __str__(self) -> str:
        lines = [f"cell: {self.code!r}", f"status: {self.status} after {self.reply_at:.2f} s"]
        for m in self.messages:
            said = "\n".join([m.content["evalue"], *m.content["traceback"]]) if m.kind == "error" else str(m.content)
            lines.append(f"  {m.at:6.2f} s {m.kind}: {plain(said)[:1500]}")
        return "\n".join(lines)


class CellTimeout(AssertionError):
    """A cell did not end in time."""


def send_cell(kc, code: str, **options) -> str:
    """Sends a cell without waiting for it; returns the request's id."""
    options.setdefault("allow_stdin", False)
    return kc.execute(code, **options)


def collect(kc, requests: dict[str, str], timeout: float = CELL_TIMEOUT, on_message=None) -> dict[str, Result]:
    """Collects the messages of several sent cells ({id: code}) until each has its reply and its idle status."""
    results = {request: Result(code) for request, code in requests.items()}
    waiting = {request: {"reply", "idle"} for request in requests}
    start = time.monotonic()
    poller = zmq.Poller()
    poller.register(kc.shell_channel.socket, zmq.POLLIN)
    poller.register(kc.iopub_channel.socket, zmq.POLLIN)
    alive = True

    def take(channel, handle):
        while True:
            try:
                message = channel.get_msg(timeout=0)
            except queue.Empty:
                return
            request = message["parent_header"].get("msg_id")
            if request in results:
                handle(request, message, time.monotonic() - start)

    def on_shell(request, message, at):
        if message["msg_type"] == "execute_reply":
            results[request].reply = message["content"]
            results[request].reply_at = at
            waiting[request].discard("reply")

    def on_iopub(request, message, at):
        got = Message(message["msg_type"], message["content"], at)
        results[request].messages.append(got)
        if got.kind == "status" and got.content["execution_state"] == "idle":
            waiting[request].discard("idle")
        if on_message is not None:
            on_message(got)

    while any(waiting.values()):
        left = timeout - (time.monotonic() - start)
        story = "\n".join(str(result) for result in results.values())
        if left <= 0:
            raise CellTimeout(f"no end after {timeout:.0f} s\n{story}")
        if not alive:
            raise AssertionError(f"the kernel process itself ended\n{story}")
        ready = dict(poller.poll(min(left, 1.0) * 1000))
        manager = getattr(kc, "parent", None)
        alive = bool(ready) or manager is None or manager.is_alive()
        take(kc.iopub_channel, on_iopub)
        take(kc.shell_channel, on_shell)
    return results


def run_cell(kc, code: str, timeout: float = CELL_TIMEOUT, on_message=None, **options) -> Result:
    """Runs one cell and waits for its reply and its idle status."""
    request = send_cell(kc, code, **options)
    return collect(kc, {request: code}, timeout, on_message)[request]


def ok(kc, code: str, timeout: float = CELL_TIMEOUT, **options) -> Result:
    """Runs a cell that must succeed."""
    result = run_cell(kc, code, timeout, **options)
    assert result.status == "ok" and not result.errors, f"this cell should run\n{result}"
    return result


def follow(kc, results: dict[str, Result], condition, timeout: float = 30.0) -> None:
    """Adds the messages that still arrive for cells that have ended, until the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        try:
            message = kc.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            story = "\n".join(str(result) for result in results.values())
            raise AssertionError(f"this is all that arrived within {timeout:.0f} s\n{story}") from None
        if result := results.get(message["parent_header"].get("msg_id")):
            result.messages.append(Message(message["msg_type"], message["content"], result.reply_at))


def interrupting(kernel: Kernel):
    """For `on_message`: interrupts the kernel when the cell first prints."""
    interrupted = []

    def on_message(message: Message) -> None:
        if message.kind == "stream" and not interrupted:
            interrupted.append(message)
            kernel.manager.interrupt_kernel()

    return on_message


def until(path: Path) -> str:
    """Rust code that waits until this file is there, so that the test decides when its cell goes on."""
    return f'while !std::path::Path::new("{path}").exists() {{ std::thread::sleep(std::time::Duration::from_millis(5)); }}'


def ask(kc, question: str, *args, timeout: float = 30.0, **kwargs) -> dict:
    """Sends a request on the shell channel through the client's method of this name; returns the reply's content."""
    request = getattr(kc, question)(*args, **kwargs)
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        try:
            message = kc.get_shell_msg(timeout=left)
        except queue.Empty:
            break
        if message["parent_header"].get("msg_id") == request:
            assert message["msg_type"] == f"{question}_reply", message
            return message["content"]
    raise AssertionError(f"no {question}_reply to {args} {kwargs} within {timeout:.0f} s")


#: Each of the processes that tests run in has ports of its own, below those that the system gives out by itself.
_FIRST_PORT = 12_000 + 5_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.cycle(range(_FIRST_PORT, _FIRST_PORT + 5_000))


def free_port() -> int:
    """A port that nobody has; no other test gets it for a long time."""
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def wait_until(condition, timeout: float, every: float = 0.05):
    """Polls until the condition holds; returns what it said last."""
    deadline = time.monotonic() + timeout
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(every)
    return value


def processes_marked(mark: str) -> list[psutil.Process]:
    """Every live process with this mark in its environment, wherever it has been moved in the process tree."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("THREADBOOK_TEST_MARK") == mark:
                found.append(process)
        except psutil.Error:
            continue
    return found


class Kernel:
    """A running kernel: its manager, its client, its log, and a mark that all its processes inherit."""

    def __init__(self, directory: Path, name: str = KERNEL, cwd: Path | None = None, env: dict | None = None, spec_manager=None):
        self.mark = f"threadbook-test-{uuid.uuid4()}"
        self.tmp = directory / "tmp"
        self.tmp.mkdir(parents=True)
        self.log_path = directory / "kernel.log"
        self.env = {**os.environ, "TMPDIR": str(self.tmp), "THREADBOOK_TEST_MARK": self.mark, **(env or {})}
        self.cwd = cwd or directory
        self.manager = KernelManager(kernel_name=name, **({"kernel_spec_manager": spec_manager} if spec_manager else {}))
        self.manager.cache_ports = False
        for channel in ("shell", "iopub", "stdin", "hb", "control"):
            setattr(self.manager, f"{channel}_port", free_port())
        self.client = None
        self.log_file = None

    def start(self, ready_timeout: float | None = CELL_TIMEOUT) -> Kernel:
        """Starts the process; with None it does not wait for the first answer."""
        COUNTS["kernel starts"] += 1
        self.log_file = self.log_path.open("ab")  # kept open, because a restart uses it again
        self.manager.start_kernel(cwd=str(self.cwd), env=self.env, stdout=self.log_file, stderr=self.log_file)
        self.client = self.manager.client()
        self.client.start_channels()
        if ready_timeout is not None:
            try:
                self.client.wait_for_ready(timeout=ready_timeout)
            except RuntimeError as error:
                raise AssertionError(f"the kernel did not start: {error}\n{self.log()}") from error
        return self

    def stop(self) -> None:
        if self.client is not None:
            self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        if self.log_file is not None:
            self.log_file.close()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Every live process that descends from this kernel."""
        return processes_marked(self.mark)


@contextmanager
def running_kernel(directory: Path, ready_timeout: float | None = CELL_TIMEOUT, **options):
    kernel = Kernel(directory, **options)
    try:
        yield kernel.start(ready_timeout)
    finally:
        kernel.stop()


@contextmanager
def reused_kernel(make_directory, **options):
    """Two functions: one returns the running kernel, and starts it if there is none; the other ends it."""
    running: list[Kernel] = []
    broken: list[AssertionError] = []

    def get() -> Kernel:
        if broken:
            raise broken[0]  # a kernel that does not start is not awaited again by each test
        if not running:
            running.append(Kernel(make_directory(), **options))
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

    try:
        yield get, discard
    finally:
        discard()


@pytest.fixture(scope="module")
def rough_kernels(kernelspec, tmp_path_factory):
    with reused_kernel(lambda: tmp_path_factory.mktemp("rough")) as functions:
        yield functions


@pytest.fixture
def rough_kernel(rough_kernels, request):
    """The kernel of one file's tests that end or interrupt its cell process. A test that fails is its last one."""
    get, discard = rough_kernels
    failed = request.session.testsfailed
    yield get()
    if request.session.testsfailed > failed:
        discard()
