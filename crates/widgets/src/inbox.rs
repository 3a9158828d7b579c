//! What front ends say: a thread hears it and has it done. The companion has that thread, and calls the rest
//! around cells.

use crate::comm::{self, State};
use crate::{callbacks, model};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use threadbook_display::{inbox, wire};

/// The target by which a front end asks for the states of all widgets, after its page was loaded anew.
const CONTROL_TARGET: &str = "jupyter.widget.control";

/// The comms that front ends have opened to it.
static CONTROLS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn controls() -> MutexGuard<'static, BTreeSet<String>> {
    CONTROLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does what front ends say, until the kernel is gone. One thread in a process does this.
pub fn listen() {
    while let Some(order) = inbox::receive() {
        obey(&order);
    }
}

/// A cell begins.
pub fn begin_cell() {
    model::begin_cell();
}

/// Calls `fork` at a moment when no lock of this crate is held, so that a copy of this process can go on.
/// To be called while no message is on its way.
pub fn between_changes<T>(fork: impl FnOnce() -> T) -> T {
    let _held = controls();
    callbacks::while_locked(|| model::while_locked(fork))
}

/// Takes over from the process that this one was forked from, which is no more.
pub fn take_over() {
    callbacks::forget();
}

fn obey(order: &Value) {
    match order["type"].as_str() {
        Some("comm") => {
            // The hook has reported a panic. The kernel waits for the answer, and the thread for the next message.
            let _ = catch_unwind(AssertUnwindSafe(|| hear(&order["message"])));
            wire::send(&json!({"type": "handled", "id": order["id"]}));
        }
        Some("tell_comms") => tell_comms(),
        _ => {}
    }
}

/// Front ends may know widgets that this copy of the process has not, and other states of those it has.
fn tell_comms() {
    let mut open = model::open_ids();
    open.extend(controls().iter().cloned());
    wire::send(&json!({"type": "comms", "open": open}));
    for id in model::open_ids() {
        comm::update(&id, || model::state_of(&id, &[]));
    }
}

fn hear(message: &Value) {
    let Some(id) = message["comm_id"].as_str() else { return };
    let data = &message["data"];
    match message["type"].as_str() {
        Some("comm_open") if message["target_name"] == CONTROL_TARGET => {
            controls().insert(id.to_owned());
        }
        Some("comm_open") => comm::close(id),
        Some("comm_close") => {
            controls().remove(id);
            model::set_closed(id);
        }
        Some("comm_msg") => match (data["method"].as_str(), data["state"].as_object()) {
            (Some("update"), Some(state)) => model::changed_by_front_end(id, state),
            (Some("request_state"), _) => comm::update(id, || model::state_of(id, &[])),
            (Some("request_states"), _) if controls().contains(id) => comm::update_states(id, all_states),
            (Some("custom"), _) => model::custom(id, &data["content"]),
            _ => {}
        },
        _ => {}
    }
}

fn all_states() -> Map<String, Value> {
    let described = |id: String| {
        let state: State = model::state_of(&id, &[]);
        (id, comm::described(&state))
    };
    model::open_ids().into_iter().map(described).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Button, IntSlider, ValueWidget, Widget};

    fn say(id: &str, data: Value) {
        hear(&json!({"type": "comm_msg", "comm_id": id, "data": data}));
    }

    #[test]
    fn updates_and_clicks_reach_their_widgets() {
        let (slider, button) = (IntSlider::new(0..=9), Button::new("go"));
        let (sender, heard) = std::sync::mpsc::channel();
        let clicked = sender.clone();
        slider.on_change(move |value| sender.send(value).unwrap());
        button.on_click(move || clicked.send(-1).unwrap());
        say(slider.model().id(), json!({"method": "update", "state": {"value": 4}, "buffer_paths": []}));
        say(button.model().id(), json!({"method": "custom", "content": {"event": "click"}}));
        say(button.model().id(), json!({"method": "custom", "content": {"event": "hover"}}));
        slider.set_value(4);
        slider.set_value(5);
        assert_eq!(heard.iter().take(3).collect::<Vec<_>>(), [4, -1, 5]);
    }

    #[test]
    fn garbage_is_passed_over() {
        for message in [
            Value::Null,
            json!([]),
            json!({"type": "comm_msg", "comm_id": 7}),
            json!({"type": "comm_msg", "comm_id": "nobody", "data": {"method": "update", "state": {"a": 1}}}),
            json!({"type": "comm_msg", "comm_id": "nobody", "data": {"method": ["update"]}}),
            json!({"type": "comm_open", "comm_id": "x", "target_name": "no such"}),
            json!({"type": "comm_close", "comm_id": "nobody"}),
        ] {
            hear(&message);
        }
    }
}
