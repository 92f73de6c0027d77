//! Connections that nobody can read: unknown protocols and TLS.

use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{HistogramDataPoint, metric::Data, number_data_point},
    trace::v1::span::SpanKind,
};
use tapline_integration_tests::Program;
use tapline_testkit::Seen;

use crate::{actors::script, daemon::Daemon, durations::named, spans};

const SERVER: &str = "tapline.stream.server.duration";
const CLIENT: &str = "tapline.stream.client.duration";
const SPANS: &str = "unknown_protocols: spans";
/// Where no library is looked into.
const OPAQUE: &str = "unknown_protocols: spans\ntls: {enabled: false}";

/// A program that speaks what nobody knows, and the ports of its two servers.
struct Strange {
    program: Program,
    plain: u16,
    greeting: u16,
}

impl Strange {
    async fn start() -> Self {
        let program = Program::start(script("strange"));
        let line = program.line(|line| line.contains(' ')).await;
        let ports: Vec<u16> = line
            .split(' ')
            .map(|port| port.parse().expect("a port"))
            .collect();
        Self {
            program,
            plain: ports[0],
            greeting: ports[1],
        }
    }
}

pub(crate) async fn an_unknown_protocol_is_measured_by_port_and_makes_no_spans() {
    let daemon = Daemon::start().await;
    let mut strange = Strange::start().await;
    let port = strange.plain;
    for _ in 0..3 {
        assert_eq!(strange.program.ask("ask 30").await, "done");
    }
    let told = daemon
        .stop_when(|seen| count(seen, SERVER, port) == 90 && count(seen, CLIENT, port) == 90)
        .await;
    for name in [SERVER, CLIENT] {
        let point = newest(&told.seen, name, port).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(point.count, 90, "{name}");
        let mean = point.sum() / 90.0;
        assert!((0.019..0.1).contains(&mean), "{name}: {mean} s");
        let keys: Vec<&str> = point.attributes.iter().map(|a| a.key.as_str()).collect();
        assert_eq!(keys, ["server.port"], "of low cardinality");
    }
    // Ten bytes there and a thousand back, seen from both ends.
    for direction in ["transmit", "receive"] {
        assert_eq!(io(&told.seen, port, direction), 90 * 1010, "{direction}");
    }
    let spans = told.seen.spans();
    let strange = spans.iter().filter(|span| span.record.name == "stream");
    assert_eq!(strange.count(), 0);
}

pub(crate) async fn a_rush_of_an_unknown_protocol_is_counted_to_the_last_exchange() {
    let daemon = Daemon::start().await;
    let mut strange = Strange::start().await;
    let port = strange.plain;
    assert_eq!(strange.program.ask("rush 5000").await, "done");
    // The connections stay open, and no later request ends the last exchange: it is told when the
    // daemon stops, and all others before.
    let told = daemon
        .stop_when(|seen| count(seen, SERVER, port) == 4999 && count(seen, CLIENT, port) == 4999)
        .await;
    for name in [SERVER, CLIENT] {
        let point = newest(&told.seen, name, port).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(point.count, 5000, "{name}");
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), 5000, "{name}");
        let mean = point.sum() / 5000.0;
        assert!((0.000_001..0.01).contains(&mean), "{name}: {mean} s");
        assert!(point.min() <= mean && mean <= point.max(), "{name}");
    }
    for direction in ["transmit", "receive"] {
        assert_eq!(io(&told.seen, port, direction), 5000 * 1010, "{direction}");
    }
}

pub(crate) async fn an_unknown_protocol_makes_spans_when_asked_for() {
    let daemon = Daemon::start_with(SPANS).await;
    let mut strange = Strange::start().await;
    let port = strange.plain.to_string();
    assert_eq!(strange.program.ask("ask 5").await, "done");
    let told = daemon
        .stop_when(|seen| of_port(seen, "stream", &port).len() == 10)
        .await;
    let found = of_port(&told.seen, "stream", &port);
    assert_eq!(found.len(), 10, "{}", spans::all(&told.seen));
    for span in &found {
        let facts = [
            ("tapline.request.bytes", "10"),
            ("tapline.response.bytes", "1000"),
            ("network.peer.address", "127.0.0.1"),
        ];
        spans::assert_attributes(span, &facts);
        let lasted = span.record.end_time_unix_nano - span.record.start_time_unix_nano;
        assert!(lasted >= 19_000_000, "{lasted} ns");
    }
}

