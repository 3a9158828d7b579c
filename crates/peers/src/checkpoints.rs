//! Timings within a cell, beside those of a kernel without checkpoints.
//!
//! A checkpoint is a fork, so the first write to each page after it copies the page. The work here writes to
//! all of 64 MB that an earlier cell has allocated. `timeit` has a warm-up; a clock that is read before and
//! after a single run has none.

use crate::kernels::{Kernels, run};
use crate::row::Row;
use anyhow::Context;
use std::path::Path;
use std::time::Duration;
use threadbook_client::KernelClient;

const ROUNDS: usize = 15;
const WITHOUT: &str = "without checkpoints";

const MEMORY: &str = "let mut numbers: Vec<u64> = (0..8_000_000).collect();
fn write(numbers: &mut [u64]) {
    for n in numbers { *n = n.wrapping_mul(3); }
}";

const TIMEIT: &str = "println!(\"{}\", timeit(|| write(&mut numbers)).median().as_nanos())";

const ONCE: &str = "let before = std::time::Instant::now();
write(&mut numbers);
println!(\"{}\", before.elapsed().as_nanos())";

pub const WORKLOADS: [&str; 2] = ["kernel: timeit in a cell", "kernel: a clock around one run in a cell"];

/// The timings that a cell prints, with checkpoints and without, interleaved.
pub fn beside_none(kernels: &Kernels, name: &str) -> anyhow::Result<Row> {
    let cell = if name == WORKLOADS[0] { TIMEIT } else { ONCE };
    let mut ours = kernels.ours()?;
    let mut without = kernels.ours_with(&[("THREADBOOK_CHECKPOINT", Path::new("0"))])?;
    run(&mut ours, MEMORY)?;
    run(&mut without, MEMORY)?;
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_times.push(printed(&mut ours, cell)?);
        their_times.push(printed(&mut without, cell)?);
    }
    ours.shutdown();
    without.shutdown();
    Ok(Row::compare(name, &our_times, WITHOUT, &their_times))
}

/// The nanoseconds that a cell prints.
fn printed(kernel: &mut KernelClient, cell: &str) -> anyhow::Result<Duration> {
    let text = kernel.execute(cell)?.outputs.stream("stdout");
    let nanoseconds = text.trim().parse().with_context(|| format!("{cell:?} printed {text:?}"))?;
    Ok(Duration::from_nanos(nanoseconds))
}
