//! The headers of a request or a response, as far as they are kept.

use std::sync::Arc;

use super::hpack::{Name, Value};
use crate::{
    propagation::{self, Key, TraceContext},
    text::text,
    wanted::Kept,
};

/// Values of `traceparent` kept; more than one is an error already.
const PARENTS: usize = 4;
/// Values kept of headers of tracers other than W3C's.
const TRACES: usize = 16;
/// Values of `tracestate` kept.
const STATES: usize = 32;
/// Bytes kept of lists that several headers make up.
const LIST_BYTES: usize = 4 * 1024;

/// A value, which many requests may share.
#[derive(Debug, Clone)]
pub(super) enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}

/// What the headers of one message say.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) method: Option<Text>,
    pub(super) path: Option<Text>,
    pub(super) scheme: Option<Text>,
    pub(super) authority: Option<Text>,
    pub(super) status: Option<u16>,
    pub(super) content_type: Option<Text>,
    pub(super) grpc_status: Option<u32>,
    pub(super) is_elastic: bool,
    pub(super) more: More,
    /// Headers that somebody asked for.
    pub(super) kept: Kept,
    /// Whether a header is not known, or not all of one.
    pub(super) is_cut: bool,
    /// Whether one is not known at all.
    pub(super) has_unknown: bool,
}

/// Headers of requests beyond those.
#[derive(Debug, Default)]
pub(super) struct More {
    pub(super) user_agent: Option<Text>,
    pub(super) grpc_timeout: Option<Text>,
    pub(super) traceparent: Vec<Text>,
    pub(super) traces: Vec<(Key, Text)>,
    pub(super) tracestate: Vec<Text>,
    pub(super) baggage: Option<Text>,
    pub(super) request_id: Option<Text>,
    pub(super) forwarded_for: Option<Text>,
    pub(super) forwarded_proto: Option<Text>,
    pub(super) forwarded: Option<Text>,
}

impl Fields {
    /// Takes a header.
    pub(super) fn take(&mut self, name: Name, value: Value<'_>) {
        let value = match value {
            Value::Static(text) => Text::Static(text),
            Value::Shared(text, is_cut) => {
                self.is_cut |= is_cut;
                Text::Shared(Arc::clone(text))
            }
            Value::Said(bytes, is_cut) => {
                self.is_cut |= is_cut;
                Text::Shared(text(bytes, bytes.len()).into())
            }
            Value::Unknown => {
                self.has_unknown |= name == Name::Unknown;
                self.is_cut |= name == Name::Unknown;
                return;
            }
        };
        let more = &mut self.more;
        match name {
            Name::Trace(key) if more.traces.len() < TRACES => more.traces.push((key, value)),
            Name::Unknown | Name::Other | Name::Trace(_) => {}
            Name::Wanted(name) => self.kept.push(name, value.as_str().as_bytes()),
            Name::Method => first(&mut self.method, value),
            Name::Path => first(&mut self.path, value),
            Name::Scheme => first(&mut self.scheme, value),
            Name::Authority | Name::Host => first(&mut self.authority, value),
            Name::ContentType => first(&mut self.content_type, value),
            Name::ElasticProduct => self.is_elastic = true,
            Name::Status => self.status = value.as_str().parse().ok(),
            Name::GrpcStatus => self.grpc_status = value.as_str().parse().ok(),
            Name::GrpcTimeout => first(&mut more.grpc_timeout, value),
            Name::UserAgent => first(&mut more.user_agent, value),
            Name::RequestId => first(&mut more.request_id, value),
            Name::ForwardedProto => joined(&mut more.forwarded_proto, value),
            Name::ForwardedFor => joined(&mut more.forwarded_for, value),
            Name::Forwarded => joined(&mut more.forwarded, value),
            Name::Baggage => joined(&mut more.baggage, value),
            Name::TraceParent => listed(&mut more.traceparent, value, PARENTS),
            Name::TraceState => listed(&mut more.tracestate, value, STATES),
        }
    }

    /// Keeps a header for its own sake, too, if somebody asked for it.
    pub(super) fn keep(
        &mut self,
        name: Name,
        value: Value<'_>,
        wanted: impl Fn(&[u8]) -> Option<&'static str>,
    ) {
        let Some(known) = name.text().and_then(|name| wanted(name.as_bytes())) else {
            return;
        };
        match value {
            _ if matches!(name, Name::Wanted(_)) => {}
            Value::Unknown => {}
            Value::Static(text) => self.kept.push(known, text.as_bytes()),
            Value::Shared(text, _) => self.kept.push(known, text.as_bytes()),
            Value::Said(bytes, _) => self.kept.push(known, bytes),
        }
    }

    /// Reads what they say of the trace of the request.
    pub(super) fn context(&self) -> Option<TraceContext> {
        let mut headers = propagation::Headers::default();
        for value in &self.more.traceparent {
            headers.push(Key::TraceParent, value.as_str().as_bytes());
        }
        for value in &self.more.tracestate {
            headers.push(Key::TraceState, value.as_str().as_bytes());
        }
        for (key, value) in &self.more.traces {
            headers.push(*key, value.as_str().as_bytes());
        }
        headers.read()
    }

    /// Returns whether this can be the head of a request: it says what only those say, or something
    /// that is not known.
    pub(super) fn is_request(&self) -> bool {
        self.method.is_some() || self.path.is_some() || self.scheme.is_some() || self.has_unknown
    }

    /// Returns how many bytes are held.
    pub(super) fn held(&self) -> usize {
        let more = &self.more;
        let single = [
            &self.method,
            &self.path,
            &self.scheme,
            &self.authority,
            &self.content_type,
            &more.user_agent,
            &more.grpc_timeout,
            &more.baggage,
            &more.request_id,
            &more.forwarded_for,
            &more.forwarded_proto,
            &more.forwarded,
        ];
        let traces = more.traces.iter().map(|(_, value)| value);
        let lists = more
            .traceparent
            .iter()
            .chain(&more.tracestate)
            .chain(traces);
        let single = single.into_iter().flatten();
        let texts = single.chain(lists).map(|text| text.as_str().len());
        texts.sum::<usize>() + self.kept.held()
    }
}

fn first(slot: &mut Option<Text>, value: Text) {
    if slot.is_none() {
        *slot = Some(value);
    }
}

fn joined(slot: &mut Option<Text>, value: Text) {
    let Some(before) = slot else {
        *slot = Some(value);
        return;
    };
    let (before, value) = (before.as_str(), value.as_str());
    if before.len() + 1 + value.len() <= LIST_BYTES {
        *slot = Some(Text::Shared([before, ",", value].concat().into()));
    }
}

fn listed(list: &mut Vec<Text>, value: Text, values: usize) {
    let held: usize = list.iter().map(|text| text.as_str().len()).sum();
    if list.len() < values && held + value.as_str().len() <= LIST_BYTES {
        list.push(value);
    }
}
