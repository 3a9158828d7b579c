//! The widgets: the same as in ipywidgets.

use crate::model::{Model, get};
use crate::widget::{ValueWidget, Widget, format};
use serde_json::{Value, json};
use std::fmt::{self, Debug};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

const SLIDER_STYLE: Option<&str> = Some("SliderStyleModel");

/// A slider over whole numbers.
///
/// # Examples
///
/// ```
/// use threadbook_widgets::{IntSlider, ValueWidget};
///
/// let slider = IntSlider::new(0..=100).step(5).with_value(30).description("workers");
/// assert_eq!(slider.value(), 30);
/// ```
#[derive(Clone)]
pub struct IntSlider(Model);

/// A slider over real numbers, in a hundred steps.
///
/// # Examples
///
/// ```
/// use threadbook_widgets::{FloatSlider, ValueWidget};
///
/// assert_eq!(FloatSlider::new(0.0..=1.0).with_value(2.5).value(), 1.0);
/// ```
#[derive(Clone)]
pub struct FloatSlider(Model);

/// A bar of how far something is.
///
/// # Examples
///
/// ```
/// use threadbook_widgets::{IntProgress, ValueWidget};
///
/// let bar = IntProgress::new(0..=3).description("files");
/// for done in 1..=3 {
///     bar.set_value(done);
/// }
/// ```
#[derive(Clone)]
pub struct IntProgress(Model);

/// A button.
///
/// # Examples
///
/// ```
/// use threadbook_widgets::Button;
///
/// let button = Button::new("again");
/// button.on_click(|| println!("clicked"));
/// button.click(); // prints "clicked"
/// ```
#[derive(Clone)]
pub struct Button(Model);

/// A field for a line of text.
#[derive(Clone)]
pub struct Text(Model);

/// A box to tick.
#[derive(Clone)]
pub struct Checkbox(Model);

/// A choice of one among several.
///
/// # Examples
///
/// ```
/// use threadbook_widgets::{Dropdown, ValueWidget};
///
/// let colour = Dropdown::new(["red", "green"]).with_value("green".into());
/// assert_eq!(colour.value(), "green");
/// ```
#[derive(Clone)]
pub struct Dropdown(Model);

/// A text on the page, to stand among other widgets.
#[derive(Clone)]
pub struct Label(Model);

/// Widgets one below the other.
///
/// # Examples
///
/// ```
/// use threadbook_widgets::{Button, IntSlider, VBox};
///
/// let (slider, button) = (IntSlider::new(0..=9), Button::new("reset"));
/// let both = VBox::new(&[&slider, &button]);
/// assert_eq!(format!("{both:?}"), "VBox(2 widgets)");
/// ```
#[derive(Clone)]
pub struct VBox(Model);

/// Widgets side by side; see [`VBox`].
#[derive(Clone)]
pub struct HBox(Model);

impl IntSlider {
    /// A slider that stands at the start of `range`.
    ///
    /// # Panics
    ///
    /// If the range is empty.
    pub fn new(range: RangeInclusive<i64>) -> IntSlider {
        let own = whole_range(&range, json!({"step": 1, "readout": true, "continuous_update": true}));
        IntSlider(Model::new("IntSlider", "IntSliderView", SLIDER_STYLE, own, Vec::new()))
    }

    /// The slider, moving by `step`.
    #[must_use]
    pub fn step(self, step: i64) -> IntSlider {
        self.0.set("step", step.max(1).into());
        self
    }
}

impl FloatSlider {
    /// A slider that stands at the start of `range`.
    ///
    /// # Panics
    ///
    /// If the range is empty or not finite.
    pub fn new(range: RangeInclusive<f64>) -> FloatSlider {
        let (min, max) = range.into_inner();
        assert!(
            min <= max && (max - min).is_finite(),
            "no slider over {min:?}..={max:?}: it needs finite bounds, the lower one first"
        );
        let own = json!({
            "value": min, "min": min, "max": max, "step": (max - min) / 100.0,
            "description": "", "disabled": false, "readout": true, "continuous_update": true,
        });
        FloatSlider(Model::new("FloatSlider", "FloatSliderView", SLIDER_STYLE, own, Vec::new()))
    }

    /// The slider, moving by `step`.
    #[must_use]
    pub fn step(self, step: f64) -> FloatSlider {
        self.0.set("step", json!(step));
        self
    }
}

