//! The outputs of a cell, as a notebook stores them.

use serde_json::{Map, Value, json};

/// A MIME bundle, or its metadata.
type Bundle = Map<String, Value>;

/// One output of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Text on stdout or stderr.
    Stream {
        /// `stdout` or `stderr`.
        name: String,
        /// All text that was printed before the next output of another kind.
        text: String,
    },
    /// A display of the cell.
    Display {
        /// The representations, by MIME type.
        data: Bundle,
        /// Their metadata.
        metadata: Bundle,
        /// The name by which a later message may replace it.
        display_id: Option<String>,
    },
    /// The result of the cell.
    Result {
        /// The cell's number.
        execution_count: Option<u64>,
        /// The representations, by MIME type.
        data: Bundle,
        /// Their metadata.
        metadata: Bundle,
        /// The name by which a later message may replace it.
        display_id: Option<String>,
    },
    /// The error that ended the cell.
    Error {
        /// The kind of error.
        ename: String,
        /// Its message.
        evalue: String,
        /// The lines to show.
        traceback: Vec<String>,
    },
}

/// New content for every display of one name, in this cell and in earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub struct DisplayUpdate {
    id: String,
    data: Bundle,
    metadata: Bundle,
}

/// Text of an earlier cell that arrived while another one ran, for example from a thread of the earlier cell.
#[derive(Clone, Debug, PartialEq)]
pub struct LateText {
    /// The id of the earlier cell's request.
    pub request: String,
    /// `stdout` or `stderr`.
    pub name: String,
    /// The text.
    pub text: String,
}

/// The outputs of a cell so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs {
    list: Vec<Output>,
    clear_before_next: bool,
}

impl Outputs {
    /// The outputs in the order of their arrival.
    pub fn list(&self) -> &[Output] {
        &self.list
    }

