"""JupyterLab in a headless Chromium: starting the one and steering the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat.sign import NotebookNotary
from playwright.sync_api import Locator, Page, expect, sync_playwright

import helpers
from helpers import free_port, wait_until

#: Kept by the continuous integration as artefacts.
SCREENSHOTS = helpers.ROOT / "target" / "screenshots"

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

#: Nothing but the page: no first-run dialogues, no updates, no calls home.
CHROMIUM_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The system's Chromium, or the one that THREADBOOK_CHROMIUM names."""
    names = [os.environ.get("THREADBOOK_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    for name in filter(None, names):
        if found := shutil.which(name):
            return found
    raise AssertionError("no Chromium found. Install it with: apt-get install chromium")


def signatures(private: Path) -> dict[str, str]:
    """Where JupyterLab keeps the signatures of the notebooks that it trusts."""
    return {"db_file": str(private / "signatures.db"), "secret_file": str(private / "secret")}


@contextmanager
def jupyter_lab(root: Path, private: Path, mark: str):
    """JupyterLab on a free port, with settings and workspaces of its own; yields its address.

    All its processes carry the mark in their environment.
    """
    quiet = private / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    port = free_port()
    log_path = private / "jupyterlab.log"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "JUPYTER_CONFIG_DIR": str(private / "config"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
        "THREADBOOK_TEST_MARK": mark,
        "IPYTHONDIR": str(private / "ipython"),
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
        *("--IdentityProvider.token=", f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True"),
        *(f"--NotebookNotary.{name}={path}" for name, path in signatures(private).items()),
    ]
    with log_path.open("wb") as log:
        server = subprocess.Popen(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"

    def served() -> bool:
        assert server.poll() is None, f"JupyterLab ended\n{log_path.read_text(errors='replace')}"
        try:
            return urllib.request.urlopen(f"{address}/api/status", timeout=2).status == 200
        except (urllib.error.URLError, OSError):
            return False

    try:
        assert wait_until(served, 60, every=0.2), f"JupyterLab does not answer\n{log_path.read_text(errors='replace')}"
        yield address
    finally:
        server.terminate()  # which also shuts its kernels down
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def course_in_jupyter_lab(directory: Path):
    """JupyterLab on a copy of the notebooks, in this directory; its processes must all be gone at the end."""
    chromium()
    root, private = directory / "notebooks", directory / "private"
    # Without earlier measurements and builds.
    shutil.copytree(helpers.NOTEBOOKS, root, ignore=shutil.ignore_patterns(".*", "target"))
    private.mkdir()
    if helpers.KERNEL != "threadbook":
        for path in root.glob("*.ipynb"):
            notebook = json.loads(path.read_text())
            notebook["metadata"]["kernelspec"]["name"] = helpers.KERNEL
            path.write_text(json.dumps(notebook))
    mark = f"threadbook-test-{uuid.uuid4()}"
    with jupyter_lab(root, private, mark) as address:
        yield address
    left = wait_until(lambda: not helpers.processes_marked(mark), 15)
    assert left, f"left behind by JupyterLab: {[(p.pid, p.name()) for p in helpers.processes_marked(mark)]}"


@contextmanager
def browser_page():
    """A page in a fresh Chromium, which keeps the errors of its scripts in `broken`."""
    executable = chromium()
    with sync_playwright() as playwright:
        # Playwright's own default arguments ask for headless mode already; ours say which.
        browser = playwright.chromium.launch(executable_path=executable, headless=False, args=CHROMIUM_ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 1600})
            page.set_default_timeout(30_000)
            expect.set_options(timeout=30_000)
            page.broken = []
            page.on("pageerror", lambda error: page.broken.append(str(error)))
            yield page
        finally:
            browser.close()


def open_menu(page: Page, *labels: str) -> None:
    """Clicks through the menu bar: the first label names the menu, the last one the command."""
    page.locator(".lm-MenuBar-itemLabel", has_text=labels[0]).first.click()
    for depth, label in enumerate(labels[1:]):
        item = page.locator(".lm-Menu").nth(depth).locator(".lm-Menu-itemLabel").get_by_text(label, exact=True)
        item.click()


def choose_theme(page: Page, theme: str) -> None:
    """Switches the theme by the menu, and waits until its style sheet is there."""
    if page.evaluate("document.body.dataset.jpThemeName") != THEMES[theme]:
        open_menu(page, "Settings", "Theme", THEMES[theme])
    page.wait_for_function(
        r"""dark => {
            const [red] = getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor.match(/\d+/g);
            return (red < 128) === dark;
        }""",
        arg=theme == "dark",
    )
    # While it changes, JupyterLab lays its splash screen over everything.
    page.locator("#jupyterlab-splash").wait_for(state="detached")


def open_from_file_browser(page: Page, name: str) -> None:
    """Double-clicks a notebook in the file browser on the left and waits until its cells are there."""
    page.locator(".jp-DirListing-item", has_text=name).dblclick()
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()


def wait_until_idle(page: Page) -> None:
    page.locator(".jp-NotebookPanel .jp-KernelName", has_text="Rust (Threadbook)").wait_for()
    page.locator('.jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(timeout=60_000)


#: The prompts of code cells, but for those that are folded away, which show none.
PROMPTS = ".jp-Notebook .jp-CodeCell .jp-InputPrompt:not(.jp-Placeholder-prompt)"


def prompts_of(name: str) -> list[str]:
    """The prompts that a notebook shows after a run from top to bottom."""
    cells = json.loads((helpers.NOTEBOOKS / name).read_text())["cells"]
    numbered = enumerate((cell for cell in cells if cell["cell_type"] == "code"), start=1)
    return [f"[{n}]:" for n, cell in numbered if not cell["metadata"].get("jupyter", {}).get("source_hidden")]


def run_all_cells(page: Page, name: str, answers: dict[str, str]) -> None:
    """Opens a notebook as a reader does, runs it by the menu, answers its questions, and waits for its end."""
    helpers.COUNTS.update({"kernel starts": 1, "notebooks executed": 1})
    open_from_file_browser(page, name)
    wait_until_idle(page)
    open_menu(page, "Run", "Run All Cells")
    for question, answer in answers.items():
        page.locator(".jp-Stdin-prompt", has_text=question).wait_for(timeout=400_000)
        page.locator(".jp-Stdin-input").fill(answer)
        page.locator(".jp-Stdin-input").press("Enter")
    wait_for_prompts(page, name, timeout=400_000)
    wait_until_idle(page)


def wait_for_prompts(page: Page, name: str, timeout: float = 30_000) -> None:
    """Waits until each code cell has its number."""
    page.wait_for_function(
        """([selector, count]) => {
            const prompts = [...document.querySelectorAll(selector)];
            return prompts.length === count && prompts.every(prompt => /\\[\\d+\\]/.test(prompt.textContent));
        }""",
        arg=[PROMPTS, len(prompts_of(name))],
        timeout=timeout,
    )


def open_executed_copy(page: Page, directory: Path, copy: Path) -> None:
    """Opens an executed copy of a notebook in the JupyterLab of this directory, trusted and without a kernel."""
    shutil.copy(copy, directory / "notebooks")
    store = signatures(directory / "private")
    NotebookNotary(**store).sign(nbformat.read(copy, as_version=4))
    page.evaluate(
        """async path => {
            await jupyterapp.commands.execute("docmanager:open", {path, kernel: {shouldStart: false, canStart: false}});
        }""",
        copy.name,
    )
    wait_for_prompts(page, copy.name)


def save_notebook(page: Page) -> None:
    open_menu(page, "File", "Save Notebook")
    page.locator(".lm-TabBar-tab.jp-mod-current.jp-mod-dirty").wait_for(state="detached")


def close_and_shut_down(page: Page) -> None:
    """Closes the notebook, which is saved, and ends its kernel."""
    open_menu(page, "File", "Close and Shut Down Notebook…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.locator(".jp-NotebookPanel").wait_for(state="detached")


@contextmanager
def whole_notebook(page: Page):
    """Makes the page so high that nothing of the notebook needs to be scrolled to."""
    screen = page.viewport_size
    hidden = """() => {
        const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')];
        return Math.ceil(cells.at(-1).getBoundingClientRect().bottom) - window.innerHeight;
    }"""
    page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
    try:
        # Cells that come to be seen may turn out to be higher than they were thought to be.
        while (more := page.evaluate(hidden)) > 0:
            page.set_viewport_size({"width": screen["width"], "height": page.viewport_size["height"] + more + 50})
        yield
    finally:
        page.set_viewport_size(screen)


def code_cell(page: Page, text: str) -> Locator:
    """The first code cell with this text."""
    return page.locator(".jp-Notebook .jp-CodeCell", has=page.locator(".jp-InputArea-editor", has_text=text)).first


def output_of(cell: Locator) -> str:
    return "".join(cell.locator(".jp-OutputArea-output").all_text_contents())


def failed_cells(page: Page) -> list[str]:
    """The texts of the cells that ended with an error, or wrote to stderr, which JupyterLab shows alike."""
    red = page.locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    return page.locator(".jp-Notebook .jp-CodeCell", has=red).all_text_contents()


def coloured_words(cells: Locator) -> list[tuple[str, str]]:
    """The words of the cells' editors with the colours in which the page shows them, in order."""
    return [
        (word["text"], word["colour"])
        for word in cells.locator(".cm-content").evaluate_all(
            """editors => editors.flatMap(editor => {
                const found = [], walker = document.createTreeWalker(editor, NodeFilter.SHOW_TEXT);
                while (walker.nextNode()) {
                    const colour = getComputedStyle(walker.currentNode.parentElement).color;
                    for (const text of walker.currentNode.data.match(/[\\w!]+|"[^"]*"/g) ?? []) found.push({text, colour});
                }
                return found;
            })"""
        )
    ]


def worst_contrast(element: Locator) -> tuple[float, str]:
    """The lowest contrast (1 to 21, as WCAG computes it) of a word in this element with its background."""
    return tuple(
        element.evaluate(
            """element => {
                const parse = colour => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
                const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
                const background = node => {
                    if (node === null) return [255, 255, 255, 1];
                    const own = parse(getComputedStyle(node).backgroundColor);
                    return own[3] === 1 ? own : over(own, background(node.parentElement));
                };
                const luminance = colour => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
                    const c = colour[i] / 255;
                    return sum + weight * (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
                }, 0);
                let worst = [21, ""];
                const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
                while (walker.nextNode()) {
                    const parent = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
                    if (!/\\w/.test(text)) continue;
                    const behind = background(parent), front = over(parse(getComputedStyle(parent).color), behind);
                    const [high, low] = [luminance(front), luminance(behind)].sort((a, b) => b - a);
                    const contrast = (high + 0.05) / (low + 0.05);
                    if (contrast < worst[0]) worst = [contrast, text];
                }
                return worst;
            }"""
        )
    )
