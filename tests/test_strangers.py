"""Notebooks of strangers: a handout of one runs nothing, sends nothing, and reads and writes nowhere else."""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import resource
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

import helpers
from helpers import threadbook, told, write_notebook
from helpers_browser import browser_page, jupyter_lab

SECRET = "the-key-of-the-teacher"


@contextmanager
def counting_server():
    """A server on this machine, and what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"elsewhere")

        do_POST = do_GET

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


#: What a notebook tries. `SERVER` is an address that counts, `FILE` a file of the teacher's; a script that runs says `ran`.
HOSTILE = {
    "script": "<script>document.title = 'ran'</script>",
    "script in capitals": "<SCRIPT >document.title = 'ran'</SCRIPT >",
    "script in a comment": "<!--><script>document.title = 'ran'</script>-->",
    "script from elsewhere": "<script src='SERVER/a.js'></script>",
    "onerror": "<img src=x onerror=\"document.title = 'ran'\">",
    "onload of svg": "<svg onload=\"document.title = 'ran'\"></svg>",
    "script in svg": "<svg><script>document.title = 'ran'</script></svg>",
    "foreignObject": "<svg><foreignObject><body onload=\"document.title = 'ran'\"><script>document.title = 'ran'</script></foreignObject></svg>",
    "use": "<svg><use href=\"data:image/svg+xml;base64,PHN2Zy8+#x\"/><image href='SERVER/svg.png'/></svg>",
    "animate": "<svg><a><animate attributeName=href values=\"javascript:document.title='ran'\"/><text y=9>x</text></a></svg>",
    "math": "<math><maction actiontype='statusline#SERVER/m' href=\"javascript:document.title='ran'\">x</maction></math>",
    "mutation": "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=document.title='ran'&gt;\">",
    "ontoggle": "<details open ontoggle=\"document.title = 'ran'\"><summary>x</summary></details>",
    "autofocus": "<input autofocus onfocus=\"document.title = 'ran'\">",
    "javascript": "<a id='go' href=\"javascript:document.title='ran'\">x</a>",
    "javascript in pieces": "<a id='go' href=\"java&#10;script:document.title='ran'\">x</a>",
    "data link": "<a id='go' href=\"data:text/html,<script>1</script>\">x</a>",
    "file link": "<a id='go' href='file://FILE'>x</a>",
    "location": "<script>location = 'SERVER/location'</script>",
    "form": "<form id='f' action='SERVER/form' method='post'><textarea name='all'>a</textarea><button>Next</button></form><script>f.submit()</script>",
    "formaction": "<button formaction='SERVER/button'>Next</button><input type=image src='SERVER/image.png'>",
    "refresh": "<meta http-equiv='refresh' content='0;url=SERVER/refresh'>",
    "refresh to a file": "<meta http-equiv='refresh' content='0;url=file://FILE'>",
    "base": "<base href='SERVER/'><a href='x'>x</a>",
    "iframe": "<iframe src='SERVER/frame'></iframe><iframe src='file://FILE'></iframe>",
    "srcdoc": "<iframe srcdoc=\"<script>parent.document.title = 'ran'</script>\"></iframe>",
    "object": "<object data='file://FILE'></object><object data='SERVER/object'></object>",
    "embed": "<embed src='file://FILE'><embed src='SERVER/embed'>",
    "preload": "<link rel='preload' as='image' href='SERVER/preload'><link rel='prefetch' href='SERVER/prefetch'><link rel='stylesheet' href='SERVER/a.css'>",
    "import": "<style>@import url('SERVER/import.css'); body { background: url('SERVER/background.png') }</style>",
    "style": "<b style=\"background: url('SERVER/style.png'); position: fixed; inset: 0; z-index: 9\">x</b>",
    "picture": "<img src='SERVER/a.png'><img srcset='SERVER/b.png 1x'><picture><source srcset='SERVER/c.png'><img></picture>",
    "media": "<video src='SERVER/a.mp4' poster='SERVER/p.png' autoplay></video><audio src='SERVER/a.ogg' autoplay></audio>",
    "ping": "<a id='go' href='#here' ping='SERVER/ping'>x</a><p id='here'>here</p>",
    "end of the page": "</div></main></body></html><script>document.title = 'ran'</script>",
    "template": "<template shadowrootmode='open'><script>document.title = 'ran'</script></template>",
    "latex": "$\\href{javascript:document.title='ran'}{x}$ \\(\\require{html}\\href{javascript:1}{x}\\)",
    "markdown link": "[x](javascript:document.title='ran') <javascript:document.title='ran'> ![x](SERVER/markdown.png)",
}

#: What a browser makes of a page and a handout of a stranger's notebook has not. `scripts` are ours.
FORBIDDEN = """() => {
    const found = [];
    const scripts = document.querySelectorAll("script");
    for (const element of document.querySelectorAll("*")) {
        const name = element.localName;
        const own = element.matches("head > style, head > meta, head > title, body > script, nav.controls > button");
        if (["script", "iframe", "object", "embed", "form", "base", "link", "style", "meta", "svg", "math", "template", "button",
             "textarea", "audio", "video", "source", "picture", "foreignobject"].includes(name) && !own) found.push(element.outerHTML);
        if (name === "input" && !(element.type === "checkbox" && element.disabled)) found.push(element.outerHTML);
        for (const { name: key, value } of element.attributes) {
            const address = ["href", "src", "srcset", "action", "formaction", "poster", "ping", "data", "srcdoc", "background", "xlink:href"];
            const isPicture = name === "img" && key === "src" && value.startsWith("data:image/");
            const isLink = name === "a" && key === "href" && value.startsWith("#");
            if (key.startsWith("on") || (address.includes(key) && !isPicture && !isLink)) found.push(element.outerHTML);
            if (key === "style" && /url|image|position/.test(value) && !element.matches(".slide, main")) found.push(element.outerHTML);
        }
    }
    if (scripts.length > 1) found.push("more than one script");
    return found;
}"""


def write(path: Path, *cells) -> Path:
    """A notebook whose cells have these sources, and these outputs if there are any."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = list(cells)
    nbformat.write(notebook, path)
    return path


