//! Conversations over WebSocket: two tables, one for each side.
//!
//! The conventions have none. Names of our own are in the namespace `tapline`; there is no metric,
//! because a duration that its ends choose says nothing of how well they are.

use std::borrow::Cow;

use tapline_ebpf::abi::Tuple;
use tapline_pdata::write::{SpanKind, Status};
use tapline_protocols::{conversation::Outcome, redact, websocket::Exchange};

use super::{
    ends::{EndRows, Ends, OnConnection},
    facts::Side,
    table::{self, Subject, Value, text},
};

type Row = table::Row<WebSocket>;
type Table = table::Table<WebSocket>;

/// What a connection says that ends without a close.
const ABNORMAL: u16 = 1006;
/// Codes of an end that both meant: done, and going away.
const ORDERLY: [u16; 3] = [1000, 1001, 1005];

/// Conversations over WebSocket.
pub(crate) struct WebSocket;

/// One conversation and the connection it was seen on.
pub(crate) struct WebSocketFacts<'a> {
    ends: Ends<'a>,
    exchange: &'a Exchange,
}

impl<'a> WebSocketFacts<'a> {
    /// Reads a conversation.
    pub(crate) fn new(side: Side, tuple: Option<&'a Tuple>, exchange: &'a Exchange) -> Self {
        Self {
            ends: Ends::new(side, tuple),
            exchange,
        }
    }

    fn code(&self) -> u16 {
        self.exchange.close.map_or(ABNORMAL, |(code, _)| code)
    }

    fn error(&self) -> Option<Cow<'static, str>> {
        match self.exchange.outcome {
            Outcome::Unanswered(why) => Some(Cow::Borrowed(why.error_type())),
            Outcome::Answered if ORDERLY.contains(&self.code()) => None,
            Outcome::Answered => Some(Cow::Owned(self.code().to_string())),
        }
    }
}

impl OnConnection for WebSocketFacts<'_> {
    fn ends(&self) -> &Ends<'_> {
        &self.ends
    }
}

impl Subject for WebSocket {
    type Facts<'a> = WebSocketFacts<'a>;

    fn table(facts: &WebSocketFacts<'_>) -> &'static Table {
        match facts.ends.side {
            Side::Server => &SERVER,
            Side::Client => &CLIENT,
        }
    }

    fn span_name<'f>(_facts: &'f WebSocketFacts<'_>) -> &'f str {
        "websocket"
    }

    fn status(facts: &WebSocketFacts<'_>) -> Status<'static> {
        match facts.error() {
            Some(_) => Status::Error(""),
            None => Status::Unset,
        }
    }
}

static SERVER: Table = Table {
    kind: SpanKind::Server,
    rows: ROWS,
    duration: None,
};

static CLIENT: Table = Table {
    kind: SpanKind::Client,
    rows: ROWS,
    duration: None,
};

const ROWS: &[Row] = &[
    Row {
        key: "network.protocol.name",
        value: |_| text("websocket"),
    },
    Row {
        key: "url.path",
        value: |facts| text(redact::split_target(&facts.exchange.request.target).0),
    },
    Row {
        key: "error.type",
        value: |facts| facts.error().map(Value::Str),
    },
    Row {
        key: "tapline.websocket.close.code",
        value: |facts| Some(Value::Int(i64::from(facts.code()))),
    },
    Row {
        key: "tapline.websocket.client.messages",
        value: |facts| count(facts.exchange.to_server.messages),
    },
    Row {
        key: "tapline.websocket.client.bytes",
        value: |facts| count(facts.exchange.to_server.bytes),
    },
    Row {
        key: "tapline.websocket.server.messages",
        value: |facts| count(facts.exchange.to_client.messages),
    },
    Row {
        key: "tapline.websocket.server.bytes",
        value: |facts| count(facts.exchange.to_client.bytes),
    },
    WebSocket::SERVER_ADDRESS,
    WebSocket::SERVER_PORT,
    WebSocket::CLIENT_ADDRESS,
    WebSocket::PEER_ADDRESS,
    WebSocket::PEER_PORT,
    WebSocket::TRANSPORT,
    Row {
        key: "tapline.websocket.incomplete",
        value: |facts| facts.exchange.is_holed.then_some(Value::Yes),
    },
];

#[expect(clippy::unnecessary_wraps, reason = "rows return an option")]
fn count(value: u64) -> Option<Value<'static>> {
    Some(Value::Int(value.cast_signed()))
}
