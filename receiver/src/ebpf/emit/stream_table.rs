//! Pairs of turns that nobody can read. The conventions have no span or metric for them, so the
//! names of those are ours; attributes are theirs.

use tapline_pdata::write::{SpanKind, Status};

use super::{
    ends::{EndRows, OnConnection},
    facts::Side,
    stream_facts::StreamFacts,
    table::{self, HistogramView, Subject, Value, int, text},
};

type Row = table::Row<Stream>;
type Table = table::Table<Stream>;

/// Pairs of turns.
pub(crate) struct Stream;

impl Subject for Stream {
    type Facts<'a> = StreamFacts<'a>;

    fn table(facts: &StreamFacts<'_>) -> &'static Table {
        match facts.ends().side {
            Side::Server => &SERVER,
            Side::Client => &CLIENT,
        }
    }

    fn span_name<'f>(facts: &'f StreamFacts<'_>) -> &'f str {
        match facts.session {
            Some(_) => "TLS",
            None => "stream",
        }
    }

    fn status(_: &StreamFacts<'_>) -> Status<'static> {
        Status::Unset
    }
}

/// Bucket bounds in seconds: of HTTP, and finer, because other protocols are faster.
static DURATION_BOUNDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];

/// A process answers.
static SERVER: Table = Table {
    kind: SpanKind::Server,
    rows: ROWS,
    duration: Some(HistogramView {
        name: "tapline.stream.server.duration",
        description: "Duration of exchanges whose protocol is not read, where they are answered.",
        unit: "s",
        bounds: &DURATION_BOUNDS,
        rows: METRIC_ROWS,
    }),
};

/// A process asks.
static CLIENT: Table = Table {
    kind: SpanKind::Client,
    rows: ROWS,
    duration: Some(HistogramView {
        name: "tapline.stream.client.duration",
        description: "Duration of exchanges whose protocol is not read, where they are asked for.",
        unit: "s",
        bounds: &DURATION_BOUNDS,
        rows: METRIC_ROWS,
    }),
};

/// How long TLS takes to begin.
pub(super) static HANDSHAKE: HistogramView<Stream> = HistogramView {
    name: "tapline.tls.handshake.duration",
    description: "Duration of TLS handshakes.",
    unit: "s",
    bounds: &DURATION_BOUNDS,
    rows: METRIC_ROWS,
};

const METRIC_ROWS: &[Row] = &[
    Row {
        key: "server.address",
        value: |facts| facts.own_server_name().and_then(text),
    },
    Stream::SERVER_PORT,
    Stream::TRANSPORT,
    PROTOCOL_NAME,
    PROTOCOL_VERSION,
    TLS_NAME,
    TLS_VERSION,
];

const ROWS: &[Row] = &[
    PROTOCOL_NAME,
    PROTOCOL_VERSION,
    TLS_NAME,
    TLS_VERSION,
    Row {
        key: "tls.next_protocol",
        value: |facts| facts.application().and_then(text),
    },
    Row {
        key: "tapline.tls.handshake.duration_us",
        value: |facts| {
            let session = facts.session?;
            let lasted_ns = session.ended_ns?.saturating_sub(session.started_ns);
            Some(number(lasted_ns / 1000))
        },
    },
    Row {
        key: "server.address",
        value: |facts| match facts.server_name() {
            Some(name) => text(name),
            None => (Stream::SERVER_ADDRESS.value)(facts),
        },
    },
    Stream::SERVER_PORT,
    Stream::CLIENT_ADDRESS,
    Stream::PEER_ADDRESS,
    Stream::PEER_PORT,
    Stream::TRANSPORT,
    Row {
        key: "tapline.request.bytes",
        value: |facts| {
            facts
                .exchange
                .map(|exchange| number(exchange.request_bytes))
        },
    },
    Row {
        key: "tapline.response.bytes",
        value: |facts| {
            facts
                .exchange
                .map(|exchange| number(exchange.response_bytes))
        },
    },
];

const PROTOCOL_NAME: Row = Row {
    key: "network.protocol.name",
    value: |facts| facts.protocol().and_then(|(name, _)| text(name)),
};
const PROTOCOL_VERSION: Row = Row {
    key: "network.protocol.version",
    value: |facts| facts.protocol().and_then(|(_, version)| text(version)),
};
const TLS_NAME: Row = Row {
    key: "tls.protocol.name",
    value: |facts| text(facts.session?.version?.name()),
};
const TLS_VERSION: Row = Row {
    key: "tls.protocol.version",
    value: |facts| text(facts.session?.version?.number()),
};

fn number(count: u64) -> Value<'static> {
    int(i64::try_from(count).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use tapline_ebpf::abi::SUM_BOUNDS_NS;

    use super::DURATION_BOUNDS;

    #[test]
    fn the_kernel_half_sums_into_the_first_buckets() {
        for (ns, seconds) in SUM_BOUNDS_NS.iter().zip(DURATION_BOUNDS) {
            #[expect(clippy::cast_precision_loss, reason = "they are small")]
            let bound = *ns as f64 / 1e9;
            assert_eq!(bound.to_bits(), seconds.to_bits());
        }
    }
}