def markdown(source: str):
    return nbformat.v4.new_markdown_cell(source)


def code(data: dict):
    return nbformat.v4.new_code_cell("shown()", outputs=[nbformat.v4.new_output("display_data", data)])


def hostile_notebook(path: Path, text: str) -> Path:
    """Tries it in an output, in Markdown between and within paragraphs, and in an output that is Markdown."""
    here = "still here"
    return write(
        path,
        code({"text/html": f"<p>{here}</p>{text}<p>{here}</p>", "text/plain": here}),
        markdown(f"## A heading\n\n{here}\n\n{text}\n\n{here} {text}"),
        code({"text/markdown": f"{here} {text}\n\n{text}"}),
        code({"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{text}</svg>"}),
        markdown("the end"),
    )


def handout(directory: Path, *arguments, expected: int = 0, **options) -> subprocess.CompletedProcess:
    run = threadbook("handout", *arguments, "--as-is", cwd=directory, **options)
    assert run.returncode == expected, told(run)
    return run


@pytest.fixture(scope="module")
def browser():
    with browser_page() as page:
        yield page


@pytest.fixture(scope="module")
def server():
    with counting_server() as both:
        yield both


@pytest.fixture(scope="module")
def hostile(kernelspec, server, tmp_path_factory):
    """The directory of notebooks that try everything, each with its page and its slides."""
    directory = tmp_path_factory.mktemp("strangers")
    (directory / "secret.txt").write_text(SECRET)
    book = directory / "book"
    book.mkdir()
    for name, text in HOSTILE.items():
        text = text.replace("SERVER", server[0]).replace("FILE", str(directory / "secret.txt"))
        hostile_notebook(book / f"{name}.ipynb", text)
    run = handout(book, *sorted(path.name for path in book.glob("*.ipynb")), "--to", "html,slides")
    return book, run


