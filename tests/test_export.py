"""What nbconvert makes of outputs: errors and progress can be read in a page and in Markdown, with nothing of a terminal."""

from __future__ import annotations

import html
import re

import nbclient
import nbconvert
import nbformat
import pytest

import helpers

CELLS = [
    "for _ in progress(0..5) { std::thread::sleep(std::time::Duration::from_millis(60)); }",
    'let n: i32 = "five";',
    'fn fails() { panic!("no <b>way</b>") }\nfails();',
    'let n: i32 = "five".parse()?;',
]


@pytest.fixture(scope="module")
def notebook(kernelspec):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(made, kernel_name=helpers.KERNEL, allow_errors=True, timeout=110).execute()
    return made


@pytest.fixture(scope="module")
def page(notebook) -> str:
    return nbconvert.HTMLExporter().from_notebook_node(notebook)[0]


def test_a_page_has_the_errors_in_colour_and_as_text(page):
    assert "\x1b" not in page, "codes for a terminal"
    errors = re.findall(r'data-mime-type="application/vnd.jupyter.stderr"[^>]*>(.*?)</div>', page, re.DOTALL)
    assert len(errors) == 3, errors
    assert all("ansi-red-fg" in error for error in errors), errors
    compile_error, panic, question_mark = (html.unescape(re.sub(r"<.*?>", "", error)) for error in errors)
    assert "expected `i32`, found `&str`" in compile_error and "cell [2]:1:14" in compile_error
    assert "no <b>way</b>" in panic and "cell [3]:1" in panic
    assert "invalid digit found in string" in question_mark


def test_a_page_has_the_last_of_a_progress_only(page, notebook):
    [bar] = re.findall(r"<progress [^>]*></progress>[^<]*", page)  # nbconvert puts its attributes in an order of its own
    assert 'value="5"' in bar and 'max="5"' in bar and "5/5" in bar, bar
    [shown] = notebook.cells[0].outputs
    assert re.fullmatch(r"█+ 5/5, [\d.]+ s", shown.data["text/plain"]), shown


def test_markdown_has_them_without_codes(notebook):
    text, _ = nbconvert.MarkdownExporter().from_notebook_node(notebook)
    assert "\x1b" not in text and "expected `i32`, found `&str`" in text and "5/5" in text
