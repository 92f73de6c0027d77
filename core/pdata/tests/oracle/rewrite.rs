//! One pass over the bytes does what decoding, editing and encoding does, one script after another.

use std::{fmt::Debug, sync::Arc};

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, KeyValue, any_value::Value as ProtoValue},
    metrics::v1::metric::Data,
};
use proptest::{collection::vec, prelude::*};
use prost::Message;
use tapline_pdata::{
    Batch, Signal,
    rewrite::{
        AttributesEdit, Keep, LogEdit, MetricEdit, NewValue, Pass, PointEdit, Reach, ResourceEdit,
        ScopeEdit, SpanEdit, Surroundings, Transform,
    },
};

use crate::telemetry;

/// An edit at one level, told once and done twice: to bytes and to prost's structs.
#[derive(Clone, Debug)]
struct Step {
    level: Reach,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    Insert(String, i64),
    Update(String, String),
    Upsert(String, String),
    Remove(String),
    Rename(String, String),
    RemoveNumbers,
    Name(String),
    /// Sets an attribute to how many the resource has.
    CountResource(String),
    /// Drops what has an odd number of attributes.
    DropOdd,
}

impl Step {
    fn attributes(&self, cx: &Surroundings<'_>, mut edit: AttributesEdit<'_>) -> Keep {
        match &self.act {
            Act::Insert(key, int) => drop(edit.insert(key, NewValue::Int(*int))),
            Act::Update(key, text) => drop(edit.update(key, NewValue::Str(text))),
            Act::Upsert(key, text) => edit.upsert(key, NewValue::Str(text)),
            Act::Remove(key) => drop(edit.remove(key)),
            Act::Rename(from, to) => drop(edit.rename(from, to)),
            Act::RemoveNumbers => edit.remove_if(|_, value| value.as_int().is_some()),
            Act::CountResource(key) => {
                let count = cx.resource.attributes().iter().count();
                edit.upsert(key, NewValue::Int(small(count)));
            }
            Act::DropOdd if edit.positions().count() % 2 == 1 => return Keep::No,
            Act::DropOdd | Act::Name(_) => {}
        }
        Keep::Yes
    }

    /// Does to prost's attributes what [`Self::attributes`] does.
    fn pairs(&self, resource: usize, pairs: &mut Vec<KeyValue>) -> Keep {
        let find = |pairs: &[KeyValue], key: &str| pairs.iter().position(|pair| pair.key == key);
        let set = |pairs: &mut Vec<KeyValue>, key: &str, value: ProtoValue| {
            let value = Some(AnyValue { value: Some(value) });
            match find(pairs, key) {
                Some(at) => pairs[at].value = value,
                None => pairs.push(KeyValue {
                    key: key.into(),
                    value,
                    ..Default::default()
                }),
            }
        };
        match &self.act {
            Act::Insert(key, int) => {
                if find(pairs, key).is_none() {
                    set(pairs, key, ProtoValue::IntValue(*int));
                }
            }
            Act::Update(key, text) => {
                if find(pairs, key).is_some() {
                    set(pairs, key, ProtoValue::StringValue(text.clone()));
                }
            }
            Act::Upsert(key, text) => set(pairs, key, ProtoValue::StringValue(text.clone())),
            Act::Remove(key) => pairs.retain(|pair| pair.key != *key),
            Act::Rename(from, to) => {
                if let Some(at) = find(pairs, from)
                    && from != to
                {
                    pairs[at].value.get_or_insert_default();
                    let renamed = pairs[at].clone();
                    pairs[at].key = "\0renamed".into();
                    pairs.retain(|pair| pair.key != *to);
                    let at = find(pairs, "\0renamed").expect("just put there");
                    pairs[at] = KeyValue {
                        key: to.clone(),
                        ..renamed
                    };
                }
            }
            Act::RemoveNumbers => pairs.retain(|pair| {
                let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
                !matches!(value, Some(ProtoValue::IntValue(_)))
            }),
            Act::CountResource(key) => set(pairs, key, ProtoValue::IntValue(small(resource))),
            Act::DropOdd if pairs.len() % 2 == 1 => return Keep::No,
            Act::DropOdd | Act::Name(_) => {}
        }
        Keep::Yes
    }
}

/// Edits a message that may be absent: it comes into being only if that changes something.
fn optional<T: Default + PartialEq>(
    message: &mut Option<T>,
    edit: impl FnOnce(&mut T) -> Keep,
) -> Keep {
    let was_there = message.is_some();
    let mut now = message.take().unwrap_or_default();
    let keep = edit(&mut now);
    *message = (was_there || now != T::default()).then_some(now);
    keep
}

