//! The few figures that say what was measured, and how sure that is.

/// How often the sample is drawn anew for the interval of its median.
const RESAMPLES: usize = 2000;

/// Any number but zero: the same sample always has the same interval.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The arithmetic mean; 0 of nothing.
pub(crate) fn mean(sample: &[f64]) -> f64 {
    sample.iter().sum::<f64>() / sample.len().max(1) as f64
}

/// The value in the middle, or the mean of the two that are; 0 of nothing.
pub(crate) fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}

/// The standard deviation of what the sample was drawn from; 0 of fewer than two.
pub(crate) fn standard_deviation(sample: &[f64]) -> f64 {
    let mean = mean(sample);
    let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / sample.len().saturating_sub(1).max(1) as f64).sqrt()
}

/// Where the median lies with 95 % confidence, by bootstrap: of many samples that are drawn from this one
/// with replacement, the medians but for the lowest and the highest 2.5 %. Deterministic.
pub(crate) fn interval_of_median(sample: &[f64]) -> (f64, f64) {
    if sample.is_empty() {
        return (0.0, 0.0);
    }
    let mut random = Random(SEED);
    let mut drawn = sample.to_vec();
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            drawn.fill_with(|| sample[random.below(sample.len())]);
            median(&drawn)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let outside = RESAMPLES / 40;
    (medians[outside], medians[RESAMPLES - 1 - outside])
}

/// Marsaglia's xorshift: not for secrets, but good enough to draw samples, and always the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The upper bits are the better ones.
        (((self.0 >> 32) * limit as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arbtest::arbitrary::{self, Unstructured};
    use arbtest::arbtest;

    #[test]
    fn figures_of_known_samples() {
        let sample = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert_eq!(mean(&sample), 5.0);
        assert_eq!(median(&sample), 4.5);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert!((standard_deviation(&sample) - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!((mean(&[]), median(&[]), standard_deviation(&[])), (0.0, 0.0, 0.0));
        assert_eq!((standard_deviation(&[3.0]), interval_of_median(&[3.0])), (0.0, (3.0, 3.0)));
    }

    /// The share of intervals that hold the true median, over many samples of a known distribution.
    #[test]
    fn the_interval_holds_the_median_about_as_often_as_it_says() {
        let mut random = Random(7);
        let held = (0..300).filter(|_| {
            let sample: Vec<f64> = (0..15).map(|_| random.below(1_000_001) as f64).collect();
            let (low, high) = interval_of_median(&sample);
            low <= 500_000.0 && 500_000.0 <= high
        });
        let share = held.count() as f64 / 300.0;
        assert!((0.89..=0.995).contains(&share), "{share}");
    }

    #[test]
    fn random_numbers_are_spread_evenly() {
        let mut random = Random(SEED);
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[random.below(7)] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    /// Between `1` and `most` numbers in the range from `low` to `high`.
    fn sample(random: &mut Unstructured, most: usize, low: f64, high: f64) -> arbitrary::Result<Vec<f64>> {
        let count = random.int_in_range(1..=most)?;
        let number = |random: &mut Unstructured| {
            Ok(low + (high - low) * f64::from(random.arbitrary::<u32>()?) / f64::from(u32::MAX))
        };
        (0..count).map(|_| number(random)).collect()
    }

    #[test]
    fn all_lies_within_the_sample() {
        arbtest(|random| {
            let sample = sample(random, 40, 0.0, 1e6)?;
            let low = sample.iter().copied().fold(f64::INFINITY, f64::min);
            let high = sample.iter().copied().fold(0.0, f64::max);
            let (from, to) = interval_of_median(&sample);
            assert!(low <= from && from <= to && to <= high);
            assert!(low <= median(&sample) && median(&sample) <= high);
            assert!(low * (1.0 - 1e-9) <= mean(&sample) && mean(&sample) <= high * (1.0 + 1e-9));
            assert_eq!((from, to), interval_of_median(&sample));
            Ok(())
        });
    }

    #[test]
    fn the_order_does_not_matter_and_scale_passes_through() {
        arbtest(|random| {
            let mut sample = sample(random, 20, 1.0, 1e3)?;
            let (middle, spread) = (median(&sample), standard_deviation(&sample));
            sample.reverse();
            assert_eq!(median(&sample), middle);
            let tenfold: Vec<f64> = sample.iter().map(|value| 10.0 * value).collect();
            assert!((median(&tenfold) - 10.0 * middle).abs() < 1e-9 * tenfold[0].max(1e4));
            assert!((standard_deviation(&tenfold) - 10.0 * spread).abs() < 1e-6);
            Ok(())
        });
    }
}
