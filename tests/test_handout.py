"""Handouts: every notebook, in both editions and all formats, as a reader gets them."""

from __future__ import annotations

import base64
import functools
import html.parser
import http.server
import re
import shutil
import subprocess
import threading
import unicodedata
import xml.etree.ElementTree
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

import helpers
from helpers import FIRST, code_cells, read_notebook, tagged, threadbook, told, write_notebook
from helpers_browser import SCREENSHOTS, browser_page, worst_contrast

NOTEBOOKS = sorted(helpers.NOTEBOOKS.glob("*.ipynb"))
EDITIONS = ["student", "teacher"]
ENDINGS = {"html": ".html", "pdf": ".pdf", "slides": ".slides.html", "script": ".rs"}

#: The first notebook, and the two with the most pictures. The others are printed in `cargo verify --all` only.
PRINTED = {"01-concurrency.ipynb", "04-multiprocessing.ipynb", "07-rayon.ipynb"}

#: A picture of one pixel.
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")

#: The first test of a notebook may have to execute it.
pytestmark = pytest.mark.timeout(900)


def of_each_notebook(*forms: str):
    """Runs a test for each notebook in each of these formats."""
    cases = [
        pytest.param(path, form, marks=pytest.mark.rare if form == "pdf" and path.name not in PRINTED else (), id=f"{path.stem}-{form}")
        for path in NOTEBOOKS
        for form in forms
    ]
    return pytest.mark.parametrize("path, form", cases)


every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
both_editions = pytest.mark.parametrize("edition", EDITIONS)
on_the_screen = pytest.mark.parametrize("form", ["html", "slides"])


def poppler(program: str, *arguments) -> bytes:
    """Runs a program of poppler-utils."""
    if shutil.which(program) is None:
        raise AssertionError(f"no {program} found. Install it with: apt-get install poppler-utils")
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, timeout=120).stdout


@functools.cache
def pages_of(pdf: Path) -> list[str]:
    """The text of each page."""
    return poppler("pdftotext", "-layout", pdf, "-").decode().split("\f")[:-1]


def dense(text: str) -> str:
    """The text without white space, which each format puts where it likes, and without ligatures."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


class Text(html.parser.HTMLParser):
    """The text of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.pieces: list[str] = []
        self.feed(page)

    def handle_data(self, data):
        self.pieces.append(data)


@functools.cache
def text_of(path: Path) -> str:
    if path.suffix == ".pdf":
        # Without the feet of the pages, which may be in the middle of a line that goes on.
        return dense("".join(page.rstrip().rpartition("\n")[0] for page in pages_of(path)))
    text = path.read_text()
    return dense("".join(Text(text).pieces) if path.suffix == ".html" else text)


class Handouts:
    """The handouts of an executed notebook: of both editions, each made once."""

    def __init__(self, copy: Path, directory: Path):
        self.copy = copy
        self.directory = directory
        self.notebook = read_notebook(copy)

    def file(self, edition: str, form: str) -> Path:
        path = self.directory / f"{self.copy.stem}-{edition}{ENDINGS[form]}"
        if not path.exists():
            run = threadbook(
                *("handout", self.copy, "--to", "pdf" if form == "pdf" else "html,slides,script"),
                *(f"--{edition}", "--as-is", "--output-dir", self.directory),
                cwd=self.directory,
            )
            assert run.returncode == 0, told(run)
            assert str(path) in run.stdout, f"{path} is not named\n{told(run)}"
        return path

    def pictures(self) -> list[tuple[str, str]]:
        """The pictures in outputs, each with the id of its cell."""
        shown = [(cell.id, output.get("data", {})) for cell in self.notebook.cells for output in cell.get("outputs", [])]
        return [(cell, data["image/svg+xml"]) for cell, data in shown if "image/svg+xml" in data]


@pytest.fixture(scope="module")
def handouts(executed, tmp_path_factory):
    """The handouts of a notebook, by its path."""
    return functools.cache(lambda path: Handouts(executed(path), tmp_path_factory.mktemp("handouts")))


