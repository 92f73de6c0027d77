//! The reader of a connection: finds out which protocol its bytes begin, then feeds its parser.
//!
//! Until the protocol is known, what may belong to it is held; then the parser gets it all. A
//! parser that was mistaken is let go, and another protocol is looked for. What nobody can read, or
//! not any more, is only watched for the handshake that hides it.

use tapline_ebpf::{DATA_GUESSED_THREAD, abi::EventData};
use tapline_protocols::{
    conversation::{Chunk, Limits, Since, Toward, Unanswered},
    parser::{Asked, Parser, Sink, Told},
    recognition::{Beginning, Look, PROTOCOLS, Recognizer},
    tls::{self, Handshake, Session},
};

use super::Happening;
use crate::ebpf::weight::Weight;

/// How tapline's exporters introduce themselves. The far end of our own exports is recognised by
/// its addresses in the kernel; this holds where they were translated on the way.
const OWN_USER_AGENT: &str = "tapline/";
/// Bytes held of a connection whose protocol is not known yet.
const HELD_MAX: usize = 1024;
/// Chunks held likewise; longer beginnings in smaller pieces are given up.
const HELD_CHUNKS_MAX: usize = 32;
/// Turns that are looked at until a protocol is called unknown.
const TURNS_MAX: u8 = 8;

/// The bytes of one socket call as they came, whichever end it is.
#[derive(Clone, Copy)]
pub(super) struct Moved<'a> {
    /// Whether this end sent them.
    pub(super) sent: bool,
    /// Whether they are the first of their direction.
    pub(super) since: Since,
    pub(super) at_ns: u64,
    pub(super) bytes: &'a [u8],
    pub(super) len: usize,
    pub(super) tail: &'a [u8],
    pub(super) thread: u64,
}

/// Reads a connection.
pub(super) struct Reader {
    state: State,
    limits: Limits,
}

enum State {
    Looking {
        recognizer: Recognizer,
        held: Vec<Held>,
        turns: Turns,
    },
    Hidden(Box<Handshake>),
    Reading {
        protocol: usize,
        parser: Box<dyn Parser>,
        recognizer: Recognizer,
    },
}

/// What a connection is by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is not known yet.
    Open,
    /// Somebody reads it.
    Read(Requests),
    /// Somebody reads it, and wants more than the beginnings of messages.
    Closely(Requests),
    /// Nobody knows the protocol; it is still looked at when there is a chance.
    Unknown,
    /// Nobody can read it.
    Hidden,
}

/// Whether requests can be understood without those before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requests {
    /// Every one by itself.
    Alone,
    /// Only all of them.
    InTurn,
}

/// How long a protocol was looked for.
#[derive(Clone, Copy, Default)]
struct Turns {
    last_sent: Option<bool>,
    count: u8,
}

/// Bytes whose protocol is not known yet.
struct Held {
    sent: bool,
    since: Since,
    at_ns: u64,
    bytes: Vec<u8>,
    len: usize,
    thread: u64,
}

/// Collects what a parser tells about bytes that moved at a time, and for how many it stands.
pub(crate) struct Collect<'h>(
    pub(crate) &'h mut Vec<Happening>,
    pub(crate) u64,
    pub(crate) Weight,
);

