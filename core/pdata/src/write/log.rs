//! Writes log records.

use super::Attributes;
use crate::{
    number::{log, scope_block, value},
    wire::write as wire,
};

/// Everything of a log record but its attributes.
#[derive(Clone, Copy, Debug)]
pub struct LogHead<'a> {
    /// When it happened, in nanoseconds since 1970; zero when nobody knows.
    pub time_ns: u64,
    /// When it was seen, in nanoseconds since 1970.
    pub observed_ns: u64,
    /// OTLP's severity, 1 (trace) to 24 (fatal); zero when nobody knows.
    pub severity_number: i32,
    /// The severity as its source wrote it; may be empty.
    pub severity_text: &'a str,
    /// The message; no body is written when it is empty.
    pub body: &'a str,
    /// The name that makes this record an event; may be empty.
    pub event_name: &'a str,
    /// The trace and span it belongs to.
    pub trace: Option<([u8; 16], [u8; 8])>,
    /// The W3C trace flags.
    pub flags: u32,
}

/// Appends one framed log record, ready for [`resource_block`](super::resource_block).
pub fn log_record(
    out: &mut Vec<u8>,
    head: &LogHead<'_>,
    attributes: impl FnOnce(&mut Attributes<'_>),
) {
    let open = wire::open(out, scope_block::RECORDS);
    wire::fixed64_unless_zero(out, log::TIME, head.time_ns);
    let severity = i64::from(head.severity_number).cast_unsigned();
    wire::uint_unless_zero(out, log::SEVERITY_NUMBER, severity);
    wire::bytes_unless_empty(out, log::SEVERITY_TEXT, head.severity_text.as_bytes());
    if !head.body.is_empty() {
        wire::head(
            out,
            log::BODY,
            wire::field_len(value::STRING, head.body.len()),
        );
        wire::bytes(out, value::STRING, head.body.as_bytes());
    }
    attributes(&mut Attributes::new(out, log::ATTRIBUTES));
    wire::fixed32_unless_zero(out, log::FLAGS, head.flags);
    if let Some((trace_id, span_id)) = head.trace {
        wire::bytes(out, log::TRACE_ID, &trace_id);
        wire::bytes(out, log::SPAN_ID, &span_id);
    }
    wire::fixed64_unless_zero(out, log::OBSERVED, head.observed_ns);
    wire::bytes_unless_empty(out, log::EVENT_NAME, head.event_name.as_bytes());
    wire::close(out, open);
}
