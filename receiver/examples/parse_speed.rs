//! How fast recorded conversations are parsed, on one core: `cargo run --release -p
//! tapline-receiver --example parse_speed -- PROTOCOL FILE...`
//!
//! Files are in the text form of `receiver/protocols/tests`. Each conversation is played from its
//! beginning, again and again, with its chunks as they were recorded.
#![expect(
    clippy::print_stdout,
    reason = "a program that measures speaks to a person"
)]

use std::{env, fs, hint::black_box, time::Instant};

use tapline_protocols::{
    conversation::{Chunk, Limits, Since, Toward},
    parser::{Asked, Sink, Told},
    recognition::{Beginning, PROTOCOLS},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: u32 = 5;
const EXCHANGES: u64 = 2_000_000;

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
    let mut args = env::args().skip(1);
    let name = args.next().expect("a protocol");
    let protocol = PROTOCOLS.iter().find(|protocol| protocol.name == name);
    let protocol = protocol.expect("a known protocol");
    for file in args {
        let text = fs::read_to_string(&file).expect("a conversation");
        let chunks: Vec<(Toward, Vec<u8>)> = text.lines().map(chunk).collect();
        let bytes: usize = chunks.iter().map(|(_, bytes)| bytes.len()).sum();
        let play = |seen: &mut Count| {
            let beginning = Beginning {
                bytes: &chunks[0].1,
                len: chunks[0].1.len(),
                toward: Some(chunks[0].0),
                since: Since::Begin,
                port: 0,
            };
            let mut parser = (protocol.parser)(&beginning, Limits::default());
            for (at_ns, (toward, bytes)) in (0u64..).zip(&chunks) {
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
        };
        let mut best = f64::INFINITY;
        let mut each = 0;
        for _ in 0..ROUNDS {
            let (mut seen, mut plays) = (Count::default(), 0u64);
            let begun = Instant::now();
            while seen.0 < EXCHANGES {
                play(&mut seen);
                plays += 1;
            }
            each = seen.0 / plays;
            #[expect(clippy::cast_precision_loss, reason = "a few millions")]
            let seconds = begun.elapsed().as_secs_f64() / seen.0 as f64;
            best = best.min(seconds);
        }
        println!(
            "{file}: {each} exchanges in {bytes} bytes, {:.0} ns each, {:.2} million/s",
            best * 1e9,
            1e-6 / best,
        );
    }
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
