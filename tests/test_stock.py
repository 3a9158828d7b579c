"""The companion crate on stock evcxr_jupyter, built from the same lock file: the notebooks must not need our kernel."""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path

import psutil
import pytest

import helpers
from helpers import ok, run_cell

STOCK = Path(os.environ.get("THREADBOOK_STOCK", helpers.ROOT / "target" / "debug" / "examples" / "evcxr_jupyter"))
KERNEL = "evcxr-threadbook"
README = (helpers.NOTEBOOKS / "README.md").read_text()
#: The first cell of a notebook on an evcxr_jupyter without us, as the README of the notebooks tells it.
(PRELUDE,) = re.findall(r"```text\n(:dep threadbook.*?)\n```", README, re.DOTALL)
#: The tour shows what stock has not.
NOTEBOOKS = [path for path in sorted(helpers.NOTEBOOKS.glob("*.ipynb")) if path.name != "00-tour.ipynb"]

#: The gate runs one of them, which the commit chooses: THREADBOOK_COMMIT repeats the choice.
CHOSEN = helpers.rotation(len(NOTEBOOKS))

ANSWER = "ThreadPoolExecutor::new(2).submit(|| 6 * 7).result()?"

#: Preparing takes minutes if the gate has not done it.
pytestmark = pytest.mark.timeout(900)


def install(*options, timeout: float = 800):
    """Installs the second kernel beside the first: `cargo verify` has done it before."""
    prefix = Path(helpers.kernel_spec().resource_dir).parents[3]
    return helpers.threadbook("install", *options, "--prefix", prefix, cwd=helpers.ROOT, timeout=timeout)


@pytest.fixture(scope="module")
def installed(kernelspec) -> str:
    """The name of the second kernel."""
    assert STOCK.exists(), (
        f"stock evcxr_jupyter is not built: no {STOCK}. Build it with: cargo build -p threadbook-peers --example evcxr_jupyter"
    )
    done = install(f"--evcxr={STOCK}")
    assert done.returncode == 0, helpers.told(done)
    return KERNEL


@pytest.fixture(scope="module")
def cache():
    """Where only the sessions of this file have their directories. It is in the user's home, as the compiler often is:
    then the relative paths of evcxr do not find the standard library."""
    home = Path.home() / ".cache"
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="threadbook-test-", dir=home, ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def run_stock(installed, cache, tmp_path_factory):
    """Starts a session in the directory of the notebooks."""
    env = {"CARGO_NET_OFFLINE": "true", "XDG_CACHE_HOME": str(cache)}
    return lambda: helpers.running_kernel(tmp_path_factory.mktemp("stock"), name=installed, env=env, cwd=helpers.NOTEBOOKS)


@pytest.fixture(scope="module")
def stock(run_stock):
    """A session that many tests share."""
    with run_stock() as kernel:
        yield kernel


@pytest.fixture
def kc(stock):
    return stock.client


def test_it_is_stock(kc):
    """Else the tests below would show nothing: this kernel calls its language `Rust`, as stock evcxr_jupyter does."""
    info = helpers.ask(kc, "kernel_info")
    assert info["language_info"]["name"] == "Rust"


def test_the_first_cell_needs_no_dep(kc):
    started = time.monotonic()
    assert ok(kc, ANSWER).result == "42"
    print(f"the first cell took {time.monotonic() - started:.1f} s")


def test_the_explicit_form_compiles_nothing_anew(stock):
    compiled = stock.log().count("Compiling")
    # As the README of the notebooks says: evcxr lets cargo forget the versions at each `:dep`.
    lock = '!cp "$EVCXR_CONFIG_DIR/Cargo.lock" "$EVCXR_TMPDIR/Cargo.lock"\n'
    ok(stock.client, "\n".join(lock + line for line in PRELUDE.splitlines()), timeout=120)
    assert ok(stock.client, ANSWER).result == "42"
    assert stock.log().count("Compiling") == compiled == 0, stock.log()


def test_map(kc):
    result = ok(
        kc,
        "let pool: ThreadPoolExecutor = ThreadPoolExecutor::new(2);\n"
        'for square in pool.map(|n: u64| n * n, vec![1, 2, 3]) { println!("{}", square?); }',
    )
    assert result.stdout.split() == ["1", "4", "9"], result


def test_a_pool_lives_on_in_later_cells(kc):
    ok(kc, "let lasting: ThreadPoolExecutor = ThreadPoolExecutor::new(1);")
    assert ok(kc, "lasting.submit(|| 40 + 2).result()?").result == "42"


def test_a_panic_in_a_task_is_an_error_value(kc):
    result = ok(kc, 'ThreadPoolExecutor::new(1).submit(|| -> u8 { panic!("spilled") }).result().unwrap_err().to_string()')
    assert "spilled" in result.result, result


