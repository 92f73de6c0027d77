//! MQTT 3.1, 3.1.1 and 5: packets, both directions of a connection between a client and a broker.
//!
//! `packet` reads what packets say; here they are put together: a publication with its
//! acknowledgement, whichever end made it, and requests of the client with their answers. User
//! names, passwords, wills and payloads are passed over.
//!
//! Packets are known by their ids, so that a pair is certain whatever was lost, but for pings, of
//! which a client has one at a time. Whoever joins late does not know the version: then it is not
//! said how long a payload is, and which trace it continues.

mod packet;
mod reason;
mod sniff;

use std::collections::HashMap;

use self::packet::{Cursor, KEPT_BYTES};
use crate::{
    conversation::{Chunk, Limits, Toward, Unanswered},
    cutter::{Cutter, Message},
    messaging::{Destination, Kind, Open, Operation, Request, System, name},
    parser::{Parser, Sink},
    recognition::Protocol,
};

/// How MQTT is recognised.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "mqtt",
    begins: sniff::begins,
    parser: |_, limits| Box::new(Mqtt::new(limits)),
};

/// The most operations that may wait for an answer.
pub const OPEN_MAX: usize = 256;
/// The most topics that are remembered by their aliases, in each direction.
const ALIASES_MAX: usize = 64;

/// What an answer is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Connect,
    Ping,
    Subscribe(u16),
    Unsubscribe(u16),
    /// A publication by where it goes and its id.
    Publish(Toward, u16),
    Nothing,
}

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct Mqtt {
    to_server: Cutter,
    to_client: Cutter,
    open: Open<Key>,
    /// 3, 4 or 5, once it is known.
    version: Option<u8>,
    client: Option<String>,
    aliases: HashMap<(Toward, u16), Destination>,
}

impl Mqtt {
    fn new(limits: Limits) -> Self {
        let cutter = || Cutter::new(packet::head, sniff::is_start);
        Self {
            to_server: cutter(),
            to_client: cutter(),
            open: Open::new(OPEN_MAX, limits.response_timeout_ns),
            version: None,
            client: None,
            aliases: HashMap::new(),
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        OPEN_MAX * Open::<Key>::held_by_one()
            + 4 * KEPT_BYTES
            + 2 * ALIASES_MAX * Self::alias_bytes()
    }

    fn alias_bytes() -> usize {
        2 * size_of::<Destination>() + 1024
    }

    fn take(&mut self, toward: Toward, message: &Message, out: &mut dyn Sink) {
        let kind = message.head().first().map_or(0, |first| first >> 4);
        match (kind, toward) {
            (packet::PUBLISH, _) => self.publish(toward, message, out),
            (packet::PUBACK | packet::PUBCOMP | packet::PUBREC, _) => {
                self.acknowledge(kind, toward, message, out);
            }
            (packet::CONNECT, Toward::Server) => self.connect(message, out),
            (packet::SUBSCRIBE | packet::UNSUBSCRIBE, Toward::Server) => {
                self.subscribe(kind == packet::SUBSCRIBE, message, out);
            }
            (packet::PINGREQ, Toward::Server) => {
                let request = self.request(message, "ping", None);
                self.open.ask(Key::Ping, (), request, out);
            }
            (packet::PINGRESP, Toward::Client) => self.answer(Key::Ping, message, None, out),
            (packet::CONNACK, Toward::Client) => self.accept(message, out),
            (packet::SUBACK | packet::UNSUBACK, Toward::Client) => {
                self.subscribed(kind == packet::SUBACK, message, out);
            }
            (packet::DISCONNECT, Toward::Client) => {
                // A broker of version 5 says why it ends the connection.
                let mut request = self.request(message, "disconnect", None);
                request.operation.is_push = true;
                let error = message.body.first().and_then(|code| reason::name(*code));
                self.open.ask(Key::Nothing, (), request, out);
                self.answer(Key::Nothing, message, error, out);
            }
            _ => {}
        }
    }

    fn request(&self, message: &Message, name: &'static str, kind: Option<Kind>) -> Request {
        let mut operation = Operation::new(System::Mqtt, name, kind);
        operation.client_id.clone_from(&self.client);
        operation.truncated = message.is_holed;
        Request {
            operation,
            trace: None,
            started_ns: message.started_ns,
            ended_ns: message.ended_ns,
            thread: message.thread,
            bytes: message.bytes(),
        }
    }

    fn answer(
        &mut self,
        key: Key,
        message: &Message,
        error: Option<&'static str>,
        out: &mut dyn Sink,
    ) {
        let when = (message.started_ns, message.ended_ns);
        self.open
            .answer(key, when, message.bytes(), out, |exchange, ()| {
                // The first answer of two says what failed.
                exchange.error = exchange.error.take().or(error.map(Into::into));
                if exchange.operation.is_push && exchange.operation.kind.is_some() {
                    exchange.operation.settled = Some("ack");
                }
            });
    }

    fn connect(&mut self, message: &Message, out: &mut dyn Sink) {
        let mut cursor = Cursor {
            rest: &message.body,
        };
        let read = |cursor: &mut Cursor<'_>| {
            cursor.text()?;
            let version = cursor.byte()?;
            cursor.take(3)?;
            if version >= 5 {
                cursor.properties()?;
            }
            Some((version, cursor.text().and_then(name)))
        };
        if let Some((version, client)) = read(&mut cursor) {
            self.version = Some(version);
            self.client = client;
        }
        let request = self.request(message, "connect", None);
        self.open.ask(Key::Connect, (), request, out);
    }

