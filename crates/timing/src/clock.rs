//! The cost and the resolution of the clock.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The number of readings that determine the resolution and the cost.
const READINGS: usize = 2000;

/// The number of timed loops, and of the empty rounds in each.
const LOOPS: (usize, u32) = (7, 50_000);

/// This machine's clock; made by [`clock()`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// The shortest time above zero between two readings.
    pub resolution: Duration,
    /// The cost of a reading: the measured time of no work at all. It is subtracted from every measurement.
    pub overhead: Duration,
    /// The time of one round of an empty loop, in seconds: less than any work takes.
    pub empty_round: f64,
}

/// The resolution and the cost of this machine's clock. Measured once a process, in about a millisecond.
///
/// # Examples
///
/// ```
/// let clock = threadbook_timing::clock();
/// assert!(clock.resolution > std::time::Duration::ZERO);
/// ```
pub fn clock() -> Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    *CLOCK.get_or_init(Clock::measured)
}

impl Clock {
    fn measured() -> Clock {
        let mut readings: Vec<Duration> = (0..READINGS).map(|_| Instant::now().elapsed()).collect();
        readings.sort_unstable();
        let resolution = readings.iter().find(|reading| !reading.is_zero());
        // An interrupted loop is too long, hence the minimum.
        let empty_round = (0..LOOPS.0).map(|_| {
            let start = Instant::now();
            (0..LOOPS.1).for_each(|_| black_box(()));
            start.elapsed().as_secs_f64() / f64::from(LOOPS.1)
        });
        Clock {
            resolution: resolution.copied().unwrap_or(Duration::from_nanos(1)),
            overhead: readings[READINGS / 2],
            empty_round: empty_round.fold(f64::INFINITY, f64::min),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_measured_once() {
        assert_eq!(clock(), clock());
        assert!(clock().empty_round > 0.0 && clock().empty_round.is_finite());
    }
}
