"""JupyterHub for a class: one install of the kernel that everybody reads, and for each user a server of their own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from helpers import KERNEL, NOTEBOOKS, ROOT, free_port

TOKEN = uuid.uuid4().hex
USERS = ["ada", "grace"]
#: `cargo verify --all` installs it, in the version that tests/hub/package-lock.json pins.
PROXY = ROOT / "target" / "npm" / "node_modules" / ".bin" / "configurable-http-proxy"
PATIENCE = 120

pytestmark = pytest.mark.rare

#: The cells that each user runs: their pool, their process, their home.
CELLS = [
    "fn is_prime(n: u64) -> bool { n % 2 != 0 && (3..=n.isqrt()).step_by(2).all(|i| n % i != 0) }",
    "let pool = ThreadPoolExecutor::new(2);",
    "pool.map(is_prime, [112272535095293, 1099726899285419, 112582705942171]).map(Result::unwrap).collect::<Vec<_>>()",
    'std::env::var("HOME")?',
]

#: A notebook that the first of them then runs, without the cells that may end in an error: one that takes seconds.
NOTEBOOK = NOTEBOOKS / "02-subprocess.ipynb"

CONFIGURATION = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{homes}/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--KernelManager.transport=ipc"]
c.Spawner.environment = {{"RUSTUP_HOME": "{rustup}"}}
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{
    "name": "tests", "services": ["tests"],
    "scopes": ["admin:users", "admin:servers", "access:servers"],
}}]
"""


def call(base: str, method: str, path: str, body: dict | None = None):
    """One request to the hub or to a user's server."""
    data = json.dumps(body).encode() if body is not None else (b"{}" if method == "POST" else None)
    request = urllib.request.Request(base + path, data, {"Authorization": f"token {TOKEN}"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        text = response.read()
    return json.loads(text) if text else None


def eventually(condition, what: str):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.3)
    raise AssertionError(f"{what}: not within {PATIENCE} s")


@pytest.fixture(scope="module")
def hub(kernelspec, tmp_path_factory):
    directory = tmp_path_factory.mktemp("hub")
    # A short path: the path of a socket below a home has at most 107 bytes.
    homes = Path(tempfile.mkdtemp(prefix="hub-"))
    assert PROXY.exists(), (
        "JupyterHub's proxy is missing; install it with: mkdir -p target/npm && cp tests/hub/*.json target/npm "
        "&& npm ci --prefix target/npm"
    )
    port, hub_port, proxy_port = (free_port() for _ in range(3))
    for user in USERS:
        (homes / user).mkdir()
    configuration = directory / "jupyterhub_config.py"
    configuration.write_text(
        CONFIGURATION.format(
            port=port, hub_port=hub_port, proxy_port=proxy_port, homes=homes, python=sys.executable,
            proxy=str(PROXY), token=TOKEN,
            # The toolchain is everybody's; what users download is in their own homes.
            rustup=os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        )
    )
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    log = (directory / "hub.log").open("w+")
    command = [sys.executable, "-m", "jupyterhub", "--config", str(configuration)]
    process = subprocess.Popen(command, cwd=directory, env=environment, stdout=log, stderr=subprocess.STDOUT)
    base = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is not None or call(base, "GET", "/hub/api/"), "the hub answers")
        assert process.poll() is None, (directory / "hub.log").read_text()[-3000:]
        yield base, homes
    finally:
        process.terminate()
        process.wait(60)
        log.close()
        shutil.rmtree(homes)


def start_server(base: str, user: str) -> str:
    call(base, "POST", f"/hub/api/users/{user}")
    call(base, "POST", f"/hub/api/users/{user}/server")
    eventually(lambda: call(base, "GET", f"/hub/api/users/{user}")["servers"].get("", {}).get("ready"), f"{user}'s server")
    return f"{base}/user/{user}"


async def run(server: str, kernel: str, cells: list[str]) -> list[dict]:
    """Runs cells in a kernel as JupyterLab does; returns the reply and what was shown for each."""
    url = f"{server.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
    socket = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {TOKEN}"}))
    done = []
    for code in cells:
        header = {
            "msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3",
            "date": "2026-01-01T00:00:00Z",
        }
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
            "stop_on_error": True,
        }
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}
        await socket.write_message(json.dumps(request))
        cell: dict = {"shown": None, "reply": None, "idle": False}
        while not (cell["reply"] and cell["idle"]):
            message = json.loads(await asyncio.wait_for(socket.read_message(), PATIENCE))
            if message["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if message["msg_type"] == "execute_result":
                cell["shown"] = message["content"]["data"]["text/plain"]
            cell["idle"] |= message["content"].get("execution_state") == "idle"
            if message["msg_type"] == "execute_reply":
                cell["reply"] = message["content"]
        done.append(cell)
    socket.close()
    return done


@pytest.mark.timeout(600)
def test_two_users_run_a_notebook_each(hub):
    base, homes = hub
    servers = {user: start_server(base, user) for user in USERS}
    kernels = {}
    for user, server in servers.items():
        assert KERNEL in call(server, "GET", "/api/kernelspecs")["kernelspecs"]
        kernels[user] = call(server, "POST", "/api/kernels", {"name": KERNEL})["id"]
        [file] = (homes / user / ".local/share/jupyter/runtime").glob(f"kernel-{kernels[user]}.json")
        assert json.loads(file.read_text())["transport"] == "ipc", "SERVERS.md says how: no other user can connect"

    async def both():
        return await asyncio.gather(*(run(servers[user], kernels[user], CELLS) for user in USERS))

    for user, cells in zip(USERS, asyncio.run(both())):
        assert [cell["reply"]["status"] for cell in cells] == ["ok"] * len(CELLS), cells
        assert cells[2]["shown"] == "[true, false, true]"
        home = homes / user
        assert cells[3]["shown"] == f'"{home}"'
        sessions = home / ".cache" / "threadbook" / "sessions"
        assert len([path for path in sessions.iterdir() if path.is_dir()]) == 1, "the session is the user's own"
    whole = json.loads(NOTEBOOK.read_text())["cells"]
    may_fail = lambda cell: "raises-exception" in cell["metadata"].get("tags", [])
    code = ["".join(cell["source"]) for cell in whole if cell["cell_type"] == "code" and not may_fail(cell)]

    first = USERS[0]
    cells = asyncio.run(run(servers[first], kernels[first], code))
    assert [cell["reply"]["status"] for cell in cells] == ["ok"] * len(code), cells
    for user, server in servers.items():
        call(server, "DELETE", f"/api/kernels/{kernels[user]}")
        sessions = homes / user / ".cache" / "threadbook" / "sessions"
        eventually(lambda: not [path for path in sessions.iterdir() if path.is_dir()], "the session is cleared away")
        call(base, "DELETE", f"/hub/api/users/{user}/server")
