//! Showing a value, with pictures for those that have one.

use std::fmt::Debug;
use std::sync::Once;

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

/// How the engine asks the value of a cell's last expression to show itself.
///
/// evcxr compiles `(expression).evcxr_display()` first, and a second time with `{:?}` if there is no such
/// method. As every `Debug` value has it here, the first time is enough. A type's own `evcxr_display`
/// still wins.
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

/// The crates that record and time know no pictures; they are told here, once. (Never inlined, to keep the
/// cells that call it small.)
#[inline(never)]
fn know_pictures() {
    static ONCE: Once = Once::new();
    ONCE.call_once(threadbook_plot::install);
}
