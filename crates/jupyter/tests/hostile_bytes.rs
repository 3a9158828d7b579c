//! Fuzz test: random and garbled bytes never make a decoder panic, and never make it allocate more memory
//! than bytes have arrived.
//!
//! `THREADBOOK_FUZZ=10000000 cargo test -p threadbook-jupyter --test hostile_bytes` generates that many cases
//! of each.

use arbtest::arbitrary::{Result, Unstructured};
use bytes::{Buf, Bytes, BytesMut};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use threadbook_jupyter::zmtp::codec::{Decoder, Incoming, Limits, encode_command, encode_message};
use threadbook_jupyter::zmtp::handshake::{SocketType, check_greeting, check_ready, greeting, ready};
use threadbook_jupyter::{Key, message};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: it delegates to the system's allocator, and only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.get().saturating_add(layout.size());
        LIVE.set(live);
        PEAK.set(PEAK.get().max(live));
        // SAFETY: the caller fulfils the contract of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().saturating_sub(layout.size()));
        // SAFETY: the caller fulfils the contract of the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The peak memory of `work`, beyond the memory in use before.
fn peak_of(work: impl FnOnce()) -> usize {
    let before = LIVE.get();
    PEAK.set(before);
    work();
    PEAK.get() - before
}

/// Generates `THREADBOOK_FUZZ` cases, or a few thousand. A failure names the case's seed.
fn fuzz(mut case: impl FnMut(&mut Unstructured) -> Result<()>) {
    let rounds: u64 = std::env::var("THREADBOOK_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64*
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let mut bytes = Vec::new();
    for round in 0..rounds {
        let length = (next() % 512) as usize;
        bytes.clear();
        bytes.extend((0..length.div_ceil(8)).flat_map(|_| next().to_le_bytes()));
        let run = std::panic::AssertUnwindSafe(|| {
            let _ = case(&mut Unstructured::new(&bytes));
        });
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("the bytes of case {round}: {bytes:?}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// Possible input of a peer: messages and commands, some of them garbled, some with wrong lengths, some
/// random bytes.
fn traffic(random: &mut Unstructured) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for _ in 0..random.int_in_range(0..=4)? {
        match random.int_in_range(0..=5)? {
            0 => bytes.extend_from_slice(random.arbitrary::<&[u8]>()?),
            1 => {
                bytes.extend_from_slice(&[random.int_in_range(0..=7)?]);
                bytes.extend_from_slice(&random.arbitrary::<u64>()?.to_be_bytes());
            }
            2 => bytes.extend_from_slice(&ready(SocketType::Dealer, random.arbitrary()?)),
            3 => bytes.extend_from_slice(&encode_command("PING", random.arbitrary()?)),
            4 => bytes.extend_from_slice(&encode_message(&vec![[0; 300]; random.int_in_range(1..=3)?])),
            _ => bytes.extend_from_slice(&encode_message(&random.arbitrary::<[&[u8]; 3]>()?)),
        }
    }
    garble(random, &mut bytes)?;
    Ok(bytes)
}

fn garble(random: &mut Unstructured, bytes: &mut Vec<u8>) -> Result<()> {
    for _ in 0..random.int_in_range(0..=3)? {
        let place = random.int_in_range(0..=bytes.len())?;
        match random.int_in_range(0..=2)? {
            0 if place < bytes.len() => bytes[place] = random.arbitrary()?,
            1 if place < bytes.len() => drop(bytes.remove(place)),
            _ => bytes.insert(place, random.arbitrary()?),
        }
    }
    Ok(())
}

#[test]
fn a_decoder_takes_no_more_memory_than_has_arrived() {
    let mut decoded = 0_u64;
    fuzz(|random| {
        let step = random.int_in_range(1..=600)?;
        let limits =
            *random.choose(&[Limits::HANDSHAKE, Limits::SMALL, Limits::STRANGER, Limits::TRUSTED])?;
        let bytes = traffic(random)?;
        let peak = peak_of(|| {
            let (mut decoder, mut buffer) = (Decoder::new(limits), BytesMut::new());
            for piece in bytes.chunks(step) {
                buffer.extend_from_slice(piece);
                loop {
                    match decoder.decode(&mut buffer) {
                        Ok(Some(Incoming::Message(frames))) => {
                            decoded += 1;
                            assert!(frames.len() <= limits.frames);
                            assert!(frames.iter().map(Bytes::len).sum::<usize>() <= limits.bytes);
                        }
                        Ok(Some(Incoming::Command(name, data))) => {
                            decoded += 1;
                            assert!(!name.is_empty() && data.len() < 4096);
                        }
                        Ok(None) => break,
                        Err(_) => return,
                    }
                }
            }
        });
        // A buffer at most doubles, and a frame of two bytes is a value of thirty-two.
        let bound = 1024 + 64 * bytes.len();
        assert!(peak <= bound, "{peak} bytes of memory for {} bytes: {bytes:?}", bytes.len());
        Ok(())
    });
    assert!(decoded > 0, "no case got as far as a message");
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    for flags in 0..=255_u8 {
        for length in (0..64).map(|bit| 1_u64 << bit).chain([u64::MAX]) {
            let head = [&[flags][..], &length.to_be_bytes(), b"some bytes"].concat();
            let peak = peak_of(|| {
                let mut buffer = BytesMut::from(&head[..]);
                let mut decoder = Decoder::new(Limits::TRUSTED);
                while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
            });
            assert!(peak < 1024, "{peak} bytes for flags {flags} and length {length}");
        }
    }
}

#[test]
fn a_handshake_takes_no_more_memory_than_has_arrived() {
    let mut accepted = 0_u64;
    fuzz(|random| {
        let mut bytes = greeting().to_vec();
        bytes.extend_from_slice(&ready(SocketType::Dealer, random.arbitrary()?));
        garble(random, &mut bytes)?;
        let peak = peak_of(|| {
            let mut buffer = BytesMut::from(&bytes[..]);
            if buffer.len() < 64 || check_greeting(&buffer[..64]).is_err() {
                return;
            }
            buffer.advance(64);
            if let Ok(Some(first)) = Decoder::new(Limits::HANDSHAKE).decode(&mut buffer)
                && let Ok(identity) = check_ready(SocketType::Router, &first)
            {
                accepted += 1;
                assert!(identity.len() <= 255 && identity.first() != Some(&0));
            }
        });
        assert!(peak <= 1024 + 4 * bytes.len(), "{peak} bytes of memory for {} bytes", bytes.len());
        Ok(())
    });
    assert!(accepted > 0, "no case got as far as an identity");
}

#[test]
fn frames_that_are_no_message_are_refused() {
    let key = Key::new("k");
    let header = br#"{"msg_id":"1","msg_type":"execute_request","username":"u","session":"s","date":"2026-01-01T00:00:00Z","version":"5.3"}"#;
    let content =
        br#"{"code":"1","silent":false,"store_history":true,"user_expressions":{},"allow_stdin":true}"#;
    let mut decoded = 0_u64;
    fuzz(|random| {
        let mut json = [header.to_vec(), b"{}".to_vec(), b"{}".to_vec(), content.to_vec()];
        let part = random.int_in_range(0..=3)?;
        garble(random, &mut json[part])?;
        let mut frames = vec![b"id".to_vec(), b"<IDS|MSG>".to_vec()];
        frames.push(key.sign(json.each_ref().map(|part| &part[..])).into_bytes());
        frames.extend(json);
        if random.ratio(1, 4)? {
            let frame = random.int_in_range(0..=frames.len() - 1)?;
            garble(random, &mut frames[frame])?;
            frames.truncate(random.int_in_range(1..=frames.len())?);
        }
        let frames: Vec<Bytes> = frames.into_iter().map(Bytes::from).collect();
        decoded += u64::from(message::decode(&frames, &key).is_ok());
        Ok(())
    });
    assert!(decoded > 0, "no case got as far as a message");
}
