//! Fuzz tests: no garbled input from outside makes the kernel panic.
//!
//! Each test makes up as many cases as it can within a tenth of a second, or within the seconds of
//! `THREADBOOK_FUZZ`: `THREADBOOK_FUZZ=3600 cargo test -p threadbook-kernel fuzz -- --nocapture`
//! says how many those were. A case that fails is named by a seed, see [arbtest].

use crate::protocol::is_complete;
use crate::session::{NameIndex, Utf8Stream, byte_offset, code_points, with_code_hash};
use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use bytes::Bytes;
use std::cell::Cell;
use std::time::Duration;
use threadbook_jupyter::{Key, message};
use threadbook_supervisor::ContentBlocks;
use threadbook_wire::{Command, FrameKind, Message, read_frame, write_frame};

/// Messages as front ends send them.
const REQUESTS: [(&str, &str); 8] = [
    (
        "execute_request",
        r#"{"code":"1","silent":false,"store_history":true,"user_expressions":{},"allow_stdin":true}"#,
    ),
    ("complete_request", r#"{"code":"std::","cursor_pos":5}"#),
    ("inspect_request", r#"{"code":"std","cursor_pos":1,"detail_level":0}"#),
    ("is_complete_request", r#"{"code":"fn f() {"}"#),
    ("history_request", r#"{"output":false,"raw":true,"hist_access_type":"tail","n":5}"#),
    ("comm_open", r#"{"comm_id":"1","target_name":"jupyter.widget","data":{}}"#),
    ("input_reply", r#"{"status":"ok","value":"x"}"#),
    ("shutdown_request", r#"{"restart":true}"#),
];

/// Messages as the companion and the kernel send them over the wire.
const WIRED: [&str; 5] = [
    r#"{"type":"display","data":{"text/plain":"1"},"metadata":{},"display_id":"a"}"#,
    r#"{"type":"panic","message":"m","file":"f","line":3}"#,
    r#"{"type":"died","signal":11,"code":null,"restored":true,"lost":""}"#,
    r#"{"type":"interrupt"}"#,
    r#"{"type":"sync","id":7}"#,
];

/// Pieces of cells: some of them are Rust, and their combinations hardly ever are.
const PIECES: [&str; 20] = [
    "fn f() {", "}", "let x = ", ";", "\"", "'", "/*", "*/", "//", "\n", "r#\"", "(", ")", "é", "🦀", "x.",
    "::", "%time ", "!ls", ":dep ",
];

fn fuzz(name: &str, mut case: impl FnMut(&mut Unstructured) -> Result<()>) {
    let seconds = std::env::var("THREADBOOK_FUZZ").ok().and_then(|seconds| seconds.parse().ok());
    let budget = seconds.map_or(Duration::from_millis(100), Duration::from_secs);
    let cases = Cell::new(0_u64);
    arbtest(|random| {
        cases.set(cases.get() + 1);
        case(random)
    })
    .budget(budget)
    .run();
    println!("{name}: {} cases", cases.get());
}

/// Text of up to `max` characters of `alphabet`.
pub fn text(random: &mut Unstructured, alphabet: &str, max: usize) -> Result<String> {
    let alphabet: Vec<char> = alphabet.chars().collect();
    (0..random.int_in_range(0..=max)?).map(|_| random.choose(&alphabet).copied()).collect()
}

/// One of the texts, with a few of its bytes replaced, taken out or put in.
fn garbled(random: &mut Unstructured, texts: &[&str]) -> Result<Vec<u8>> {
    let mut text = random.choose(texts)?.as_bytes().to_vec();
    for _ in 0..random.int_in_range(0..=5)? {
        let (place, byte) = (random.int_in_range(0..=text.len())?, random.arbitrary()?);
        match random.int_in_range(0..=2)? {
            0 if place < text.len() => text[place] = byte,
            1 if place < text.len() => drop(text.remove(place)),
            _ => text.insert(place, byte),
        }
    }
    Ok(text)
}

#[test]
fn of_a_front_end() {
    fuzz("messages of a front end", |random| {
        let (kind, content) = *random.choose(&REQUESTS)?;
        let header = format!(
            r#"{{"msg_id":"1","msg_type":"{kind}","username":"u","session":"s","date":"2026-01-01T00:00:00Z","version":"5.3"}}"#
        );
        let mut frames = vec![b"id".to_vec(), b"<IDS|MSG>".to_vec(), Vec::new()];
        for part in [&header, "{}", "{}", content] {
            frames.push(garbled(random, &[part])?);
        }
        frames.truncate(random.int_in_range(1..=frames.len())?);
        let frames: Vec<Bytes> = frames.into_iter().map(Bytes::from).collect();
        let _ = message::decode(&frames, &Key::new(""));
        Ok(())
    });
}

#[test]
fn of_the_wire() {
    fuzz("bytes on the wire", |random| {
        let bytes: Vec<u8> = random.arbitrary()?;
        let mut from = &bytes[..];
        while let Ok(Some((_, body))) = read_frame(&mut from) {
            let _ = serde_json::from_slice::<Message>(&body);
        }
        Ok(())
    });
}

#[test]
fn of_messages_on_the_wire() {
    fuzz("messages on the wire", |random| {
        let body = garbled(random, &WIRED)?;
        let mut frame = Vec::new();
        write_frame(&mut frame, FrameKind::Message, &body).unwrap();
        let read = read_frame(&mut &frame[..]).unwrap().unwrap();
        assert_eq!(read, (FrameKind::Message, body.clone()));
        let _ = serde_json::from_slice::<Message>(&body);
        let _ = serde_json::from_slice::<Command>(&body);
        Ok(())
    });
}

#[test]
fn of_user_code_s_output() {
    const BLOCK: &str = "EVCXR_BEGIN_CONTENT text/plain\nx\nEVCXR_END_CONTENT\n";
    fuzz("output of user code", |random| {
        let (mut blocks, mut text) = (ContentBlocks::default(), Utf8Stream::default());
        for _ in 0..random.int_in_range(0..=5)? {
            let chunk = if random.arbitrary()? { random.arbitrary()? } else { garbled(random, &[BLOCK])? };
            blocks.push(&chunk);
            text.push(&chunk);
        }
        blocks.flush();
        text.finish();
        Ok(())
    });
}

#[test]
fn of_cells() {
    fuzz("cells", |random| {
        let mut code = String::new();
        for _ in 0..random.int_in_range(0..=12)? {
            code.push_str(if random.ratio(3, 4)? { random.choose(&PIECES)? } else { random.arbitrary()? });
        }
        let cursor = random.int_in_range(0..=200)?;
        is_complete(&code);
        let offset = byte_offset(&code, cursor);
        assert!(code.is_char_boundary(offset) && code_points(&code, offset) <= cursor);
        if let Some((_, places)) = with_code_hash(&code) {
            places.old_column(random.int_in_range(0..=9)?, random.int_in_range(0..=90)?);
        }
        let names = NameIndex::default();
        names.learn_cell(&code);
        names.complete(&code, cursor);
        names.inspect(&code, cursor);
        Ok(())
    });
}
