//! Connections: which socket is which end of what, and where its streams stand.
//!
//! Puts socket events in order, notes what is missing, and feeds the parser of each connection.
//! Everything is bounded; the oldest connections go first. This module must not know traces,
//! processes or OTLP.

mod connection;
mod judge;
mod preamble;
mod reader;
mod stream;

use rustc_hash::{FxHashMap, FxHashSet};
use tapline_ebpf::{
    ExistingSocket, Knows,
    abi::{
        AF_UNIX, CLOSE_BY_PEER, CLOSE_OF_PEER, DATA_ALONE, EventClose, EventData, EventExchange,
        EventOpen, EventSum, Mode, ROLE_CLIENT, ROLE_SERVER, Tuple, VERDICT_LOOK, VERDICT_SUM,
        Verdict,
    },
};
use tapline_protocols::{
    conversation::{Limits, Unanswered},
    parser::Told,
    propagation::TraceContext,
};

use self::connection::Connection;
pub(crate) use self::reader::Collect;
pub(crate) use self::stream::Happened;
use super::{emit::Side, weight::Weight};

/// The most connections followed at once.
const CONNECTIONS_MAX: usize = 65_536;
/// A socket that never says it closed (AF_UNIX) is forgotten after this long without bytes.
const SILENT_IDLE_NS: u64 = 600_000_000_000;
/// Any other, because its last record may have been lost.
const IDLE_NS: u64 = 6 * SILENT_IDLE_NS;

const ECONNRESET: u32 = 104;
const EPIPE: u32 = 32;
const ETIMEDOUT: u32 = 110;

/// Something a connection's bytes told.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A request's head is complete.
    Request {
        /// Its number on the connection.
        id: u32,
        /// The process that read or wrote it, and its thread.
        thread: u64,
        /// When its head was complete, monotonic nanoseconds.
        at_ns: u64,
        /// For how many requests it stands.
        weight: Weight,
        /// What its headers say of the trace that it continues.
        trace: Option<TraceContext>,
        /// Whether it was made by an exporter of tapline.
        is_export: bool,
        /// Whether it may last while its thread does other things.
        is_lasting: bool,
    },
    /// A request is answered, or will not be.
    Exchange {
        /// The number its request had.
        id: u32,
        /// All of it.
        told: Told,
    },
}

/// Where something happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The connection.
    pub(crate) cookie: u64,
    /// Which end of it the process is.
    pub(crate) side: Side,
    /// Both ends, if known.
    pub(crate) tuple: Option<Tuple>,
    /// Whether its bytes are the plaintext of TLS.
    pub(crate) is_tls: bool,
}

/// What happened on a connection that nobody reads, and where.
#[derive(Debug)]
pub(crate) struct Streamed {
    /// The process.
    pub(crate) pid: u32,
    /// When it was told, monotonic nanoseconds.
    pub(crate) at_ns: u64,
    /// Which end of the connection it is, if that is known.
    pub(crate) side: Option<Side>,
    /// The connection.
    pub(crate) cookie: u64,
    /// Both ends, if known.
    pub(crate) tuple: Option<Tuple>,
    /// What happened.
    pub(crate) what: Happened,
}

/// What the kernel half has to be told of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judgement {
    /// The connection.
    pub(crate) cookie: u64,
    /// What is to be done with its bytes.
    pub(crate) verdict: Verdict,
    /// What was said before.
    pub(crate) knows: Knows,
}

/// What the tracker has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Bytes that streams went on without: the ring lost their records.
    pub(crate) gaps: u64,
    /// Connections forgotten because there were too many.
    pub(crate) evicted: u64,
    /// Records that came after later bytes of their stream, and were left out.
    pub(crate) late: u64,
    /// Connections that had to let go of what they held, because all together held too much.
    pub(crate) started_over: u64,
}

/// All connections.
pub(crate) struct Tracker {
    connections: FxHashMap<u64, Connection>,
    /// Listening sockets from before the tap: (network namespace, port).
    listeners: FxHashSet<(u32, u16)>,
    /// Nobody asks for single exchanges of protocols that nobody knows.
    pub(crate) sums: bool,
    /// What a new connection may cost.
    pub(crate) limits: Limits,
    buffered_bytes: usize,
    buffered_bytes_max: usize,
    evicted: Vec<(Place, Vec<Happening>)>,
    streamed: Vec<Streamed>,
    judgements: Vec<Judgement>,
    happened: Vec<Happened>,
    /// What was counted so far.
    pub(crate) counts: Counts,
}

