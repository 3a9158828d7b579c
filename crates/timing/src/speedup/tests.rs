use super::*;
use arbtest::arbtest;

fn curve(points: &[(usize, &[f64])]) -> SpeedUp {
    let points = points.iter().map(|(workers, times)| (*workers, Measurement::new(1, times.iter().copied())));
    SpeedUp::new(points).on_processors(8)
}

#[test]
fn the_law_is_found_again() {
    arbtest(|random| {
        let serial = f64::from(random.int_in_range(0..=1000_u32)?) / 1000.0;
        let whole = 10_f64.powf(f64::from(random.int_in_range(-90..=30_i32)?) / 10.0);
        let mut workers: Vec<usize> = (0..random.int_in_range(2..=8)?)
            .map(|_| random.int_in_range(1..=64))
            .collect::<Result<_, _>>()?;
        workers.sort_unstable();
        workers.dedup();
        let time = |workers: usize| whole * (serial + (1.0 - serial) / workers as f64);
        let points = workers.iter().map(|count| (*count, Measurement::new(1, [time(*count); 3])));
        let curve = SpeedUp::new(points).on_processors(64);
        if workers.len() > 1 {
            assert!((curve.serial() - serial).abs() < 1e-6, "{} is not {serial}", curve.serial());
            for count in workers {
                assert!((curve.expected(count as f64) / curve.speedup(count) - 1.0).abs() < 1e-6);
            }
        }
        Ok(())
    });
}

#[test]
fn faster_than_possible_and_slower_than_before_are_within_the_law() {
    assert_eq!(curve(&[(1, &[10.0]), (2, &[4.0])]).serial(), 0.0);
    assert_eq!(curve(&[(1, &[10.0]), (2, &[12.0])]).serial(), 1.0);
    assert_eq!(curve(&[(1, &[10.0])]).serial(), 0.0);
    assert_eq!(curve(&[]).serial(), 0.0);
}

#[test]
fn work_that_computes_is_not_shared_by_more_workers_than_there_are_processors() {
    let computing = curve(&[(1, &[10.0]), (2, &[5.0]), (4, &[5.1]), (8, &[4.9])]).on_processors(2);
    assert!(computing.serial() < 0.01, "{}", computing.serial());
    assert!((computing.expected(8.0) - computing.expected(2.0)).abs() < 1e-9);
    let waiting = curve(&[(1, &[8.0]), (2, &[4.0]), (8, &[1.0])]).on_processors(2);
    assert!(waiting.serial() < 1e-9 && waiting.expected(8.0) > 7.9);
    assert_eq!(curve(&[(1, &[4.0]), (2, &[4.1])]).on_processors(1).serial(), 0.0);
}

#[test]
fn it_says_what_it_is() {
    let text = curve(&[(1, &[12.0, 12.1, 11.9]), (2, &[7.0, 7.1, 6.9]), (4, &[4.5, 4.6, 4.4])]).to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "speed-up over 1 worker: 3 runs of each, by turns");
    assert!(
        lines[1].starts_with("   1 worker  12.0 s ± 0.1 s")
            && lines[1].ends_with("█ 1.00 times".trim_start_matches("█ "))
    );
    assert!(lines[3].contains("2.67 times (") && lines[3].ends_with("Amdahl 2.67)"), "{text}");
    assert!(lines[4].starts_with("Amdahl's law: 17 % of the work is serial (1"), "{text}");
    assert!(lines[4].ends_with("no number of workers is more than 6.00 times as fast as one."), "{text}");
    assert_eq!(lines.len(), 5);
    assert_eq!(curve(&[]).to_string(), "speed-up: nothing was measured");
    let narrow = curve(&[(1, &[4.0, 4.0]), (2, &[2.0, 2.0])]).on_processors(1).to_string();
    assert!(narrow.ends_with("Only 1 processor here: more workers help only where they wait."));
}

#[test]
fn the_law_fits_what_is_shown_not_the_medians() {
    // By the medians two workers were 1.05 times as fast, by the pairs, which are shown, 1.19 times.
    let one: &[f64] = &[1.0, 3.0, 2.0, 1.0, 3.0];
    let two: &[f64] = &[0.8, 2.3, 1.9, 0.9, 2.4];
    let curve = curve(&[(1, one), (2, two)]);
    assert!((curve.expected(2.0) - curve.speedup(2)).abs() < 1e-9, "{curve}");
    assert!(curve.interval(2).contains(&curve.expected(2.0)), "{curve}");
    assert!(curve.serial_interval().contains(&curve.serial()), "{curve}");
}