fn small(len: usize) -> i64 {
    i64::try_from(len).expect("test telemetry is small")
}

macro_rules! shows {
    ($($name:ident: $edit:ident, $level:ident;)*) => {$(
        fn $name(&self, cx: &Surroundings<'_>, edit: &mut $edit<'_>) -> Keep {
            if self.level != Reach::$level {
                return Keep::Yes;
            }
            self.attributes(cx, edit.attributes())
        }
    )*};
}

impl Transform for Step {
    fn reach(&self) -> Reach {
        self.level
    }

    shows! {
        resource: ResourceEdit, Resource;
        point: PointEdit, Point;
    }

    fn scope(&self, cx: &Surroundings<'_>, edit: &mut ScopeEdit<'_>) -> Keep {
        match &self.act {
            _ if self.level != Reach::Scope => return Keep::Yes,
            Act::Name(name) => edit.set_name(name),
            _ => {}
        }
        self.attributes(cx, edit.attributes())
    }

    fn span(&self, cx: &Surroundings<'_>, edit: &mut SpanEdit<'_>) -> Keep {
        match &self.act {
            _ if self.level != Reach::Record => return Keep::Yes,
            Act::Name(name) => {
                edit.set_name(name);
                edit.set_status(small(name.len()) as i32, name);
                edit.set_kind(-1);
            }
            _ => {}
        }
        self.attributes(cx, edit.attributes())
    }

    fn log(&self, cx: &Surroundings<'_>, edit: &mut LogEdit<'_>) -> Keep {
        match &self.act {
            _ if self.level != Reach::Record => return Keep::Yes,
            Act::Name(name) => {
                edit.set_body(NewValue::Str(name));
                edit.set_severity_number(17);
                edit.set_severity_text(name);
                edit.set_time_ns(name.len() as u64);
            }
            _ => {}
        }
        self.attributes(cx, edit.attributes())
    }

    fn metric(&self, cx: &Surroundings<'_>, edit: &mut MetricEdit<'_>) -> Keep {
        match &self.act {
            _ if self.level != Reach::Record => return Keep::Yes,
            Act::Name(name) => {
                edit.set_name(name);
                edit.set_unit("");
                edit.set_description("new");
            }
            _ => {}
        }
        self.attributes(cx, edit.attributes())
    }
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let key = || prop_oneof![Just(String::new()), Just("a".into()), Just("b".into())];
    let act = prop_oneof![
        (key(), any::<i64>()).prop_map(|(key, int)| Act::Insert(key, int)),
        (key(), "\\PC{0,200}").prop_map(|(key, text)| Act::Update(key, text)),
        (key(), "\\PC{0,200}").prop_map(|(key, text)| Act::Upsert(key, text)),
        key().prop_map(Act::Remove),
        (key(), key()).prop_map(|(from, to)| Act::Rename(from, to)),
        Just(Act::RemoveNumbers),
        key().prop_map(Act::Name),
        key().prop_map(Act::CountResource),
        Just(Act::DropOdd),
    ];
    let level = prop_oneof![
        Just(Reach::Resource),
        Just(Reach::Scope),
        Just(Reach::Record),
        Just(Reach::Point)
    ];
    vec(
        (level, act).prop_map(|(level, act)| Step { level, act }),
        0..6,
    )
}

/// Keeps what `edit` keeps; says whether the list lost all it had.
fn retain<T>(list: &mut Vec<T>, mut edit: impl FnMut(&mut T) -> Keep) -> Keep {
    let before = list.len();
    list.retain_mut(|one| edit(one) == Keep::Yes);
    if list.is_empty() && before > 0 {
        Keep::No
    } else {
        Keep::Yes
    }
}

/// Walks resources and scopes of prost's structs, and calls `$record` on each record.
macro_rules! model {
    ($step:ident, $blocks:expr, $scopes:ident, $records:ident, $record:expr) => {
        retain($blocks, |block| {
            if $step.level == Reach::Resource {
                let before = block.resource.as_ref().map_or(0, |it| it.attributes.len());
                return optional(&mut block.resource, |resource| {
                    $step.pairs(before, &mut resource.attributes)
                });
            }
            let count = block.resource.as_ref().map_or(0, |it| it.attributes.len());
            retain(&mut block.$scopes, |inner| {
                if $step.level == Reach::Scope {
                    return optional(&mut inner.scope, |scope| {
                        if let Act::Name(name) = &$step.act {
                            scope.name.clone_from(name);
                        }
                        $step.pairs(count, &mut scope.attributes)
                    });
                }
                retain(&mut inner.$records, |record| $record(count, record))
            })
        })
    };
}