impl IntProgress {
    /// A bar that stands at the start of `range`.
    ///
    /// # Panics
    ///
    /// If the range is empty.
    pub fn new(range: RangeInclusive<i64>) -> IntProgress {
        let own = whole_range(&range, json!({"bar_style": "", "orientation": "horizontal"}));
        IntProgress(Model::new("IntProgress", "ProgressView", Some("ProgressStyleModel"), own, Vec::new()))
    }
}

impl Button {
    /// A button with this text on it.
    pub fn new(description: &str) -> Button {
        let own = json!({"description": description, "disabled": false, "button_style": "", "icon": ""});
        Button(Model::new("Button", "ButtonView", Some("ButtonStyleModel"), own, Vec::new()))
    }

    /// Calls `callback` at each click.
    pub fn on_click(&self, mut callback: impl FnMut() + Send + 'static) {
        let callback = move |content: &Value| {
            if content["event"] == "click" {
                callback();
            }
        };
        self.0.on_custom(Arc::new(Mutex::new(callback)));
    }

    /// Does as if it had been clicked.
    pub fn click(&self) {
        self.0.custom(&json!({"event": "click"}));
    }
}

impl Text {
    /// A field with this text in it. Its value changes with each key.
    pub fn new(value: &str) -> Text {
        let own = json!({
            "value": value, "description": "", "disabled": false, "placeholder": "", "continuous_update": true,
        });
        Text(Model::new("Text", "TextView", Some("TextStyleModel"), own, Vec::new()))
    }
}

impl Checkbox {
    /// A box that is ticked or not.
    pub fn new(value: bool) -> Checkbox {
        let own = json!({"value": value, "description": "", "disabled": false, "indent": true});
        Checkbox(Model::new("Checkbox", "CheckboxView", Some("CheckboxStyleModel"), own, Vec::new()))
    }
}

impl Dropdown {
    /// A choice, with the first chosen.
    ///
    /// # Panics
    ///
    /// If there are no options.
    pub fn new<S: Into<String>>(options: impl IntoIterator<Item = S>) -> Dropdown {
        let options: Vec<String> = options.into_iter().map(Into::into).collect();
        assert!(!options.is_empty(), "a Dropdown needs at least one option");
        let own = json!({"_options_labels": options, "index": 0, "description": "", "disabled": false});
        Dropdown(Model::new("Dropdown", "DropdownView", Some("DescriptionStyleModel"), own, Vec::new()))
    }
}

impl Label {
    /// A text.
    pub fn new(value: &str) -> Label {
        let own = json!({"value": value, "description": "", "placeholder": ""});
        Label(Model::new("Label", "LabelView", Some("LabelStyleModel"), own, Vec::new()))
    }
}

impl VBox {
    /// A box around these.
    pub fn new(children: &[&dyn Widget]) -> VBox {
        VBox(boxed("VBox", children))
    }
}

impl HBox {
    /// A box around these.
    pub fn new(children: &[&dyn Widget]) -> HBox {
        HBox(boxed("HBox", children))
    }
}

fn boxed(name: &str, children: &[&dyn Widget]) -> Model {
    let children = children.iter().map(|child| child.model().clone()).collect();
    Model::new(name, &format!("{name}View"), None, json!({"box_style": ""}), children)
}

fn whole_range(range: &RangeInclusive<i64>, more: Value) -> Value {
    assert!(!range.is_empty(), "the range {range:?} is empty: write the smaller bound first");
    let mut own = json!({
        "value": range.start(), "min": range.start(), "max": range.end(), "description": "", "disabled": false,
    });
    if let (Some(own), Value::Object(more)) = (own.as_object_mut(), more) {
        own.extend(more);
    }
    own
}

/// Writes `Widget` and `Debug` for types around a model, the latter as their name and what is given.
macro_rules! widgets {
    ($($name:ident $of:ident => $text:expr;)*) => {$(
        impl Widget for $name {
            fn model(&self) -> &Model {
                &self.0
            }
        }

        impl Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $of = |part: &str| get(self.0.id(), part);
                format(self, f, format_args!(concat!(stringify!($name), "({})"), $text))
            }
        }
    )*};
}

