//! A notebook file. Everything that is not set stays as it was, down to the order of its keys.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::ser::PrettyFormatter;

use crate::file;
use crate::json::strict;

/// The largest notebook file, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// A notebook.
pub struct Notebook(Json);

/// One of its code cells.
pub struct CodeCell<'a>(&'a mut Json);

impl Notebook {
    /// Reads a notebook file.
    ///
    /// # Errors
    ///
    /// A sentence that names the file, and the reason.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let text = file::read(path, MAX_BYTES).map_err(|reason| anyhow!("cannot read {name}: {reason}"))?;
        Self::parse(&text).with_context(|| format!("{name} is not a notebook that can be read"))
    }

    /// Parses the text of a notebook file.
    ///
    /// # Errors
    ///
    /// The text is not a notebook of format 4.
    pub fn parse(text: &[u8]) -> anyhow::Result<Self> {
        let json: Json = serde_json::from_slice(&strict(text))?;
        match (json.get("nbformat").and_then(Json::as_i64), json.get("cells")) {
            (Some(4), Some(Json::Array(_))) => Ok(Self(json)),
            (Some(other), _) if other != 4 => bail!("it is in notebook format {other}; format 4 is needed"),
            (None, _) => bail!("it has no `nbformat`"),
            _ => bail!("it has no list of `cells`"),
        }
    }

    /// Writes the notebook as Jupyter does, with one space a level.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        file::replace(path, &self.to_text()?)
    }

    fn to_text(&self) -> anyhow::Result<Vec<u8>> {
        let mut text = Vec::new();
        let formatter = PrettyFormatter::with_indent(b" ");
        self.0.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter))?;
        text.push(b'\n');
        Ok(text)
    }

    /// Deserializes the notebook as a `T`.
    ///
    /// # Errors
    ///
    /// The notebook lacks what `T` requires.
    pub fn read_as<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_value(serde_json::to_value(&self.0)?)
    }

    /// Sets a value in the notebook's metadata.
    pub fn note(&mut self, key: &str, value: Value) {
        if self.0.get("metadata").is_none() {
            self.0.set("metadata", Json::Object(Entries(Vec::new())));
        }
        if let Some(metadata) = self.0.get_mut("metadata") {
            metadata.set(key, Json::Leaf(value));
        }
    }

    /// The code cells in order.
    pub fn code_cells(&mut self) -> Vec<CodeCell<'_>> {
        let Some(Json::Array(cells)) = self.0.get_mut("cells") else {
            return Vec::new();
        };
        let code = |cell: &Json| cell.get("cell_type").and_then(Json::as_str) == Some("code");
        cells.iter_mut().filter(|cell| code(cell)).map(CodeCell).collect()
    }
}

impl CodeCell<'_> {
    /// The cell's code. A file may keep it as one text or as a list of lines.
    pub fn source(&self) -> String {
        match self.0.get("source") {
            Some(Json::Array(lines)) => lines.iter().filter_map(Json::as_str).collect(),
            Some(text) => text.as_str().unwrap_or_default().to_owned(),
            None => String::new(),
        }
    }

    /// Whether the cell has a tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        match self.0.get("metadata").and_then(|metadata| metadata.get("tags")) {
            Some(Json::Array(tags)) => tags.iter().any(|each| each.as_str() == Some(tag)),
            _ => false,
        }
    }

    /// Gives the cell its number and outputs.
    pub fn set(&mut self, execution_count: Option<u64>, outputs: Vec<Value>) {
        self.0.set("execution_count", Json::Leaf(execution_count.into()));
        self.0.set("outputs", Json::Leaf(outputs.into()));
    }
}

/// JSON that keeps the order of keys, which serde_json's own value does not, except by a feature that every
/// crate of the build would have to put up with.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Json {
    Object(Entries),
    Array(Vec<Json>),
    Leaf(Value),
}

#[derive(Debug, PartialEq)]
struct Entries(Vec<(String, Json)>);

impl Json {
    fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(Entries(entries)) = self else {
            return None;
        };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Object(Entries(entries)) = self else {
            return None;
        };
        entries.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn set(&mut self, key: &str, value: Self) {
        if let Some(place) = self.get_mut(key) {
            *place = value;
        } else if let Self::Object(Entries(entries)) = self {
            entries.push((key.to_owned(), value));
        }
    }

