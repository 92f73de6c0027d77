//! The server's direction: what its messages answer.

use super::frame::{Message, Read};
use super::slot::{Kind, Slot, sqlstate};
use super::{Postgres, Stage};
use crate::conversation::{Chunk, Outcome, Unanswered};
use crate::database::Sink;

/// How a server says that it is ready: idle, in a transaction, in a failed one.
const READY: &[u8] = b"Z\0\0\0\x05";

impl Postgres {
    pub(super) fn read_responses(&mut self, chunk: &Chunk<'_>, out: &mut impl Sink) {
        let begins = !self.spoke;
        self.spoke = true;
        let mut rest = chunk.bytes;
        if self.stage == Stage::Encryption && !self.take_encryption(&mut rest, chunk.at_ns, out) {
            return;
        }
        if self.responses.is_lost() && begins && !self.is_broken && !self.in_doubt {
            self.responses.restart();
        }
        while !self.opaque && !self.responses.is_lost() {
            match self.responses.read(&mut rest, chunk.at_ns) {
                Read::Message(message) => self.take(&message, chunk.at_ns, out),
                Read::More => break,
                Read::Broken => self.lose_responses(chunk.at_ns, out),
            }
        }
        let missing = chunk.len.saturating_sub(chunk.bytes.len());
        if !self.responses.is_lost() {
            match self.responses.skip(missing as u64) {
                Read::Message(message) => return self.take(&message, chunk.at_ns, out),
                Read::More => return,
                Read::Broken => self.lose_responses(chunk.at_ns, out),
            }
        }
        self.note_broken(chunk);
        if self.is_broken && ends_ready(chunk) {
            self.end_broken(out);
            self.responses.restart();
        }
    }

    pub(super) fn miss_responses(&mut self, at_ns: u64, len: Option<u64>, out: &mut impl Sink) {
        let inside = len.filter(|_| !self.responses.is_between());
        match inside.map_or(Read::Broken, |len| self.responses.skip(len)) {
            Read::Message(message) => self.take(&message, at_ns, out),
            Read::More => {}
            Read::Broken => {
                // That the server was ready may be among what is missing.
                self.lose_responses(at_ns, out);
                self.give_up(at_ns, Unanswered::LostData, out);
                self.in_doubt = true;
            }
        }
        self.spoke = true;
    }

    /// Returns whether the connection goes on in the clear.
    fn take_encryption(&mut self, rest: &mut &[u8], at_ns: u64, out: &mut impl Sink) -> bool {
        match rest.split_first() {
            Some((b'N', after)) => {
                *rest = after;
                self.stage = Stage::Startup;
                true
            }
            Some((b'E', _)) => true,
            None => false, // what the client says next shows it
            _ => {
                self.leave(at_ns, out);
                false
            }
        }
    }

    fn take(&mut self, message: &Message, at_ns: u64, out: &mut impl Sink) {
        if let Some(slot) = self.slots.front_mut() {
            slot.answer(message, at_ns);
        }
        match message.kind {
            b'C' | b'I' | b's' if self.front_is(Kind::Execute) => self.pop(out),
            b'E' => {
                let code = sqlstate(message);
                if let Some(slot) = self.slots.front_mut() {
                    slot.fail(code.clone());
                }
                if self.front_is(Kind::Execute) {
                    self.failed = Some(code);
                    self.pop(out);
                }
            }
            b'Z' => self.ready(out),
            b'W' => self.leave(at_ns, out),
            _ => {}
        }
    }

    /// Everything up to a synchronisation is done.
    fn ready(&mut self, out: &mut impl Sink) {
        let failed = self.failed.take();
        while let Some(slot) = self.slots.front_mut() {
            let kind = slot.kind;
            if let (Kind::Execute, Some((_, exchange))) = (kind, &mut slot.told) {
                match &failed {
                    Some(code) => exchange.error = Some(code.clone()),
                    None => exchange.outcome = Outcome::Unanswered(Unanswered::LostData),
                }
            }
            self.pop(out);
            if kind != Kind::Execute {
                return;
            }
        }
    }

    fn front_is(&self, kind: Kind) -> bool {
        self.slots.front().is_some_and(|slot| slot.kind == kind)
    }

    fn pop(&mut self, out: &mut impl Sink) {
        if let Some(Slot {
            told: Some((id, exchange)),
            ..
        }) = self.slots.pop_front()
        {
            out.exchange(id, *exchange);
        }
    }
}

/// Returns whether the very last bytes of a chunk say that the server is ready.
fn ends_ready(chunk: &Chunk<'_>) -> bool {
    let end = if chunk.len > chunk.bytes.len() {
        chunk.tail
    } else {
        chunk.bytes
    };
    match end.split_last() {
        Some((b'I' | b'T' | b'E', before)) => before.ends_with(READY),
        _ => false,
    }
}
