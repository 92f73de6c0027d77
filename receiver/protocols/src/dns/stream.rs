//! DNS over TCP (RFC 7766): each message behind its length. Several may be on their way; answers
//! come in any order.

use super::message::{self, HEADER_BYTES};
use super::{Moved, Pairing};
use crate::conversation::{Chunk, Toward, Unanswered};
use crate::cutter::{Cutter, Head, Stand};
use crate::parser::{Parser, Sink};

/// Bytes of a message that are kept: the question, and more addresses than are told.
const KEPT_BYTES: usize = 1024;

/// Reads one connection.
#[derive(Debug)]
pub struct Stream {
    queries: Cutter,
    answers: Cutter,
    pairing: Pairing,
    /// A message made sense.
    is_proven: bool,
    is_mistaken: bool,
}

impl Stream {
    /// Creates one for a connection that begins with a message.
    pub fn new(timeout_ns: u64) -> Self {
        Self {
            queries: Cutter::new(head, is_start),
            answers: Cutter::new(head, is_start),
            pairing: Pairing::new("tcp", timeout_ns),
            is_proven: false,
            is_mistaken: false,
        }
    }
}

impl Parser for Stream {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let is_answer = chunk.toward == Toward::Client;
        let cutter = if is_answer {
            &mut self.answers
        } else {
            &mut self.queries
        };
        let (pairing, is_proven) = (&mut self.pairing, &mut self.is_proven);
        let mut wrong = false;
        let stand = cutter.feed(&chunk, |cut| {
            let len = usize::try_from(cut.body_len).unwrap_or(usize::MAX);
            match message::read(&cut.body, len) {
                Some(message) if message.is_response == is_answer => {
                    *is_proven = true;
                    let moved = Moved {
                        at_ns: cut.ended_ns,
                        thread: cut.thread,
                    };
                    pairing.message(message, moved, out);
                }
                _ => wrong |= !cut.is_holed,
            }
        });
        wrong |= stand == Stand::JustLost;
        if wrong && !self.is_proven {
            self.pairing.end(chunk.at_ns, Unanswered::LostData, out);
            self.is_mistaken = true;
        }
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, _: &mut dyn Sink) {
        let cutter = match toward {
            Toward::Server => &mut self.queries,
            Toward::Client => &mut self.answers,
        };
        match len {
            // A message with a hole is left out: its query waits in vain, or was never seen.
            Some(len) => drop(cutter.pass(len, at_ns, 0, |_| {})),
            None => cutter.lose(),
        }
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.pairing.end(at_ns, why, out);
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.pairing.expire(now_ns, out);
    }

    fn open_requests(&self) -> usize {
        self.pairing.len()
    }

    fn buffered_bytes(&self) -> usize {
        self.queries.held() + self.answers.held()
    }

    fn is_mistaken(&self) -> bool {
        self.is_mistaken
    }

    fn stands_alone(&self) -> bool {
        true
    }
}

fn head(bytes: &[u8]) -> Head {
    let Some(length) = bytes.first_chunk() else {
        return Head::More;
    };
    let length = u16::from_be_bytes(*length);
    if usize::from(length) < HEADER_BYTES {
        return Head::Wrong;
    }
    Head::Body {
        len: u64::from(length),
        keep: KEPT_BYTES,
    }
}

fn is_start(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes(*length));
    message::read(&rest[..rest.len().min(length)], length).is_some()
}
