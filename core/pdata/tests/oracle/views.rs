//! Views show what prost decodes, and `checked` counts what prost decodes.

use std::fmt::Debug;

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    metrics::v1::metric::Data,
};
use proptest::{prelude::*, sample::Index};
use prost::Message;
use tapline_pdata::{Batch, Signal};

use crate::{
    mirror::{self, Filled},
    telemetry,
};

/// Writes and reads a request with prost, which loses the sign of a zero.
pub(crate) fn settled<M: Message + Default>(request: &M) -> M {
    M::decode(request.encode_to_vec().as_slice()).expect("prost reads what it writes")
}

pub(crate) fn checked(signal: Signal, request: &impl Message) -> Batch {
    Batch::checked(signal, Bytes::from(request.encode_to_vec())).expect("prost writes valid OTLP")
}

/// Compares as text, because the oracle's `==` would call equal NaNs different.
fn assert_same<T: Debug>(left: T, right: T) {
    let (left, right) = (format!("{left:#?}"), format!("{right:#?}"));
    let differ = left
        .lines()
        .zip(right.lines())
        .find(|(left, right)| left != right);
    assert_eq!(differ, None, "a view differs from the oracle");
    assert_eq!(left.len(), right.len());
}

pub(crate) fn spans(request: &ExportTraceServiceRequest) -> usize {
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|block| &block.scope_spans);
    scopes.map(|inner| inner.spans.len()).sum()
}

pub(crate) fn log_records(request: &ExportLogsServiceRequest) -> usize {
    let scopes = request
        .resource_logs
        .iter()
        .flat_map(|block| &block.scope_logs);
    scopes.map(|inner| inner.log_records.len()).sum()
}

pub(crate) fn points(request: &ExportMetricsServiceRequest) -> usize {
    let scopes = request
        .resource_metrics
        .iter()
        .flat_map(|block| &block.scope_metrics);
    let metrics = scopes.flat_map(|inner| &inner.metrics);
    let points = |data: &Data| match data {
        Data::Gauge(data) => data.data_points.len(),
        Data::Sum(data) => data.data_points.len(),
        Data::Histogram(data) => data.data_points.len(),
        Data::ExponentialHistogram(data) => data.data_points.len(),
        Data::Summary(data) => data.data_points.len(),
    };
    metrics
        .filter_map(|metric| metric.data.as_ref())
        .map(points)
        .sum()
}

proptest! {
    #[test]
    fn show_traces_as_prost_decodes_them(request in telemetry::traces()) {
        let batch = checked(Signal::Traces, &request);
        prop_assert_eq!(batch.items() as usize, spans(&request));
        assert_same(mirror::traces(&batch), settled(&request).filled());
    }

    #[test]
    fn show_metrics_as_prost_decodes_them(request in telemetry::metrics()) {
        let batch = checked(Signal::Metrics, &request);
        prop_assert_eq!(batch.items() as usize, points(&request));
        assert_same(mirror::metrics(&batch), settled(&request).filled());
    }

    #[test]
    fn show_logs_as_prost_decodes_them(request in telemetry::logs()) {
        let batch = checked(Signal::Logs, &request);
        prop_assert_eq!(batch.items() as usize, log_records(&request));
        assert_same(mirror::logs(&batch), settled(&request).filled());
    }

    #[test]
    fn show_damaged_traces_as_prost_decodes_them(
        request in telemetry::traces(), damage in damage()
    ) {
        let wire = damaged(request.encode_to_vec(), &damage);
        if let Some((batch, decoded)) = both::<ExportTraceServiceRequest>(Signal::Traces, wire) {
            prop_assert_eq!(batch.items() as usize, spans(&decoded));
            assert_same(mirror::traces(&batch), decoded.filled());
        }
    }

    #[test]
    fn show_damaged_metrics_as_prost_decodes_them(
        request in telemetry::metrics(), damage in damage()
    ) {
        let wire = damaged(request.encode_to_vec(), &damage);
        if let Some((batch, decoded)) = both::<ExportMetricsServiceRequest>(Signal::Metrics, wire) {
            prop_assert_eq!(batch.items() as usize, points(&decoded));
            assert_same(mirror::metrics(&batch), decoded.filled());
        }
    }

    #[test]
    fn show_damaged_logs_as_prost_decodes_them(request in telemetry::logs(), damage in damage()) {
        let wire = damaged(request.encode_to_vec(), &damage);
        if let Some((batch, decoded)) = both::<ExportLogsServiceRequest>(Signal::Logs, wire) {
            prop_assert_eq!(batch.items() as usize, log_records(&decoded));
            assert_same(mirror::logs(&batch), decoded.filled());
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<(Index, u8)>> {
    proptest::collection::vec((any::<Index>(), any::<u8>()), 1..3)
}

fn damaged(mut wire: Vec<u8>, damage: &[(Index, u8)]) -> Vec<u8> {
    for (at, byte) in damage {
        if !wire.is_empty() {
            let at = at.index(wire.len());
            wire[at] = *byte;
        }
    }
    wire
}

/// Reads bytes both ways. What we admit prost must admit too, but for strings that are not UTF-8.
fn both<M: Message + Default>(signal: Signal, wire: Vec<u8>) -> Option<(Batch, M)> {
    let decoded = M::decode(wire.as_slice());
    let batch = Batch::checked(signal, Bytes::from(wire)).ok()?;
    match decoded {
        Ok(decoded) => Some((batch, decoded)),
        Err(error) => {
            assert!(
                error.to_string().contains("UTF-8"),
                "admitted what prost refuses: {error}"
            );
            None
        }
    }
}

#[test]
fn show_unpacked_numbers_like_packed_ones() {
    // A histogram point with one bucket count and one bound, each as a field of its own.
    let point = [
        &[0x31][..],
        &7u64.to_le_bytes(),
        &[0x39],
        &1.5f64.to_le_bytes(),
    ]
    .concat();
    let framed = |tag: u8, body: &[u8]| {
        let len = u8::try_from(body.len()).expect("the sample is short");
        [&[tag, len], body].concat()
    };
    let metric = framed(0x12, &framed(0x4a, &framed(0x0a, &point)));
    let wire = framed(0x0a, &framed(0x12, &metric));
    let decoded = ExportMetricsServiceRequest::decode(wire.as_slice()).expect("valid");
    let batch = Batch::checked(Signal::Metrics, Bytes::from(wire)).expect("valid");
    assert_same(mirror::metrics(&batch), decoded.filled());
    assert!(tapline_pdata::text::normal(&batch).contains("le1.5=7"));
}