fn model_traces(step: &Step, request: &mut ExportTraceServiceRequest) {
    use opentelemetry_proto::tonic::trace::v1::{Span, Status};
    let record = |count, span: &mut Span| {
        if step.level != Reach::Record {
            return Keep::Yes;
        }
        if let Act::Name(name) = &step.act {
            span.name.clone_from(name);
            span.kind = -1;
            span.status = Some(Status {
                code: small(name.len()) as i32,
                message: name.clone(),
            });
        }
        step.pairs(count, &mut span.attributes)
    };
    model!(
        step,
        &mut request.resource_spans,
        scope_spans,
        spans,
        record
    );
}

fn model_logs(step: &Step, request: &mut ExportLogsServiceRequest) {
    use opentelemetry_proto::tonic::logs::v1::LogRecord;
    let record = |count, log: &mut LogRecord| {
        if step.level != Reach::Record {
            return Keep::Yes;
        }
        if let Act::Name(name) = &step.act {
            let value = Some(ProtoValue::StringValue(name.clone()));
            log.body = Some(AnyValue { value });
            log.severity_number = 17;
            log.severity_text.clone_from(name);
            log.time_unix_nano = name.len() as u64;
        }
        step.pairs(count, &mut log.attributes)
    };
    model!(
        step,
        &mut request.resource_logs,
        scope_logs,
        log_records,
        record
    );
}

fn model_metrics(step: &Step, request: &mut ExportMetricsServiceRequest) {
    use opentelemetry_proto::tonic::metrics::v1::Metric;
    let record = |count, metric: &mut Metric| {
        if step.level == Reach::Point {
            let edit = |pairs: &mut Vec<KeyValue>| step.pairs(count, pairs);
            return match &mut metric.data {
                Some(Data::Gauge(it)) => retain(&mut it.data_points, |p| edit(&mut p.attributes)),
                Some(Data::Sum(it)) => retain(&mut it.data_points, |p| edit(&mut p.attributes)),
                Some(Data::Histogram(it)) => {
                    retain(&mut it.data_points, |p| edit(&mut p.attributes))
                }
                Some(Data::ExponentialHistogram(it)) => {
                    retain(&mut it.data_points, |p| edit(&mut p.attributes))
                }
                Some(Data::Summary(it)) => retain(&mut it.data_points, |p| edit(&mut p.attributes)),
                None => Keep::Yes,
            };
        }
        if let Act::Name(name) = &step.act {
            metric.name.clone_from(name);
            metric.unit.clear();
            metric.description = "new".into();
        }
        step.pairs(count, &mut metric.metadata)
    };
    model!(
        step,
        &mut request.resource_metrics,
        scope_metrics,
        metrics,
        record
    );
}

/// Edits both ways and compares: what is left, and how many items each step dropped.
fn compare<T: Message + Default + Clone + PartialEq + Debug>(
    signal: Signal,
    request: &T,
    script: &[Step],
    model: fn(&Step, &mut T),
) {
    let batch = |request: &T| {
        Batch::checked(signal, Bytes::from(request.encode_to_vec())).expect("prost wrote it")
    };
    let source = batch(request);
    let steps = script
        .iter()
        .map(|step| Arc::new(step.clone()) as Arc<dyn Transform>);
    let passed = Pass::new(steps.collect()).run(&source);

    let (mut expected, mut dropped) = (request.clone(), Vec::new());
    let mut items = source.items();
    for step in script {
        model(step, &mut expected);
        let left = batch(&expected).items();
        dropped.push(items - left);
        items = left;
    }
    let wire = passed.batch.to_bytes();
    let edited = Batch::checked(signal, wire.clone()).expect("stays well-formed");
    assert_eq!(T::decode(wire).expect("stays well-formed"), expected);
    assert_eq!((passed.batch.items(), edited.items()), (items, items));
    assert_eq!(passed.dropped, dropped);
}

