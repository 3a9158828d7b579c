//! `cargo peers [FILTER] [--json]`: our workloads beside those of our peers, measured in one run.
//!
//! A row for each workload: our median, the peer's median, and the ratio with the interval of 95 % of
//! bootstrap samples. Below 1 is faster than the peer. Rounds of the two alternate, so that noise affects
//! both. Only workloads whose name contains `FILTER` are run.

mod bare;
mod cells;
mod checkpoints;
mod edits;
mod examples;
mod kernels;
mod memory;
mod row;

use row::Row;
use std::process::ExitCode;

/// The destination of measured rows, and the selection of workloads.
struct Report {
    filter: String,
    json: bool,
    rows: usize,
}

impl Report {
    fn wants(&self, workload: &str) -> bool {
        workload.contains(&self.filter)
    }

    fn add(&mut self, row: &Row) {
        if self.json {
            println!("{}", serde_json::to_string(row).unwrap_or_default());
        } else {
            if self.rows == 0 {
                println!("{}", Row::heading());
            }
            println!("{row}");
        }
        self.rows += 1;
    }
}

fn main() -> ExitCode {
    // SAFETY: the process has just started and has one thread.
    unsafe { threadbook_cargo_env::forget() };
    let mut report = Report { filter: String::new(), json: false, rows: 0 };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => report.json = true,
            option if option.starts_with('-') => {
                eprintln!("peers: unknown option {option}; usage: cargo peers [FILTER] [--json]");
                return ExitCode::from(2);
            }
            filter => report.filter = filter.to_owned(),
        }
    }
    let workloads = [
        cells::measure,
        examples::executors,
        examples::processes,
        examples::multiprocessing,
        examples::subprocess,
    ];
    if let Err(error) = workloads.into_iter().try_for_each(|measure| measure(&mut report)) {
        eprintln!("peers: {error:#}");
        return ExitCode::FAILURE;
    }
    if report.rows == 0 {
        eprintln!("peers: no workload's name contains {:?}", report.filter);
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
