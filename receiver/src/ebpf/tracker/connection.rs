//! One connection: which end of it we see, how far its two streams have come, and its parser.

use tapline_ebpf::abi::{DIRECTION_SENT, EventData, Tuple};
use tapline_protocols::{
    conversation::{Chunk, Toward, Unanswered},
    database::Since,
    http1::Limits,
};

use super::{
    Happening, IDLE_NS, Place, SILENT_IDLE_NS, preamble,
    reader::{Begins, Collect, Protocol, Reader, begins, begins_toward, since, thread},
};
use crate::ebpf::emit::Side;

/// Bytes held back while it cannot be told yet who is the server.
const HELD_MAX: usize = 64;

/// A followed connection.
pub(super) struct Connection {
    reader: Reader,
    limits: Limits,
    /// The bytes have shown which protocol it is.
    is_settled: bool,
    /// The handshake was seen.
    is_new: bool,
    /// Which end the process is, once that is certain.
    pub(super) side: Option<Side>,
    /// Which end it probably is.
    pub(super) hint: Option<Side>,
    pub(super) tuple: Option<Tuple>,
    pub(super) last_ns: u64,
    /// Where each stream goes on, sent and received, once it was seen.
    next: [Option<u64>; 2],
    /// The first bytes of a message too short to tell a request from a response.
    held: Vec<(EventData, Vec<u8>)>,
}

/// What was not there when bytes were fed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Missing {
    /// Bytes of the stream before them.
    pub(super) bytes: u64,
    /// 1 if they came after later ones and were left out.
    pub(super) late: u64,
}

