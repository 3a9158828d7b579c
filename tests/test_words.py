"""What people read: no misspelt word, and no link that leads nowhere. Without a network, so that of an address
only the form is looked at."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import helpers

PAGES = sorted(
    path
    for pattern in ("*.md", "notebooks/*.md", "notebooks/*.ipynb", "crates/*/*.md")
    for path in helpers.ROOT.glob(pattern)
)

#: A word of Rust, a word of IPython, and a word that the notes spell so.
RIGHT = ["statics", "whos", "lauch"]

#: `[text](target)` and `![text](target)`, outside of code.
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)

#: What cargo itself brings, of all that we write of.
BUILT_IN = {"build", "doc", "fmt", "run", "test"}

every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(helpers.ROOT)))


def texts(path: Path) -> list[str]:
    if path.suffix != ".ipynb":
        return [path.read_text()]
    cells = json.loads(path.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def anchors(path: Path) -> set[str]:
    """The names of a page's headings, as GitHub and JupyterLab make them."""
    titles = re.findall(r"^#+ (.+)$", "\n".join(texts(path)), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    return {name.replace(" ", "-") for name in plain} | {title.replace(" ", "-") for title in titles}


def test_there_are_pages():
    assert len(PAGES) >= 12 and helpers.ROOT / "README.md" in PAGES


def test_no_word_is_misspelt():
    command = [sys.executable, "-m", "codespell_lib", f"--ignore-words-list={','.join(RIGHT)}", *map(str, PAGES)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0 and not found.stdout, found.stdout + found.stderr


def test_a_misspelt_word_would_be_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("A pool has serveral workers.")
    found = subprocess.run([sys.executable, "-m", "codespell_lib", str(page)], capture_output=True, text=True, timeout=60)
    assert "serveral ==> several" in found.stdout, found


@every_page
def test_links_lead_somewhere(path):
    for text in texts(path):
        for target in LINK.findall(CODE.sub("", text)):
            parts = urlsplit(target)
            if parts.scheme:
                assert parts.scheme in ("http", "https", "mailto"), f"{target}: what is that?"
                assert parts.scheme == "mailto" or re.fullmatch(r"[\w.-]+\.[a-z]{2,}(:\d+)?", parts.netloc), target
                continue
            file = (path.parent / parts.path).resolve() if parts.path else path
            assert file.exists(), f"{path.name} points to {target}, and there is no {file}"
            if parts.fragment:
                assert parts.fragment in anchors(file), f"{path.name} points to {target}: no such heading"


@every_page
def test_commands_can_be_typed_as_they_are_written(path):
    aliases = set(re.findall(r"^(\w+) =", (helpers.ROOT / ".cargo" / "config.toml").read_text(), re.MULTILINE))
    pieces = [piece for text in texts(path) for piece in CODE.findall(text)]
    lines = [line.strip("`# $") for piece in pieces for line in piece.splitlines()]
    for line in lines:
        assert not re.match(r"threadbook [a-z]", line), f"{line}: no shell finds that, cargo does"
        if command := re.match(r"cargo ([a-z]+)", line):
            assert command[1] in aliases | BUILT_IN, f"{line}: cargo knows no such command"
