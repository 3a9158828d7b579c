//! The accuracy of our figures on an otherwise idle machine, each with its interval:
//! `cargo run -p threadbook-peers --features criterion --example timings [timeit] [cost] [same] [slower]`, in
//! about seven minutes.
//!
//! - `timeit`: our `timeit` beside criterion, on five works from 10 ns to 100 ms, interleaved.
//! - `cost`: the overhead of `timeit`'s own loop, for each round.
//! - `same`: of 100 comparisons of a function with itself, the number that report no difference.
//! - `slower`: of 100 comparisons with a function that does a tenth more work, the number that report it.

use criterion::Criterion;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;
use threadbook_timing::{Case, Comparison, Measurement, benchmark, clock, timeit};

/// The number of measurements of each work by timeit and by criterion.
const TURNS: usize = 9;

const COMPARISONS: usize = 100;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let parts: [(&str, fn()); 4] =
        [("timeit", beside_criterion), ("cost", cost), ("same", same), ("slower", slower)];
    for (name, part) in parts {
        if asked.is_empty() || asked.iter().any(|other| other == name) {
            part();
        }
    }
}

/// A chain of dependent steps of some nanoseconds each (G. Marsaglia's xorshift).
#[inline(never)]
fn steps(count: u64) -> u64 {
    (0..count).fold(black_box(1), |x: u64, _| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 7);
        x ^ (x << 17)
    })
}

fn sorted(count: u32) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count).map(|n| n.wrapping_mul(2_654_435_761)).collect();
    numbers.sort_unstable();
    numbers
}

fn primes_below(limit: usize) -> usize {
    let mut is_prime = vec![true; limit];
    for n in (2..).take_while(|n| n * n < limit) {
        if is_prime[n] {
            (n * n..limit).step_by(n).for_each(|multiple| is_prime[multiple] = false);
        }
    }
    is_prime.iter().skip(2).filter(|is| **is).count()
}

fn beside_criterion() {
    let directory = tempfile::tempdir().expect("a directory for what criterion writes");
    let works: [(&str, &mut dyn FnMut()); 5] = [
        ("12 steps", &mut || {
            black_box(steps(black_box(12)));
        }),
        ("a number as text", &mut || {
            black_box(format!("{}", black_box(123.456)));
        }),
        ("sort 1000", &mut || {
            black_box(sorted(black_box(1000)));
        }),
        ("primes below a million", &mut || {
            black_box(primes_below(black_box(1_000_000)));
        }),
        ("45 million steps", &mut || {
            black_box(steps(black_box(45_000_000)));
        }),
    ];
    let mut lines = Vec::new();
    for (name, work) in works {
        // Interleaved, so that other load on the machine affects both.
        let turns = (0..TURNS)
            .map(|_| (by_criterion(directory.path(), name, work), timeit(&mut *work).median_seconds()));
        let (theirs, ours): (Vec<f64>, Vec<f64>) = turns.unzip();
        let case =
            |name: &str, seconds| Case { name: name.to_owned(), measurement: Measurement::new(1, seconds) };
        let both = Comparison::new(name, vec![case("criterion", theirs), case("ours", ours)]);
        let interval = both.interval("ours");
        let ratio = both.ratio("ours");
        lines.push(format!(
            "{ratio:.3} ({:.3} to {:.3}) of criterion's time\n{both}",
            interval.start, interval.end
        ));
    }
    println!("\ntimeit beside criterion, the medians of {TURNS} turns:\n");
    lines.iter().for_each(|line| println!("{line}\n"));
}

/// Criterion's estimate of the median, in seconds.
fn by_criterion(directory: &Path, name: &str, work: &mut dyn FnMut()) -> f64 {
    let mut criterion = Criterion::default()
        .without_plots()
        .output_directory(directory)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(15)
        .nresamples(1_000);
    criterion.bench_function(name, |bencher| bencher.iter(&mut *work));
    let file = directory.join(name).join("new/estimates.json");
    let estimates: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).expect("what criterion wrote")).expect("JSON");
    estimates["median"]["point_estimate"].as_f64().expect("a number") * 1e-9
}

fn cost() {
    let empty = timeit(|| ());
    let (low, high) = empty.interval_seconds();
    println!(
        "a round of timeit costs {:.2} ns ({:.2} to {:.2}); the clock {:?}, which is subtracted",
        1e9 * empty.median_seconds(),
        1e9 * low,
        1e9 * high,
        clock().overhead,
    );
}

/// The number of comparisons that report a difference between these numbers of steps.
fn differences(one: u64, other: u64) -> usize {
    let seen = (0..COMPARISONS).filter(|_| {
        let cases = benchmark("peers").without_history();
        let cases = cases.case("one", || steps(black_box(one))).case("other", || steps(black_box(other)));
        cases.run().is_different("other")
    });
    seen.count()
}

fn same() {
    let same = COMPARISONS - differences(600_000, 600_000);
    println!("a function beside itself: no difference to see in {}", share(same));
}

fn slower() {
    let seen = differences(600_000, 660_000);
    println!("a function beside one a tenth slower: seen in {}", share(seen));
}

/// A share with its interval (E. B. Wilson 1927).
fn share(count: usize) -> String {
    let (n, z) = (COMPARISONS as f64, 1.96_f64);
    let part = count as f64 / n;
    let center = (part + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let reach = z / (1.0 + z * z / n) * (part * (1.0 - part) / n + z * z / (4.0 * n * n)).sqrt();
    let (low, high) = (100.0 * (center - reach), 100.0 * (center + reach));
    format!("{count} of {COMPARISONS} ({low:.0} % to {high:.0} %)")
}
