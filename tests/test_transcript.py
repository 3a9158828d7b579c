"""What the kernel sends for each message of the messaging spec's shell and control channels, whole and in order.

https://jupyter-client.readthedocs.io/en/stable/messaging.html is what the expected shapes are written after.
"""

from __future__ import annotations

import itertools
import queue
import time
from dataclasses import dataclass
from datetime import datetime

import pygments.lexers
import pytest

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


BUSY_IDLE = ["busy", "idle"]


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_kernel_info(kernel, channel):
    got = exchange(kernel, channel, "kernel_info_request", {})
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
    assert content["banner"] and content["implementation_version"]
    assert tuple(int(part) for part in content["protocol_version"].split(".")) >= (5, 3)
    assert got.reply["header"]["version"] == content["protocol_version"]
    for link in content["help_links"]:
        shape(link, {"text": str, "url": str})
    assert (info["name"], info["mimetype"], info["file_extension"]) == ("rust", "text/rust", ".rs")
    assert "rust" in str(info["codemirror_mode"]) and info["version"].startswith("1.")
    assert pygments.lexers.get_lexer_by_name(info["pygments_lexer"]).name == "Rust", "by which nbconvert colours cells"


def execute(kernel, code: str, **options) -> Exchange:
    request = {
        "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
        "stop_on_error": True,
    }
    return exchange(kernel, "shell", "execute_request", request | options)


def test_execute(kernel):
    before = execute(kernel, "", silent=True).reply["content"]["execution_count"]
    got = execute(kernel, 'println!("a"); display(&1); 6 * 7')
    assert got.kinds == ["busy", "execute_input", "stream", "display_data", "execute_result", "idle"]
    assert got.reply["msg_type"] == "execute_reply"
    shape(got.reply["content"], {"status": "ok", "execution_count": before + 1, "payload": [], "user_expressions": {}})
    shape(got.of("execute_input")[0], {"code": 'println!("a"); display(&1); 6 * 7', "execution_count": before + 1})
    shape(got.of("stream")[0], {"name": "stdout", "text": "a\n"})
    display = dict(got.of("display_data")[0])
    assert display.pop("transient", {}) in ({}, None)
    shape(display, {"data": {"text/plain": "1"}, "metadata": dict})
    result = dict(got.of("execute_result")[0])
    assert result.pop("transient", {}) in ({}, None)
    shape(result, {"data": {"text/plain": "42"}, "metadata": dict, "execution_count": before + 1})


def test_execute_that_fails(kernel):
    got = execute(kernel, 'panic!("on purpose")')
    assert got.kinds == ["busy", "execute_input", "error", "idle"]
    said = {"ename": "Panic", "evalue": "on purpose", "traceback": list}
    shape(got.of("error")[0], said)
    content = dict(got.reply["content"])
    content.pop("payload", None)
    content.pop("user_expressions", None)
    shape(content, {"status": "error", "execution_count": int, **said})
    assert content["traceback"] == got.of("error")[0]["traceback"]


def test_clear_output_and_update_display(kernel):
    got = execute(kernel, "clear_output(true);")
    assert got.kinds == ["busy", "execute_input", "clear_output", "idle"]
    shape(got.of("clear_output")[0], {"wait": True})
    got = execute(kernel, 'let bar = progress_bar(2, "steps"); bar.inc(1); drop(bar);')
    assert got.kinds[:3] == ["busy", "execute_input", "display_data"] and "update_display_data" in got.kinds
    first, second = got.of("display_data")[0], got.of("update_display_data")[-1]
    assert first["transient"]["display_id"] == second["transient"]["display_id"]
    shape(second, {"data": dict, "metadata": dict, "transient": dict})
    assert "steps" in second["data"]["text/plain"]


def test_complete(kernel):
    got = exchange(kernel, "shell", "complete_request", {"code": "🦀; ThreadPoolExecut", "cursor_pos": 19})
    assert got.kinds == BUSY_IDLE
    shape(got.reply["content"], {"status": "ok", "matches": list, "cursor_start": 3, "cursor_end": 19, "metadata": dict})
    assert any(match.startswith("ThreadPoolExecutor") for match in got.reply["content"]["matches"])


def test_inspect(kernel):
    ask = {"code": "ThreadPoolExecutor", "cursor_pos": 5, "detail_level": 0}
    got = exchange(kernel, "shell", "inspect_request", ask)
    assert got.kinds == BUSY_IDLE
    shape(got.reply["content"], {"status": "ok", "found": True, "data": dict, "metadata": dict})
    assert {"text/plain", "text/html"} <= set(got.reply["content"]["data"])
    nothing = exchange(kernel, "shell", "inspect_request", {"code": "   ", "cursor_pos": 1, "detail_level": 0})
    shape(nothing.reply["content"], {"status": "ok", "found": False, "data": {}, "metadata": dict})


