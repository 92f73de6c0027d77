//! Remote procedure calls by the semantic conventions (release candidates of 2026-08): two tables,
//! one for each side.
//!
//! The names are in flux. They are said here and nowhere else.

use tapline_pdata::write::{SpanKind, Status};

use super::{
    ends::{EndRows, OnConnection},
    facts::Side,
    rpc_facts::RpcFacts,
    status::unanswered,
    table::{self, HistogramView, Subject, Value, int, text},
};

type Row = table::Row<Rpc>;
type Table = table::Table<Rpc>;

/// Calls, of whichever system.
pub(crate) struct Rpc;

impl Subject for Rpc {
    type Facts<'a> = RpcFacts<'a>;

    fn table(facts: &RpcFacts<'_>) -> &'static Table {
        match facts.ends().side {
            Side::Server => &SERVER,
            Side::Client => &CLIENT,
        }
    }

    fn span_name<'f>(facts: &'f RpcFacts<'_>) -> &'f str {
        facts.span_name()
    }

    /// What a status says is not said again in words; that a call was given up has a status, too.
    fn status(facts: &RpcFacts<'_>) -> Status<'static> {
        if facts.error().is_some() {
            return Status::Error("");
        }
        let known = facts.exchange.status.is_some();
        let unanswered = unanswered(facts.exchange.outcome).filter(|_| !known);
        unanswered.unwrap_or(Status::Unset)
    }
}

/// Bucket bounds of call durations, in seconds, as the conventions advise.
static DURATION_BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A process answers.
static SERVER: Table = Table {
    kind: SpanKind::Server,
    rows: ROWS,
    duration: Some(HistogramView {
        name: "rpc.server.call.duration",
        description: "Duration of incoming remote procedure calls.",
        unit: "s",
        bounds: &DURATION_BOUNDS,
        rows: &[SYSTEM, COUNTED_METHOD, STATUS, ERROR],
    }),
};

/// A process asks.
static CLIENT: Table = Table {
    kind: SpanKind::Client,
    rows: ROWS,
    duration: Some(HistogramView {
        name: "rpc.client.call.duration",
        description: "Duration of outgoing remote procedure calls.",
        unit: "s",
        bounds: &DURATION_BOUNDS,
        rows: &[
            SYSTEM,
            COUNTED_METHOD,
            STATUS,
            ERROR,
            SERVER_ADDRESS,
            SERVER_PORT,
        ],
    }),
};

const ROWS: &[Row] = &[
    SYSTEM,
    Row {
        key: METHOD_KEY,
        value: |facts| facts.exchange.method.as_deref().and_then(text),
    },
    STATUS,
    ERROR,
    SERVER_ADDRESS,
    SERVER_PORT,
    Rpc::CLIENT_ADDRESS,
    Rpc::PEER_ADDRESS,
    Rpc::PEER_PORT,
    Rpc::TRANSPORT,
    Row {
        key: "tapline.rpc.status.source",
        value: |facts| facts.status_source().and_then(text),
    },
    Row {
        key: "tapline.rpc.request.messages",
        value: |facts| count(facts.exchange.request_messages),
    },
    Row {
        key: "tapline.rpc.response.messages",
        value: |facts| count(facts.exchange.response_messages),
    },
    Row {
        key: "tapline.rpc.first_message.duration",
        value: |facts| facts.first_message_seconds().map(Value::Double),
    },
    Row {
        key: "tapline.request.truncated",
        value: |facts| facts.exchange.truncated.then_some(Value::Yes),
    },
];

const METHOD_KEY: &str = "rpc.method";
const SYSTEM: Row = Row {
    key: "rpc.system.name",
    value: |facts| text(facts.exchange.system.name()),
};
const COUNTED_METHOD: Row = Row {
    key: METHOD_KEY,
    value: |facts| facts.counted_method().and_then(text),
};
/// To become `rpc.status_code`.
const STATUS: Row = Row {
    key: "rpc.response.status_code",
    value: |facts| facts.exchange.status.and_then(|status| text(status.name)),
};
const ERROR: Row = Row {
    key: "error.type",
    value: |facts| facts.error_type().and_then(text),
};
/// As the caller names it, else as on the wire.
const SERVER_ADDRESS: Row = Row {
    key: Rpc::SERVER_ADDRESS.key,
    value: |facts| {
        let named = facts.named_host().map(Value::Str);
        named.or_else(|| (Rpc::SERVER_ADDRESS.value)(facts))
    },
};
const SERVER_PORT: Row = Row {
    key: Rpc::SERVER_PORT.key,
    value: |facts| {
        let named = facts.named_port().map(int);
        named.or_else(|| (Rpc::SERVER_PORT.value)(facts))
    },
};

fn count(messages: Option<u64>) -> Option<Value<'static>> {
    messages.map(|messages| Value::Int(messages.cast_signed()))
}
