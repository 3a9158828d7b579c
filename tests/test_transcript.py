"""What the kernel sends for each message of the messaging spec's shell and control channels, whole and in order.

https://jupyter-client.readthedocs.io/en/stable/messaging.html is what the expected shapes are written after.
"""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from datetime import datetime

import pytest

from helpers import ok, running_kernel

#: Long enough for a busy machine; what comes is not waited for longer than it takes.
PATIENCE = 90


@dataclass
class Exchange:
    """A request and all that came back for it."""

    reply: dict | None
    published: list[dict]

    @property
    def kinds(self) -> list[str]:
        """What was published: the state for a status, the kind for others."""
        return [m["content"].get("execution_state", m["msg_type"]) for m in self.published]

    def of(self, kind: str) -> list[dict]:
        return [m["content"] for m in self.published if m["msg_type"] == kind]


def exchange(kernel, channel: str, kind: str, content: dict, replies: bool = True) -> Exchange:
    """Sends a request and collects its reply and what is published until idle."""
    kc = kernel.client
    sender = {"shell": kc.shell_channel, "control": kc.control_channel}[channel]
    request = kc.session.msg(kind, content)
    sender.send(request)
    sent = request["header"]["msg_id"]
    published: list[dict] = []
    reply = None
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        while True:
            try:
                message = kc.get_iopub_msg(timeout=0)
            except queue.Empty:
                break
            if message["parent_header"].get("msg_id") == sent:
                published.append(message)
        try:
            message = sender.get_msg(timeout=0.02)
            if message["parent_header"].get("msg_id") == sent:
                assert reply is None, f"a second reply: {message}"
                reply = message
        except queue.Empty:
            pass
        if published and published[-1]["content"].get("execution_state") == "idle" and (reply or not replies):
            break
    else:
        raise AssertionError(f"no end of {kind}: {reply} {published}")
    for message in [*published, *([reply] if reply else [])]:
        check_envelope(message, request)
    return Exchange(reply, published)


def check_envelope(message: dict, request: dict) -> None:
    """The parts that every message has."""
    header = message["header"]
    assert header["msg_id"] and header["msg_id"] != request["header"]["msg_id"]
    assert header["username"] and header["session"] and header["session"] != request["header"]["session"]
    assert header["version"].startswith("5.")
    assert isinstance(header["date"], datetime) and header["date"].tzinfo, "a date needs its time zone"
    assert message["parent_header"]["msg_id"] == request["header"]["msg_id"]
    assert isinstance(message["metadata"], dict)


def shape(content: dict, expected: dict) -> None:
    """Exactly these keys, each of its type, or equal to its value if that is given."""
    assert set(content) == set(expected), content
    for key, want in expected.items():
        have = content[key]
        if isinstance(want, (type, tuple)) and all(isinstance(part, type) for part in (want if isinstance(want, tuple) else (want,))):
            assert isinstance(have, want) and (want is not int or not isinstance(have, bool)), (key, have)
        else:
            assert have == want, (key, have)


@pytest.fixture(scope="module")
def talking(kernelspec, tmp_path_factory):
    with running_kernel(tmp_path_factory.mktemp("transcript")) as kernel:
        ok(kernel.client, "1")
        kernel.client.control_channel.start()
        yield kernel


BUSY_IDLE = ["busy", "idle"]


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_kernel_info(talking, channel):
    got = exchange(talking, channel, "kernel_info_request", {})
    assert got.kinds == BUSY_IDLE and got.reply["msg_type"] == "kernel_info_reply"
    content = dict(got.reply["content"])
    info = content.pop("language_info")
    content.pop("supported_features", None)
    content.pop("debugger", None)
    shape(
        content,
        {
            "status": "ok", "protocol_version": str, "implementation": "threadbook", "implementation_version": str,
            "banner": str, "help_links": list,
        },
    )
    assert content["protocol_version"].split(".")[0] == "5"
    for link in content["help_links"]:
        shape(link, {"text": str, "url": str})
    assert (info["name"], info["mimetype"], info["file_extension"]) == ("rust", "text/rust", ".rs")
    assert info["version"].startswith("1.") and info["pygments_lexer"] == "rust"


def execute(talking, code: str, **options) -> Exchange:
    request = {
        "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
        "stop_on_error": True,
    }
    return exchange(talking, "shell", "execute_request", request | options)


