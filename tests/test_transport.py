"""Where the kernel listens, and what peers without its key, or without any manners, can do to it: nothing to the others."""

from __future__ import annotations

import contextlib
import json
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import zmq
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.session import Session

from helpers import Kernel, ask, free_port, kernel_spec, ok, run_cell, running_kernel, wait_until
from helpers import rough_kernel, rough_kernels  # noqa: F401 (fixtures)
from test_bad_input import RawSocket

CHANNELS = ("shell", "control", "stdin", "iopub", "hb")

#: The greeting of ZMTP 3.0 with the mechanism NULL.
GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" * 32


def listening(kernel) -> set:
    """The addresses at which the processes of a kernel listen."""
    connections = [connection for process in kernel.processes() for connection in process.net_connections()]
    return {tuple(connection.laddr) for connection in connections if connection.status == psutil.CONN_LISTEN}


def test_it_listens_where_it_is_told_to_and_nowhere_else(kernelspec, tmp_path):
    # A kernel of its own: a cell of another test may listen, too.
    with running_kernel(tmp_path) as kernel:
        ok(kernel.client, "1")
        info = kernel.manager.get_connection_info()
        assert listening(kernel) == {(info["ip"], port) for name, port in info.items() if name.endswith("_port")}


def test_ipc(kernelspec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    kernel = Kernel(tmp_path)
    kernel.manager.transport, kernel.manager.ip = "ipc", "k"
    try:
        kernel.start()
        assert ok(kernel.client, "6 * 7").result == "42"
        kernel.manager.interrupt_kernel()
        assert not listening(kernel)
    finally:
        kernel.stop()


def connection_file(path: Path, **changes) -> Path:
    connection = {
        "ip": "127.0.0.1", "transport": "tcp", "key": "k", "signature_scheme": "hmac-sha256",
        **{f"{channel}_port": free_port() for channel in CHANNELS},
        **changes,
    }
    path.write_text(json.dumps(connection))
    return path


def refusal(path: Path) -> str:
    """What the kernel says about a connection file before it ends."""
    argv = [part.replace("{connection_file}", str(path)) for part in kernel_spec().argv]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1, ended
    return ended.stderr


def test_curve_keys_are_refused_and_nothing_is_served_in_the_clear(kernelspec, tmp_path):
    said = refusal(connection_file(
        tmp_path / "connection.json",
        curve_publickey="Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
        curve_secretkey="D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
    ))
    assert "CurveZMQ" in said and "transport_encryption" in said, said


def test_an_empty_key_is_refused_over_tcp(kernelspec, tmp_path):
    said = refusal(connection_file(tmp_path / "connection.json", key=""))
    assert "key is empty" in said and "ipc" in said, said


def test_an_empty_key_is_accepted_over_ipc(kernelspec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kernel = Kernel(tmp_path)
    kernel.manager.transport, kernel.manager.ip, kernel.manager.session.key = "ipc", "k", b""
    try:
        kernel.start()
        files = [Path(f"k-{getattr(kernel.manager, f'{channel}_port')}") for channel in CHANNELS]
        assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 5
        assert ok(kernel.client, "6 * 7").result == "42"
        kernel.client.shutdown()
        assert wait_until(lambda: not kernel.manager.is_alive(), 30)
        assert not any(file.exists() for file in files), "a socket's file was left behind"
    finally:
        kernel.stop()


# --- peers without the key ------------------------------------------------------------------------------------------


def address(kernel, channel: str) -> tuple[str, int]:
    info = kernel.manager.get_connection_info()
    return info["ip"], info[f"{channel}_port"]


def url(kernel, channel: str) -> str:
    return "tcp://{}:{}".format(*address(kernel, channel))


def connect(kernel, channel: str) -> socket.socket:
    return socket.create_connection(address(kernel, channel), timeout=30)


def ready(kind: str, identity: bytes = b"") -> bytes:
    """The command that ends a handshake."""
    properties = [(b"Socket-Type", kind.encode()), (b"Identity", identity)]
    data = b"".join(bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value for name, value in properties)
    return bytes([4, len(data) + 6]) + b"\x05READY" + data


def is_closed(connection: socket.socket) -> bool:
    """Reads until the kernel closes the connection."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


def rss(kernel) -> int:
    """The memory of the kernel's own process, in MB."""
    return psutil.Process(kernel.manager.provisioner.pid).memory_info().rss >> 20


def assert_alive(kernel) -> None:
    assert ask(kernel.client, "kernel_info")["status"] == "ok"
    assert ok(kernel.client, "// nothing").status == "ok"


KINDS = {"shell": "DEALER", "control": "DEALER", "stdin": "DEALER", "iopub": "SUB", "hb": "REQ"}


@pytest.mark.parametrize("bits", [46, 50, 63])
@pytest.mark.parametrize("flags", [2, 3, 6], ids=["message", "part of a message", "command"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_frame_that_claims_to_be_huge_takes_no_memory(kernel, channel, flags, bits):
    head = bytes([flags]) + (1 << bits).to_bytes(8, "big")
    before = rss(kernel)
    for handshake in (GREETING, GREETING + ready(KINDS[channel])):
        with connect(kernel, channel) as connection:
            connection.sendall(handshake + head)
            assert is_closed(connection)
    assert rss(kernel) < before + 50
    assert_alive(kernel)


def test_large_messages_of_strangers_take_a_bounded_amount_of_memory(kernel):
    """Each stays incomplete, so that the kernel cannot see that it is not signed."""
    before = rss(kernel)
    with contextlib.ExitStack() as stack:
        for channel in ("shell", "control") * 5:
            connection = stack.enter_context(connect(kernel, channel))
            connection.sendall(GREETING + ready("DEALER") + b"\x02" + (60 << 20).to_bytes(8, "big"))
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"x" * (50 << 20))
        assert rss(kernel) < before + 400, "ten messages of 50 MB, of which each channel keeps 64 MB"
        assert_alive(kernel)


def test_silent_connections_are_closed_and_stop_nobody(kernel):
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connect(kernel, CHANNELS[n % 5])) for n in range(1023)]
        assert is_closed(silent[0]), "the oldest makes room"
        other = kernel.manager.client()
        other.session = Session(key=kernel.client.session.key)
        other.start_channels()
        try:
            other.wait_for_ready(timeout=60)
            assert ok(other, "6 * 7").result == "42"
        finally:
            other.stop_channels()
        assert_alive(kernel)
    assert "Too many open files" not in kernel.log()


def test_peers_of_the_heartbeat_do_not_wait_for_each_other(kernel):
    context = zmq.Context.instance()
    with connect(kernel, "hb") as deaf:
        deaf.sendall(GREETING + ready("DEALER"))
        deaf.settimeout(1)
        with contextlib.suppress(TimeoutError):
            while True:  # until the kernel reads no more, because its answers are not read
                deaf.sendall(b"\x00\x04ping" * 10_000)
        with context.socket(zmq.REQ) as polite, context.socket(zmq.DEALER) as dealer:
            for peer, frames in ((polite, [b"ping"]), (dealer, [b"", b"ping"]), (polite, [b"ping", b""])):
                peer.linger = 0
                peer.connect(url(kernel, "hb"))
                peer.send_multipart(frames)
                assert peer.poll(30_000), "no answer"
                assert peer.recv_multipart() == frames


def test_a_message_runs_once(kernel):
    kc = kernel.client
    ok(kc, "let mut runs = 0;")
    with RawSocket(kernel, "shell") as raw, RawSocket(kernel, "control") as control:
        frames = raw.request("execute_request", {"code": "runs += 1;"})
        for _ in range(3):
            raw.socket.send_multipart(frames)
        control.socket.send_multipart(frames)
        for peer in (raw, control):
            reply, _ = peer.ask("kernel_info_request")
            assert reply["msg_type"] == "kernel_info_reply"
    assert ok(kc, "runs").result == "1"
    assert "its signature was used before" in kernel.log()


def test_an_identity_is_not_taken_from_a_client_that_has_it(kernel):
    """Who listens on iopub learns the client's session, which is its identity on shell."""
    with connect(kernel, "shell") as thief:
        thief.sendall(GREETING + ready("DEALER", kernel.client.session.bsession))
        assert is_closed(thief)
    with connect(kernel, "shell") as other:
        other.sendall(GREETING + ready("DEALER", b"\0made by a router"))
        assert is_closed(other)
    assert_alive(kernel)


def test_a_flood_of_garbage_does_not_fill_the_log(kernel):
    logged = len(kernel.log())
    with RawSocket(kernel, "shell") as raw:
        raw.socket.sndtimeo = 100
        with contextlib.suppress(zmq.Again):
            for _ in range(100_000):
                raw.socket.send_multipart([b"x" * 1000] * 3)
        assert_alive(kernel)
    for _ in range(500):
        with connect(kernel, "shell") as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert_alive(kernel)
    assert len(kernel.log()) - logged < 64_000


# --- subscribers ----------------------------------------------------------------------------------------------------


def test_a_subscriber_is_welcomed_and_gets_its_topics(kernel):
    key = Session(key=kernel.client.session.key)
    with zmq.Context.instance().socket(zmq.SUB) as subscriber:
        subscriber.linger = 0
        subscriber.connect(url(kernel, "iopub"))

        def receive() -> dict:
            assert subscriber.poll(30_000), "no message"
            return key.deserialize(key.feed_identities(subscriber.recv_multipart())[1])

        for topic in ("stat", ""):
            subscriber.subscribe(topic)
            welcome = receive()
            assert (welcome["msg_type"], welcome["content"]) == ("iopub_welcome", {"subscription": topic})
        subscriber.unsubscribe("")
        subscriber.subscribe("exec")
        assert receive()["content"] == {"subscription": "exec"}
        ok(kernel.client, 'println!("not subscribed to");')
        kinds = [receive()["msg_type"] for _ in range(3)]
        assert kinds == ["status", "execute_input", "status"]


PAGE = 100_000


def pages(count: int) -> str:
    return f"""
    let page = "x".repeat({PAGE});
    for n in 0..{count} {{ display(&Html(format!("{{n}} {{page}}"))); }}
    """


def shown_pages(result) -> list[int]:
    texts = [bundle["text/html"] for bundle in result.displays]
    assert all(len(text) > PAGE for text in texts)
    return [int(text.split(" ", 1)[0]) for text in texts]


@contextlib.contextmanager
def child(program: str, *arguments):
    """A Python program that says "ready" when it is, and is killed at the end, also if it is stopped."""
    process = subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


#: Subscribes with several sockets and is stopped, like a console whose user has pressed Ctrl-Z.
STOPPED = """
import os, signal, sys, zmq
context = zmq.Context()
sockets = [context.socket(zmq.SUB) for _ in range(int(sys.argv[2]))]
for socket in sockets:
    socket.connect(sys.argv[1])
    socket.subscribe(b"")
    socket.recv_multipart()  # the welcome
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""

#: Sends garbage to all channels, and connects again when it is thrown out.
GARBAGE = """
import os, socket, sys, time, zmq
count, urls = int(sys.argv[1]), sys.argv[2:]
context = zmq.Context()
dealers = [context.socket(zmq.DEALER) for _ in range(count // 2)]
for n, dealer in enumerate(dealers):
    dealer.connect(urls[n % 2])
print("ready", flush=True)
while True:
    for dealer in dealers:
        if dealer.poll(0, zmq.POLLOUT):
            dealer.send_multipart([os.urandom(1000)] * 4)
    raw = []
    for n in range(count - len(dealers)):
        try:
            raw.append(socket.create_connection(tuple(urls[n % len(urls)].removeprefix("tcp://").split(":"))))
            raw[-1].sendall(os.urandom(1000))
        except OSError:
            pass
    time.sleep(0.01)
    for connection in raw:
        connection.close()
"""


def never_reads(kernel, stack) -> None:
    """A subscriber whose process lives, and connects again when it is disconnected."""
    subscriber = stack.enter_context(zmq.Context.instance().socket(zmq.SUB))
    subscriber.linger = 0
    subscriber.rcvhwm = 1
    subscriber.rcvbuf = 4096
    subscriber.connect(url(kernel, "iopub"))
    subscriber.subscribe(b"")
    assert subscriber.poll(30_000), "no welcome"


@pytest.mark.timeout(300)
def test_subscribers_that_do_not_read_take_nothing_from_the_one_that_does(rough_kernel):
    kc = rough_kernel.client
    ok(kc, "1")
    with contextlib.ExitStack() as stack:
        stack.enter_context(child(STOPPED, url(rough_kernel, "iopub"), 3))
        never_reads(rough_kernel, stack)
        before = rss(rough_kernel)
        # More than the sockets and the kernel hold for subscribers that do not read.
        result = run_cell(kc, pages(1500), timeout=200)
        assert result.status == "ok", str(result)[:1000]
        assert shown_pages(result) == list(range(1500))
        assert rss(rough_kernel) < before + 300
    assert "disconnected a subscriber of iopub" in rough_kernel.log()


@pytest.mark.timeout(300)
def test_a_reader_that_pauses_gets_everything(rough_kernel):
    """Shorter than for ever: the cell waits for it."""
    kc = rough_kernel.client
    paused = []

    def on_message(message) -> None:
        if message.kind == "display_data" and len(paused) < 3:
            paused.append(message)
            time.sleep(3)

    result = run_cell(kc, pages(2500), timeout=200, on_message=on_message)
    assert shown_pages(result) == list(range(2500))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("clients", [20, pytest.param(100, marks=[pytest.mark.rare, pytest.mark.alone])])
def test_many_clients_and_one_that_reads(kernelspec, tmp_path, clients):
    """Of the clients, three tenths are stopped and one tenth sends garbage; the others have subscribed, to a topic that
    does not come."""
    count = 2000 if clients == 100 else 1000
    with running_kernel(tmp_path) as kernel:
        kc = kernel.client
        ok(kc, "1")

        def seconds() -> float:
            start = time.monotonic()
            result = run_cell(kc, pages(count), timeout=250)
            assert shown_pages(result) == list(range(count)), result.status
            return time.monotonic() - start

        urls = [url(kernel, channel) for channel in CHANNELS]

        def seconds_with_others() -> float:
            with contextlib.ExitStack() as stack:
                stack.enter_context(child(STOPPED, url(kernel, "iopub"), clients * 3 // 10))
                stack.enter_context(child(GARBAGE, clients // 10, *urls))
                for _ in range(clients * 6 // 10 - 1):
                    idle = stack.enter_context(zmq.Context.instance().socket(zmq.SUB))
                    idle.linger = 0
                    idle.connect(url(kernel, "iopub"))
                    idle.subscribe(b"no such topic")
                    assert idle.poll(30_000), "no welcome"
                return seconds()

        seconds()  # the first time, its code is compiled
        before = rss(kernel)
        # By turns, as other work on this machine makes both slower.
        rounds = [(seconds(), seconds_with_others()) for _ in range(5 if clients == 100 else 1)]
        grown = rss(kernel) - before
        alone, together = map(statistics.median, zip(*rounds))
        print(f"{clients} clients, {count * PAGE >> 20} MB: {together:.1f} s, alone {alone:.1f} s, memory +{grown} MB")
        assert grown < 300
        if clients == 100:
            assert together <= 1.5 * alone, rounds


# --- the echo kernel ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_an_echo_kernel(kernelspec, tmp_path, monkeypatch, transport):
    """crates/jupyter knows nothing of Rust: an example of it is a kernel that answers with the cell's text."""
    echo = Path(kernel_spec().argv[0]).parent / "examples" / "echo"
    assert echo.exists(), f"{echo} is missing: cargo build -p threadbook-jupyter --example echo"
    monkeypatch.chdir(tmp_path)
    manager = KernelManager(transport=transport, ip="k" if transport == "ipc" else "127.0.0.1")
    manager._kernel_spec = KernelSpec(argv=[str(echo), "{connection_file}"], display_name="echo", language="echo")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        result = run_cell(client, "héllo")
        assert (result.status, result.result, result.count) == ("ok", "héllo", 1), result
        assert result.of("status")[0].content["execution_state"] == "busy"
        assert wait_until(client.hb_channel.is_beating, 30)
        client.shutdown()
        assert wait_until(lambda: not manager.is_alive(), 30), "it does not end"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
