//! What processes have used.

use std::fmt;
use std::time::Duration;

/// How far the system's figures of memory are off: each processor keeps some pages that are not counted yet.
const SLACK: u64 = 1 << 20;

/// What a command has used: the times that processors worked for it, and the most memory it had. Of a
/// pipeline, the times of all its commands, and the memory of the largest. What a command has started and
/// waited for is included.
///
/// As `getrusage(2)` and `wait4(2)` count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// The time that processors worked in it.
    pub user: Duration,
    /// The time that processors worked in the system for it.
    pub system: Duration,
    /// The most memory that it had at a time, in bytes. Linux counts in the memory of the process that
    /// started it, so it never is less than what this one had; see
    /// [`peak_memory_is_bound`](Usage::peak_memory_is_bound).
    pub peak_memory: u64,
    /// The most memory that this process had had when it started the command.
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

    /// The most memory that this process has had.
    pub(crate) fn own_peak() -> u64 {
        let mut usage = std::mem::MaybeUninit::zeroed();
        // SAFETY: the system writes a `rusage` to this place; zeros are a valid one.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
            usage.assume_init()
        };
        Usage::of(&usage).peak_memory
    }

    /// This, of a process that was started by one that had had `floor` bytes.
    pub(crate) fn above(self, floor: u64) -> Usage {
        Usage { floor, ..self }
    }

    /// Of both.
    pub(crate) fn and(self, other: Usage) -> Usage {
        Usage {
            user: self.user + other.user,
            system: self.system + other.system,
            peak_memory: self.peak_memory.max(other.peak_memory),
            floor: self.floor.max(other.floor),
        }
    }

    /// Whether the command had at most [`peak_memory`](Usage::peak_memory), and maybe much less: all that
    /// can be told if it had no more than the process that started it.
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
        let most = if self.peak_memory_is_bound() { "at most " } else { "" };
        format!("{most}{:.1} MB", self.peak_memory as f64 / 1e6)
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
