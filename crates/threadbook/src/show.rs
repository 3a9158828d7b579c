//! Display of values, as pictures where there are some.

use std::fmt::Debug;
use std::sync::Once;
use threadbook_display::DisplayHandle;
use threadbook_widgets::{Interactive, ValueWidget};

/// Shows a value at this place among the cell's outputs: as a picture if it has one, else as its `{:?}`
/// text. In a terminal, prints its text.
///
/// # Examples
///
/// ```
/// use threadbook::prelude::*;
///
/// for n in 1..=3 {
///     display(&Markdown(format!("**{n}**")));
/// }
/// ```
pub fn display<T: Debug + ?Sized>(value: &T) {
    know_pictures();
    threadbook_display::display(value);
}

/// As [`display`], and returns a handle: [`DisplayHandle::update`] replaces the shown value.
///
/// # Examples
///
/// ```
/// use threadbook::prelude::*;
///
/// let status = display_handle("starting");
/// for n in 1..=3 {
///     status.update(&Markdown(format!("**{n}** of 3")));
/// }
/// ```
pub fn display_handle<T: Debug + ?Sized>(value: &T) -> DisplayHandle {
    know_pictures();
    threadbook_display::display_handle(value)
}

/// Shows a control, and the result of `draw` for its value; updates the result each time the reader changes
/// the value. A result of `()` is not shown.
///
/// The control is a slider for a range, a checkbox for a `bool`, a text field for a `&str`, a choice for an
/// array of them, or any widget that has a value.
///
/// # Panics
///
/// If the first call of `draw` panics. A later panic is printed, and the last result stays.
///
/// # Examples
///
/// ```
/// use threadbook::prelude::*;
///
/// interact(0..=10, |n| Markdown(format!("{n} squared is **{}**", n * n)));
/// ```
pub fn interact<C: Interactive, R: Debug>(
    control: C,
    draw: impl FnMut(<C::Widget as ValueWidget>::Value) -> R + Send + 'static,
) {
    know_pictures();
    threadbook_widgets::interact(control, draw);
}

/// Runs `work`, and meanwhile shows the current result of `look`, thirty times a second: a pool's timeline as
/// it grows, a counter, a picture. At the end it is shown once more, and the result of the work is returned.
///
/// Where a display cannot be updated, on stock evcxr and in a terminal, only the final result is shown.
///
/// # Panics
///
/// If `work` or `look` panics.
///
/// # Examples
///
/// ```
/// use threadbook::prelude::*;
///
/// let pool = ThreadPoolExecutor::new(2);
/// let sum: u64 = live(
///     || pool.timeline(),
///     || pool.map(|n| n * n, 1..=3).map(Result::unwrap).sum(),
/// );
/// assert_eq!(sum, 14);
/// ```
pub fn live<T: Debug, R>(look: impl FnMut() -> T + Send, work: impl FnOnce() -> R) -> R {
    know_pictures();
    threadbook_display::live(look, work)
}

/// The display of a cell's last expression, called by the engine.
///
/// evcxr compiles `(expression).evcxr_display()` first, and a second time with `{:?}` if there is no such
/// method. Every `Debug` value has it here, so the first compilation succeeds. A type's own `evcxr_display`
/// takes precedence.
pub trait Display {
    /// Shows the value as the cell's result; nothing for `()`.
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> Display for T {
    fn evcxr_display(&self) {
        know_pictures();
        threadbook_display::show_result(self);
    }
}

/// Registers the pictures once, because the crates that record and measure do not depend on them. (Never
/// inlined, to keep the cells that call it small.)
#[inline(never)]
fn know_pictures() {
    static ONCE: Once = Once::new();
    ONCE.call_once(threadbook_plot::install);
}
