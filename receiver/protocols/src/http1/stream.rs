//! One direction of a connection: cuts its bytes into heads and bodies.
//!
//! It finds where messages start and where heads end, and stops at each such place to let the
//! connection decide what comes next, because the framing of a response depends on its request. It
//! knows nothing of the other direction.

use super::body::Body;
use super::head::{About, Head, Message};
use super::line::{LINE_BYTES, Line, Whole};
use super::sniff::{Sniff, sniff_request, sniff_response};
use super::{Limits, Toward};
use crate::over_http;

/// How much of an unfinished start line is looked at to judge it.
const SNIFF_BYTES: usize = 64;
/// The least that is kept of a line, so that no head limit hides a start line.
const LINE_BYTES_MIN: usize = 64;

/// One direction.
#[derive(Debug)]
pub(super) struct Stream {
    toward: Toward,
    pub(super) phase: Phase,
    line: Line,
    limits: Limits,
    candidate: Option<Candidate>,
    /// Bytes of the current message on the wire.
    pub(super) wire: u64,
    /// When the last byte of the current message moved.
    pub(super) last_ns: u64,
}

/// What the next byte is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Unknown: only the first byte of a chunk may begin a message.
    Lost,
    /// The first byte of a message, or an empty line before it.
    Idle,
    /// Inside a head.
    Head(Box<Head>),
    /// Inside a body.
    Body(Body),
}

/// Bytes that may turn out to be a start line.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    started_ns: u64,
    thread: u64,
    bytes: u64,
}

/// The captured bytes of a chunk that are still to be read.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
    /// Nothing of the chunk has been read yet.
    pub(super) fresh: bool,
    pub(super) at_ns: u64,
    pub(super) thread: u64,
}

/// Where the stream stopped reading.
#[derive(Debug)]
pub(super) enum Event {
    /// At the end of what there was.
    More,
    /// Behind a start line; the phase is still that of the message before.
    Start(Box<Head>),
    /// Behind the empty line of a head.
    HeadEnd(Box<Head>),
    /// Behind the last byte of a body.
    BodyEnd,
    /// Where a message had to start and did not; the stream is lost now.
    Garbage,
}

impl Stream {
    pub(super) fn new(toward: Toward, mut limits: Limits) -> Self {
        let line = limits.head_bytes.clamp(LINE_BYTES_MIN, LINE_BYTES);
        limits.head_bytes = limits.head_bytes.max(line);
        Self {
            toward,
            phase: Phase::Lost,
            line: Line::new(line),
            limits,
            candidate: None,
            wire: 0,
            last_ns: 0,
        }
    }

    /// Returns how many captured bytes are held.
    pub(super) fn held(&self) -> usize {
        let head = match &self.phase {
            Phase::Head(head) => head.held(),
            Phase::Body(body) => body.kept.as_ref().map_or(0, over_http::Body::held),
            _ => 0,
        };
        self.line.partial().len() + head
    }

    /// Returns whether the last bytes may belong to a start line.
    pub(super) fn has_candidate(&self) -> bool {
        self.candidate.is_some()
    }

    /// Returns the body being read if its end cannot be computed.
    pub(super) fn loose(&self) -> Option<&Body> {
        match &self.phase {
            Phase::Body(body) if body.is_loose() => Some(body),
            _ => None,
        }
    }

    /// Keeps the beginning and the end of the body that is to be read.
    pub(super) fn keep_body(&mut self) {
        if let Phase::Body(body) = &mut self.phase {
            body.kept = Some(over_http::Body::default());
        }
    }

    /// Takes what was kept of the body being read.
    pub(super) fn take_kept(&mut self) -> Option<over_http::Body> {
        match &mut self.phase {
            Phase::Body(body) => body.kept.take(),
            _ => None,
        }
    }

    /// Reads on with a message whose start line was found.
    pub(super) fn begin(&mut self, head: Box<Head>, at_ns: u64) {
        self.wire = head.about.bytes;
        self.last_ns = at_ns;
        self.phase = Phase::Head(head);
    }

    /// Counts bytes of the current message.
    pub(super) fn add_wire(&mut self, bytes: u64) {
        self.wire = self.wire.saturating_add(bytes);
    }

    /// Reads on where nothing is known.
    pub(super) fn lose(&mut self) {
        self.forget_candidate();
        self.phase = Phase::Lost;
    }

    /// Reads up to the next place where something is to be decided.
    pub(super) fn step(&mut self, cursor: &mut Cursor<'_>) -> Event {
        let seeks = match &self.phase {
            Phase::Head(_) => return self.read_head(cursor),
            Phase::Idle => true,
            Phase::Body(body) if !body.is_loose() => false,
            Phase::Body(_) | Phase::Lost => cursor.fresh || self.candidate.is_some(),
        };
        if seeks {
            return self.seek(cursor);
        }
        let Phase::Body(body) = &mut self.phase else {
            cursor.rest = &[];
            return Event::More;
        };
        let before = cursor.rest.len();
        let ended = body.read(&mut cursor.rest);
        cursor.fresh = false;
        self.add_wire((before - cursor.rest.len()) as u64);
        self.last_ns = cursor.at_ns;
        if ended { Event::BodyEnd } else { Event::More }
    }

    /// Gives up a start line that bytes that were not captured cut off, or returns its head if it
    /// is believed as it is.
    pub(super) fn cut_candidate(&mut self) -> Option<Box<Head>> {
        let candidate = self.candidate?;
        let whole = Whole {
            text: self.line.partial(),
            cut: true,
        };
        let message = parse(self.toward, whole);
        if message.is_none() {
            self.reject();
            return None;
        }
        self.forget_candidate();
        message.map(|message| self.head(message, candidate))
    }

