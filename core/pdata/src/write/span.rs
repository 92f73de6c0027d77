//! Writes spans.

use super::Attributes;
use crate::{
    number::{scope_block, span, status},
    wire::write as wire,
};

/// The role of a span in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SpanKind {
    /// Work inside one process.
    Internal = 1,
    /// The answering side of a request.
    Server = 2,
    /// The asking side of a request.
    Client = 3,
    /// The sending side of a message.
    Producer = 4,
    /// The receiving side of a message.
    Consumer = 5,
}

/// How the work of a span ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status<'a> {
    /// Nobody judged it.
    Unset,
    /// Someone said that it went well.
    Ok,
    /// It failed, with a message that may be empty.
    Error(&'a str),
}

/// Everything of a span but its attributes.
#[derive(Clone, Copy, Debug)]
pub struct SpanHead<'a> {
    /// The trace it belongs to.
    pub trace_id: [u8; 16],
    /// Its own id.
    pub span_id: [u8; 8],
    /// The span that caused it, if that is known.
    pub parent_span_id: Option<[u8; 8]>,
    /// The W3C `tracestate`; may be empty.
    pub trace_state: &'a str,
    /// The W3C trace flags in the low byte, OTLP's remote bits above.
    pub flags: u32,
    /// Its name, of low cardinality.
    pub name: &'a str,
    /// Its role.
    pub kind: SpanKind,
    /// When it began, in nanoseconds since 1970.
    pub start_ns: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end_ns: u64,
    /// How it ended.
    pub status: Status<'a>,
}

/// What a span with some attributes takes, so that writing its length moves nothing.
const USUAL_BYTES: usize = 400;

/// Appends one framed span, ready for [`resource_block`](super::resource_block).
pub fn span(out: &mut Vec<u8>, head: &SpanHead<'_>, attributes: impl FnOnce(&mut Attributes<'_>)) {
    let open = wire::open_like(out, scope_block::RECORDS, USUAL_BYTES);
    wire::bytes(out, span::TRACE_ID, &head.trace_id);
    wire::bytes(out, span::SPAN_ID, &head.span_id);
    wire::bytes_unless_empty(out, span::TRACE_STATE, head.trace_state.as_bytes());
    if let Some(parent) = head.parent_span_id {
        wire::bytes(out, span::PARENT_SPAN_ID, &parent);
    }
    wire::bytes_unless_empty(out, span::NAME, head.name.as_bytes());
    wire::uint(out, span::KIND, head.kind as u64);
    wire::fixed64_unless_zero(out, span::START, head.start_ns);
    wire::fixed64_unless_zero(out, span::END, head.end_ns);
    attributes(&mut Attributes::new(out, span::ATTRIBUTES));
    put_status(out, head.status);
    wire::fixed32_unless_zero(out, span::FLAGS, head.flags);
    wire::close(out, open);
}

fn put_status(out: &mut Vec<u8>, status: Status<'_>) {
    let (message, code) = match status {
        Status::Unset => return,
        Status::Ok => ("", 1),
        Status::Error(message) => (message, 2),
    };
    let open = wire::open(out, span::STATUS);
    wire::bytes_unless_empty(out, status::MESSAGE, message.as_bytes());
    wire::uint(out, status::CODE, code);
    wire::close(out, open);
}
