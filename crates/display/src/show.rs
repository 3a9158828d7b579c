//! Showing a value: now ([`display`]), or as a cell's last expression ([`show_result`]).

use crate::bundle::bundle_as;
use crate::{output, wire};
use std::any::type_name;
use std::fmt::Debug;
use threadbook_wire::Message;

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
    display_as(type_name::<T>(), &value);
}

/// The part that is the same for every type is compiled once, here, and not with every cell.
#[inline(never)]
fn display_as(type_name: &'static str, value: &dyn Debug) {
    output::send_display(bundle_as(type_name, value));
}

/// Takes away what the cell has shown so far: at once, or with `wait` when the next output comes, so that
/// an animation does not flicker. Does nothing outside of a Threadbook notebook.
pub fn clear_output(wait: bool) {
    wire::send(&Message::ClearOutput { wait });
}

/// Shows the value of a cell's last expression; nothing for `()`.
pub fn show_result<T: Debug + ?Sized>(value: &T) {
    show_result_as(type_name::<T>(), &value);
}

#[inline(never)]
fn show_result_as(type_name: &'static str, value: &dyn Debug) {
    if type_name != "()" {
        output::send_result(bundle_as(type_name, value));
    }
}
