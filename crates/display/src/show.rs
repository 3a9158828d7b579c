//! Showing a value: now ([`display`]), or as a cell's last expression ([`Display::evcxr_display`]).

use crate::bundle::bundle_of;
use crate::wire;
use std::any::type_name;
use std::fmt::Debug;

/// Shows a value at this place among the cell's outputs. In a terminal, prints its text.
///
/// # Examples
///
/// ```
/// use threadbook_display::{Markdown, display};
///
/// for n in 1..=3 {
///     display(&Markdown(format!("**{n}**")));
/// }
/// ```
pub fn display<T: Debug + ?Sized>(value: &T) {
    wire::send_display(bundle_of(value));
}

/// Takes away what the cell has shown so far: at once, or with `wait` when the next output comes, so that
/// an animation does not flicker. Does nothing outside of a Threadbook notebook.
pub fn clear_output(wait: bool) {
    wire::send(&serde_json::json!({"type": "clear_output", "wait": wait}));
}

/// Shows the value of a cell's last expression; nothing for `()`.
pub fn show_result<T: Debug + ?Sized>(value: &T) {
    if type_name::<T>() != "()" {
        wire::send_result(bundle_of(value));
    }
}

/// How the engine asks the value of a cell's last expression to show itself.
///
/// evcxr compiles `(expression).evcxr_display()` first, and a second time with `{:?}` if there is no such
/// method. As every `Debug` value has it here, the first time is enough. A type's own `evcxr_display`
/// still wins.
pub trait Display {
    /// Shows the value as the cell's result.
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> Display for T {
    fn evcxr_display(&self) {
        show_result(self);
    }
}
