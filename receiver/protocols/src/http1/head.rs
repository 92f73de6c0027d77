//! Reads a message head line by line and keeps what the allow list names.
//!
//! Lines behind the head limit are still read for framing, so that a huge head costs memory no more
//! than a small one and yet ends where it ends. Header values outside the allow list are never
//! stored.

use std::borrow::Cow;

use super::length::Length;
use super::line::Whole;
use super::sniff::{RequestLine, cut_request_line, request_line, status_line};
use super::upgrade::Next;
use super::{Headers, Request, Response};
use crate::{
    conversation::Limits,
    http::Carrier,
    propagation::Key,
    redact,
    text::text,
    wanted::{Kept, Wanted},
};

/// Bytes kept of a target.
const TARGET_BYTES: usize = 8 * 1024;
/// Bytes kept of `tracestate` (all values together) and of `baggage`.
const LIST_BYTES: usize = 4 * 1024;
/// Bytes kept of every other value.
pub(super) const VALUE_BYTES: usize = 512;
/// Values of `traceparent` kept; more than one is an error already.
const PARENTS: usize = 4;
/// Values of `tracestate` kept.
const STATES: usize = 32;

/// The head of a message being read.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) message: Message,
    pub(super) about: About,
    limit: u64,
    wanted: &'static Wanted,
    coding: String,
    length: Length,
    /// The field that a folded line would continue.
    last: Option<Field>,
}

/// What is known of a head besides its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    /// When the first byte moved.
    pub(super) started_ns: u64,
    /// Who moved the first byte.
    pub(super) thread: u64,
    /// How many bytes were seen.
    pub(super) bytes: u64,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) expects: bool,
    /// What the connection is to become.
    pub(super) next: Option<Next>,
}

/// Whose head it is.
#[derive(Debug)]
pub(super) enum Message {
    Request(Box<Request>),
    Response(Response),
}

/// How the head says that the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Absent,
    Length(u64),
    Chunked,
    /// A transfer coding that does not end by itself.
    Coded,
    /// Lengths that contradict each other or are no numbers.
    Broken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Host,
    UserAgent,
    ContentType,
    TraceParent,
    TraceState,
    Baggage,
    RequestId,
    ForwardedFor,
    ForwardedProto,
    Forwarded,
    ContentLength,
    TransferEncoding,
    Expect,
    Upgrade,
    Product,
}

const REQUEST_FIELDS: [(&str, Field); 13] = [
    ("host", Field::Host),
    ("user-agent", Field::UserAgent),
    ("content-type", Field::ContentType),
    ("content-length", Field::ContentLength),
    ("transfer-encoding", Field::TransferEncoding),
    ("traceparent", Field::TraceParent),
    ("tracestate", Field::TraceState),
    ("baggage", Field::Baggage),
    ("x-request-id", Field::RequestId),
    ("x-forwarded-for", Field::ForwardedFor),
    ("x-forwarded-proto", Field::ForwardedProto),
    ("forwarded", Field::Forwarded),
    ("expect", Field::Expect),
];

const RESPONSE_FIELDS: [(&str, Field); 5] = [
    ("content-type", Field::ContentType),
    ("content-length", Field::ContentLength),
    ("transfer-encoding", Field::TransferEncoding),
    ("upgrade", Field::Upgrade),
    ("x-elastic-product", Field::Product),
];

/// How long the names are, a bit for each length: most others are told from them by that alone.
const REQUEST_LENGTHS: u32 = lengths(&REQUEST_FIELDS);
const RESPONSE_LENGTHS: u32 = lengths(&RESPONSE_FIELDS);

const fn lengths(fields: &[(&str, Field)]) -> u32 {
    let (mut lengths, mut at) = (0, 0);
    while at < fields.len() {
        lengths |= 1 << fields[at].0.len();
        at += 1;
    }
    lengths
}

/// Returns the field with a name, in either case.
fn field(name: &[u8], fields: &[(&str, Field)], lengths: u32) -> Option<Field> {
    if name.len() > 31 || lengths & 1 << name.len() == 0 {
        return None;
    }
    let mut fields = fields.iter();
    let known = fields.find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))?;
    Some(known.1)
}

impl Message {
    /// Reads a request line.
    pub(super) fn request(line: Whole<'_>) -> Option<Self> {
        let read = if line.cut {
            cut_request_line
        } else {
            request_line
        };
        let RequestLine {
            method,
            target,
            version,
        } = read(line.text)?;
        let truncated = line.cut || target.len() > TARGET_BYTES;
        let mut target = text(target, TARGET_BYTES);
        if truncated {
            drop_cut_authority(&mut target);
        }
        let (scheme, host) = match redact::split_authority(&target) {
            Some((scheme, "")) => (Some(scheme.to_ascii_lowercase()), None),
            Some((scheme, host)) => (Some(scheme.to_ascii_lowercase()), Some(cut(host))),
            None if method == b"CONNECT" && !truncated => (None, Some(cut(&target))),
            None => (None, None),
        };
        if let Cow::Owned(stripped) = redact::strip_userinfo(&target) {
            target = stripped;
        }
        Some(Self::Request(Box::new(Request {
            method: text(method, VALUE_BYTES),
            target,
            version,
            host,
            scheme,
            carrier: Carrier::Http,
            truncated,
            headers: Headers::default(),
            kept: Kept::default(),
        })))
    }

