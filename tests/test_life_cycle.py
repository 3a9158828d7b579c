"""A kernel's end, however it comes, and a ground that gives way under it: no process and no directory is left."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest
from jupyter_client import BlockingKernelClient

from helpers import ask, free_port, kernel_spec, ok, processes_marked, run_cell, running_kernel, send_cell, wait_until


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """The directory in which only the kernels of this file put their sessions."""
    return tmp_path_factory.mktemp("cache")


def sessions(cache: Path) -> list[Path]:
    """The directories of sessions that live, or were left behind."""
    return [path for path in cache.glob("threadbook/sessions/*") if path.is_dir()]


def assert_nothing_is_left(kernel, cache):
    assert wait_until(lambda: not kernel.processes(), 10), kernel.processes()
    assert wait_until(lambda: not sessions(cache), 10), sessions(cache)
    assert not list(kernel.tmp.iterdir()), list(kernel.tmp.iterdir())


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
        # Only the directory of its session outlives a kernel that is killed, until the next one starts.
        os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
        assert wait_until(lambda: not kernel.processes(), 10), kernel.processes()


#: The ways to end a kernel, and the cell that it runs then.
ENDS = {
    "shutdown": (lambda kernel: kernel.manager.shutdown_kernel(), "1 + 1"),
    "SIGTERM": (lambda kernel: os.kill(kernel.manager.provisioner.pid, signal.SIGTERM), "1 + 1"),
    "SIGTERM when busy": (
        lambda kernel: os.kill(kernel.manager.provisioner.pid, signal.SIGTERM),
        "loop { std::hint::spin_loop(); }",
    ),
}


WORKERS = """\
let procs = ProcessPoolExecutor::builder().max_workers(1).start_method(StartMethod::ForkServer).build()?;
procs.submit(|n: u64| n, 1).result()?;
"""


@pytest.mark.parametrize("how", ENDS)
def test_nothing_outlives_a_kernel(kernelspec, tmp_path, cache, how):
    end, cell = ENDS[how]
    with running_kernel(tmp_path, env={"XDG_CACHE_HOME": str(cache)}) as kernel:
        ok(kernel.client, "!setsid sleep 1000 &\n!sleep 1001 &")
        assert wait_until(lambda: sum(process.name() == "sleep" for process in kernel.processes()) == 2, 10)
        assert len(sessions(cache)) == 1, "the directory of an earlier session is left"
        send_cell(kernel.client, f'{WORKERS} println!("started"); {cell}')
        while kernel.client.get_iopub_msg(timeout=30)["msg_type"] != "stream":
            pass
        end(kernel)
        assert_nothing_is_left(kernel, cache)


PARENT = """\
import os, subprocess, sys, time
subprocess.Popen(sys.argv[1:], env={**os.environ, "JPY_PARENT_PID": str(os.getpid())})
time.sleep(600)
"""


def session_has_begun(connection: Path, cache: Path) -> bool:
    return bool(sessions(cache))


def cell_has_run(connection: Path, cache: Path) -> bool:
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        return ok(client, "6 * 7").result == "42"
    except RuntimeError:
        # Without a manager, the client takes a heartbeat that is a second late for the kernel's death.
        return False
    finally:
        client.stop_channels()


@pytest.mark.parametrize("moment", [session_has_begun, cell_has_run], ids=["while it starts", "when it is ready"])
def test_the_parent_is_killed(kernelspec, tmp_path, cache, moment):
    """As when JupyterLab is killed: no message ends the kernel."""
    mark = f"threadbook-orphan-{uuid.uuid4()}"
    ports = {f"{name}_port": free_port() for name in ("shell", "iopub", "stdin", "control", "hb")}
    connection = tmp_path / "connection.json"
    address = {"ip": "127.0.0.1", "transport": "tcp", "key": "k", "signature_scheme": "hmac-sha256", **ports}
    connection.write_text(json.dumps(address))
    argv = [part.replace("{connection_file}", str(connection)) for part in kernel_spec().argv]
    env = {**os.environ, "THREADBOOK_TEST_MARK": mark, "XDG_CACHE_HOME": str(cache)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *argv], env=env)
    try:
        assert wait_until(lambda: moment(connection, cache), 60), "the kernel did not start"
        parent.kill()
        parent.wait()
        assert wait_until(lambda: not processes_marked(mark), 30), processes_marked(mark)
        assert wait_until(lambda: not sessions(cache), 10), sessions(cache)
    finally:
        for process in processes_marked(mark):
            process.kill()
        parent.wait()


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    """The directory of the notebook whose kernel loses its ground."""
    return tmp_path_factory.mktemp("course")


@pytest.fixture(scope="module")
def losing(kernelspec, tmp_path_factory, cache, directory):
    """The kernel of the tests that take something away from it."""
    place = tmp_path_factory.mktemp("losing")
    with running_kernel(place, cwd=directory, env={"XDG_CACHE_HOME": str(cache)}) as kernel:
        yield kernel


def test_the_session_directory_is_removed(losing, cache):
    ok(losing.client, "let kept = 1;")
    assert wait_until(lambda: len(waiting_compilers(losing)) == 1, 30), losing.processes()
    shutil.rmtree(sessions(cache)[0])
    result = run_cell(losing.client, "kept + 1", timeout=60)
    assert result.status == "error" and "estart the kernel" in result.complaint, result
    assert len(result.traceback.splitlines()) <= 12, result.traceback
    losing.manager.restart_kernel()
    losing.client.wait_for_ready(timeout=60)
    assert ok(losing.client, "6 * 7").result == "42"


def test_the_notebooks_directory_is_removed(losing, directory):
    ok(losing.client, "let kept = 1;")
    directory.rmdir()
    try:
        assert ok(losing.client, "kept + 1").result == "2"
        assert ok(losing.client, "std::env::current_dir().is_err()").result == "true"
    finally:
        directory.mkdir()


def limit_files(kernel, most: int) -> None:
    """Limits the size of files for every process of a kernel that has come to rest, and so for those that they start."""
    assert wait_until(lambda: len(waiting_compilers(kernel)) == 1, 30), kernel.processes()
    for process in kernel.processes():
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


#: The cells of a long session, a hundred times five of them with other names and numbers.
LONG = ["let v{n} = vec![{n}; 10];", "fn f{n}() -> usize {{ {n} }}", "f{n}() + v{n}.len()", 'println!("{n}");', "v{n}"]


def measures(kernel, cell_process: int, cache: Path) -> dict[str, float]:
    """What a session takes: memory and disk in MB."""
    processes = [psutil.Process(pid) for pid in (kernel.manager.provisioner.pid, cell_process)]
    of_kernel, of_cells = (process.memory_full_info().uss / 1e6 for process in processes)
    files = {path.lstat().st_ino: path.lstat().st_blocks * 512 / 1e6 for path in cache.rglob("*")}
    return {
        "mappings": len(Path(f"/proc/{cell_process}/maps").read_text().splitlines()),
        "descriptors": sum(process.num_fds() for process in processes),
        "kernel": of_kernel,
        "cells": of_cells,
        "disk": sum(files.values()),
    }


@pytest.mark.rare
@pytest.mark.timeout(3000)
def test_a_long_session_grows_slowly(kernelspec, tmp_path):
    """Prints what a hundred cells leave behind, each of them another one. The first hundred warm up."""
    rounds = int(os.environ.get("THREADBOOK_CELLS", "1000")) // 100
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    rows = []
    with running_kernel(tmp_path, env={"XDG_CACHE_HOME": str(cache)}) as kernel:
        cell_process = int(ok(kernel.client, "std::process::id()").result)
        for hundred in range(rounds):
            for n in range(20 * hundred, 20 * (hundred + 1)):
                for code in LONG:
                    ok(kernel.client, code.format(n=n))
            rows.append(measures(kernel, cell_process, cache))
    growth = {name: (rows[-1][name] - rows[0][name]) / (len(rows) - 1) for name in rows[0]}
    for name, row in [*((f"{100 * (n + 1)} cells", row) for n, row in enumerate(rows)), ("a hundred more", growth)]:
        print(f"{name:>14}:", ", ".join(f"{of} {value:.1f}" for of, value in row.items()))
    assert growth["descriptors"] == 0
    assert growth["mappings"] <= 6 * 100
    assert growth["kernel"] + growth["cells"] <= 10
    assert growth["disk"] <= 20


def test_the_disk_is_full(losing):
    """A limit on the size of files is the full disk that a test can make."""
    ok(losing.client, "let kept = 1;")
    limit_files(losing, 4096)
    # A cell that no object in the cache is of.
    result = run_cell(losing.client, "kept + 41", timeout=60)
    assert result.status == "error", result
    assert len(result.traceback.splitlines()) <= 12, result.traceback
    limit_files(losing, resource.RLIM_INFINITY)
    assert ok(losing.client, "kept + 41").result == "42"


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