#[test]
fn two_numbers_of_workers_make_no_law() {
    let curve = curve(&[(1, &[1.0, 1.01, 0.99]), (2, &[0.8, 0.81, 0.82])]);
    let text = curve.to_string();
    let why = "It takes three numbers of workers or more to tell what part of the work is serial.";
    assert!(text.ends_with(why) && !text.contains("Amdahl"), "{text}");
    assert!(!curve.has_law() && !curve.is_certain());
}

#[test]
fn a_noisy_measurement_gives_no_limit() {
    let law = |factors: [f64; 6]| {
        let points = [(1, 10.0), (2, 6.0), (4, 4.0)]
            .map(|(workers, time)| (workers, Measurement::new(1, factors.map(|factor| factor * time))));
        SpeedUp::new(points).on_processors(8).law().unwrap()
    };
    let said = law([1.0, 1.0, 1.0, 1.0, 1.0, 1.01]);
    assert!(said.starts_with("Amdahl's law: 20 % of the work is serial (20 % to 20 %), so "), "{said}");
    assert!(said.ends_with("no number of workers is more than 5.00 times as fast as one."), "{said}");
    for noisy in [[1.0, 1.0, 1.0, 1.5, 1.6, 1.7], [1.0, 1.0, 1.0, 1.0, 1.0, 4.5]] {
        let said = law(noisy);
        assert!(said.starts_with("Amdahl's law: perhaps 20 % of the work is serial ("), "{said}");
        assert!(said.ends_with("), which is too uncertain to tell the limit."), "{said}");
    }
    // One run of each gives no interval.
    let once = curve(&[(1, &[10.0]), (2, &[6.0]), (4, &[4.0])]).law().unwrap();
    assert!(once.contains("perhaps 20 % of the work is serial (0 % to 100 %), which"), "{once}");
}

#[test]
fn a_share_and_its_limit_agree() {
    let law = |serial: f64, noise: f64| {
        let time = |workers: f64| serial + (1.0 - serial) / workers;
        let noise = [1.0, 1.0 + noise, 1.0 - noise];
        let points = [1.0, 2.0, 4.0].map(|workers| {
            let turn = |run: usize| time(workers) * noise[(run + workers as usize) % 3];
            (workers as usize, Measurement::new(1, (0..3).map(turn)))
        });
        SpeedUp::new(points).on_processors(8).law().unwrap()
    };
    let small = law(0.0043, 1e-5);
    assert!(small.contains(": 0.43 % of the work is serial (0.4"), "{small}");
    assert!(small.contains("more than 233 times as fast"), "{small}");
    assert!(law(0.043, 1e-5).contains(": 4.3 % of the work is serial (4.3 % to 4.3 %)"));
    let none = law(0.004, 2e-2);
    assert!(none.starts_with("Amdahl's law: no serial part is to be seen (up to "), "{none}");
    assert!(none.ends_with(" %)."), "{none}");
}

#[test]
fn on_one_processor_nothing_is_said_of_the_serial_part() {
    let law = curve(&[(1, &[4.0, 4.0]), (2, &[4.0, 4.0]), (4, &[4.0, 4.0])]).on_processors(1).law();
    let said = "Amdahl's law: there are too few processors to tell what part of the work is serial.";
    assert_eq!(law.unwrap(), said);
}

#[test]
fn numbers_of_workers_are_sorted_and_each_is_measured_once() {
    let mut seen = Vec::new();
    let curve = speedup([2, 1, 0, 2], |workers| {
        seen.push(workers);
        std::thread::sleep(std::time::Duration::from_millis(10));
    });
    let workers: Vec<usize> = curve.points().iter().map(|point| point.workers).collect();
    assert_eq!(workers, [1, 2]);
    assert!(!seen.contains(&0) && seen.contains(&1) && seen.contains(&2));
    assert!(std::panic::catch_unwind(|| curve.speedup(3)).is_err());
}

/// The noise is random numbers, so the result is the same on any machine.
#[test]
fn the_interval_holds_the_serial_part_about_as_often_as_it_says() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut noise = || 1.0 + 0.03 * ((0..12).map(|_| random.f64()).sum::<f64>() - 6.0);
    let held = (0..300).filter(|_| {
        let points = [(1, 10.0), (2, 6.0), (4, 4.0)].map(|(workers, time)| {
            (workers, Measurement::new(1, (0..10).map(|_| time * noise()).collect::<Vec<_>>()))
        });
        SpeedUp::new(points).on_processors(8).serial_interval().contains(&0.2)
    });
    let share = held.count() as f64 / 300.0;
    assert!((0.9..=0.99).contains(&share), "{share}");
}
