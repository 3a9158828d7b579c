//! Shows a picture that depends on a value, again each time the value changes.

use crate::controls::{Checkbox, Dropdown, FloatSlider, IntSlider, Text};
use crate::widget::ValueWidget;
use std::any::type_name;
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use threadbook_display::{bundle_of, display, output};

/// What [`interact`] has a control for.
pub trait Interactive {
    /// The control.
    type Widget: ValueWidget;

    /// Makes the control.
    fn into_widget(self) -> Self::Widget;
}

impl<W: ValueWidget> Interactive for W {
    type Widget = W;

    fn into_widget(self) -> W {
        self
    }
}

impl Interactive for RangeInclusive<i64> {
    type Widget = IntSlider;

    fn into_widget(self) -> IntSlider {
        IntSlider::new(self)
    }
}

impl Interactive for RangeInclusive<f64> {
    type Widget = FloatSlider;

    fn into_widget(self) -> FloatSlider {
        FloatSlider::new(self)
    }
}

impl Interactive for bool {
    type Widget = Checkbox;

    fn into_widget(self) -> Checkbox {
        Checkbox::new(self)
    }
}

impl Interactive for &str {
    type Widget = Text;

    fn into_widget(self) -> Text {
        Text::new(self)
    }
}

impl<const N: usize> Interactive for [&str; N] {
    type Widget = Dropdown;

    fn into_widget(self) -> Dropdown {
        Dropdown::new(self)
    }
}

/// Shows a control, and what `draw` returns for its value; and shows that anew each time the value changes.
/// Of `draw`'s `()` nothing is shown.
///
/// # Panics
///
/// If `draw` panics at once. Later, a panic is printed, and what was shown stays.
///
/// # Examples
///
/// ```
/// use threadbook_display::Markdown;
/// use threadbook_widgets::interact;
///
/// interact(0..=10, |n| Markdown(format!("{n} squared is **{}**", n * n)));
/// interact(["red", "green"], |colour| colour.to_uppercase());
/// ```
pub fn interact<C: Interactive, R: Debug>(
    control: C,
    mut draw: impl FnMut(<C::Widget as ValueWidget>::Value) -> R + Send + 'static,
) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let widget = control.into_widget();
    display(&widget);
    let drawn = draw(widget.value());
    let display_id = format!("interact-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    let shows = type_name::<R>() != "()";
    if shows && !output::send_display_as(&display_id, bundle_of(&drawn)) {
        display(&drawn);
    }
    widget.on_change(move |value| {
        let drawn = draw(value);
        if shows {
            output::update_display(&display_id, bundle_of(&drawn));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn it_draws_at_once_and_at_each_change() {
        let (sender, drawn) = mpsc::channel();
        let slider = IntSlider::new(0..=10);
        interact(slider.clone(), move |n| sender.send(n.pow(2)).unwrap());
        slider.set_value(3);
        slider.set_value(3);
        slider.set_value(4);
        assert_eq!(drawn.iter().take(3).collect::<Vec<_>>(), [0, 9, 16]);
    }

    #[test]
    fn a_control_is_chosen_by_the_type() {
        interact(0.0..=1.0, |x| x.sqrt());
        interact(true, |on| !on);
        interact("text", |text| text.len());
    }
}