@pytest.fixture(scope="module")
def first(handouts) -> Handouts:
    return handouts(FIRST)


@pytest.fixture(scope="module")
def browser():
    with browser_page() as page:
        page.complaints = []
        page.requests = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        yield page


def open_file(page, path: Path, query: str = "") -> None:
    page.goto("about:blank")
    page.complaints.clear()
    page.requests.clear()
    page.goto(path.as_uri() + query)


# --- what is in them ----------------------------------------------------------------------------------------------


def lines_of_solutions(notebook) -> dict[str, list[str]]:
    """For each solution, by its cell's id, the lines of its code that stand nowhere else in the notebook."""
    solutions = tagged(notebook, "solution")
    elsewhere = dense("\n".join(cell.source for cell in notebook.cells if cell not in solutions))
    code = {cell.id: "".join(re.findall(r"```rust\n(.+?)```", cell.source, re.DOTALL)) for cell in solutions}
    lines = {name: list(map(dense, text.splitlines())) for name, text in code.items() if text}
    return {name: [line for line in own if len(line) > 8 and line not in elsewhere] for name, own in lines.items()}


@of_each_notebook(*ENDINGS)
def test_everything_but_solutions_is_in_both_editions(handouts, path, form):
    made = handouts(path)
    student, teacher = (text_of(made.file(edition, form)) for edition in EDITIONS)
    for cell in code_cells(made.notebook):
        for line in filter(None, map(dense, cell.source.splitlines())):
            assert line in teacher, f"{line} of the cell {cell.id} misses in the teachers' {form}"
            assert line in student, f"{line} of the cell {cell.id} misses in the students' {form}"
    for cell, lines in lines_of_solutions(made.notebook).items():
        assert lines, f"the solution {cell} has no line of its own to look for"
        assert [line for line in lines if line not in teacher] == [], f"the solution {cell} misses in the teachers' {form}"
        assert [line for line in lines if line in student] == [], f"the solution {cell} is in the students' {form}"


@both_editions
def test_students_have_room_and_teachers_see_what_is_the_solution(first, edition):
    solutions = tagged(first.notebook, "solution")
    # A solution in words is text in the teachers' edition.
    in_words = [cell for cell in solutions if "```rust" not in cell.source]
    count = len(solutions) - (len(in_words) if edition == "teacher" else 0)
    assert count > 0
    label = {"student": "Your solution", "teacher": "Solution"}[edition]
    for form in ("html", "slides"):
        pieces = Text(first.file(edition, form).read_text()).pieces
        assert sum(piece.strip() == label for piece in pieces) == count
    assert first.file(edition, "script").read_text().count(f"// --- {label} ---\n") == count


def test_a_check_is_its_code_alone(first):
    """The check of a notebook that was run from top to bottom has failed, as no exercise is solved."""
    checks = tagged(first.notebook, "check")
    code = dense("\n".join(cell.source for cell in checks))
    failed = [output["evalue"] for cell in checks for output in cell.outputs if "evalue" in output]
    # A message without a value of the answer is also in the code of its check.
    failed = [message for message in failed if dense(message) not in code]
    assert failed, "no check has failed with a value of the answer"
    for form in ("html", "pdf", "slides"):
        for edition in EDITIONS:
            text = text_of(first.file(edition, form))
            assert [line for line in map(dense, failed) if line in text] == [], f"in the {edition}s' {form}"


def test_the_script_is_comments_and_code(first):
    script = first.file("student", "script").read_text()
    assert script.startswith("//! Concurrency, with futures\n//! Student edition\n//!\n//! Date: ")
    assert "\n// ## Why?\n//\n// **Speed.**\n" in script
    assert '\nprintln!("this program may use {} cores", thread::available_parallelism()?);\n' in script
    assert "<details>" not in script and "\n// Hint 1:\n" in script