impl Reader {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            state: looking(Recognizer::default()),
            limits,
        }
    }

    /// Returns whether the protocol is known.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, State::Reading { .. })
    }

    /// Returns what the connection is by now.
    pub(super) fn standing(&self) -> Standing {
        match &self.state {
            State::Reading { parser, .. } => {
                let requests = if parser.stands_alone() {
                    Requests::Alone
                } else {
                    Requests::InTurn
                };
                if parser.wants_every_call() {
                    Standing::Closely(requests)
                } else {
                    Standing::Read(requests)
                }
            }
            State::Hidden(handshake) if handshake.is_over() => Standing::Hidden,
            State::Looking { turns, .. } if turns.count >= TURNS_MAX => Standing::Unknown,
            State::Looking { .. } | State::Hidden(_) => Standing::Open,
        }
    }

    /// Returns what is known of the handshake that hides the bytes.
    pub(super) fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Hidden(handshake) => handshake.session(),
            _ => None,
        }
    }

    /// Comes to an end with looking.
    pub(super) fn give_up(&mut self) {
        if let State::Looking { turns, .. } = &mut self.state {
            turns.count = TURNS_MAX;
        }
    }

    /// Takes bytes. `sent_toward` is where bytes go that this end sends, if that is known; returns
    /// it as soon as the bytes show it.
    pub(super) fn feed(
        &mut self,
        moved: Moved<'_>,
        sent_toward: Option<Toward>,
        port: u16,
        out: &mut Collect<'_>,
    ) -> Option<Toward> {
        if let (State::Reading { parser, .. }, Some(toward)) = (&mut self.state, sent_toward) {
            parser.feed(moved.chunk(toward), out);
            self.check();
            return sent_toward;
        }
        if let (State::Hidden(handshake), Some(toward)) = (&mut self.state, sent_toward) {
            handshake.feed(&moved.chunk(toward));
            return sent_toward;
        }
        let (found, toward) = self.look(moved, sent_toward, port)?;
        match found {
            Found::Protocol(number) => self.settle(number, toward, port, out),
            Found::Tls => self.hide(toward),
        }
        Some(toward)
    }

    /// Bytes are missing of what this end sent or received. `sent_toward` is known when somebody
    /// reads.
    pub(super) fn gap(
        &mut self,
        sent: bool,
        sent_toward: Toward,
        (at_ns, len): (u64, Option<u64>),
        out: &mut Collect<'_>,
    ) {
        match &mut self.state {
            State::Reading { parser, .. } => {
                parser.gap(way(sent_toward, sent), at_ns, len, out);
            }
            // What the other end began with stays what it is.
            State::Looking { held, .. } => held.retain(|held| held.sent != sent),
            State::Hidden(_) => {}
        }
    }

    pub(super) fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut Collect<'_>) {
        if let State::Reading { parser, .. } = &mut self.state {
            parser.close(at_ns, why, out);
        }
    }

    pub(super) fn expire(&mut self, now_ns: u64, out: &mut Collect<'_>) {
        if let State::Reading { parser, .. } = &mut self.state
            && parser.open_requests() > 0
        {
            parser.expire(now_ns, out);
        }
    }

    /// Lets go of everything that is held; the protocol stays what it is.
    pub(super) fn start_over(&mut self, at_ns: u64, out: &mut Collect<'_>) {
        self.close(at_ns, Unanswered::LostData, out);
        match &mut self.state {
            State::Reading {
                protocol, parser, ..
            } => {
                let nothing = Beginning {
                    bytes: &[],
                    len: 0,
                    toward: None,
                    since: Since::Later,
                    port: 0,
                };
                *parser = (PROTOCOLS[*protocol].parser)(&nothing, self.limits);
            }
            State::Looking { held, .. } => held.clear(),
            State::Hidden(_) => {}
        }
    }

    pub(super) fn open_requests(&self) -> usize {
        match &self.state {
            State::Reading { parser, .. } => parser.open_requests(),
            State::Looking { .. } | State::Hidden(_) => 0,
        }
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        match &self.state {
            State::Reading { parser, .. } => parser.buffered_bytes(),
            State::Looking { held, .. } => held.iter().map(|held| held.bytes.capacity()).sum(),
            State::Hidden(handshake) => handshake.held(),
        }
    }

    /// Looks at the beginning that the bytes belong to, and holds them. Returns the protocol and
    /// where this end's bytes go, once both are known.
    fn look(
        &mut self,
        moved: Moved<'_>,
        sent_toward: Option<Toward>,
        port: u16,
    ) -> Option<(Found, Toward)> {
        let State::Looking {
            recognizer,
            held,
            turns,
        } = &mut self.state
        else {
            return None;
        };
        turns.count(moved.sent);
        let before = held.iter().rev();
        let before = before.take_while(|held| held.sent == moved.sent).count();
        let run = &held[held.len() - before..];
        let mut start: Vec<u8> = run.iter().flat_map(|held| &held.bytes).copied().collect();
        start.extend_from_slice(moved.bytes);
        let beginning = Beginning {
            bytes: &start,
            len: run.iter().map(|held| held.len).sum::<usize>() + moved.len,
            toward: sent_toward.map(|toward| way(toward, moved.sent)),
            since: run.first().map_or(moved.since, |held| held.since),
            port,
        };
        if let Some(toward) = tls::begins(&start) {
            held.push(Held::new(moved, usize::MAX));
            return Some((Found::Tls, way(toward, moved.sent)));
        }
        let look = match recognizer.look(&beginning, moved.sent) {
            Look::Nothing if tls::may_begin(&start) => Look::Undecided,
            look => look,
        };
        let held_bytes: usize = held.iter().map(|held| held.bytes.len()).sum();
        let is_full = held_bytes >= HELD_MAX || held.len() >= HELD_CHUNKS_MAX;
        match look {
            Look::Found(number, toward) => {
                held.push(Held::new(moved, usize::MAX));
                Some((Found::Protocol(number), way(toward, moved.sent)))
            }
            Look::Undecided if !is_full => {
                held.push(Held::new(moved, HELD_MAX - held_bytes));
                None
            }
            Look::Undecided | Look::Nothing => {
                recognizer.start_over();
                held.clear();
                None
            }
        }
    }

    /// Makes the parser and feeds it what was held.
    fn settle(&mut self, number: usize, sent_toward: Toward, port: u16, out: &mut Collect<'_>) {
        let State::Looking {
            recognizer, held, ..
        } = &mut self.state
        else {
            return;
        };
        let (held, recognizer) = (std::mem::take(held), *recognizer);
        let Some(first) = held.first() else { return };
        let beginning = Beginning {
            bytes: &first.bytes,
            len: first.len,
            toward: Some(way(sent_toward, first.sent)),
            since: first.since,
            port,
        };
        let mut parser = (PROTOCOLS[number].parser)(&beginning, self.limits);
        for held in &held {
            parser.feed(held.chunk(sent_toward), out);
        }
        self.state = State::Reading {
            protocol: number,
            parser,
            recognizer,
        };
        self.check();
    }

    /// Watches the handshake that what is held begins.
    fn hide(&mut self, sent_toward: Toward) {
        let State::Looking { held, .. } = &mut self.state else {
            return;
        };
        let mut handshake = Handshake::default();
        for held in held {
            handshake.feed(&held.chunk(sent_toward));
        }
        self.state = State::Hidden(Box::new(handshake));
    }

    /// Goes back to looking when the parser says that it was mistaken, and lets it go when there
    /// is nothing for it to read any more.
    fn check(&mut self) {
        if let State::Reading {
            protocol,
            parser,
            recognizer,
        } = &mut self.state
            && parser.is_mistaken()
        {
            recognizer.refute(*protocol);
            self.state = looking(*recognizer);
        }
        if let State::Reading { parser, .. } = &self.state
            && parser.is_opaque()
            && parser.open_requests() == 0
        {
            self.state = State::Hidden(Box::default());
        }
    }
}

