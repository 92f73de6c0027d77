//! Small batches of each signal, and settings from YAML.

use serde::de::DeserializeOwned;
use tapline_config::{ComponentId, Environment, Input, Problems, Validate, decode_valid, load};
use tapline_pdata::{
    Batch, Signal,
    write::{self, LogHead, MetricHead, Number, NumberPoint, Scope, SpanHead, SpanKind, Status},
};
use tapline_pipeline::BuildContext;

/// Makes a batch with one record called `name`, large enough to be worth compressing.
pub(crate) fn batch(signal: Signal, name: &str) -> Batch {
    let filler = "x".repeat(2_000);
    let records = match signal {
        Signal::Traces => span(name, &filler),
        Signal::Logs => log(name, &filler),
        Signal::Metrics => gauge(name, &filler),
        Signal::Profiles => return Batch::written(signal, bytes::Bytes::new(), 0),
    };
    let resource = write::resource(|attributes| {
        attributes.str("service.name", "shop");
    });
    let mut wire = Vec::new();
    let scope = Scope {
        name: "test",
        version: "",
    };
    write::resource_block(&mut wire, signal, &resource, &scope, &records);
    Batch::written(signal, wire.into(), 1)
}

fn span(name: &str, filler: &str) -> Vec<u8> {
    let mut records = Vec::new();
    let head = SpanHead {
        trace_id: [1; 16],
        span_id: [2; 8],
        parent_span_id: None,
        trace_state: "",
        flags: 0,
        name,
        kind: SpanKind::Server,
        start_ns: 1,
        end_ns: 2,
        status: Status::Unset,
    };
    write::span(&mut records, &head, |attributes| {
        attributes.str("filler", filler);
    });
    records
}

fn log(body: &str, filler: &str) -> Vec<u8> {
    let mut records = Vec::new();
    let head = LogHead {
        time_ns: 1,
        observed_ns: 1,
        severity_number: 9,
        severity_text: "INFO",
        body,
        event_name: "",
        trace: None,
        flags: 0,
    };
    write::log_record(&mut records, &head, |attributes| {
        attributes.str("filler", filler);
    });
    records
}

fn gauge(name: &str, filler: &str) -> Vec<u8> {
    let mut records = Vec::new();
    let head = MetricHead {
        name,
        description: filler,
        unit: "1",
    };
    write::gauge(&mut records, &head, |points| {
        let value = Number::Int(1);
        let point = NumberPoint {
            start_ns: 0,
            time_ns: 1,
            value,
            exemplars: &[],
        };
        points.point(&point, |_| {});
    });
    records
}

pub(crate) fn spans() -> Batch {
    batch(Signal::Traces, "GET /orders")
}

pub(crate) fn context(signal: Signal) -> BuildContext {
    BuildContext::alone(ComponentId::parse("otlp").expect("is an id"), signal)
}

/// Reads settings from YAML, as the daemon does.
pub(crate) fn settings<T: DeserializeOwned + Validate>(yaml: &str) -> Result<T, Problems> {
    let document = load(&[Input::text("test.yaml", yaml)], &Environment::default())?;
    let mut problems = Problems::new();
    decode_valid(document.root(), &mut problems).ok_or(problems)
}