widgets! {
    IntSlider of => format_args!("{}, {}..={}", of("value"), of("min"), of("max"));
    FloatSlider of => format_args!("{}, {}..={}", of("value"), of("min"), of("max"));
    IntProgress of => format_args!("{}, {}..={}", of("value"), of("min"), of("max"));
    Button of => of("description");
    Text of => of("value");
    Checkbox of => of("value");
    Dropdown of => {
        let options = of("_options_labels");
        format!("{} of {options}", options[of("index").as_u64().unwrap_or_default() as usize])
    };
    Label of => of("value");
    VBox of => format_args!("{} widgets", of("children").as_array().map_or(0, Vec::len));
    HBox of => format_args!("{} widgets", of("children").as_array().map_or(0, Vec::len));
}

/// Writes `ValueWidget` for types whose value is in the model as it is.
macro_rules! values {
    ($($name:ident: $type:ty = $read:expr;)*) => {$(
        impl ValueWidget for $name {
            type Value = $type;

            fn to_model(&self, value: $type) -> Value {
                value.into()
            }

            fn from_model(_: &str, value: &Value) -> $type {
                let read: fn(&Value) -> Option<$type> = $read;
                read(value).unwrap_or_default()
            }
        }
    )*};
}

values! {
    IntSlider: i64 = Value::as_i64;
    FloatSlider: f64 = Value::as_f64;
    IntProgress: i64 = Value::as_i64;
    Text: String = |value| value.as_str().map(str::to_owned);
    Checkbox: bool = Value::as_bool;
    Label: String = |value| value.as_str().map(str::to_owned);
}

/// Its value is the option that is chosen; to set one that is not there panics.
impl ValueWidget for Dropdown {
    type Value = String;

    const NAME: &'static str = "index";

    fn to_model(&self, value: String) -> Value {
        let options = get(self.0.id(), "_options_labels");
        let index = options.as_array().and_then(|options| options.iter().position(|one| *one == *value));
        index.unwrap_or_else(|| panic!("there is no option {value:?} in {options}")).into()
    }

    fn from_model(id: &str, value: &Value) -> String {
        let index = value.as_u64().unwrap_or_default() as usize;
        get(id, "_options_labels")[index].as_str().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_text_where_it_cannot_be_drawn() {
        let (slider, button) = (IntSlider::new(0..=100).with_value(30), Button::new("go"));
        assert_eq!(format!("{slider:?}"), "IntSlider(30, 0..=100)");
        assert_eq!(format!("{button:?}"), "Button(\"go\")");
        assert_eq!(format!("{:?}", FloatSlider::new(0.0..=1.0)), "FloatSlider(0.0, 0.0..=1.0)");
        assert_eq!(format!("{:?}", Dropdown::new(["a", "b"])), "Dropdown(\"a\" of [\"a\",\"b\"])");
        assert_eq!(format!("{:?}", HBox::new(&[&slider, &button])), "HBox(2 widgets)");
        let bundle = threadbook_display::bundle_of(&slider);
        assert_eq!(bundle.keys().collect::<Vec<_>>(), ["text/plain"]);
    }

    #[test]
    fn values_stay_in_bounds() {
        let slider = IntSlider::new(-5..=5).with_value(9);
        assert_eq!(slider.value(), 5);
        slider.set_value(i64::MIN);
        assert_eq!(slider.value(), -5);
        let float = FloatSlider::new(0.0..=1.0);
        float.set_value(f64::NAN);
        assert_eq!(float.value(), 0.0);
    }

    #[test]
    fn a_choice_is_told_by_its_option() {
        let choice = Dropdown::new(["a", "b"]);
        let (sender, chosen) = std::sync::mpsc::channel();
        choice.on_change(move |option| sender.send(option).unwrap());
        choice.set_value("b".into());
        // Another test may be running callbacks, and then runs this one too.
        assert_eq!((choice.value(), chosen.recv()), ("b".to_owned(), Ok("b".to_owned())));
    }

    #[test]
    #[should_panic(expected = "there is no option \"c\" in [\"a\",\"b\"]")]
    fn an_option_that_is_not_there_is_said() {
        Dropdown::new(["a", "b"]).set_value("c".into());
    }

    #[test]
    #[should_panic(expected = "the range 1..=0 is empty")]
    #[allow(clippy::reversed_empty_ranges)]
    fn an_empty_range_is_said() {
        IntSlider::new(1..=0);
    }
}