def test_values_show_themselves(kc):
    assert ok(kc, "vec![2, 3, 5]").result == "[2, 3, 5]"
    shown = ok(kc, 'Html("<b>bold</b>".into())').shown
    assert [data.get("text/html", "").strip() for data in shown] == ["<b>bold</b>"], shown


def test_a_picture_is_one_output_with_all_its_formats(kc):
    shown = ok(kc, "display(&Svg(\"<svg xmlns='http://www.w3.org/2000/svg'><title>A dot</title></svg>\".into()));").shown
    assert len(shown) == 1 and {"image/svg+xml", "text/html", "text/plain"} <= set(shown[0]), shown
    assert shown[0]["text/html"].strip().startswith('<img alt="A dot" src="data:image/svg+xml;base64,'), shown


def test_display(kc):
    shown = ok(kc, 'display(&Html("<i>slanted</i>".into()));').shown
    assert [data.get("text/html", "").strip() for data in shown] == ["<i>slanted</i>"], shown
    plain = ok(kc, "display(&42);")
    assert "42" in plain.stdout + "".join(data.get("text/plain", "") for data in plain.shown), plain


def test_input(kc):
    code = 'input("Name: ")?'
    request = helpers.send_cell(kc, code, allow_stdin=True)
    asked = kc.get_stdin_msg(timeout=60)["content"]
    assert asked["prompt"].startswith("Name") and not asked["password"], asked
    kc.input("Ada")
    assert helpers.collect(kc, {request: code})[request].result == '"Ada"'


def test_the_libraries_are_those_of_the_companion(kc):
    """A cell's own line for tokio resolves to the copy in the companion: one runtime, not two.

    It asks for no features: with one that the companion's tokio has not, everything would be compiled anew.
    """
    ok(kc, ':dep tokio = "1"')
    assert ok(kc, "tokio::spawn(async { 6 * 7 }).await?").result == "42"


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=() if n == CHOSEN else pytest.mark.rare, id=path.name) for n, path in enumerate(NOTEBOOKS)],
)
def test_runs_from_top_to_bottom(stock, path):
    print(f"THREADBOOK_COMMIT={helpers.commit()} chooses {NOTEBOOKS[CHOSEN].name} for the gate")
    kc = stock.client
    ok(kc, ":clear")  # as a new kernel, but for what is compiled already
    ok(kc, PRELUDE)
    printed = ""
    for cell in helpers.code_cells(helpers.read_notebook(path)):
        result = run_cell(kc, cell.source, timeout=120)
        if "raises-exception" in cell.metadata.get("tags", []):
            # evcxr prints a panic, and replies that all is well.
            assert result.errors or "panicked at" in result.stderr, f"{cell.id} should fail\n{result}"
        else:
            assert result.status == "ok" and not result.errors, f"{cell.id} should run\n{result}"
        printed += result.stdout
    if path == helpers.FIRST:
        primes = [("112272535095293", "true"), ("1099726899285419", "false"), ("112582705942171", "true")]
        assert re.findall(r"(\d+) is prime: (\w+)", printed) == 2 * primes, "on threads, and on processes"


def test_sessions_at_once_and_their_ends(run_stock, stock, cache):
    """Each session has a directory of its own, which the next one removes."""
    sessions = cache / "threadbook" / "sessions"
    before = set(sessions.iterdir())
    with run_stock() as other:
        (own,) = set(sessions.iterdir()) - before
        ok(stock.client, "let both = 1;")
        ok(other.client, "let both = \"two\";")
        assert (ok(stock.client, "both").result, ok(other.client, "both").result) == ("1", '"two"')
        pid = other.manager.provisioner.pid
    gone = helpers.wait_until(lambda: not psutil.pid_exists(pid), timeout=10)
    assert gone and not other.processes()
    with run_stock():
        assert not own.exists(), "the next session sweeps what the last one has left"
        assert before <= set(sessions.iterdir()), "and nothing of those that live"


def test_a_program_that_is_missing_is_an_error(kernelspec):
    run = install("--evcxr=/no/such/evcxr_jupyter", timeout=60)
    said = helpers.told(run)
    assert run.returncode == 1 and "cargo install evcxr_jupyter" in said and "conda" in said, said
    assert len(run.stderr.splitlines()) == 1, said


def test_a_session_without_the_program_says_so(installed, tmp_path):
    spec = helpers.kernel_spec(installed)
    prepared = spec.argv[spec.argv.index("--prepared") + 1]
    arguments = ["evcxr", "--prepared", prepared, "--program", "/no/such/evcxr_jupyter", "connection.json"]
    run = helpers.threadbook(*arguments, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path))
    assert run.returncode == 1 and "cargo install evcxr_jupyter" in run.stderr, helpers.told(run)
    assert not list((tmp_path / "threadbook" / "sessions").iterdir())