def test_the_title_page_says_where_the_outputs_come_from(first):
    for form in ("html", "slides", "pdf"):
        text = text_of(first.file("student", form))
        for fact in ("Student edition", "Timings taken on"):
            assert dense(fact) in text, f"{fact} misses in {form}"
        assert re.search(r"Threadbook\d+\.\d+\.\d+,rustc\d+\.\d+\.\d+", text)
        assert re.search(r"\d+cores?,", text)


# --- on the screen ------------------------------------------------------------------------------------------------


@every_notebook
@both_editions
@on_the_screen
def test_a_page_is_whole_by_itself(handouts, browser, path, edition, form):
    file = handouts(path).file(edition, form)
    open_file(browser, file)
    assert browser.complaints == []
    asked = [url for url in browser.requests if not url.startswith("data:")]
    assert asked == [file.as_uri()], "everything is in the file"


@every_notebook
@both_editions
@on_the_screen
def test_a_page_is_for_everyone(handouts, browser, path, edition, form):
    open_file(browser, handouts(path).file(edition, form))
    assert browser.locator("html").get_attribute("lang") == "en"
    assert browser.title()
    # The headings in outputs are those of the reader's programs.
    levels = browser.locator(":is(h1, h2, h3, h4, h5, h6):not(.output *)").evaluate_all("all => all.map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1, levels
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:])), f"a level is left out: {levels}"
    nameless = browser.locator("img, svg, canvas").evaluate_all(
        """all => all.filter(picture => !(picture.alt || picture.ariaLabel || picture.querySelector?.("title")))
                     .map(picture => picture.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    lost = browser.locator("a[href^='#']").evaluate_all(
        "all => all.map(a => a.hash).filter(hash => !document.getElementById(decodeURIComponent(hash.slice(1))))"
    )
    assert lost == [], "links that lead nowhere"


@both_editions
@on_the_screen
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read(first, browser, edition, form, scheme):
    browser.emulate_media(color_scheme=scheme)
    try:
        open_file(browser, first.file(edition, form))
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        browser.screenshot(path=SCREENSHOTS / f"handout-{edition}-{form}-{scheme}.png")
        if form == "slides":
            browser.evaluate("slides.forEach(slide => slide.style.display = '')")
        contrast, word = worst_contrast(browser.locator("body"))
        assert contrast >= 4.5, f"{word!r} has a contrast of {contrast:.2f} only"
    finally:
        browser.emulate_media(color_scheme="null")


@every_notebook
def test_pictures_are_there_and_say_what_they_show(handouts, browser, path):
    made = handouts(path)
    checks = [cell.id for cell in tagged(made.notebook, "check")]
    open_file(browser, made.file("teacher", "html"))
    drawn = browser.locator("img").evaluate_all(
        "all => all.filter(img => img.complete && img.naturalWidth > 0).map(img => img.alt)"
    )
    assert len(drawn) == len([cell for cell, _ in made.pictures() if cell not in checks]) > 0
    assert [alt for alt in drawn if len(alt) < 8 or re.search(r"picture of \d+ bytes", alt)] == []


def test_hints_are_folded_for_students(first, browser):
    solutions = tagged(first.notebook, "solution")
    hints = sum(cell.source.count("<details>") for cell in first.notebook.cells if cell not in solutions)
    in_words = sum("```rust" not in cell.source for cell in solutions)
    for edition, count, opened in (("student", hints, 0), ("teacher", hints + in_words, hints + in_words)):
        open_file(browser, first.file(edition, "html"))
        assert browser.locator("details").count() == count > 0
        assert browser.locator("details[open]").count() == opened


@every_notebook
@both_editions
def test_nothing_is_wider_than_the_page(handouts, browser, path, edition):
    open_file(browser, handouts(path).file(edition, "html"))
    assert browser.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@contextmanager
def counting_server():
    """A server on this machine, and what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()


def test_outputs_fetch_nothing_and_text_stays_text(kernelspec, browser, tmp_path):
    with counting_server() as (address, asked):
        page = f'<b id="rich">bold</b><img src="{address}/a.png" alt="x"><link rel="stylesheet" href="{address}/a.css">'
        page += f'<script src="{address}/a.js"></script><iframe src="{address}/frame"></iframe>'
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("rich()")])
        notebook.cells[0].outputs = [
            nbformat.v4.new_output("display_data", {"text/html": page}),
            nbformat.v4.new_output("display_data", {"text/plain": "<script>document.title = 'run'</script><i>plain</i>"}),
        ]
        nbformat.write(notebook, tmp_path / "rich.ipynb")
        run = threadbook("handout", "rich.ipynb", "--as-is", "--to", "html,slides", "--output-dir", ".", cwd=tmp_path)
        assert run.returncode == 0, told(run)
        for ending in (".html", ".slides.html"):
            open_file(browser, tmp_path / f"rich-student{ending}")
            assert browser.locator("#rich").text_content() == "bold"
            assert browser.title() == "rich"
            assert "<i>plain</i>" in browser.locator("body").text_content()
    assert asked == [], "something was fetched"


