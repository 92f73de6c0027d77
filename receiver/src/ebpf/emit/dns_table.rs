//! DNS: the conventions (1.37) have a metric for the client, and attributes, but no span. Ours is
//! of the kind that every exchange has, and named by the type of the question, of which there are
//! few; the name asked for is an attribute.

use tapline_ebpf::abi::Tuple;
use tapline_pdata::write::{Attributes, SpanKind, Status};
use tapline_protocols::{
    conversation::Outcome,
    dns::{self, Exchange},
};

use super::{
    ends::{EndRows, Ends, OnConnection},
    facts::Side,
    status::unanswered,
    table::{self, HistogramView, Subject, Value, int, text},
};

type Row = table::Row<Dns>;
type Table = table::Table<Dns>;

/// The code of an answer that says that there is no such name.
const NO_SUCH_NAME: u8 = 3;

/// Queries of DNS.
pub(crate) struct Dns;

/// One query and the socket it was seen on.
pub(crate) struct DnsFacts<'a> {
    ends: Ends<'a>,
    exchange: &'a Exchange,
    name: String,
}

impl<'a> DnsFacts<'a> {
    /// Reads a query.
    pub(crate) fn new(side: Side, tuple: Option<&'a Tuple>, exchange: &'a Exchange) -> Self {
        Self {
            ends: Ends::new(side, tuple),
            exchange,
            name: format!("DNS {}", dns::kind(exchange.question.kind)),
        }
    }

    /// A server that knows no such name has done its work; a client got no address.
    fn error_type(&self) -> Option<&'static str> {
        match (self.exchange.outcome, self.exchange.code) {
            (Outcome::Unanswered(reason), _) => Some(reason.error_type()),
            (Outcome::Answered, None | Some(0)) => None,
            (Outcome::Answered, Some(NO_SUCH_NAME)) if self.ends.side == Side::Server => None,
            (Outcome::Answered, Some(code)) => Some(dns::code(code)),
        }
    }
}

impl OnConnection for DnsFacts<'_> {
    fn ends(&self) -> &Ends<'_> {
        &self.ends
    }
}

impl Subject for Dns {
    type Facts<'a> = DnsFacts<'a>;

    fn table(facts: &DnsFacts<'_>) -> &'static Table {
        match facts.ends.side {
            Side::Server => &SERVER,
            Side::Client => &CLIENT,
        }
    }

    fn span_name<'f>(facts: &'f DnsFacts<'_>) -> &'f str {
        &facts.name
    }

    fn status(facts: &DnsFacts<'_>) -> Status<'static> {
        unanswered(facts.exchange.outcome).unwrap_or(match facts.error_type() {
            Some(_) => Status::Error(""),
            None => Status::Unset,
        })
    }

    fn more(facts: &DnsFacts<'_>, attributes: &mut Attributes<'_>) {
        let addresses: Vec<&str> = facts
            .exchange
            .addresses
            .iter()
            .map(String::as_str)
            .collect();
        if !addresses.is_empty() {
            attributes.strs("dns.answers", &addresses);
        }
    }
}

/// Bucket bounds of look-ups, in seconds, as the conventions advise.
static DURATION_BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A process answers.
static SERVER: Table = Table {
    kind: SpanKind::Server,
    rows: ROWS,
    duration: None,
};

/// A process asks.
static CLIENT: Table = Table {
    kind: SpanKind::Client,
    rows: ROWS,
    duration: Some(HistogramView {
        name: "dns.lookup.duration",
        description: "Measures the time taken to perform a DNS lookup.",
        unit: "s",
        bounds: &DURATION_BOUNDS,
        rows: &[NAME, ERROR],
    }),
};

const ROWS: &[Row] = &[
    NAME,
    Row {
        key: "tapline.dns.question.type",
        value: |facts| facts.name.strip_prefix("DNS ").and_then(text),
    },
    Row {
        key: "tapline.dns.response.code",
        value: |facts| facts.exchange.code.map(dns::code).and_then(text),
    },
    Row {
        key: "tapline.dns.answer.count",
        value: |facts| {
            facts
                .exchange
                .code
                .map(|_| int(facts.exchange.answer_count))
        },
    },
    Row {
        key: "tapline.dns.retries",
        value: |facts| {
            Some(facts.exchange.retries)
                .filter(|count| *count > 0)
                .map(int)
        },
    },
    Row {
        key: "tapline.response.truncated",
        value: |facts| facts.exchange.is_truncated.then_some(Value::Yes),
    },
    ERROR,
    Dns::SERVER_ADDRESS,
    Dns::SERVER_PORT,
    Dns::CLIENT_ADDRESS,
    Dns::PEER_ADDRESS,
    Dns::PEER_PORT,
    Row {
        key: "network.transport",
        value: |facts| text(facts.exchange.transport),
    },
];

const NAME: Row = Row {
    key: "dns.question.name",
    value: |facts| text(&facts.exchange.question.name),
};
const ERROR: Row = Row {
    key: "error.type",
    value: |facts| facts.error_type().and_then(text),
};
