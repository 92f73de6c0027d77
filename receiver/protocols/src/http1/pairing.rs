//! Which response answers which request, and when an exchange is over.
//!
//! Responses come in the order of their requests, so the front slot is due. All the rest is about
//! what happens when something was not seen: see the rules in the module above.

use super::Http1;
use super::body::Body;
use super::head::{Message, is_interim};
use super::slot::{Answer, Doubt, Slot};
use super::stream::Phase;
use super::upgrade::{Handover, Next, Successor, To};
use super::{Outcome, Sink, Toward, Unanswered};

/// Answers in a row that a client waited for before a loss does not make it one that pipelines.
const TURNS_TO_TRUST: u32 = 2;
/// Turns in a row, one request and one response each, after which a doubtful client is taken for
/// one that waits. A client that always keeps exactly one request ahead is mistaken then; the price
/// of not mistaking it would be silence about every other client that lost one response.
const TURNS_TO_TRUST_AGAIN: u32 = 4;

/// Slots kept per open request: those of requests that were reported early wait on.
const SLOTS_PER_OPEN: usize = 4;

/// Why requests may have been sent that nobody saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hidden {
    /// There is no reason.
    No,
    /// Bytes are missing between chunks.
    Gap,
    /// Bytes are missing in a chunk with a request, so that a hidden request was pipelined.
    Cut,
}

impl Http1 {
    // === Requests ===

    /// Appends the slot of a request; what it proves about older ones is concluded here.
    pub(super) fn push(&mut self, mut slot: Slot, at_ns: u64, out: &mut dyn Sink) {
        if self.slots.len() == 1 && self.responses.loose().is_some() {
            self.end_body(Toward::Client, out);
            self.responses.lose();
        }
        let unsure = match self.missed() {
            Some(first) => {
                self.flush(first, at_ns, out);
                self.pipelined |= first > 0;
                self.pipelined
            }
            None if self.slots.is_empty() => {
                self.hidden != Hidden::No && (self.pipelined || !self.turned)
            }
            None => {
                // The open answer may have been lost: that is no proof against a client that waits.
                let lossy = self.hidden != Hidden::No;
                self.pipelined |= !lossy || self.turns < TURNS_TO_TRUST;
                lossy
            }
        };
        if unsure {
            slot.doubt = Doubt::Order;
        }
        self.hidden = Hidden::No;
        self.slots.push_back(slot);
        self.bound_slots(at_ns, out);
    }

    /// Holds the limits: the oldest request is reported, its response still due.
    fn bound_slots(&mut self, at_ns: u64, out: &mut dyn Sink) {
        let limit = self.limits.open_requests.max(1);
        if self.slots.len() > limit.saturating_mul(SLOTS_PER_OPEN) {
            self.flush(0, at_ns, out);
            self.hidden = Hidden::Gap;
            self.responses.lose();
        }
        if self.slots.len() > limit
            && self.open_requests() > limit
            && let Some(oldest) = self.slots.iter().position(Slot::is_open)
        {
            self.unanswered(oldest, Unanswered::TooManyOpen, at_ns, out);
        }
    }

    // === Responses ===

    /// Claims the front slot for a response that starts; returns whether it can be read.
    pub(super) fn claim_response(&mut self, at_ns: u64, out: &mut dyn Sink) -> bool {
        match self.slots.front_mut() {
            Some(slot) if slot.doubt == Doubt::Order => {
                self.doubtful_turns = if self.slots.len() == 1 {
                    self.doubtful_turns + 1
                } else {
                    0
                };
                self.flush(0, at_ns, out);
                self.hidden = Hidden::Gap;
                if self.doubtful_turns >= TURNS_TO_TRUST_AGAIN {
                    self.trust_again();
                }
                false
            }
            Some(slot) if slot.answer == Answer::Due => {
                slot.answer = Answer::Begun;
                slot.doubt = Doubt::None;
                if self.slots.len() > 1 {
                    self.turns = 0; // the answer comes only now: the client did not wait for it
                }
                true
            }
            Some(_) => false,
            None => {
                self.pipelined |= self.hidden == Hidden::Cut;
                false
            }
        }
    }

    /// Lets a request that waited for `100 Continue` go without its body, now that it is answered.
    pub(super) fn stop_expecting(&mut self) {
        if let Phase::Body(body) = &mut self.requests.phase
            && let Some(front) = self.slots.front()
            && front.expects
            && self.sending == Some(front.id)
            && body.bytes() == 0
        {
            let kept = body.kept.take();
            *body = Body::loose(false, None);
            body.kept = kept;
        }
    }