    /// All text that was printed on `stdout` or `stderr`.
    pub fn stream(&self, wanted: &str) -> String {
        let texts = self.list.iter().filter_map(|output| match output {
            Output::Stream { name, text } if name == wanted => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// The outputs in the notebook format, version 4.5.
    pub fn to_json(&self) -> Vec<Value> {
        self.list.iter().map(Output::to_json).collect()
    }

    /// Applies one message from a kernel's iopub channel. An update of a display is also returned, because it
    /// may concern the outputs of earlier cells.
    pub fn apply(&mut self, msg_type: &str, mut content: Value) -> Option<DisplayUpdate> {
        match msg_type {
            "stream" => {
                self.clear_if_asked();
                self.print(text(&content, "name"), &text(&content, "text"));
            }
            "display_data" => self.push(Output::Display {
                data: bundle(&mut content, "data"),
                metadata: bundle(&mut content, "metadata"),
                display_id: display_id(&content),
            }),
            "execute_result" => self.push(Output::Result {
                execution_count: content["execution_count"].as_u64(),
                data: bundle(&mut content, "data"),
                metadata: bundle(&mut content, "metadata"),
                display_id: display_id(&content),
            }),
            "error" => self.push(Output::Error {
                ename: text(&content, "ename"),
                evalue: text(&content, "evalue"),
                traceback: strings(&content["traceback"]),
            }),
            "clear_output" => {
                self.clear_before_next = true;
                if content["wait"] != json!(true) {
                    self.clear_if_asked();
                }
            }
            "update_display_data" => {
                let update = DisplayUpdate {
                    id: display_id(&content)?,
                    data: bundle(&mut content, "data"),
                    metadata: bundle(&mut content, "metadata"),
                };
                self.update(&update);
                return Some(update);
            }
            _ => {}
        }
        None
    }

    /// Replaces the content of the displays that `update` names. Returns whether there was one.
    pub fn update(&mut self, update: &DisplayUpdate) -> bool {
        let mut found = false;
        for output in &mut self.list {
            if let Output::Display { data, metadata, display_id, .. }
            | Output::Result { data, metadata, display_id, .. } = output
                && display_id.as_ref() == Some(&update.id)
            {
                data.clone_from(&update.data);
                metadata.clone_from(&update.metadata);
                found = true;
            }
        }
        found
    }

    /// Adds text on the stream of that name.
    pub fn print(&mut self, name: String, text: &str) {
        match self.list.last_mut() {
            Some(Output::Stream { name: last, text: so_far }) if *last == name => so_far.push_str(text),
            _ => self.list.push(Output::Stream { name, text: text.to_owned() }),
        }
    }

    fn push(&mut self, output: Output) {
        self.clear_if_asked();
        self.list.push(output);
    }

    fn clear_if_asked(&mut self) {
        if std::mem::take(&mut self.clear_before_next) {
            self.list.clear();
        }
    }
}

impl Output {
    fn to_json(&self) -> Value {
        match self {
            Self::Stream { name, text } => json!({
                "output_type": "stream",
                "name": name,
                "text": lines(text),
            }),
            Self::Display { data, metadata, .. } => json!({
                "output_type": "display_data",
                "data": on_disk(data),
                "metadata": metadata,
            }),
            Self::Result { execution_count, data, metadata, .. } => json!({
                "output_type": "execute_result",
                "execution_count": execution_count,
                "data": on_disk(data),
                "metadata": metadata,
            }),
            Self::Error { ename, evalue, traceback } => json!({
                "output_type": "error",
                "ename": ename,
                "evalue": evalue,
                "traceback": traceback,
            }),
        }
    }
}

/// A notebook file contains text as a list of lines, so that differences between versions are readable.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn is_text(mime: &str) -> bool {
    mime.starts_with("text/") || ["image/svg+xml", "application/javascript"].contains(&mime)
}

fn on_disk(data: &Bundle) -> Bundle {
    let entries = data.iter().map(|(mime, value)| {
        let value = match value {
            Value::String(text) if is_text(mime) => json!(lines(text)),
            other => other.clone(),
        };
        (mime.clone(), value)
    });
    entries.collect()
}

fn bundle(content: &mut Value, key: &str) -> Bundle {
    match content.get_mut(key).map(Value::take) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn display_id(content: &Value) -> Option<String> {
    content["transient"]["display_id"].as_str().map(str::to_owned)
}

pub(crate) fn text(content: &Value, key: &str) -> String {
    content[key].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn strings(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(messages: &[(&str, Value)]) -> Outputs {
        let mut outputs = Outputs::default();
        for (msg_type, content) in messages {
            outputs.apply(msg_type, content.clone());
        }
        outputs
    }

    fn stream(name: &str, text: &str) -> (&'static str, Value) {
        ("stream", json!({"name": name, "text": text}))
    }

    fn display(text: &str, id: Option<&str>) -> (&'static str, Value) {
        let transient = id.map_or(json!({}), |id| json!({"display_id": id}));
        ("display_data", json!({"data": {"text/plain": text}, "metadata": {}, "transient": transient}))
    }

    fn update(text: &str, id: &str) -> (&'static str, Value) {
        let content = json!({"data": {"text/plain": text}, "metadata": {"seen": true}, "transient": {"display_id": id}});
        ("update_display_data", content)
    }

    #[test]
    fn neighbouring_text_of_one_stream_is_merged() {
        let got = outputs(&[
            stream("stdout", "a\nb"),
            stream("stdout", "c\n"),
            stream("stderr", "!"),
            stream("stdout", "d"),
        ]);
        assert_eq!(
            got.to_json(),
            [
                json!({"output_type": "stream", "name": "stdout", "text": ["a\n", "bc\n"]}),
                json!({"output_type": "stream", "name": "stderr", "text": ["!"]}),
                json!({"output_type": "stream", "name": "stdout", "text": ["d"]}),
            ]
        );
        assert_eq!(got.stream("stdout"), "a\nbc\nd");
    }

    #[test]
    fn displays_and_results_keep_every_representation() {
        let data = json!({
            "text/plain": "1\n2",
            "image/svg+xml": "<svg>\n</svg>",
            "image/png": "iVBORw==\n",
            "application/json": {"a": [1]},
            "application/x.custom+json": {"b": 2},
        });
        let got = outputs(&[
            ("display_data", json!({"data": data, "metadata": {"image/svg+xml": {"width": 3}}})),
            ("execute_result", json!({"data": {"text/plain": "7"}, "metadata": {}, "execution_count": 4})),
        ]);
        assert_eq!(
            got.to_json(),
            [
                json!({
                    "output_type": "display_data",
                    "data": {
                        "text/plain": ["1\n", "2"],
                        "image/svg+xml": ["<svg>\n", "</svg>"],
                        "image/png": "iVBORw==\n",
                        "application/json": {"a": [1]},
                        "application/x.custom+json": {"b": 2},
                    },
                    "metadata": {"image/svg+xml": {"width": 3}},
                }),
                json!({
                    "output_type": "execute_result",
                    "data": {"text/plain": ["7"]},
                    "metadata": {},
                    "execution_count": 4,
                }),
            ]
        );
    }

    #[test]
    fn an_error_keeps_its_traceback_lines() {
        let content = json!({"ename": "Panic", "evalue": "no", "traceback": ["one", "two"]});
        let expected =
            json!({"output_type": "error", "ename": "Panic", "evalue": "no", "traceback": ["one", "two"]});
        assert_eq!(outputs(&[("error", content)]).to_json(), [expected]);
    }

    #[test]
    fn an_update_replaces_the_displays_of_its_name_only() {
        let mut got =
            outputs(&[display("0 %", Some("bar")), display("else", None), display("0 %", Some("bar"))]);
        let (msg_type, content) = update("100 %", "bar");
        let handed_back = got.apply(msg_type, content).expect("an update is handed back");
        let texts: Vec<_> = got.to_json().iter().map(|o| o["data"]["text/plain"][0].clone()).collect();
        assert_eq!(texts, ["100 %", "else", "100 %"]);
        assert_eq!(got.to_json()[0]["metadata"], json!({"seen": true}));

        let mut earlier_cell = outputs(&[display("0 %", Some("bar"))]);
        assert!(earlier_cell.update(&handed_back));
        assert_eq!(earlier_cell.to_json()[0]["data"]["text/plain"][0], "100 %");
        assert!(!outputs(&[display("0 %", Some("other"))]).update(&handed_back));
    }

    #[test]
    fn clear_output_clears_at_once_or_before_the_next_output() {
        let clear = |wait: bool| ("clear_output", json!({"wait": wait}));
        assert_eq!(outputs(&[stream("stdout", "a"), clear(false)]).list(), []);
        let waiting = outputs(&[stream("stdout", "a"), clear(true)]);
        assert_eq!(waiting.stream("stdout"), "a");
        let cleared = outputs(&[stream("stdout", "a"), clear(true), stream("stdout", "b")]);
        assert_eq!(cleared.stream("stdout"), "b");
        let updated = outputs(&[display("0 %", Some("bar")), clear(true), update("1 %", "bar")]);
        assert_eq!(updated.list().len(), 1, "an update is not an output, it clears nothing");
    }

    #[test]
    fn unknown_or_malformed_messages_change_nothing() {
        let got = outputs(&[
            ("comm_open", json!({"comm_id": "x"})),
            ("status", json!({"execution_state": "busy"})),
            ("update_display_data", json!({"data": {}})),
        ]);
        assert_eq!(got.list(), []);
    }
}
