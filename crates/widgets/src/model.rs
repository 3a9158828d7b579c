//! The models of widgets: their states, and the callbacks for changes.

use crate::callbacks::{self, Callback};
use crate::comm::{self, State};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

const CONTROLS: &str = "@jupyter-widgets/controls";
const BASE: &str = "@jupyter-widgets/base";
const VERSION: &str = "2.0.0";

/// Under this key are callbacks for clicks and whatever else is no change of state.
const CUSTOM: &str = "";

/// A model in this process.
struct Entry {
    state: State,
    /// Front ends know of it.
    is_open: bool,
    /// The cell that has shown it last.
    shown_in: Option<u64>,
    callbacks: Vec<(&'static str, Callback)>,
}

type Entries = BTreeMap<String, Entry>;

static ENTRIES: Mutex<Entries> = Mutex::new(BTreeMap::new());
static CELLS: AtomicU64 = AtomicU64::new(0);

fn entries() -> MutexGuard<'static, Entries> {
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handle to a widget's model. When the last handle goes, the model does, see the crate's documentation.
#[derive(Clone)]
pub struct Model(Arc<Handle>);

struct Handle {
    id: String,
    /// Of the widgets inside this one.
    _children: Vec<Model>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let shown_now = |entry: &Entry| entry.shown_in == Some(CELLS.load(Relaxed));
        if !entries().get(&self.id).is_some_and(shown_now) {
            close(&self.id);
        }
    }
}