pub(crate) async fn whoever_greets_first_is_no_client() {
    let daemon = Daemon::start_with(SPANS).await;
    let mut strange = Strange::start().await;
    let port = strange.greeting;
    assert_eq!(strange.program.ask("greet 20").await, "done");
    let told = daemon
        .stop_when(|seen| of_port(seen, "stream", &port.to_string()).len() == 40)
        .await;
    let found = of_port(&told.seen, "stream", &port.to_string());
    assert_eq!(found.len(), 40, "{}", spans::all(&told.seen));
    for span in &found {
        spans::assert_attributes(span, &[("tapline.request.bytes", "10")]);
    }
    let clients = found
        .iter()
        .filter(|span| span.record.kind() == SpanKind::Client);
    assert_eq!(clients.count(), 20);
}

pub(crate) async fn a_stream_without_answers_is_bytes_and_no_exchange() {
    let daemon = Daemon::start().await;
    let mut strange = Strange::start().await;
    let port = strange.plain;
    assert_eq!(strange.program.ask("pour 500").await, "done");
    let poured = 500 * 1024 + 2;
    let told = daemon
        .stop_when(|seen| io(seen, port, "receive") == poured)
        .await;
    for direction in ["transmit", "receive"] {
        assert_eq!(io(&told.seen, port, direction), poured, "{direction}");
    }
    assert_eq!(count(&told.seen, SERVER, port), 0);
}

pub(crate) async fn tls_tells_who_is_asked_for_and_how_long_it_takes() {
    let daemon = Daemon::start_with(OPAQUE).await;
    for (argument, version) in [("TLSv1_3", "1.3"), ("TLSv1_2", "1.2")] {
        let mut command = script("secret");
        command.args([argument, "10"]);
        let mut program = Program::start(command);
        let port = program.line(|line| line.parse::<u16>().is_ok()).await;
        assert_eq!(program.ask("go").await, "done");
        let wanted = |seen: &Seen| of_port(seen, "TLS", &port).len() >= 20;
        daemon.wait_for(wanted).await;
        let seen = daemon.seen();
        let found = of_port(&seen, "TLS", &port);
        for kind in [SpanKind::Client, SpanKind::Server] {
            let of_kind: Vec<_> = found
                .iter()
                .filter(|span| span.record.kind() == kind)
                .collect();
            assert_eq!(of_kind.len(), 10, "{kind:?} {}", spans::all(&seen));
            for span in of_kind {
                let facts = [
                    ("server.address", "localhost"),
                    ("tls.protocol.name", "tls"),
                    ("tls.protocol.version", version),
                    ("tls.next_protocol", "http/1.1"),
                    ("network.protocol.name", "http"),
                ];
                spans::assert_attributes(span, &facts);
                let text = spans::shown(span, "tapline.tls.handshake.duration_us");
                let lasted: u64 = text.expect("told").parse().expect("a number");
                assert!((50..1_000_000).contains(&lasted), "{lasted} us");
            }
        }
    }
}

fn of_port<'a>(seen: &'a Seen, name: &str, port: &str) -> Vec<tapline_testkit::ReceivedSpan<'a>> {
    let mut found = seen.spans();
    found.retain(|span| {
        span.record.name == name && spans::shown(span, "server.port").as_deref() == Some(port)
    });
    found
}

fn is_of_port(attributes: &[KeyValue], port: u16) -> bool {
    attributes.iter().any(|attribute| {
        let value = attribute.value.as_ref().and_then(|any| any.value.as_ref());
        attribute.key == "server.port" && value == Some(&Value::IntValue(port.into()))
    })
}

fn newest<'a>(seen: &'a Seen, name: &str, port: u16) -> Option<&'a HistogramDataPoint> {
    let mut metrics = named(seen, name);
    metrics.reverse();
    metrics.into_iter().find_map(|metric| {
        let Some(Data::Histogram(histogram)) = &metric.record.data else {
            panic!("{name} is not a histogram");
        };
        let mut points = histogram.data_points.iter();
        points.find(|point| is_of_port(&point.attributes, port))
    })
}

fn count(seen: &Seen, name: &str, port: u16) -> u64 {
    newest(seen, name, port).map_or(0, |point| point.count)
}

/// The newest count of bytes of a port in one direction.
fn io(seen: &Seen, port: u16, direction: &str) -> i64 {
    let mut metrics = named(seen, "tapline.stream.io");
    metrics.reverse();
    let found = metrics.into_iter().find_map(|metric| {
        let Some(Data::Sum(sum)) = &metric.record.data else {
            panic!("tapline.stream.io is not a sum");
        };
        let way = |point: &&opentelemetry_proto::tonic::metrics::v1::NumberDataPoint| {
            is_of_port(&point.attributes, port)
                && point.attributes.iter().any(|attribute| {
                    let value = attribute.value.as_ref().and_then(|any| any.value.as_ref());
                    value == Some(&Value::StringValue(direction.to_owned()))
                })
        };
        sum.data_points
            .iter()
            .find(way)
            .and_then(|point| point.value)
    });
    match found {
        Some(number_data_point::Value::AsInt(bytes)) => bytes,
        _ => 0,
    }
}