    // === Start lines ===

    /// Collects and judges a start line.
    fn seek(&mut self, cursor: &mut Cursor<'_>) -> Event {
        if !self.nominate(cursor) {
            return Event::More;
        }
        let before = cursor.rest;
        let whole = self.line.take(&mut cursor.rest);
        let message = whole.map(|whole| parse(self.toward, whole));
        let taken = &before[..before.len() - cursor.rest.len()];
        let Some(candidate) = &mut self.candidate else {
            return Event::More;
        };
        candidate.bytes = candidate.bytes.saturating_add(taken.len() as u64);
        let candidate = *candidate;
        if let Phase::Body(body) = &mut self.phase {
            body.note(taken);
        }
        let believed = match message {
            Some(Some(message)) => {
                self.forget_candidate();
                return Event::Start(self.head(message, candidate));
            }
            Some(None) => false,
            None => {
                let partial = self.line.partial();
                let partial = &partial[..partial.len().min(SNIFF_BYTES)];
                judge(self.toward, partial) != Sniff::No
            }
        };
        if believed {
            return Event::More;
        }
        self.last_ns = cursor.at_ns;
        let garbage = matches!(self.phase, Phase::Idle);
        self.reject();
        if !garbage {
            return Event::More;
        }
        cursor.rest = &[];
        self.phase = Phase::Lost;
        Event::Garbage
    }

    /// Makes sure that there is a candidate which `cursor` continues; returns whether there is one.
    fn nominate(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let unsure = !matches!(self.phase, Phase::Idle);
        if self.candidate.is_some() {
            // A piece of a body may look like a beginning until a true beginning follows it.
            if cursor.fresh && unsure && is_certain(self.toward, cursor.rest) {
                self.reject();
            }
        } else if !matches!(self.phase, Phase::Body(_)) {
            let empty = cursor
                .rest
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'));
            cursor.rest = &cursor.rest[empty.count()..];
        }
        cursor.fresh = false;
        if cursor.rest.is_empty() {
            return false;
        }
        if self.candidate.is_none() {
            let (started_ns, thread) = (cursor.at_ns, cursor.thread);
            self.candidate = Some(Candidate {
                started_ns,
                thread,
                bytes: 0,
            });
        }
        true
    }

    /// Drops a candidate that was none; inside a body its bytes belong to that.
    fn reject(&mut self) {
        if let (Phase::Body(body), Some(candidate)) = (&mut self.phase, self.candidate) {
            body.add(candidate.bytes);
            self.wire = self.wire.saturating_add(candidate.bytes);
        }
        self.forget_candidate();
    }

    fn forget_candidate(&mut self) {
        self.candidate = None;
        self.line.clear();
    }

    fn head(&self, message: Message, candidate: Candidate) -> Box<Head> {
        let Candidate {
            started_ns,
            thread,
            bytes,
        } = candidate;
        let about = About {
            started_ns,
            thread,
            bytes,
            expects: false,
            next: None,
        };
        Box::new(Head::new(message, about, &self.limits))
    }

    // === Heads ===

    /// Reads lines of a head that came in pieces, or are too long to be kept. Returns whether the
    /// head is over.
    fn read_line(&mut self, cursor: &mut Cursor<'_>) -> bool {
        let Phase::Head(head) = &mut self.phase else {
            return false;
        };
        loop {
            let before = cursor.rest.len();
            let whole = self.line.take(&mut cursor.rest);
            let taken = before - cursor.rest.len();
            head.count(taken);
            self.wire = self.wire.saturating_add(taken as u64);
            match whole {
                None => return false,
                Some(Whole { text: [], .. }) => return true,
                Some(line) => head.line(line.text),
            }
        }
    }

    fn read_head(&mut self, cursor: &mut Cursor<'_>) -> Event {
        let Phase::Head(head) = &mut self.phase else {
            return Event::More;
        };
        cursor.fresh = false;
        self.last_ns = cursor.at_ns;
        let (taken, is_whole) = self.line.take_all(cursor.rest, |line, bytes| {
            head.count(bytes);
            if !line.is_empty() {
                head.line(line);
            }
            line.is_empty()
        });
        self.wire = self.wire.saturating_add(taken as u64);
        cursor.rest = &cursor.rest[taken..];
        if !is_whole && !self.read_line(cursor) {
            return Event::More;
        }
        self.line.clear();
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Head(head) => Event::HeadEnd(head),
            _ => Event::More,
        }
    }
}

fn parse(toward: Toward, line: Whole<'_>) -> Option<Message> {
    match toward {
        Toward::Server => Message::request(line),
        Toward::Client => Message::response(line),
    }
}

fn judge(toward: Toward, bytes: &[u8]) -> Sniff {
    match toward {
        Toward::Server => sniff_request(bytes),
        Toward::Client => sniff_response(bytes),
    }
}

/// Returns whether these bytes begin a message however they are continued.
fn is_certain(toward: Toward, bytes: &[u8]) -> bool {
    let line = memchr::memchr(b'\n', bytes).map_or(bytes, |end| &bytes[..end]);
    let line = &line[..line.len().min(SNIFF_BYTES)];
    match toward {
        // Without the end of its line, only a well-known method is a request this early.
        Toward::Server => {
            let target = memchr::memchr(b' ', line).map_or(line.len(), |space| space + 2);
            sniff_request(&line[..target.min(line.len())]) == Sniff::Request
        }
        Toward::Client => sniff_response(line) == Sniff::Response,
    }
}
