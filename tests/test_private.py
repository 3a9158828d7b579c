"""Users of one machine: what a session leaves open to others, and what others can do to it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from helpers import COUNTS, KERNEL, ask, kernel_spec, ok, running_kernel, threadbook, told, until, wait_until, write_notebook

#: Another user.
STRANGER = 65534

POOL = "ProcessPoolExecutor::new(1).submit(|n: u64| n + 1, 41).result()?"


@contextmanager
def umask(mask: int):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def place():
    """A directory that other users can look into, unlike pytest's own, with a short path."""
    with tempfile.TemporaryDirectory(prefix="tb-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


def open_to_others(directory: Path) -> list[Path]:
    """The files and directories in a directory that another user can reach and use."""
    found = []
    for path in directory.iterdir():
        mode = path.lstat().st_mode
        if not path.is_symlink() and mode & 0o077:
            found.append(path)
            if path.is_dir():
                found += open_to_others(path)
    return found


def readable_by_a_stranger(directory: Path) -> list[str]:
    """The same, as the system sees it. Only root can take the place of another user; otherwise pytest reports that none was tried."""
    if os.geteuid() != 0:
        warnings.warn("no other user was tried, which needs root")
        return []
    find = ["find", str(directory), "-mindepth", "1", "-readable"]
    run = subprocess.run(find, user=STRANGER, group=STRANGER, extra_groups=[], capture_output=True, text=True)
    return run.stdout.splitlines()


@contextmanager
def kernel_in(directory: Path, **options):
    """A kernel that is asked to end, and so has the time to clear away."""
    with running_kernel(directory, **options) as kernel:
        yield kernel
        kernel.manager.shutdown_kernel()


def start_run(notebook: Path, **env) -> subprocess.Popen:
    COUNTS["notebooks executed"] += 1
    command = [kernel_spec().argv[0], "run", str(notebook)]
    return subprocess.Popen(command, cwd=notebook.parent, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_run_keeps_its_key_private_also_when_it_is_killed(kernelspec, place):
    temporary, go = place / "tmp", place / "go"
    temporary.mkdir()
    temporary.chmod(0o1777)
    notebook = write_notebook(place / "n.ipynb", f'std::fs::write("{place}/begun", "")?; {until(go)}')
    with umask(0):
        run = start_run(notebook, TMPDIR=str(temporary))
    try:
        assert wait_until((place / "begun").exists, 90)
        (directory,) = temporary.glob("threadbook-run-*")
        connection = json.loads((directory / "connection.json").read_text())
        assert connection["key"]
        assert (directory / "connection.json").stat().st_mode & 0o777 == 0o600
        assert open_to_others(temporary) == [] and readable_by_a_stranger(temporary) == []
    finally:
        run.kill()
        run.wait()
    assert directory.exists() and open_to_others(temporary) == []
    go.touch()
    again = threadbook("run", write_notebook(place / "again.ipynb", "1"), cwd=place, TMPDIR=str(temporary))
    assert again.returncode == 0, told(again)
    assert not list(temporary.iterdir()), "the next run removes what was left"


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o077], ids="{:03o}".format)
def test_a_session_is_private_and_cells_keep_the_users_umask(kernelspec, place, mask):
    cache, objects, history = place / "cache", place / "objects", place / "data" / "history.sqlite"
    env = {"XDG_CACHE_HOME": str(cache), "THREADBOOK_CACHE": str(objects), "THREADBOOK_HISTORY": str(history)}
    with umask(mask), kernel_in(place / "kernel", env=env) as kernel:
        (place / "kernel").chmod(0o755)
        ok(kernel.client, 'std::fs::write("made", "")?; std::fs::create_dir("directory")?; (0..99999).for_each(|n| println!("{n}"));')
        ok(kernel.client, POOL)
        assert wait_until(history.exists, 10) and list(objects.iterdir())
        # The directory above is the test's own.
        assert open_to_others(cache) == [] and open_to_others(objects) == [] and open_to_others(place / "data") == []
        for directory in [cache, objects, history.parent]:
            assert directory.stat().st_mode & 0o777 == 0o700, directory
        assert history.stat().st_mode & 0o777 == 0o600
        assert not [path for top in (cache, objects, history.parent) for path in readable_by_a_stranger(top)]
        made = [(place / "kernel" / name).stat().st_mode & 0o777 for name in ("made", "directory")]
        assert made == [0o666 & ~mask, 0o777 & ~mask], "what cells make has the user's own umask"


