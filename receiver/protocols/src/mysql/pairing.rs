//! What is still certain after bytes were lost.

use super::Mysql;
use crate::conversation::{Chunk, Outcome, Unanswered};
use crate::parser::{Sink, Told};

impl Mysql {
    /// A line that was silent for the response timeout owes nothing any more.
    pub(super) fn after_silence(&mut self, at_ns: u64, out: &mut dyn Sink) {
        let silent_ns = at_ns.saturating_sub(self.active_ns);
        if self.in_doubt && silent_ns >= self.response_timeout_ns {
            self.give_up(at_ns, Unanswered::LostData, out);
            self.in_doubt = false;
        }
        self.active_ns = self.active_ns.max(at_ns);
    }

    pub(super) fn expire_due(&mut self, now_ns: u64, out: &mut dyn Sink) {
        let timeout_ns = self.response_timeout_ns;
        if self.is_broken {
            if now_ns.saturating_sub(self.active_ns) >= timeout_ns {
                self.end_broken(out);
            }
            return;
        }
        for due in &mut self.due {
            if now_ns.saturating_sub(due.asked_ns) < timeout_ns {
                continue;
            }
            if let Some((id, mut exchange)) = due.told.take() {
                exchange.outcome = Outcome::Unanswered(Unanswered::Timeout);
                exchange.ended_ns = now_ns;
                out.exchange(id, Told::Database(exchange));
            }
        }
    }

    /// Ends everything that is due, and stops expecting it.
    pub(super) fn give_up(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        for due in self.due.drain(..) {
            if let Some((id, mut exchange)) = due.told {
                exchange.outcome = Outcome::Unanswered(why);
                exchange.ended_ns = at_ns.max(exchange.ended_ns);
                out.exchange(id, Told::Database(exchange));
            }
        }
        self.is_broken = false;
    }

    /// The answer without an end ended with its last byte, if its beginning was seen.
    pub(super) fn end_broken(&mut self, out: &mut dyn Sink) {
        if !std::mem::take(&mut self.is_broken) {
            return;
        }
        for due in self.due.drain(..) {
            if let Some((id, mut exchange)) = due.told {
                if due.is_fresh {
                    exchange.outcome = Outcome::Unanswered(Unanswered::LostData);
                }
                out.exchange(id, Told::Database(exchange));
            }
        }
    }

    /// The client begins to speak, maybe behind words of the server.
    pub(super) fn turn_to_client(&mut self, at_ns: u64, out: &mut dyn Sink) {
        if !std::mem::take(&mut self.spoke) {
            return;
        }
        self.end_broken(out);
        if self.in_doubt && !self.overlaps {
            self.give_up(at_ns, Unanswered::LostData, out);
            self.in_doubt = false;
        }
        // A file goes behind words of the server, too; only who asks does not wait.
        self.spoke_while_due = !self.due.is_empty();
    }

    /// What follows is not read.
    pub(super) fn leave(&mut self, at_ns: u64, out: &mut dyn Sink) {
        self.give_up(at_ns, Unanswered::LostData, out);
        self.opaque = true;
        self.requests.lose();
        self.responses.lose();
    }

    /// Commands may have been sent, unseen, behind what is due.
    pub(super) fn lose_requests(&mut self) {
        self.requests.lose();
        self.request_goes_on = false;
        self.in_doubt = true;
        self.spoke = false;
        self.last_prepared = None;
    }

    /// The end of an answer is not known. If one is due, it lasts until it shows or the client
    /// goes on.
    pub(super) fn lose_responses(&mut self, at_ns: u64, out: &mut dyn Sink) {
        self.responses.lose();
        self.response_goes_on = false;
        if self.due.len() <= 1 && !self.in_doubt && !self.overlaps {
            self.is_broken = !self.due.is_empty();
            return;
        }
        self.give_up(at_ns, Unanswered::LostData, out);
        self.in_doubt = true;
    }

    pub(super) fn note_broken(&mut self, chunk: &Chunk<'_>) {
        if !self.is_broken {
            return;
        }
        for due in &mut self.due {
            let len = chunk.len.max(chunk.bytes.len()) as u64;
            due.note(chunk.at_ns, chunk.at_ns, len);
        }
    }
}
