//! AMQP 0.9.1, which `RabbitMQ` speaks: frames, both directions of a connection.
//!
//! `frame` knows the types, `method` what methods say, `content` a message on its way; `asking`
//! reads what clients send and `telling` what servers do. Credentials and bodies are passed over.
//!
//! Answers to requests are known by channel and method. Where publications are confirmed, they are
//! numbered by both ends alike; deliveries carry their numbers. After a loss it is not known any
//! more which number a publication has: from then on they are told without what became of them,
//! and so are those of a connection that was joined late.

mod asking;
mod content;
mod frame;
mod method;
mod sniff;
mod telling;

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use self::{
    content::Content,
    frame::{BODY, END, HEADER, KEPT_BYTES, METHOD},
    method::{Id, Method},
};
use crate::{
    conversation::{Chunk, Limits, Toward, Unanswered},
    cutter::{Cutter, Message, Stand},
    messaging::{Kind, NAME_CHARS_MAX, Open, Operation, Request, System},
    parser::{Parser, Sink},
    recognition::Protocol,
};

/// How AMQP 0.9.1 is recognised.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "amqp",
    begins: sniff::begins,
    parser: |_, limits| Box::new(Amqp::new(limits)),
};

/// The most operations that may wait for an answer.
pub const OPEN_MAX: usize = 512;
/// The most channels that are followed; what happens on others is not told.
const CHANNELS_MAX: usize = 256;
/// The most consumers that are remembered.
const CONSUMERS_MAX: usize = 256;

/// What an answer is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Connect,
    /// A request, by its channel and method.
    Ask(u16, Id),
    /// A publication that will be confirmed, by its channel and number.
    Publish(u16, u64),
    /// A delivery that will be acknowledged, likewise.
    Deliver(u16, u64),
    Nothing,
}

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct Amqp {
    to_server: Cutter,
    to_client: Cutter,
    open: Open<Key>,
    channels: HashMap<u16, Channel>,
    consumers: VecDeque<Consumer>,
    client: Option<String>,
    host: Option<String>,
}

/// What is known of one channel.
#[derive(Debug, Default)]
struct Channel {
    /// Messages on their way to the server, and to the client.
    contents: [Option<Content>; 2],
    /// The number of the next publication, where they are confirmed.
    next_publish: Option<u64>,
}

/// Who gets messages.
#[derive(Debug)]
struct Consumer {
    channel: u16,
    /// Its tag, hashed.
    tag: u64,
    queue: Vec<u8>,
    is_auto: bool,
}

