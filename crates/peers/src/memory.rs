//! The memory of an idle kernel that has run a cell, with all its processes.

use crate::kernels::{Kernels, run};
use crate::row::Row;
use anyhow::Context;
use std::fs;
use std::time::Duration;
use threadbook_client::KernelClient;

const KERNELS: usize = 3;

/// The pause after a cell, in which work in the background ends.
const REST: Duration = Duration::from_secs(3);

/// The memory of three kernels of each kind, one after the other.
pub fn beside_stock(kernels: &Kernels, name: &str) -> anyhow::Result<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..KERNELS {
        ours.push(idle(kernels.ours()?)?);
        theirs.push(idle(kernels.stock()?)?);
    }
    Ok(Row::compare_bytes(name, &ours, "stock evcxr_jupyter", &theirs))
}

/// Bytes of a kernel after cells with a variable each. It is the only child of this process.
fn idle(mut kernel: KernelClient) -> anyhow::Result<u64> {
    for cell in ["let words = vec![1, 2, 3];", "words.len()"] {
        run(&mut kernel, cell)?;
    }
    std::thread::sleep(REST);
    let bytes = descendants(std::process::id()).into_iter().filter_map(proportional_set_size).sum();
    kernel.shutdown();
    Ok(bytes)
}

fn descendants(process: u32) -> Vec<u32> {
    let mut found = children(process);
    let mut next = 0;
    while let Some(child) = found.get(next).copied() {
        found.extend(children(child));
        next += 1;
    }
    found
}

fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The proportional set size in bytes: shared pages count in parts. `None` if the process has ended.
fn proportional_set_size(process: u32) -> Option<u64> {
    read(&fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?).ok()
}

fn read(rollup: &str) -> anyhow::Result<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("there is no Pss")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proportional_set_size_is_read_and_not_its_parts() {
        let rollup = "Rss:  100 kB\nPss:   20 kB\nPss_Dirty:   7 kB\n";
        assert_eq!(read(rollup).unwrap(), 20 * 1024);
        assert!(read("Rss: 1 kB\n").is_err());
    }
}
