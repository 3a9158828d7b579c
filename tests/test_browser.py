"""What a reader sees: the first notebook in JupyterLab in a real browser, run by its menus."""

from __future__ import annotations

import pytest

from helpers_browser import (
    PROMPTS,
    SCREENSHOTS,
    THEMES,
    browser_page,
    choose_theme,
    code_cell,
    coloured_words,
    course_in_jupyter_lab,
    failed_cells,
    output_of,
    prompts_of,
    run_all_cells,
    worst_contrast,
)
from helpers_layout import cut_off_texts, pictures, scrolling_editors, texts_outside_of_their_pictures

NOTEBOOK = "01-concurrency.ipynb"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def lab(kernelspec, tmp_path_factory):
    with course_in_jupyter_lab(tmp_path_factory.mktemp("lab")) as address:
        yield address


@pytest.fixture(scope="module")
def page(lab):
    """The notebook, opened by a double click in the file browser and run by Run, Run All Cells."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with browser_page() as page:
        try:
            page.goto(f"{lab}/lab")
            page.locator(".jp-LauncherCard", has_text="Rust (Threadbook)").first.wait_for()
            page.screenshot(path=SCREENSHOTS / "launcher.png")
            run_all_cells(page, NOTEBOOK)
        except Exception:
            page.screenshot(path=SCREENSHOTS / "not-finished.png")
            raise
        yield page


def test_the_notebook_ran(page):
    prompts = page.locator(PROMPTS).all_text_contents()
    assert prompts == prompts_of(NOTEBOOK)
    assert page.broken == [], f"errors in the page: {page.broken}"


def test_prime_results_are_on_the_page(page):
    assert output_of(code_cell(page, "pool.map(is_prime, NUMBERS)) {")).splitlines() == [
        "112272535095293 is prime: true",
        "1099726899285419 is prime: false",
        "112582705942171 is prime: true",
    ]


def test_values_and_text_are_on_the_page(page):
    assert output_of(code_cell(page, "small_primes")).strip() == "[2, 3, 5, 7, 11, 13, 17, 19, 23, 29]"
    assert "and the answer is 42" in output_of(code_cell(page, "future_val.result()"))


def test_only_the_cells_that_should_fail_did(page):
    failed = failed_cells(page)
    assert len(failed) == 3, failed
    assert "cannot be sent between threads safely" in failed[0]
    assert "cannot go to another process" in failed[1]
    assert "cannot capture variables" in failed[2]


def test_all_of_the_outputs_is_to_be_seen(page):
    assert len(pictures(page)) >= 8
    assert [picture for picture in pictures(page) if not picture["fits"]] == []
    assert cut_off_texts(page) == []
    assert scrolling_editors(page) == []
    assert texts_outside_of_their_pictures(page) == []


def test_kernel_name_is_shown(page):
    assert page.locator(".jp-NotebookPanel .jp-KernelName").inner_text() == "Rust (Threadbook)"


@pytest.mark.parametrize("theme", THEMES)
def test_code_is_coloured_as_rust(page, theme):
    choose_theme(page, theme)
    function = code_cell(page, "fn is_prime")
    function.scroll_into_view_if_needed()
    colours: dict[str, set[str]] = {}
    for word, colour in coloured_words(function):
        colours.setdefault(word, set()).add(colour)
    keywords = set.union(*(colours[word] for word in ("fn", "if", "return")))
    assert len(keywords) == 1, f"keywords have one colour: {colours}"
    for other in ("is_prime", "u64", "isqrt", "2"):
        assert colours[other] != keywords, f"{other!r} has the colour of a keyword: {colours}"
    assert colours["2"] != colours["u64"], f"numbers have a colour of their own: {colours}"
    text = dict(coloured_words(code_cell(page, "future_val")))
    assert text["let"] in keywords, "`let` is a keyword of Rust"
    string = next(colour for word, colour in text.items() if word.startswith('"'))
    assert string not in keywords and string != text["my_long_computation"], text


@pytest.mark.parametrize("theme", THEMES)
def test_screenshots(page, theme):
    choose_theme(page, theme)
    for name, cell in {"primes": "pool.map(is_prime, NUMBERS)) {", "error": "std::rc::Rc::new"}.items():
        code_cell(page, cell).scroll_into_view_if_needed()
        path = SCREENSHOTS / f"{name}-{theme}.png"
        page.screenshot(path=path)
        assert path.stat().st_size > 20_000, f"{path} looks empty"


@pytest.mark.parametrize("theme", THEMES)
def test_errors_are_readable(page, theme):
    choose_theme(page, theme)
    contrast, word = worst_contrast(code_cell(page, "std::rc::Rc::new").locator(".jp-OutputArea-output"))
    # JupyterLab's own red on its own error background is at 2.7; what is below 2.5 cannot be read.
    assert contrast >= 2.5, f"{word!r} has a contrast of {contrast:.1f} with its background"


def test_a_cell_asks_the_user(page):
    """The last test here: it adds a cell."""
    code_cell(page, "small_primes").locator(".cm-content").first.click()
    for key in ("Escape", "b", "Enter"):
        page.keyboard.press(key)
    page.keyboard.insert_text('print!("Hello! "); input("What is your name? ")?')
    page.keyboard.press("Control+Enter")
    page.locator(".jp-Stdin-input").fill("Ada")
    assert page.locator(".jp-Stdin-prompt").inner_text().strip() == "What is your name?"
    page.screenshot(path=SCREENSHOTS / "input.png")
    page.locator(".jp-Stdin-input").press("Enter")
    cell = page.locator(".jp-Notebook .jp-CodeCell.jp-mod-active")
    cell.locator(".jp-OutputArea-executeResult").wait_for()
    # The box itself may stay for a moment.
    shown = "".join(cell.locator(".jp-RenderedText").all_text_contents())
    assert shown.split() == ["Hello!", "What", "is", "your", "name?", "Ada", '"Ada"']