impl Amqp {
    fn new(limits: Limits) -> Self {
        let cutter = || Cutter::new(frame::head, sniff::is_start);
        Self {
            to_server: cutter(),
            to_client: cutter(),
            open: Open::new(OPEN_MAX, limits.response_timeout_ns),
            channels: HashMap::new(),
            consumers: VecDeque::new(),
            client: None,
            host: None,
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        OPEN_MAX * Open::<Key>::held_by_one()
            + 4 * KEPT_BYTES
            + CHANNELS_MAX * Self::channel_bytes()
            + CONSUMERS_MAX * Self::consumer_bytes()
    }

    /// Two messages on their way, with their names.
    fn channel_bytes() -> usize {
        2 * size_of::<Channel>() + 2 * 5 * 4 * NAME_CHARS_MAX
    }

    fn consumer_bytes() -> usize {
        size_of::<Consumer>() + 256
    }

    fn take(&mut self, toward: Toward, message: &Message, out: &mut dyn Sink) -> bool {
        let head = message.head();
        if head.len() != frame::HEAD_BYTES {
            return true;
        }
        let number = u16::from_be_bytes([head[1], head[2]]);
        let is_kept = message.body.len() as u64 == message.body_len;
        let body = match message.body.split_last() {
            Some((end, body)) if is_kept => {
                if *end != END {
                    return false;
                }
                body
            }
            _ => message.body.as_slice(),
        };
        match head[0] {
            METHOD => match (method::read(body), toward) {
                (Some(method), Toward::Server) => self.ask(number, method, message, out),
                (Some(method), Toward::Client) => self.tell(number, method, message, out),
                // What it was may have been an answer.
                (None, _) if message.is_holed => self.lose(toward, message.ended_ns, out),
                (None, _) => {}
            },
            HEADER => self.on_content(number, toward, message, out, |content| {
                content.describe(body)
            }),
            BODY => {
                let len = message.body_len - 1;
                self.on_content(number, toward, message, out, |content| content.add(len));
            }
            _ => {}
        }
        true
    }

    /// Moves a message on, and ends it when it is complete.
    fn on_content(
        &mut self,
        number: u16,
        toward: Toward,
        message: &Message,
        out: &mut dyn Sink,
        read: impl FnOnce(&mut Content) -> bool,
    ) {
        let channel = self.channels.get_mut(&number);
        let Some(slot) = channel.map(|channel| &mut channel.contents[index(toward)]) else {
            return;
        };
        let Some(content) = slot else { return };
        content.request.ended_ns = message.ended_ns;
        content.request.thread = message.thread;
        content.request.bytes += message.bytes();
        content.request.operation.truncated |= message.is_holed;
        if read(content)
            && let Some(content) = slot.take()
        {
            self.arrived(number, content, out);
        }
    }

    /// Remembers a message of which header and bodies are still to come.
    fn announce(&mut self, number: u16, toward: Toward, content: Content) {
        if let Some(channel) = self.channel(number) {
            channel.contents[index(toward)] = Some(content);
        }
    }

    fn channel(&mut self, number: u16) -> Option<&mut Channel> {
        let is_full = self.channels.len() >= CHANNELS_MAX;
        if is_full && !self.channels.contains_key(&number) {
            return None;
        }
        Some(self.channels.entry(number).or_default())
    }

    fn request(&self, message: &Message, name: &'static str, kind: Option<Kind>) -> Request {
        let mut operation = Operation::new(System::Rabbitmq, name, kind);
        operation.client_id.clone_from(&self.client);
        operation.namespace.clone_from(&self.host);
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
    ) -> bool {
        let when = (message.started_ns, message.ended_ns);
        self.open
            .answer(key, when, message.bytes(), out, |exchange, ()| {
                exchange.error = error.map(Into::into).or(exchange.error.take());
            })
    }

    /// Ends what cannot be told apart any more, because bytes of this direction are missing.
    fn lose(&mut self, toward: Toward, at_ns: u64, out: &mut dyn Sink) {
        for channel in self.channels.values_mut() {
            channel.contents[index(toward)] = None;
            if toward == Toward::Server {
                channel.next_publish = None;
            }
        }
        let is_lost = |key: Key| match toward {
            Toward::Client => matches!(key, Key::Publish(..) | Key::Ask(..) | Key::Connect),
            Toward::Server => matches!(key, Key::Deliver(..)),
        };
        for key in self.open.late(None, is_lost) {
            match key {
                Key::Deliver(..) => self.open.end_as_it_is(key, out),
                _ => self.open.give_up(key, at_ns, Unanswered::LostData, out),
            }
        }
    }

    /// A consumer may take its time, or acknowledge nothing: that is no failure.
    fn end_unsettled(&mut self, now_ns: Option<u64>, out: &mut dyn Sink) {
        for key in self
            .open
            .late(now_ns, |key| matches!(key, Key::Deliver(..)))
        {
            self.open.end_as_it_is(key, out);
        }
    }

    fn cutter(&mut self, toward: Toward) -> &mut Cutter {
        match toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        }
    }

    fn take_all(
        &mut self,
        toward: Toward,
        at_ns: u64,
        messages: Vec<Message>,
        stand: Stand,
        out: &mut dyn Sink,
    ) {
        let mut is_lost = stand == Stand::JustLost;
        for message in messages {
            if !self.take(toward, &message, out) {
                self.cutter(toward).lose();
                is_lost = true;
                break;
            }
        }
        if is_lost {
            self.lose(toward, at_ns, out);
        }
    }
}

impl Parser for Amqp {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let cutter = self.cutter(chunk.toward);
        let stand = cutter.feed(&chunk, |message| messages.push(message));
        self.take_all(chunk.toward, chunk.at_ns, messages, stand, out);
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let cutter = self.cutter(toward);
        let stand = if let Some(len) = len.filter(|len| *len == 0 || !cutter.is_between()) {
            cutter.pass(len, at_ns, 0, |message| messages.push(message))
        } else {
            cutter.lose();
            Stand::JustLost
        };
        self.take_all(toward, at_ns, messages, stand, out);
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.end_unsettled(None, out);
        self.open.end(at_ns, why, out);
        self.channels.clear();
        self.consumers.clear();
        self.to_server.lose();
        self.to_client.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.end_unsettled(Some(now_ns), out);
        self.open.expire(now_ns, out);
    }

    fn open_requests(&self) -> usize {
        self.open.len()
    }

    fn buffered_bytes(&self) -> usize {
        self.open.held()
            + self.to_server.held()
            + self.to_client.held()
            + self.channels.len() * Self::channel_bytes()
            + self.consumers.len() * Self::consumer_bytes()
    }
}

fn index(toward: Toward) -> usize {
    match toward {
        Toward::Server => 0,
        Toward::Client => 1,
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
