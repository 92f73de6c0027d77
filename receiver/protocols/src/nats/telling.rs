//! What a line of a server ends, or begins: replies, deliveries, confirmations, errors.

use super::{
    Key, Nats, hash,
    line::{Line, Verb},
    reader::{ACK_SUBJECT, Frame},
    words,
};
use crate::{
    messaging::{Destination, Kind, System},
    parser::Sink,
};

impl Nats {
    pub(super) fn tell(&mut self, frame: &Frame, out: &mut dyn Sink) {
        let Some(line) = frame.line() else { return };
        match line.verb {
            Verb::Ok => self.confirm(frame, None, out),
            Verb::Err => self.refuse(frame, &line, out),
            Verb::Pong => self.pong(frame, out),
            Verb::Msg | Verb::Hmsg => self.message(frame, &line, out),
            _ => {}
        }
    }

    fn confirm(&mut self, frame: &Frame, error: Option<&'static str>, out: &mut dyn Sink) {
        // Whoever joins late sees here that everything is confirmed.
        self.is_verbose |= error.is_none();
        if let Some(key) = self.confirming.pop_front() {
            self.answer(key, frame, error, out);
        }
    }

    fn refuse(&mut self, frame: &Frame, line: &Line<'_>, out: &mut dyn Sink) {
        let error = words::error_name(line.rest);
        if self.is_verbose && !self.confirming.is_empty() {
            return self.confirm(frame, Some(error), out);
        }
        if self.answer(Key::Connect, frame, Some(error), out) {
            return;
        }
        // It is of something that was told long ago.
        let mut request = self.request(frame, "error", None, None);
        request.operation.is_push = true;
        self.open.ask(Key::Nothing, (), request, out);
        self.answer(Key::Nothing, frame, Some(error), out);
    }

    fn pong(&mut self, frame: &Frame, out: &mut dyn Sink) {
        // Without confirmations, the first pong says that the connection was accepted.
        self.answer(Key::Connect, frame, None, out);
        if let Some(key) = self.pings.pop_front() {
            self.answer(key, frame, None, out);
        }
    }

    fn message(&mut self, frame: &Frame, line: &Line<'_>, out: &mut dyn Sink) {
        let headers = words::headers(&frame.kept);
        if self.answer(Key::Reply(hash(line.subject)), frame, headers.status, out) {
            return;
        }
        let mut request = self.request(frame, "deliver", Some(Kind::Receive), headers.trace);
        let operation = &mut request.operation;
        operation.is_push = true;
        operation.destination = Destination::new(System::Nats, line.subject);
        operation.body_bytes = Some(line.payload_len - line.header_len);
        operation.messages = Some(u32::from(headers.status.is_none()));
        let subscription = hash(line.subscription);
        let group = self.groups.iter().find(|(known, _)| *known == subscription);
        operation.group = group.map(|(_, group)| group.clone());
        if line.extra.starts_with(ACK_SUBJECT) {
            self.open.ask(Key::Ack(hash(line.extra)), (), request, out);
        } else {
            self.open.tell(Key::Nothing, request, out);
        }
    }

    fn answer(
        &mut self,
        key: Key,
        frame: &Frame,
        error: Option<&'static str>,
        out: &mut dyn Sink,
    ) -> bool {
        let when = (frame.started_ns, frame.ended_ns);
        self.open
            .answer(key, when, frame.bytes, out, |exchange, ()| {
                exchange.error = error.map(Into::into);
            })
    }

    /// Streams need not want acknowledgements, so that one which never comes is no failure.
    pub(super) fn end_unacknowledged(&mut self, now_ns: Option<u64>, out: &mut dyn Sink) {
        let is_of_stream = |key| matches!(key, Key::Ack(_));
        for key in self.open.late(now_ns, is_of_stream) {
            self.open.end_as_it_is(key, out);
        }
    }
}