def test_a_cache_that_others_can_write_to_is_not_used(kernelspec, place):
    """As without a home, or with the home of another user."""
    shared = place / "shared"
    planted = shared / "threadbook" / "sessions"
    planted.mkdir(parents=True)
    for directory in [shared, shared / "threadbook", planted]:
        directory.chmod(0o777)
        if os.geteuid() == 0:
            os.chown(directory, STRANGER, STRANGER)
    env = {"XDG_CACHE_HOME": str(shared), "THREADBOOK_CACHE": str(shared / "threadbook" / "objects")}
    with kernel_in(place / "kernel", env=env) as kernel:
        assert ok(kernel.client, POOL).result == "42"
        assert list(planted.iterdir()) == []
        (session,) = kernel.tmp.glob("threadbook-session-*")
        assert session.stat().st_mode & 0o777 == 0o700
        assert "the session works in" in kernel.log() and "no compiled cells are kept" in kernel.log(), kernel.log()
    assert not list(kernel.tmp.iterdir())


def test_nor_is_a_temporary_directory_that_others_can_write_to(kernelspec, place):
    shared, runtime = place / "shared", place / "runtime"
    shared.mkdir()
    shared.chmod(0o777)
    runtime.mkdir(mode=0o700)
    env = {"XDG_CACHE_HOME": str(shared), "TMPDIR": str(shared), "XDG_RUNTIME_DIR": str(runtime)}
    with kernel_in(place / "kernel", env=env) as kernel:
        assert ok(kernel.client, "6 * 7").result == "42"
        assert list(runtime.glob("threadbook-session-*")) and not list(shared.iterdir())


def test_a_long_home_has_its_socket_in_a_private_directory(kernelspec, place):
    deep = place / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    runtime = place / "runtime"
    runtime.mkdir(mode=0o700)
    # The names that an earlier version computed from the path do not matter any more.
    env = {"XDG_CACHE_HOME": str(deep), "TMPDIR": str(deep), "XDG_RUNTIME_DIR": str(runtime)}
    with umask(0), kernel_in(place / "kernel", env=env) as kernel:
        assert ok(kernel.client, POOL).result == "42"
        (directory,) = runtime.iterdir()
        assert directory.name.startswith("threadbook-wire-") and (directory / "wire").is_socket()
        assert open_to_others(runtime) == []
        killed = kernel.manager.provisioner.pid
        os.kill(killed, signal.SIGKILL)
        assert wait_until(lambda: not kernel.processes(), 10), kernel.processes()
        assert directory.exists()
        kernel.manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=90)
        assert not directory.exists() and len(list(runtime.iterdir())) == 1, "what a killed kernel left is removed"
    assert not list(runtime.iterdir())


@pytest.mark.parametrize("name", ["a space", "a:colon", "a\nline", "ümläut"], ids=["space", "colon", "line", "umlaut"])
def test_odd_paths(kernelspec, place, name):
    odd = place / name
    home = odd / "home"
    home.mkdir(parents=True)
    env = {"XDG_CACHE_HOME": str(home / ".cache"), "THREADBOOK_CACHE": str(odd / "objects")}
    with kernel_in(odd / "kernel", env=env) as kernel:
        assert ok(kernel.client, POOL).result == "42"
        assert ok(kernel.client, '!echo "$TMPDIR"').stdout.strip() == str(kernel.tmp)
        if name != "ümläut":
            assert "the session works in" in kernel.log(), kernel.log()
    assert not list(kernel.tmp.iterdir())


