"""What nbconvert makes of outputs: errors and progress can be read in a page and in Markdown, with nothing of a terminal."""

from __future__ import annotations

import html
import re

import nbconvert
import pytest

import helpers

#: The first test may have to execute the tour.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def tour(executed):
    return helpers.read_notebook(executed(helpers.NOTEBOOKS / "00-tour.ipynb"))


@pytest.fixture(scope="module")
def page(tour) -> str:
    return nbconvert.HTMLExporter().from_notebook_node(tour)[0]


def test_a_page_has_the_errors_in_colour_and_as_text(page, tour):
    assert "\x1b" not in page, "codes for a terminal"
    errors = re.findall(r'data-mime-type="application/vnd.jupyter.stderr"[^>]*>(.*?)</div>', page, re.DOTALL)
    assert len(errors) == len(helpers.tagged(tour, "raises-exception")), errors
    assert all("ansi-red-fg" in error for error in errors), errors
    compile_error, panic, question_mark, *_ = (html.unescape(re.sub(r"<.*?>", "", error)) for error in errors)
    assert "expected `u32`, found `&str`" in compile_error and re.search(r"cell \[\d+\]:1:17", compile_error)
    assert "index out of bounds" in panic and re.search(r"cell \[\d+\]:2", panic)
    assert "invalid digit found in string" in question_mark


def test_a_page_has_the_last_of_a_progress_only(page, tour):
    [bar] = re.findall(r"<progress [^>]*></progress>[^<]*", page)  # nbconvert puts its attributes in an order of its own
    assert 'value="6"' in bar and 'max="6"' in bar and "6/6" in bar, bar
    [progress] = [cell for cell in tour.cells if cell.id == "progress-run"]
    assert re.fullmatch(r"█+ 6/6, [\d.]+ s", progress.outputs[0].data["text/plain"]), progress


def test_markdown_has_them_without_codes(tour):
    text, _ = nbconvert.MarkdownExporter().from_notebook_node(tour)
    assert "\x1b" not in text and "expected `u32`, found `&str`" in text and "6/6" in text
