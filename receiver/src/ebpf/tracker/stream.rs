//! What is told of a connection whose bytes nobody reads: pairs of turns, bytes, the handshake.
//!
//! The kernel half counts while nobody has decided; what it told until then waits here, and is told
//! when the connection turns out to be unreadable, or forgotten when somebody reads it. This module
//! must not know when that is decided.

use std::sync::Arc;

use tapline_ebpf::abi::{EventExchange, EventSum};
use tapline_protocols::{stream::Exchange, tls::Session};

use crate::ebpf::weight::Weight;

/// Pairs that wait for a decision.
pub(super) const HELD_MAX: usize = 32;
/// What a client of TLS 1.3 ends a handshake with: a change of cipher, and a hash in a record.
const FINISHED_BYTES_MAX: u64 = 80;

/// An encrypted alert, of TLS 1.3 and of 1.2 with AES-GCM and with ChaCha20. Two that answer each
/// other are how both ends say that they close.
const ALERTS: [u64; 3] = [24, 31, 23];

/// Something that happened on a connection that nobody reads.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    /// A pair of turns.
    pub(crate) exchange: Option<Box<Exchange>>,
    /// For how many of them it stands.
    pub(crate) weight: Weight,
    /// Pairs of turns that came too fast to be told one by one.
    pub(crate) sum: Option<Box<EventSum>>,
    /// The handshake that hides the bytes, when it is told for the first time.
    pub(crate) handshake: Option<Arc<Session>>,
    /// Bytes sent since the last time.
    pub(crate) sent: u64,
    /// Bytes received likewise.
    pub(crate) received: u64,
}

/// What one connection has told.
#[derive(Default)]
pub(super) struct Stream {
    held: Vec<EventExchange>,
    sent: u64,
    received: u64,
    session: Option<Arc<Session>>,
}

impl Stream {
    /// Keeps what the kernel half told until it is decided what to do with it. Returns whether
    /// there is room for more.
    pub(super) fn hold(&mut self, event: EventExchange) -> bool {
        if self.held.len() < HELD_MAX {
            self.held.push(event);
        }
        self.held.len() < HELD_MAX
    }

    /// Forgets what was held: somebody reads.
    pub(super) fn forget(&mut self) {
        self.held = Vec::new();
    }

    /// Returns whether something waits.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Tells what was held.
    pub(super) fn release(&mut self, session: Option<&Session>, out: &mut Vec<Happened>) {
        for event in std::mem::take(&mut self.held) {
            self.tell(&event, session, out);
        }
    }

    /// Tells what the kernel half counted.
    pub(super) fn tell(
        &mut self,
        event: &EventExchange,
        session: Option<&Session>,
        out: &mut Vec<Happened>,
    ) {
        let handshake = self.learn(session);
        let exchange = self.pair(event);
        self.count(
            event.sent,
            event.received,
            (exchange, event.shed_share),
            handshake,
            out,
        );
    }

    /// Tells what the kernel half summed; of TLS, it sums nothing.
    pub(super) fn tell_sum(&mut self, sum: EventSum, out: &mut Vec<Happened>) {
        self.count(sum.sent, sum.received, (None, 0), None, out);
        if let Some(happened) = out.last_mut() {
            happened.sum = Some(Box::new(sum));
        }
    }

    /// Tells the bytes of a connection that ended.
    pub(super) fn end(
        &mut self,
        (sent, received): (u64, u64),
        session: Option<&Session>,
        out: &mut Vec<Happened>,
    ) {
        let handshake = self.learn(session);
        self.count(sent, received, (None, 0), handshake, out);
    }

    fn count(
        &mut self,
        sent: u64,
        received: u64,
        (exchange, shed_share): (Option<Box<Exchange>>, u16),
        handshake: Option<Arc<Session>>,
        out: &mut Vec<Happened>,
    ) {
        let happened = Happened {
            exchange,
            weight: Weight::of_shed(shed_share),
            sum: None,
            handshake,
            sent: sent.saturating_sub(self.sent),
            received: received.saturating_sub(self.received),
        };
        self.sent = self.sent.max(sent);
        self.received = self.received.max(received);
        out.push(happened);
    }

    /// Takes a handshake that is over; returns it once.
    fn learn(&mut self, session: Option<&Session>) -> Option<Arc<Session>> {
        let session = session.filter(|session| session.ended_ns.is_some())?;
        if self.session.is_some() {
            return None;
        }
        self.session = Some(Arc::new(session.clone()));
        self.session.clone()
    }

    /// A pair that was answered, and is no part of the handshake.
    fn pair(&self, event: &EventExchange) -> Option<Box<Exchange>> {
        if event.started_ns == 0 || event.answered_ns == 0 {
            return None;
        }
        if let Some(ended_ns) = self.session.as_ref().and_then(|session| session.ended_ns) {
            let is_last_word =
                event.started_ns == ended_ns && event.request_bytes <= FINISHED_BYTES_MAX;
            let is_goodbye = [event.request_bytes, event.response_bytes]
                .iter()
                .all(|bytes| ALERTS.contains(bytes));
            if event.started_ns < ended_ns || is_last_word || is_goodbye {
                return None;
            }
        }
        Some(Box::new(Exchange {
            tls: self.session.clone(),
            started_ns: event.started_ns,
            response_started_ns: event.answered_ns,
            ended_ns: event.ended_ns,
            request_thread: u64::from(event.tgid) << 32 | u64::from(event.tid),
            request_bytes: event.request_bytes,
            response_bytes: event.response_bytes,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goodbyes_of_tls_are_no_exchange() {
        let session = Session {
            ended_ns: Some(100),
            ..Session::default()
        };
        let told = |request_bytes, response_bytes| {
            let mut out = Vec::new();
            let event = EventExchange {
                started_ns: 200,
                answered_ns: 210,
                ended_ns: 220,
                request_bytes,
                response_bytes,
                ..EventExchange::default()
            };
            Stream::default().tell(&event, Some(&session), &mut out);
            out[0].exchange.is_some()
        };
        assert!(!told(24, 24) && !told(31, 31));
        assert!(told(24, 296) && told(76, 24));
    }
}