@pytest.mark.parametrize("code, status, indent", [
    ("let n = 1;", "complete", ""), ("1 + 1", "complete", ""), ("", "complete", ""), ("// a comment", "complete", ""),
    (':dep rand = "0.9"', "complete", ""), ('let text = "a } in a string";', "complete", ""),
    ("let brace = '}';", "complete", ""), ("fn f() { // }", "incomplete", "    "), ("fn f() {", "incomplete", "    "),
    ("let v = vec![", "incomplete", "    "), ('let s = r#"raw "', "incomplete", ""), ("/* /* nested */", "incomplete", ""),
    ("fn f() }", "invalid", ""), ("let v = (1];", "invalid", ""), ("}", "invalid", ""),
    ('!echo "a', "complete", ""), ("%time f(1)", "complete", ""), ("?x", "complete", ""), ("%%bash\nif (", "complete", ""),
    ("%%time", "incomplete", ""), ("%%time\nf(", "incomplete", "    "), ("!ls\nf(", "incomplete", "    "),
])  # fmt: skip
def test_is_complete(kernel, code, status, indent):
    got = exchange(kernel, "shell", "is_complete_request", {"code": code})
    assert got.kinds == BUSY_IDLE
    assert got.reply["content"] == {"status": status, "indent": indent}


def test_history(kernel):
    line = execute(kernel, "40 + 2").reply["content"]["execution_count"]
    more = {"tail": {"n": 1}, "range": {"session": 0, "start": line, "stop": line + 1}, "search": {"pattern": "40*", "n": 1}}
    for access, output in itertools.product(more, [False, True]):
        ask = {"output": output, "raw": True, "hist_access_type": access}
        got = exchange(kernel, "shell", "history_request", ask | more[access])
        assert got.kinds == BUSY_IDLE
        shape(got.reply["content"], {"status": "ok", "history": list})
        [[session, *entry]] = got.reply["content"]["history"]
        assert isinstance(session, int) and entry == [line, ["40 + 2", "42"] if output else "40 + 2"], (access, entry)


def test_comm_info_open_message_and_close(kernel):
    execute(kernel, "let moved = IntSlider::new(1..=9); display(&moved);")
    got = exchange(kernel, "shell", "comm_info_request", {})
    assert got.kinds == BUSY_IDLE
    shape(got.reply["content"], {"status": "ok", "comms": dict})
    assert {comm["target_name"] for comm in got.reply["content"]["comms"].values()} == {"jupyter.widget"}
    none = exchange(kernel, "shell", "comm_info_request", {"target_name": "nobody"})
    assert none.reply["content"]["comms"] == {}
    # A comm for which nobody is there is closed, as the spec says.
    opened = exchange(kernel, "shell", "comm_open", {"comm_id": "x1", "target_name": "nobody", "data": {}}, replies=False)
    assert opened.kinds == ["busy", "comm_close", "idle"] and opened.of("comm_close")[0]["comm_id"] == "x1"
    for kind in ("comm_msg", "comm_close"):
        said = exchange(kernel, "shell", kind, {"comm_id": "x2", "data": {}}, replies=False)
        assert said.kinds == BUSY_IDLE and said.reply is None


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("kind", ["connect_request", "debug_request", "create_subshell_request", "no_such_request"])
def test_what_is_not_offered_is_an_error_and_no_silence(kernel, channel, kind):
    got = exchange(kernel, channel, kind, {})
    assert got.kinds == BUSY_IDLE
    assert got.reply["msg_type"] == kind.replace("_request", "_reply")
    shape(got.reply["content"], {"status": "error", "ename": str, "evalue": str, "traceback": list})
    assert kind in got.reply["content"]["evalue"]


@pytest.mark.parametrize("kind", ["execute_input", "stream"], ids=["before it is compiled", "while it runs"])
def test_interrupt(kernel, kind):
    """The cell is interrupted when its first message of this kind has come; no variable is lost."""
    assert execute(kernel, "let kept = 7;").reply["content"]["status"] == "ok"
    kc = kernel.client
    request = kc.execute('println!("started"); loop { std::thread::sleep(std::time::Duration::from_millis(10)) }')
    while True:
        message = kc.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == kind and message["parent_header"]["msg_id"] == request:
            break
    got = exchange(kernel, "control", "interrupt_request", {})
    shape(got.reply["content"], {"status": "ok"})
    assert got.kinds == BUSY_IDLE
    reply = kc.get_shell_msg(timeout=PATIENCE)
    while reply["parent_header"]["msg_id"] != request:
        reply = kc.get_shell_msg(timeout=PATIENCE)
    assert reply["content"]["ename"] == "Interrupted"
    assert execute(kernel, "kept").of("execute_result")[0]["data"]["text/plain"] == "7"
