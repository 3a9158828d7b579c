"""The map from the notes to the first notebook, `notebooks/MAP.md`, is true: on both ends, where the notes are at hand."""

from __future__ import annotations

import re

import nbformat

import helpers

FIRST = nbformat.read(helpers.FIRST, as_version=nbformat.NO_CONVERT)
CELLS = [cell.id for cell in FIRST.cells]
MAP = (helpers.NOTEBOOKS / "MAP.md").read_text()
#: The notes themselves are not part of the repository.
NOTES = sorted((helpers.ROOT.parent / "shared" / "source").glob("*.txt"))


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
    (rest,) = re.findall(r"^Of no line of the notes: (.+)\.$", MAP, flags=re.MULTILINE)
    named = {cell for _, _, cells in rows() for cell in cells} | set(cells_of(rest))
    assert named == set(CELLS)


def test_headings_of_the_notes_are_headings_here():
    headed = {cell.id for cell in FIRST.cells if cell.cell_type == "markdown" and cell.source.startswith("#")}
    for line, words, cells in rows():
        if words.startswith("#"):
            assert cells[0] in headed, f"line {line} of the notes, {words!r}, has no heading here"


if NOTES:

    def test_every_heading_point_and_cell_of_the_notes_is_on_the_map():
        (notes,) = [path.read_text() for path in NOTES]
        expected = [
            (number, " ".join(line.split()))
            for number, line in enumerate(notes.splitlines(), start=1)
            if re.match(r"#+ |In \[|\s*([-*]|\d\.) ", line)
        ]
        assert [line for line, _, _ in rows()] == [number for number, _ in expected]
        for (number, words, _), (_, line) in zip(rows(), expected):
            told = re.sub(r"^([-*]|\d\.) ", "", line).lstrip('"[')
            assert told.startswith(words), f"line {number} of the notes is {line!r}"

    def test_every_link_of_the_notes_is_in_the_notebook():
        (notes,) = [path.read_text() for path in NOTES]
        links = set(re.findall(r"https?://([^\s)]+)", notes))
        here = "\n".join(cell.source for cell in FIRST.cells if cell.cell_type == "markdown")
        assert links and not [link for link in links if link not in here]
