//! What a line of a client begins, and which message it acknowledges.

use super::{
    GROUPS_MAX, Key, Nats, OPEN_MAX, hash,
    line::{Line, Verb},
    reader::{ACK_SUBJECT, Frame},
    words,
};
use crate::{
    messaging::{Destination, Kind, Request, System, name},
    parser::Sink,
};

/// A request for messages of a stream: they come with subjects of their own.
const NEXT: &[u8] = b"$JS.API.CONSUMER.MSG.NEXT.";

impl Nats {
    pub(super) fn ask(&mut self, frame: &Frame, out: &mut dyn Sink) {
        let Some(line) = frame.line() else { return };
        match line.verb {
            Verb::Connect => self.connect(frame, &line, out),
            Verb::Ping => self.ping(frame, out),
            Verb::Sub => self.subscribe(frame, &line, out),
            Verb::Unsub => {
                let request = self.request(frame, "unsubscribe", None, None);
                self.one_way(request, out);
            }
            Verb::Pub | Verb::Hpub => self.publish(frame, &line, out),
            _ => {}
        }
    }

    fn connect(&mut self, frame: &Frame, line: &Line<'_>, out: &mut dyn Sink) {
        self.client = words::client_name(line.rest);
        self.is_verbose = words::is_verbose(line.rest);
        let request = self.request(frame, "connect", None, None);
        self.open.ask(Key::Connect, (), request, out);
        if self.is_verbose {
            self.await_confirmation(Key::Connect);
        }
    }

    fn ping(&mut self, frame: &Frame, out: &mut dyn Sink) {
        let request = self.request(frame, "ping", None, None);
        let key = Key::Ping(self.place());
        self.open.ask(key, (), request, out);
        if self.pings.len() < OPEN_MAX {
            self.pings.push_back(key);
        }
    }

    fn subscribe(&mut self, frame: &Frame, line: &Line<'_>, out: &mut dyn Sink) {
        let mut request = self.request(frame, "subscribe", None, None);
        request.operation.destination = Destination::new(System::Nats, line.subject);
        if let Some(group) = name(line.extra) {
            let subscription = hash(line.subscription);
            request.operation.group = Some(group.clone());
            self.groups.retain(|(known, _)| *known != subscription);
            if self.groups.len() >= GROUPS_MAX {
                self.groups.pop_front();
            }
            self.groups.push_back((subscription, group));
        }
        self.one_way(request, out);
    }

    fn publish(&mut self, frame: &Frame, line: &Line<'_>, out: &mut dyn Sink) {
        if line.subject.starts_with(ACK_SUBJECT) {
            return self.acknowledge(frame, line, out);
        }
        let headers = words::headers(&frame.kept);
        let is_request = !line.extra.is_empty() && !line.subject.starts_with(NEXT);
        let called = if is_request { "request" } else { "publish" };
        let mut request = self.request(frame, called, Some(Kind::Send), headers.trace);
        request.operation.destination = Destination::new(System::Nats, line.subject);
        request.operation.body_bytes = Some(line.payload_len - line.header_len);
        request.operation.messages = Some(1);
        if !is_request {
            return self.one_way(request, out);
        }
        self.open
            .ask(Key::Reply(hash(line.extra)), (), request, out);
        if self.is_verbose {
            self.await_confirmation(Key::Nothing);
        }
    }

    /// An acknowledgement ends the delivery of its message. If that was not seen, it is told alone.
    fn acknowledge(&mut self, frame: &Frame, line: &Line<'_>, out: &mut dyn Sink) {
        if self.is_verbose {
            self.await_confirmation(Key::Nothing);
        }
        let settled = match frame.kept.as_slice() {
            // The work goes on.
            [b'+', b'W', ..] => return,
            [b'-', b'N', ..] => "nack",
            [b'+', b'T', ..] => "term",
            _ => "ack",
        };
        let when = (frame.started_ns, frame.ended_ns);
        let key = Key::Ack(hash(line.subject));
        let bytes = frame.bytes;
        let is_of_message = self.open.answer(key, when, bytes, out, |exchange, ()| {
            exchange.operation.settled = Some(settled);
        });
        if !is_of_message {
            let mut request = self.request(frame, settled, Some(Kind::Settle), None);
            request.operation.destination = Destination::new(System::Nats, line.subject);
            self.open.tell(Key::Nothing, request, out);
        }
    }

    /// Tells what is confirmed in verbose mode only.
    fn one_way(&mut self, request: Request, out: &mut dyn Sink) {
        if !self.is_verbose {
            return self.open.tell(Key::Nothing, request, out);
        }
        let key = Key::Line(self.place());
        self.open.ask(key, (), request, out);
        self.await_confirmation(key);
    }

    fn await_confirmation(&mut self, key: Key) {
        if self.confirming.len() >= OPEN_MAX {
            self.confirming.pop_front();
        }
        self.confirming.push_back(key);
    }
}