    /// Reads a status line.
    pub(super) fn response(line: Whole<'_>) -> Option<Self> {
        let (status, version) = status_line(line.text)?;
        Some(Self::Response(Response {
            status,
            version,
            truncated: line.cut,
            content_type: None,
            is_elastic: false,
            kept: Kept::default(),
        }))
    }

    /// Marks the head as not seen or not kept in full.
    pub(super) fn truncate(&mut self) {
        match self {
            Self::Request(request) => request.truncated = true,
            Self::Response(response) => response.truncated = true,
        }
    }
}

impl Head {
    /// Begins a head behind its start line; at most `head_bytes` of it are kept.
    pub(super) fn new(message: Message, about: About, limits: &Limits) -> Self {
        Self {
            wanted: limits.wanted,
            message,
            about,
            limit: limits.head_bytes as u64,
            coding: String::new(),
            length: Length::None,
            last: None,
        }
    }

    /// Counts bytes of the head before their line is whole.
    pub(super) fn count(&mut self, bytes: usize) {
        self.about.bytes = self.about.bytes.saturating_add(bytes as u64);
    }

    /// Reads a line that is not the last, empty one.
    pub(super) fn line(&mut self, line: &[u8]) {
        if let [b' ' | b'\t', ..] = line {
            if let Some(field) = self.last {
                self.keep(field, line.trim_ascii(), " ");
            }
            return;
        }
        self.last = None;
        // Names are short: nearer than any search by words could begin.
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return;
        };
        let name = line[..colon].trim_ascii_end();
        let field = match self.message {
            Message::Request(_) => field(name, &REQUEST_FIELDS, REQUEST_LENGTHS),
            Message::Response(_) => field(name, &RESPONSE_FIELDS, RESPONSE_LENGTHS),
        };
        if let Some(field) = field {
            self.keep(field, line[colon + 1..].trim_ascii(), "");
        } else if let Some(key) = Key::of(name) {
            self.keep_trace(key, line[colon + 1..].trim_ascii());
        }
        if !self.wanted.is_empty() && self.about.bytes <= self.limit {
            self.keep_wanted(name, line[colon + 1..].trim_ascii());
        }
    }

    /// Stores what a tracer other than W3C's says of the trace, and a folded line
    /// does not go on with it.
    fn keep_trace(&mut self, key: Key, value: &[u8]) {
        match &mut self.message {
            Message::Request(request) if self.about.bytes <= self.limit => {
                request.headers.trace(key, value);
            }
            Message::Request(request) => request.truncated = true,
            Message::Response(_) => {}
        }
    }

    fn keep_wanted(&mut self, name: &[u8], value: &[u8]) {
        match &mut self.message {
            Message::Request(request) => {
                if let Some(name) = self.wanted.of_request(name) {
                    request.kept.push(name, value);
                }
            }
            Message::Response(response) => {
                if let Some(name) = self.wanted.of_response(name) {
                    response.kept.push(name, value);
                }
            }
        }
    }

    /// Returns what the lines so far say about the body.
    pub(super) fn framing(&self) -> Framing {
        let coding = self.coding.rsplit(',').next().unwrap_or_default().trim();
        if coding.eq_ignore_ascii_case("chunked") {
            return Framing::Chunked;
        }
        if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
            return Framing::Coded;
        }
        self.length.framing()
    }

    /// Returns how many bytes are held.
    pub(super) fn held(&self) -> usize {
        let message = match &self.message {
            Message::Request(request) => request.held(),
            Message::Response(response) => response.held(),
        };
        message + self.coding.len() + self.length.held()
    }

    /// Stores a value, or with `fold` its continuation.
    fn keep(&mut self, field: Field, value: &[u8], fold: &str) {
        self.last = Some(field);
        match field {
            Field::ContentLength => return self.length.add(fold, value),
            Field::TransferEncoding => {
                return append(&mut self.coding, ",", fold, value, VALUE_BYTES);
            }
            Field::Expect => {
                self.about.expects |= value.eq_ignore_ascii_case(b"100-continue");
                return;
            }
            Field::Upgrade => {
                self.about.next = self.about.next.or(Next::named(value));
                return;
            }
            _ if self.about.bytes > self.limit => return self.message.truncate(),
            _ => {}
        }
        let kept = match &mut self.message {
            Message::Request(request) => request.keep(field, value, fold),
            Message::Response(response) if field == Field::Product => {
                response.is_elastic |= value.eq_ignore_ascii_case(b"elasticsearch");
                false
            }
            Message::Response(response) => single(&mut response.content_type, fold, value),
        };
        if !kept {
            self.last = None;
        }
    }
}

