"""A kernel's end, however it comes, and a ground that gives way under it: no process and no directory is left."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from helpers import ask, kernel_spec, ok, processes_marked, run_cell, running_kernel, send_cell, wait_until


@pytest.fixture
def cache(tmp_path) -> Path:
    """Where the kernels of a test put their sessions, and nobody else's."""
    path = tmp_path / "cache"
    path.mkdir()
    return path


def sessions(cache: Path) -> list[Path]:
    """The directories of sessions that live, or were left behind."""
    return [path for path in cache.glob("threadbook/sessions/*") if path.is_dir()]


def assert_nothing_is_left(kernel, cache):
    assert wait_until(lambda: not kernel.processes(), 10), kernel.processes()
    assert wait_until(lambda: not sessions(cache), 10), sessions(cache)
    assert not list(kernel.tmp.iterdir()), list(kernel.tmp.iterdir())


@pytest.mark.parametrize("cell", ["1 + 1", "loop { std::hint::spin_loop(); }"], ids=["idle", "busy"])
def test_sigterm(kernelspec, tmp_path, cache, cell):
    with running_kernel(tmp_path, env={"XDG_CACHE_HOME": str(cache)}) as kernel:
        ok(kernel.client, 'println!("warm");')
        assert len(sessions(cache)) == 1
        send_cell(kernel.client, f'println!("started"); {cell}')
        while kernel.client.get_iopub_msg(timeout=30)["msg_type"] != "stream":
            pass
        os.kill(kernel.manager.provisioner.pid, signal.SIGTERM)
        assert_nothing_is_left(kernel, cache)


PARENT = """\
import os, subprocess, sys, time
subprocess.Popen(sys.argv[1:], env={**os.environ, "JPY_PARENT_PID": str(os.getpid())})
time.sleep(600)
"""


@pytest.mark.parametrize("processes", [1, 3], ids=["while it starts", "when it is ready"])
def test_the_parent_is_killed(kernelspec, tmp_path, cache, processes):
    """As when JupyterLab is killed: nobody tells the kernel to end."""
    mark = f"threadbook-orphan-{os.getpid()}"
    ports = {f"{name}_port": 0 for name in ("shell", "iopub", "stdin", "control", "hb")}
    connection = tmp_path / "connection.json"
    # A short one: the path of a socket may not be long.
    short = Path(tempfile.mkdtemp(dir="/tmp"))
    ip = str(short / "k")
    numbered = {name: number for number, name in enumerate(ports, 1)}
    connection.write_text(
        json.dumps({"ip": ip, "transport": "ipc", "key": "k", "signature_scheme": "hmac-sha256", **numbered})
    )
    argv = [part.replace("{connection_file}", str(connection)) for part in kernel_spec().argv]
    env = {**os.environ, "THREADBOOK_TEST_MARK": mark, "XDG_CACHE_HOME": str(cache)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *argv], env=env)

    def kernel_and_cells():
        """A session has begun, and there are as many processes beside the parent: the kernel, and those of its cells."""
        return sessions(cache) and len(processes_marked(mark)) > processes

    try:
        assert wait_until(kernel_and_cells, 60), "the kernel did not start"
    finally:
        parent.kill()
        parent.wait()
    assert wait_until(lambda: not processes_marked(mark), 30), processes_marked(mark)
    assert wait_until(lambda: not sessions(cache), 10), sessions(cache)
    shutil.rmtree(short)


def test_ten_kernels_in_a_row(kernelspec, tmp_path, cache):
    for number in range(10):
        with running_kernel(tmp_path / str(number), env={"XDG_CACHE_HOME": str(cache)}) as kernel:
            assert ok(kernel.client, "6 * 7").result == "42"
            kernel.manager.shutdown_kernel()
            assert_nothing_is_left(kernel, cache)


def waiting_compilers(kernel) -> list:
    """Those that have started before there is a cell for them."""
    return [process for process in kernel.processes() if process.name() == "rustc"]


def test_a_compiler_waits_for_the_next_cell(kernelspec, tmp_path, cache):
    with running_kernel(tmp_path, env={"XDG_CACHE_HOME": str(cache)}) as kernel:
        ok(kernel.client, "let kept = 1;")
        # Looked for once: one that is just becoming rustc is not seen at every look.
        [first] = wait_until(lambda: waiting_compilers(kernel), 30)
        assert ok(kernel.client, "kept + 1").result == "2"
        assert wait_until(lambda: not first.is_running() and len(waiting_compilers(kernel)) == 1, 30)
        # One that was killed is not missed.
        waiting_compilers(kernel)[0].kill()
        assert ok(kernel.client, "kept + 2").result == "3"
        assert wait_until(lambda: len(waiting_compilers(kernel)) == 1, 30), kernel.processes()
        os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
        assert wait_until(lambda: not kernel.processes(), 10), kernel.processes()


