//! A value that is shown anew while work goes on.

use crate::bundle::bundle_of;
use crate::{output, wire};
use std::fmt::Debug;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(33);

/// Between two looks passes at least this many times what the last one took, so that the work has the processors.
const REST: u32 = 9;

static VIEWS: AtomicUsize = AtomicUsize::new(1);

/// Does `work`, and shows what `look` returns: thirty times a second while the work goes on, each time in the place
/// of the last, and once more at its end. `look` is called in a thread of its own.
///
/// Where nothing that is on show can be changed, as in a terminal, only the end is shown.
///
/// # Panics
///
/// If `work` or `look` panics; of `look`'s panic the work does not suffer, it is passed on at the end.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use threadbook_display::live;
///
/// let done = AtomicU32::new(0);
/// let sum: u32 = live(
///     || done.load(Relaxed),
///     || (1..=10).inspect(|n| done.store(*n, Relaxed)).sum(),
/// );
/// assert_eq!(sum, 55);
/// ```
pub fn live<T: Debug, R>(mut look: impl FnMut() -> T + Send, work: impl FnOnce() -> R) -> R {
    if !wire::is_connected() {
        let result = work();
        output::print_bundle(&bundle_of(&look()));
        return result;
    }
    let display_id = format!("live-{}-{}", std::process::id(), VIEWS.fetch_add(1, Relaxed));
    output::send_display_as(&display_id, bundle_of(&look()));
    thread::scope(|scope| {
        let (work_goes_on, end) = mpsc::channel::<()>();
        let view = scope.spawn(move || {
            let mut pause = LOOK_EVERY;
            while end.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let before = Instant::now();
                output::update_display(&display_id, bundle_of(&look()));
                pause = LOOK_EVERY.max(before.elapsed() * REST);
            }
            output::update_display(&display_id, bundle_of(&look()));
        });
        let result = work();
        drop(work_goes_on);
        view.join().unwrap_or_else(|panic| resume_unwind(panic));
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn what_the_work_returns_comes_back_and_a_panic_is_passed_on() {
        assert_eq!(live(|| "going", || 7), 7);
        assert!(catch_unwind(|| live(|| "going", || panic!("work"))).is_err());
        let mut done = false;
        let looked = catch_unwind(AssertUnwindSafe(|| live(|| -> u8 { panic!("look") }, || done = true)));
        assert!(looked.is_err() && done);
    }
}
