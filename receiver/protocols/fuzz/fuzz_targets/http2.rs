//! What two ends of an HTTP/2 connection say, or anything else.
//!
//! The input is a list of acts: a byte that says what happens, a length, and as many bytes.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use tapline_protocols::{
    conversation::{Chunk, Limits, Since, Toward, Unanswered},
    http2::Http2,
    parser::{Asked, Parser, Sink, Told},
    recognition::{Beginning, Recognizer},
};

#[derive(Default)]
struct Promises {
    open: HashSet<u32>,
    told: usize,
}

impl Sink for Promises {
    fn request(&mut self, id: u32, _: Asked<'_>) {
        assert!(self.open.insert(id), "{id} announced twice");
    }

    fn exchange(&mut self, id: u32, _: Told) {
        assert!(self.open.remove(&id), "{id} told and not open");
        self.told += 1;
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((first, mut rest)) = input.split_first() else {
        return;
    };
    let limits = Limits {
        head_bytes: 2048,
        open_requests: 4,
        ..Limits::default()
    };
    let since = if first & 1 == 0 { Since::Begin } else { Since::Later };
    let beginning = Beginning { bytes: rest, len: rest.len(), toward: None, since, port: 0 };
    let _ = Recognizer::default().look(&beginning, true);
    let mut parser = Http2::new(&Beginning { bytes: &[], ..beginning }, limits);
    let mut seen = Promises::default();
    let mut at_ns = 0;
    while let [act, len, after @ ..] = rest {
        at_ns += 1_000_000_000;
        let toward = if act & 1 == 0 { Toward::Server } else { Toward::Client };
        let (bytes, next) = after.split_at(usize::from(*len).min(after.len()));
        rest = next;
        match act >> 4 {
            0 => parser.gap(toward, at_ns, Some(u64::from(*len)), &mut seen),
            1 => parser.gap(toward, at_ns, None, &mut seen),
            2 => parser.expire(at_ns, &mut seen),
            3 => parser.close(at_ns, Unanswered::Reset, &mut seen),
            more => {
                let missing = if more == 4 { usize::from(act & 15) } else { 0 };
                let len = bytes.len() + missing;
                let chunk = Chunk { toward, at_ns, bytes, len, tail: &[], thread: 0 };
                parser.feed(chunk, &mut seen);
            }
        }
        assert_eq!(parser.open_requests(), seen.open.len());
        assert!(parser.buffered_bytes() <= Http2::buffered_bytes_max(&limits));
    }
    parser.close(at_ns, Unanswered::Closed, &mut seen);
    assert!(seen.open.is_empty());
});