impl Connection {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            reader: Reader::new(Protocol::Http1, Since::Later, limits),
            limits,
            is_settled: false,
            is_new: false,
            side: None,
            hint: None,
            tuple: None,
            last_ns: 0,
            next: [None; 2],
            held: Vec::new(),
        }
    }

    /// The handshake told which end this is. It was seen from its first byte on, so a stream that
    /// begins later has lost its beginning.
    pub(super) fn fix_side(&mut self, side: Side) {
        self.side = Some(side);
        self.is_new = true;
        self.next = self.next.map(|next| next.or(Some(0)));
    }

    /// Takes the bytes of one socket call; returns what is missing.
    pub(super) fn feed(
        &mut self,
        event: &EventData,
        bytes: &[u8],
        happenings: &mut Vec<Happening>,
    ) -> Missing {
        if self.side.is_none() && !self.find_side(event, bytes, happenings) {
            return Missing::default();
        }
        self.deliver(event, bytes, happenings)
    }

    pub(super) fn close(&mut self, at_ns: u64, why: Unanswered, happenings: &mut Vec<Happening>) {
        self.reader
            .close(at_ns, why, &mut Collect(happenings, at_ns));
    }

    pub(super) fn expire(&mut self, now_ns: u64, happenings: &mut Vec<Happening>) {
        if self.reader.open_requests() > 0 {
            self.reader.expire(now_ns, &mut Collect(happenings, now_ns));
        }
    }

    /// Lets go of everything that was held for this connection.
    pub(super) fn start_over(&mut self, at_ns: u64, happenings: &mut Vec<Happening>) {
        self.reader
            .close(at_ns, Unanswered::LostData, &mut Collect(happenings, at_ns));
        self.reader = Reader::new(self.reader.protocol(), Since::Later, self.limits);
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        self.reader.buffered_bytes()
    }

    pub(super) fn place(&self, cookie: u64) -> Option<Place> {
        self.side.map(|side| Place {
            cookie,
            side,
            tuple: self.tuple,
        })
    }

    /// Returns how long it may be silent before it is forgotten. A forgotten connection that goes
    /// on is found again; one with a request open is kept, if it will tell when it ends.
    pub(super) fn may_idle_ns(&self) -> u64 {
        // Sockets without TCP's states never tell that they closed.
        let is_silent_kind = self.tuple.is_none_or(|tuple| tuple.remote_port == 0);
        match (is_silent_kind, self.reader.open_requests()) {
            (true, _) => SILENT_IDLE_NS,
            (false, 0) => IDLE_NS,
            (false, _) => u64::MAX,
        }
    }

    fn deliver(
        &mut self,
        event: &EventData,
        bytes: &[u8],
        happenings: &mut Vec<Happening>,
    ) -> Missing {
        let toward = toward(event, self.side.expect("found before"));
        let mut out = Collect(happenings, event.header.at_ns);
        let next = &mut self.next[usize::from(event.direction & 1)];
        let end = event.offset + u64::from(event.len);
        let missing = next.map_or(0, |next| event.offset.saturating_sub(next));
        if next.is_some_and(|next| end <= next) {
            // Two threads wrote at once and the later record came first.
            return Missing { bytes: 0, late: 1 };
        }
        *next = Some(end);
        if missing > 0 {
            self.reader
                .gap(toward, event.header.at_ns, missing, &mut out);
        }
        let skipped = if event.offset == 0 {
            preamble::len(bytes)
        } else {
            0
        };
        if !self.is_settled {
            self.settle(toward, event, &bytes[skipped..]);
        }
        let tail = usize::from(event.tail_len).min(event.tail.len());
        let chunk = Chunk {
            toward,
            at_ns: event.header.at_ns,
            bytes: &bytes[skipped..],
            len: event.len as usize - skipped,
            tail: &event.tail[..tail],
            thread: thread(event),
        };
        self.reader.feed(chunk, &mut out);
        Missing {
            bytes: missing,
            late: 0,
        }
    }

    /// Takes the parser that the bytes ask for.
    fn settle(&mut self, toward: Toward, event: &EventData, bytes: &[u8]) {
        let handshake = if event.offset == 0 && self.is_new {
            Since::Begin
        } else {
            Since::Later
        };
        let Some(protocol) = begins_toward(toward, bytes, event.len as usize, handshake) else {
            return;
        };
        self.is_settled = true;
        if protocol != self.reader.protocol() {
            let since = since(protocol, bytes, handshake);
            self.reader = Reader::new(protocol, since, self.limits);
        }
    }

    /// Finds out which end this is from who sends the request. Returns whether it is known now.
    fn find_side(
        &mut self,
        event: &EventData,
        bytes: &[u8],
        happenings: &mut Vec<Happening>,
    ) -> bool {
        let same = self
            .held
            .first()
            .is_none_or(|(held, _)| held.direction == event.direction);
        if !same {
            self.held.clear();
        }
        let mut start: Vec<u8> = self
            .held
            .iter()
            .flat_map(|(_, bytes)| bytes)
            .copied()
            .collect();
        start.extend(&bytes[..bytes.len().min(HELD_MAX)]);
        let sent = event.direction == DIRECTION_SENT;
        self.side = match begins(&start, start.len().max(event.len as usize)) {
            Begins::Request(_) => Some(if sent { Side::Client } else { Side::Server }),
            Begins::Response(_) => Some(if sent { Side::Server } else { Side::Client }),
            Begins::Maybe if self.hint.is_some() => self.hint,
            Begins::Maybe if start.len() < HELD_MAX => {
                self.held.push((*event, bytes.to_vec()));
                None
            }
            Begins::Maybe | Begins::Nothing => {
                self.held.clear();
                None
            }
        };
        if self.side.is_some() {
            for (event, bytes) in std::mem::take(&mut self.held) {
                self.deliver(&event, &bytes, happenings);
            }
        }
        self.side.is_some()
    }
}

fn toward(event: &EventData, side: Side) -> Toward {
    match (side, event.direction == DIRECTION_SENT) {
        (Side::Client, true) | (Side::Server, false) => Toward::Server,
        (Side::Client, false) | (Side::Server, true) => Toward::Client,
    }
}
