//! Which reply answers which command, and what is still certain after bytes were lost.

use std::borrow::Cow;

use super::command;
use super::reply::{Read as ReadReply, Reply};
use super::request::{Command, Read};
use super::slot::{Effect, Slot};
use super::sniff::may_be_reply;
use super::word::Word;
use super::{OPEN_MAX, Redis, Turn};
use crate::conversation::{Chunk, Outcome, Unanswered};
use crate::database::Sink;

/// So many turns in a row with as many replies as commands end the doubt.
const EVEN_TURNS: u32 = 16;

/// What a list is that nobody asked for, or that answers in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Answer,
    /// To subscribers, or about keys that a client remembers.
    Message,
    /// That a channel was subscribed to, or not any more.
    Confirmation,
}

impl Redis {
    pub(super) fn read_commands(&mut self, chunk: &Chunk<'_>, out: &mut impl Sink) {
        self.turn_to_client(chunk.at_ns, out);
        self.commands.find(chunk.bytes);
        if self.commands.is_lost() {
            self.lose_commands();
            return;
        }
        let mut rest = chunk.bytes;
        while !self.opaque {
            match self.commands.read(&mut rest, chunk.at_ns) {
                Read::Command(command) => self.ask(&command, chunk.at_ns, chunk.thread, out),
                Read::More => break,
                Read::Broken => return self.lose_commands(),
            }
        }
        let missing = chunk.len.saturating_sub(chunk.bytes.len()) as u64;
        if let Some(command) = self.commands.skip(missing) {
            self.ask(&command, chunk.at_ns, chunk.thread, out);
        }
        if self.commands.is_lost() {
            self.lose_commands();
        }
    }

    pub(super) fn read_replies(&mut self, chunk: &Chunk<'_>, out: &mut impl Sink) {
        let begins = !self.spoke;
        self.spoke = true;
        if self.replies.is_lost() && !self.is_broken && begins && may_be_reply(chunk.bytes) {
            self.replies.restart();
        }
        if self.replies.is_lost() {
            return self.note_broken(chunk);
        }
        let mut rest = chunk.bytes;
        while !self.opaque {
            match self.replies.read(&mut rest, chunk.at_ns) {
                ReadReply::Reply(reply) => self.take(&reply, chunk.at_ns, out),
                ReadReply::More => break,
                ReadReply::Broken => return self.lose_replies(chunk.at_ns, rest.len(), out),
            }
        }
        let missing = chunk.len.saturating_sub(chunk.bytes.len());
        match self.replies.skip(missing as u64) {
            ReadReply::Reply(reply) => self.take(&reply, chunk.at_ns, out),
            ReadReply::More => {}
            ReadReply::Broken => self.lose_replies(chunk.at_ns, missing, out),
        }
    }

    pub(super) fn miss_commands(&mut self, at_ns: u64, len: Option<u64>, out: &mut impl Sink) {
        let inside = len.filter(|_| !self.commands.is_between());
        match inside {
            Some(len) => {
                if let Some(command) = self.commands.skip(len) {
                    self.ask(&command, at_ns, 0, out);
                }
            }
            None => self.commands.lose(),
        }
        if self.commands.is_lost() {
            self.lose_commands();
        }
        // Words of the server from before say nothing about what was missed.
        self.spoke = false;
    }

