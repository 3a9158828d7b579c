//! The pictures of measurements in the gallery.

use super::Sample;
use threadbook_plot::{comparison, history, measurement, speedup};
use threadbook_timing::{Case, Comparison, Entry, Machine, Measurement, Past, SpeedUp};

/// All samples of measurements.
pub fn all() -> Vec<Sample> {
    let measured = |name, value: Measurement| Sample::new(name, value, measurement);
    let compared = |name, value: Comparison| Sample::new(name, value, comparison);
    let curve = |name, value: SpeedUp| Sample::new(name, value, speedup);
    let past = |name, value: Past| Sample::new(name, value, history);
    vec![
        measured("measurement", Measurement::new(200_000, around(1.23e-6, 7, 0.03))),
        measured("measurement-one-loop", Measurement::new(1, [61.0])),
        measured("measurement-disturbed", Measurement::new(2, around(0.12, 6, 0.1).chain([0.9]))),
        measured("measurement-many", Measurement::new(100, around(3.3e-9, 1000, 0.05))),
        measured("measurement-nothing", Measurement::new(1, [])),
        measured("measurement-hours", Measurement::new(1, around(3600.0, 3, 0.2))),
        compared("comparison-primes", primes()),
        compared("comparison-history", with_history(primes())),
        compared(
            "comparison-same",
            Comparison::new(
                "same or not",
                vec![
                    case("for loop", 1.02e-3, 25, 0.02),
                    case("iterator", 1.021e-3, 25, 0.02),
                    case("rayon", 0.71e-3, 25, 0.1),
                ],
            ),
        ),
        compared("comparison-one-case", Comparison::new("alone", vec![case("sort", 35e-6, 9, 0.03)])),
        compared(
            "comparison-one-run",
            Comparison::new("one run", vec![case("a", 2.0, 1, 0.0), case("b", 1.0, 1, 0.0)]),
        ),
        compared("comparison-50", of_many(50, 1.0)),
        compared("comparison-decades", decades()),
        compared("comparison-50-decades", of_many(50, 1.7)),
        compared("comparison-long-names", long_names()),
        compared("comparison-nothing", Comparison::new("nothing", vec![])),
        curve("speedup", amdahl(0.08, &[1, 2, 4, 8], 9)),
        curve("speedup-ideal", amdahl(0.0, &[1, 2, 3, 4, 5, 6, 7, 8], 3)),
        curve("speedup-none", amdahl(1.0, &[1, 2, 4], 3)),
        curve("speedup-64", amdahl(0.15, &[1, 2, 4, 8, 16, 32, 64], 5).on_processors(2)),
        curve("speedup-50-counts", amdahl(0.02, &(1..=50).collect::<Vec<_>>(), 3)),
        curve("speedup-two", amdahl(0.5, &[1, 2], 3)),
        curve("speedup-noisy", noisy()),
        curve("speedup-one", amdahl(0.5, &[1], 3)),
        curve("speedup-from-4", amdahl(0.1, &[4, 1000], 1)),
        curve("speedup-nothing", amdahl(0.5, &[], 3)),
        past("history", years(12, 2)),
        past("history-one-run", years(1, 3)),
        past("history-200-runs", years(200, 6)),
        past("history-50-cases", years(9, 50)),
        past("history-elsewhere", elsewhere()),
        past("history-nothing", Past { entries: vec![], ..years(1, 1) }),
    ]
}

/// `count` times around `seconds`, in an irregular order.
fn around(seconds: f64, count: usize, spread: f64) -> impl Iterator<Item = f64> {
    (0..count).map(move |n| seconds * (1.0 + spread * ((n * 7919 + 13) % 101) as f64 / 100.0))
}

fn case(name: &str, seconds: f64, runs: usize, spread: f64) -> Case {
    Case { name: name.to_owned(), measurement: Measurement::new(1, around(seconds, runs, spread)) }
}

/// The comparison with a fixed machine and time.
fn settled(mut comparison: Comparison) -> Comparison {
    comparison.run.time = 1_790_000_000;
    comparison.run.machine = here();
    comparison
}

fn here() -> Machine {
    Machine { id: "1".into(), about: "an abacus, wood".into(), processors: 2 }
}