    fn accept(&mut self, message: &Message, out: &mut dyn Sink) {
        if message.body_len > 2 {
            self.version = self.version.or(Some(5));
        }
        let error = message.body.get(1).and_then(|code| reason::refusal(*code));
        self.answer(Key::Connect, message, error, out);
    }

    fn publish(&mut self, toward: Toward, message: &Message, out: &mut dyn Sink) {
        let qos = message.head()[0] >> 1 & 0b11;
        let mut request = match toward {
            Toward::Server => self.request(message, "publish", Some(Kind::Send)),
            Toward::Client => self.request(message, "deliver", Some(Kind::Receive)),
        };
        request.operation.is_push = toward == Toward::Client;
        request.operation.messages = Some(1);
        request.operation.qos = Some(qos);
        let mut cursor = Cursor {
            rest: &message.body,
        };
        let id = self.read_publication(toward, &mut cursor, message, &mut request);
        match id {
            Some(id) if qos > 0 => self.open.ask(Key::Publish(toward, id), (), request, out),
            // Without an id nothing can be known of what became of it.
            _ => self.open.tell(Key::Nothing, request, out),
        }
    }

    /// Reads topic, id and properties; returns the id.
    fn read_publication(
        &mut self,
        toward: Toward,
        cursor: &mut Cursor<'_>,
        message: &Message,
        request: &mut Request,
    ) -> Option<u16> {
        let has_id = message.head()[0] & 0b0110 != 0;
        let topic = cursor.text()?;
        request.operation.destination = Destination::new(System::Mqtt, topic);
        let mut before = 2 + topic.len() as u64;
        let id = if has_id { Some(cursor.number()?) } else { None };
        before += 2 * u64::from(has_id);
        let payload = |before: u64| message.body_len.checked_sub(before);
        match self.version {
            None => {}
            Some(5..) => {
                let start = cursor.rest.len();
                let properties = cursor.properties()?;
                let read = start - cursor.rest.len();
                // What was not kept of the properties is no payload either.
                let len = read.max(properties.len + 1) as u64;
                request.operation.body_bytes = payload(before + len);
                request.trace.clone_from(&properties.trace);
                self.alias(toward, properties.alias, &mut request.operation.destination);
            }
            Some(_) => request.operation.body_bytes = payload(before),
        }
        id
    }

    /// Remembers which topic a number stands for, or finds it.
    fn alias(&mut self, toward: Toward, alias: Option<u16>, topic: &mut Option<Destination>) {
        let Some(alias) = alias else { return };
        let key = (toward, alias);
        match topic {
            Some(topic) => {
                if self.aliases.len() < 2 * ALIASES_MAX || self.aliases.contains_key(&key) {
                    self.aliases.insert(key, topic.clone());
                }
            }
            None => *topic = self.aliases.get(&key).cloned(),
        }
    }

