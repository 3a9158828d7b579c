//! Comm messages in the words of ipywidgets' [message
//! specification](https://github.com/jupyter-widgets/ipywidgets/blob/main/packages/schema/messages.md).

use serde_json::{Map, Value, json};
use threadbook_display::wire;
use threadbook_wire::{CommMessage, JsonObject, Message};

/// The target of widgets' comms.
const TARGET: &str = "jupyter.widget";

/// The version of the protocol.
const VERSION: &str = "2.1.0";

/// The state of a widget's model.
pub(crate) type State = Map<String, Value>;

/// Opens a comm. `state` is called when the message is sent. Returns false if there is no kernel.
pub(crate) fn open(id: &str, state: impl FnOnce() -> State) -> bool {
    let (comm_id, target_name) = (id.to_owned(), TARGET.to_owned());
    say(|| CommMessage::Open {
        comm_id,
        target_name,
        data: object(json!({"state": state(), "buffer_paths": []})),
        metadata: object(json!({"version": VERSION})),
    })
}

/// Sends the part of the state that `state` returns when the message is sent: of two threads, the later one sends the
/// later state.
pub(crate) fn update(id: &str, state: impl FnOnce() -> State) {
    send(id, || json!({"method": "update", "state": state(), "buffer_paths": []}));
}

/// Answers a front end that has asked for everything.
pub(crate) fn update_states(id: &str, states: impl FnOnce() -> Map<String, Value>) {
    send(id, || json!({"method": "update_states", "states": states(), "buffer_paths": []}));
}

/// Closes a comm.
pub(crate) fn close(id: &str) {
    say(|| CommMessage::Close { comm_id: id.to_owned(), data: JsonObject::new() });
}

fn send(id: &str, data: impl FnOnce() -> Value) {
    say(|| CommMessage::Msg { comm_id: id.to_owned(), data: object(data()) });
}

fn say(message: impl FnOnce() -> CommMessage) -> bool {
    wire::send_with(|| Message::Comm { message: message() })
}

/// The object that a value is.
fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

/// The state of a model as it stands among others.
pub(crate) fn described(state: &State) -> Value {
    let of = |name: &str| state.get(name).cloned().unwrap_or_default();
    json!({
        "model_name": of("_model_name"),
        "model_module": of("_model_module"),
        "model_module_version": of("_model_module_version"),
        "state": state,
    })
}
