//! Handles the comm messages of front ends, in a thread of the companion, which also calls the rest around cells.

use crate::comm::{self, State};
use crate::{callbacks, model};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use threadbook_display::wire;
use threadbook_wire::{CommMessage, Command, Message};

/// The target by which a front end asks for the states of all widgets, after its page was loaded anew.
const CONTROL_TARGET: &str = "jupyter.widget.control";

/// The comms that front ends have opened to it.
static CONTROLS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn controls() -> MutexGuard<'static, BTreeSet<String>> {
    CONTROLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Handles the messages of front ends until the kernel is gone. One thread of a process calls this.
pub fn listen() {
    while let Some(command) = wire::receive() {
        match command {
            Command::Comm { id, message } => {
                // The hook has reported a panic. The kernel waits for the reply, and this thread for the next message.
                let _ = catch_unwind(AssertUnwindSafe(|| handle(&message)));
                wire::send(&Message::Handled { id });
            }
            Command::ListComms => list_comms(),
            // These are for the supervisor.
            Command::Run { .. } | Command::Interrupt | Command::Sync { .. } | Command::InputReply { .. } => {}
        }
    }
}

/// A cell begins.
pub fn begin_cell() {
    model::begin_cell();
}

/// Calls `fork` while no lock of this crate is held, so that a copy of this process can go on. To be called while no
/// message is on its way.
pub fn between_changes<T>(fork: impl FnOnce() -> T) -> T {
    let _held = controls();
    callbacks::while_locked(|| model::while_locked(fork))
}

/// Takes over from the dead process that this process was forked from.
pub fn take_over() {
    callbacks::forget();
}

/// Sends the comms of this process, and the states of its widgets. Front ends may know widgets that this copy of the
/// process lacks, and other states of those that it has.
fn list_comms() {
    let mut open = model::open_ids();
    open.extend(controls().iter().cloned());
    wire::send(&Message::Comms { open });
    for id in model::open_ids() {
        comm::update(&id, || model::state_of(&id, &[]));
    }
}

fn handle(message: &CommMessage) {
    match message {
        CommMessage::Open { comm_id, target_name, .. } if target_name == CONTROL_TARGET => {
            controls().insert(comm_id.clone());
        }
        CommMessage::Open { comm_id, .. } => comm::close(comm_id),
        CommMessage::Close { comm_id: id, .. } => {
            controls().remove(id);
            model::set_closed(id);
        }
        CommMessage::Msg { comm_id: id, data } => {
            let method = data.get("method").and_then(Value::as_str);
            match (method, data.get("state").and_then(Value::as_object)) {
                (Some("update"), Some(state)) => model::changed_by_front_end(id, state),
                (Some("request_state"), _) => comm::update(id, || model::state_of(id, &[])),
                (Some("request_states"), _) if controls().contains(id) => comm::update_states(id, all_states),
                (Some("custom"), _) => model::custom(id, data.get("content").unwrap_or(&Value::Null)),
                _ => {}
            }
        }
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
    use serde_json::json;

    fn message(value: Value) -> CommMessage {
        serde_json::from_value(value).unwrap()
    }

    fn say(id: &str, data: Value) {
        handle(&message(json!({"type": "comm_msg", "comm_id": id, "data": data})));
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
    fn messages_to_unknown_comms_are_passed_over() {
        for value in [
            json!({"type": "comm_msg", "comm_id": "none"}),
            json!({"type": "comm_msg", "comm_id": "none", "data": {"method": "update", "state": {"a": 1}}}),
            json!({"type": "comm_msg", "comm_id": "none", "data": {"method": "update", "state": []}}),
            json!({"type": "comm_msg", "comm_id": "none", "data": {"method": ["update"]}}),
            json!({"type": "comm_msg", "comm_id": "none", "data": {"method": "custom"}}),
            json!({"type": "comm_open", "comm_id": "x", "target_name": "no such"}),
            json!({"type": "comm_close", "comm_id": "none"}),
        ] {
            handle(&message(value));
        }
    }
}
