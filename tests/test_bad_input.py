"""Cells and messages that no one should send. Each ends with a clear answer, and the kernel goes on."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
import zmq
from jupyter_client.session import Session

from helpers import ask, ok, run_cell, running_kernel, wait_until


def assert_next_cell_runs(kc):
    result = ok(kc, 'println!("still here");\n6 * 7', timeout=60)
    assert (result.stdout, result.result) == ("still here\n", "42"), f"the next cell does not run well\n{result}"


def assert_failed(result, *any_of: str):
    assert result.status == "error", f"this cell should fail\n{result}"
    assert len(result.errors) == 1, f"there should be exactly one error message\n{result}"
    said = result.complaint.lower()
    assert any(text.lower() in said for text in any_of), f"the error says none of {any_of}\n{result}"
    assert len(result.traceback.splitlines()) <= 12, result.traceback


# --- cells that the compiler refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell, said",
    [
        ("let x = ;", "expected expression"),
        ("fn broken( {", "unclosed delimiter"),
        ('let s = "no end', "unterminated"),
        ("1 +", "expected expression"),
        ("}", "unexpected closing delimiter"),
        ("let 数 = 🦀;", "🦀"),
        ("let x = 1\nlet y = 2", "expected"),
    ],
)
def test_syntax_error(kc, cell, said):
    assert_failed(run_cell(kc, cell), said)
    assert_next_cell_runs(kc)


@pytest.mark.parametrize(
    "before, level, after",
    [
        ("let x: ", "Vec<", "u8;"),
        ("let x: ", "HashMap<u8, ", "u8;"),
        ("let x = ", "&", "1;"),
        ("let x = 1", " + 1", ";"),
        ("let x = 1u8", ".clone()", ";"),
        ("use ", "a::", "b;"),
        ("if false {}", " else if false {}", ""),
        ("", "{", "}" * 20_000),
    ],
)
def test_what_is_nested_too_deep_is_refused(kc, before, level, after):
    """Parsers call themselves for each level: here it is the cell that ends, and no process."""
    cell = before + level * 20_000 + after
    assert_failed(run_cell(kc, cell), "more than")
    for question in ("is_complete", "complete", "inspect"):
        assert ask(kc, question, cell), question
    assert_next_cell_runs(kc)


def test_syntax_error_after_a_cell_with_a_warning(kc):
    ok(kc, "fn with_a_warning() -> i32 { let x = (5); x }")
    assert_failed(run_cell(kc, "1 +"), "expected expression")
    assert_next_cell_runs(kc)


@pytest.mark.parametrize("cell", ["", " ", "\n\n\t", "// only a comment", "/* only\na comment */"])
def test_a_cell_without_code(kc, cell):
    result = run_cell(kc, cell)
    assert result.status == "ok" and not result.errors, f"nothing to do is no error\n{result}"
    assert result.shown == [] and result.stdout == "" and result.stderr == "", result
    assert_next_cell_runs(kc)


@pytest.fixture(scope="module")
def offline_kc(kernelspec, tmp_path_factory):
    """The client of a kernel whose cargo asks no registry."""
    with running_kernel(tmp_path_factory.mktemp("offline"), env={"CARGO_NET_OFFLINE": "true"}) as kernel:
        yield kernel.client


@pytest.mark.parametrize(
    "cell, said",
    [
        (':dep threadbook_no_such_crate = "1"', "threadbook_no_such_crate"),
        (':dep nowhere = { path = "/no/such/directory" }\nnowhere::at_all();', "/no/such/directory"),
    ],
    ids=["registry", "path"],
)
def test_missing_dependency(offline_kc, cell, said):
    assert_failed(run_cell(offline_kc, cell, timeout=120), said)
    assert_next_cell_runs(offline_kc)


def test_unknown_command(kc):
    assert_failed(run_cell(kc, ":no_such_command"), "no_such_command")
    assert_next_cell_runs(kc)


# --- cells that print what a terminal would not like ---------------------------------------------------------------


@pytest.mark.timeout(300)
def test_ten_megabytes_of_output(kc):
    lines = 100_000
    result = run_cell(kc, f'for n in 0..{lines} {{ println!("{{n:0104}}"); }}', timeout=200)
    assert result.status == "ok", str(result)[:3000]
    text = result.stdout
    assert len(text) == lines * 105, f"{len(text)} of {lines * 105} characters arrived"
    assert text.startswith(f"{0:0104}\n") and text.endswith(f"{lines - 1:0104}\n")
    assert len(result.of("stream")) < lines / 10, f"{len(result.of('stream'))} messages: a front end would choke"
    assert_next_cell_runs(kc)


@pytest.mark.rare
@pytest.mark.timeout(300)
def test_a_hundred_megabytes_of_output(kc):
    lines = 1_000_000
    result = run_cell(kc, f'for n in 0..{lines} {{ println!("{{n:0104}}"); }}', timeout=200)
    assert result.status == "ok", str(result)[:3000]
    shown = result.stdout
    assert len(shown) == 16 << 20, f"{len(shown)} characters were shown"
    note = re.search(r"more than 16 MB. The rest is in (\S+) until the kernel ends", result.stderr)
    rest = Path(note[1]).read_text()
    assert len(shown) + len(rest) == lines * 105 and rest.endswith(f"{lines - 1:0104}\n")
    assert_next_cell_runs(kc)


@pytest.mark.timeout(300)
def test_ten_megabytes_in_one_line(kc):
    result = run_cell(kc, 'println!("{}", "x".repeat(10_000_000));', timeout=200)
    assert result.status == "ok", str(result)[:3000]
    assert result.stdout == "x" * 10_000_000 + "\n", f"{len(result.stdout)} characters arrived"
    assert_next_cell_runs(kc)


def test_ten_megabytes_as_a_result(kc):
    result = run_cell(kc, '"y".repeat(10_000_000)', timeout=150)
    assert result.status == "ok", str(result)[:3000]
    assert len(result.result) >= 10_000_000, f"{len(result.result)} characters arrived"
    assert_next_cell_runs(kc)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_binary_output(kc, stream):
    result = run_cell(
        kc,
        "use std::io::Write;\n"
        f"std::io::{stream}().write_all(&[b'<', 0xff, 0xfe, 0x00, 0x80, 0x1b, 0xc3, b'>', b'\\n'])?;\n"
        f"std::io::{stream}().write_all(&(0..=255u8).collect::<Vec<u8>>())?;",
    )
    assert result.status == "ok", result
    text = result.text(stream)
    assert text.startswith("<") and "\N{REPLACEMENT CHARACTER}" in text, repr(text)
    assert "ABCDEFGHIJKLMNOPQRSTUVWXYZ" in text, repr(text)
    assert_next_cell_runs(kc)


@pytest.mark.parametrize(
    "words",
    [
        "EVCXR_EXECUTION_COMPLETE",
        "EVCXR_PANIC_NOTIFICATION",
        "EVCXR_VARIABLE_CHANGED_TYPE:x",
        "LOAD_AND_RUN /no/such.so nothing",
    ],
)
def test_words_of_the_engine_are_only_text(kc, words):
    """The engine talks to the process of the cells in lines; a cell that prints such a line is not the engine."""
    macros = ("println", "eprintln")
    result = ok(kc, "\n".join(f'{macro}!("{words}"); {macro}!("and more");' for macro in macros))
    assert result.stdout == result.stderr == f"{words}\nand more\n", result
    assert_next_cell_runs(kc)


# --- messages that are not messages --------------------------------------------------------------------------------

DELIMITER = b"<IDS|MSG>"


class RawSocket:
    """A socket to one of the kernel's channels, without the client's care about what it sends."""

    def __init__(self, kernel, channel: str):
        info = kernel.manager.get_connection_info()
        self.session = Session(key=info["key"], signature_scheme=info["signature_scheme"])
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(f"tcp://{info['ip']}:{info[f'{channel}_port']}")

    def __enter__(self) -> RawSocket:
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def request(self, kind: str, content: dict | None = None) -> list[bytes]:
        """The frames of a well-formed message: delimiter, signature, header, parent, metadata, content."""
        return self.session.serialize(self.session.msg(kind, content or {}))

    def signed(self, *parts: bytes) -> list[bytes]:
        return [DELIMITER, self.session.sign(list(parts)), *parts]

    def ask(self, kind: str, content: dict | None = None) -> tuple[dict, list[dict]]:
        """Sends a request; returns its reply and the messages that arrive before that."""
        frames = self.request(kind, content)
        self.socket.send_multipart(frames)
        request = json.loads(frames[2])["msg_id"]
        others = []
        while (message := self.receive(30))["parent_header"].get("msg_id") != request:
            others.append(message)
        return message, others

    def receive(self, timeout: float) -> dict:
        assert self.socket.poll(timeout * 1000), f"no message within {timeout} s"
        _, frames = self.session.feed_identities(self.socket.recv_multipart())
        return self.session.deserialize(frames)


def wrong_signature(raw: RawSocket):
    frames = raw.request("execute_request", {"code": 'std::fs::write("forged", "")?;', "silent": False})
    return [frames[0], b"0" * 64, *frames[2:]]


def empty_signature(raw: RawSocket):
    frames = raw.request("shutdown_request", {"restart": False})
    return [frames[0], b"", *frames[2:]]


def signature_of_something_else(raw: RawSocket):
    other, frames = raw.request("kernel_info_request"), raw.request("shutdown_request", {"restart": False})
    return [frames[0], other[1], *frames[2:]]


def not_even_hexadecimal(raw: RawSocket):
    frames = raw.request("shutdown_request", {"restart": False})
    return [frames[0], "señal \U0001f980".encode(), *frames[2:]]


GARBAGE = {
    "wrong signature": wrong_signature,
    "empty signature": empty_signature,
    "signature of another message": signature_of_something_else,
    "signature that is no number": not_even_hexadecimal,
    "no delimiter": lambda raw: raw.request("kernel_info_request")[1:],
    "one frame": lambda raw: [b"hello"],
    "one empty frame": lambda raw: [b""],
    "delimiter only": lambda raw: [DELIMITER],
    "truncated": lambda raw: raw.request("kernel_info_request")[:4],
    "content missing": lambda raw: raw.signed(*raw.request("kernel_info_request")[2:5]),
    "invalid JSON": lambda raw: raw.signed(b"{not json", b"{}", b"{}", b"{}"),
    "JSON of the wrong kind": lambda raw: raw.signed(b"[]", b"17", b"null", b'"text"'),
    "not UTF-8": lambda raw: raw.signed(b"\xff\xfe", b"{}", b"{}", b"{}"),
    "header without fields": lambda raw: raw.signed(b"{}", b"{}", b"{}", b"{}"),
    "deeply nested JSON": lambda raw: raw.signed(b"[" * 100_000, b"{}", b"{}", b"{}"),
    "content of the wrong kind": lambda raw: raw.signed(*raw.request("execute_request")[2:5], b'{"code": 17}'),
    "unknown message type": lambda raw: raw.request("no_such_request", {"some": "thing"}),
    "a reply instead of a request": lambda raw: raw.request("execute_reply", {"status": "ok", "execution_count": 1}),
    "large": lambda raw: [b"\x00" * 20_000_000],
    "many frames": lambda raw: [b"x"] * 10_000,
}

#: Messages that carry no valid signature, or none that can be checked: no part of them may be acted upon or answered.
UNSIGNED = [name for name in GARBAGE if "signature" in name or name in ("no delimiter", "one frame", "truncated")]


#: A cell that takes a prompt number and need not be compiled.
NOTHING = "// nothing"


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_is_dropped(kernel, case, channel):
    count = ok(kernel.client, NOTHING).count
    logged = len(kernel.log())
    with RawSocket(kernel, channel) as raw:
        raw.socket.send_multipart(GARBAGE[case](raw))
        # The same connection still works, so only the message is dropped.
        reply, others = raw.ask("kernel_info_request")
        assert reply["msg_type"] == "kernel_info_reply", reply
        assert wait_until(lambda: len(kernel.log()) > logged, 5), "the kernel's log does not mention it"
        assert ok(kernel.client, NOTHING).count == count + 1, "the message took a prompt number"
        while raw.socket.poll(0):
            others.append(raw.receive(0))
    if case in UNSIGNED:
        answers = [message["msg_type"] for message in others]
        assert not answers, f"a message that cannot be trusted was answered: {answers}"
    assert not (kernel.cwd / "forged").exists(), "code of a forged message ran"
    assert kernel.manager.is_alive()


@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "hb", "iopub"])
def test_bytes_that_are_not_zeromq(kernel, channel):
    """Something else that connects to the port, such as a browser or a port scanner."""
    info = kernel.manager.get_connection_info()
    for payload in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x00" * 1000, b"\xff" * 64, b""):
        with socket.create_connection((info["ip"], info[f"{channel}_port"]), timeout=5) as connection:
            connection.sendall(payload)
    assert_next_cell_runs(kernel.client)
    assert ask(kernel.client, "kernel_info")["status"] == "ok"


def test_execute_request_with_missing_fields(kernel):
    """Optional fields may be missing: silent, store_history, user_expressions, allow_stdin, stop_on_error."""
    with RawSocket(kernel, "shell") as raw:
        reply, _ = raw.ask("execute_request", {"code": "6 * 7"})
    assert (reply["msg_type"], reply["content"]["status"]) == ("execute_reply", "ok"), reply
