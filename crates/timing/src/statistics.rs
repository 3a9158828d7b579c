//! Statistics of samples: centres, spreads, and confidence intervals.

#[cfg(test)]
mod published;

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};
use statrs::statistics::{Data, Median, Statistics};

/// The arithmetic mean; 0 for an empty sample.
pub(crate) fn mean(sample: &[f64]) -> f64 {
    if sample.is_empty() { 0.0 } else { sample.mean() }
}

/// The value in the middle, or the mean of the two in the middle; 0 for an empty sample.
pub(crate) fn median(sample: &[f64]) -> f64 {
    if sample.is_empty() { 0.0 } else { Data::new(sample.to_vec()).median() }
}

/// The estimated standard deviation of the population; 0 for fewer than two values.
pub(crate) fn standard_deviation(sample: &[f64]) -> f64 {
    if sample.len() < 2 { 0.0 } else { sample.std_dev() }
}

/// The 95 % confidence interval of the median, by bootstrap: the medians of all samples that can be drawn
/// from this one with replacement, without the lowest and the highest 2.5 %.
///
/// For the median there is no need to draw (B. Efron 1979, "Bootstrap methods: another look at the
/// jackknife", The Annals of Statistics 7): the *m*-th of *n* drawn values is at most the *k*-th of ours if
/// at least *m* draws hit the first *k*, each with the probability *k* / *n*.
pub(crate) fn interval_of_median(sample: &[f64]) -> (f64, f64) {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let quantile = |part: f64, m: usize| {
        let reaches = |k: &usize| {
            let draws = Binomial::new((k + 1) as f64 / n as f64, n as u64);
            draws.is_ok_and(|draws| draws.sf(m as u64 - 1) >= part)
        };
        (0..n).find(reaches).map_or(0.0, |k| sorted[k])
    };
    // An even number has two values in the middle: the lower one gives the low end, the upper one the high
    // end.
    (quantile(0.025, n.div_ceil(2).max(1)), quantile(0.975, n / 2 + 1))
}

/// An estimate of a quantity from a sample.
///
/// The centre is a trimmed mean: of many values nearly two fifths at either end are left out, so that other
/// load on the machine hardly matters, even if it is heavy. The interval is Student's t on the winsorised
/// variance (J. W. Tukey and D. H. McLaughlin 1963, "Less vulnerable confidence and significance procedures
/// for location based on a single sample", Sankhyā A 25), and between two samples that of K. K. Yuen 1974
/// ("The two-sample trimmed t for unequal population variances", Biometrika 61). With up to five values
/// nothing is trimmed, and both are the tests of William Gosset and B. L. Welch. A bootstrap would be too
/// narrow here: resampling three values never exceeds them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) center: f64,
    /// The variance of the centre, not of the sample; infinite for a single value.
    variance: f64,
    degrees: f64,
}

impl Estimate {
    /// Estimates the sampled quantity; an empty sample gives an infinite interval.
    pub(crate) fn of(sample: &[f64]) -> Estimate {
        Estimate::trimmed(sample, 2 * sample.len().saturating_sub(3) / 5)
    }

    /// Without this number of the lowest and of the highest values.
    fn trimmed(sample: &[f64], trimmed: usize) -> Estimate {
        let mut sorted = sample.to_vec();
        sorted.sort_by(f64::total_cmp);
        let kept = sorted.len() - 2 * trimmed;
        let center = mean(&sorted[trimmed..trimmed + kept]);
        if kept < 2 {
            return Estimate { center, variance: f64::INFINITY, degrees: 1.0 };
        }
        let (lowest, highest) = (sorted[trimmed], sorted[trimmed + kept - 1]);
        sorted.iter_mut().for_each(|value| *value = value.clamp(lowest, highest));
        let squares = standard_deviation(&sorted).powi(2) * (sorted.len() - 1) as f64;
        let variance = squares / (kept * (kept - 1)) as f64;
        Estimate { center, variance, degrees: (kept - 1) as f64 }
    }

    /// The difference to another estimate, from an independent sample.
    pub(crate) fn minus(self, other: Estimate) -> Estimate {
        let center = self.center - other.center;
        let variance = self.variance + other.variance;
        let share = |part: Estimate| part.variance.powi(2) / part.degrees;
        let degrees = variance.powi(2) / (share(self) + share(other));
        Estimate { center, variance, degrees: if degrees.is_finite() { degrees.max(1.0) } else { 1.0 } }
    }

