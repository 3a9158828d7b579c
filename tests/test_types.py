"""Types of variables: the engine asks rust-analyzer, and rust-analyzer is shown as little as will do."""

from __future__ import annotations

import pytest

from helpers import ok, run_cell, running_kernel

#: One variable each, of a type that has to be inferred, from all over the standard library.
STANDARD_LIBRARY = r"""
use std::collections::*;
use std::sync::{Arc, Barrier, Condvar, Mutex, OnceLock, RwLock, mpsc};
let ages: HashMap<String, u8> = [("ann".to_owned(), 7)].into_iter().collect();
let names = ages.keys().cloned().collect::<Vec<_>>();
let age = ages.get("ann").copied().unwrap_or_default();
let pairs = ages.iter().map(|(name, age)| format!("{name}{age}")).collect::<BTreeSet<_>>();
let largest = ages.values().copied().collect::<HashSet<_>>().into_iter().max();
let mut counts = HashMap::new(); *counts.entry('c').or_insert(0usize) += 1;
let queue = VecDeque::from(vec![1, 2]);
let words = "a b c".split(' ').map(str::to_owned).rev().collect::<Vec<_>>();
let parsed = "1,2".split(',').map(|n| n.parse::<i32>()).collect::<Result<Vec<_>, _>>();
let sum = (1..=10u64).filter(|n| n % 2 == 0).fold(0, |a, b| a + b);
let (even, odd): (Vec<i32>, Vec<i32>) = (0..5).partition(|n| n % 2 == 0);
let power = 5i128.pow(2).checked_add(3);
let root = 2.5f64.sqrt().round() as u64;
let shared = Arc::new((Mutex::new(vec![1u8]), Condvar::new()));
let guarded = shared.0.lock().unwrap().len();
let once = OnceLock::<u8>::new();
let (sender, receiver) = mpsc::sync_channel::<u8>(2);
let handles = (0..2).map(|i| std::thread::spawn(move || i * 2)).collect::<Vec<_>>();
let joined = std::thread::spawn(|| 7u8).join().unwrap();
let cpus = std::thread::available_parallelism().unwrap().get();
let size = std::fs::metadata("/").unwrap().len();
let started = std::time::Instant::now();
let lasted = started.elapsed().as_secs_f64();
let status = std::process::Command::new("true").status().unwrap().code();
let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
let address = listener.local_addr().unwrap();
let path = std::env::current_dir().unwrap().join("x");
let array = std::array::from_fn::<_, 4, _>(|i| i * 2);
let maybe = Some(5).and_then(|n| (n > 3).then_some(n * 2)).ok_or("no");
"""


@pytest.fixture(scope="module")
def kc(kernelspec, tmp_path_factory):
    """The client of a kernel whose rust-analyzer reads only the crates that the cells of this file name."""
    with running_kernel(tmp_path_factory.mktemp("types")) as kernel:
        yield kernel.client


def test_what_the_standard_library_gives_can_be_kept(kc):
    ok(kc, STANDARD_LIBRARY)
    result = ok(kc, "(names[0].as_str(), age, counts[&'c'], sum, power, joined, status, array)")
    assert result.result == '("ann", 7, 1, 30, Some(28), 7, Some(0), [0, 2, 4, 6])'


@pytest.mark.parametrize(
    "cell, look, expected",
    [
        ("use rayon::prelude::*;\nlet sum = (0..10).into_par_iter().map(|n| n * 2).sum::<i32>();", "sum", "90"),
        ('let json = serde_json::json!({"a": [1, 2]});\nlet second = json["a"][1].as_u64();', "second", "Some(2)"),
        ("let runtime = tokio::runtime::Runtime::new().unwrap();", "runtime.block_on(async { 1 + 1 })", "2"),
    ],
    ids=["rayon", "serde_json", "tokio"],
)
def test_a_crate_that_is_there_can_be_used_at_once(kc, cell, look, expected):
    ok(kc, cell)
    assert ok(kc, look).result == expected


def test_a_crate_of_ones_own_is_compiled_again_when_it_changes(kc, tmp_path):
    source = tmp_path / "mine" / "src" / "lib.rs"
    source.parent.mkdir(parents=True)
    (tmp_path / "mine" / "Cargo.toml").write_text('[package]\nname = "mine"\nversion = "0.1.0"\nedition = "2024"\n')
    source.write_text("pub fn answer() -> Option<u8> { Some(1) }\n")
    cell = f':dep mine = {{ path = "{source.parent.parent}" }}\nlet answer = mine::answer();\nanswer'
    assert ok(kc, cell).result == "Some(1)"
    source.write_text("pub fn answer() -> Option<u8> { Some(2) }\n")
    assert ok(kc, cell).result == "Some(2)"


def test_a_type_of_a_crate_that_no_cell_names_and_a_type_that_cannot_be_known(fresh_kc):
    ok(fresh_kc, "let pool = TokioExecutor::new(1);\nlet handle = pool.runtime().clone();")
    assert ok(fresh_kc, "handle.block_on(async { 3 })").result == "3"
    result = run_cell(fresh_kc, "let nothing = Default::default();")
    assert result.status == "error"
    assert "nothing" in result.traceback and "type" in result.traceback, result.traceback
    assert ok(fresh_kc, "1 + 1").result == "2"