    pub(super) fn miss_replies(&mut self, at_ns: u64, len: Option<u64>, out: &mut impl Sink) {
        let inside = len.filter(|_| !self.replies.is_between());
        let read = inside.map_or(ReadReply::Broken, |len| self.replies.skip(len));
        match read {
            ReadReply::Reply(reply) => self.take(&reply, at_ns, out),
            ReadReply::More => {}
            ReadReply::Broken => {
                let was_between = self.replies.is_between();
                self.lose_replies(at_ns, 0, out);
                // A whole reply may be missing, so that what follows is not the rest of one.
                if was_between && self.is_broken {
                    self.is_broken = false;
                    self.give_up(at_ns, Unanswered::LostData, out);
                    self.in_doubt = true;
                }
            }
        }
        self.spoke = true;
    }

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
        if self.is_broken && now_ns.saturating_sub(self.active_ns) >= self.response_timeout_ns {
            self.end_broken(out);
        }
        let timeout_ns = self.response_timeout_ns;
        for slot in &mut self.slots {
            let is_late = now_ns.saturating_sub(slot.asked_ns) >= timeout_ns;
            if is_late && !slot.is_told && !self.is_broken {
                slot.is_told = true;
                let mut exchange = slot.exchange.as_ref().clone();
                exchange.outcome = Outcome::Unanswered(Unanswered::Timeout);
                exchange.ended_ns = now_ns;
                exchange.operation.namespace = namespace(self.index);
                out.exchange(slot.id, exchange);
            }
        }
    }

    /// Ends everything that is due, and stops expecting it.
    pub(super) fn give_up(&mut self, at_ns: u64, why: Unanswered, out: &mut impl Sink) {
        for mut slot in self.slots.drain(..) {
            slot.exchange.outcome = Outcome::Unanswered(why);
            slot.exchange.ended_ns = at_ns.max(slot.exchange.ended_ns);
            tell(slot, self.index, out);
        }
        self.beyond = 0;
        self.is_broken = false;
    }

    /// The reply without an end ended with its last byte.
    pub(super) fn end_broken(&mut self, out: &mut impl Sink) {
        if !std::mem::take(&mut self.is_broken) {
            return;
        }
        if let Some(slot) = self.slots.pop_front() {
            // What it changed cannot be told.
            self.queued = None;
            tell(slot, self.index, out);
        }
    }

    /// The client begins to speak, maybe behind words of the server.
    fn turn_to_client(&mut self, at_ns: u64, out: &mut impl Sink) {
        if !std::mem::take(&mut self.spoke) {
            return;
        }
        self.end_broken(out);
        let is_due = !self.slots.is_empty() || self.beyond > 0;
        if self.in_doubt {
            self.turn.even = match self.turn {
                Turn {
                    asked,
                    answered,
                    even,
                } if asked == answered && asked > 0 => even + 1,
                _ => 0,
            };
            if !self.overlaps || self.turn.even >= EVEN_TURNS {
                self.give_up(at_ns, Unanswered::LostData, out);
                self.end_doubt();
            }
        } else {
            self.overlaps |= is_due;
        }
        if self.replies.is_lost() && !self.in_doubt {
            self.replies.restart();
        }
        (self.turn.asked, self.turn.answered) = (0, 0);
    }

    fn end_doubt(&mut self) {
        self.in_doubt = false;
        self.turn = Turn::default();
        self.replies.restart();
    }

    fn ask(&mut self, command: &Command, at_ns: u64, thread: u64, out: &mut impl Sink) {
        self.turn.asked += 1;
        if command.is("CLIENT") && command.words().get(1).is_some_and(|word| word.is("REPLY")) {
            self.leave(at_ns, out);
            return;
        }
        if self.in_doubt {
            return;
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        out.request(id, thread);
        let mut slot = Slot::new(id, command, at_ns, thread);
        if self.beyond > 0 || self.slots.len() >= OPEN_MAX {
            self.beyond += 1;
            slot.exchange.outcome = Outcome::Unanswered(Unanswered::TooManyOpen);
            tell(slot, self.index, out);
        } else {
            self.slots.push_back(slot);
        }
    }

    fn take(&mut self, reply: &Reply, at_ns: u64, out: &mut impl Sink) {
        match self.kind(reply) {
            Kind::Message => return,
            Kind::Confirmation => {
                self.subscribed = true;
                let front = self.slots.front_mut();
                let Some(slot) = front.filter(|slot| matches!(slot.effect, Effect::Subscribe(_)))
                else {
                    return; // of a channel more than was asked for
                };
                if let Effect::Subscribe(left @ 2..) = slot.effect {
                    slot.effect = Effect::Subscribe(left - 1);
                    slot.answer(reply, at_ns);
                    return;
                }
            }
            Kind::Answer => {}
        }
        self.turn.answered += 1;
        let Some(mut slot) = self.slots.pop_front() else {
            self.beyond = self.beyond.saturating_sub(1);
            return;
        };
        slot.answer(reply, at_ns);
        let before = self.index;
        self.change(&mut slot, reply);
        let is_left = slot.effect == Effect::Leave && reply.error.is_none();
        tell(slot, before, out);
        if is_left {
            self.leave(at_ns, out);
        }
    }

    /// Notes what is different from now on.
    fn change(&mut self, slot: &mut Slot, reply: &Reply) {
        if reply.mark == b'+' && reply.first.is("QUEUED") {
            self.queued = self.queued.map(|queued| queued + 1);
            if matches!(slot.effect, Effect::Select(_)) {
                self.index = None;
            }
            return;
        }
        match slot.effect {
            _ if matches!(reply.mark, b'-' | b'!') && slot.effect != Effect::Exec => {}
            Effect::Select(index) => self.index = index,
            Effect::Multi => self.queued = Some(0),
            Effect::Exec => slot.exchange.operation.batch_size = self.queued.take(),
            Effect::Discard => self.queued = None,
            Effect::Reset => {
                self.index = Some(0);
                self.queued = None;
                self.subscribed = false;
            }
            Effect::Subscribe(_) | Effect::Nothing | Effect::Leave => {}
        }
    }

    fn kind(&self, reply: &Reply) -> Kind {
        let listens = self.subscribed
            || self
                .slots
                .front()
                .is_some_and(|s| matches!(s.effect, Effect::Subscribe(_)));
        if reply.mark != b'>' && !(reply.mark == b'*' && listens) {
            return Kind::Answer;
        }
        let word = reply.first.get().unwrap_or_default();
        if command::is_subscription(word) {
            Kind::Confirmation
        } else if reply.mark == b'>' || is_message(&reply.first) {
            Kind::Message
        } else {
            Kind::Answer
        }
    }

    /// What follows is not read.
    fn leave(&mut self, at_ns: u64, out: &mut impl Sink) {
        self.give_up(at_ns, Unanswered::LostData, out);
        self.opaque = true;
        self.commands.lose();
        self.replies.lose();
    }

    /// Commands may have been sent, unseen, behind the last slot.
    fn lose_commands(&mut self) {
        self.commands.lose();
        self.in_doubt = true;
        self.index = None;
        self.queued = None;
        self.turn = Turn::default();
        self.spoke = false;
    }

    /// The end of a reply is not known. If only one is due, it lasts until the client goes on.
    fn lose_replies(&mut self, at_ns: u64, unread: usize, out: &mut impl Sink) {
        let (started_ns, bytes) = (self.replies.begun().started_ns, self.replies.begun().bytes);
        self.replies.lose();
        self.turn.even = 0;
        let is_only = self.slots.len() == 1 && self.beyond == 0;
        if is_only && !self.in_doubt && !self.overlaps {
            self.is_broken = true;
            let exchange = &mut self.slots[0].exchange;
            let started_ns = if started_ns == 0 { at_ns } else { started_ns };
            exchange.response_started_ns.get_or_insert(started_ns);
            let seen = bytes.saturating_add(unread as u64);
            exchange.response_bytes = exchange.response_bytes.saturating_add(seen);
            exchange.ended_ns = at_ns;
            return;
        }
        self.give_up(at_ns, Unanswered::LostData, out);
        self.in_doubt = true;
    }

    fn note_broken(&mut self, chunk: &Chunk<'_>) {
        if let (true, Some(slot)) = (self.is_broken, self.slots.front_mut()) {
            let len = chunk.len.max(chunk.bytes.len()) as u64;
            slot.exchange.response_bytes = slot.exchange.response_bytes.saturating_add(len);
            slot.exchange.ended_ns = chunk.at_ns;
        }
    }
}

fn is_message(word: &Word) -> bool {
    ["message", "pmessage", "smessage"]
        .iter()
        .any(|name| word.is(name))
}

fn tell(mut slot: Slot, index: Option<u32>, out: &mut impl Sink) {
    if slot.is_told {
        return;
    }
    slot.exchange.operation.namespace = namespace(index);
    out.exchange(slot.id, *slot.exchange);
}

fn namespace(index: Option<u32>) -> Option<Cow<'static, str>> {
    index.map(|index| match index {
        0 => Cow::Borrowed("0"),
        other => Cow::Owned(other.to_string()),
    })
}
