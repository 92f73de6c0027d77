//! How fast JSON is read and written, beside `opentelemetry-proto` with serde and prost.
//!
//! `cargo bench -p tapline-pdata` prints nanoseconds per span, the best of several rounds. It has
//! no threshold: it is for the one who changes the reader.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tapline_pdata::{
    Batch, Signal, json,
    write::{self, Scope, SpanHead, SpanKind, Status},
};

const SPANS: u32 = 1000;

fn main() {
    let batch = batch();
    let text = json::to_json(&batch);
    let wire = batch.to_bytes();
    println!(
        "{SPANS} spans: {} bytes of JSON, {} on the wire",
        text.len(),
        wire.len()
    );
    let request: ExportTraceServiceRequest =
        serde_json::from_slice(&text).expect("the oracle reads it");
    assert_eq!(request.encode_to_vec().len(), wire.len());

    report("json -> wire, ours", || {
        json::from_json(Signal::Traces, &text).expect("it is OTLP/JSON")
    });
    report("json -> structs, serde", || {
        serde_json::from_slice::<ExportTraceServiceRequest>(&text).expect("it is OTLP/JSON")
    });
    report("json -> structs -> wire, serde and prost", || {
        serde_json::from_slice::<ExportTraceServiceRequest>(&text)
            .expect("it is OTLP/JSON")
            .encode_to_vec()
    });
    report("wire -> json, ours", || json::to_json(&batch));
    report("structs -> json, serde", || {
        serde_json::to_vec(&request).expect("it is OTLP")
    });
    report("wire -> structs -> json, prost and serde", || {
        let request = ExportTraceServiceRequest::decode(&wire[..]).expect("it is OTLP");
        serde_json::to_vec(&request).expect("it is OTLP")
    });
    report("check of the wire", || {
        Batch::checked(Signal::Traces, wire.clone()).expect("it is OTLP")
    });
}

/// Prints the best of many rounds: the machine has other things to do.
fn report<T>(what: &str, run: impl Fn() -> T) {
    const ROUNDS: usize = 200;
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        black_box(run());
        best = best.min(begin.elapsed());
    }
    println!(
        "{what:>45}: {:>6} ns/span",
        best.as_nanos() / u128::from(SPANS)
    );
}

/// Spans as an HTTP server makes them: eight attributes each.
fn batch() -> Batch {
    let mut spans = Vec::new();
    for number in 0..u64::from(SPANS) {
        let head = SpanHead {
            trace_id: (u128::from(number) << 64 | 0x5b8e_fff7_9803_8103).to_be_bytes(),
            span_id: number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(),
            parent_span_id: Some(number.to_le_bytes()),
            trace_state: "",
            flags: 257,
            name: "GET /orders/{id}",
            kind: SpanKind::Server,
            start_ns: 1_700_000_000_000_000_000 + number,
            end_ns: 1_700_000_000_012_400_000 + number,
            status: Status::Unset,
        };
        write::span(&mut spans, &head, |attributes| {
            attributes
                .str("http.request.method", "GET")
                .str("url.path", "/orders/4711")
                .str("url.scheme", "https")
                .str("server.address", "orders.shop.svc.cluster.local")
                .int("server.port", 8443)
                .int("http.response.status_code", 200)
                .double("sampling.probability", 0.25)
                .bool("cached", false);
        });
    }
    let resource = write::resource(|attributes| {
        attributes.str("service.name", "orders");
    });
    let scope = Scope {
        name: "shop.http",
        version: "1.2.0",
    };
    let mut out = Vec::new();
    write::resource_block(&mut out, Signal::Traces, &resource, &scope, &spans);
    Batch::written(Signal::Traces, out.into(), SPANS)
}