@pytest.mark.parametrize("ending", ["html", "slides.html"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_runs_and_sends_nothing(hostile, server, browser, name, ending):
    book, _ = hostile
    address, asked = server
    asked.clear()
    page = book / "handouts" / f"{name}-student.{ending}"
    browser.goto("about:blank")
    requests: list[str] = []
    browser.on("request", lambda request: requests.append(request.url))
    browser.goto(page.as_uri())
    assert browser.evaluate(FORBIDDEN) == []
    for link in browser.locator("#go").all():
        link.dispatch_event("click")
    # Events that a script has waited for have had their turn after two frames.
    browser.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert browser.title() == name
    assert browser.url.split("#")[0] == page.as_uri()
    assert [url for url in requests if not url.startswith("data:") and url != page.as_uri()] == []
    assert asked == []
    assert "still here" in browser.locator("body").inner_text() or ending == "slides.html"
    assert "the end" in browser.locator("body").text_content(), "a page goes on after it"


def test_an_svg_in_html_is_drawn(kernelspec, browser, tmp_path):
    svg = "<svg width='40' height='30' viewBox='0 0 4 3'><title>A dot</title><circle r='1'/></svg>"
    write(tmp_path / "drawn.ipynb", code({"text/html": f"<div>{svg}</div>"}), markdown(f"A dot: {svg}"))
    run = handout(tmp_path, "drawn.ipynb", "--to", "html")
    browser.goto((tmp_path / "handouts" / "drawn-student.html").as_uri())
    sizes = browser.locator("img[alt='A dot']").evaluate_all("all => all.map(img => [img.naturalWidth, img.naturalHeight])")
    assert sizes == [[40, 30], [40, 30]] and run.stderr == ""


def test_html_that_is_nested_without_end_is_left_out(kernelspec, tmp_path):
    write(tmp_path / "deep.ipynb", code({"text/html": "<div>" * 200_000}), markdown(">" * 100_000 + "x"), markdown("the end"))
    run = handout(tmp_path, "deep.ipynb", "--to", "html")
    page = (tmp_path / "handouts" / "deep-student.html").read_text()
    assert page.count("nested too deep") == 2 and "the end" in page and "nested too deep" in run.stderr


def test_what_is_left_out_is_said(hostile):
    _, run = hostile
    for name in ("script", "iframe", "form", "import"):
        assert f"left out of the handout of {name}.ipynb: scripts, frames, forms or styles" in run.stderr, told(run)
    assert "left out of the handout of javascript.ipynb" not in run.stderr, told(run)
    assert re.search(r"left out of the handout of markdown link.ipynb: the picture http://\S+: it is on the web", run.stderr), told(run)


def test_trusted_is_the_word_for_more(kernelspec, browser, tmp_path):
    hostile_notebook(tmp_path / "own.ipynb", HOSTILE["script"])
    (tmp_path / "out.png").write_bytes(b"picture")
    (tmp_path / "book").mkdir()
    write(tmp_path / "book" / "picture.ipynb", markdown("![x](../out.png)"))
    handout(tmp_path, "own.ipynb", "--to", "html,slides", "--trusted")
    for ending in ("html", "slides.html"):
        browser.goto((tmp_path / "handouts" / f"own-student.{ending}").as_uri())
        assert browser.title() == "ran", "a script of a trusted notebook runs"
    run = handout(tmp_path, "book/picture.ipynb", "--to", "html", "--trusted")
    assert base64.b64encode(b"picture").decode() in (tmp_path / "book" / "handouts" / "picture-student.html").read_text()
    assert run.stderr == ""


def test_help_names_what_is_executed(kernelspec, tmp_path):
    for command in ("run", "handout"):
        said = threadbook(command, "--help", cwd=tmp_path).stdout
        assert "native code" in said, said
    assert "--trusted" in said


# --- on paper -----------------------------------------------------------------------------------------------------


def text_of(pdf: Path) -> str:
    if shutil.which("pdftotext") is None:
        raise AssertionError("no pdftotext found. Install it with: apt-get install poppler-utils")
    return subprocess.run(["pdftotext", pdf, "-"], check=True, capture_output=True, text=True, timeout=60).stdout


ON_PAPER = ["location", "refresh to a file", "iframe", "object", "embed", "use"]


def test_nothing_of_the_machine_is_printed(kernelspec, server, tmp_path):
    address, asked = server
    asked.clear()
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    names = [f"{name}.ipynb" for name in ON_PAPER]
    for name in ON_PAPER:
        text = HOSTILE[name].replace("SERVER", address).replace("FILE", str(secret))
        hostile_notebook(tmp_path / f"{name}.ipynb", text + f"<script>location = 'file://{secret}'</script>")
    handout(tmp_path, *names, "--to", "pdf")
    for name in ON_PAPER:
        printed = text_of(tmp_path / "handouts" / f"{name}-student.pdf")
        assert "still here" in printed and "the end" in printed, printed
        assert SECRET not in printed and "elsewhere" not in printed, printed
    assert asked == []


def test_a_trusted_notebook_draws_before_it_is_printed(kernelspec, tmp_path):
    script = "<p id='place'>empty</p><script>document.getElementById('place').textContent = 'drawn by a script'</script>"
    write(tmp_path / "own.ipynb", code({"text/html": script}))
    printed = []
    for options in ([], ["--trusted"]):
        handout(tmp_path, "own.ipynb", "--to", "pdf", *options)
        printed.append("drawn by a script" in text_of(tmp_path / "handouts" / "own-student.pdf"))
    assert printed == [False, True]


def test_as_root_it_is_said_that_there_is_no_sandbox(kernelspec, tmp_path):
    write(tmp_path / "any.ipynb", markdown("text"))
    run = handout(tmp_path, "any.ipynb", "--to", "pdf")
    assert ("without its sandbox" in run.stderr) == (os.geteuid() == 0), told(run)


# --- files that are read ------------------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path) -> Path:
    """The directory of a notebook, below one with a secret."""
    (tmp_path / "secret.png").write_text(SECRET)
    write(tmp_path / "secret.ipynb", markdown(f"# {SECRET}"))
    book = tmp_path / "book"
    book.mkdir()
    return book


OUTSIDE = "it is outside of the notebook's directory"
ODD = "it is not a regular file"

ODD_FILES = {
    "../secret.png": (lambda at: None, OUTSIDE),
    "sub/../../secret.png": (lambda at: (at / "sub").mkdir(), OUTSIDE),
    "link.png": (lambda at: (at / "link.png").symlink_to("../secret.png"), OUTSIDE),
    "up/secret.png": (lambda at: (at / "up").symlink_to(".."), OUTSIDE),
    "zero.png": (lambda at: (at / "zero.png").symlink_to("/dev/zero"), OUTSIDE),
    "fifo.png": (lambda at: os.mkfifo(at / "fifo.png"), ODD),
    "directory.png": (lambda at: (at / "directory.png").mkdir(), ODD),
    "loop.png": (lambda at: (at / "loop.png").symlink_to("loop.png"), "there is no such file"),
    "large.png": (lambda at: os.truncate(os.open(at / "large.png", os.O_CREAT | os.O_WRONLY), (20 << 20) + 1), "it has more than 20 MB"),
}


@pytest.mark.parametrize("name", [*ODD_FILES, "absolute"])
def test_a_picture_is_a_regular_file_of_the_notebook(kernelspec, book, name):
    make, reason = ODD_FILES.get(name, (lambda at: None, OUTSIDE))
    make(book)
    name = str(book.parent / "secret.png") if name == "absolute" else name
    write(book / "any.ipynb", markdown(f"![a cat]({name})"))
    run = handout(book, "any.ipynb", "--to", "html")
    page = (book / "handouts" / "any-student.html").read_text()
    assert f"a cat (a picture that is not part of this handout: {reason}" in page.replace("&#39;", "'"), page[-600:]
    assert f"the picture {name}: {reason}" in run.stderr, told(run)
    assert base64.b64encode(SECRET.encode()).decode() not in page


def test_pictures_of_the_notebook_are_in_it(kernelspec, book):
    (book / "sub").mkdir()
    for name in ("a.png", "sub/b.PNG"):
        (book / name).write_bytes(name.encode())
    (book / "link.png").symlink_to("sub/b.PNG")
    write(book / "any.ipynb", markdown("![x](a.png) ![x](sub/b.PNG) ![x](./sub/../a.png) ![x](link.png)"))
    run = handout(book, "any.ipynb", "--to", "html")
    page = (book / "handouts" / "any-student.html").read_text()
    assert page.count("<img src=\"data:image/png;base64,") == 4, page
    assert run.stderr == "", told(run)


def test_titles_are_of_notebooks_beside_it(kernelspec, book):
    (book / "link.ipynb").symlink_to("../secret.ipynb")
    os.mkfifo(book / "fifo.ipynb")
    write(book / "other.ipynb", markdown("# Another"))
    links = "[a](../secret.ipynb) [b](link.ipynb) [c](fifo.ipynb) [d](other.ipynb) [e](none.ipynb)"
    write(book / "any.ipynb", markdown(links))
    run = handout(book, "any.ipynb", "--to", "html")
    page = (book / "handouts" / "any-student.html").read_text()
    assert SECRET not in page + run.stderr and "d (“Another”) e</p>" in page
    assert run.stderr.count("the title of") == 3, told(run)


@pytest.mark.parametrize("kind", ["fifo", "zero"])
@pytest.mark.parametrize("command", [["handout", "--as-is"], ["run"]])
def test_a_notebook_is_a_regular_file(kernelspec, tmp_path, kind, command):
    odd = tmp_path / "odd.ipynb"
    os.mkfifo(odd) if kind == "fifo" else odd.symlink_to("/dev/zero")
    run = threadbook(*command, "odd.ipynb", cwd=tmp_path)
    assert run.returncode == 1 and f"cannot read odd.ipynb: {ODD}" in run.stderr, told(run)


# --- files that are written ---------------------------------------------------------------------------------------

ENDINGS = {"html": "html", "pdf": "pdf", "slides": "slides.html", "script": "rs"}


@pytest.mark.parametrize("link", ["symbolic", "dangling", "hard"])
@pytest.mark.parametrize("form", ENDINGS)
def test_no_link_is_written_through(kernelspec, tmp_path, form, link):
    write(tmp_path / "any.ipynb", markdown("text"))
    victim, target = tmp_path / "victim", tmp_path / "handouts" / f"any-student.{ENDINGS[form]}"
    target.parent.mkdir()
    if link != "dangling":
        victim.write_text("as it was")
    target.hardlink_to(victim) if link == "hard" else target.symlink_to(victim)
    handout(tmp_path, "any.ipynb", "--to", form)
    assert not target.is_symlink() and b"as it was" not in target.read_bytes()
    assert not victim.exists() if link == "dangling" else victim.read_text() == "as it was"
    assert [path.name for path in target.parent.iterdir()] == [target.name], "nothing else is left"


@pytest.mark.parametrize("form", ENDINGS)
def test_a_directory_of_handouts_is_no_link(kernelspec, tmp_path, form):
    write(tmp_path / "any.ipynb", markdown("text"))
    (tmp_path / "home").mkdir()
    (tmp_path / "handouts").symlink_to("home")
    run = handout(tmp_path, "any.ipynb", "--to", form, expected=1)
    assert "handouts is a link; remove it, or choose a directory with --output-dir" in run.stderr, told(run)
    assert list((tmp_path / "home").iterdir()) == []
    handout(tmp_path, "any.ipynb", "--to", form, "--output-dir", "handouts")
    assert len(list((tmp_path / "home").iterdir())) == 1, "a directory that the user names may be a link"


def test_a_handout_is_whole_or_the_earlier_one(kernelspec, tmp_path):
    write(tmp_path / "any.ipynb", markdown("text"))
    handout(tmp_path, "any.ipynb", "--to", "html")
    page = tmp_path / "handouts" / "any-student.html"
    before = page.read_bytes()
    argv = [helpers.kernel_spec().argv[0], "handout", "any.ipynb", "--to", "html", "--as-is"]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    run = subprocess.run(argv, cwd=tmp_path, preexec_fn=limit, capture_output=True, timeout=60)
    assert run.returncode != 0 and len(before) > 1000
    assert page.read_bytes() == before


@pytest.mark.parametrize("kind", ["another notebook", "hard link", "symbolic link", "no notebook"])
def test_an_executed_copy_replaces_no_notebook(kernelspec, tmp_path, kind):
    notebook = helpers.write_notebook(tmp_path / "x.ipynb", "1 + 1")
    mine = tmp_path / "mine" / "x.ipynb"
    mine.parent.mkdir()
    {
        "another notebook": lambda: helpers.write_notebook(mine, "2 + 2"),
        "hard link": lambda: mine.hardlink_to(notebook),
        "symbolic link": lambda: mine.symlink_to(notebook),
        "no notebook": lambda: mine.write_text("notes"),
    }[kind]()
    before = [notebook.read_bytes(), mine.read_bytes()]
    run = threadbook("run", "x.ipynb", "--output-dir", "mine", cwd=tmp_path)
    assert run.returncode == 1 and "mine/x.ipynb" in run.stderr and "--output-dir" in run.stderr, told(run)
    assert [notebook.read_bytes(), mine.read_bytes()] == before


def test_an_executed_copy_replaces_the_earlier_one_and_no_link(kernelspec, tmp_path):
    helpers.write_notebook(tmp_path / "x.ipynb", 'println!("{}", 20 + 22);')
    for _ in range(2):
        run = threadbook("run", "x.ipynb", cwd=tmp_path)
        assert run.returncode == 0, told(run)
    copy = tmp_path / "executed" / "x.ipynb"
    kept = tmp_path / "kept.ipynb"
    shutil.move(copy, kept)
    copy.symlink_to(kept)
    before = kept.read_bytes()
    run = threadbook("run", "x.ipynb", cwd=tmp_path)
    assert run.returncode == 0, told(run)
    assert not copy.is_symlink() and kept.read_bytes() == before
    shutil.rmtree(copy.parent)
    copy.parent.symlink_to(tmp_path)
    run = threadbook("run", "x.ipynb", cwd=tmp_path)
    assert run.returncode == 1, told(run)


# --- what is odd in a notebook ------------------------------------------------------------------------------------


def test_what_other_programs_write_is_read(kernelspec, tmp_path):
    cells = '[{"cell_type": "markdown", "metadata": {"x": NaN}, "source": "half \\ud83d a character, -Infinity"}]'
    text = f'\ufeff{{"nbformat": 4, "nbformat_minor": 5, "metadata": {{"n": -Infinity}}, "cells": {cells}}}'
    (tmp_path / "odd.ipynb").write_text(text, encoding="utf-8")
    handout(tmp_path, "odd.ipynb", "--to", "html")
    assert "half \ufffd a character, -Infinity" in (tmp_path / "handouts" / "odd-student.html").read_text()


@pytest.mark.parametrize("tags", ["solution", [1], {"solution": True}], ids=str)
def test_the_cell_with_odd_tags_is_named(kernelspec, tmp_path, tags):
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "text"}, {"cell_type": "code", "metadata": {"tags": tags}, "source": "1", "outputs": []}]
    (tmp_path / "odd.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    run = handout(tmp_path, "odd.ipynb", "--to", "html", expected=1)
    assert "odd.ipynb" in run.stderr and "cell 2" in run.stderr and "tags" in run.stderr, told(run)


# --- our own pictures ---------------------------------------------------------------------------------------------

PICTURES = [
    "let pool = ThreadPoolExecutor::new(2); let sums: Vec<_> = pool.map(|n| n + 1, 0..4u32).collect(); pool.timeline()",
    "display(&pool.timeline());",
    "timeit(|| 1 + 1)",
    """Svg("<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'><title>A dot on paper</title><circle cx='20' cy='20' r='9'/></svg>".into())""",
]


@pytest.fixture(scope="module")
def drawn(kernelspec, tmp_path_factory):
    """An executed notebook with a picture in each cell, and one more that has nothing but SVG."""
    directory = tmp_path_factory.mktemp("drawn")
    helpers.write_notebook(directory / "drawn.ipynb", *PICTURES)
    run = threadbook("run", "drawn.ipynb", cwd=directory)
    assert run.returncode == 0, told(run)
    notebook = helpers.read_notebook(directory / "executed" / "drawn.ipynb")
    svg = "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'><title>Nothing but SVG</title></svg>"
    notebook.cells.append(code({"image/svg+xml": svg, "text/plain": "nothing but SVG"}))
    notebook.cells[-1].execution_count = len(notebook.cells)
    nbformat.write(notebook, directory / "drawn.ipynb")
    return directory / "drawn.ipynb"


def shown_pictures(page, where: str) -> list[str]:
    """The names of the pictures that can be seen."""
    return page.locator(f"{where} img").evaluate_all("all => all.filter(img => img.complete && img.naturalWidth > 0).map(img => img.alt)")


def test_pictures_are_bundles_of_which_each_says_the_same(drawn):
    bundles = [output.data for cell in helpers.read_notebook(drawn).cells[:-1] for output in cell.outputs]
    assert len(bundles) == len(PICTURES)
    for data in bundles:
        assert set(data) == {"image/svg+xml", "text/html", "text/plain"}
        alt, base64_text = re.fullmatch(r'<img alt="([^"]{10,})" src="data:image/svg\+xml;base64,([\w+/=]+)">', data["text/html"]).groups()
        assert base64.b64decode(base64_text).decode() == data["image/svg+xml"]
        assert "picture of" not in alt.lower()


@pytest.mark.timeout(300)
def test_our_pictures_are_seen_in_a_notebook_that_jupyterlab_does_not_trust(drawn, browser, tmp_path):
    root, private = tmp_path / "notebooks", tmp_path / "private"
    root.mkdir()
    private.mkdir()
    shutil.copy(drawn, root)
    with jupyter_lab(root, private, "strangers") as address:
        browser.goto(f"{address}/lab")
        browser.wait_for_function("window.jupyterapp !== undefined")
        browser.evaluate(
            """async () => {
                await jupyterapp.restored;
                await jupyterapp.commands.execute("docmanager:open", {path: "drawn.ipynb", kernel: {shouldStart: false, canStart: false}});
            }"""
        )
        outputs = ".jp-Notebook .jp-CodeCell .jp-OutputArea-output"
        browser.wait_for_function(
            f"count => document.querySelectorAll('{outputs}').length >= count && [...document.querySelectorAll('{outputs} img')].every(img => img.complete)",
            arg=len(PICTURES),
        )
        seen = shown_pictures(browser, outputs)
    assert len(seen) == len(PICTURES) and "A dot on paper" in seen, seen
    assert "Nothing but SVG" not in seen, "this notebook is trusted, and the test shows nothing"


def test_a_handout_has_each_picture_once(drawn, browser):
    handout(drawn.parent, drawn.name, "--to", "html")
    browser.goto((drawn.parent / "handouts" / "drawn-student.html").as_uri())
    assert len(shown_pictures(browser, ".output")) == len(PICTURES) + 1


def test_an_executed_copy_is_signed_for_its_user(kernelspec, tmp_path):
    """JupyterLab shows active outputs of a notebook that its user has signed. Others have another secret."""
    write_notebook(tmp_path / "mine.ipynb", 'display(&Html("<b>1</b>".into()));', "0.1 + 0.2", "let x: f64 = 1e-7; x")
    mine, other = tmp_path / "mine", tmp_path / "other"
    other.mkdir()
    run = threadbook("run", "mine.ipynb", cwd=tmp_path, JUPYTER_DATA_DIR=str(mine))
    assert run.returncode == 0 and "not signed" not in run.stdout, told(run)
    copy = nbformat.read(tmp_path / "executed" / "mine.ipynb", as_version=4)
    assert {path.name: path.stat().st_mode & 0o777 for path in mine.iterdir()} == {"nbsignatures.db": 0o600, "notebook_secret": 0o600}
    with NotebookNotary(data_dir=str(mine)) as notary, NotebookNotary(data_dir=str(other)) as stranger:
        assert notary.check_signature(copy) and not stranger.check_signature(copy)
        notary.sign(nbformat.v4.new_notebook())
        copy.cells[0].outputs[0].data["text/html"] += "<script></script>"
        assert not notary.check_signature(copy)
    # A data directory that takes no files costs the signature only.
    (tmp_path / "file").touch()
    run = threadbook("run", "mine.ipynb", cwd=tmp_path, JUPYTER_DATA_DIR=str(tmp_path / "file" / "data"))
    assert run.returncode == 0 and "the copy is not signed" in run.stdout, told(run)
