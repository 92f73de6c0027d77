//! HTTP by the semantic conventions (1.37, stable parts): two tables, one for each side.
//!
//! Body sizes are opt-in there and on here: the terminal shows them, and the wire gives them for
//! free.

use std::borrow::Cow;

use tapline_pdata::write::{Attributes, SpanKind, Status};
use tapline_protocols::http::Carrier;
use tapline_protocols::{propagation::baggage, wanted::Kept};

use super::{
    facts::{Facts, Side},
    status::unanswered,
    table::{self, HistogramView, Subject, Value, int, text},
};

type Row = table::Row<Http>;
type Table = table::Table<Http>;

/// Requests of HTTP.
pub(crate) struct Http;

impl Subject for Http {
    type Facts<'a> = Facts<'a>;

    fn table(facts: &Facts<'_>) -> &'static Table {
        match facts.side {
            Side::Server => &SERVER,
            Side::Client => &CLIENT,
        }
    }

    fn span_name<'f>(facts: &'f Facts<'_>) -> &'f str {
        facts.name()
    }

    /// Headers that somebody asked for, and that are still asked for.
    fn more(facts: &Facts<'_>, attributes: &mut Attributes<'_>) {
        let mut key = String::new();
        let mut tell = |kind: &str, kept: &Kept, wanted: &[String]| {
            for (name, values) in kept
                .iter()
                .filter(|(name, _)| wanted.iter().any(|w| w == name))
            {
                key.clear();
                key.push_str(kind);
                key.push_str(name);
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                attributes.strs(&key, &values);
            }
        };
        let exchange = facts.exchange;
        let wanted = facts.wanted;
        tell(
            "http.request.header.",
            &exchange.request.kept,
            &wanted.request,
        );
        if let Some(response) = &exchange.response {
            tell("http.response.header.", &response.kept, &wanted.response);
        }
        let said = exchange.request.headers.baggage.as_deref();
        for name in said.map_or(&[][..], |_| facts.baggage) {
            if let Some(value) = said.and_then(|said| baggage::entry(said, name)) {
                key.clear();
                key.push_str("baggage.");
                key.push_str(name);
                attributes.str(&key, &value);
            }
        }
    }

    /// A description is for what the status code does not say (semantic conventions for HTTP
    /// spans).
    fn status(facts: &Facts<'_>) -> Status<'static> {
        unanswered(facts.exchange.outcome).unwrap_or(match facts.status() {
            Some(status) if facts.is_error_status(status) => Status::Error(""),
            _ if facts.graphql().is_some_and(|it| it.error.is_some()) => Status::Error(""),
            _ => Status::Unset,
        })
    }
}

/// Bucket bounds of request durations, in seconds, as the conventions advise.
static DURATION_BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A process answers.
static SERVER: Table = Table {
    kind: SpanKind::Server,
    rows: &[
        METHOD,
        METHOD_ORIGINAL,
        Row {
            key: "url.path",
            value: |facts| Some(facts.path()).filter(|p| !p.is_empty()).and_then(text),
        },
        Row {
            key: "url.query",
            value: |facts| facts.query().and_then(text),
        },
        SCHEME,
        ROUTE,
        STATUS,
        ERROR,
        PROTOCOL,
        VERSION,
        SERVER_ADDRESS,
        SERVER_PORT,
        Row {
            key: "client.address",
            value: |facts| facts.client_address().map(Value::Str),
        },
        PEER_ADDRESS,
        PEER_PORT,
        USER_AGENT,
        REQUEST_BODY,
        RESPONSE_BODY,
        TRANSPORT,
        GRAPHQL_TYPE,
        GRAPHQL_NAME,
        TRUNCATED,
    ],
    duration: Some(HistogramView {
        name: "http.server.request.duration",
        description: "Duration of HTTP server requests.",
        unit: "s",
        bounds: &DURATION_BOUNDS,
        rows: &[METHOD, SCHEME, ROUTE, STATUS, ERROR, VERSION],
    }),
};

/// A process asks.
static CLIENT: Table = Table {
    kind: SpanKind::Client,
    rows: &[
        METHOD,
        METHOD_ORIGINAL,
        Row {
            key: "url.full",
            value: |facts| {
                let is_known = !facts.path().is_empty();
                is_known.then(|| Value::Str(Cow::Owned(facts.url_full())))
            },
        },
        Row {
            key: "url.template",
            value: |facts| facts.route().and_then(text),
        },
        STATUS,
        ERROR,
        PROTOCOL,
        VERSION,
        SERVER_ADDRESS,
        SERVER_PORT,
        PEER_ADDRESS,
        PEER_PORT,
        USER_AGENT,
        REQUEST_BODY,
        RESPONSE_BODY,
        TRANSPORT,
        GRAPHQL_TYPE,
        GRAPHQL_NAME,
        TRUNCATED,
    ],
    duration: Some(HistogramView {
        name: "http.client.request.duration",
        description: "Duration of HTTP client requests.",
        unit: "s",
        bounds: &DURATION_BOUNDS,
        rows: &[METHOD, SERVER_ADDRESS, SERVER_PORT, STATUS, ERROR, VERSION],
    }),
};

const METHOD: Row = Row {
    key: "http.request.method",
    value: |facts| text(facts.method()),
};
const METHOD_ORIGINAL: Row = Row {
    key: "http.request.method_original",
    value: |facts| facts.method_original().and_then(text),
};
const SCHEME: Row = Row {
    key: "url.scheme",
    value: |facts| text(facts.scheme()),
};
const ROUTE: Row = Row {
    key: "http.route",
    value: |facts| facts.route().and_then(text),
};
const STATUS: Row = Row {
    key: "http.response.status_code",
    value: |facts| facts.status().map(int),
};
const ERROR: Row = Row {
    key: "error.type",
    value: |facts| facts.error_type().map(Value::Str),
};
/// Told where it is not HTTP itself.
const PROTOCOL: Row = Row {
    key: "network.protocol.name",
    value: |facts| match facts.exchange.request.carrier {
        Carrier::Http => None,
        Carrier::FastCgi => text("fastcgi"),
    },
};
const VERSION: Row = Row {
    key: "network.protocol.version",
    value: |facts| {
        Some(facts.exchange.request.version)
            .filter(|v| !v.is_empty())
            .and_then(text)
    },
};
const SERVER_ADDRESS: Row = Row {
    key: "server.address",
    value: |facts| facts.server_address().map(Value::Str),
};
const SERVER_PORT: Row = Row {
    key: "server.port",
    value: |facts| facts.server_port().map(int),
};
const PEER_ADDRESS: Row = Row {
    key: "network.peer.address",
    value: |facts| facts.peer_address().and_then(text),
};
const PEER_PORT: Row = Row {
    key: "network.peer.port",
    value: |facts| facts.peer_port().map(int),
};
const USER_AGENT: Row = Row {
    key: "user_agent.original",
    value: |facts| {
        facts
            .exchange
            .request
            .headers
            .user_agent
            .as_deref()
            .and_then(text)
    },
};
const REQUEST_BODY: Row = Row {
    key: "http.request.body.size",
    value: |facts| {
        let is_known = !facts.exchange.request_is_cut;
        is_known.then(|| Value::Int(facts.exchange.request_body_bytes.cast_signed()))
    },
};
const RESPONSE_BODY: Row = Row {
    key: "http.response.body.size",
    value: |facts| {
        let seen = facts.exchange.response.is_some() && !facts.exchange.response_is_cut;
        seen.then(|| Value::Int(facts.exchange.response_body_bytes.cast_signed()))
    },
};
/// Opt-in, and worth it where there are no addresses to see.
const TRANSPORT: Row = Row {
    key: "network.transport",
    value: |facts| {
        if facts.tuple.is_none() {
            text("unix")
        } else {
            None
        }
    },
};

const GRAPHQL_TYPE: Row = Row {
    key: "graphql.operation.type",
    value: |facts| facts.graphql()?.kind.and_then(text),
};
const GRAPHQL_NAME: Row = Row {
    key: "graphql.operation.name",
    value: |facts| facts.graphql()?.name.as_deref().and_then(text),
};

/// A part of the request's head was not captured: a header there, such as `traceparent`, is
/// unknown.
const TRUNCATED: Row = Row {
    key: "tapline.request.truncated",
    value: |facts| facts.exchange.request.truncated.then_some(Value::Yes),
};