impl Response {
    /// Returns how many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.content_type.as_ref().map_or(0, String::len) + self.kept.held()
    }
}

impl Request {
    /// Returns how many bytes are held.
    pub(super) fn held(&self) -> usize {
        let headers = &self.headers;
        let single = [
            &self.host,
            &self.scheme,
            &headers.user_agent,
            &headers.content_type,
            &headers.baggage,
            &headers.request_id,
            &headers.forwarded_for,
            &headers.forwarded_proto,
            &headers.forwarded,
        ];
        let traces = headers.traces.iter().map(|(_, value)| value);
        let lists = headers.traceparent.iter().chain(&headers.tracestate);
        let lists = lists.chain(traces);
        let headers = single
            .into_iter()
            .flatten()
            .chain(lists)
            .map(String::len)
            .sum::<usize>();
        self.method.len() + self.target.len() + headers + self.kept.held()
    }

    /// Stores a value; returns whether it was wanted.
    fn keep(&mut self, field: Field, value: &[u8], fold: &str) -> bool {
        let headers = &mut self.headers;
        match field {
            Field::Host => single(&mut self.host, fold, value),
            Field::UserAgent => single(&mut headers.user_agent, fold, value),
            Field::ContentType => single(&mut headers.content_type, fold, value),
            Field::RequestId => single(&mut headers.request_id, fold, value),
            Field::ForwardedProto => joined(&mut headers.forwarded_proto, fold, value, VALUE_BYTES),
            Field::ForwardedFor => joined(&mut headers.forwarded_for, fold, value, VALUE_BYTES),
            Field::Forwarded => joined(&mut headers.forwarded, fold, value, VALUE_BYTES),
            Field::Baggage => joined(&mut headers.baggage, fold, value, LIST_BYTES),
            Field::TraceParent => {
                listed(&mut headers.traceparent, fold, value, PARENTS, VALUE_BYTES)
            }
            Field::TraceState => {
                let used = headers.tracestate.iter().map(String::len).sum::<usize>();
                let left = LIST_BYTES.saturating_sub(used);
                listed(&mut headers.tracestate, fold, value, STATES, left)
            }
            Field::ContentLength
            | Field::TransferEncoding
            | Field::Expect
            | Field::Upgrade
            | Field::Product => false,
        }
    }
}

/// Removes an authority that a cut left without its end: it may be a password whose `@` is missing.
fn drop_cut_authority(target: &mut String) {
    let Some(start) = target.find("://").map(|colon| colon + "://".len()) else {
        return;
    };
    if !target[start..].contains(['/', '?', '#']) && redact::split_authority(target).is_some() {
        target.truncate(start);
    }
}

/// Returns whether another response follows for the same request.
pub(super) fn is_interim(status: u16) -> bool {
    (100..200).contains(&status) && status != 101
}

/// Keeps the first value of a field.
fn single(slot: &mut Option<String>, fold: &str, value: &[u8]) -> bool {
    if slot.is_some() && fold.is_empty() {
        return false;
    }
    append(slot.get_or_insert_default(), "", fold, value, VALUE_BYTES);
    true
}

/// Joins all values of a field with commas.
fn joined(slot: &mut Option<String>, fold: &str, value: &[u8], bound: usize) -> bool {
    append(slot.get_or_insert_default(), ",", fold, value, bound);
    true
}

/// Keeps every value of a field by itself; `bytes` bounds what is added.
fn listed(list: &mut Vec<String>, fold: &str, value: &[u8], values: usize, bytes: usize) -> bool {
    if !fold.is_empty()
        && let Some(last) = list.last_mut()
    {
        let bound = last.len() + bytes;
        append(last, "", fold, value, bound);
    } else if list.len() < values {
        list.push(text(value, bytes));
    } else {
        return false;
    }
    true
}

/// Appends a value behind a separator: `fold` if it continues the last one, else `comma`.
pub(super) fn append(to: &mut String, comma: &str, fold: &str, value: &[u8], bound: usize) {
    let separator = match (to.is_empty(), fold) {
        (true, _) => "",
        (false, "") => comma,
        (false, fold) => fold,
    };
    let left = bound.saturating_sub(to.len() + separator.len());
    if to.is_empty() {
        *to = text(value, left);
    } else if left > 0 {
        to.push_str(separator);
        to.push_str(&text(value, left));
    }
}

fn cut(host: &str) -> String {
    text(host.as_bytes(), VALUE_BYTES)
}
