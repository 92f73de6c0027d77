//! One connection: which end of it we see, how far its two streams have come, and its parser.

use tapline_ebpf::{
    Knows,
    abi::{
        DATA_ANEW, DIRECTION_SENT, EventClose, EventData, EventExchange, EventSum, Mode, Tuple,
        Verdict,
    },
    tls::abi::{DATA_TLS, DATA_TLS_FROM_START},
};
use tapline_protocols::conversation::{Limits, Since, Toward, Unanswered};

use super::{
    Happening, IDLE_NS, Place, SILENT_IDLE_NS, Streamed,
    judge::Judge,
    preamble,
    reader::{Collect, Moved, Reader, Standing, thread},
    stream::{Happened, Stream},
};
use crate::ebpf::{
    emit::{Side, service_port},
    weight::Weight,
};

/// Without a sign of its protocol for this long, a connection is called unknown.
const DECIDED_AFTER_NS: u64 = 5_000_000_000;

/// A followed connection.
pub(super) struct Connection {
    reader: Reader,
    limits: Limits,
    /// The handshake was seen: that of the connection, or, once its plaintext is read, that of TLS.
    is_new: bool,
    /// Its bytes are the plaintext of TLS, and those on the wire are left out.
    is_tls: bool,
    /// Which end the process is, once that is certain.
    pub(super) side: Option<Side>,
    /// Which end it probably is.
    pub(super) hint: Option<Side>,
    pub(super) tuple: Option<Tuple>,
    pub(super) last_ns: u64,
    /// The process that moved the last bytes.
    pub(super) owner: u32,
    /// What it held when that was last counted.
    pub(super) held_bytes: usize,
    judge: Judge,
    stream: Stream,
    /// For how many the exchange stands that goes on.
    weight: Weight,
    /// Where each stream goes on, sent and received, once it was seen.
    next: [Option<u64>; 2],
    /// That bytes are missing there is known to the parser already.
    is_excused: [bool; 2],
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
            reader: Reader::new(limits),
            limits,
            is_new: false,
            is_tls: false,
            side: None,
            hint: None,
            tuple: None,
            last_ns: 0,
            owner: 0,
            held_bytes: 0,
            judge: Judge::default(),
            stream: Stream::default(),
            weight: Weight::ONE,
            next: [None; 2],
            is_excused: [false; 2],
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
        if !self.is_of_interest(event.flags) {
            return Missing::default();
        }
        let sent = event.direction == DIRECTION_SENT;
        self.owner = event.tgid;
        self.weight = Weight::of_shed(event.shed_share);
        let mut out = Collect(happenings, event.header.at_ns, self.weight);
        let next = &mut self.next[usize::from(event.direction & 1)];
        let end = event.offset + u64::from(event.len);
        if next.is_some_and(|next| end <= next) {
            // Two threads wrote at once and the later record came first.
            return Missing { bytes: 0, late: 1 };
        }
        let missing = next.map_or(0, |next| event.offset.saturating_sub(next));
        *next = Some(end);
        // While nobody reads, the kernel half leaves out what it does not know: that is no loss.
        let lost = if self.reader.is_settled() { missing } else { 0 };
        let way = usize::from(event.direction & 1);
        let is_excused = std::mem::take(&mut self.is_excused[way]);
        if missing > 0 && !is_excused {
            // Whoever reads knows the side; for whoever looks it makes no difference.
            let sent_toward = toward(true, self.side.unwrap_or(Side::Client));
            let gap = (event.header.at_ns, Some(missing));
            self.reader.gap(sent, sent_toward, gap, &mut out);
        }
        self.start_anew(event, &mut out);
        let moved = self.moved(event, bytes);
        let sent_toward = self.side.map(|side| toward(true, side));
        let side = self.side.or(self.hint);
        let port = side.map_or(0, |side| service_port(side, self.tuple.as_ref()));
        let found = self.reader.feed(moved, sent_toward, port, &mut out);
        self.side = self.side.or(found.map(|toward| match toward {
            Toward::Server => Side::Client,
            Toward::Client => Side::Server,
        }));
        Missing {
            bytes: lost,
            late: 0,
        }
    }

    /// Describes the bytes of one socket call, without what a load balancer put before them.
    fn moved<'b>(&self, event: &'b EventData, bytes: &'b [u8]) -> Moved<'b> {
        let skipped = if event.offset == 0 {
            preamble::len(bytes)
        } else {
            0
        };
        let tail = usize::from(event.tail_len).min(event.tail.len());
        Moved {
            sent: event.direction == DIRECTION_SENT,
            since: if event.offset == 0 && self.is_new {
                Since::Begin
            } else {
                Since::Later
            },
            at_ns: event.header.at_ns,
            bytes: &bytes[skipped..],
            len: event.len as usize - skipped,
            tail: &event.tail[..tail],
            thread: thread(event),
        }
    }

    /// The answers to what was lost are lost too: none of them belongs to the request that begins.
    fn start_anew(&mut self, event: &EventData, out: &mut Collect<'_>) {
        if event.flags & DATA_ANEW == 0 || !self.reader.is_settled() {
            return;
        }
        let sent = event.direction == DIRECTION_SENT;
        let sent_toward = toward(true, self.side.unwrap_or(Side::Client));
        self.reader
            .gap(!sent, sent_toward, (event.header.at_ns, None), out);
        self.is_excused[usize::from(sent)] = true;
    }

    /// Takes what the kernel half counted of bytes that it did not show.
    pub(super) fn count(&mut self, event: &EventExchange, out: &mut Vec<Happened>) {
        if event.tgid != 0 {
            self.owner = event.tgid;
        }
        if self.is_tls {
            return; // all of it is told in plaintext
        }
        match self.reader.standing() {
            Standing::Read(_) | Standing::Closely(_) => {}
            Standing::Unknown | Standing::Hidden => {
                self.pass(event.sent, event.received);
                self.stream.tell(event, self.reader.session(), out);
            }
            Standing::Open => {
                self.pass(event.sent, event.received);
                if !self.stream.hold(*event) {
                    self.give_up(out);
                }
            }
        }
    }

    /// Takes what the kernel half summed: it was told that nobody reads here.
    pub(super) fn count_sum(&mut self, sum: &EventSum, out: &mut Vec<Happened>) {
        self.owner = sum.tgid;
        if self.is_tls || self.reader.is_settled() {
            return;
        }
        self.pass(sum.sent, sum.received);
        if self.reader.standing() == Standing::Open {
            self.give_up(out); // decided before this connection was forgotten
        }
        self.stream.tell_sum(*sum, out);
    }

    /// Returns what the kernel half has to be told, which took the connection for `mode`, and its
    /// exchanges for such that stand alone, or not. What was held until the decision is told or
    /// forgotten.
    pub(super) fn judge(
        &mut self,
        mode: (u8, bool),
        at_ns: u64,
        out: &mut Vec<Happened>,
    ) -> Option<(Verdict, Knows)> {
        if self.is_tls {
            return None; // what is on the wire may be counted, nobody hears of it
        }
        let standing = self.reader.standing();
        match standing {
            Standing::Open => return None,
            Standing::Read(_) | Standing::Closely(_) => self.stream.forget(),
            Standing::Unknown | Standing::Hidden => {
                self.stream.release(self.reader.session(), out);
            }
        }
        self.judge
            .verdict(standing, self.side.or(self.hint), mode, at_ns)
    }

    /// Nobody will know any more what is spoken here. Returns what the kernel half has to be told.
    pub(super) fn judge_late(
        &mut self,
        now_ns: u64,
        out: &mut Vec<Happened>,
    ) -> Option<(Verdict, Knows)> {
        let is_late = now_ns.saturating_sub(self.last_ns) > DECIDED_AFTER_NS;
        if !is_late || !self.stream.is_holding() {
            return None;
        }
        self.give_up(out);
        self.judge((Mode::Pending as u8, false), now_ns, out)
    }

    /// Tells the bytes of a connection that ended and that nobody read.
    pub(super) fn end(&mut self, close: &EventClose, out: &mut Vec<Happened>) {
        if self.is_tls || self.reader.is_settled() {
            return;
        }
        self.give_up(out);
        let bytes = (close.sent_bytes, close.received_bytes);
        self.stream.end(bytes, self.reader.session(), out);
    }

    /// The connection ended after so many bytes: those that nobody showed are missing, and what
    /// waits for them was not left unanswered. Returns how many.
    pub(super) fn miss_rest(&mut self, close: &EventClose, happenings: &mut Vec<Happening>) -> u64 {
        let (true, Some(side)) = (self.reader.is_settled(), self.side) else {
            return 0;
        };
        let at_ns = close.header.at_ns;
        let mut all = 0;
        // As in an event's direction: sent first.
        for (direction, total) in [close.sent_bytes, close.received_bytes]
            .into_iter()
            .enumerate()
        {
            let missing = self.next[direction].map_or(0, |next| total.saturating_sub(next));
            if missing > 0 {
                all += missing;
                let mut out = Collect(happenings, at_ns, self.weight);
                let sent_toward = toward(true, side);
                self.reader.gap(
                    direction == 0,
                    sent_toward,
                    (at_ns, Some(missing)),
                    &mut out,
                );
            }
        }
        all
    }

    /// Says where something happened.
    pub(super) fn place_all(
        &self,
        cookie: u64,
        happened: &mut Vec<Happened>,
        streamed: &mut Vec<Streamed>,
    ) {
        streamed.extend(happened.drain(..).map(|what| Streamed {
            pid: self.owner,
            at_ns: self.last_ns,
            side: self.side.or(self.hint),
            cookie,
            tuple: self.tuple,
            what,
        }));
    }

    fn give_up(&mut self, out: &mut Vec<Happened>) {
        self.reader.give_up();
        self.stream.release(self.reader.session(), out);
    }

    /// What was counted will not be shown any more: that is no gap.
    fn pass(&mut self, sent: u64, received: u64) {
        for (next, position) in self.next.iter_mut().zip([sent, received]) {
            *next = Some(next.unwrap_or(0).max(position));
        }
    }

    /// What is on the wire is of none once plaintext was read: that is another pair of streams.
    fn is_of_interest(&mut self, flags: u8) -> bool {
        let is_plaintext = flags & DATA_TLS != 0;
        if is_plaintext && !self.is_tls {
            self.is_tls = true;
            self.is_new = flags & DATA_TLS_FROM_START != 0;
            self.next = [self.is_new.then_some(0); 2];
            self.reader = Reader::new(self.limits);
            self.stream.forget();
        }
        is_plaintext || !self.is_tls
    }

    pub(super) fn close(&mut self, at_ns: u64, why: Unanswered, happenings: &mut Vec<Happening>) {
        self.reader
            .close(at_ns, why, &mut Collect(happenings, at_ns, self.weight));
    }

    pub(super) fn expire(&mut self, now_ns: u64, happenings: &mut Vec<Happening>) {
        let mut out = Collect(happenings, now_ns, self.weight);
        self.reader.expire(now_ns, &mut out);
    }

    /// Lets go of everything that was held for this connection.
    pub(super) fn start_over(&mut self, at_ns: u64, happenings: &mut Vec<Happening>) {
        self.reader
            .start_over(at_ns, &mut Collect(happenings, at_ns, self.weight));
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        self.reader.buffered_bytes()
    }

    pub(super) fn place(&self, cookie: u64) -> Option<Place> {
        self.side.map(|side| Place {
            cookie,
            side,
            tuple: self.tuple,
            is_tls: self.is_tls,
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
}

fn toward(sent: bool, side: Side) -> Toward {
    match (side, sent) {
        (Side::Client, true) | (Side::Server, false) => Toward::Server,
        (Side::Client, false) | (Side::Server, true) => Toward::Client,
    }
}
