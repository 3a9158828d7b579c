"""Where the kernel listens: at the address of the connection file, and nowhere else."""

import json
import subprocess

import psutil

from helpers import Kernel, free_port, kernel_spec, ok


def listening(kernel) -> set:
    """The addresses at which the processes of a kernel listen."""
    connections = [connection for process in kernel.processes() for connection in process.net_connections()]
    return {tuple(connection.laddr) for connection in connections if connection.status == psutil.CONN_LISTEN}


def test_it_listens_where_it_is_told_to_and_nowhere_else(kernel):
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


def test_curve_keys_are_refused_and_nothing_is_served_in_the_clear(kernelspec, tmp_path):
    connection = {
        "ip": "127.0.0.1", "transport": "tcp", "key": "k", "signature_scheme": "hmac-sha256",
        **{f"{channel}_port": free_port() for channel in ("shell", "iopub", "stdin", "control", "hb")},
        "curve_publickey": "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
        "curve_secretkey": "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
    }
    path = tmp_path / "connection.json"
    path.write_text(json.dumps(connection))
    argv = [part.replace("{connection_file}", str(path)) for part in kernel_spec().argv]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "CurveZMQ" in ended.stderr and "transport_encryption" in ended.stderr, ended.stderr
