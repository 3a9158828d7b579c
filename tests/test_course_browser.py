"""The notebooks in JupyterLab, in Chromium: two as a reader runs them, and what all of them look like afterwards."""

from __future__ import annotations

import collections

import pytest

import helpers
from helpers_browser import (
    PROMPTS,
    SCREENSHOTS,
    THEMES,
    browser_page,
    choose_theme,
    close_and_shut_down,
    coloured_words,
    course_in_jupyter_lab,
    failed_cells,
    open_executed_copy,
    prompts_of,
    run_all_cells,
    save_notebook,
    whole_notebook,
    worst_contrast,
)
from helpers_layout import cut_off_texts, pictures, scrolling_editors, texts_outside_of_their_pictures

NAMES = sorted(path.name for path in helpers.NOTEBOOKS.glob("*.ipynb"))

#: The notebooks that *Run All Cells* of JupyterLab executes, with the answers to their questions: the tour, and one of
#: those behind the first, which the commit chooses.
LIVE = {"00-tour.ipynb": {"What is your name?": "Ada"}, NAMES[2:][helpers.rotation(len(NAMES) - 2)]: {}}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def lab_page(kernelspec, tmp_path_factory):
    """JupyterLab on a copy of the notebooks, and its directory."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    directory = tmp_path_factory.mktemp("course")
    with course_in_jupyter_lab(directory) as address, browser_page() as page:
        page.goto(f"{address}/lab")
        page.locator(".jp-LauncherCard", has_text="Rust (Threadbook)").first.wait_for()
        page.screenshot(path=SCREENSHOTS / "launcher.png")
        yield page, directory


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def page(name, lab_page, executed, saved_by_jupyterlab):
    """A notebook that was executed from top to bottom: here, or elsewhere and opened here."""
    page, directory = lab_page
    page.broken.clear()
    try:
        if name in LIVE:
            run_all_cells(page, name, LIVE[name])
            save_notebook(page)
            saved_by_jupyterlab[helpers.NOTEBOOKS / name] = directory / "notebooks" / name
        else:
            open_executed_copy(page, directory, executed(helpers.NOTEBOOKS / name))
    except Exception:
        page.screenshot(path=SCREENSHOTS / f"not-finished-{name}.png")
        raise
    yield page
    close_and_shut_down(page)


def test_every_cell_has_run_once_and_in_order(page, name):
    assert page.locator(PROMPTS).all_text_contents() == prompts_of(name)
    assert page.broken == [], f"errors in the page: {page.broken}"


def test_only_the_cells_that_should_fail_did(page, name):
    failing = helpers.tagged(helpers.read_notebook(helpers.NOTEBOOKS / name), "raises-exception")
    # JupyterLab renders the last cells of a notebook when it is idle.
    helpers.wait_until(lambda: len(failed_cells(page)) >= len(failing), 20)
    failed = failed_cells(page)
    assert len(failed) == len(failing), failed
    for cell, text in zip(failing, failed):
        is_folded = cell.metadata.get("jupyter", {}).get("source_hidden")
        assert is_folded or cell.source.splitlines()[0] in text


def test_nothing_is_cut_off(page):
    assert pictures(page)
    assert [picture for picture in pictures(page) if not picture["fits"]] == []
    assert cut_off_texts(page) == []
    assert scrolling_editors(page) == []
    assert texts_outside_of_their_pictures(page) == []


@pytest.mark.parametrize("theme", THEMES)
def test_can_be_read(page, name, theme):
    choose_theme(page, theme)
    with whole_notebook(page):
        page.locator(".jp-Notebook").screenshot(path=SCREENSHOTS / f"{name.removesuffix('.ipynb')}-{theme}.png")
    for number, output in enumerate(page.locator(".jp-Notebook .jp-OutputArea-output").all()):
        contrast, word = worst_contrast(output)
        # JupyterLab's own red on its own error background is at 2.7; what is below 2.5 cannot be read.
        assert contrast >= 2.5, f"{word!r} of output {number} has a contrast of {contrast:.1f} with its background"
    words = coloured_words(page.locator(".jp-Notebook .jp-CodeCell"))
    # A few of these words stand in comments and in longer names.
    keywords = collections.Counter(colour for word, colour in words if word in ("fn", "mut"))
    (colour, count), *_ = keywords.most_common(1)
    assert count > 0.8 * keywords.total(), f"keywords have one colour: {keywords}"
    names = [colour for (word, _), (_, colour) in zip(words, words[1:]) if word == "fn"]
    assert names and colour not in names, "the code is coloured as Rust"