def test_execute(talking):
    before = execute(talking, "", silent=True).reply["content"]["execution_count"]
    got = execute(talking, 'println!("a"); display(&1); 6 * 7', user_expressions={"seven": "3 + 4", "wrong": "3 +"})
    assert got.kinds == ["busy", "execute_input", "stream", "display_data", "execute_result", "idle"]
    assert got.reply["msg_type"] == "execute_reply"
    shape(got.reply["content"], {"status": "ok", "execution_count": before + 1, "payload": [], "user_expressions": dict})
    shape(got.of("execute_input")[0], {"code": 'println!("a"); display(&1); 6 * 7', "execution_count": before + 1})
    shape(got.of("stream")[0], {"name": "stdout", "text": "a\n"})
    display = dict(got.of("display_data")[0])
    assert display.pop("transient", {}) in ({}, None)
    shape(display, {"data": {"text/plain": "1"}, "metadata": dict})
    result = dict(got.of("execute_result")[0])
    assert result.pop("transient", {}) in ({}, None)
    shape(result, {"data": {"text/plain": "42"}, "metadata": dict, "execution_count": before + 1})
    seven, wrong = (got.reply["content"]["user_expressions"][name] for name in ("seven", "wrong"))
    assert seven["status"] == "ok" and seven["data"]["text/plain"] == "7"
    assert wrong["status"] == "error" and wrong["ename"] == "CompileError" and wrong["evalue"]


def test_execute_that_fails(talking):
    got = execute(talking, 'panic!("on purpose")')
    assert got.kinds == ["busy", "execute_input", "error", "idle"]
    said = {"ename": "Panic", "evalue": "on purpose", "traceback": list}
    shape(got.of("error")[0], said)
    content = dict(got.reply["content"])
    content.pop("payload", None)
    content.pop("user_expressions", None)
    shape(content, {"status": "error", "execution_count": int, **said})
    assert content["traceback"] == got.of("error")[0]["traceback"]


def test_execute_silently(talking):
    count = execute(talking, "1").reply["content"]["execution_count"]
    got = execute(talking, "let quiet = 5; quiet", silent=True)
    assert "execute_input" not in got.kinds and "execute_result" not in got.kinds
    assert got.reply["content"]["status"] == "ok"
    assert execute(talking, "quiet").reply["content"]["execution_count"] == count + 1


def test_clear_output_and_update_display(talking):
    got = execute(talking, "clear_output(true);")
    assert got.kinds == ["busy", "execute_input", "clear_output", "idle"]
    shape(got.of("clear_output")[0], {"wait": True})
    got = execute(talking, 'let bar = progress_bar(2, "steps"); bar.inc(1); drop(bar);')
    assert got.kinds[:3] == ["busy", "execute_input", "display_data"] and "update_display_data" in got.kinds
    first, second = got.of("display_data")[0], got.of("update_display_data")[-1]
    assert first["transient"]["display_id"] == second["transient"]["display_id"]
    shape(second, {"data": dict, "metadata": dict, "transient": dict})
    assert "steps" in second["data"]["text/plain"]


def test_complete(talking):
    got = exchange(talking, "shell", "complete_request", {"code": "🦀; ThreadPoolExecut", "cursor_pos": 19})
    assert got.kinds == BUSY_IDLE
    shape(got.reply["content"], {"status": "ok", "matches": list, "cursor_start": 3, "cursor_end": 19, "metadata": dict})
    assert any(match.startswith("ThreadPoolExecutor") for match in got.reply["content"]["matches"])


def test_inspect(talking):
    ask = {"code": "ThreadPoolExecutor", "cursor_pos": 5, "detail_level": 0}
    got = exchange(talking, "shell", "inspect_request", ask)
    assert got.kinds == BUSY_IDLE
    shape(got.reply["content"], {"status": "ok", "found": True, "data": dict, "metadata": dict})
    assert {"text/plain", "text/html"} <= set(got.reply["content"]["data"])
    nothing = exchange(talking, "shell", "inspect_request", {"code": "   ", "cursor_pos": 1, "detail_level": 0})
    shape(nothing.reply["content"], {"status": "ok", "found": False, "data": {}, "metadata": dict})


