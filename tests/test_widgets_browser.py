"""What a reader sees and does: widgets in JupyterLab in a real browser, moved by keyboard and mouse."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from playwright.sync_api import expect

import helpers
from helpers_browser import (
    SCREENSHOTS,
    browser_page,
    choose_theme,
    code_cell,
    jupyter_lab,
    open_from_file_browser,
    open_menu,
    save_notebook,
    wait_until_idle,
    worst_contrast,
)

NOTEBOOK = "widgets.ipynb"

CELLS = [
    'let slider = IntSlider::new(0..=100).with_value(30).description("workers"); slider',
    "let seen = slider.value(); seen",
    """let bar = IntProgress::new(0..=4).with_value(1).description("done");
let moved = bar.clone();
let button = Button::new("more");
button.on_click(move || {
    moved.set_value(moved.value() + 1);
    println!("clicked, now {}", moved.value());
});
HBox::new(&[&button, &bar])""",
    'interact(0..=10, |n| Html(format!("the square of {n} is <b>{}</b>", n * n)))',
    'let colour = Dropdown::new(["red", "green"]); VBox::new(&[&widgets::Text::new("a text"), &Checkbox::new(true).description("tick"), &colour, &Label::new("a label"), &FloatSlider::new(0.0..=1.0)])',
]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def page(kernelspec, tmp_path_factory):
    """A notebook with widgets, opened and run."""
    directory = tmp_path_factory.mktemp("lab")
    root, private = directory / "notebooks", directory / "private"
    root.mkdir()
    private.mkdir()
    cells = [
        {"cell_type": "code", "id": f"cell{n}", "source": code, "metadata": {}, "outputs": [], "execution_count": None}
        for n, code in enumerate(CELLS)
    ]
    spec = {"name": helpers.KERNEL, "display_name": "Rust (Threadbook)", "language": "rust"}
    metadata = {"kernelspec": spec, "language_info": {"name": "rust"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (root / NOTEBOOK).write_text(json.dumps(notebook))
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with jupyter_lab(root, private, f"threadbook-test-{uuid.uuid4()}") as address, browser_page() as page:
        try:
            page.goto(f"{address}/lab")
            page.locator(".jp-LauncherCard", has_text="Rust (Threadbook)").first.wait_for()
            open_from_file_browser(page, NOTEBOOK)
            wait_until_idle(page)
            open_menu(page, "Run", "Run All Cells")
            expect(code_cell(page, "a label").locator(".jp-InputPrompt")).to_have_text("[5]:", timeout=90_000)
            expect(code_cell(page, "a label").locator(".widget-label", has_text="a label")).to_be_visible()
        except Exception:
            page.screenshot(path=SCREENSHOTS / "widgets-not-finished.png")
            raise
        yield page


def run_again(page, text: str) -> None:
    cell = code_cell(page, text)
    before = cell.locator(".jp-InputPrompt").inner_text()
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-InputPrompt")).not_to_have_text(before)
    expect(cell.locator(".jp-InputPrompt")).not_to_have_text("[*]:")


def press(cell, key: str, times: int) -> None:
    handle = cell.locator(".noUi-handle").first
    handle.focus()
    for _ in range(times):
        handle.press(key)


def test_a_slider_moved_by_keys_changes_what_the_next_cell_shows(page):
    cell = code_cell(page, "workers")
    expect(cell.locator(".widget-readout")).to_have_text("30")
    press(cell, "ArrowRight", 3)
    expect(cell.locator(".widget-readout")).to_have_text("33")
    run_again(page, "let seen")
    expect(code_cell(page, "let seen").locator(".jp-OutputArea-output")).to_have_text("33")


def test_a_click_runs_its_callback_and_prints_under_its_cell(page):
    cell = code_cell(page, "on_click")
    for _ in range(2):
        cell.locator("button.widget-button").click()
    expect(cell.locator(".jp-OutputArea-output pre")).to_have_text("clicked, now 2\nclicked, now 3\n")
    expect(cell.locator(".progress-bar")).to_have_attribute("style", re.compile(r"width: 75%"))


def test_interact_draws_anew(page):
    cell = code_cell(page, "interact")
    expect(cell.locator(".jp-OutputArea-output b")).to_have_text("0")
    press(cell, "ArrowRight", 4)
    expect(cell.locator(".jp-OutputArea-output b")).to_have_text("16")
    assert cell.locator(".jp-OutputArea-output b").count() == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshots(page, theme):
    choose_theme(page, theme)
    page.screenshot(path=SCREENSHOTS / f"widgets-{theme}.png")
    contrast, word = worst_contrast(code_cell(page, "a label").locator(".jp-OutputArea-output"))
    assert contrast >= 4.5, f"{word!r} has a contrast of {contrast:.1f} with its background"


def test_widgets_are_there_again_when_the_page_is_loaded_anew(page):
    save_notebook(page)
    page.reload()
    code_cell(page, "workers").wait_for()
    wait_until_idle(page)
    cell = code_cell(page, "workers")
    expect(cell.locator(".widget-readout")).to_have_text("33")
    press(cell, "ArrowLeft", 1)
    run_again(page, "let seen")
    expect(code_cell(page, "let seen").locator(".jp-OutputArea-output")).to_have_text("32")
    assert page.broken == [], f"errors in the page: {page.broken}"
