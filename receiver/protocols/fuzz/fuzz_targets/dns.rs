//! One message of DNS, or what two ends of a TCP connection say: anything at all.
//!
//! The input is a list of acts: a byte that says what happens, a length, and as many bytes.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use tapline_protocols::{
    conversation::{Chunk, Toward, Unanswered},
    dns::{self, Moved, Pairing, Stream},
    parser::{Asked, Parser, Sink, Told},
};

const HELD_MAX: usize = 8 * 1024;

#[derive(Default)]
struct Promises(HashSet<u32>);

impl Sink for Promises {
    fn request(&mut self, id: u32, _: Asked<'_>) {
        assert!(self.0.insert(id), "{id} announced twice");
    }

    fn exchange(&mut self, id: u32, told: Told) {
        assert!(self.0.remove(&id), "{id} told and not open");
        let Told::Dns(exchange) = told else { panic!("{told:?}") };
        assert!(exchange.question.name.len() <= 255 && exchange.addresses.len() <= 32);
    }
}

fuzz_target!(|input: &[u8]| {
    let (mut stream, mut over_tcp) = (Stream::new(3_000_000_000), Promises::default());
    let (mut pairing, mut over_udp) = (Pairing::new("udp", 3_000_000_000), Promises::default());
    let (mut rest, mut at_ns) = (input, 0);
    while let [act, len, after @ ..] = rest {
        at_ns += 1_000_000_000;
        let toward = if act & 1 == 0 { Toward::Server } else { Toward::Client };
        let (bytes, next) = after.split_at(usize::from(*len).min(after.len()));
        rest = next;
        if let Some(message) = dns::read(bytes, bytes.len() + usize::from(act >> 6)) {
            pairing.message(message, Moved { at_ns, thread: 1 }, &mut over_udp);
        }
        pairing.expire(at_ns, &mut over_udp);
        assert_eq!(pairing.len(), over_udp.0.len());
        match act >> 4 {
            0 => stream.gap(toward, at_ns, Some(u64::from(*len)), &mut over_tcp),
            1 => stream.gap(toward, at_ns, None, &mut over_tcp),
            2 => stream.expire(at_ns, &mut over_tcp),
            3 => stream.close(at_ns, Unanswered::Reset, &mut over_tcp),
            more => {
                let missing = if more == 4 { usize::from(act & 15) } else { 0 };
                let len = bytes.len() + missing;
                let chunk = Chunk { toward, at_ns, bytes, len, tail: &[], thread: 0 };
                stream.feed(chunk, &mut over_tcp);
            }
        }
        assert_eq!(stream.open_requests(), over_tcp.0.len());
        assert!(stream.buffered_bytes() <= HELD_MAX);
    }
    stream.close(at_ns, Unanswered::Closed, &mut over_tcp);
    assert!(over_tcp.0.is_empty());
});