def test_the_work_directory_is_removed(kernelspec, tmp_path, cache):
    with running_kernel(tmp_path, env={"XDG_CACHE_HOME": str(cache)}) as kernel:
        ok(kernel.client, "let kept = 1;")
        assert wait_until(lambda: len(waiting_compilers(kernel)) == 1, 30), kernel.processes()
        shutil.rmtree(sessions(cache)[0])
        result = run_cell(kernel.client, "kept + 1", timeout=60)
        assert result.status == "error" and "estart the kernel" in result.complaint, result
        assert len(result.traceback.splitlines()) <= 12, result.traceback
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=60)
        assert ok(kernel.client, "6 * 7").result == "42"


def test_the_notebooks_directory_is_removed(kernelspec, tmp_path):
    directory = tmp_path / "course"
    directory.mkdir()
    with running_kernel(tmp_path, cwd=directory) as kernel:
        ok(kernel.client, "let kept = 1;")
        directory.rmdir()
        assert ok(kernel.client, "kept + 1").result == "2"
        assert ok(kernel.client, "std::env::current_dir().is_err()").result == "true"


def limit_files(kernel, most: int) -> None:
    """Limits the size of files for every process of a kernel that has come to rest, and so for those that they start."""
    assert wait_until(lambda: len(waiting_compilers(kernel)) == 1, 30), kernel.processes()
    for process in kernel.processes():
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def test_the_disk_is_full(kernelspec, tmp_path):
    """A limit on the size of files is the full disk that a test can make."""
    with running_kernel(tmp_path) as kernel:
        ok(kernel.client, "let kept = 1;")
        limit_files(kernel, 4096)
        result = run_cell(kernel.client, "kept + 1", timeout=60)
        assert result.status == "error", result
        assert len(result.traceback.splitlines()) <= 12, result.traceback
        limit_files(kernel, resource.RLIM_INFINITY)
        assert ok(kernel.client, "kept + 1").result == "2"


def path_without_rust() -> str:
    """What a program sees that was not started from a shell."""
    return os.pathsep.join(place for place in os.environ["PATH"].split(os.pathsep) if not Path(place, "rustc").exists())


def test_rust_is_found_where_rustup_puts_it(kernelspec, tmp_path):
    env = {"PATH": path_without_rust()}
    if not Path(os.environ.get("CARGO_HOME", "~/.cargo"), "bin", "rustc").expanduser().exists():
        # Not from rustup. With a home of its own, cargo compiles every crate anew.
        cargo = tmp_path / "cargo"
        (cargo / "bin").mkdir(parents=True)
        (cargo / "bin" / "rustc").symlink_to(shutil.which("rustc"))
        env["CARGO_HOME"] = str(cargo)
    with running_kernel(tmp_path, env=env) as kernel:
        assert ok(kernel.client, "ThreadPoolExecutor::new(2).submit(|| 6 * 7).result()?").result == "42"


BROKEN = """#!/bin/sh
echo "no toolchain is configured" >&2
exit 1
"""


@pytest.mark.parametrize(
    ("script", "told"),
    [(None, "rustc was not found. Install Rust from https://rustup.rs"), (BROKEN, "no toolchain is configured")],
    ids=["missing", "broken"],
)
def test_without_rust_every_cell_says_so(kernelspec, tmp_path, script, told):
    (tmp_path / "cargo" / "bin").mkdir(parents=True)
    if script:
        rustc = tmp_path / "cargo" / "bin" / "rustc"
        rustc.write_text(script)
        rustc.chmod(0o755)
    env = {"PATH": path_without_rust(), "CARGO_HOME": str(tmp_path / "cargo")}
    with running_kernel(tmp_path, env=env) as kernel:
        for _ in range(2):
            result = run_cell(kernel.client, "6 * 7")
            assert result.status == "error" and told in result.complaint, result
            assert "threadbook doctor" in result.traceback and len(result.traceback.splitlines()) <= 12, result.traceback
        assert ask(kernel.client, "complete", "Thr", 3)["matches"] == []
        assert ask(kernel.client, "kernel_info")["status"] == "ok"
    assert not kernel.processes()
