//! The policy of a publisher towards subscribers that are slower than itself.
//!
//! A cell can print faster than a front end reads. *Invariants:*
//!
//! - The messages that wait for subscribers take at most [`Policy::max_memory`] together, and one message
//!   more. A message that waits for many of them is in memory once.
//! - [`Publisher::send`](super::Publisher::send) waits while that memory is used up: a front end that reads, however
//!   slowly, gets all of its output, and the cell is slowed down.
//! - A subscriber that takes nothing for [`Policy::idle_timeout`] meanwhile is disconnected.
//! - If another subscriber is half of the memory ahead, a subscriber that takes nothing for a second is disconnected,
//!   and so is a subscriber that takes less than [`Policy::min_taken`] in a second.
//!
//! Time is counted in ticks, while the publisher runs and messages wait. So no subscriber is disconnected because this
//! process was stopped or had no processor.
//!
//! A peer without the key, which may subscribe like any other, can slow a cell with a fast reader down to
//! `max_memory` a second by not reading, and to `min_taken` a second by reading slowly. A subscriber that was
//! disconnected may connect again, and gets the messages that are published from then on.

/// The ticks over which a subscriber's speed is measured: a second.
const WINDOW: u32 = 10;

/// A publisher's limits for subscribers that are slower than itself; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// The memory for messages that wait for subscribers, in bytes.
    pub(super) max_memory: usize,
    /// The ticks after which a subscriber that takes nothing is disconnected.
    pub(super) idle_timeout: u32,
    /// The bytes that a subscriber must take in a second, if others are faster.
    pub(super) min_taken: u64,
}

/// The progress of a subscriber with its queued messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// The bytes that it has yet to take.
    backlog: usize,
    /// The bytes that it has taken since it connected.
    taken: u64,
    /// The number of ticks since it has last taken any.
    idle: u32,
    /// The ticks of the current window, and the bytes taken before it. Windows begin when the subscriber is
    /// half of the memory behind: earlier, it may have taken little because there was little.
    window: (u32, u64),
    /// The bytes taken in the last complete window.
    speed: Option<u64>,
}

impl Pace {
    /// Records the progress since the last tick.
    pub(super) fn tick(&mut self, backlog: usize, taken: u64, policy: &Policy) {
        self.idle = if backlog > 0 && taken == self.taken { self.idle + 1 } else { 0 };
        (self.backlog, self.taken) = (backlog, taken);
        if backlog < policy.max_memory / 2 {
            (self.window, self.speed) = ((0, taken), None);
            return;
        }
        self.window.0 += 1;
        if self.window.0 == WINDOW {
            self.speed = Some(taken - self.window.1);
            self.window = (0, taken);
        }
    }
}

impl Policy {
    /// The policy of a kernel.
    pub(super) const DEFAULT: Policy =
        Policy { max_memory: 64 << 20, idle_timeout: 30 * WINDOW, min_taken: 4 << 20 };

    /// Whether a subscriber is half of the memory ahead of the slowest.
    pub(super) fn is_fast(&self, pace: &Pace) -> bool {
        let half = self.max_memory / 2;
        pace.backlog < half && pace.taken >= half as u64
    }

    /// The reason to disconnect a subscriber while the memory is used up, if there is one.
    pub(super) fn verdict(&self, pace: &Pace, others_are_faster: bool) -> Option<&'static str> {
        if pace.idle >= self.idle_timeout {
            return Some("it has not read for too long");
        }
        let is_slow = pace.idle >= WINDOW || pace.speed.is_some_and(|speed| speed < self.min_taken);
        (others_are_faster && pace.backlog >= self.max_memory / 2 && is_slow)
            .then_some("it reads too slowly, and others wait for it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy::DEFAULT;

    #[test]
    fn the_policy_is_as_documented() {
        let half = POLICY.max_memory / 2;
        let pace = Pace { backlog: half, ..Pace::default() };
        let stalled = Pace { idle: WINDOW, ..pace };
        let slow = Pace { speed: Some(POLICY.min_taken - 1), ..pace };
        for faster in [false, true] {
            let is_cut_off = |pace| POLICY.verdict(&pace, faster).is_some();
            assert!(!is_cut_off(pace));
            assert!(!is_cut_off(Pace { speed: Some(POLICY.min_taken), ..pace }));
            assert!(!is_cut_off(Pace { idle: WINDOW - 1, ..pace }));
            assert_eq!(is_cut_off(stalled), faster);
            assert_eq!(is_cut_off(slow), faster);
            assert!(!is_cut_off(Pace { backlog: half - 1, ..slow }));
            assert!(is_cut_off(Pace { idle: POLICY.idle_timeout, backlog: 1, ..pace }));
        }
    }

    #[test]
    fn a_pace_is_measured_while_a_subscriber_is_behind() {
        let (mut pace, behind) = (Pace::default(), POLICY.max_memory / 2);
        let mut tick = |backlog, taken| {
            pace.tick(backlog, taken, &POLICY);
            (pace.idle, pace.speed)
        };
        (0..100).for_each(|_| assert_eq!(tick(0, 5), (0, None), "nothing to take"));
        (1..100).for_each(|n| assert_eq!(tick(1, 5 + n), (0, None), "little to take"));
        (1..WINDOW).for_each(|n| assert_eq!(tick(behind, 104), (n, None)));
        assert_eq!(tick(behind, 104), (WINDOW, Some(0)), "nothing taken");
        (1..u64::from(WINDOW)).for_each(|n| assert_eq!(tick(behind, 104 + n * 100), (0, Some(0))));
        assert_eq!(tick(behind, 1104), (0, Some(1000)));
        assert_eq!(tick(behind - 1, 2000), (0, None), "no longer behind");
    }
}