    fn as_str(&self) -> Option<&str> {
        let Self::Leaf(value) = self else { return None };
        value.as_str()
    }

    fn as_i64(&self) -> Option<i64> {
        let Self::Leaf(value) = self else { return None };
        value.as_i64()
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

// Not derived: for an untagged enum, serde keeps a copy of each value to try it as one variant after the other.
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Json;
            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Leaf(Value::Null))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Leaf(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Leaf(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Leaf(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Leaf(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Leaf(value.into()))
            }
            fn visit_string<E>(self, value: String) -> Result<Json, E> {
                Ok(Json::Leaf(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = sequence.next_element()? {
                    values.push(value);
                }
                Ok(Json::Array(values))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Json::Object(Entries(entries)))
            }
        }
        deserializer.deserialize_any(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use serde_json::json;

    const TEXT: &str = r##"{
 "zebra": {
  "b": 1,
  "a": [
   null,
   2.5,
   "ä\"\\ "
  ],
  "empty": {},
  "none": []
 },
 "nbformat": 4,
 "nbformat_minor": 5,
 "cells": [
  {
   "cell_type": "markdown",
   "source": "# Title"
  },
  {
   "source": [
    "let x = 1;\n",
    "x"
   ],
   "outputs": [
    "old"
   ],
   "metadata": {
    "tags": [
     "raises-exception"
    ]
   },
   "execution_count": 7,
   "cell_type": "code"
  }
 ]
}
"##;

    fn notebook(text: &str) -> anyhow::Result<Notebook> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        Notebook::read(file.path())
    }

    fn text(notebook: &Notebook) -> String {
        String::from_utf8(notebook.to_text().unwrap()).unwrap()
    }

    #[test]
    fn a_notebook_is_written_as_it_was_read() {
        assert_eq!(text(&notebook(TEXT).unwrap()), TEXT);
    }

    #[test]
    fn what_other_programs_write_is_read() {
        let odd = "\u{feff}{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"code\", \"source\": \"\\ud83d|\", \"n\": NaN}]}";
        let mut notebook = notebook(odd).unwrap();
        assert_eq!(notebook.code_cells()[0].source(), "\u{fffd}|");
        assert!(text(&notebook).contains("\"n\": null"));
    }

    #[test]
    fn only_outputs_and_count_of_code_cells_change() {
        let mut notebook = notebook(TEXT).unwrap();
        let mut cells = notebook.code_cells();
        assert_eq!(cells.len(), 1);
        assert_eq!(cells[0].source(), "let x = 1;\nx");
        assert!(cells[0].has_tag("raises-exception") && !cells[0].has_tag("solution"));
        cells[0].set(Some(1), vec![json!("new")]);
        let expected =
            TEXT.replace("\"execution_count\": 7", "\"execution_count\": 1").replace("\"old\"", "\"new\"");
        assert_eq!(text(&notebook), expected);
        notebook.code_cells()[0].set(None, Vec::new());
        assert!(text(&notebook).contains("\"execution_count\": null"));
    }

    #[test]
    fn a_note_is_kept_in_the_metadata() {
        let mut notebook = notebook(TEXT).unwrap();
        notebook.note("by", json!("hand"));
        notebook.note("by", json!({"whose": "mine"}));
        let read: Value = notebook.read_as().unwrap();
        assert_eq!(read["metadata"], json!({"by": {"whose": "mine"}}));
        assert_eq!(read["cells"][0]["source"], "# Title");
    }

    #[test]
    fn what_is_no_notebook_is_said_to_be_so() {
        let error = |text: &str| format!("{:#}", notebook(text).err().expect("this is no notebook"));
        assert!(error("{").contains("is not a notebook that can be read: EOF"));
        assert!(error("{}").ends_with("it has no `nbformat`"));
        assert!(error(r#"{"nbformat": 4, "cells": {}}"#).ends_with("it has no list of `cells`"));
        assert!(error(r#"{"nbformat": 3, "worksheets": []}"#).contains("format 3"));
        let missing = Notebook::read(Path::new("/there/is/no.ipynb")).err().unwrap();
        assert!(missing.to_string().starts_with("cannot read /there/is/no.ipynb"));
    }
}
