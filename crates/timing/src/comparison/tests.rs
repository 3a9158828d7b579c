use super::*;
use crate::history::Machine;
use arbtest::arbtest;

fn case(name: &str, seconds: &[f64]) -> Case {
    Case { name: name.to_owned(), measurement: Measurement::new(1, seconds.iter().copied()) }
}

fn primes() -> Comparison {
    let cases = vec![case("1 worker", &[1.2, 1.22, 1.21]), case("4 workers", &[0.62, 0.63, 0.625])];
    Comparison::new("primes", cases)
}

#[test]
fn a_ratio_is_that_of_the_times_and_a_speedup_its_inverse() {
    let comparison = primes();
    assert!((comparison.ratio("4 workers") - 0.5165).abs() < 1e-3);
    assert!((comparison.ratio("4 workers") * comparison.speedup("4 workers") - 1.0).abs() < 1e-12);
    assert_eq!(comparison.ratio("1 worker"), 1.0);
    let interval = comparison.interval("4 workers");
    assert!(interval.contains(&comparison.ratio("4 workers")) && interval.end < 0.53);
    assert!(comparison.is_different("4 workers") && !comparison.is_different("1 worker"));
}

#[test]
fn drift_that_hits_all_alike_is_no_difference() {
    let drift = |factor: f64| [1.0, 1.5, 2.0, 3.0, 1.2].map(|time| factor * time);
    let cases = vec![case("a", &drift(1.0)), case("b", &drift(1.1)), case("c", &drift(1.0))];
    let comparison = Comparison::new("drift", cases);
    assert!((comparison.ratio("b") - 1.1).abs() < 1e-9 && comparison.is_different("b"));
    assert!(!comparison.is_different("c"));
}

#[test]
fn verdicts() {
    let verdict = |base: &[f64], other: &[f64]| {
        Comparison::new("x", vec![case("a", base), case("b", other)]).verdict("b")
    };
    assert_eq!(primes().verdict("1 worker"), "the baseline");
    let summary = |base: &[f64], other: &[f64]| {
        Comparison::new("x", vec![case("a", base), case("b", other)]).summary("b")
    };
    assert_eq!(primes().summary("1 worker"), "the baseline");
    assert_eq!(summary(&[1.0], &[2.0]), "2.00 times as long");
    assert_eq!(summary(&[3.0; 4], &[2.0; 4]), "1.50 times as fast");
    assert_eq!(summary(&[1.0, 1.01, 1.0], &[1.0, 1.0, 1.01]), "no difference");
    assert_eq!(summary(&[1.0, 1.1, 1.05], &[1.15, 1.02, 1.2]), "too uncertain to tell");
    assert!(primes().verdict("4 workers").starts_with("1.94 times as fast (1.9"));
    assert!(verdict(&[1.0; 8], &[2.5; 8]).starts_with("2.50 times as long (2.50 to 2.50)"));
    assert_eq!(verdict(&[1.0], &[2.0]), "2.00 times as long; one run does not tell how sure that is");
    // Three runs that vary by 10 % do not show a difference of 10 %; the result is "too uncertain".
    let few = verdict(&[1.0, 1.1, 1.05], &[1.15, 1.02, 1.2]);
    assert!(
        few.starts_with("too uncertain to tell (0.")
            && few.ends_with(" times as long; more runs would tell more)"),
        "{few}"
    );
    let many = verdict(&[1.0, 1.1, 1.0, 1.1, 1.0, 1.1], &[1.1, 1.0, 1.1, 1.0, 1.1, 1.0]);
    assert!(many.starts_with("too uncertain to tell (0."), "{many}");
    // Nearly the same, with certainty.
    let near = verdict(&[1.0, 1.02, 1.0, 1.02], &[1.02, 1.0, 1.02, 1.0]);
    assert!(
        near.starts_with("no difference to see at 95 % (0.9") && near.ends_with("times as long)"),
        "{near}"
    );
    // Certain, but too small to be meaningful.
    assert!(verdict(&[1.0; 8], &[1.005; 8]).starts_with("no difference"));
    // All times are zero.
    assert!(verdict(&[0.0; 8], &[0.0; 8]).starts_with("no difference"));
}

#[test]
fn it_shows_a_line_for_each_case() {
    let text = primes().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "primes: 3 runs of each case, by turns");
    assert_eq!(lines[1], "  1 worker   ████████████████████  1.21 s ± 0.01 s  the baseline");
    assert!(lines[2].starts_with("  4 workers  ██████████            625 ms ± 5 ms"), "{text}");
    assert_eq!(lines.len(), 3);
    assert_eq!(Comparison::new("nothing", vec![]).to_string(), "nothing: no cases");
}

