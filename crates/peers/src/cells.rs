//! The time of a cell: from the request to the idle status, beside other kernels.

use crate::Report;
use crate::bare::beside_rustc;
use crate::checkpoints;
use crate::edits;
use crate::kernels::{Kernels, run};
use crate::memory;
use crate::row::Row;
use anyhow::Context;
use std::path::Path;
use std::time::Duration;
use threadbook_client::KernelClient;

pub const STOCK: &str = "stock evcxr_jupyter";
const CACHED: &str = "stock with its cache filled";
const IPYKERNEL: &str = "ipykernel";

pub const IS_PRIME: &str = "fn is_prime(n: u64) -> bool {
    n % 2 != 0 && (3..=n.isqrt()).step_by(2).all(|i| n % i != 0)
}";

/// The first cell: three numbers on a pool of two workers, and a bar chart of their times.
const PICTURE: &str = r#"
use plotters::prelude::*;
fn is_prime(n: u64) -> bool {
    n % 2 != 0 && (3..=n.isqrt()).step_by(2).all(|i| n % i != 0)
}
fn timed(n: u64) -> f64 {
    let start = std::time::Instant::now();
    assert!(is_prime(n) || n == 1099726899285419);
    start.elapsed().as_secs_f64()
}
let pool = ThreadPoolExecutor::new(2);
let times: Vec<f64> = pool
    .map(timed, [112272535095293, 1099726899285419, 112582705942171])
    .map(|time| time.unwrap())
    .collect();
let mut svg = String::new();
{
    let root = SVGBackend::with_string(&mut svg, (300, 200)).into_drawing_area();
    let most = times.iter().copied().fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&root).build_cartesian_2d(0.0..3.0, 0.0..most).unwrap();
    let bars = times.iter().enumerate();
    let bars = bars.map(|(i, t)| Rectangle::new([(i as f64, 0.0), (i as f64 + 0.8, *t)], BLUE.filled()));
    chart.draw_series(bars).unwrap();
    root.present().unwrap();
}
"#;

type Measure = fn(&Kernels, &str) -> anyhow::Result<Row>;

const WORKLOADS: [(&str, Measure); 10] = [
    ("kernel: expression cell, beside rustc", |kernels, name| {
        beside_rustc(kernels, name, IS_PRIME, |round| format!("is_prime({})", 9000 + round))
    }),
    ("kernel: empty cell", |kernels, name| beside_python(kernels, name, ["", ""])),
    ("kernel: 100,000 printed lines", |kernels, name| {
        let ours = r#"for n in 0..100_000 { println!("line {n}"); }"#;
        beside_python(kernels, name, [ours, "for n in range(100_000): print(f'line {n}')"])
    }),
    ("kernel: memory when idle", memory::beside_stock),
    ("kernel: start to kernel_info_reply", kernel_info),
    ("kernel: start to first pool and picture", first_picture),
    ("kernel: start to first companion cell", first_companion),
    ("kernel: the same, beside a filled cache", first_companion_cached),
    (checkpoints::WORKLOADS[0], checkpoints::beside_none),
    (checkpoints::WORKLOADS[1], checkpoints::beside_none),
];

/// Measures the selected workloads.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let edits = edits::workloads().map(|name| (name, edits::measure as Measure));
    let wanted: Vec<_> = edits.chain(WORKLOADS).filter(|(name, _)| report.wants(name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let kernels = Kernels::build()?;
    for (name, measure) in wanted {
        report.add(&measure(&kernels, name)?);
    }
    Ok(())
}

/// Each round executes one cell in our kernel and the other in ipykernel.
fn beside_python(kernels: &Kernels, name: &str, [our_cell, their_cell]: [&str; 2]) -> anyhow::Result<Row> {
    let (mut ours, mut theirs) = (kernels.ours()?, kernels.ipykernel()?);
    for _ in 0..3 {
        run(&mut ours, our_cell)?;
        run(&mut theirs, their_cell)?;
    }
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        our_times.push(run(&mut ours, our_cell)?);
        their_times.push(run(&mut theirs, their_cell)?);
    }
    ours.shutdown();
    theirs.shutdown();
    Ok(Row::compare(name, &our_times, IPYKERNEL, &their_times))
}

fn kernel_info(kernels: &Kernels, name: &str) -> anyhow::Result<Row> {
    let ready = |kernel: KernelClient| {
        let after = kernel.ready_after();
        kernel.shutdown();
        after
    };
    let (mut our_times, mut stock_times) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        our_times.push(ready(kernels.ours()?));
        stock_times.push(ready(kernels.stock()?));
    }
    Ok(Row::compare(name, &our_times, STOCK, &stock_times))
}

/// From the start of the process to the result of a first cell.
fn first(kernel: anyhow::Result<KernelClient>, cell: &str) -> anyhow::Result<Duration> {
    let mut kernel = kernel?;
    run(&mut kernel, cell)?;
    let took = kernel.started().elapsed();
    kernel.shutdown();
    Ok(took)
}

fn times(count: usize, measure: impl Fn() -> anyhow::Result<Duration>) -> anyhow::Result<Vec<Duration>> {
    (0..count).map(|_| measure()).collect()
}

/// A first cell that uses a pool and draws a picture.
fn first_picture(kernels: &Kernels, name: &str) -> anyhow::Result<Row> {
    let cell = format!("{PICTURE}Svg(svg)");
    let ours = times(5, || first(kernels.ours(), &cell))?;
    let in_stock = format!("{}{cell}", kernels.preamble());
    let stock = times(3, || first(kernels.stock(), &in_stock))?;
    Ok(Row::compare(name, &ours, STOCK, &stock))
}

const COMPANION: &str = "ThreadPoolExecutor::new(2).submit(|| 42).result()";

fn first_companion(kernels: &Kernels, name: &str) -> anyhow::Result<Row> {
    let ours = times(5, || first(kernels.ours(), COMPANION))?;
    let in_stock = format!("{}{COMPANION}", kernels.preamble());
    let stock = times(3, || first(kernels.stock(), &in_stock))?;
    Ok(Row::compare(name, &ours, STOCK, &stock))
}

/// With its cache enabled, evcxr keeps compiled crates in the user's cache directory.
fn first_companion_cached(kernels: &Kernels, name: &str) -> anyhow::Result<Row> {
    let cache = tempfile::tempdir().context("a directory for the cache")?;
    let environment: [(&str, &Path); 1] = [("XDG_CACHE_HOME", cache.path())];
    let in_stock = format!(":cache 2000\n{}{COMPANION}", kernels.preamble());
    let stock = || first(kernels.stock_with(&environment), &in_stock);
    stock()?;
    let ours = times(5, || first(kernels.ours(), COMPANION))?;
    Ok(Row::compare(name, &ours, CACHED, &times(3, stock)?))
}
