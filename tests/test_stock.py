"""The companion crate on stock evcxr_jupyter, built from the same lock file: the notebooks must not need our kernel."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager

import helpers
from helpers import ok, run_cell

STOCK = Path(os.environ.get("THREADBOOK_STOCK", helpers.ROOT / "target" / "debug" / "examples" / "evcxr_jupyter"))
README = (helpers.NOTEBOOKS / "README.md").read_text()
#: The first cell that the notebooks need there, as their README tells it; the companion is named from their directory.
(PRELUDE,) = re.findall(r"```text\n(:dep threadbook.*?)\n```", README, re.DOTALL)
#: The tour shows what stock has not.
NOTEBOOKS = [path for path in sorted(helpers.NOTEBOOKS.glob("*.ipynb")) if path.name != "00-tour.ipynb"]

#: Without a prepared directory the companion and all that it re-exports are compiled: half a minute, more if busy.
COMPILE_TIMEOUT = 500

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """A stock kernel with the prelude's lines run as its first cell."""
    assert STOCK.exists(), (
        f"stock evcxr_jupyter is not built: no {STOCK}. Build it with: cargo build -p threadbook-peers --example evcxr_jupyter"
    )
    directory = tmp_path_factory.mktemp("stock")
    spec = directory / "kernels" / "stock"
    spec.mkdir(parents=True)
    argv = [str(STOCK), "--control_file", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Rust (stock)", "language": "rust"}))
    specs = KernelSpecManager(kernel_dirs=[str(spec.parent)], ensure_native_kernel=False)
    env = {"EVCXR_CONFIG_DIR": str(directory / "config")}
    with helpers.running_kernel(directory / "run", name="stock", env=env, spec_manager=specs, cwd=helpers.NOTEBOOKS) as kernel:
        first = run_cell(kernel.client, PRELUDE, timeout=COMPILE_TIMEOUT)
        assert first.status == "ok" and not first.errors, f"the prelude's cell fails on stock evcxr_jupyter\n{first}"
        yield kernel.client


def test_it_is_stock(stock):
    """Else the tests below would show nothing: this kernel calls its language `Rust`, as stock evcxr_jupyter does."""
    info = helpers.ask(stock, "kernel_info")
    assert info["language_info"]["name"] == "Rust"


def test_submit(stock):
    assert ok(stock, "ThreadPoolExecutor::new(2).submit(|| 6 * 7).result()?").result == "42"


def test_map(stock):
    result = ok(
        stock,
        "let pool: ThreadPoolExecutor = ThreadPoolExecutor::new(2);\n"
        'for square in pool.map(|n: u64| n * n, vec![1, 2, 3]) { println!("{}", square?); }',
    )
    assert result.stdout.split() == ["1", "4", "9"], result


def test_a_pool_lives_on_in_later_cells(stock):
    ok(stock, "let lasting: ThreadPoolExecutor = ThreadPoolExecutor::new(1);")
    assert ok(stock, "lasting.submit(|| 40 + 2).result()?").result == "42"


def test_a_panic_in_a_task_is_an_error_value(stock):
    result = ok(stock, 'ThreadPoolExecutor::new(1).submit(|| -> u8 { panic!("spilled") }).result().unwrap_err().to_string()')
    assert "spilled" in result.result, result


def test_values_show_themselves(stock):
    assert ok(stock, "vec![2, 3, 5]").result == "[2, 3, 5]"
    shown = ok(stock, 'Html("<b>bold</b>".into())').shown
    assert [data.get("text/html", "").strip() for data in shown] == ["<b>bold</b>"], shown


def test_display(stock):
    shown = ok(stock, 'display(&Html("<i>slanted</i>".into()));').shown
    assert [data.get("text/html", "").strip() for data in shown] == ["<i>slanted</i>"], shown
    plain = ok(stock, "display(&42);")
    assert "42" in plain.stdout + "".join(data.get("text/plain", "") for data in plain.shown), plain


def test_input(stock):
    code = 'input("Name: ")?'
    request = helpers.send_cell(stock, code, allow_stdin=True)
    asked = stock.get_stdin_msg(timeout=60)["content"]
    assert asked["prompt"].startswith("Name") and not asked["password"], asked
    stock.input("Ada")
    assert helpers.collect(stock, {request: code})[request].result == '"Ada"'


def test_the_libraries_are_those_of_the_companion(stock):
    """A cell's own line for tokio resolves to the copy in the companion: one runtime, not two.

    It asks for no features: with one that the companion's tokio has not, everything would be compiled anew.
    """
    ok(stock, ':dep tokio = "1"', timeout=COMPILE_TIMEOUT)
    assert ok(stock, "tokio::spawn(async { 6 * 7 }).await?", timeout=COMPILE_TIMEOUT).result == "42"


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_runs_from_top_to_bottom(stock, path):
    ok(stock, ":clear")  # as a new kernel, but for what is compiled already
    ok(stock, PRELUDE, timeout=COMPILE_TIMEOUT)
    printed = ""
    for cell in code_cells(path):
        result = run_cell(stock, cell.source, timeout=120)
        if "raises-exception" in cell.metadata.get("tags", []):
            assert result.errors, f"{cell.id} should fail\n{result}"
        else:
            assert result.status == "ok" and not result.errors, f"{cell.id} should run\n{result}"
        printed += result.stdout
    if path == helpers.FIRST:
        primes = [("112272535095293", "true"), ("1099726899285419", "false"), ("112582705942171", "true")]
        assert re.findall(r"(\d+) is prime: (\w+)", printed) == 2 * primes, "on threads, and on processes"