def test_formulas_raw_cells_and_pictures_of_the_text_are_in_every_format(kernelspec, browser, tmp_path):
    (tmp_path / "a b.png").write_bytes(PIXEL)
    text = r"""# On $\{x\}$

Inline $\{x\}$, \(a_1\) and \\(b_2\\), then

$$\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$$

| cell |
|------|
| $\sum_i \frac{1}{i^2}$ |

![markdown](a%20b.png) <img src="a%20b.png" alt="html"> <img src="attachment:c.png" alt="attached">

`$code$` for $5 or $6."""
    cells = [nbformat.v4.new_markdown_cell(text, attachments={"c.png": {"image/png": base64.b64encode(PIXEL).decode()}})]
    cells += [nbformat.v4.new_raw_cell("kept <b>as it is</b>"), nbformat.v4.new_raw_cell("<b id='raw'>bold</b>", metadata={"raw_mimetype": "text/html"})]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "text.ipynb")
    run = threadbook("handout", "text.ipynb", "--as-is", "--to", "html,slides,pdf,script", "--output-dir", ".", cwd=tmp_path)
    assert run.returncode == 0 and "left out" not in told(run), told(run)
    for ending in (".html", ".slides.html"):
        open_file(browser, tmp_path / f"text-student{ending}")
        browser.emulate_media(media="print")  # also of slides, everything can be seen
        formulas = browser.locator("main math").evaluate_all("all => all.map(each => [each.getBoundingClientRect().width, each.getBoundingClientRect().height])")
        assert len(formulas) == 5 and all(width > 5 and height > 5 for width, height in formulas), (ending, formulas)
        heights = [height for _, height in formulas]
        assert max(heights) > 1.5 * min(heights), "the matrix has two rows"
        pictures = browser.locator("main img").evaluate_all("all => all.map(each => [each.alt, each.naturalWidth])")
        assert pictures == [["markdown", 1], ["html", 1], ["attached", 1]]
        shown = browser.locator("main").text_content()
        assert "$code$ for $5 or $6." in shown and "kept <b>as it is</b>" in shown
        assert browser.locator("#raw").text_content() == "bold" and browser.complaints == []
        browser.emulate_media(media="screen")
    paper = dense(poppler("pdftotext", "-layout", tmp_path / "text-student.pdf", "-").decode())
    assert "kept<b>asitis</b>" in paper and "$\\" not in paper
    assert "// kept <b>as it is</b>" in (tmp_path / "text-student.rs").read_text()


# --- slides -------------------------------------------------------------------------------------------------------


def shown_slides(page) -> list[int]:
    """The numbers of the slides that can be seen, from 1."""
    return page.evaluate("slides.flatMap((slide, index) => slide.checkVisibility() ? [index + 1] : [])")