#[test]
fn the_last_time_is_compared_and_what_changed_is_said() {
    let mut comparison = primes();
    assert_eq!(comparison.since_last_time(), None);
    let mut last = comparison.run.clone();
    last.time -= 7200;
    comparison.earlier = vec![last.clone()];
    let same = "Since the last time, 2 h ago: no difference to see at 95 %";
    assert_eq!(comparison.since_last_time().unwrap(), same);
    comparison.earlier[0].cases[0] = case("1 worker", &[0.5, 1.2, 2.0]);
    let words = comparison.since_last_time().unwrap();
    assert!(words.ends_with(" ago: 1 worker: too uncertain to tell"), "{words}");
    last.cases = vec![case("1 worker", &[2.4, 2.42, 2.41]), case("2 workers", &[1.0, 1.0])];
    last.machine = Machine { processors: last.machine.processors + 1, ..last.machine };
    last.code = Some("a".into());
    comparison.run.code = Some("b".into());
    comparison.run.machine.processors = 1;
    comparison.earlier = vec![last];
    let words = comparison.since_last_time().unwrap();
    for part in [
        "1 worker: 1.99 times as fast (1.9",
        "1 processor instead of",
        "the code has changed",
        "new: 4 workers",
        "gone: 2 workers",
    ] {
        assert!(words.contains(part), "{part:?} is not in {words}");
    }
}

#[test]
fn cases_with_the_same_warning_share_a_line() {
    let noisy = [1.0, 1.0, 1.0, 1.5, 1.6, 1.7];
    let cases = vec![case("one", &[1.0; 6]), case("threads", &noisy), case("processes", &noisy)];
    let text = Comparison::new("x", cases).to_string();
    let warnings: Vec<&str> = text.lines().filter(|line| line.starts_with("Beware: ")).collect();
    assert_eq!(
        warnings,
        [
            "Beware: the loops of threads (28 %) and processes (28 %) differ so much that the medians are known \
          only to so many percent: the machine has other work."
        ]
    );
}

#[test]
fn an_unknown_case_is_named_with_those_that_there_are() {
    let panic = std::panic::catch_unwind(|| primes().ratio("3 workers")).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert_eq!(said, "there is no case `3 workers` in the benchmark `primes`, only `1 worker`, `4 workers`");
}

/// The share of comparisons that report a difference if one case takes `ratio` times as long as the other.
/// Each run is disturbed by about 2 %, and a few by much more.
fn share_seen(runs: usize, ratio: f64) -> f64 {
    let mut random = fastrand::Rng::with_seed(11);
    let mut run = |mean: f64| {
        let noise = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let burst = if random.u8(..100) < 4 { random.f64() } else { 0.0 };
        mean * (1.0 + 0.02 * noise + burst)
    };
    let mut sample = |mean: f64| (0..runs).map(|_| run(mean)).collect::<Vec<f64>>();
    let seen = (0..500).filter(|_| {
        let cases = vec![case("a", &sample(1.0)), case("b", &sample(ratio))];
        Comparison::new("x", cases).is_different("b")
    });
    seen.count() as f64 / 500.0
}

/// The noise is random numbers, so the result is the same on any machine; peers/examples/timings.rs measures
/// it on a real one.
#[test]
fn equals_are_told_from_a_tenth_slower() {
    for runs in [2, 3, 6, 25] {
        let share = share_seen(runs, 1.0);
        assert!(share <= 0.05, "{share} of equals are seen to differ in {runs} runs");
    }
    let share = share_seen(25, 1.1);
    assert!(share >= 0.99, "{share} of those a tenth slower are seen");
}

#[test]
fn every_comparison_has_words() {
    arbtest(|random| {
        let second = |random: &mut arbtest::arbitrary::Unstructured| {
            Ok(10_f64.powf(f64::from(random.int_in_range(-1100..=400_i32)?) / 100.0))
        };
        let mut cases = Vec::new();
        for number in 0..random.int_in_range(0..=5)? {
            let seconds =
                (0..random.int_in_range(0..=9)?).map(|_| second(random)).collect::<Result<Vec<_>, _>>()?;
            cases.push(case(&format!("case {number}"), &seconds));
        }
        let comparison = Comparison::new("any", cases.clone());
        for case in &cases {
            assert!(!comparison.verdict(&case.name).is_empty());
        }
        let text = comparison.to_string();
        assert!(text.lines().count() > cases.len() && !text.contains("NaN"), "{text}");
        Ok(())
    });
}
