"""The companion crate on stock evcxr_jupyter, built from the same lock file: the notebooks must not need our kernel."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager

import helpers
from helpers import ok, run_cell

STOCK = Path(os.environ.get("THREADBOOK_STOCK", helpers.ROOT / "target" / "debug" / "examples" / "evcxr_jupyter"))
README = (helpers.NOTEBOOKS / "README.md").read_text()
#: The first cell that the notebooks need there, as their README tells it; the companion is named from their directory.
(PRELUDE,) = re.findall(r"```text\n(:dep threadbook.*?)\n```", README, re.DOTALL)
#: The tour shows what stock has not.
NOTEBOOKS = [path for path in sorted(helpers.NOTEBOOKS.glob("*.ipynb")) if path.name != "00-tour.ipynb"]

#: The gate runs one of them, which the commit chooses: THREADBOOK_COMMIT repeats the choice.
CHOSEN = helpers.rotation(len(NOTEBOOKS))


def link_or_copy(source: str, target: str) -> None:
    """Links a crate that is built, which is never written again, and copies any other file, with its time."""
    built = "/deps/" in source and "ctx" not in Path(source).name
    try:
        (os.link if built else shutil.copy2)(source, target)
    except OSError:
        shutil.copy2(source, target)  # on another file system


@dataclass
class Stock:
    """A stock kernel, and the directory in which it compiles: a copy of the prepared one, so nothing is built again."""

    client: BlockingKernelClient
    directory: Path
    prepared: Path

    def run_prelude(self) -> None:
        # The kernel has pruned the lock file, as its own crates were not asked for yet.
        shutil.copy2(self.prepared / "Cargo.lock", self.directory)
        ok(self.client, PRELUDE)


@pytest.fixture(scope="module")
def stock(kernelspec, tmp_path_factory):
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
    argv = helpers.kernel_spec().argv
    prepared, compiled = Path(argv[argv.index("--prepared") + 1]), directory / "compiled"
    ignored = shutil.ignore_patterns("answers", "bin", "incremental", "std-sources")
    shutil.copytree(prepared, compiled, symlinks=True, ignore=ignored, copy_function=link_or_copy)
    env = {"EVCXR_CONFIG_DIR": str(directory / "config"), "EVCXR_TMPDIR": str(compiled), "CARGO_NET_OFFLINE": "true"}
    with helpers.running_kernel(directory / "run", name="stock", env=env, spec_manager=specs, cwd=helpers.NOTEBOOKS) as kernel:
        running = Stock(kernel.client, compiled, prepared)
        running.run_prelude()
        yield running


@pytest.fixture
def kc(stock):
    return stock.client


def test_it_is_stock(kc):
    """Else the tests below would show nothing: this kernel calls its language `Rust`, as stock evcxr_jupyter does."""
    info = helpers.ask(kc, "kernel_info")
    assert info["language_info"]["name"] == "Rust"


def test_submit(kc):
    assert ok(kc, "ThreadPoolExecutor::new(2).submit(|| 6 * 7).result()?").result == "42"


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


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=() if n == CHOSEN else pytest.mark.rare, id=path.name) for n, path in enumerate(NOTEBOOKS)],
)
def test_runs_from_top_to_bottom(stock, path):
    print(f"THREADBOOK_COMMIT={helpers.commit()} chooses {NOTEBOOKS[CHOSEN].name} for the gate")
    kc = stock.client
    ok(kc, ":clear")  # as a new kernel, but for what is compiled already
    stock.run_prelude()
    printed = ""
    for cell in helpers.code_cells(helpers.read_notebook(path)):
        result = run_cell(kc, cell.source, timeout=120)
        if "raises-exception" in cell.metadata.get("tags", []):
            assert result.errors, f"{cell.id} should fail\n{result}"
        else:
            assert result.status == "ok" and not result.errors, f"{cell.id} should run\n{result}"
        printed += result.stdout
    if path == helpers.FIRST:
        primes = [("112272535095293", "true"), ("1099726899285419", "false"), ("112582705942171", "true")]
        assert re.findall(r"(\d+) is prime: (\w+)", printed) == 2 * primes, "on threads, and on processes"
