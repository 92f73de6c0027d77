//! How fast recorded conversations are parsed, on one core: `cargo run --release -p
//! tapline-receiver --example parse_speed -- PROTOCOL=FILE...`
//!
//! Files are in the text form of `receiver/protocols/tests`. Each conversation is played from its
//! beginning, again and again, with its chunks as they were recorded. The time is that of the
//! processor, so that neighbours count for little.
#![expect(
    clippy::print_stdout,
    reason = "a program that measures speaks to a person"
)]

use std::{env, fs, hint::black_box, path::Path};

use tapline_protocols::{
    conversation::{Chunk, Limits, Since, Toward},
    parser::{Asked, Sink, Told},
    recognition::{Beginning, PROTOCOLS, Protocol},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Odd, so that a median is one of them.
const ROUNDS: usize = 5;
const ROUND_NS: u64 = 100_000_000;
/// Conversations between two looks at the clock.
const PLAYS_PER_LOOK: u64 = 100;

#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn request(&mut self, _: u32, asked: Asked<'_>) {
        black_box(asked);
    }

    fn exchange(&mut self, _: u32, told: Told) {
        black_box(&told);
        self.0 += 1;
    }
}

fn main() {
    for arg in env::args().skip(1) {
        let (name, file) = arg.split_once('=').expect("PROTOCOL=FILE");
        let protocol = PROTOCOLS.iter().find(|protocol| protocol.name == name);
        let protocol = protocol.expect("a known protocol");
        let text = fs::read_to_string(file).expect("a conversation");
        let chunks: Vec<(Toward, Vec<u8>)> = text.lines().map(chunk).collect();
        let mut rounds: Vec<(u64, u64)> = (0..ROUNDS).map(|_| round(protocol, &chunks)).collect();
        rounds.sort_by_key(|(exchanges, ns)| 1_000_000_000 * exchanges / ns);
        let (exchanges, ns) = rounds[ROUNDS / 2];
        println!(
            "{}: {name}, {} exchanges/s, {} ns each",
            Path::new(file).file_stem().unwrap_or_default().display(),
            1_000_000_000 * exchanges / ns,
            ns / exchanges.max(1),
        );
    }
}

/// Plays for a while; returns how many exchanges there were in how many nanoseconds.
fn round(protocol: &Protocol, chunks: &[(Toward, Vec<u8>)]) -> (u64, u64) {
    let (mut seen, begun_ns) = (Count::default(), cpu_ns());
    loop {
        for _ in 0..PLAYS_PER_LOOK {
            play(protocol, chunks, &mut seen);
        }
        let ns = cpu_ns() - begun_ns;
        if ns > ROUND_NS {
            assert!(seen.0 > 0, "the conversation has no exchange");
            return (seen.0, ns);
        }
    }
}

fn play(protocol: &Protocol, chunks: &[(Toward, Vec<u8>)], seen: &mut Count) {
    let beginning = Beginning {
        bytes: &chunks[0].1,
        len: chunks[0].1.len(),
        toward: Some(chunks[0].0),
        since: Since::Begin,
        port: 0,
    };
    let mut parser = (protocol.parser)(&beginning, Limits::default());
    for (at_ns, (toward, bytes)) in (0u64..).zip(chunks) {
        let chunk = Chunk {
            toward: *toward,
            at_ns,
            bytes,
            len: bytes.len(),
            tail: &[],
            thread: 1,
        };
        parser.feed(chunk, seen);
    }
}

/// Processor time of this thread so far.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("procfs");
    let first = text.split(' ').next().expect("three numbers");
    first.parse().expect("a number")
}

fn chunk(line: &str) -> (Toward, Vec<u8>) {
    let (mark, text) = line.split_once(' ').expect("a mark and a text");
    let toward = if mark == ">" {
        Toward::Server
    } else {
        Toward::Client
    };
    let (mut bytes, mut chars) = (Vec::new(), text.chars());
    while let Some(char) = chars.next() {
        if char != '\\' {
            bytes.extend(char.to_string().bytes());
            continue;
        }
        bytes.push(match chars.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).expect("two digits")
            }
            Some(other) => u8::try_from(other).expect("an escaped letter"),
            None => panic!("an escape without a letter"),
        });
    }
    (toward, bytes)
}
