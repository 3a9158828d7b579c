//! Two sides, measured in turns.

const ROUNDS: usize = 41;

pub fn compare(workload: &str, ours: impl FnMut() -> f64, peer: &str, theirs: impl FnMut() -> f64) {
    compare_rounds(workload, ours, peer, theirs, ROUNDS);
}

pub fn compare_rounds(
    workload: &str,
    mut ours: impl FnMut() -> f64,
    peer: &str,
    mut theirs: impl FnMut() -> f64,
    rounds: usize,
) {
    // Warm up: threads start, memory is mapped.
    ours();
    theirs();
    let rounds: Vec<(f64, f64)> = (0..rounds)
        .map(|round| {
            // Whoever is first finds the caches as the other one left them: take turns.
            if round % 2 == 0 {
                let mine = ours();
                (mine, theirs())
            } else {
                let other = theirs();
                (ours(), other)
            }
        })
        .collect();
    let ratios: Vec<f64> = rounds.iter().map(|(ours, theirs)| ours / theirs).collect();
    let (low, high) = interval(&ratios);
    let ours = median(rounds.iter().map(|round| round.0).collect());
    let theirs = median(rounds.iter().map(|round| round.1).collect());
    let ratio = median(ratios);
    println!(
        r#"{{"workload":"{workload}","ours_ns":{ours:.1},"peer":"{peer}","peer_ns":{theirs:.1},"ratio":{ratio:.4},"ci_low":{low:.4},"ci_high":{high:.4}}}"#
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The middle 95 % of the medians of resamples.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut medians: Vec<f64> = (0..2000)
        .map(|_| median((0..values.len()).map(|_| values[random(values.len())]).collect()))
        .collect();
    medians.sort_by(f64::total_cmp);
    (medians[50], medians[1949])
}