    /// Ends the message that `toward` was reading; its phase is left to the caller.
    pub(super) fn end_body(&mut self, toward: Toward, out: &mut dyn Sink) {
        match toward {
            Toward::Server => {
                self.note_request();
                let kept = self.requests.take_kept();
                let sent = self.sending.take();
                let slot = self
                    .slots
                    .iter_mut()
                    .rev()
                    .find(|slot| Some(slot.id) == sent);
                if let Some(slot) = slot {
                    slot.sent = true;
                    slot.keep(Toward::Server, kept);
                }
            }
            Toward::Client => {
                self.note_response();
                let kept = self.responses.take_kept();
                if let Some(slot) = self.slots.front_mut() {
                    slot.answer = Answer::Done;
                    slot.keep(Toward::Client, kept);
                }
            }
        }
        self.finish_front(out);
    }

    /// Reports the front exchange if both messages are over.
    fn finish_front(&mut self, out: &mut dyn Sink) {
        let Some(front) = self.slots.front() else {
            return;
        };
        let loose = self.sending == Some(front.id) && self.requests.loose().is_some();
        if front.answer == Answer::Done && (front.sent || loose || !front.is_open()) {
            self.answered(0, out);
            self.slots.pop_front();
            if self.slots.is_empty() {
                self.turns = self.turns.saturating_add(1);
            }
        }
    }

    /// Turns the connection into something that is not ours.
    pub(super) fn upgrade(&mut self, out: &mut dyn Sink) {
        let at_ns = self.responses.last_ns;
        if let Some(exchange) = self.slots.front_mut().and_then(Slot::exchange_mut) {
            exchange.upgraded = true;
        }
        self.answered(0, out);
        self.slots.pop_front();
        self.flush(0, at_ns, out);
        self.requests.lose();
        self.responses.lose();
        self.opaque = true;
    }

    /// Gives the connection to what it becomes. HTTP/2 gets the request too, whose response is
    /// still to come; WebSocket only knows of it.
    pub(super) fn hand_over(&mut self, next: Next, out: &mut dyn Sink) {
        let at_ns = self.responses.last_ns;
        self.note_request();
        let to = match next {
            Next::Http2 => {
                let front = self.slots.pop_front();
                front
                    .map(Slot::hand_over)
                    .and_then(|(number, asked)| Some(To::Http2(number, asked?)))
            }
            Next::WebSocket => {
                let asked = self.slots.front_mut().and_then(Slot::exchange_mut);
                asked.map(|asked| To::WebSocket(Box::new(asked.request.clone())))
            }
        };
        if next == Next::WebSocket {
            self.upgrade(out);
        }
        self.flush(0, at_ns, out);
        if let Some(to) = to {
            self.successor = Successor::Due(Handover { to, unread: 0 });
        }
        self.requests.lose();
        self.responses.lose();
        self.sending = None;
        self.opaque = true;
    }

    // === Losses ===

    /// Concludes what missing bytes mean for the messages that are not being read.
    pub(super) fn lose_others(
        &mut self,
        toward: Toward,
        hidden: Hidden,
        at_ns: u64,
        out: &mut dyn Sink,
    ) {
        if toward == Toward::Server {
            self.hidden = self.hidden.max(hidden);
            self.turned = false;
            if let Some(first) = self.missed() {
                self.flush(first, at_ns, out);
            }
            return;
        }
        let first = self
            .slots
            .iter()
            .take_while(|slot| slot.answer != Answer::Due)
            .count();
        match self.slots.len() - first {
            0 => {}
            // There cannot be more responses than requests: if one starts, it is this one.
            1 if self.hidden == Hidden::No => {
                if let Some(slot) = self.slots.back_mut() {
                    slot.doubt = slot.doubt.max(Doubt::Missed);
                }
            }
            _ => {
                self.flush(first, at_ns, out);
                self.hidden = self.hidden.max(Hidden::Gap);
            }
        }
    }

    /// Takes the client for one that waits for its answers.
    fn trust_again(&mut self) {
        self.hidden = Hidden::No;
        self.pipelined = false;
        self.doubtful_turns = 0;
    }

    /// Forgets that there was pipelining once the line was silent for so long that nothing is
    /// awaited.
    pub(super) fn after_silence(&mut self, toward: Toward, at_ns: u64, out: &mut dyn Sink) {
        let silent = at_ns.saturating_sub(self.active_ns) >= self.limits.response_timeout_ns;
        if !silent || toward != Toward::Server {
            return;
        }
        let doubtful =
            self.hidden != Hidden::No || self.slots.iter().any(|slot| slot.doubt == Doubt::Order);
        if doubtful {
            let first = self
                .slots
                .iter()
                .take_while(|slot| slot.answer != Answer::Due)
                .count();
            self.flush(first, at_ns, out);
            self.pipelined = false;
        }
    }

