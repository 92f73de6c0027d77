//! Pieces are small enough, and joined they hold what the whole held, in order.

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    metrics::v1::{Metric, metric::Data},
};
use proptest::prelude::*;
use prost::Message;
use tapline_pdata::{Batch, Signal};

use crate::{
    telemetry,
    views::{checked, log_records, points, settled, spans},
};

/// Splits, checks each piece as if it came from outside, and joins the pieces.
fn split_and_join(whole: &Batch, max_items: u32, joined: impl Fn(&[u8]) -> usize) -> Batch {
    let pieces = whole.clone().split(max_items);
    let mut together: Option<Batch> = None;
    for (index, piece) in pieces.iter().enumerate() {
        assert!(piece.items() <= max_items, "piece {index} is too large");
        let wire = piece.to_bytes();
        assert_eq!(piece.size_bytes(), wire.len());
        assert_eq!(piece.items() as usize, joined(&wire));
        let again = Batch::checked(whole.signal(), wire).expect("a piece is well-formed");
        assert_eq!(again.items(), piece.items());
        match &mut together {
            None => together = Some(piece.clone()),
            Some(together) => together.append(piece.clone()),
        }
    }
    // Every piece but the last is full.
    let least = whole.items().div_ceil(max_items).max(1);
    assert_eq!(pieces.len(), least as usize);
    together.expect("there is a piece")
}

/// Every span with all that surrounds it. Surroundings without spans are listed too.
fn flat_traces(request: &ExportTraceServiceRequest) -> Vec<String> {
    let mut flat = Vec::new();
    for block in &request.resource_spans {
        let resource = format!("{:?} {}", block.resource, block.schema_url);
        if block.scope_spans.is_empty() {
            flat.push(resource.clone());
        }
        for inner in &block.scope_spans {
            let scope = format!("{resource} {:?} {}", inner.scope, inner.schema_url);
            if inner.spans.is_empty() {
                flat.push(scope.clone());
            }
            flat.extend(inner.spans.iter().map(|span| format!("{scope} {span:?}")));
        }
    }
    flat
}

fn flat_logs(request: &ExportLogsServiceRequest) -> Vec<String> {
    let mut flat = Vec::new();
    for block in &request.resource_logs {
        let resource = format!("{:?} {}", block.resource, block.schema_url);
        if block.scope_logs.is_empty() {
            flat.push(resource.clone());
        }
        for inner in &block.scope_logs {
            let scope = format!("{resource} {:?} {}", inner.scope, inner.schema_url);
            if inner.log_records.is_empty() {
                flat.push(scope.clone());
            }
            flat.extend(
                inner
                    .log_records
                    .iter()
                    .map(|record| format!("{scope} {record:?}")),
            );
        }
    }
    flat
}

fn flat_metrics(request: &ExportMetricsServiceRequest) -> Vec<String> {
    let mut flat = Vec::new();
    for block in &request.resource_metrics {
        let resource = format!("{:?} {}", block.resource, block.schema_url);
        if block.scope_metrics.is_empty() {
            flat.push(resource.clone());
        }
        for inner in &block.scope_metrics {
            let scope = format!("{resource} {:?} {}", inner.scope, inner.schema_url);
            if inner.metrics.is_empty() {
                flat.push(scope.clone());
            }
            for metric in &inner.metrics {
                let (head, points) = apart(metric.clone());
                if points.is_empty() {
                    flat.push(format!("{scope} {head:?}"));
                }
                flat.extend(
                    points
                        .iter()
                        .map(|point| format!("{scope} {head:?} {point}")),
                );
            }
        }
    }
    flat
}

/// Takes the points out of a metric.
fn apart(mut metric: Metric) -> (Metric, Vec<String>) {
    fn shown<T: std::fmt::Debug>(points: &mut Vec<T>) -> Vec<String> {
        points.drain(..).map(|point| format!("{point:?}")).collect()
    }
    let points = match &mut metric.data {
        None => vec![],
        Some(Data::Gauge(data)) => shown(&mut data.data_points),
        Some(Data::Sum(data)) => shown(&mut data.data_points),
        Some(Data::Histogram(data)) => shown(&mut data.data_points),
        Some(Data::ExponentialHistogram(data)) => shown(&mut data.data_points),
        Some(Data::Summary(data)) => shown(&mut data.data_points),
    };
    (metric, points)
}

fn decode<M: Message + Default>(wire: &[u8]) -> M {
    M::decode(wire).expect("prost reads what we write")
}