def test_slides_follow_the_keys(first, browser):
    open_file(browser, first.file("student", "slides"))
    count = browser.locator(".slide").count()
    assert shown_slides(browser) == [1]
    at = 1
    for key, to in (("ArrowRight", 2), ("ArrowDown", 3), ("ArrowLeft", 2), ("End", count), ("ArrowRight", count), ("Home", 1), ("ArrowUp", 1), (" ", 2)):
        browser.keyboard.press(key)
        assert shown_slides(browser) == [to], f"{key} on slide {at} of {count}"
        at = to
    browser.get_by_role("button", name="Next slide").click()
    assert shown_slides(browser) == [3]
    assert browser.locator("[role=status]").text_content() == f"3 / {count}"
    open_file(browser, first.file("student", "slides"), "#5")
    assert shown_slides(browser) == [5], "the address of a slide leads to it"


@every_notebook
@both_editions
def test_each_heading_begins_a_slide(handouts, browser, path, edition):
    open_file(browser, handouts(path).file(edition, "slides"))
    headings = "h2, h3, h4, h5, h6"
    inside = browser.locator(".slide").evaluate_all(
        "(all, h) => all.flatMap(slide => [...slide.querySelectorAll(h)].filter(each => each !== slide.firstElementChild).map(each => each.textContent))",
        headings,
    )
    assert inside == [], "headings in the middle of a slide"
    empty = browser.evaluate("slides.flatMap((slide, index) => slide.querySelector(':scope > :not(.continued)') ? [] : [index + 1])")
    assert empty == []


@every_notebook
@both_editions
def test_each_slide_is_all_to_be_seen(handouts, browser, path, edition):
    open_file(browser, handouts(path).file(edition, "slides"))
    hidden = browser.evaluate(
        """slides.flatMap((slide, index) => {
            show(index, false);
            // A solution and a check stay in one piece, and a slide that is too small for it scrolls.
            if (slide.lastElementChild.matches(".solution, .check")) return [];
            return slide.scrollHeight > slide.clientHeight + 1 || slide.scrollWidth > slide.clientWidth + 1 ? [index + 1] : [];
        })"""
    )
    assert hidden == [], "slides that hold more than they show"


# --- on paper -----------------------------------------------------------------------------------------------------


def pictures_of(pdf: Path, directory: Path, resolution: int = 36) -> list[tuple[int, int, bytes]]:
    """Each page as width, height and a byte a pixel."""
    poppler("pdftoppm", "-gray", "-r", resolution, pdf, directory / "page")
    pictures = []
    for path in sorted(directory.glob("page*.pgm")):
        content = path.read_bytes()
        header = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", content)
        assert header, f"{content[:20]!r} begins no picture that this test reads"
        pictures.append((int(header[1]), int(header[2]), content[header.end() :]))
    return pictures


@of_each_notebook("pdf")
@both_editions
def test_pages_are_neither_blank_nor_cut_off(handouts, path, form, edition, tmp_path):
    pdf = handouts(path).file(edition, form)
    pages = pictures_of(pdf, tmp_path)
    assert len(pages) == len(pages_of(pdf)) >= 2
    for number, (width, height, pixels) in enumerate(pages, start=1):
        assert abs(height / width - 297 / 210) < 0.02, "A4"
        rows = [pixels[row * width : (row + 1) * width] for row in range(height)]
        # Below is the footer, which is no content; nothing reaches into the margins at the sides.
        top, bottom, side = height * 10 // 297, height * 279 // 297, width * 12 // 210
        assert any(min(row) < 160 for row in rows[top:bottom]), f"page {number} is blank"
        assert all(min(row[:side]) > 240 and min(row[-side:]) > 240 for row in rows), f"page {number} is wider than the paper"


def test_the_title_is_on_page_1_and_pages_have_numbers(first):
    pages = pages_of(first.file("student", "pdf"))
    assert "Concurrency, with futures" in pages[0] and "Name:" in pages[0]
    assert "Timings taken on" in pages[0]
    for number, page in enumerate(pages, start=1):
        # Hints are upside down, and pdftotext turns a page that is mostly so: its foot is the first line then.
        lines = page.splitlines()
        assert any(f"{number} / {len(pages)}" in foot for foot in (lines[0], lines[-1])), f"page {number}"


def words_of(svg: str) -> set[str]:
    texts = xml.etree.ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return {dense(word) for text in texts for word in "".join(text.itertext()).split()}