@pytest.mark.parametrize("code, status", [("1 + 1", "complete"), ("fn f() {", "incomplete"), ("}", "invalid")])
def test_is_complete(talking, code, status):
    got = exchange(talking, "shell", "is_complete_request", {"code": code})
    assert got.kinds == BUSY_IDLE
    expected = {"status": status, "indent": str} if status == "incomplete" else {"status": status}
    content = {key: value for key, value in got.reply["content"].items() if key in expected or value}
    shape(content, expected)


@pytest.mark.parametrize("access", ["tail", "range", "search"])
@pytest.mark.parametrize("output", [False, True])
def test_history(talking, access, output):
    execute(talking, "40 + 2")
    ask = {"output": output, "raw": True, "hist_access_type": access}
    more = {"tail": {"n": 1}, "range": {"session": 0, "start": 1, "stop": 500}, "search": {"pattern": "40*", "n": 1}}
    got = exchange(talking, "shell", "history_request", ask | more[access])
    assert got.kinds == BUSY_IDLE
    shape(got.reply["content"], {"status": "ok", "history": list})
    session, line, entry = got.reply["content"]["history"][-1]
    assert isinstance(session, int) and isinstance(line, int)
    assert (entry[0], "42" in str(entry[1])) == ("40 + 2", True) if output else entry == "40 + 2"


def test_comm_info_open_message_and_close(talking):
    execute(talking, "let moved = IntSlider::new(1..=9); display(&moved);")
    got = exchange(talking, "shell", "comm_info_request", {})
    assert got.kinds == BUSY_IDLE
    shape(got.reply["content"], {"status": "ok", "comms": dict})
    assert {comm["target_name"] for comm in got.reply["content"]["comms"].values()} == {"jupyter.widget"}
    none = exchange(talking, "shell", "comm_info_request", {"target_name": "nobody"})
    assert none.reply["content"]["comms"] == {}
    # A comm for which nobody is there is closed, as the spec says.
    opened = exchange(talking, "shell", "comm_open", {"comm_id": "x1", "target_name": "nobody", "data": {}}, replies=False)
    assert opened.kinds == ["busy", "comm_close", "idle"] and opened.of("comm_close")[0]["comm_id"] == "x1"
    for kind in ("comm_msg", "comm_close"):
        said = exchange(talking, "shell", kind, {"comm_id": "x2", "data": {}}, replies=False)
        assert said.kinds == BUSY_IDLE and said.reply is None


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("kind", ["connect_request", "debug_request", "create_subshell_request", "no_such_request"])
def test_what_is_not_offered_is_an_error_and_no_silence(talking, channel, kind):
    got = exchange(talking, channel, kind, {})
    assert got.kinds == BUSY_IDLE
    assert got.reply["msg_type"] == kind.replace("_request", "_reply")
    shape(got.reply["content"], {"status": "error", "ename": str, "evalue": str, "traceback": list})
    assert kind in got.reply["content"]["evalue"]


@pytest.mark.parametrize("after", [0, 0.1, 1])
def test_interrupt(talking, after):
    """At once the cell is not compiled yet, then it is being compiled, then it runs: no variable is lost."""
    assert execute(talking, "let kept = 7;").reply["content"]["status"] == "ok"
    request = talking.client.execute("loop { std::thread::sleep(std::time::Duration::from_millis(10)) }")
    while True:
        message = talking.client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "execute_input" and message["parent_header"]["msg_id"] == request:
            break
    time.sleep(after)
    got = exchange(talking, "control", "interrupt_request", {})
    shape(got.reply["content"], {"status": "ok"})
    assert got.kinds == BUSY_IDLE
    reply = talking.client.get_shell_msg(timeout=PATIENCE)
    while reply["parent_header"]["msg_id"] != request:
        reply = talking.client.get_shell_msg(timeout=PATIENCE)
    assert reply["content"]["ename"] == "Interrupted"
    assert execute(talking, "kept").of("execute_result")[0]["data"]["text/plain"] == "7"


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("restart", [False, True])
def test_shutdown(kernelspec, tmp_path, channel, restart):
    with running_kernel(tmp_path) as kernel:
        kernel.client.control_channel.start()
        got = exchange(kernel, channel, "shutdown_request", {"restart": restart})
        shape(got.reply["content"], {"status": "ok", "restart": restart})
        assert got.kinds == BUSY_IDLE
        end = time.monotonic() + PATIENCE
        while kernel.manager.provisioner.process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        assert kernel.manager.provisioner.process.poll() == 0
