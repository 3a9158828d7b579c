"""The map from the notes to the first notebook, `notebooks/MAP.md`, is true on both ends.

The notes are not part of the repository. `tests/notes.json` has the numbers of their lines, and digests.
"""

from __future__ import annotations

import hashlib
import json
import re

import pytest

import helpers

FIRST = helpers.read_notebook(helpers.FIRST)
CELLS = [cell.id for cell in FIRST.cells]
MAP = (helpers.NOTEBOOKS / "MAP.md").read_text()
NOTES = sorted((helpers.ROOT.parent / "shared" / "source").glob("*.txt"))
LINK = r"https?://([^\s)]+)"


def cells_of(text: str) -> list[str]:
    """The ids that a cell of the table names: `one`, `two`, or `first` to `last`."""
    named = re.findall(r"`([^`]+)`", text)
    for cell in named:
        assert cell in CELLS, f"the map names a cell {cell!r}, which the notebook does not have"
    if " to " not in text:
        return named
    first, last = map(CELLS.index, named)
    assert first < last, f"{text}: the second cell comes before the first"
    return CELLS[first : last + 1]


def rows() -> list[tuple[int, str, list[str]]]:
    """Line, first words and counterparts of each point of the notes."""
    found = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", MAP, flags=re.MULTILINE)
    return [(int(line), words, cells_of(cells)) for line, words, cells in found]


def test_follows_the_notes_in_their_order():
    assert len(rows()) > 60
    lines = [line for line, _, _ in rows()]
    assert lines == sorted(set(lines))
    starts = [CELLS.index(cells[0]) for _, _, cells in rows()]
    assert starts == sorted(starts)


def test_every_cell_is_on_the_map():
    (rest,) = re.findall(r"^Of no line of the notes: (.+?)\.$", MAP, flags=re.MULTILINE | re.DOTALL)
    named = {cell for _, _, cells in rows() for cell in cells} | set(cells_of(rest))
    assert named == set(CELLS)


def test_headings_of_the_notes_are_headings_here():
    headed = {cell.id for cell in FIRST.cells if cell.cell_type == "markdown" and cell.source.startswith("#")}
    for line, words, cells in rows():
        if words.startswith("#"):
            assert cells[0] in headed, f"line {line} of the notes, {words!r}, has no heading here"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def outline_of(notes: str, words: list[str]) -> dict:
    """The lines of all headings, points and cells of the notes, with a digest of the first words of each as the map
    has them, and digests of the links."""
    points = [
        (number, re.sub(r"^([-*]|\d\.) ", "", " ".join(line.split())).lstrip('"['))
        for number, line in enumerate(notes.splitlines(), start=1)
        if re.match(r"#+ |In \[|\s*([-*]|\d\.) ", line)
    ]
    return {
        "points": [[number, digest(point[: len(first)])] for (number, point), first in zip(points, words, strict=True)],
        "links": sorted({digest(link) for link in re.findall(LINK, notes)}),
    }


@pytest.fixture(scope="module")
def outline() -> dict:
    """The outline in the repository, which is that of the notes where they are at hand."""
    outline = json.loads((helpers.ROOT / "tests" / "notes.json").read_text())
    for path in NOTES:
        assert outline_of(path.read_text(), [words for _, words, _ in rows()]) == outline
    return outline


def test_every_heading_point_and_cell_of_the_notes_is_on_the_map(outline):
    assert [[line, digest(words)] for line, words, _ in rows()] == outline["points"]


def test_every_link_of_the_notes_is_in_the_notebook(outline):
    here = "\n".join(cell.source for cell in FIRST.cells if cell.cell_type == "markdown")
    assert outline["links"] and set(outline["links"]) <= {digest(link) for link in re.findall(LINK, here)}
