//! What is told of a stream that is over: a request of HTTP, or a call.

use std::sync::Arc;

use super::{
    grpc,
    head::{Fields, Text},
    stream::Stream,
};
use crate::{
    conversation::{Outcome, Unanswered},
    http,
    parser::Told,
    redact, rpc,
};

/// What is added to a deadline's side of the doubt: ends measure it from moments of their own, and
/// round what they send.
const DEADLINE_SLACK_NS: u64 = 2_000_000;
/// The longest name of a method that is told.
const METHOD_BYTES: usize = 512;
const VERSION: &str = "2";

/// Tells of a stream that ended like this, at this time.
pub(super) fn told(stream: Stream, outcome: Outcome, ended_ns: u64) -> Told {
    if stream.origin.is_none() && stream.is_grpc() {
        Told::Rpc(Box::new(call(&stream, outcome, ended_ns)))
    } else {
        Told::Http(Box::new(exchange(stream, outcome, ended_ns)))
    }
}

fn exchange(mut stream: Stream, outcome: Outcome, ended_ns: u64) -> http::Exchange {
    let watch = stream.take_watch();
    let kept = std::mem::take(&mut stream.response.kept);
    let [asked, told] = &stream.ways;
    let response = stream.response_started_ns.map(|_| http::Response {
        // A status that was said before we came is unknown, and told as none.
        status: stream.response.status.unwrap_or_default(),
        version: VERSION,
        content_type: owned(stream.response.content_type.as_ref()),
        truncated: stream.response.is_cut,
        is_elastic: stream.response.is_elastic,
        kept,
    });
    let mut exchange = http::Exchange {
        application: None,
        response: response.filter(|response| response.status != 0),
        started_ns: stream.started_ns,
        request_ended_ns: stream.request_ended_ns,
        response_started_ns: stream.response_started_ns,
        ended_ns,
        request_thread: stream.request_thread,
        response_thread: stream.response_thread,
        outcome,
        request_body_bytes: asked.body_bytes,
        request_is_cut: asked.is_doubtful,
        response_is_cut: told.is_doubtful,
        response_body_bytes: told.body_bytes,
        request_bytes: asked.bytes,
        response_bytes: told.bytes,
        upgraded: false,
        request: match stream.origin {
            Some(origin) => *origin,
            None => request(stream.request),
        },
    };
    exchange.application = watch.and_then(|watch| watch.finish(&exchange));
    exchange
}

fn request(fields: Fields) -> http::Request {
    let more = &fields.more;
    let method = owned(fields.method.as_ref()).unwrap_or_default();
    let host = fields.authority.as_ref().map(|text| host(text).to_owned());
    let target = match &fields.path {
        Some(path) => redact::strip_userinfo(path.as_str()).into_owned(),
        None if method == "CONNECT" => host.clone().unwrap_or_default(),
        None => String::new(),
    };
    http::Request {
        truncated: fields.is_cut || method.is_empty() || target.is_empty(),
        method,
        target,
        version: VERSION,
        host,
        scheme: owned(fields.scheme.as_ref()),
        headers: http::Headers {
            user_agent: owned(more.user_agent.as_ref()),
            content_type: owned(fields.content_type.as_ref()),
            traceparent: all(&more.traceparent),
            tracestate: all(&more.tracestate),
            // They were read when the request began.
            traces: Vec::new(),
            baggage: owned(more.baggage.as_ref()),
            request_id: owned(more.request_id.as_ref()),
            forwarded_for: owned(more.forwarded_for.as_ref()),
            forwarded_proto: owned(more.forwarded_proto.as_ref()),
            forwarded: owned(more.forwarded.as_ref()),
        },
        kept: fields.kept,
        carrier: http::Carrier::Http,
    }
}

fn call(stream: &Stream, outcome: Outcome, ended_ns: u64) -> rpc::Exchange {
    let [asked, told] = &stream.ways;
    let path = stream
        .request
        .path
        .as_ref()
        .map(|path| grpc::method(path.as_str()));
    let known = path.filter(|method| !method.is_empty() && method.len() <= METHOD_BYTES);
    let timeout = stream.request.more.grpc_timeout.as_ref();
    let timeout_ns = timeout.and_then(|text| grpc::timeout_ns(text.as_str()));
    let authority = stream.request.authority.as_ref();
    rpc::Exchange {
        system: rpc::System::Grpc,
        method: known.map(Arc::from),
        authority: authority.map(|text| host(text).into()),
        status: status(stream, outcome, timeout_ns, ended_ns),
        request_messages: asked.messages.count(),
        response_messages: told.messages.count(),
        first_message_ns: told.messages.first_ns,
        timeout_ns,
        started_ns: stream.started_ns,
        response_started_ns: stream.response_started_ns,
        ended_ns,
        request_thread: stream.request_thread,
        outcome,
        request_bytes: asked.bytes,
        response_bytes: told.bytes,
        truncated: stream.request.is_cut || known.is_none(),
    }
}

fn status(
    stream: &Stream,
    outcome: Outcome,
    timeout_ns: Option<u64>,
    ended_ns: u64,
) -> Option<rpc::Status> {
    let sent = stream
        .response
        .grpc_status
        .or(stream.ways[1].messages.status);
    if let Some(code) = sent {
        return Some(grpc::status(code, rpc::Source::Sent));
    }
    match outcome {
        Outcome::Unanswered(Unanswered::StreamReset(code)) => {
            let lasted_ns = ended_ns.saturating_sub(stream.started_ns);
            let is_late = timeout_ns.is_some_and(|timeout| {
                lasted_ns >= timeout.saturating_sub(timeout / 20 + DEADLINE_SLACK_NS)
            });
            Some(if is_late {
                grpc::of_deadline()
            } else {
                grpc::of_reset(code)
            })
        }
        Outcome::Answered if !stream.response.has_unknown => match stream.response.status {
            Some(200) | None => None,
            Some(status) => Some(grpc::of_http(status)),
        },
        _ => None,
    }
}

/// Returns an authority without a user.
fn host(authority: &Text) -> &str {
    let text = authority.as_str();
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}

fn owned(text: Option<&Text>) -> Option<String> {
    text.map(|text| text.as_str().to_owned())
}

fn all(texts: &[Text]) -> Vec<String> {
    texts.iter().map(|text| text.as_str().to_owned()).collect()
}