impl Model {
    /// A model of `@jupyter-widgets/controls`, with its layout and, if it has one, its style.
    pub(crate) fn new(
        name: &str,
        view: &str,
        style: Option<&str>,
        own: Value,
        children: Vec<Model>,
    ) -> Model {
        let id = new_id();
        let mut state = typed(CONTROLS, &format!("{name}Model"), CONTROLS, view);
        let layout = typed(BASE, "LayoutModel", BASE, "LayoutView");
        let mut parts = vec![("layout", layout)];
        parts.extend(style.map(|style| ("style", typed(CONTROLS, style, BASE, "StyleView"))));
        let mut entries = entries();
        for (part, part_state) in parts {
            let part_id = format!("{id}-{part}");
            state.insert(part.to_owned(), reference(&part_id));
            entries.insert(part_id, Entry::new(part_state));
        }
        if !children.is_empty() {
            state.insert("children".into(), children.iter().map(|child| reference(child.id())).collect());
        }
        if let Value::Object(own) = own {
            state.extend(own);
        }
        entries.insert(id.clone(), Entry::new(state));
        Model(Arc::new(Handle { id, _children: children }))
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// Changes a part of the state, here and in front ends, and has callbacks told.
    pub(crate) fn set(&self, name: &str, value: Value) {
        let Some((value, callbacks, is_open)) = change(self.id(), name, value) else { return };
        if is_open {
            comm::update(self.id(), || state_of(self.id(), &[name]));
        }
        callbacks::run(callbacks, &value);
    }

    /// Calls `callback` with each new value of this part of the state.
    pub(crate) fn observe(&self, name: &'static str, callback: Callback) {
        if let Some(entry) = entries().get_mut(self.id()) {
            entry.callbacks.push((name, callback));
        }
    }

    /// Calls `callback` with what a front end has to say beside changes of state.
    pub(crate) fn on_custom(&self, callback: Callback) {
        self.observe(CUSTOM, callback);
    }

    /// Does as if a front end had said this.
    pub(crate) fn custom(&self, content: &Value) {
        custom(self.id(), content);
    }

    /// Makes front ends know it. `false` if there are none.
    pub(crate) fn open(&self) -> bool {
        let cell = CELLS.load(Relaxed);
        if !self.0._children.iter().all(Model::open) {
            return false;
        }
        for id in with_parts(self.id()) {
            let mut entries = entries();
            let Some(entry) = entries.get_mut(&id) else { continue };
            entry.shown_in = Some(cell);
            let was_open = std::mem::replace(&mut entry.is_open, true);
            drop(entries);
            if !was_open && !comm::open(&id, || state_of(&id, &[])) {
                set_closed(&id);
                return false;
            }
        }
        true
    }

    /// Takes it off every page.
    pub(crate) fn close(&self) {
        close(self.id());
    }
}

impl Entry {
    fn new(state: State) -> Entry {
        Entry { state, is_open: false, shown_in: None, callbacks: Vec::new() }
    }
}

/// The part of a model's state with this name.
pub(crate) fn get(id: &str, name: &str) -> Value {
    entries().get(id).and_then(|entry| entry.state.get(name)).cloned().unwrap_or_default()
}

/// A cell begins.
pub(crate) fn begin_cell() {
    CELLS.fetch_add(1, Relaxed);
}

/// Holds the lock of all models, so that it is free in a copy of the process that is forked meanwhile.
pub(crate) fn while_locked<T>(fork: impl FnOnce() -> T) -> T {
    let _held = entries();
    fork()
}

/// The models that front ends know.
pub(crate) fn open_ids() -> Vec<String> {
    entries().iter().filter(|(_, entry)| entry.is_open).map(|(id, _)| id.clone()).collect()
}

/// The parts of a model's state with these names, or all if there are none.
pub(crate) fn state_of(id: &str, names: &[&str]) -> State {
    let entries = entries();
    let Some(entry) = entries.get(id) else { return State::new() };
    let wanted = |name: &String| names.is_empty() || names.contains(&name.as_str());
    entry.state.iter().filter(|(name, _)| wanted(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// A front end has changed something. What does not fit the model is passed over.
pub(crate) fn changed_by_front_end(id: &str, state: &State) {
    for (name, value) in state {
        if let Some((value, callbacks, _)) = change(id, name, value.clone()) {
            callbacks::run(callbacks, &value);
        }
    }
}

/// A front end says something beside changes of state.
pub(crate) fn custom(id: &str, content: &Value) {
    let callbacks = entries().get(id).map(|entry| entry.callbacks_for(CUSTOM));
    callbacks::run(callbacks.unwrap_or_default(), content);
}

/// Front ends do not know this model any more.
pub(crate) fn set_closed(id: &str) {
    if let Some(entry) = entries().get_mut(id) {
        entry.is_open = false;
    }
}

fn close(id: &str) {
    for id in with_parts(id).into_iter().rev() {
        let entry = entries().remove(&id);
        if entry.is_some_and(|entry| entry.is_open) {
            comm::close(&id);
        }
    }
}

/// Returns what is new, who wants to hear of it, and whether front ends know the model; `None` if nothing
/// is new.
fn change(id: &str, name: &str, value: Value) -> Option<(Value, Vec<Callback>, bool)> {
    let mut entries = entries();
    let entry = entries.get_mut(id)?;
    let value = fitting(&entry.state, name, value)?;
    let old = entry.state.get_mut(name)?;
    if *old == value {
        return None;
    }
    *old = value.clone();
    Some((value, entry.callbacks_for(name), entry.is_open))
}

impl Entry {
    fn callbacks_for(&self, name: &str) -> Vec<Callback> {
        self.callbacks.iter().filter(|(of, _)| *of == name).map(|(_, callback)| callback.clone()).collect()
    }
}

/// The value as this part of the state may have it: of the same type, and within the bounds, which never cross. A
/// front end may send anything, and writes a float without a fraction as an integer.
fn fitting(state: &State, name: &str, value: Value) -> Option<Value> {
    if name.starts_with('_') {
        return None;
    }
    let value = match (state.get(name)?, value) {
        (Value::Number(old), Value::Number(new)) if old.is_f64() => json!(new.as_f64()?),
        (Value::Number(_), Value::Number(new)) => json!(new.as_i64()?),
        (Value::String(_), new @ Value::String(_)) | (Value::Bool(_), new @ Value::Bool(_)) => new,
        _ => return None,
    };
    let bound = |name: &str| state.get(name);
    let at_most = |low: &Value, high: &Value| Some(low.as_f64()? <= high.as_f64()?);
    Some(match (name, bound("min"), bound("max")) {
        ("min", _, Some(max)) => at_most(&value, max)?.then_some(value)?,
        ("max", Some(min), _) => at_most(min, &value)?.then_some(value)?,
        ("value", Some(min), Some(max)) => match (min.as_i64(), max.as_i64(), value.as_i64()) {
            (Some(min), Some(max), Some(value)) => json!(value.clamp(min, max)),
            _ => json!(value.as_f64()?.clamp(min.as_f64()?, max.as_f64()?)),
        },
        ("index", ..) => {
            let count = state.get("_options_labels").and_then(Value::as_array).map_or(0, Vec::len);
            value.as_u64().filter(|&index| index < count as u64)?.into()
        }
        _ => value,
    })
}

fn typed(module: &str, model: &str, view_module: &str, view: &str) -> State {
    let state = json!({
        "_model_module": module, "_model_module_version": VERSION, "_model_name": model,
        "_view_module": view_module, "_view_module_version": VERSION, "_view_name": view,
    });
    state.as_object().cloned().unwrap_or_default()
}

fn reference(id: &str) -> Value {
    format!("IPY_MODEL_{id}").into()
}

/// The model's layout and style, and itself: what refers to others comes after them.
fn with_parts(id: &str) -> [String; 3] {
    [format!("{id}-layout"), format!("{id}-style"), id.to_owned()]
}

/// An id that no other process has had, nor a copy of this one will have: saved notebooks remember them.
fn new_id() -> String {
    static RANDOM: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let random = RANDOM.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    format!("{random:016x}-{:x}-{:x}", std::process::id(), COUNT.fetch_add(1, Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slider() -> Model {
        let own = json!({"value": 3, "min": 0, "max": 10, "description": "", "disabled": false});
        Model::new("IntSlider", "IntSliderView", Some("SliderStyleModel"), own, Vec::new())
    }

    #[test]
    fn a_state_names_its_model_and_its_view_and_refers_to_its_parts() {
        let slider = slider();
        let state = state_of(slider.id(), &[]);
        assert_eq!(state["_model_name"], "IntSliderModel");
        assert_eq!(state["_view_module"], "@jupyter-widgets/controls");
        assert_eq!(state["layout"], format!("IPY_MODEL_{}-layout", slider.id()));
        let style = state_of(&format!("{}-style", slider.id()), &[]);
        assert_eq!(style["_model_name"], "SliderStyleModel");
        assert_eq!(style["_view_module"], "@jupyter-widgets/base");
        assert_eq!(state_of(slider.id(), &["value"]), json!({"value": 3}).as_object().unwrap().clone());
    }

    #[test]
    fn what_a_front_end_sends_fits_or_is_passed_over() {
        let slider = slider();
        for (sent, then) in [
            (json!({"value": 7}), 7),
            (json!({"value": 99}), 10),
            (json!({"value": -5}), 0),
            (json!({"value": 4, "nonsense": [1], "_model_name": "x"}), 4),
            (json!({"value": "5"}), 4),
            (json!({"value": null}), 4),
            (json!({"value": 5.5}), 4),
            (json!({"value": [5]}), 4),
            (json!({"value": 1e300}), 4),
        ] {
            changed_by_front_end(slider.id(), sent.as_object().unwrap());
            assert_eq!(get(slider.id(), "value"), then, "{sent}");
        }
        assert_eq!(get(slider.id(), "_model_name"), "IntSliderModel");
        changed_by_front_end("nobody", json!({"value": 1}).as_object().unwrap());
    }

    #[test]
    fn who_goes_leaves_nothing() {
        let slider = slider();
        let id = slider.id().to_owned();
        let same = slider.clone();
        drop(slider);
        assert_eq!(get(same.id(), "value"), 3);
        drop(same);
        assert!(with_parts(&id).iter().all(|id| state_of(id, &[]).is_empty()));
    }
}