proptest! {
    #[test]
    fn joined_pieces_are_the_traces(request in telemetry::traces(), max_items in 1..9u32) {
        let whole = checked(Signal::Traces, &request);
        let joined = split_and_join(&whole, max_items, |wire| spans(&decode(wire)));
        prop_assert_eq!(joined.items(), whole.items());
        prop_assert_eq!(flat_traces(&decode(&joined.to_bytes())), flat_traces(&settled(&request)));
    }

    #[test]
    fn joined_pieces_are_the_logs(request in telemetry::logs(), max_items in 1..9u32) {
        let whole = checked(Signal::Logs, &request);
        let joined = split_and_join(&whole, max_items, |wire| log_records(&decode(wire)));
        prop_assert_eq!(joined.items(), whole.items());
        prop_assert_eq!(flat_logs(&decode(&joined.to_bytes())), flat_logs(&settled(&request)));
    }

    #[test]
    fn joined_pieces_are_the_metrics(request in telemetry::metrics(), max_items in 1..9u32) {
        let whole = checked(Signal::Metrics, &request);
        let joined = split_and_join(&whole, max_items, |wire| points(&decode(wire)));
        prop_assert_eq!(joined.items(), whole.items());
        let flat = flat_metrics(&decode(&joined.to_bytes()));
        prop_assert_eq!(flat, flat_metrics(&settled(&request)));
    }

    #[test]
    fn a_batch_of_several_chunks_splits_like_one(
        left in telemetry::traces(), right in telemetry::traces(), max_items in 1..9u32
    ) {
        let mut whole = checked(Signal::Traces, &left);
        whole.append(checked(Signal::Traces, &right));
        let joined = split_and_join(&whole, max_items, |wire| spans(&decode(wire)));
        let expected = [flat_traces(&settled(&left)), flat_traces(&settled(&right))].concat();
        prop_assert_eq!(flat_traces(&decode(&joined.to_bytes())), expected);
    }
}

fn framed(number: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(number << 3 | 2), &mut out);
    prost::encoding::encode_varint(body.len() as u64, &mut out);
    out.extend_from_slice(body);
    out
}

/// A field that OTLP does not have, holding a mark.
fn unknown(mark: &str) -> Vec<u8> {
    framed(900, mark.as_bytes())
}

fn count(wire: &Bytes, mark: &str) -> usize {
    wire.windows(mark.len())
        .filter(|window| *window == mark.as_bytes())
        .count()
}

#[test]
fn fields_we_have_never_heard_of_survive_splitting_and_joining() {
    let span = |mark| framed(2, &[framed(5, b"name"), unknown(mark)].concat());
    let scope = framed(
        2,
        &[span("SPAN-1"), unknown("SCOPE"), span("SPAN-2")].concat(),
    );
    let request = [
        framed(1, &[scope, unknown("RESOURCE")].concat()),
        unknown("REQUEST"),
    ]
    .concat();
    let whole = Batch::checked(Signal::Traces, Bytes::from(request)).expect("well-formed");
    assert_eq!(whole.items(), 2);

    let pieces = whole.split(1);
    let wires: Vec<_> = pieces.iter().map(Batch::to_bytes).collect();
    let counts = |mark| {
        wires
            .iter()
            .map(|wire| count(wire, mark))
            .collect::<Vec<_>>()
    };
    assert_eq!(counts("SPAN-1"), [1, 0]);
    assert_eq!(counts("SPAN-2"), [0, 1]);
    assert_eq!(counts("SCOPE"), [1, 1]);
    assert_eq!(counts("RESOURCE"), [1, 1]);
    assert_eq!(counts("REQUEST"), [0, 1]);
    let mut pieces = pieces.into_iter();
    let mut joined = pieces.next().expect("two pieces");
    pieces.for_each(|piece| joined.append(piece));
    assert_eq!(spans(&decode(&joined.to_bytes())), 2);
    assert_eq!(count(&joined.to_bytes(), "SPAN"), 2);
}

#[test]
fn what_fits_whole_is_not_copied() {
    let resource = framed(1, &framed(2, &framed(2, &framed(5, b"name"))));
    let wire = Bytes::from(resource.repeat(4));
    let whole = Batch::checked(Signal::Traces, wire.clone()).expect("well-formed");
    let pieces = whole.split(2);
    assert_eq!(pieces.len(), 2);
    for piece in pieces {
        let [chunk] = piece.chunks() else {
            panic!("neighbours stay in one chunk")
        };
        assert!(wire.as_ptr_range().contains(&chunk.as_ptr()));
    }
}

#[test]
fn zero_is_no_limit() {
    let wire = Bytes::from(framed(1, &framed(2, &framed(2, b""))).repeat(3));
    let whole = Batch::checked(Signal::Traces, wire).expect("well-formed");
    assert_eq!(whole.split(0).len(), 1);
}
