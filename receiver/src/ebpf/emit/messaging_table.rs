//! Messaging by the semantic conventions (1.37, in development): a table for each side and kind.
//!
//! The conventions know the clients only. Sending is PRODUCER; receiving and settling are CLIENT,
//! for the process asks its broker, or is served by it; CONSUMER would say that a message was
//! processed, which no wire shows. What the broker saw of the same is SERVER, whichever end began:
//! it serves one of its clients. A broker's spans make no metrics, there are no names for them.

use tapline_pdata::write::{SpanKind, Status};
use tapline_protocols::messaging::{Kind, System};

use super::{
    ends::{EndRows, OnConnection},
    facts::Side,
    messaging_facts::MessagingFacts,
    status::unanswered,
    table::{self, CounterView, HistogramView, Subject, Value, int, text},
};

type Row = table::Row<Messaging>;
type Table = table::Table<Messaging>;

/// Operations on messages, of whichever system.
pub(crate) struct Messaging;

impl Subject for Messaging {
    type Facts<'a> = MessagingFacts<'a>;

    fn table(facts: &MessagingFacts<'_>) -> &'static Table {
        let operation = &facts.exchange.operation;
        match (facts.ends().side, operation.kind) {
            (Side::Server, _) => &SERVER,
            (Side::Client, Some(Kind::Send)) if operation.is_one_way => &SEND_UNCONFIRMED,
            (Side::Client, Some(Kind::Send)) => &SEND,
            (Side::Client, _) if operation.is_one_way || operation.is_push => &UNMEASURED,
            (Side::Client, _) => &CLIENT,
        }
    }

    fn counter(facts: &MessagingFacts<'_>) -> Option<&'static CounterView<Self>> {
        match (facts.ends().side, facts.exchange.operation.kind) {
            (Side::Client, Some(Kind::Send)) => Some(&SENT),
            (Side::Client, Some(Kind::Receive)) => Some(&CONSUMED),
            _ => None,
        }
    }

    fn span_name<'f>(facts: &'f MessagingFacts<'_>) -> &'f str {
        facts.span_name()
    }

    /// Code and words of the broker are attributes, or are not told.
    fn status(facts: &MessagingFacts<'_>) -> Status<'static> {
        unanswered(facts.exchange.outcome).unwrap_or(match facts.exchange.error {
            Some(_) => Status::Error(""),
            None => Status::Unset,
        })
    }
}

/// Bucket bounds of operation durations, in seconds, as the conventions advise.
static DURATION_BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A broker serves a client.
static SERVER: Table = Table {
    kind: SpanKind::Server,
    rows: ROWS,
    duration: None,
};

/// A process sends, and is told what became of it.
static SEND: Table = Table {
    kind: SpanKind::Producer,
    rows: ROWS,
    duration: DURATION,
};

/// A process sends and nobody says whether it arrived: how long that takes says nothing.
static SEND_UNCONFIRMED: Table = Table {
    kind: SpanKind::Producer,
    rows: ROWS,
    duration: None,
};

/// A process asks for messages, settles them, or asks for something else.
static CLIENT: Table = Table {
    kind: SpanKind::Client,
    rows: ROWS,
    duration: DURATION,
};

/// Likewise, without an answer; or a process is given a message. Until it acknowledges that it
/// works on it, so that the time is not one of an operation on the broker.
static UNMEASURED: Table = Table {
    kind: SpanKind::Client,
    rows: ROWS,
    duration: None,
};

const DURATION: Option<HistogramView<Messaging>> = Some(HistogramView {
    name: "messaging.client.operation.duration",
    description: "Duration of messaging operations initiated by a client.",
    unit: "s",
    bounds: &DURATION_BOUNDS,
    rows: METRIC_ROWS,
});
static SENT: CounterView<Messaging> = CounterView {
    name: "messaging.client.sent.messages",
    description: "Number of messages a client attempted to send to the broker.",
    unit: "{message}",
    count: messages,
    rows: METRIC_ROWS,
};
static CONSUMED: CounterView<Messaging> = CounterView {
    name: "messaging.client.consumed.messages",
    description: "Number of messages that were delivered to a client.",
    unit: "{message}",
    count: messages,
    rows: METRIC_ROWS,
};

/// Messages that could not be counted are none here: their spans have no count either.
fn messages(facts: &MessagingFacts<'_>) -> u64 {
    facts.exchange.operation.messages.map_or(0, u64::from)
}

const METRIC_ROWS: &[Row] = &[
    OPERATION,
    OPERATION_TYPE,
    SYSTEM,
    GROUP,
    Row {
        key: "messaging.destination.name",
        value: |facts| {
            let destination = facts.exchange.operation.destination.as_ref()?;
            let is_one_of_few = destination.template.is_none();
            text(&destination.name).filter(|_| is_one_of_few)
        },
    },
    TEMPLATE,
    PARTITION,
    ERROR,
    Messaging::SERVER_ADDRESS,
    Messaging::SERVER_PORT,
];

const ROWS: &[Row] = &[
    SYSTEM,
    OPERATION,
    OPERATION_TYPE,
    Row {
        key: "messaging.destination.name",
        value: |facts| {
            let destination = facts.exchange.operation.destination.as_ref()?;
            text(&destination.name)
        },
    },
    TEMPLATE,
    Row {
        key: "messaging.destination.anonymous",
        value: |facts| {
            let destination = facts.exchange.operation.destination.as_ref()?;
            destination.is_anonymous.then_some(Value::Yes)
        },
    },
    Row {
        key: "messaging.destination.temporary",
        value: |facts| {
            let destination = facts.exchange.operation.destination.as_ref()?;
            destination.is_temporary.then_some(Value::Yes)
        },
    },
    PARTITION,
    GROUP,
    Row {
        key: "messaging.client.id",
        value: |facts| facts.exchange.operation.client_id.as_deref().and_then(text),
    },
    Row {
        key: "messaging.batch.message_count",
        value: |facts| {
            // Where each message is an operation of its own, there are no batches.
            let operation = &facts.exchange.operation;
            let is_batch = |messages: &u32| operation.system == System::Kafka || *messages > 1;
            operation.messages.filter(is_batch).map(int)
        },
    },
    Row {
        key: "messaging.message.id",
        value: |facts| {
            facts
                .exchange
                .operation
                .message_id
                .as_deref()
                .and_then(text)
        },
    },
    Row {
        key: "messaging.message.conversation_id",
        value: |facts| {
            facts
                .exchange
                .operation
                .conversation_id
                .as_deref()
                .and_then(text)
        },
    },
    Row {
        key: "messaging.message.body.size",
        value: |facts| size(facts.exchange.operation.body_bytes?),
    },
    Row {
        key: "messaging.rabbitmq.destination.routing_key",
        value: |facts| {
            facts
                .exchange
                .operation
                .routing_key
                .as_deref()
                .and_then(text)
        },
    },
    Row {
        key: "messaging.rabbitmq.message.delivery_tag",
        value: |facts| size(facts.exchange.operation.delivery_tag?),
    },
    ERROR,
    Messaging::SERVER_ADDRESS,
    Messaging::SERVER_PORT,
    Messaging::CLIENT_ADDRESS,
    Messaging::PEER_ADDRESS,
    Messaging::PEER_PORT,
    Messaging::TRANSPORT,
    Row {
        key: "tapline.messaging.namespace",
        value: |facts| facts.exchange.operation.namespace.as_deref().and_then(text),
    },
    Row {
        key: "tapline.messaging.destination.count",
        value: |facts| facts.exchange.operation.destinations.map(int),
    },
    Row {
        key: "tapline.messaging.qos",
        value: |facts| facts.exchange.operation.qos.map(int),
    },
    Row {
        key: "tapline.messaging.wait.max_ms",
        value: |facts| facts.exchange.operation.max_wait_ms.map(int),
    },
    Row {
        key: "tapline.messaging.settled",
        value: |facts| facts.exchange.operation.settled.and_then(text),
    },
    Row {
        key: "tapline.messaging.unconfirmed",
        value: |facts| facts.exchange.operation.is_one_way.then_some(Value::Yes),
    },
    Row {
        key: "tapline.request.truncated",
        value: |facts| facts.exchange.operation.truncated.then_some(Value::Yes),
    },
];

const SYSTEM: Row = Row {
    key: "messaging.system",
    value: |facts| text(facts.exchange.operation.system.name()),
};
const OPERATION: Row = Row {
    key: "messaging.operation.name",
    value: |facts| text(facts.exchange.operation.name),
};
const OPERATION_TYPE: Row = Row {
    key: "messaging.operation.type",
    value: |facts| {
        facts
            .exchange
            .operation
            .kind
            .and_then(|kind| text(kind.name()))
    },
};
const TEMPLATE: Row = Row {
    key: "messaging.destination.template",
    value: |facts| {
        let destination = facts.exchange.operation.destination.as_ref()?;
        destination.template.as_deref().and_then(text)
    },
};
const PARTITION: Row = Row {
    key: "messaging.destination.partition.id",
    value: |facts| {
        let partition = facts.exchange.operation.partition?;
        Some(Value::Str(partition.to_string().into()))
    },
};
const GROUP: Row = Row {
    key: "messaging.consumer.group.name",
    value: |facts| facts.exchange.operation.group.as_deref().and_then(text),
};
const ERROR: Row = Row {
    key: "error.type",
    value: |facts| facts.error_type().and_then(text),
};

fn size(value: u64) -> Option<Value<'static>> {
    i64::try_from(value).ok().map(Value::Int)
}