    /// The 95 % confidence interval of the quantity.
    pub(crate) fn interval(self) -> (f64, f64) {
        if !self.variance.is_finite() {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        let reach = student(self.degrees) * self.variance.sqrt();
        (self.center - reach, self.center + reach)
    }
}

/// The bound around 0 that contains 95 % of Student's t with these degrees of freedom.
fn student(degrees: f64) -> f64 {
    // The quantile of the normal distribution, its limit for many degrees of freedom.
    StudentsT::new(0.0, 1.0, degrees).map_or(1.96, |t| t.inverse_cdf(0.975))
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

    /// The share of intervals that contain the true value, over many samples of a known distribution.
    fn share_held(sizes: usize, interval: impl Fn(&[f64]) -> (f64, f64)) -> f64 {
        let mut random = fastrand::Rng::with_seed(7);
        let held = (0..2000).filter(|_| {
            // Nearly normal, around 0.
            let mut value = || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
            let sample: Vec<f64> = (0..sizes).map(|_| value()).collect();
            let (low, high) = interval(&sample);
            low <= 0.0 && 0.0 <= high
        });
        held.count() as f64 / 2000.0
    }

    #[test]
    fn intervals_hold_the_truth_about_as_often_as_they_say() {
        let median = share_held(15, interval_of_median);
        assert!((0.9..=0.99).contains(&median), "{median}");
        for size in [2, 3, 5, 6, 7, 8, 10, 13, 18, 25, 50, 100] {
            let share = share_held(size, |sample| Estimate::of(sample).interval());
            assert!((0.92..=0.97).contains(&share), "{share} of {size}");
        }
        let share = share_held(16, |both| {
            let wide: Vec<f64> = both[6..].iter().map(|value| 3.0 * value).collect();
            Estimate::of(&both[..6]).minus(Estimate::of(&wide)).interval()
        });
        assert!((0.92..=0.975).contains(&share), "{share} of two");
    }

    /// All samples that can be drawn from three values and from four, counted by hand.
    #[test]
    fn the_bootstrap_of_a_median_is_exact() {
        // The median of three draws from three is the lowest one in 7 of 27, the highest one in 7 of 27.
        assert_eq!(interval_of_median(&[3.0, 1.0, 2.0]), (1.0, 3.0));
        assert_eq!(interval_of_median(&[4.0, 1.0, 3.0, 2.0]), (1.0, 4.0));
        // Of nine draws five or more hit the first value in 0.1 %, the first two in 3.0 %; and the first seven
        // in 97.0 %, the first eight in 99.9 %.
        let nine = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        assert_eq!(interval_of_median(&nine), (2.0, 8.0));
    }

    #[test]
    fn an_outlier_hardly_matters_to_an_estimate_of_six() {
        let calm = Estimate::of(&[1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.02]);
        let disturbed = Estimate::of(&[1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 77.0]);
        assert!((calm.center - disturbed.center).abs() < 0.03);
        let (low, high) = disturbed.interval();
        assert!(low > 0.8 && high < 1.3, "{low} to {high}");
    }

    #[test]
    fn one_value_tells_nothing_about_how_sure_it_is() {
        let everything = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(Estimate::of(&[3.0]).interval(), everything);
        assert_eq!(Estimate::of(&[]).interval(), everything);
        let many = Estimate::of(&[1.0, 2.0, 3.0]);
        assert_eq!(many.minus(Estimate::of(&[3.0])).interval(), everything);
        assert_eq!(Estimate::of(&[2.0, 2.0]).interval(), (2.0, 2.0));
        let same = Estimate::of(&[2.0, 2.0]);
        assert_eq!(same.minus(same).interval(), (0.0, 0.0));
    }

    /// Between `1` and `max` numbers in the range from `low` to `high`.
    fn sample(random: &mut Unstructured, max: usize, low: f64, high: f64) -> arbitrary::Result<Vec<f64>> {
        let count = random.int_in_range(1..=max)?;
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
            let estimate = Estimate::of(&sample);
            assert!(low * (1.0 - 1e-9) <= estimate.center && estimate.center <= high * (1.0 + 1e-9));
            let (from, to) = estimate.interval();
            assert!(from <= estimate.center && estimate.center <= to);
            Ok(())
        });
    }

    #[test]
    fn the_order_does_not_matter_and_scale_passes_through() {
        arbtest(|random| {
            let mut sample = sample(random, 20, 1.0, 1e3)?;
            let (middle, spread) = (median(&sample), standard_deviation(&sample));
            let estimate = Estimate::of(&sample);
            sample.reverse();
            assert_eq!(median(&sample), middle);
            assert_eq!(Estimate::of(&sample), estimate);
            let tenfold: Vec<f64> = sample.iter().map(|value| 10.0 * value).collect();
            assert!((median(&tenfold) - 10.0 * middle).abs() < 1e-9 * tenfold[0].max(1e4));
            assert!((standard_deviation(&tenfold) - 10.0 * spread).abs() < 1e-6);
            Ok(())
        });
    }
}
