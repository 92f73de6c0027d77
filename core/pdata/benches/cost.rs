//! What admitting and editing a batch costs, per span.
//!
//! `cargo bench -p tapline-pdata --bench cost` prints it; there is no threshold. The best of many
//! rounds, so that neighbours on the machine disturb little. A request of 1,000 spans of about 425
//! bytes: ids, name, kind, times, status and ten attributes, of which three are integers.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{hint::black_box, sync::Arc, time::Instant};

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use prost::Message;
use tapline_pdata::{
    Batch, Signal,
    rewrite::{Keep, NewValue, Pass, Reach, ResourceEdit, SpanEdit, Surroundings, Transform},
};

const SPANS: u32 = 1_000;
const ROUNDS: usize = 300;

fn main() {
    let request = request();
    let wire = Bytes::from(request.encode_to_vec());
    println!("{} bytes per span", wire.len() / SPANS as usize);
    measure("check", || {
        Batch::checked(Signal::Traces, wire.clone()).expect("prost wrote it")
    });
    measure("prost decode", || {
        ExportTraceServiceRequest::decode(wire.clone()).expect("prost wrote it")
    });
    let batch = Batch::checked(Signal::Traces, wire.clone()).expect("prost wrote it");
    let pass = |edits: &[Edit]| {
        let one = |edit: &Edit| Arc::new(*edit) as Arc<dyn Transform>;
        Pass::new(edits.iter().map(one).collect())
    };
    let set = |key| Edit::Set(Reach::Record, key);
    let table = [
        (
            "set one attribute on every span",
            pass(&[set("client.address")]),
        ),
        ("add one attribute to every span", pass(&[set("new")])),
        (
            "five of these in one pass",
            pass(&["url.path", "new", "server.address", "newer", "url.scheme"].map(set)),
        ),
        (
            "set one attribute of the resource",
            pass(&[Edit::Set(Reach::Resource, "host.name")]),
        ),
        ("drop every other span", pass(&[Edit::DropEven])),
    ];
    for (what, pass) in &table {
        measure(what, || pass.run(&batch));
    }
    measure("prost: decode, set one, encode", || {
        let mut request = ExportTraceServiceRequest::decode(wire.clone()).expect("prost wrote it");
        for span in &mut request.resource_spans[0].scope_spans[0].spans {
            let mut attributes = span.attributes.iter_mut();
            let found = attributes.find(|pair| pair.key == "client.address");
            *found.expect("every span has it") = text("client.address", "redacted");
        }
        request.encode_to_vec()
    });
}

#[derive(Clone, Copy)]
enum Edit {
    Set(Reach, &'static str),
    DropEven,
}

impl Transform for Edit {
    fn reach(&self) -> Reach {
        match self {
            Self::Set(reach, _) => *reach,
            Self::DropEven => Reach::Record,
        }
    }

    fn resource(&self, _: &Surroundings<'_>, resource: &mut ResourceEdit<'_>) -> Keep {
        if let Self::Set(Reach::Resource, key) = self {
            resource.attributes().upsert(key, NewValue::Str("redacted"));
        }
        Keep::Yes
    }

    fn span(&self, _: &Surroundings<'_>, span: &mut SpanEdit<'_>) -> Keep {
        match self {
            Self::Set(_, key) => span.attributes().upsert(key, NewValue::Str("redacted")),
            Self::DropEven if span.view().span_id()[7].is_multiple_of(2) => return Keep::No,
            Self::DropEven => {}
        }
        Keep::Yes
    }
}

/// Prints the fewest nanoseconds per span that `work` took in any round.
fn measure<T>(what: &str, mut work: impl FnMut() -> T) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        black_box(work());
        best = best.min(began.elapsed().as_secs_f64());
    }
    println!("{what:<40} {:7.1} ns/span", best * 1e9 / f64::from(SPANS));
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

fn span(index: u32) -> Span {
    let at = 1_600_000_000_000_000_000 + u64::from(index) * 1_000_000;
    let attributes = vec![
        text("http.request.method", "GET"),
        text("url.scheme", "https"),
        text("url.path", "/api/v1/orders/7"),
        text("server.address", "shop.example.com"),
        pair("server.port", Value::IntValue(8443)),
        pair("http.response.status_code", Value::IntValue(200)),
        text("network.protocol.version", "1.1"),
        text("client.address", "10.20.30.40"),
        pair("client.port", Value::IntValue(51_234)),
        text("user_agent.original", "curl/8.5.0"),
    ];
    Span {
        trace_id: (u128::from(index) * 0x9e37_79b9_7f4a_7c15)
            .to_be_bytes()
            .into(),
        span_id: (u64::from(index) + 1).to_be_bytes().into(),
        parent_span_id: (u64::from(index) + 2).to_be_bytes().into(),
        name: "GET /api/v1/orders/{id}".into(),
        kind: 2,
        flags: 0x101,
        start_time_unix_nano: at,
        end_time_unix_nano: at + 12_400_000,
        attributes,
        status: Some(Status::default()),
        ..Default::default()
    }
}

fn request() -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![text("service.name", "cart"), text("host.name", "node-7")],
        ..Default::default()
    };
    let scope = InstrumentationScope {
        name: "shop".into(),
        version: "1.2".into(),
        ..Default::default()
    };
    let scope_spans = vec![ScopeSpans {
        scope: Some(scope),
        spans: (0..SPANS).map(span).collect(),
        schema_url: String::new(),
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans,
            schema_url: String::new(),
        }],
    }
}
