//! A single run: its elapsed time and its processor time.

use crate::units::human;
use std::fmt;
use std::time::{Duration, Instant};

/// Runs `work` once, and returns its value and its times.
///
/// A cell that ends with it shows the value and the times; the magic `%time` is for this.
///
/// # Panics
///
/// If `work` panics.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadbook_timing::time;
///
/// let timed = time(|| {
///     std::thread::sleep(Duration::from_millis(20));
///     42
/// });
/// assert_eq!(timed.value, 42);
/// assert!(timed.wall >= Duration::from_millis(20));
/// ```
pub fn time<T>(work: impl FnOnce() -> T) -> Timed<T> {
    let stopwatch = Stopwatch::start();
    let value = work();
    let Timed { wall, user, system, .. } = stopwatch.elapsed();
    Timed { value, wall, user, system }
}

/// A returned value, and the times of its computation; made by [`time()`].
///
/// `user` and `system` count all threads of the process, so that on two busy cores they grow twice as fast
/// as `wall`. Child processes are not counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Timed<T> {
    /// The returned value.
    pub value: T,
    /// The elapsed time.
    pub wall: Duration,
    /// The processor time of this process in user mode.
    pub user: Duration,
    /// The processor time of this process in the system.
    pub system: Duration,
}

impl fmt::Display for Timed<()> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [wall, user, system] = [self.wall, self.user, self.system].map(|time| human(time.as_secs_f64()));
        write!(f, "wall {wall}, user {user}, system {system}")
    }
}

impl<T: fmt::Debug> fmt::Debug for Timed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timed { wall, user, system, .. } = *self;
        writeln!(f, "{:?}", self.value)?;
        fmt::Display::fmt(&Timed { value: (), wall, user, system }, f)
    }
}

/// A stopwatch, for code that is no function.
///
/// # Examples
///
/// ```
/// use threadbook_timing::Stopwatch;
///
/// let stopwatch = Stopwatch::start();
/// let lines = ["one", "two"];
/// println!("{}", stopwatch.elapsed()); // wall 1.23 µs, user 1.00 µs, system 0 s
/// assert_eq!(lines.len(), 2);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    user: Duration,
    system: Duration,
    started: Instant,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Stopwatch {
        let (user, system) = processor_times();
        Stopwatch { user, system, started: Instant::now() }
    }

    /// The times since the start. It goes on running.
    pub fn elapsed(&self) -> Timed<()> {
        let wall = self.started.elapsed();
        let (user, system) = processor_times();
        let since = |now: Duration, then: Duration| now.saturating_sub(then);
        Timed { value: (), wall, user: since(user, self.user), system: since(system, self.system) }
    }
}

/// The processor time of this process, in user mode and in the system.
fn processor_times() -> (Duration, Duration) {
    let mut usage = std::mem::MaybeUninit::zeroed();
    // SAFETY: the system writes a `rusage` to this memory, which has the size of one; if it fails, the zeros
    // are a valid one.
    let usage: libc::rusage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let duration = |time: libc::timeval| Duration::new(time.tv_sec as u64, 1000 * time.tv_usec as u32);
    (duration(usage.ru_utime), duration(usage.ru_stime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_counts_sleep_and_the_processor_counts_work() {
        let timed = time(|| std::thread::sleep(Duration::from_millis(50)));
        assert!(timed.wall >= Duration::from_millis(50), "{timed}");
        let timed = time(|| {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(80) {}
        });
        assert!(timed.user + timed.system > Duration::ZERO, "{timed}");
    }

    #[test]
    fn it_shows_its_value_and_its_times() {
        let [wall, user, system] = [1_234, 1_100, 100].map(Duration::from_micros);
        let timed = Timed { value: vec![1], wall, user, system };
        assert_eq!(format!("{timed:?}"), "[1]\nwall 1.23 ms, user 1.10 ms, system 100 µs");
        let idle = Timed { value: (), wall, user: Duration::ZERO, system: Duration::ZERO };
        assert_eq!(idle.to_string(), "wall 1.23 ms, user 0 s, system 0 s");
    }
}