def test_a_cache_in_which_no_program_runs(kernelspec, place):
    cache = place / "cache"
    cache.mkdir()
    mounted = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o noexec,mode=755 tmpfs "$0" && exec "$@"', str(cache)]
    if subprocess.run([*mounted, "true"], capture_output=True).returncode != 0:
        warnings.warn("a cache on a file system that runs no programs was not tried, which needs the right to mount one")
        return
    env = {"XDG_CACHE_HOME": str(cache), "THREADBOOK_CACHE": str(cache / "objects")}
    manager = specs(place, [*mounted, *kernel_spec().argv])
    with kernel_in(place / "kernel", env=env, spec_manager=manager) as kernel:
        assert ok(kernel.client, POOL).result == "42"
        assert "(noexec)" in kernel.log() and str(cache) in kernel.log(), kernel.log()
    doctor = [*mounted, kernel_spec().argv[0], "doctor", "--json"]
    report = subprocess.run(doctor, env={**os.environ, **env}, capture_output=True, text=True)
    (sessions,) = [check for check in json.loads(report.stdout)["checks"] if check["name"] == "sessions"]
    assert sessions["state"] == "warn" and "(noexec)" in sessions["found"] and "XDG_CACHE_HOME" in sessions["mend"]


def specs(place: Path, argv: list[str]) -> KernelSpecManager:
    """Knows the kernel under test, which this command starts."""
    spec = place / "kernels" / KERNEL
    spec.mkdir(parents=True)
    content = {"argv": argv, "display_name": "Rust", "language": "rust", "interrupt_mode": "message"}
    spec.joinpath("kernel.json").write_text(json.dumps(content))
    return KernelSpecManager(kernel_dirs=[str(place / "kernels")])


