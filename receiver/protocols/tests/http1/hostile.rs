//! Random cuts of true conversations, and bytes that nobody should send.

use std::sync::OnceLock;

use proptest::collection::vec;
use proptest::prelude::*;
use tapline_protocols::{
    http1::{Chunk, Http1, Limits, Sniff, Toward, Unanswered, sniff},
    wanted::Wanted,
};

use super::golden::check;
use super::script::{Act, Seen, scripts};

/// Pieces of which hostile streams are made: noise alone never gets past the start line.
const PIECES: [&[u8]; 24] = [
    b"GET /a HTTP/1.1\r\n",
    b"HEAD /b HTTP/1.0\n",
    b"CONNECT h:1 HTTP/1.1\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 304 No\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"\r\n",
    b"\n",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"fffffffffffffff\r\n",
    b"Expect: 100-continue\r\n",
    b" folded\r\n",
    b": \r\n",
    b"tracestate: a=\xff\xfe,\r\n",
    b"Host: x\r\n",
    b"hello",
    b"H",
    b"G",
    b"\0",
    b"\xff\xff\xff",
];

fn small() -> Limits {
    Limits {
        head_bytes: 256,
        open_requests: 3,
        response_timeout_ns: 50,
        wanted: wanted(),
    }
}

/// Everything that hostile heads have, so that keeping it is attacked too.
fn wanted() -> &'static Wanted {
    static WANTED: OnceLock<Wanted> = OnceLock::new();
    let names = || ["host", "x-a", "h", ""].map(ToOwned::to_owned).to_vec();
    WANTED.get_or_init(|| Wanted {
        request: names(),
        response: names(),
    })
}

/// What a hostile or careless peer, and a careless caller, may do next.
#[derive(Debug, Clone)]
enum Move {
    Feed {
        server: bool,
        bytes: Vec<u8>,
        missing: usize,
        tail: Vec<u8>,
        wait: u64,
    },
    Gap {
        server: bool,
        len: Option<u64>,
    },
    Expire,
    Close,
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => (0..PIECES.len()).prop_map(|index| PIECES[index].to_vec()),
        1 => vec(any::<u8>(), 0..40),
        1 => any::<u8>().prop_map(|byte| vec![byte; 300]),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let missing = prop_oneof![6 => Just(0), 2 => 0..20_usize, 1 => Just(usize::MAX / 2)];
    let feed = (
        any::<bool>(),
        bytes(),
        missing,
        vec(any::<u8>(), 0..12),
        0..20_u64,
    );
    let feed = feed.prop_map(|(server, bytes, missing, tail, wait)| Move::Feed {
        server,
        bytes,
        missing,
        tail,
        wait,
    });
    let len = prop_oneof![Just(None), (0..30_u64).prop_map(Some), Just(Some(u64::MAX))];
    let gap = (any::<bool>(), len).prop_map(|(server, len)| Move::Gap { server, len });
    vec(
        prop_oneof![20 => feed, 2 => gap, 1 => Just(Move::Expire), 1 => Just(Move::Close)],
        0..40,
    )
}

fn way(server: bool) -> Toward {
    if server {
        Toward::Server
    } else {
        Toward::Client
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keeps_its_bounds_whatever_comes(moves in moves()) {
        let limits = small();
        let mut reader = Http1::new(limits);
        let mut seen = Seen::default();
        let mut at_ns = 0;
        for step in moves {
            match step {
                Move::Feed { server, bytes, missing, tail, wait } => {
                    at_ns += wait;
                    let len = bytes.len() + missing;
                    let toward = way(server);
                    let (bytes, tail) = (bytes.as_slice(), tail.as_slice());
                    let chunk = Chunk { toward, at_ns, bytes, len, tail, thread: 0 };
                    reader.feed(chunk, &mut seen);
                }
                Move::Gap { server, len } => reader.gap(way(server), at_ns, len, &mut seen),
                Move::Expire => reader.expire(at_ns, &mut seen),
                Move::Close => reader.close(at_ns, Unanswered::Reset, &mut seen),
            }
            prop_assert!(reader.buffered_bytes() <= limits.buffered_bytes_max());
            prop_assert!(reader.open_requests() <= limits.open_requests);
        }
        reader.close(at_ns, Unanswered::Closed, &mut seen);
        prop_assert_eq!(seen.announced.len(), seen.exchanges.len());
        prop_assert_eq!(reader.buffered_bytes(), 0);
    }

    #[test]
    fn sniffs_anything_without_taking_a_no_back(bytes in bytes(), end in 0..200_usize) {
        let end = end.min(bytes.len());
        if sniff(&bytes[..end]) == Sniff::No {
            prop_assert_eq!(sniff(&bytes), Sniff::No);
        }
    }

    #[test]
    fn never_pairs_wrongly_under_random_cuts(cuts in vec((any::<u16>(), 0..4_u8), 1..12)) {
        for script in scripts() {
            let mut acts = script.acts.clone();
            let later = acts.iter_mut().skip(script.fragile);
            for (act, (kept, how)) in later.zip(cuts.iter().cycle()) {
                let Act::Chunk(piece) = act else { continue };
                let kept = usize::from(*kept) % (piece.bytes.len() + 1);
                match how {
                    0 | 1 => *piece = piece.truncate(kept, *how == 0),
                    2 if kept % 4 == 0 => *act = Act::Gap(piece.toward, None),
                    _ => {}
                }
            }
            check(&script, &acts, &format!("{acts:?}"));
        }
    }
}

#[test]
fn reads_long_lines_in_single_bytes_in_linear_time() {
    let limits = Limits::default();
    let mut reader = Http1::new(limits);
    let mut seen = Seen::default();
    let head = [
        b"GET /".to_vec(),
        vec![b'a'; 4_000_000],
        b"\r\n\r\n".to_vec(),
    ]
    .concat();
    for byte in &head {
        let bytes = std::slice::from_ref(byte);
        let chunk = Chunk {
            toward: Toward::Server,
            at_ns: 0,
            bytes,
            len: 1,
            tail: &[],
            thread: 0,
        };
        reader.feed(chunk, &mut seen);
        assert!(reader.buffered_bytes() <= limits.buffered_bytes_max());
    }
    assert_eq!(seen.announced.len(), 1);
    assert_eq!(seen.announced[0].1.target.len(), 8192);
}
