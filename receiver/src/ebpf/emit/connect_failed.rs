//! A failed connect as a log record.

use tapline_ebpf::abi::{ERROR_UNTOLD, Tuple};
use tapline_pdata::write::{self, LogHead};

use super::facts::{address, push_authority};
use crate::ebpf::correlate::Context;

/// `WARN` in OTLP.
const SEVERITY_WARN: i32 = 13;

/// A `connect` that did not succeed.
pub(crate) struct ConnectFailed<'a> {
    /// Where it went.
    pub(crate) tuple: &'a Tuple,
    /// `errno`; 0 when the process gave up itself.
    pub(crate) error: u32,
    /// When it began and ended, nanoseconds since 1970.
    pub(crate) start_ns: u64,
    /// See `start_ns`.
    pub(crate) end_ns: u64,
    /// The server request that was open on the thread, if exactly one was.
    pub(crate) during: Option<&'a Context>,
}

impl ConnectFailed<'_> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let peer = address(self.tuple.remote);
        let port = self.tuple.remote_port;
        let (error, words) = errno(self.error);
        let mut target = String::new();
        push_authority(&mut target, &peer, Some(port));
        let body = format!("connect to {target} failed: {words}");
        let head = LogHead {
            time_ns: self.end_ns,
            observed_ns: self.end_ns,
            severity_number: SEVERITY_WARN,
            severity_text: "WARN",
            body: &body,
            event_name: "tapline.connect.failed",
            trace: self
                .during
                .map(|context| (context.trace_id, context.span_id)),
            flags: self.during.map_or(0, |context| u32::from(context.flags)),
        };
        write::log_record(out, &head, |attributes| {
            attributes.str("error.type", error);
            attributes
                .str("server.address", &peer)
                .int("server.port", i64::from(port));
            attributes.str("network.peer.address", &peer);
            attributes.int("network.peer.port", i64::from(port));
            attributes.str("network.transport", "tcp");
            #[expect(clippy::cast_precision_loss, reason = "durations, not dates")]
            let seconds = self.end_ns.saturating_sub(self.start_ns) as f64 / 1e9;
            attributes.double("tapline.connect.duration", seconds);
        });
    }
}

/// Name and words of the errors that a TCP connect can end with (errno(3)).
fn errno(error: u32) -> (&'static str, &'static str) {
    match error {
        0 => ("cancelled", "given up by the process"),
        ERROR_UNTOLD => ("_OTHER", "no connection could be begun"),
        13 => ("EACCES", "permission denied"),
        99 => ("EADDRNOTAVAIL", "no address available"),
        101 => ("ENETUNREACH", "network unreachable"),
        103 => ("ECONNABORTED", "connection aborted"),
        104 => ("ECONNRESET", "connection reset"),
        110 => ("ETIMEDOUT", "timed out"),
        111 => ("ECONNREFUSED", "connection refused"),
        112 => ("EHOSTDOWN", "host down"),
        113 => ("EHOSTUNREACH", "host unreachable"),
        _ => ("_OTHER", "network error"),
    }
}
