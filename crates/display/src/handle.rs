//! Something on show that can be changed in its place.

use crate::bundle::{MimeBundle, bundle_as};
use crate::{output, wire};
use std::any::type_name;
use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// No more often than this is a new look sent: thirty times a second, as often as one can see it.
const SEND_EVERY: Duration = Duration::from_millis(33);

static HANDLES: AtomicUsize = AtomicUsize::new(1);

/// The handles with pending bundles, which are sent when the cell ends.
static WAITING: Mutex<Vec<Arc<Shown>>> = Mutex::new(Vec::new());

/// The handle to something on show, as `IPython.display.DisplayHandle`.
///
/// # Examples
///
/// ```
/// use threadbook_display::{Markdown, display_handle};
///
/// let status = display_handle(&Markdown("starting".into()));
/// for percent in 0..=100 {
///     status.update(&Markdown(format!("**{percent}** %")));
/// }
/// ```
pub struct DisplayHandle {
    shown: Arc<Shown>,
}

struct Shown {
    display_id: String,
    state: Mutex<State>,
}

struct State {
    sent: Instant,
    waiting: Option<MimeBundle>,
}

/// Shows a value at this place among the cell's outputs, and returns a handle to change it later, also from
/// another cell or from a thread.
///
/// Where nothing that is on show can be changed, on stock evcxr and in a terminal, the value is shown, and the last
/// update once more when the handle is dropped.
pub fn display_handle<T: Debug + ?Sized>(value: &T) -> DisplayHandle {
    DisplayHandle::new(bundle_as(type_name::<T>(), &value))
}

impl DisplayHandle {
    fn new(bundle: MimeBundle) -> DisplayHandle {
        let display_id = format!("display-{}-{}", std::process::id(), HANDLES.fetch_add(1, Relaxed));
        if !output::send_display_as(&display_id, bundle.clone()) {
            output::print_bundle(&bundle);
        }
        let state = State { sent: Instant::now(), waiting: None };
        DisplayHandle { shown: Arc::new(Shown { display_id, state: Mutex::new(state) }) }
    }

    /// Shows `value` in the place of the value before.
    ///
    /// In a tight loop not every value is sent, but thirty a second; the last one always is, when the cell ends at
    /// the latest.
    pub fn update<T: Debug + ?Sized>(&self, value: &T) {
        self.shown.update(bundle_as(type_name::<T>(), &value));
    }

    /// The id that the front end knows it by.
    pub fn display_id(&self) -> &str {
        &self.shown.display_id
    }
}

impl Shown {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn update(self: &Arc<Shown>, bundle: MimeBundle) {
        let mut state = self.state();
        if state.waiting.replace(bundle).is_none() {
            lock(&WAITING).push(self.clone());
        }
        let is_due = state.sent.elapsed() >= SEND_EVERY;
        drop(state);
        if is_due && wire::is_connected() {
            self.send();
        }
    }

    /// Sends the pending bundle. It is taken when the wire is free, so that of two threads that send, the later one sends
    /// the later value. No lock of this is held meanwhile: the process may be forked.
    fn send(self: &Arc<Shown>) {
        output::update_display_with(&self.display_id, || self.take());
    }

    fn take(self: &Arc<Shown>) -> Option<MimeBundle> {
        let mut state = self.state();
        let waiting = state.waiting.take()?;
        state.sent = Instant::now();
        lock(&WAITING).retain(|other| !Arc::ptr_eq(self, other));
        Some(waiting)
    }
}

impl Drop for DisplayHandle {
    fn drop(&mut self) {
        if wire::is_connected() {
            self.shown.send();
        } else if let Some(bundle) = self.shown.take() {
            output::print_bundle(&bundle);
        }
    }
}

/// Sends the updates that wait. The kernel's cell process calls this when a cell ends.
pub fn send_updates() {
    let waiting = lock(&WAITING).clone();
    waiting.iter().for_each(Shown::send);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl fmt::Debug for DisplayHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DisplayHandle({:?})", self.shown.display_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_update_waits_until_it_can_be_sent() {
        let handle = display_handle("first");
        (0..100).for_each(|n| handle.update(&n));
        let waiting =
            |handle: &DisplayHandle| lock(&WAITING).iter().any(|shown| Arc::ptr_eq(shown, &handle.shown));
        assert!(waiting(&handle));
        let last = handle.shown.state().waiting.clone();
        assert_eq!(last.unwrap()["text/plain"], "99");
        let shown = handle.shown.clone();
        drop(handle);
        assert!(shown.state().waiting.is_none());
        assert!(!lock(&WAITING).iter().any(|other| Arc::ptr_eq(other, &shown)));
    }
}