@of_each_notebook("pdf")
@both_editions
def test_no_picture_is_split_between_pages(handouts, path, form, edition):
    made = handouts(path)
    pages = [dense(page) for page in pages_of(made.file(edition, form))]
    checks = [cell.id for cell in tagged(made.notebook, "check")]
    pictures = [(cell, words_of(svg)) for cell, svg in made.pictures() if cell not in checks]
    # A picture without words leaves no trace in the text of a page.
    pictures = [(cell, words) for cell, words in pictures if words]
    assert pictures
    for cell, words in pictures:
        assert any(all(word in page for word in words) for page in pages), f"the picture of {cell}: {words}"


def test_links_work_on_paper(first):
    linked = first.file("student", "pdf").read_bytes()
    assert b"/URI (https://peps.python.org/pep-0703/)" in linked
    assert b"file:" not in linked, "a file of the machine that this was made on"


# --- the command --------------------------------------------------------------------------------------------------


def test_a_handout_is_executed_afresh(kernelspec, tmp_path):
    notebook = write_notebook(tmp_path / "sum.ipynb", 'println!("{}", 20 + 22);')
    before = notebook.read_bytes()
    run = threadbook("handout", notebook, "--to", "html", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    text = text_of(tmp_path / "handouts" / "sum-student.html")
    assert "42" in text and "Timingstakenon" in text
    assert notebook.read_bytes() == before, "the notebook itself stays as it is"
    run = threadbook("handout", notebook, "--to", "html", "--as-is", "--teacher", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    text = text_of(tmp_path / "handouts" / "sum-teacher.html")
    assert "42" not in text and "Outputsnone,becausethenotebookwassavedwithoutthem" in text


def test_a_notebook_that_fails_gives_no_handout(kernelspec, tmp_path):
    notebook = write_notebook(tmp_path / "failing.ipynb", 'panic!("out of coffee")', 'println!("ran on");')
    run = threadbook("handout", notebook, "--to", "script", cwd=tmp_path)
    assert run.returncode == 1 and "failing.ipynb, cell 1" in told(run) and "out of coffee" in told(run), told(run)
    assert not (tmp_path / "handouts").exists()
    run = threadbook("handout", notebook, "--to", "html", "--allow-errors", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    assert "outofcoffee" in text_of(tmp_path / "handouts" / "failing-student.html")


def test_without_a_browser_the_rest_is_made(kernelspec, tmp_path):
    notebook = write_notebook(tmp_path / "sum.ipynb", "20 + 22")
    (tmp_path / "bin").mkdir()
    run = threadbook("handout", notebook, "--to", "pdf,html", "--as-is", cwd=tmp_path, PATH=str(tmp_path / "bin"))
    assert run.returncode == 1, told(run)
    assert re.search(r"no PDF .*Chromium.*mend it with: \w+", run.stderr), told(run)
    assert len(run.stderr.splitlines()) == 1, told(run)
    assert [path.name for path in (tmp_path / "handouts").iterdir()] == ["sum-student.html"]


@pytest.mark.parametrize(
    "text",
    ["not a notebook", "[]", '{"nbformat": 3, "worksheets": []}', '{"nbformat": 4, "metadata": {}}'],
    ids=["no JSON", "a list", "format 3", "no cells"],
)
def test_what_is_no_notebook_is_named(kernelspec, tmp_path, text):
    (tmp_path / "wrong.ipynb").write_text(text)
    run = threadbook("handout", "wrong.ipynb", "--as-is", cwd=tmp_path)
    assert run.returncode == 1 and "wrong.ipynb" in run.stderr, told(run)
    assert len(run.stderr.splitlines()) == 1, told(run)


@pytest.mark.parametrize("wrong", [["--to", "docx"], ["--student", "--teacher"], ["--as-is", "--timeout", "5"]])
def test_wrong_use_ends_with_2(kernelspec, tmp_path, wrong):
    run = threadbook("handout", "any.ipynb", *wrong, cwd=tmp_path)
    assert run.returncode == 2, told(run)
