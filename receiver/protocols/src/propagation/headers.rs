//! Headers as a parser meets them, until all of them are here.

use super::{Reading, TraceContext, b3, datadog, jaeger, opencensus, skywalking, w3c, xray};

/// The most values that are looked at of one request; 32 may be of `tracestate`.
pub const VALUES_MAX: usize = 64;
/// The longest value of a header other than `tracestate`, which SkyWalking's may be.
pub const VALUE_BYTES_MAX: usize = 2048;
/// The longest name here.
const NAME_BYTES_MAX: usize = 27;

/// A header that says something of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the header that it is named for")]
pub enum Key {
    TraceParent,
    TraceState,
    B3,
    B3TraceId,
    B3SpanId,
    B3Sampled,
    B3Flags,
    UberTraceId,
    DatadogTraceId,
    DatadogParentId,
    DatadogSamplingPriority,
    DatadogTags,
    AmznTraceId,
    Sw8,
    GrpcTraceBin,
}

impl Key {
    /// Finds a header by its name, however it is written. Most names fail by their length alone.
    pub fn of(name: &[u8]) -> Option<Self> {
        let known: &[Self] = match name.len() {
            2 => &[Self::B3],
            3 => &[Self::Sw8],
            10 => &[Self::TraceState, Self::B3Flags],
            11 => &[Self::TraceParent, Self::B3SpanId],
            12 => &[Self::B3TraceId, Self::B3Sampled],
            13 => &[Self::UberTraceId],
            14 => &[Self::DatadogTags, Self::GrpcTraceBin],
            15 => &[Self::AmznTraceId],
            18 => &[Self::DatadogTraceId],
            19 => &[Self::DatadogParentId],
            27 => &[Self::DatadogSamplingPriority],
            _ => return None,
        };
        let is = |key: &&Self| key.name().as_bytes().eq_ignore_ascii_case(name);
        known.iter().find(is).copied()
    }

    /// Finds a header by the name that CGI gives it, less `HTTP_`.
    pub fn of_cgi(name: &[u8]) -> Option<Self> {
        let mut plain = [0; NAME_BYTES_MAX];
        let plain = plain.get_mut(..name.len())?;
        for (to, from) in plain.iter_mut().zip(name) {
            *to = if *from == b'_' { b'-' } else { *from };
        }
        Self::of(plain)
    }

    /// Returns the name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::TraceParent => "traceparent",
            Self::TraceState => "tracestate",
            Self::B3 => "b3",
            Self::B3TraceId => "x-b3-traceid",
            Self::B3SpanId => "x-b3-spanid",
            Self::B3Sampled => "x-b3-sampled",
            Self::B3Flags => "x-b3-flags",
            Self::UberTraceId => "uber-trace-id",
            Self::DatadogTraceId => "x-datadog-trace-id",
            Self::DatadogParentId => "x-datadog-parent-id",
            Self::DatadogSamplingPriority => "x-datadog-sampling-priority",
            Self::DatadogTags => "x-datadog-tags",
            Self::AmznTraceId => "x-amzn-trace-id",
            Self::Sw8 => "sw8",
            Self::GrpcTraceBin => "grpc-trace-bin",
        }
    }
}

/// The headers of one request that say something of a trace. Holds no memory while there are none.
#[derive(Debug, Clone, Default)]
pub struct Headers<'a> {
    values: Vec<(Key, &'a [u8])>,
}

/// A header that cannot be believed, whatever its format.
struct Refused;

impl<'a> Headers<'a> {
    /// Takes a header, if it is one of those.
    pub fn take(&mut self, name: &[u8], value: &'a [u8]) {
        if let Some(key) = Key::of(name) {
            self.push(key, value);
        }
    }

    /// Takes a header that was found before.
    pub fn push(&mut self, key: Key, value: &'a [u8]) {
        if self.values.len() < VALUES_MAX {
            self.values.push((key, value.trim_ascii()));
        }
    }

    /// Reads all formats; `None` if there is none, not even a malformed one.
    pub fn read(&self) -> Option<TraceContext> {
        if self.values.is_empty() {
            return None;
        }
        let mut context = TraceContext::default();
        let (w3c, state) = self.w3c();
        context.state = state;
        context.add(w3c);
        context.add(self.alone(Key::B3, b3::single));
        context.add(self.b3_multi());
        context.add(self.alone(Key::UberTraceId, jaeger::read));
        context.add(self.datadog());
        context.add(self.alone(Key::AmznTraceId, xray::read));
        context.add(self.alone(Key::Sw8, skywalking::read));
        context.add(self.alone(Key::GrpcTraceBin, opencensus::read));
        let is_something = context.first.is_some() || context.malformed > 0;
        is_something.then_some(context)
    }

    fn w3c(&self) -> (Reading, String) {
        let parents = self.all(Key::TraceParent);
        match w3c::parse(parents, self.all(Key::TraceState)) {
            Some((parent, state)) => (Reading::Found(parent), state),
            None if self.all(Key::TraceParent).next().is_none() => (Reading::Absent, String::new()),
            None => (Reading::Malformed, String::new()),
        }
    }

    fn b3_multi(&self) -> Reading {
        let read = || -> Result<Reading, Refused> {
            Ok(b3::multi(&b3::Multi {
                trace: self.one(Key::B3TraceId)?,
                span: self.one(Key::B3SpanId)?,
                sampled: self.one(Key::B3Sampled)?,
                flags: self.one(Key::B3Flags)?,
            }))
        };
        read().unwrap_or(Reading::Malformed)
    }

    fn datadog(&self) -> Reading {
        let read = || -> Result<Reading, Refused> {
            Ok(datadog::read(&datadog::Said {
                trace: self.one(Key::DatadogTraceId)?,
                parent: self.one(Key::DatadogParentId)?,
                priority: self.one(Key::DatadogSamplingPriority)?,
                tags: self.one(Key::DatadogTags)?,
            }))
        };
        read().unwrap_or(Reading::Malformed)
    }

    /// Reads a format of one header.
    fn alone(&self, key: Key, read: fn(&[u8]) -> Reading) -> Reading {
        match self.one(key) {
            Ok(None) => Reading::Absent,
            Ok(Some(value)) => read(value),
            Err(Refused) => Reading::Malformed,
        }
    }

    /// Returns the one value of a header, if it has one. An error if it has several that differ, or
    /// one that nobody would write.
    fn one(&self, key: Key) -> Result<Option<&'a [u8]>, Refused> {
        let mut values = self.all(key);
        let first = values.next();
        let is_one = values.all(|other| Some(other) == first);
        let fits = first.is_none_or(|first| first.len() <= VALUE_BYTES_MAX);
        if is_one && fits {
            Ok(first)
        } else {
            Err(Refused)
        }
    }

    fn all(&self, key: Key) -> impl Iterator<Item = &'a [u8]> {
        let of = move |(other, value): &(Key, &'a [u8])| (*other == key).then_some(*value);
        self.values.iter().filter_map(of)
    }
}
