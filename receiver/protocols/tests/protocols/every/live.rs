//! A connection as the receiver reads it: a protocol is looked for, its parser gets all from the
//! beginning that showed it, and one that was mistaken is let go.

use tapline_protocols::{
    conversation::{Limits, Since, Toward},
    parser::Parser,
    recognition::{Beginning, Look, PROTOCOLS, Recognizer},
};

use crate::script::{Act, Seen, play};

/// Chunks of one end that are held until they show a protocol.
const HELD_MAX: usize = 32;

/// Reads a connection.
#[derive(Default)]
struct Live {
    recognizer: Recognizer,
    held: Vec<(u64, Act)>,
    parser: Option<(usize, Box<dyn Parser>)>,
    since: [Option<Since>; 2],
    seen: Seen,
    /// Exchanges of parsers that were let go.
    before: Seen,
    taken_for: Vec<&'static str>,
}

/// Plays a conversation, each act at its time. Returns what was told, and the protocols that it was
/// taken for.
pub(super) fn read(acts: &[(u64, Act)], since: Since) -> (Seen, Vec<&'static str>) {
    let mut live = Live {
        since: [Some(since); 2],
        ..Live::default()
    };
    let mut silent_ns = 0;
    for (at_ns, act) in acts {
        let mut now_ns = at_ns + silent_ns;
        live.act(&mut now_ns, act);
        silent_ns = now_ns - at_ns;
    }
    let mut seen = live.before;
    seen.held_max = seen.held_max.max(live.seen.held_max);
    let after = u32::try_from(seen.announced.len()).expect("few");
    seen.announced
        .extend(live.seen.announced.iter().map(|id| after + id));
    seen.told.extend(
        live.seen
            .told
            .into_iter()
            .map(|(id, told)| (after + id, told)),
    );
    (seen, live.taken_for)
}

impl Live {
    fn act(&mut self, now_ns: &mut u64, act: &Act) {
        if self.parser.is_some() {
            self.feed(now_ns, act);
            return;
        }
        match act {
            Act::Chunk { toward, .. } => {
                self.held.push((*now_ns, act.clone()));
                self.look(*toward);
            }
            Act::Gap(toward, _) => {
                self.since[usize::from(*toward == Toward::Server)] = None;
                let gone =
                    |held: &Act| matches!(held, Act::Chunk { toward: it, .. } if it == toward);
                self.held.retain(|(_, held)| !gone(held));
            }
            Act::Close => {}
            Act::Expire => *now_ns += 120_000_000_000,
        }
    }

    fn feed(&mut self, now_ns: &mut u64, act: &Act) {
        let Some((number, parser)) = &mut self.parser else {
            return;
        };
        play(parser.as_mut(), act, now_ns, &mut self.seen);
        self.seen.held_max = self.seen.held_max.max(parser.buffered_bytes());
        let open = self.seen.announced.len() - self.seen.told.len();
        assert_eq!(parser.open_requests(), open, "open requests after {act:?}");
        if parser.is_mistaken() {
            assert_eq!(open, 0, "let go and not ended");
            self.recognizer.refute(*number);
            self.parser = None;
            self.before = std::mem::take(&mut self.seen);
        }
    }

    fn look(&mut self, toward: Toward) {
        let of = |(_, act): &(u64, Act)| match act {
            Act::Chunk {
                toward: it,
                bytes,
                missing,
            } if *it == toward => Some((bytes.clone(), *missing)),
            _ => None,
        };
        let mut run: Vec<_> = self.held.iter().rev().map_while(of).collect();
        run.reverse();
        let bytes = run
            .iter()
            .flat_map(|(bytes, _)| bytes.clone())
            .collect::<Vec<_>>();
        let missing: usize = run.iter().map(|(_, missing)| missing).sum();
        let side = usize::from(toward == Toward::Server);
        let since = self.since[side].unwrap_or(Since::Later);
        let beginning = Beginning {
            bytes: &bytes,
            len: bytes.len() + missing,
            toward: Some(toward),
            since,
            port: 0,
        };
        match self.recognizer.look(&beginning, toward == Toward::Server) {
            Look::Found(number, _) => self.settle(number),
            Look::Undecided if self.held.len() < HELD_MAX => {}
            _ => {
                self.since = [None; 2];
                self.recognizer.start_over();
                self.held.clear();
            }
        }
    }

    fn settle(&mut self, number: usize) {
        let held = std::mem::take(&mut self.held);
        let Some((
            _,
            Act::Chunk {
                toward,
                bytes,
                missing,
            },
        )) = held.first()
        else {
            return;
        };
        let beginning = Beginning {
            bytes,
            len: bytes.len() + missing,
            toward: Some(*toward),
            since: self.since[usize::from(*toward == Toward::Server)].unwrap_or(Since::Later),
            port: 0,
        };
        let parser = (PROTOCOLS[number].parser)(&beginning, Limits::default());
        self.parser = Some((number, parser));
        self.taken_for.push(PROTOCOLS[number].name);
        for (mut at_ns, act) in held {
            self.feed(&mut at_ns, &act);
        }
    }
}
