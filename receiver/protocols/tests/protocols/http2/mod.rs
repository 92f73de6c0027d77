//! HTTP/2 and gRPC: conversations of real clients with real servers, whole and damaged.

mod calls;
mod damaged;
mod recorded;

use tapline_protocols::{
    conversation::{Outcome, Since},
    http,
    parser::Told,
    rpc,
};

use crate::script::{Act, Seen, acts, protocol, replay};

/// Sends frames as text: `len kind flags stream payload` with the payload's escapes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len())
        .expect("a short payload")
        .to_be_bytes();
    let head = [len[1], len[2], len[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const GO_AWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const PRIORITY: u8 = 0x20;

/// Returns the acts of a recording.
pub(crate) fn recording(name: &str) -> Vec<Act> {
    let path = format!("{}/testdata/http2/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    acts(&std::fs::read_to_string(path).expect("a recording"))
}

/// Plays a conversation from its beginning.
pub(crate) fn played(acts: &[Act]) -> Seen {
    replay(protocol("http2"), acts, Since::Begin)
}

/// Plays a conversation that is older than what is seen of it.
pub(crate) fn joined(acts: &[Act]) -> Seen {
    replay(protocol("http2"), acts, Since::Later)
}

pub(crate) fn lines(seen: &Seen) -> String {
    seen.lines(line)
}

pub(crate) fn line(told: &Told) -> String {
    match told {
        Told::Http(exchange) => http_line(exchange),
        Told::Rpc(exchange) => rpc_line(exchange),
        other => panic!("{other:?} over HTTP/2"),
    }
}

fn end(outcome: Outcome) -> String {
    match outcome {
        Outcome::Answered => String::new(),
        Outcome::Unanswered(why) => format!(" {}", why.error_type()),
    }
}

fn http_line(exchange: &http::Exchange) -> String {
    let http::Request {
        method,
        target,
        version,
        truncated,
        ..
    } = &exchange.request;
    let status = exchange
        .response
        .as_ref()
        .map_or(0, |response| response.status);
    let size = |bytes: u64, is_cut: bool| format!("{bytes}{}", if is_cut { "+" } else { "" });
    let asked = size(exchange.request_body_bytes, exchange.request_is_cut);
    let told = size(exchange.response_body_bytes, exchange.response_is_cut);
    let cut = if *truncated { " cut" } else { "" };
    let end = end(exchange.outcome);
    format!("http{version} {method} {target} {status} {asked}/{told}{cut}{end}")
}

fn rpc_line(exchange: &rpc::Exchange) -> String {
    let count = |messages: Option<u64>| messages.map_or("?".to_owned(), |count| count.to_string());
    let (asked, told) = (
        count(exchange.request_messages),
        count(exchange.response_messages),
    );
    let method = exchange.method.as_deref().unwrap_or("?");
    let status = exchange
        .status
        .map_or("?".to_owned(), |status| match status.source {
            rpc::Source::Sent => status.name.to_owned(),
            source => format!("{}({source:?})", status.name),
        });
    let cut = if exchange.truncated { " cut" } else { "" };
    let end = end(exchange.outcome);
    format!("grpc {method} {status} {asked}/{told}{cut}{end}")
}
