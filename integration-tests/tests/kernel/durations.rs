//! Metrics: durations as histograms, and what was lost.

use std::collections::{HashMap, HashSet};

use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, HistogramDataPoint, metric::Data, number_data_point::Value,
};
use tapline_testkit::{ReceivedMetric, Seen};

use tapline_integration_tests::Program;

use crate::{
    actors::{Server, script},
    daemon::Daemon,
    spans,
};

const REQUESTS: u64 = 7;
/// As the semantic conventions advise.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

pub(crate) async fn both_sides_count_every_request() {
    let mut command = script("app");
    command.env("OTEL_SERVICE_NAME", "e7f8-server");
    let server = Server::start(command).await;
    let daemon = Daemon::start().await;
    let mut command = script("client");
    command
        .arg(server.port.to_string())
        .env("OTEL_SERVICE_NAME", "e7f8-client");
    let mut client = Program::start(command);
    for number in 0..REQUESTS {
        assert_eq!(
            client.ask(&format!("GET /e7f8-count/{number}")).await,
            "200 3"
        );
    }
    let counted = |seen: &Seen| {
        let all = |name, service| newest(seen, name, service).is_some_and(|p| p.count == REQUESTS);
        all("http.server.request.duration", "e7f8-server")
            && all("http.client.request.duration", "e7f8-client")
    };
    let told = daemon.stop_when(counted).await;
    assert_told(&told.seen, "http.server.request.duration", "e7f8-server");
    assert_told(&told.seen, "http.client.request.duration", "e7f8-client");
    assert_eq!(spans::count(&told.seen, "/e7f8-count"), 14);
}

fn assert_told(seen: &Seen, name: &str, service: &str) {
    let spans = seen.spans();
    let traces: HashSet<_> = spans.iter().map(|span| &span.record.trace_id).collect();
    let point =
        newest(seen, name, service).unwrap_or_else(|| panic!("no {name} of {service} in {seen}"));
    let in_buckets: u64 = point.bucket_counts.iter().sum();
    assert_eq!((point.count, in_buckets), (REQUESTS, REQUESTS));
    assert_eq!(point.explicit_bounds, BOUNDS);
    assert!(point.start_time_unix_nano < point.time_unix_nano);
    assert!(!point.exemplars.is_empty(), "{name}");
    for exemplar in &point.exemplars {
        assert!(traces.contains(&exemplar.trace_id), "{exemplar:?}");
    }
    let keys: Vec<&str> = point
        .attributes
        .iter()
        .map(|pair| pair.key.as_str())
        .collect();
    for key in ["http.request.method", "http.response.status_code"] {
        assert!(keys.contains(&key), "{keys:?}");
    }
    assert!(
        !keys.contains(&"url.path"),
        "there are too many paths: {keys:?}"
    );
    for metric in named(seen, name) {
        let Some(Data::Histogram(histogram)) = &metric.record.data else {
            panic!("{:?}", metric.record);
        };
        assert_eq!(
            histogram.aggregation_temporality(),
            AggregationTemporality::Cumulative
        );
        assert_eq!(metric.record.unit, "s");
    }
}

pub(crate) async fn loss_is_told_and_is_zero() {
    let daemon = Daemon::start().await;
    let told = daemon
        .stop_when(|seen| !named(seen, "tapline.ebpf.events.lost").is_empty())
        .await;
    let found = named(&told.seen, "tapline.ebpf.events.lost");
    assert!(!found.is_empty(), "{}", told.seen);
    for metric in found {
        let Some(Data::Sum(sum)) = &metric.record.data else {
            panic!("{:?}", metric.record)
        };
        assert!(sum.is_monotonic && !sum.data_points.is_empty());
        for point in &sum.data_points {
            assert_eq!(point.value, Some(Value::AsInt(0)), "{point:?}");
        }
    }
}

/// Returns how many measurements a histogram has in all its series, of all processes.
pub(crate) fn counted(seen: &Seen, name: &str) -> u64 {
    let mut newest = HashMap::new();
    for metric in named(seen, name) {
        let Some(Data::Histogram(histogram)) = &metric.record.data else {
            panic!("{name} is not a histogram");
        };
        for point in &histogram.data_points {
            let series = format!("{:?} {:?}", metric.resource, point.attributes);
            newest.insert(series, point.count);
        }
    }
    newest.values().sum()
}

/// Returns the latest sum over all series of a counter or level.
pub(crate) fn latest(seen: &Seen, name: &str) -> Option<i64> {
    let metrics = named(seen, name);
    let Some(Data::Sum(sum)) = &metrics.last()?.record.data else {
        panic!("{name} is not a sum");
    };
    let value = |value| match value {
        Some(Value::AsInt(value)) => value,
        other => panic!("{name} is {other:?}"),
    };
    Some(sum.data_points.iter().map(|point| value(point.value)).sum())
}

/// Returns the latest value of a level that has one point and is no whole number.
pub(crate) fn latest_double(seen: &Seen, name: &str) -> Option<f64> {
    let metrics = named(seen, name);
    let Some(Data::Sum(sum)) = &metrics.last()?.record.data else {
        panic!("{name} is not a sum");
    };
    match sum.data_points.first()?.value {
        Some(Value::AsDouble(value)) => Some(value),
        other => panic!("{name} is {other:?}"),
    }
}

/// Returns every metric of a name, in the order of arrival.
pub(crate) fn named<'a>(seen: &'a Seen, name: &str) -> Vec<ReceivedMetric<'a>> {
    let mut metrics = seen.metrics();
    metrics.retain(|metric| metric.record.name == name);
    metrics
}

/// Returns the latest point of a service's histogram, which has one series only.
pub(crate) fn newest<'a>(
    seen: &'a Seen,
    name: &str,
    service: &str,
) -> Option<&'a HistogramDataPoint> {
    let mut metrics = named(seen, name);
    metrics.retain(|metric| metric.resource_str("service.name") == Some(service));
    let Some(Data::Histogram(histogram)) = &metrics.last()?.record.data else {
        panic!("{name} is not a histogram");
    };
    assert_eq!(
        histogram.data_points.len(),
        1,
        "{:?}",
        histogram.data_points
    );
    histogram.data_points.first()
}
