"""The tour and the deeper notebooks in JupyterLab, in Chromium: as a reader runs them, and what they then look like."""

from __future__ import annotations

import json
import time

import nbformat
import pytest

import helpers
from helpers_browser import (
    PROMPTS,
    SCREENSHOTS,
    THEMES,
    browser_page,
    choose_theme,
    close_and_shut_down,
    course_in_jupyter_lab,
    failed_cells,
    prompts_of,
    run_all_cells,
    save_notebook,
    whole_notebook,
    worst_contrast,
)
from helpers_layout import cut_off_texts, pictures, scrolling_editors, texts_outside_of_their_pictures

#: The first notebook has tests of its own.
NAMES = sorted(path.name for path in helpers.NOTEBOOKS.glob("*.ipynb") if path != helpers.FIRST)
ANSWERS = {"00-tour.ipynb": ("Ada",)}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def lab_page(kernelspec, tmp_path_factory):
    """JupyterLab on a copy of the notebooks, and its directory."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    directory = tmp_path_factory.mktemp("course")
    with course_in_jupyter_lab(directory) as address, browser_page() as page:
        page.goto(f"{address}/lab")
        yield page, directory / "notebooks"


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def page(name, lab_page, saved_by_jupyterlab):
    """A notebook that was run from top to bottom by the menu, and then saved."""
    page, directory = lab_page
    page.broken.clear()
    try:
        started = time.monotonic()
        run_all_cells(page, name, ANSWERS.get(name, ()))
        seconds = time.monotonic() - started
        save_notebook(page)
    except Exception:
        page.screenshot(path=SCREENSHOTS / f"not-finished-{name}.png")
        raise
    saved = nbformat.read(directory / name, as_version=nbformat.NO_CONVERT)
    saved.metadata["seconds"] = seconds
    saved_by_jupyterlab[helpers.NOTEBOOKS / name] = saved
    yield page
    close_and_shut_down(page)


def tagged_as_failing(name: str) -> list[str]:
    cells = json.loads((helpers.NOTEBOOKS / name).read_text())["cells"]
    failing = (cell for cell in cells if "raises-exception" in cell["metadata"].get("tags", []))
    return ["".join(cell["source"]) for cell in failing]


def test_runs_from_top_to_bottom(page, name):
    assert page.locator(PROMPTS).all_text_contents() == prompts_of(name)
    assert page.broken == [], f"errors in the page: {page.broken}"


def test_only_the_cells_that_should_fail_did(page, name):
    failing = tagged_as_failing(name)
    failed = failed_cells(page)
    assert len(failed) == len(failing), failed
    for source, text in zip(failing, failed):
        assert source.splitlines()[0] in text


def test_nothing_is_cut_off(page):
    assert pictures(page)
    assert [picture for picture in pictures(page) if not picture["fits"]] == []
    assert cut_off_texts(page) == []
    assert scrolling_editors(page) == []
    assert texts_outside_of_their_pictures(page) == []


@pytest.mark.parametrize("theme", THEMES)
def test_can_be_read(page, name, theme):
    choose_theme(page, theme)
    for number, output in enumerate(page.locator(".jp-Notebook .jp-OutputArea-output").all()):
        contrast, word = worst_contrast(output)
        assert contrast >= 2.5, f"{word!r} of output {number} has a contrast of {contrast:.1f} with its background"
    with whole_notebook(page):
        path = SCREENSHOTS / f"{name.removesuffix('.ipynb')}-{theme}.png"
        page.locator(".jp-Notebook").screenshot(path=path)
    assert path.stat().st_size > 100_000, f"{path} looks empty"
