"""Where the kernel listens: at the address of the connection file, and nowhere else."""

import json
import subprocess

import psutil
from jupyter_client import KernelManager

from helpers import kernel_spec, ok, running_kernel


def test_it_listens_where_it_is_told_to_and_nowhere_else(fresh_kernel):
    ok(fresh_kernel.client, "1")
    info = fresh_kernel.manager.get_connection_info()
    expected = {(info["ip"], port) for name, port in info.items() if name.endswith("_port")}
    listening = {
        tuple(connection.laddr)
        for process in fresh_kernel.processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == expected


def test_ipc(kernelspec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    real = KernelManager.__init__

    def init(self, *args, **kwargs):
        real(self, *args, **kwargs)
        self.transport, self.ip = "ipc", "k"

    monkeypatch.setattr(KernelManager, "__init__", init)
    with running_kernel(tmp_path) as kernel:
        assert kernel.manager.get_connection_info()["transport"] == "ipc"
        assert ok(kernel.client, "6 * 7").result == "42"
        kernel.manager.interrupt_kernel()
        assert not [c for p in kernel.processes() for c in p.net_connections() if c.status == psutil.CONN_LISTEN]


def test_curve_keys_are_refused_and_nothing_is_served_in_the_clear(kernelspec, tmp_path):
    connection = {
        "ip": "127.0.0.1", "transport": "tcp", "key": "k", "signature_scheme": "hmac-sha256",
        "shell_port": 45671, "iopub_port": 45672, "stdin_port": 45673, "control_port": 45674, "hb_port": 45675,
        "curve_publickey": "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
        "curve_secretkey": "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
    }
    path = tmp_path / "connection.json"
    path.write_text(json.dumps(connection))
    argv = [part.replace("{connection_file}", str(path)) for part in kernel_spec().argv]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "CurveZMQ" in ended.stderr and "transport_encryption" in ended.stderr, ended.stderr
