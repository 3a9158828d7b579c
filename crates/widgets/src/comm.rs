//! What is said over comms, in the words of ipywidgets' [message
//! specification](https://github.com/jupyter-widgets/ipywidgets/blob/main/packages/schema/messages.md).

use serde_json::{Map, Value, json};
use threadbook_display::wire;

/// The target of widgets' comms.
const TARGET: &str = "jupyter.widget";

/// The version of the protocol.
const VERSION: &str = "2.1.0";

/// The state of a widget's model.
pub(crate) type State = Map<String, Value>;

/// Opens a comm. `state` is called when it is this message's turn. `false` if there is nobody to hear it.
pub(crate) fn open(id: &str, state: impl FnOnce() -> State) -> bool {
    say(|| {
        json!({
            "type": "comm_open",
            "comm_id": id,
            "target_name": TARGET,
            "data": {"state": state(), "buffer_paths": []},
            "metadata": {"version": VERSION},
        })
    })
}

/// Tells the other end the part of the state that `state` returns when it is this message's turn: of two
/// threads, the later one tells the later state.
pub(crate) fn update(id: &str, state: impl FnOnce() -> State) {
    send(id, || json!({"method": "update", "state": state(), "buffer_paths": []}));
}

/// Answers a front end that has asked for everything.
pub(crate) fn update_states(id: &str, states: impl FnOnce() -> Map<String, Value>) {
    send(id, || json!({"method": "update_states", "states": states(), "buffer_paths": []}));
}

/// Closes a comm.
pub(crate) fn close(id: &str) {
    say(|| json!({"type": "comm_close", "comm_id": id, "data": {}}));
}

fn send(id: &str, data: impl FnOnce() -> Value) {
    say(|| json!({"type": "comm_msg", "comm_id": id, "data": data()}));
}

fn say(message: impl FnOnce() -> Value) -> bool {
    wire::send_with(|| json!({"type": "comm", "message": message()}))
}

/// How the state of a model is told among others.
pub(crate) fn described(state: &State) -> Value {
    let of = |name: &str| state.get(name).cloned().unwrap_or_default();
    json!({
        "model_name": of("_model_name"),
        "model_module": of("_model_module"),
        "model_module_version": of("_model_module_version"),
        "state": state,
    })
}
