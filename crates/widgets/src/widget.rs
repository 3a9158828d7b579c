//! The trait of widgets.

use crate::model::{Model, get};
use serde_json::Value;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex};
use threadbook_display::MimeBundle;

/// Every widget.
pub trait Widget: Debug {
    /// Its model, which front ends have too.
    fn model(&self) -> &Model;

    /// Takes it off every page, for good.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadbook_widgets::{Button, Widget};
    ///
    /// let button = Button::new("once");
    /// let itself = button.clone();
    /// button.on_click(move || itself.close());
    /// ```
    fn close(&self) {
        self.model().close();
    }
}

/// A widget that has a value.
pub trait ValueWidget: Widget {
    /// The value's type.
    type Value: Debug;

    /// The name of the value in the model.
    #[doc(hidden)]
    const NAME: &'static str = "value";

    /// The value as the model has it.
    #[doc(hidden)]
    fn to_model(&self, value: Self::Value) -> Value;

    /// The value, of what the model with this id has.
    #[doc(hidden)]
    fn from_model(id: &str, value: &Value) -> Self::Value;

    /// The value as it is now. The reader of the notebook may change it at any time, also while a cell
    /// runs.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use threadbook_widgets::{IntSlider, ValueWidget};
    ///
    /// let slider = IntSlider::new(0..=10);
    /// while slider.value() < 5 {
    ///     std::thread::sleep(std::time::Duration::from_millis(50));
    /// }
    /// ```
    fn value(&self) -> Self::Value {
        let id = self.model().id();
        Self::from_model(id, &get(id, Self::NAME))
    }

    /// Changes the value, here and on the page. What is out of bounds becomes the nearest that is not.
    fn set_value(&self, value: Self::Value) {
        self.model().set(Self::NAME, self.to_model(value));
    }

    /// Calls `callback` with each new value, from a front end or from code.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadbook_widgets::{Label, Text, ValueWidget};
    ///
    /// let (text, label) = (Text::new("you"), Label::new(""));
    /// let greeting = label.clone();
    /// text.on_change(move |name| greeting.set_value(format!("Hello, {name}!")));
    /// text.set_value("Ferris".into());
    /// assert_eq!(label.value(), "Hello, Ferris!");
    /// ```
    fn on_change(&self, mut callback: impl FnMut(Self::Value) + Send + 'static)
    where
        Self: Sized,
    {
        // A handle in its own callback would never go.
        let id = self.model().id().to_owned();
        let callback = move |value: &Value| callback(Self::from_model(&id, value));
        self.model().observe(Self::NAME, Arc::new(Mutex::new(callback)));
    }

    /// The widget with this value.
    #[must_use]
    fn with_value(self, value: Self::Value) -> Self
    where
        Self: Sized,
    {
        self.set_value(value);
        self
    }

    /// The widget with this text beside it.
    #[must_use]
    fn description(self, text: &str) -> Self
    where
        Self: Sized,
    {
        self.model().set("description", text.into());
        self
    }
}

/// Formats a widget, and shows it if it is the one being shown.
pub(crate) fn format<W: Widget>(widget: &W, f: &mut fmt::Formatter<'_>, text: fmt::Arguments) -> fmt::Result {
    threadbook_display::offer::<W>(|| view(widget.model()));
    f.write_fmt(text)
}

/// What front ends draw the widget for; nothing where there are none.
fn view(model: &Model) -> MimeBundle {
    if !model.open() {
        return MimeBundle::new();
    }
    let view = serde_json::json!({"version_major": 2, "version_minor": 0, "model_id": model.id()});
    [("application/vnd.jupyter.widget-view+json".to_owned(), view)].into_iter().collect()
}