fn primes() -> Comparison {
    let cases = vec![
        case("1 worker", 1.21, 3, 0.03),
        case("2 workers", 0.66, 3, 0.05),
        case("4 workers", 0.68, 3, 0.12),
    ];
    settled(Comparison::new("primes", cases))
}

fn with_history(mut comparison: Comparison) -> Comparison {
    comparison.earlier = years(14, 1).entries;
    for (index, entry) in comparison.earlier.iter_mut().enumerate() {
        let factor = 1.0 + 0.3 * ((index * 5) % 7) as f64 / 7.0;
        entry.cases =
            vec![case("1 worker", 1.5 * factor, 3, 0.03), case("2 workers", 0.66 / factor, 3, 0.05)];
    }
    comparison.notes.push("Left out: 3 runs on another machine (AMD EPYC 7763, linux).".into());
    comparison
}

fn of_many(cases: usize, growth: f64) -> Comparison {
    let time = |n: usize| 2e-9 * growth.powi(n as i32) * (1.0 + n as f64 / 10.0);
    let cases = (0..cases).map(|n| case(&format!("case number {n}"), time(n), 5, 0.08)).collect();
    settled(Comparison::new("many", cases))
}

fn decades() -> Comparison {
    let cases = [("a nanosecond", 1e-9), ("a microsecond", 1e-6), ("a second", 1.0), ("an hour", 3600.0)];
    let cases = cases.map(|(name, seconds)| case(name, seconds, 5, 0.2)).to_vec();
    settled(Comparison::new("from 1 ns to 1 h", cases))
}

fn long_names() -> Comparison {
    let names = [
        "download_every_page_of_the_encyclopedia_and_its_pictures",
        "Vec<HashMap<&str, u8>> & \"more\"",
        "проверить_все_страницы_энциклопедии",
        "下载所有页面下载所有页面下载所有页面",
    ];
    let cases = names.iter().enumerate().map(|(n, name)| case(name, 1.0 + n as f64, 4, 0.5)).collect();
    let name =
        "a benchmark whose name is a whole sentence that does not end before the right edge of the picture";
    let mut comparison = settled(Comparison::new(name, cases));
    comparison
        .notes
        .push(format!("This run is not kept: {} could not be written: no room is left", "long/".repeat(60)));
    comparison
}

fn amdahl(serial: f64, workers: &[usize], runs: usize) -> SpeedUp {
    let time = |workers: usize| 2.4 * (serial + (1.0 - serial) / workers as f64);
    let run =
        |count: usize, n: usize| time(count) * (1.0 + 0.12 * ((n * 31 + count * 17) % 10) as f64 / 10.0);
    let measured = |count: usize| Measurement::new(1, (0..runs).map(|n| run(count, n)));
    let points = workers.iter().map(|count| (*count, measured(*count)));
    SpeedUp::new(points.collect::<Vec<_>>()).on_processors(64)
}

fn noisy() -> SpeedUp {
    let time = |workers: usize, run: usize| {
        (0.2 + 0.8 / workers as f64) * (1.0 + ((run * 31 + workers * 17) % 10) as f64 / 10.0)
    };
    let measured = |workers: usize| Measurement::new(1, (0..7).map(|run| time(workers, run)));
    SpeedUp::new([1, 2, 4].map(|workers| (workers, measured(workers)))).on_processors(8)
}

fn years(runs: u64, cases: usize) -> Past {
    let entry = |run: u64| {
        let factor = |n: usize| 1.0 + n as f64 + 0.4 * ((run as usize * (n + 3)) % 5) as f64 / 5.0;
        // Another processor, and faster code, at about two thirds.
        let (processors, code) = if 3 * run < 2 * runs { (1, 1.0) } else { (2, 0.6) };
        Entry {
            time: 1_790_000_000 - (runs - run) * 86_400,
            benchmark: "primes".into(),
            machine: Machine { processors, ..here() },
            code: Some(code.to_string()),
            cases: (0..cases)
                .map(|n| case(&format!("{} workers", n + 1), 0.3 * code * factor(n), 3, 0.05))
                .collect(),
        }
    };
    let entries = (0..runs).map(entry).collect();
    Past { name: "primes".into(), entries, elsewhere: vec![], unreadable: 0, read: 1_790_000_000 }
}

fn elsewhere() -> Past {
    let mut past = years(5, 2);
    past.elsewhere = past.entries.split_off(3);
    past.unreadable = 2;
    past
}
