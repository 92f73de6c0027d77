//! What parsers of HTTP tell, whichever version carried it.
//!
//! Plain data, so that callers and tests can build and compare it. Nothing here parses.

use crate::{
    conversation::Outcome,
    over_http::Application,
    propagation::{self, Key, TraceContext, VALUE_BYTES_MAX},
    text::text,
    wanted::Kept,
};

/// Values kept of headers of tracers other than W3C's.
const TRACES_MAX: usize = 16;

/// The request headers that may be kept; every other header value is forgotten at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// Every `traceparent`, in order.
    pub traceparent: Vec<String>,
    /// Every `tracestate`, in order.
    pub tracestate: Vec<String>,
    /// What other tracers say of the trace.
    pub traces: Vec<(Key, String)>,
    /// `baggage`; several are joined with commas, as are those below.
    pub baggage: Option<String>,
    /// `X-Request-Id`.
    pub request_id: Option<String>,
    /// `X-Forwarded-For`.
    pub forwarded_for: Option<String>,
    /// `X-Forwarded-Proto`.
    pub forwarded_proto: Option<String>,
    /// `Forwarded`.
    pub forwarded: Option<String>,
}

impl Headers {
    /// Keeps what a tracer says, as far as there is room: one byte more than is ever read, so that
    /// what was cut cannot be taken for a whole.
    pub(crate) fn trace(&mut self, key: Key, value: &[u8]) {
        if self.traces.len() < TRACES_MAX {
            self.traces.push((key, text(value, VALUE_BYTES_MAX + 1)));
        }
    }

    /// Reads what they say of the trace of the request.
    pub fn context(&self) -> Option<TraceContext> {
        let mut headers = propagation::Headers::default();
        for value in &self.traceparent {
            headers.push(Key::TraceParent, value.as_bytes());
        }
        for value in &self.tracestate {
            headers.push(Key::TraceState, value.as_bytes());
        }
        for (key, value) in &self.traces {
            headers.push(*key, value.as_bytes());
        }
        headers.read()
    }
}

/// What carries a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Carrier {
    /// HTTP itself.
    #[default]
    Http,
    /// FastCGI: a web server passes on what it was asked.
    FastCgi,
}

/// The head of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The method as sent, known or not.
    pub method: String,
    /// The target as sent (origin, absolute, authority or `*` form), less any userinfo.
    pub target: String,
    /// `1.1` or `1.0`; empty when the head was cut before it.
    pub version: &'static str,
    /// The host, with a port if one was sent: from the target if it names one, else from `Host`.
    pub host: Option<String>,
    /// The scheme of an absolute-form target, in lower case.
    pub scheme: Option<String>,
    /// The headers of the allow list.
    pub headers: Headers,
    /// Headers that somebody asked for.
    pub kept: Kept,
    /// What carried it.
    pub carrier: Carrier,
    /// Whether a part of the head was not seen or not kept.
    pub truncated: bool,
}

/// The head of a final response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// `1.1` or `1.0`.
    pub version: &'static str,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// Whether it says that Elasticsearch answers.
    pub is_elastic: bool,
    /// Headers that somebody asked for.
    pub kept: Kept,
    /// Whether a part of the head was not seen or not kept.
    pub truncated: bool,
}

/// A request with its response, or with the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The request.
    pub request: Request,
    /// The final response, if its head was seen.
    pub response: Option<Response>,
    /// When the first byte of the request moved.
    pub started_ns: u64,
    /// When the last byte of the request that was seen moved.
    pub request_ended_ns: u64,
    /// When the first byte of the final response moved.
    pub response_started_ns: Option<u64>,
    /// When the last byte of the response moved, or the time of the reason why there is none.
    pub ended_ns: u64,
    /// Who moved the bytes that completed the request head.
    pub request_thread: u64,
    /// Who moved the first byte of the final response.
    pub response_thread: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Body bytes of the request, without chunk framing as long as that could be followed.
    pub request_body_bytes: u64,
    /// Body bytes of the response, likewise.
    pub response_body_bytes: u64,
    /// Whether the request or its body may have been longer: frames of it may have been missed.
    pub request_is_cut: bool,
    /// Likewise the response.
    pub response_is_cut: bool,
    /// Bytes of the request on the wire.
    pub request_bytes: u64,
    /// Bytes of the response on the wire, interim responses not counted.
    pub response_bytes: u64,
    /// Whether the connection stopped being HTTP/1 with this exchange (101, or CONNECT with 2xx).
    pub upgraded: bool,
    /// What it was besides HTTP, if that is proved.
    pub application: Option<Box<Application>>,
}
