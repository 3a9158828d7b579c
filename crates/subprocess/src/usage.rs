//! Resource usage of processes.

use std::fmt;
use std::time::Duration;

/// The error of the system's memory figures: each processor has a batch of pages that are not counted yet.
const SLACK: u64 = 1 << 20;

/// The resource usage of a command: its processor times and its peak memory. For a pipeline, the times of all
/// its commands, and the memory of the largest. Children that a command has spawned and reaped are included.
///
/// As `getrusage(2)` and `wait4(2)` count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// The processor time in user mode.
    pub user: Duration,
    /// The processor time in the system.
    pub system: Duration,
    /// The peak memory, in bytes. Linux includes the memory of the parent process, so the figure is never
    /// below the parent's peak; see [`peak_memory_is_bound`](Usage::peak_memory_is_bound).
    pub peak_memory: u64,
    /// The peak memory of this process when it spawned the command.
    floor: u64,
}

impl Usage {
    pub(crate) const NOTHING: Usage =
        Usage { user: Duration::ZERO, system: Duration::ZERO, peak_memory: 0, floor: 0 };

    pub(crate) fn of(usage: &libc::rusage) -> Usage {
        let duration = |time: libc::timeval| Duration::new(time.tv_sec as u64, 1000 * time.tv_usec as u32);
        let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
        let peak_memory = unit * usage.ru_maxrss as u64;
        Usage { user: duration(usage.ru_utime), system: duration(usage.ru_stime), peak_memory, floor: 0 }
    }

    /// The peak memory of this process.
    pub(crate) fn own_peak() -> u64 {
        let mut usage = std::mem::MaybeUninit::zeroed();
        // SAFETY: the system writes a `rusage` to this memory; zeros are a valid one.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
            usage.assume_init()
        };
        Usage::of(&usage).peak_memory
    }

    /// This usage, of a process whose parent had a peak of `floor` bytes.
    pub(crate) fn above(self, floor: u64) -> Usage {
        Usage { floor, ..self }
    }

    /// The usage of both.
    pub(crate) fn and(self, other: Usage) -> Usage {
        Usage {
            user: self.user + other.user,
            system: self.system + other.system,
            peak_memory: self.peak_memory.max(other.peak_memory),
            floor: self.floor.max(other.floor),
        }
    }

    /// Whether [`peak_memory`](Usage::peak_memory) is only an upper bound: so it is if the command had no
    /// more than its parent process.
    pub fn peak_memory_is_bound(&self) -> bool {
        cfg!(target_os = "linux") && self.peak_memory <= self.floor + SLACK
    }

    /// User and system time in words. Systems count some of them in ticks, so that a short command has none.
    pub(crate) fn times(&self) -> [String; 2] {
        [self.user, self.system].map(|time| match time {
            Duration::ZERO => "0 s".to_owned(),
            time => format!("{time:.3?}"),
        })
    }

    /// The memory in words.
    pub(crate) fn memory(&self) -> String {
        let bound = if self.peak_memory_is_bound() { "at most " } else { "" };
        format!("{bound}{:.1} MB", self.peak_memory as f64 / 1e6)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [user, system] = self.times();
        write!(f, "user {user}, system {system}, peak memory {}", self.memory())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_no_nanosecond() {
        let usage = Usage { user: Duration::from_micros(1462), ..Usage::NOTHING };
        assert!(usage.to_string().starts_with("user 1.462ms, system 0 s, "), "{usage}");
    }
}
