//! What parsers of messaging protocols tell: operations on queues and topics, and how they ended.
//!
//! Nothing here holds a message: no body, no key, no header but its trace context. Sending,
//! receiving and settling are what a wire shows; that a message was processed is never told, for
//! nobody sees it. Nothing here parses.

mod destination;
mod open;

use std::borrow::Cow;

pub use self::destination::Destination;
pub(crate) use self::open::{Open, Request};
use crate::conversation::Outcome;

/// The most characters of a name that is kept: of a client, a group, a key.
pub const NAME_CHARS_MAX: usize = 128;

/// Which messaging system speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// Apache Kafka and what speaks its protocol.
    Kafka,
    /// MQTT 3.1, 3.1.1 and 5.
    Mqtt,
    /// NATS, with `JetStream`.
    Nats,
    /// `RabbitMQ` and what else speaks AMQP 0.9.1.
    Rabbitmq,
}

impl System {
    /// Returns the name that `messaging.system` has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Mqtt => "mqtt",
            Self::Nats => "nats",
            Self::Rabbitmq => "rabbitmq",
        }
    }
}

/// What an operation does to messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A client hands messages to the server.
    Send,
    /// A client gets messages, because it asks for them or because it subscribed.
    Receive,
    /// A client says what became of messages that it got.
    Settle,
}

impl Kind {
    /// Returns the name that `messaging.operation.type` has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Settle => "settle",
        }
    }
}

/// What was asked, or pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Which system it is of.
    pub system: System,
    /// Its name in the words of the protocol, one of few.
    pub name: &'static str,
    /// What it does to messages; `None` if it moves none.
    pub kind: Option<Kind>,
    /// The server began it: it hands over a message that was subscribed to.
    pub is_push: bool,
    /// Nobody answers it, so that it ends with its last byte.
    pub is_one_way: bool,
    /// The one queue, topic, subject or exchange that it names.
    pub destination: Option<Destination>,
    /// How many it names, if that is not one.
    pub destinations: Option<u32>,
    /// The one partition that it names.
    pub partition: Option<i32>,
    /// The group of consumers that it belongs to.
    pub group: Option<String>,
    /// What the client calls itself.
    pub client_id: Option<String>,
    /// The virtual host that it happens in.
    pub namespace: Option<String>,
    /// By which key the exchange finds queues.
    pub routing_key: Option<String>,
    /// The number that the server gave a delivery.
    pub delivery_tag: Option<u64>,
    /// How many messages it moves or settles, if that could be read.
    pub messages: Option<u32>,
    /// The id that the sender gave the message.
    pub message_id: Option<String>,
    /// The id of what the message belongs to.
    pub conversation_id: Option<String>,
    /// Bytes of the one message, without its headers.
    pub body_bytes: Option<u64>,
    /// The quality of service asked for, in protocols that have one.
    pub qos: Option<u8>,
    /// How long the server may wait for messages before it answers, in milliseconds.
    pub max_wait_ms: Option<u32>,
    /// What became of a message that was received: `ack`, `nack`, `reject`.
    pub settled: Option<&'static str>,
    /// Whether a part of what describes it was not seen.
    pub truncated: bool,
}

impl Operation {
    /// Creates an operation of which only this is known.
    pub fn new(system: System, name: &'static str, kind: Option<Kind>) -> Self {
        Self {
            system,
            name,
            kind,
            is_push: false,
            is_one_way: false,
            destination: None,
            destinations: None,
            partition: None,
            group: None,
            client_id: None,
            namespace: None,
            routing_key: None,
            delivery_tag: None,
            messages: None,
            message_id: None,
            conversation_id: None,
            body_bytes: None,
            qos: None,
            max_wait_ms: None,
            settled: None,
            truncated: false,
        }
    }
}

/// An operation with how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What was asked, or pushed.
    pub operation: Operation,
    /// The name of the error that the other end answered with, one of few.
    pub error: Option<Cow<'static, str>>,
    /// When its first byte moved.
    pub started_ns: u64,
    /// When the first byte of the answer moved.
    pub response_started_ns: Option<u64>,
    /// When the last byte of the answer moved; of its own, if it is not answered; or the time of
    /// the reason why there is no answer.
    pub ended_ns: u64,
    /// Who moved the bytes that completed it.
    pub request_thread: u64,
    /// How it ended. What needs no answer is answered.
    pub outcome: Outcome,
    /// Its bytes on the wire.
    pub request_bytes: u64,
    /// Bytes of the answer on the wire.
    pub response_bytes: u64,
}

/// Returns a name that may be told: printable, and cut at [`NAME_CHARS_MAX`]. Empty is none.
pub(crate) fn name(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * NAME_CHARS_MAX)]);
    let printable = text.chars().filter(|char| !char.is_control());
    Some(printable.take(NAME_CHARS_MAX).collect())
}
