//! Shows bundles: through the kernel, as evcxr's content blocks, or as text in a terminal.

use crate::bundle::{METADATA, MimeBundle};
use crate::wire::{send, send_aside, send_aside_with};
use serde_json::Value;
use std::io::{self, Write};
use threadbook_wire::Message;

/// The metadata of a bundle, which is taken out of it.
fn take_metadata(bundle: &mut MimeBundle) -> MimeBundle {
    match bundle.remove(METADATA) {
        Some(Value::Object(metadata)) => metadata,
        _ => MimeBundle::new(),
    }
}

/// Shows a bundle at this place among the outputs.
pub(crate) fn send_display(bundle: MimeBundle) {
    let (mut data, display_id) = (bundle.clone(), None);
    let metadata = take_metadata(&mut data);
    if !send(&Message::Display { data, metadata, display_id }) {
        print_bundle(&bundle);
    }
}

/// Shows a bundle that can be changed later by its id. Returns false if there is no kernel.
pub fn send_display_as(display_id: &str, mut data: MimeBundle) -> bool {
    let metadata = take_metadata(&mut data);
    send(&Message::Display { data, metadata, display_id: Some(display_id.to_owned()) })
}

/// Replaces the bundle that was shown with this id. This has no place among the printed text.
pub fn update_display(display_id: &str, bundle: MimeBundle) {
    send_aside(&update(display_id, bundle));
}

/// As [`update_display`], for a bundle that is made when it is sent. `None` sends nothing.
pub(crate) fn update_display_with(display_id: &str, bundle: impl FnOnce() -> Option<MimeBundle>) {
    send_aside_with(|| Some(update(display_id, bundle()?)));
}

fn update(display_id: &str, mut data: MimeBundle) -> Message {
    let metadata = take_metadata(&mut data);
    Message::UpdateDisplay { data, metadata, display_id: display_id.to_owned() }
}

/// Shows a bundle as the cell's result.
pub(crate) fn send_result(bundle: MimeBundle) {
    let mut data = bundle.clone();
    let metadata = take_metadata(&mut data);
    if !send(&Message::Result { data, metadata }) {
        print_bundle(&bundle);
    }
}

/// Shows a bundle without a kernel.
pub fn print_bundle(bundle: &MimeBundle) {
    let in_evcxr = std::env::var_os("EVCXR_IS_RUNTIME").is_some();
    let mut out = io::stdout().lock();
    // After an error there is no reader of standard output, and so no place for a message.
    let _ = if in_evcxr { write_content_blocks(&mut out, bundle) } else { write_text(&mut out, bundle) };
}

/// evcxr's convention, see <https://github.com/evcxr/evcxr/blob/main/evcxr_jupyter/README.md>.
fn write_content_blocks(out: &mut impl Write, bundle: &MimeBundle) -> io::Result<()> {
    for (mime, value) in bundle.iter().filter(|(mime, _)| *mime != METADATA) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(out, "EVCXR_BEGIN_CONTENT {mime}\n{text}\nEVCXR_END_CONTENT")?;
    }
    out.flush()
}

fn write_text(out: &mut impl Write, bundle: &MimeBundle) -> io::Result<()> {
    match bundle.get("text/plain") {
        Some(Value::String(text)) => writeln!(out, "{text}"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bundle() -> MimeBundle {
        let pairs = [("text/html", "<b>\n1</b>"), ("text/plain", "1")];
        pairs.map(|(mime, text)| (mime.to_owned(), text.into())).into_iter().collect()
    }

    #[test]
    fn stock_evcxr_gets_content_blocks() {
        let mut out = Vec::new();
        write_content_blocks(&mut out, &bundle()).unwrap();
        let expected = "EVCXR_BEGIN_CONTENT text/html\n<b>\n1</b>\nEVCXR_END_CONTENT\n\
                        EVCXR_BEGIN_CONTENT text/plain\n1\nEVCXR_END_CONTENT\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_terminal_gets_the_text() {
        let mut out = Vec::new();
        write_text(&mut out, &bundle()).unwrap();
        assert_eq!(out, b"1\n");
    }

    #[test]
    fn metadata_is_sent_beside_the_data() {
        let mut with_metadata = bundle();
        with_metadata.insert(METADATA.to_owned(), json!({"text/html": {"isolated": true}}));
        let Message::UpdateDisplay { data, metadata, .. } = update("id", with_metadata) else { panic!() };
        assert_eq!(data, bundle());
        assert_eq!(Value::from(metadata), json!({"text/html": {"isolated": true}}));
    }
}