    /// Finds the slot whose response may have been missed; there is nothing behind it.
    fn missed(&self) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| slot.doubt == Doubt::Missed)
    }

    /// Removes the slots from `first` on, whose responses cannot be told apart any more.
    fn flush(&mut self, first: usize, at_ns: u64, out: &mut dyn Sink) {
        for index in first..self.slots.len() {
            match self.slots[index].answer {
                Answer::Done => self.answered(index, out),
                Answer::Due | Answer::Begun => {
                    self.unanswered(index, Unanswered::LostData, at_ns, out);
                }
            }
        }
        self.slots.truncate(first);
    }

    // === Ends ===

    /// Ends every slot with the connection.
    pub(super) fn close_slots(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.cut_response();
        let proper = match &self.responses.phase {
            Phase::Body(body) => body.ends_with_connection(),
            _ => false,
        };
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            let answered = match slot.answer {
                Answer::Done => true,
                Answer::Begun => proper,
                Answer::Due => false,
            };
            let reason = slot.reason(why);
            if answered {
                self.answered(index, out);
            } else {
                self.unanswered(index, reason, at_ns, out);
            }
        }
        self.slots.clear();
        self.sending = None;
    }

    /// Notes a response whose head is still being read.
    fn cut_response(&mut self) {
        if let Phase::Head(head) = &mut self.responses.phase
            && let Message::Response(response) = &mut head.message
            && !is_interim(response.status)
            && let Some(slot) = self.slots.front_mut()
        {
            response.truncated = true;
            slot.answer(
                std::mem::take(response),
                head.about.started_ns,
                head.about.thread,
            );
        }
    }

    /// Ends what has waited too long.
    pub(super) fn expire_slots(&mut self, now_ns: u64, out: &mut dyn Sink) {
        let timeout = self.limits.response_timeout_ns;
        let old = |since: u64| now_ns.saturating_sub(since) >= timeout;
        if self.responses.loose().is_some() && old(self.responses.last_ns) {
            self.end_body(Toward::Client, out);
            self.responses.lose();
        }
        self.note_request();
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            let Some(exchange) = slot.exchange() else {
                continue;
            };
            if !old(exchange.request_ended_ns) {
                continue;
            }
            let reason = slot.reason(Unanswered::Timeout);
            match slot.answer {
                Answer::Begun if !self.stuck(old) => {}
                Answer::Due | Answer::Begun => self.unanswered(index, reason, now_ns, out),
                Answer::Done => self.answered(index, out),
            }
        }
        self.slots
            .retain(|slot| slot.is_open() || slot.answer != Answer::Done);
    }

    /// Returns whether the head of a response came to a halt long ago.
    fn stuck(&self, old: impl Fn(u64) -> bool) -> bool {
        matches!(self.responses.phase, Phase::Head(_)) && old(self.responses.last_ns)
    }

    // === Reports ===

    /// Reports an exchange as answered; its slot stays.
    fn answered(&mut self, index: usize, out: &mut dyn Sink) {
        self.settle(index, Outcome::Answered, None, out);
    }

    /// Reports an exchange as not answered; its slot stays.
    fn unanswered(&mut self, index: usize, why: Unanswered, at_ns: u64, out: &mut dyn Sink) {
        self.settle(index, Outcome::Unanswered(why), Some(at_ns), out);
    }

    /// Reports an exchange, once; without a time it ended with the last byte of its response.
    fn settle(&mut self, index: usize, outcome: Outcome, at_ns: Option<u64>, out: &mut dyn Sink) {
        self.note_request();
        self.note_response();
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        if self.sending == Some(slot.id) {
            self.sending = None;
            slot.keep(Toward::Server, self.requests.take_kept());
        }
        if index == 0 && slot.answer == Answer::Begun {
            slot.keep(Toward::Client, self.responses.take_kept());
        }
        let id = slot.id;
        if let Some(exchange) = slot.settle(outcome, at_ns) {
            out.exchange(id, exchange);
        }
    }

    /// Brings the exchange whose request is being read up to date.
    fn note_request(&mut self) {
        let Some(sending) = self.sending else {
            return;
        };
        let stream = &self.requests;
        let body = match &stream.phase {
            Phase::Body(body) => body.bytes(),
            _ => 0,
        };
        let slot = self.slots.iter_mut().rev().find(|slot| slot.id == sending);
        if let Some(exchange) = slot.and_then(Slot::exchange_mut) {
            exchange.request_bytes = stream.wire;
            exchange.request_body_bytes = body;
            exchange.request_ended_ns = stream.last_ns;
        }
    }

    /// Brings the exchange whose response is being read up to date.
    fn note_response(&mut self) {
        let Some(slot) = self.slots.front_mut() else {
            return;
        };
        if slot.answer != Answer::Begun {
            return;
        }
        let stream = &self.responses;
        if let Some(exchange) = slot.exchange_mut() {
            if let Phase::Body(body) = &stream.phase {
                exchange.response_body_bytes = body.bytes();
            }
            exchange.response_bytes = stream.wire;
            exchange.ended_ns = stream.last_ns;
        }
    }
}
