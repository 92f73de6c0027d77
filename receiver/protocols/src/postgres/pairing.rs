//! What is still certain after bytes were lost.

use super::Postgres;
use super::slot::Kind;
use crate::conversation::{Chunk, Outcome, Unanswered};
use crate::database::Sink;

impl Postgres {
    /// A line that was silent for the response timeout owes nothing any more.
    pub(super) fn after_silence(&mut self, at_ns: u64, out: &mut impl Sink) {
        let silent_ns = at_ns.saturating_sub(self.active_ns);
        if self.in_doubt && silent_ns >= self.response_timeout_ns {
            self.give_up(at_ns, Unanswered::LostData, out);
            self.end_doubt();
        }
        self.active_ns = self.active_ns.max(at_ns);
    }

    pub(super) fn expire_slots(&mut self, now_ns: u64, out: &mut impl Sink) {
        let timeout_ns = self.response_timeout_ns;
        if self.is_broken && now_ns.saturating_sub(self.active_ns) >= timeout_ns {
            self.end_broken(out);
        }
        if self.is_broken {
            return;
        }
        for slot in &mut self.slots {
            if now_ns.saturating_sub(slot.asked_ns) < timeout_ns {
                continue;
            }
            if let Some((id, mut exchange)) = slot.told.take() {
                exchange.outcome = Outcome::Unanswered(Unanswered::Timeout);
                exchange.ended_ns = now_ns;
                out.exchange(id, *exchange);
            }
        }
    }

    /// Ends everything that is due, and stops expecting it.
    pub(super) fn give_up(&mut self, at_ns: u64, why: Unanswered, out: &mut impl Sink) {
        for slot in self.slots.drain(..) {
            if let Some((id, mut exchange)) = slot.told {
                exchange.outcome = Outcome::Unanswered(why);
                exchange.ended_ns = at_ns.max(exchange.ended_ns);
                out.exchange(id, *exchange);
            }
        }
        self.failed = None;
        self.is_broken = false;
    }

    /// The answer without an end ended with its last byte.
    pub(super) fn end_broken(&mut self, out: &mut impl Sink) {
        if !std::mem::take(&mut self.is_broken) {
            return;
        }
        self.failed = None;
        for slot in self.slots.drain(..) {
            if let Some((id, exchange)) = slot.told {
                out.exchange(id, *exchange);
            }
        }
    }

    /// The client begins to speak, maybe behind words of the server.
    pub(super) fn turn_to_client(&mut self, at_ns: u64, out: &mut impl Sink) {
        if !std::mem::take(&mut self.spoke) {
            return;
        }
        self.end_broken(out);
        if self.in_doubt && !self.overlaps {
            self.give_up(at_ns, Unanswered::LostData, out);
            self.end_doubt();
        }
        // Data for COPY comes behind words of the server, too; only who asks does not wait.
        self.spoke_while_due = !self.slots.is_empty();
        if self.responses.is_lost() && !self.in_doubt {
            self.responses.restart();
        }
    }

    /// What follows is not read.
    pub(super) fn leave(&mut self, at_ns: u64, out: &mut impl Sink) {
        self.give_up(at_ns, Unanswered::LostData, out);
        self.opaque = true;
        self.requests.lose();
        self.responses.lose();
    }

    /// Requests may have been sent, unseen, behind the last slot.
    pub(super) fn lose_requests(&mut self) {
        self.requests.lose();
        self.in_doubt = true;
        self.spoke = false;
        self.parsed = None;
        self.executed = false;
        self.names.forget_unnamed();
    }

    /// The end of an answer is not known. If all that is due ends together, it lasts until the
    /// server is ready or the client goes on.
    pub(super) fn lose_responses(&mut self, at_ns: u64, out: &mut impl Sink) {
        self.responses.lose();
        let told = self.slots.iter().filter(|slot| slot.told.is_some()).count();
        let ends = self.slots.iter().filter(|slot| slot.kind != Kind::Execute);
        if ends.count() <= 1 && told <= 1 && !self.in_doubt && !self.overlaps {
            self.is_broken = true;
            return;
        }
        self.give_up(at_ns, Unanswered::LostData, out);
        self.in_doubt = true;
    }

    pub(super) fn note_broken(&mut self, chunk: &Chunk<'_>) {
        if !self.is_broken {
            return;
        }
        for slot in &mut self.slots {
            if let Some((_, exchange)) = &mut slot.told {
                exchange.response_started_ns.get_or_insert(chunk.at_ns);
                let len = chunk.len.max(chunk.bytes.len()) as u64;
                exchange.response_bytes = exchange.response_bytes.saturating_add(len);
                exchange.ended_ns = chunk.at_ns;
            }
        }
    }

    fn end_doubt(&mut self) {
        self.in_doubt = false;
        self.responses.restart();
    }
}
