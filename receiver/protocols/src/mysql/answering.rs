//! The server's direction: what its packets answer.

use super::Mysql;
use super::answer::{self, Said};
use super::login::Stage;
use super::packet::Packet;
use crate::conversation::{Chunk, Unanswered};
use crate::cutter::{Message, Stand};
use crate::parser::Sink;
use crate::sql::Dialect;

impl Mysql {
    pub(super) fn read_responses(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        let begins = !std::mem::replace(&mut self.spoke, true);
        let mut messages = Vec::new();
        let mut stand = Stand::Lost;
        // Only what follows the client's words may be found to be an answer's beginning.
        let may_begin = begins && !self.is_broken && !self.in_doubt;
        if !self.responses.is_lost() || may_begin {
            stand = self.responses.feed(chunk, |message| messages.push(message));
        }
        self.take_responses(&messages, out);
        if self.opaque {
            return;
        }
        if stand == Stand::JustLost {
            self.lose_responses(chunk.at_ns, out);
        }
        self.note_broken(chunk);
        if self.is_broken && answer::ends(last_bytes(chunk)) {
            self.end_broken(out);
        }
    }

    pub(super) fn miss_responses(&mut self, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let stand = match len {
            Some(len) if !self.responses.is_between() => {
                let take = |message| messages.push(message);
                self.responses.pass(len, at_ns, 0, take)
            }
            _ => Stand::JustLost,
        };
        self.take_responses(&messages, out);
        if stand == Stand::JustLost {
            // That the answer ended may be among what is missing.
            self.responses.lose();
            self.give_up(at_ns, Unanswered::LostData, out);
            self.in_doubt = true;
        }
        self.spoke = true;
    }

    fn take_responses(&mut self, messages: &[Message], out: &mut dyn Sink) {
        for message in messages {
            if self.opaque || self.responses.is_lost() && self.in_doubt {
                return;
            }
            self.take_response(message, out);
        }
    }

    fn take_response(&mut self, message: &Message, out: &mut dyn Sink) {
        let packet = Packet::new(message);
        let went_on = std::mem::replace(&mut self.response_goes_on, packet.goes_on());
        if self.stage != Stage::Open && self.let_in(&packet, message.ended_ns, out) {
            return;
        }
        let Some(due) = self.due.front_mut() else {
            return;
        };
        if due.is_fresh && packet.number != 1 {
            return; // of an answer before
        }
        due.note(message.started_ns, message.ended_ns, message.bytes());
        let is_next = due.next.is_none_or(|next| next == packet.number);
        due.is_fresh = false;
        due.next = Some(packet.number.wrapping_add(1));
        if went_on {
            return;
        }
        let said = if is_next {
            due.answer.take(&packet, self.agreed)
        } else {
            Said::Nonsense
        };
        if let Some(plain) = answer::is_plain(&packet).filter(|_| said == Said::Done) {
            self.dialect = if plain {
                Dialect::MysqlPlain
            } else {
                Dialect::Mysql
            };
        }
        match said {
            Said::GoesOn => {}
            Said::Asks => due.next = None,
            Said::AsksFile => {
                due.next = None;
                due.wants_file = true;
            }
            Said::Done => self.done(out),
            Said::Failed(code) => {
                if let Some((_, exchange)) = &mut due.told {
                    exchange.error = Some(code);
                }
                due.used = None;
                due.prepares = None;
                due.resets = false;
                self.done(out);
            }
            Said::Nonsense => {
                due.is_fresh = true;
                self.nonsense += 1;
                self.lose_responses(message.ended_ns, out);
            }
        }
        self.note_prepared(&packet);
    }

    /// The first packet of an answer has the number of the statement.
    fn note_prepared(&mut self, packet: &Packet<'_>) {
        let Some(due) = self.due.front_mut() else {
            return;
        };
        if packet.number != 1 {
            return;
        }
        if let Some((statement, number)) = due.prepares.take().zip(answer::prepared_number(packet))
        {
            self.prepared.insert(number, statement);
        }
    }

    fn done(&mut self, out: &mut dyn Sink) {
        let Some(due) = self.due.pop_front() else {
            return;
        };
        self.answered = true;
        if due.resets {
            self.prepared.clear();
            self.last_prepared = None;
        }
        if due.used.is_some() {
            self.namespace = due.used;
        }
        if let Some((id, exchange)) = due.told {
            out.exchange(id, crate::parser::Told::Database(exchange));
        }
    }
}

fn last_bytes<'a>(chunk: &Chunk<'a>) -> &'a [u8] {
    if chunk.len > chunk.bytes.len() {
        chunk.tail
    } else {
        chunk.bytes
    }
}