/// What a look found.
#[derive(Clone, Copy)]
enum Found {
    Protocol(usize),
    Tls,
}

impl Turns {
    fn count(&mut self, sent: bool) {
        if self.last_sent != Some(sent) {
            self.last_sent = Some(sent);
            self.count = self.count.saturating_add(1);
        }
    }
}

impl Moved<'_> {
    fn chunk(&self, sent_toward: Toward) -> Chunk<'_> {
        Chunk {
            toward: way(sent_toward, self.sent),
            at_ns: self.at_ns,
            bytes: self.bytes,
            len: self.len,
            tail: self.tail,
            thread: self.thread,
        }
    }
}

impl Held {
    fn new(moved: Moved<'_>, room: usize) -> Self {
        Self {
            sent: moved.sent,
            since: moved.since,
            at_ns: moved.at_ns,
            bytes: moved.bytes[..moved.bytes.len().min(room)].to_vec(),
            len: moved.len,
            thread: moved.thread,
        }
    }

    fn chunk(&self, sent_toward: Toward) -> Chunk<'_> {
        Chunk {
            toward: way(sent_toward, self.sent),
            at_ns: self.at_ns,
            bytes: &self.bytes,
            len: self.len,
            tail: &[],
            thread: self.thread,
        }
    }
}

fn looking(recognizer: Recognizer) -> State {
    State::Looking {
        recognizer,
        held: Vec::new(),
        turns: Turns::default(),
    }
}

/// Where bytes go that this end sent or received; and back again.
fn way(sent_toward: Toward, sent: bool) -> Toward {
    match (sent_toward, sent) {
        (toward, true) => toward,
        (Toward::Server, false) => Toward::Client,
        (Toward::Client, false) => Toward::Server,
    }
}

/// Names the thread that moved the bytes of an event; of a guess only the process is kept, because
/// a wrong parent is worse than none.
pub(super) fn thread(event: &EventData) -> u64 {
    let tid = if event.flags & DATA_GUESSED_THREAD == 0 {
        event.tid
    } else {
        0
    };
    u64::from(event.tgid) << 32 | u64::from(tid)
}

impl Sink for Collect<'_> {
    fn request(&mut self, id: u32, asked: Asked<'_>) {
        self.0.push(Happening::Request {
            id,
            thread: asked.thread,
            at_ns: self.1,
            weight: self.2,
            trace: asked.trace,
            is_lasting: asked.is_lasting,
            is_export: asked
                .user_agent
                .is_some_and(|agent| agent.starts_with(OWN_USER_AGENT)),
        });
    }

    fn exchange(&mut self, id: u32, told: Told) {
        self.0.push(Happening::Exchange { id, told });
    }
}