proptest! {
    #[test]
    fn traces_are_edited_as_prost_would(request in telemetry::traces(), script in script()) {
        compare(Signal::Traces, &request, &script, model_traces);
    }

    #[test]
    fn logs_are_edited_as_prost_would(request in telemetry::logs(), script in script()) {
        compare(Signal::Logs, &request, &script, model_logs);
    }

    #[test]
    fn metrics_are_edited_as_prost_would(request in telemetry::metrics(), script in script()) {
        compare(Signal::Metrics, &request, &script, model_metrics);
    }

    #[test]
    fn broken_bytes_never_make_a_pass_panic(
        request in telemetry::metrics(), script in script(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        random in vec(any::<u8>(), 0..99)
    ) {
        let mut wire = request.encode_to_vec();
        for (at, byte) in flips {
            if !wire.is_empty() {
                let at = at.index(wire.len());
                wire[at] = byte;
            }
        }
        let steps = script.iter().map(|step| Arc::new(step.clone()) as Arc<dyn Transform>);
        let pass = Pass::new(steps.collect());
        for wire in [wire, random] {
            for signal in Signal::ALL {
                // As if checked, although it is not.
                pass.run(&Batch::written(signal, Bytes::from(wire.clone()), 9));
            }
        }
    }
}

#[test]
fn what_is_not_edited_is_not_copied_and_resources_cost_no_copy_of_spans() {
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    let scope_spans = vec![ScopeSpans {
        spans: vec![
            Span {
                name: "n".repeat(100),
                ..Default::default()
            };
            100
        ],
        ..Default::default()
    }];
    let block = ResourceSpans {
        scope_spans,
        ..Default::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![block],
    };
    let wire = Bytes::from(request.encode_to_vec());
    let batch = Batch::checked(Signal::Traces, wire.clone()).expect("prost wrote it");
    let pass = |level, act| Pass::new(vec![Arc::new(Step { level, act }) as Arc<dyn Transform>]);

    let untouched = pass(Reach::Record, Act::Remove("absent".into())).run(&batch);
    assert_eq!(untouched.batch.chunks().len(), 1);
    assert_eq!(untouched.batch.chunks()[0].as_ptr(), wire.as_ptr());

    let named = pass(Reach::Resource, Act::Insert("a".into(), 7)).run(&batch);
    let last = named.batch.chunks().last().expect("something is left");
    assert_eq!(
        last.as_ptr_range().end,
        wire.as_ptr_range().end,
        "a slice of what came"
    );
}

#[test]
fn fields_we_have_never_heard_of_survive_at_every_level() {
    // Field 100, varint 7, in a span, its attribute, the scope, the resource and all around them.
    const UNKNOWN: &[u8] = b"\xa0\x06\x07";
    let field = |tag: u8, bodies: &[&[u8]]| {
        let body = bodies.concat();
        [&[tag, body.len() as u8][..], &body, UNKNOWN].concat()
    };
    let attribute = field(0x4a, &[b"\x0a\x01a\x12\x02\x18\x01", UNKNOWN]);
    let span = field(0x12, &[&attribute, UNKNOWN]);
    let scope = field(0x0a, &[UNKNOWN]);
    let scope_spans = field(0x12, &[&scope, &span]);
    let resource = field(0x0a, &[UNKNOWN]);
    let wire = Bytes::from(field(0x0a, &[&resource, &scope_spans]));
    let batch = Batch::checked(Signal::Traces, wire.clone()).expect("well-formed");
    let steps = [Reach::Resource, Reach::Scope, Reach::Record].map(|level| {
        let act = Act::Upsert("a".into(), "new".into());
        Arc::new(Step { level, act }) as Arc<dyn Transform>
    });
    let edited = Pass::new(steps.to_vec()).run(&batch).batch.to_bytes();
    let count = |wire: &[u8]| wire.windows(3).filter(|window| *window == UNKNOWN).count();
    assert_eq!(count(&wire), 10);
    assert_eq!(count(&edited), 10);
}

/// Renames a span twice and looks at it in between.
struct Renamer;

impl Transform for Renamer {
    fn reach(&self) -> Reach {
        Reach::Record
    }

    fn span(&self, _: &Surroundings<'_>, span: &mut SpanEdit<'_>) -> Keep {
        for name in ["first", "second"] {
            span.set_name(name);
            span.attributes().upsert("name", NewValue::Str(name));
            assert_eq!(span.view().name(), name);
            let kept = span.view().attr("name").expect("just set");
            assert_eq!(kept.as_str(), Some(name));
        }
        Keep::Yes
    }
}

#[test]
fn a_view_shows_every_edit_made_so_far() {
    let batch = crate::samples::traces();
    let passed = Pass::new(vec![Arc::new(Renamer)]).run(&batch);
    assert!(tapline_pdata::text::compact(&passed.batch).contains("second"));
}
