//! Sockets of DNS over UDP: which answer a process got, or gave, to which query.
//!
//! A socket may ask some and answer others (multicast DNS), so each side of it is paired by itself.
//! Everything is bounded; the sockets that were silent longest go first. This module must not know
//! traces, processes or OTLP.

use rustc_hash::FxHashMap;
use tapline_ebpf::abi::{DIRECTION_SENT, EventDatagram, Tuple};
use tapline_protocols::{
    conversation::{Limits, Unanswered},
    dns::{self, Moved, Pairing},
};

use super::{
    emit::Side,
    tracker::{Collect, Happening, Place},
    weight::Weight,
};

/// The most sockets remembered at once.
const SOCKETS_MAX: usize = 16_384;
/// The most queries that wait, over all sockets.
const QUERIES_MAX: usize = 16_384;
/// A socket where nothing waits is forgotten after this long without a message.
const IDLE_NS: u64 = 10_000_000_000;
/// Tells the two sides of a socket apart; the kernel counts cookies from one.
const ANSWERS: u64 = 1 << 63;

/// All sockets of DNS.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    sockets: FxHashMap<u64, Socket>,
    waiting: usize,
    /// What forgotten sockets told.
    ended: Vec<(Place, Vec<Happening>)>,
    /// Sockets forgotten because there were too many.
    pub(crate) evicted: u64,
}

/// One side of a socket.
#[derive(Debug)]
struct Socket {
    pairing: Pairing,
    place: Place,
    last_ns: u64,
}

impl Datagrams {
    /// A datagram moved. Returns where, if it is a message.
    pub(crate) fn on_datagram(
        &mut self,
        event: &EventDatagram,
        bytes: &[u8],
        limits: &Limits,
        happenings: &mut Vec<Happening>,
    ) -> Option<Place> {
        let message = dns::read(bytes, event.len as usize)?;
        let at_ns = event.header.at_ns;
        let asks = (event.direction == DIRECTION_SENT) != message.is_response;
        let (side, key) = if asks {
            (Side::Client, event.cookie)
        } else {
            (Side::Server, event.cookie | ANSWERS)
        };
        if !self.sockets.contains_key(&key) {
            if message.is_response {
                return None;
            }
            self.make_room(at_ns);
        }
        let timeout_ns = dns::timeout_ns(limits.response_timeout_ns);
        let socket = self.sockets.entry(key).or_insert_with(|| Socket {
            pairing: Pairing::new("udp", timeout_ns),
            place: Place {
                is_tls: false,
                cookie: key,
                side,
                tuple: None,
            },
            last_ns: at_ns,
        });
        socket.last_ns = at_ns;
        socket.see(event.tuple);
        let before = socket.pairing.len();
        let moved = Moved {
            at_ns,
            thread: u64::from(event.tgid) << 32 | u64::from(event.tid),
        };
        let mut out = Collect(happenings, at_ns, Weight::ONE);
        socket.pairing.message(message, moved, &mut out);
        self.waiting = self.waiting + socket.pairing.len() - before;
        if self.waiting > QUERIES_MAX {
            self.waiting -= socket.pairing.len();
            socket.pairing.end(at_ns, Unanswered::TooManyOpen, &mut out);
        }
        Some(socket.place)
    }

    /// Ends queries that waited too long, and returns what that told.
    pub(crate) fn tick(&mut self, now_ns: u64) -> Vec<(Place, Vec<Happening>)> {
        let mut told = std::mem::take(&mut self.ended);
        self.sockets.retain(|_, socket| {
            let mut happenings = Vec::new();
            let mut out = Collect(&mut happenings, now_ns, Weight::ONE);
            socket.pairing.expire(now_ns, &mut out);
            if !happenings.is_empty() {
                told.push((socket.place, happenings));
            }
            !socket.pairing.is_empty() || now_ns.saturating_sub(socket.last_ns) < IDLE_NS
        });
        self.waiting = self.sockets.values().map(|s| s.pairing.len()).sum();
        told
    }

    /// Forgets the quarter that was silent longest, in one pass, so that it is rarely needed. What
    /// that tells is taken at the next tick.
    fn make_room(&mut self, now_ns: u64) {
        if self.sockets.len() < SOCKETS_MAX {
            return;
        }
        let mut times: Vec<u64> = self.sockets.values().map(|s| s.last_ns).collect();
        let quarter = times.len() / 4;
        let (_, cut, _) = times.select_nth_unstable(quarter);
        let cut = (*cut).min(now_ns);
        let evicted = self.sockets.extract_if(|_, socket| socket.last_ns <= cut);
        for (_, mut socket) in evicted {
            let mut happenings = Vec::new();
            let mut out = Collect(&mut happenings, now_ns, Weight::ONE);
            socket.pairing.end(now_ns, Unanswered::LostData, &mut out);
            self.evicted += 1;
            if !happenings.is_empty() {
                self.ended.push((socket.place, happenings));
            }
        }
        self.waiting = self.sockets.values().map(|s| s.pairing.len()).sum();
    }
}

impl Socket {
    /// Takes the ends of a message. Where a socket without a peer receives, the peer is not known:
    /// a client has named it when it asked, a server will when it answers.
    fn see(&mut self, tuple: Tuple) {
        let is_known = self
            .place
            .tuple
            .is_some_and(|known| known.remote_port != 0 && self.place.side == Side::Client);
        if tuple.remote_port != 0 || !is_known {
            self.place.tuple = Some(tuple);
        }
    }
}
