//! The header names that mean something here. All others are one.

use crate::propagation::{Key, VALUE_BYTES_MAX};

/// A header name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http2) enum Name {
    /// It was said before we could know.
    Unknown,
    /// None of those below: its values are never kept.
    Other,
    /// Somebody asked for it.
    Wanted(&'static str),
    Authority,
    Method,
    Path,
    Scheme,
    Status,
    Baggage,
    ElasticProduct,
    ContentType,
    Forwarded,
    ForwardedFor,
    ForwardedProto,
    GrpcStatus,
    GrpcTimeout,
    Host,
    RequestId,
    TraceParent,
    TraceState,
    /// What another tracer says of the trace.
    Trace(Key),
    UserAgent,
}

/// Bytes kept of a path.
const PATH_BYTES: usize = 8 * 1024;
/// Bytes kept of lists.
const LIST_BYTES: usize = 4 * 1024;
/// Bytes kept of every other value.
const VALUE_BYTES: usize = 512;
/// Bytes kept of a value that somebody asked for.
const WANTED_BYTES: usize = 1024;

impl Name {
    /// Reads a name, which is in lower case by the standard.
    pub(super) fn of(text: &[u8], wanted: impl Fn(&[u8]) -> Option<&'static str>) -> Self {
        match text {
            b":authority" => Self::Authority,
            b":method" => Self::Method,
            b":path" => Self::Path,
            b":scheme" => Self::Scheme,
            b":status" => Self::Status,
            b"baggage" => Self::Baggage,
            b"x-elastic-product" => Self::ElasticProduct,
            b"content-type" => Self::ContentType,
            b"forwarded" => Self::Forwarded,
            b"x-forwarded-for" => Self::ForwardedFor,
            b"x-forwarded-proto" => Self::ForwardedProto,
            b"grpc-status" => Self::GrpcStatus,
            b"grpc-timeout" => Self::GrpcTimeout,
            b"host" => Self::Host,
            b"x-request-id" => Self::RequestId,
            b"traceparent" => Self::TraceParent,
            b"tracestate" => Self::TraceState,
            b"user-agent" => Self::UserAgent,
            other => match Key::of(other) {
                Some(key) => Self::Trace(key),
                None => wanted(other).map_or(Self::Other, Self::Wanted),
            },
        }
    }

    /// Returns how it is written, if it is one of those.
    pub(in crate::http2) fn text(self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown | Self::Other => return None,
            Self::Wanted(name) => name,
            Self::Authority => ":authority",
            Self::Method => ":method",
            Self::Path => ":path",
            Self::Scheme => ":scheme",
            Self::Status => ":status",
            Self::Baggage => "baggage",
            Self::ElasticProduct => "x-elastic-product",
            Self::ContentType => "content-type",
            Self::Forwarded => "forwarded",
            Self::ForwardedFor => "x-forwarded-for",
            Self::ForwardedProto => "x-forwarded-proto",
            Self::GrpcStatus => "grpc-status",
            Self::GrpcTimeout => "grpc-timeout",
            Self::Host => "host",
            Self::RequestId => "x-request-id",
            Self::TraceParent => "traceparent",
            Self::TraceState => "tracestate",
            Self::Trace(key) => key.name(),
            Self::UserAgent => "user-agent",
        })
    }

    /// Returns how many bytes of a value are kept.
    pub(super) fn bytes_kept(self) -> usize {
        match self {
            Self::Unknown | Self::Other => 0,
            Self::Path => PATH_BYTES,
            Self::Baggage | Self::TraceState => LIST_BYTES,
            Self::Wanted(_) => WANTED_BYTES,
            // One more than is ever read, so that what was cut is not taken for a whole.
            Self::Trace(_) => VALUE_BYTES_MAX + 1,
            _ => VALUE_BYTES,
        }
    }
}
