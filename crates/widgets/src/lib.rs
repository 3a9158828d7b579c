//! Widgets: sliders, buttons and bars in a notebook, which Rust code hears and moves.
//!
//! They are those of [ipywidgets](https://ipywidgets.readthedocs.io), by the same names, drawn by the same
//! JavaScript, which JupyterLab and other front ends have for Python already.
//!
//! ```
//! use threadbook_widgets::{IntSlider, ValueWidget};
//!
//! let slider = IntSlider::new(0..=100).with_value(30).description("workers");
//! slider.on_change(|value| println!("now {value}"));
//! assert_eq!(slider.value(), 30);
//! slider.set_value(7); // prints "now 7"
//! assert_eq!(format!("{slider:?}"), "IntSlider(7, 0..=100)");
//! ```
//!
//! As the last expression of a cell, or with `display`, a widget shows itself; where no front end can draw
//! it, it is that text.
//!
//! # What runs where
//!
//! Callbacks run in a thread of their own, also while a cell runs, and one at a time. Values can be read
//! anywhere at any time. What a callback prints and displays comes with the cell that runs; when none does,
//! under the cell that made the widget. A callback that panics says so there, and everything goes on.
//!
//! # How long it lives
//!
//! A widget's place on the page lives as long as a handle to it does (they can be cloned), or until
//! [`Widget::close`]. A handle that goes already in the cell that has shown it leaves it there: a widget
//! that no variable holds stays on the page too.
//!
//! # Invariants
//!
//! * No lock of this crate is held while a callback runs or a message is sent.
//! * Nothing here knows the kernel or an executor; messages are sent by `threadbook_display`'s wire.

mod callbacks;
mod comm;
mod controls;
mod inbox;
mod interact;
mod model;
mod widget;

pub use controls::{
    Button, Checkbox, Dropdown, FloatSlider, HBox, IntProgress, IntSlider, Label, Text, VBox,
};
pub use inbox::{begin_cell, between_changes, listen, take_over};
pub use interact::{Interactive, interact};
pub use model::Model;
pub use widget::{ValueWidget, Widget};
