//! What a backend has seen, flattened so that a test can ask about one span.

use std::{fmt, sync::Arc};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::Metric,
    resource::v1::Resource,
    trace::v1::Span,
};

use super::payload::{Payload, Received};

/// Every request so far, in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The requests, taken or not.
    pub requests: Vec<Arc<Received>>,
}

/// A record with the resource and scope it came under.
#[derive(Clone, Copy, Debug)]
pub struct Under<'a, R> {
    /// What the record is about.
    pub resource: Option<&'a Resource>,
    /// Who made it.
    pub scope: Option<&'a InstrumentationScope>,
    /// The record itself.
    pub record: &'a R,
}

/// A span that was taken.
pub type ReceivedSpan<'a> = Under<'a, Span>;
/// A log record that was taken.
pub type ReceivedLog<'a> = Under<'a, LogRecord>;
/// A metric that was taken.
pub type ReceivedMetric<'a> = Under<'a, Metric>;

impl Seen {
    /// Returns every span of the requests that were taken.
    pub fn spans(&self) -> Vec<ReceivedSpan<'_>> {
        let mut found = Vec::new();
        for payload in self.taken() {
            let Payload::Traces(request) = payload else {
                continue;
            };
            for block in &request.resource_spans {
                let resource = block.resource.as_ref();
                for scoped in &block.scope_spans {
                    let scope = scoped.scope.as_ref();
                    found.extend(scoped.spans.iter().map(|record| Under {
                        resource,
                        scope,
                        record,
                    }));
                }
            }
        }
        found
    }

    /// Returns every log record of the requests that were taken.
    pub fn logs(&self) -> Vec<ReceivedLog<'_>> {
        let mut found = Vec::new();
        for payload in self.taken() {
            let Payload::Logs(request) = payload else {
                continue;
            };
            for block in &request.resource_logs {
                let resource = block.resource.as_ref();
                for scoped in &block.scope_logs {
                    let scope = scoped.scope.as_ref();
                    found.extend(scoped.log_records.iter().map(|record| Under {
                        resource,
                        scope,
                        record,
                    }));
                }
            }
        }
        found
    }

    /// Returns every metric of the requests that were taken.
    pub fn metrics(&self) -> Vec<ReceivedMetric<'_>> {
        let mut found = Vec::new();
        for payload in self.taken() {
            let Payload::Metrics(request) = payload else {
                continue;
            };
            for block in &request.resource_metrics {
                let resource = block.resource.as_ref();
                for scoped in &block.scope_metrics {
                    let scope = scoped.scope.as_ref();
                    found.extend(scoped.metrics.iter().map(|record| Under {
                        resource,
                        scope,
                        record,
                    }));
                }
            }
        }
        found
    }

    fn taken(&self) -> impl Iterator<Item = &Payload> {
        self.requests
            .iter()
            .filter(|request| request.accepted)
            .map(|request| &request.payload)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spans, logs, metrics) = (self.spans().len(), self.logs().len(), self.metrics().len());
        write!(f, "{spans} spans, {logs} logs, {metrics} metrics in")?;
        for request in &self.requests {
            write!(f, "\n  {request}")?;
        }
        Ok(())
    }
}

/// A record that carries attributes of its own.
pub trait Attributed {
    /// Returns the record's attributes.
    fn attributes(&self) -> &[KeyValue];
}

impl Attributed for Span {
    fn attributes(&self) -> &[KeyValue] {
        &self.attributes
    }
}

impl Attributed for LogRecord {
    fn attributes(&self) -> &[KeyValue] {
        &self.attributes
    }
}

impl<'a, R> Under<'a, R> {
    /// Returns a resource attribute that is a string.
    pub fn resource_str(&self, key: &str) -> Option<&'a str> {
        text(find(&self.resource?.attributes, key)?)
    }
}

impl<'a, R: Attributed> Under<'a, R> {
    /// Returns an attribute's value.
    pub fn attr(&self, key: &str) -> Option<&'a Value> {
        find(self.record.attributes(), key)
    }

    /// Returns an attribute that is a string.
    pub fn attr_str(&self, key: &str) -> Option<&'a str> {
        self.attr(key).and_then(text)
    }

    /// Returns an attribute that is an integer.
    pub fn attr_int(&self, key: &str) -> Option<i64> {
        match self.attr(key)? {
            Value::IntValue(number) => Some(*number),
            _ => None,
        }
    }
}

fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let pair = attributes.iter().find(|pair| pair.key == key)?;
    pair.value
        .as_ref()
        .and_then(|AnyValue { value }| value.as_ref())
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}