def in_a_container(place: Path) -> KernelSpecManager:
    """Kernels of which each has processes of its own numbers, where the system allows that."""
    argv = kernel_spec().argv
    command = ["unshare", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        warnings.warn("kernels with equal process numbers were not tried, which needs the right to unshare")
        command = []
    return specs(place, [*command, *argv])


def test_one_home_in_two_containers(kernelspec, place):
    cache = place / "cache"
    sessions = cache / "threadbook" / "sessions"
    sessions.mkdir(parents=True)
    boot = Path("/proc/sys/kernel/random/boot_id")
    boot = boot.read_text() if boot.exists() else "-"
    locks = {"elsewhere": "another-host\nanother-boot\n", "dead": f"{socket.gethostname()}\n{boot}"}
    for name, lock in locks.items():
        (sessions / name).mkdir()
        (sessions / name / "in-use").write_text(lock)
    env = {"XDG_CACHE_HOME": str(cache)}
    manager = in_a_container(place)
    with kernel_in(place / "one", env=env, spec_manager=manager) as one:
        ok(one.client, "let kept = 1;")
        with kernel_in(place / "two", env=env, spec_manager=manager) as two:
            ok(two.client, "let other = 2;")
            names = {path.name for path in sessions.iterdir()}
            assert len(names) == 3 and "elsewhere" in names and "dead" not in names, names
            assert not any(name.isdigit() for name in names), names
            assert ok(one.client, "kept + 10").result == "11"
        assert ok(one.client, "kept + 20").result == "21"
    assert {path.name for path in sessions.iterdir()} == {"elsewhere"}


def plant(directory: Path, mark: Path) -> None:
    """Puts everything into a directory by which it could have a program of its own run. Each leaves its name in `mark`."""
    program = f"#!/bin/sh\necho \"$0\" >> {shlex.quote(str(mark))}\nexit 1\n"
    toolchain = directory / "toolchain"
    for name in ["rustc", "cargo", "rustdoc", "cc", "gcc", "ld", "sh", "python3", "git", "rust-lld", "wrapper"]:
        for place in [directory, toolchain / "bin", directory / ".rustup" / "bin", directory / ".cargo" / "bin"]:
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(program)
            (place / name).chmod(0o755)
    (toolchain / "lib").mkdir()
    wrapper = directory / "wrapper"
    settings = f'[build]\nrustc = "{wrapper}"\nrustc-wrapper = "{wrapper}"\n[target.\'cfg(all())\']\nlinker = "{wrapper}"\nrunner = "{wrapper}"\n'
    (directory / ".cargo" / "config.toml").write_text(settings)
    (directory / "rust-toolchain.toml").write_text('[toolchain]\npath = "toolchain"\n')
    (directory / "evcxr.toml").write_text(f'[evcxr]\nsccache = "{wrapper}"\ntmpdir = "{directory}"\n')
    (directory / "init.evcxr").write_text(f'std::fs::write("{mark}", "init.evcxr").unwrap();\n')
    for module in ["csv", "email", "zipfile", "importlib_metadata", "sitecustomize"]:
        (directory / f"{module}.py").write_text(f"open({str(mark)!r}, 'a').write({module!r})\n")


def search_path() -> str:
    """A search path with the current directory in it, in both ways."""
    return os.pathsep.join([".", "", os.environ["PATH"]])


def test_nothing_in_the_notebooks_directory_is_obeyed_before_a_cell_runs(kernelspec, place):
    directory, mark = place / "clone", place / "mark"
    directory.mkdir()
    plant(directory, mark)
    library = directory / "local" / "src" / "lib.rs"
    library.parent.mkdir(parents=True)
    library.write_text("pub fn answer() -> u32 { 42 }")
    (directory / "local" / "Cargo.toml").write_text('[package]\nname = "local"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n')
    # With a search path for libraries, the kernel asks rustc once more.
    env = {"PATH": search_path(), "LD_LIBRARY_PATH": "/usr/lib"}
    with kernel_in(place / "kernel", cwd=directory, env=env) as kernel:
        assert ask(kernel.client, "kernel_info")["status"] == "ok"
        ask(kernel.client, "complete", "Vec::ne", 7)
        assert not mark.exists(), mark.read_text()
        assert ok(kernel.client, "6 * 7").result == "42"
        assert ok(kernel.client, "std::env::current_dir()?").result == f'"{directory}"'
        # A path is one from the notebook.
        assert ok(kernel.client, ':dep local = { path = "local" }\nlocal::answer()').result == "42"
        ask(kernel.client, "complete", "local::an", 9)
        assert not mark.exists(), mark.read_text()


def test_nor_before_one_is_run_without_a_browser(kernelspec, place):
    directory, mark = place / "clone", place / "mark"
    directory.mkdir()
    plant(directory, mark)
    notebook = write_notebook(directory / "n.ipynb", "6 * 7")
    env = {**os.environ, "PATH": search_path(), "LD_LIBRARY_PATH": "/usr/lib"}
    for command in [["doctor"], ["run", notebook.name], ["handout", "--as-is", notebook.name]]:
        COUNTS["notebooks executed"] += command[0] == "run"
        run = subprocess.run([kernel_spec().argv[0], *command], cwd=directory, env=env, capture_output=True, text=True, timeout=150)
        assert not mark.exists(), f"{command}: {mark.read_text()}"
        assert command == ["doctor"] or run.returncode == 0, told(run)


def test_a_pinned_toolchain_that_is_not_installed_breaks_no_cell(kernelspec, place):
    (place / "rust-toolchain.toml").write_text('[toolchain]\nchannel = "1.2.3"\n')
    with kernel_in(place / "kernel", cwd=place, env={"RUSTUP_AUTO_INSTALL": "0"}) as kernel:
        assert ok(kernel.client, "6 * 7").result == "42"