impl Tracker {
    /// Makes a tracker that knows which sockets existed before. All connections together hold no
    /// more than `buffered_bytes_max` of unfinished messages.
    pub(crate) fn new(
        limits: Limits,
        existing: &[ExistingSocket],
        buffered_bytes_max: usize,
    ) -> Self {
        let listening = existing.iter().filter(|socket| socket.listening);
        Self {
            connections: FxHashMap::default(),
            listeners: listening
                .map(|socket| (socket.tuple.netns, socket.tuple.local_port))
                .collect(),
            sums: false,
            limits,
            buffered_bytes: 0,
            buffered_bytes_max,
            evicted: Vec::new(),
            streamed: Vec::new(),
            judgements: Vec::new(),
            happened: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// A socket is about to show its bytes.
    pub(crate) fn on_open(&mut self, open: &EventOpen) {
        let listening = (open.tuple.netns, open.tuple.local_port);
        let connection = self.connection(open.cookie, open.header.at_ns);
        connection.tuple = Some(open.tuple);
        connection.owner = open.tgid;
        match open.role {
            ROLE_CLIENT => connection.fix_side(Side::Client),
            ROLE_SERVER => connection.fix_side(Side::Server),
            _ => {
                // A port that nobody listened on proves nothing: the listener may be of a kind that
                // was not listed.
                let listens = open.tuple.family != AF_UNIX && self.listeners.contains(&listening);
                if let (true, Some(connection)) = (listens, self.connections.get_mut(&open.cookie))
                {
                    connection.hint = Some(Side::Server);
                }
            }
        }
    }

    /// Bytes moved. Returns where, when they told something.
    pub(crate) fn on_data(
        &mut self,
        event: &EventData,
        bytes: &[u8],
        happenings: &mut Vec<Happening>,
    ) -> Option<Place> {
        let mut happened = std::mem::take(&mut self.happened);
        let connection = self.connection(event.cookie, event.header.at_ns);
        let before = connection.held_bytes;
        let missing = connection.feed(event, bytes, happenings);
        let after = connection.buffered_bytes();
        connection.held_bytes = after;
        let place = connection.place(event.cookie);
        let mode = (event.mode, event.flags & DATA_ALONE != 0);
        let judged = connection.judge(mode, event.header.at_ns, &mut happened);
        self.counts.gaps += missing.bytes;
        self.counts.late += missing.late;
        self.buffered_bytes = (self.buffered_bytes + after).saturating_sub(before);
        if self.buffered_bytes > self.buffered_bytes_max
            && let Some(connection) = self.connections.get_mut(&event.cookie)
        {
            self.buffered_bytes = self.buffered_bytes.saturating_sub(after);
            self.counts.started_over += 1;
            connection.held_bytes = 0;
            connection.start_over(event.header.at_ns, happenings);
        }
        self.note(event.cookie, judged, happened);
        place
    }

    /// Bytes moved that the kernel half did not show.
    pub(crate) fn on_exchange(&mut self, event: &EventExchange) {
        let mut happened = std::mem::take(&mut self.happened);
        let connection = self.connection(event.cookie, event.header.at_ns);
        connection.count(event, &mut happened);
        // Pairs that are only counted all stand alone.
        let mode = (event.mode, true);
        let judged = connection.judge(mode, event.header.at_ns, &mut happened);
        self.note(event.cookie, judged, happened);
    }

    /// Exchanges that were too fast to be told one by one.
    pub(crate) fn on_sum(&mut self, sum: &EventSum) {
        let mut happened = std::mem::take(&mut self.happened);
        let connection = self.connection(sum.cookie, sum.header.at_ns);
        connection.count_sum(sum, &mut happened);
        let judged = connection.judge((sum.mode, true), sum.header.at_ns, &mut happened);
        self.note(sum.cookie, judged, happened);
    }

    /// Keeps what the kernel half has to be told of a connection, and what happened on it.
    fn note(&mut self, cookie: u64, judged: Option<(Verdict, Knows)>, mut happened: Vec<Happened>) {
        self.judgements
            .extend(judged.map(|judged| judgement(cookie, judged, self.sums)));
        if let (false, Some(connection)) = (happened.is_empty(), self.connections.get(&cookie)) {
            connection.place_all(cookie, &mut happened, &mut self.streamed);
        }
        happened.clear();
        self.happened = happened;
    }

    /// Takes what happened on connections that nobody reads.
    pub(crate) fn take_streamed(&mut self) -> Vec<Streamed> {
        std::mem::take(&mut self.streamed)
    }

    /// Takes what the kernel half has to be told.
    pub(crate) fn take_judgements(&mut self) -> Vec<Judgement> {
        std::mem::take(&mut self.judgements)
    }

    /// A connection ended.
    pub(crate) fn on_close(
        &mut self,
        close: &EventClose,
        happenings: &mut Vec<Happening>,
    ) -> Option<Place> {
        if close.flags & CLOSE_OF_PEER != 0 {
            return self.on_end_of_stream(close, happenings);
        }
        let mut connection = self.connections.remove(&close.cookie)?;
        self.buffered_bytes = self.buffered_bytes.saturating_sub(connection.held_bytes);
        self.counts.gaps += connection.miss_rest(close, happenings);
        connection.end(close, &mut self.happened);
        connection.place_all(close.cookie, &mut self.happened, &mut self.streamed);
        let why = reason(close, connection.side);
        connection.close(close.header.at_ns, why, happenings);
        connection.place(close.cookie)
    }

    /// A peer that asked may still be answered; a peer that answered is done.
    fn on_end_of_stream(
        &mut self,
        close: &EventClose,
        happenings: &mut Vec<Happening>,
    ) -> Option<Place> {
        let connection = self.connections.get_mut(&close.cookie)?;
        if connection.side == Some(Side::Client) {
            let why = Unanswered::ClosedByServer;
            connection.close(close.header.at_ns, why, happenings);
        }
        connection.place(close.cookie)
    }

    /// Takes what the connections told that were forgotten because there were too many.
    pub(crate) fn take_evicted(&mut self) -> Vec<(Place, Vec<Happening>)> {
        std::mem::take(&mut self.evicted)
    }

    /// Ends requests that waited too long; calls `tell` for every connection where that happened.
    pub(crate) fn tick(&mut self, now_ns: u64, mut tell: impl FnMut(Place, &mut Vec<Happening>)) {
        let mut happenings = Vec::new();
        self.connections.retain(|cookie, connection| {
            connection.expire(now_ns, &mut happenings);
            if let Some(judged) = connection.judge_late(now_ns, &mut self.happened) {
                self.judgements.push(judgement(*cookie, judged, self.sums));
                connection.place_all(*cookie, &mut self.happened, &mut self.streamed);
            }
            let idle = now_ns.saturating_sub(connection.last_ns) > connection.may_idle_ns();
            if idle {
                connection.close(now_ns, Unanswered::Closed, &mut happenings);
            }
            if let (false, Some(place)) = (happenings.is_empty(), connection.place(*cookie)) {
                tell(place, &mut happenings);
            }
            happenings.clear();
            !idle
        });
        self.buffered_bytes = 0;
        for connection in self.connections.values_mut() {
            connection.held_bytes = connection.buffered_bytes();
            self.buffered_bytes += connection.held_bytes;
        }
    }

    /// Returns how many bytes of unfinished messages are held.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// Returns how many connections are followed.
    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    fn connection(&mut self, cookie: u64, now_ns: u64) -> &mut Connection {
        if self.connections.len() >= CONNECTIONS_MAX && !self.connections.contains_key(&cookie) {
            self.evict(now_ns);
        }
        let limits = self.limits;
        let connection = self
            .connections
            .entry(cookie)
            .or_insert_with(|| Connection::new(limits));
        connection.last_ns = now_ns;
        connection
    }

    /// Forgets the quarter that was silent longest, in one pass, so that it is rarely needed.
    fn evict(&mut self, now_ns: u64) {
        let mut times: Vec<u64> = self.connections.values().map(|c| c.last_ns).collect();
        let quarter = times.len() / 4;
        let (_, cut, _) = times.select_nth_unstable(quarter);
        let cut = *cut;
        let evicted = self
            .connections
            .extract_if(|_, connection| connection.last_ns <= cut);
        for (cookie, mut connection) in evicted {
            let mut happenings = Vec::new();
            self.counts.evicted += 1;
            connection.close(now_ns, Unanswered::LostData, &mut happenings);
            if let (false, Some(place)) = (happenings.is_empty(), connection.place(cookie)) {
                self.evicted.push((place, happenings));
            }
        }
    }
}

/// What nobody knows may be summed; of TLS, pairs of the handshake are left out one by one.
fn judgement(cookie: u64, (mut verdict, knows): (Verdict, Knows), sums: bool) -> Judgement {
    let is_unknown = verdict.mode == Mode::Lengths as u8 && verdict.flags & VERDICT_LOOK != 0;
    if sums && is_unknown {
        verdict.flags |= VERDICT_SUM;
    }
    Judgement {
        cookie,
        verdict,
        knows,
    }
}

fn reason(close: &EventClose, side: Option<Side>) -> Unanswered {
    let by_peer = close.flags & CLOSE_BY_PEER != 0;
    match (close.error, by_peer, side) {
        (ECONNRESET | EPIPE, _, _) => Unanswered::Reset,
        (ETIMEDOUT, _, _) => Unanswered::Timeout,
        (_, true, Some(Side::Server)) | (_, false, Some(Side::Client)) => {
            Unanswered::ClosedByClient
        }
        (_, true, Some(Side::Client)) | (_, false, Some(Side::Server)) => {
            Unanswered::ClosedByServer
        }
        (_, _, None) => Unanswered::Closed,
    }
}