    fn acknowledge(&mut self, kind: u8, toward: Toward, message: &Message, out: &mut dyn Sink) {
        let mut cursor = Cursor {
            rest: &message.body,
        };
        let Some(id) = cursor.number() else { return };
        let error = cursor.byte().and_then(reason::name);
        if message.body_len > 2 {
            self.version = self.version.or(Some(5));
        }
        let of = match toward {
            Toward::Server => Toward::Client,
            Toward::Client => Toward::Server,
        };
        let key = Key::Publish(of, id);
        let is_expected = self.open.get_mut(key).is_some_and(|(exchange, ())| {
            let qos = exchange.operation.qos;
            (kind == packet::PUBACK) == (qos == Some(1))
        });
        // Of the highest quality there are two answers, if the first one is no refusal.
        if is_expected && (kind != packet::PUBREC || error.is_some()) {
            self.answer(key, message, error, out);
        }
    }

    fn subscribe(&mut self, is_new: bool, message: &Message, out: &mut dyn Sink) {
        let called = if is_new { "subscribe" } else { "unsubscribe" };
        let mut request = self.request(message, called, None);
        let mut cursor = Cursor {
            rest: &message.body,
        };
        let Some(id) = cursor.number() else { return };
        if self.version >= Some(5) {
            cursor.properties();
        }
        let mut count = 0;
        if self.version.is_some() {
            while let Some(filter) = cursor.text() {
                if is_new {
                    cursor.byte();
                }
                let (group, filter) = shared(filter);
                count += 1;
                if count == 1 {
                    request.operation.group = group.and_then(name);
                    request.operation.destination = Destination::new(System::Mqtt, filter);
                }
            }
        }
        if count > 1 {
            request.operation.group = None;
            request.operation.destination = None;
            request.operation.destinations = Some(count);
        }
        let key = if is_new {
            Key::Subscribe(id)
        } else {
            Key::Unsubscribe(id)
        };
        self.open.ask(key, (), request, out);
    }

    fn subscribed(&mut self, is_new: bool, message: &Message, out: &mut dyn Sink) {
        let mut cursor = Cursor {
            rest: &message.body,
        };
        let Some(id) = cursor.number() else { return };
        if self.version >= Some(5) {
            cursor.properties();
        }
        let codes = if self.version.is_some() {
            cursor.rest
        } else {
            &[]
        };
        let error = codes.iter().find_map(|code| reason::name(*code));
        let key = if is_new {
            Key::Subscribe(id)
        } else {
            Key::Unsubscribe(id)
        };
        self.answer(key, message, error, out);
    }
}

/// Tells the group of a shared subscription apart from its filter.
fn shared(filter: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(rest) = filter.strip_prefix(b"$share/") else {
        return (None, filter);
    };
    match rest.iter().position(|byte| *byte == b'/') {
        Some(end) => (Some(&rest[..end]), &rest[end + 1..]),
        None => (None, filter),
    }
}

impl Parser for Mqtt {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let cutter = match chunk.toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        };
        let mut messages = Vec::new();
        cutter.feed(&chunk, |message| messages.push(message));
        for message in messages {
            self.take(chunk.toward, &message, out);
        }
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let cutter = match toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        };
        let mut messages = Vec::new();
        match len.filter(|len| *len == 0 || !cutter.is_between()) {
            Some(len) => {
                cutter.pass(len, at_ns, 0, |message| messages.push(message));
            }
            None => cutter.lose(),
        }
        for message in messages {
            self.take(toward, &message, out);
        }
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.open.end(at_ns, why, out);
        self.to_server.lose();
        self.to_client.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.open.expire(now_ns, out);
    }

    fn open_requests(&self) -> usize {
        self.open.len()
    }

    fn buffered_bytes(&self) -> usize {
        let aliases = self.aliases.len() * Self::alias_bytes();
        self.open.held() + self.to_server.held() + self.to_client.held() + aliases
    }
}
