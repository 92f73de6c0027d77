//! Drives both streams of a connection, and says what bytes mean that were not captured.
//!
//! It decides about framing; which response belongs to which request is decided in `pairing`.

use super::body::{Body, LAST_CHUNK, Skip};
use super::head::{About, Framing, Head, Message, is_interim};
use super::pairing::Hidden;
use super::slot::{Answer, Slot};
use super::stream::{Cursor, Event, Phase, Stream};
use super::upgrade::Successor;
use super::{Bodies, Http1};
use super::{Chunk, Request, Response, Sink, Toward};

/// Bytes that were not captured.
#[derive(Debug, Clone, Copy)]
struct Hole<'a> {
    toward: Toward,
    at_ns: u64,
    thread: u64,
    /// How many they are, if that is known.
    bytes: Option<u64>,
    /// What follows them up to the end of the chunk.
    tail: &'a [u8],
    /// What they hide if a message was being read before them, and what if none was.
    within: Hidden,
    between: Hidden,
}

/// Whether the tail behind a hole still has to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    Unread,
    Read,
}

impl Http1 {
    /// Reads what is known of a chunk: its beginning, and the end behind a hole.
    pub(super) fn read_chunk(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let (toward, at_ns, thread) = (chunk.toward, chunk.at_ns, chunk.thread);
        self.active_ns = self.active_ns.max(at_ns);
        self.turned |= toward == Toward::Client;
        let missing = chunk.len.saturating_sub(chunk.bytes.len());
        let tail = &chunk.tail[chunk.tail.len() - chunk.tail.len().min(missing)..];
        let uncaptured = (missing - tail.len()) as u64;
        let (rest, first_id) = (chunk.bytes, self.next_id);
        let fresh = true;
        self.read(
            toward,
            Cursor {
                rest,
                fresh,
                at_ns,
                thread,
            },
            out,
        );
        if let Successor::Due(_) = self.successor {
            return;
        }
        let mut behind = Tail::Unread;
        if uncaptured > 0 {
            let between = if self.next_id == first_id {
                Hidden::Gap
            } else {
                Hidden::Cut
            };
            let (bytes, within) = (Some(uncaptured), Hidden::Cut);
            let hole = Hole {
                toward,
                at_ns,
                thread,
                bytes,
                tail,
                within,
                between,
            };
            behind = self.read_hole(hole, out);
        }
        if behind == Tail::Unread {
            // A tail without a hole before it completes the chunk.
            let (rest, fresh) = (tail, rest.is_empty() && uncaptured == 0);
            self.read(
                toward,
                Cursor {
                    rest,
                    fresh,
                    at_ns,
                    thread,
                },
                out,
            );
        }
        if self.stream(toward).loose().is_some_and(Body::ends_here) {
            self.end_body(toward, out);
            self.stream(toward).phase = Phase::Idle;
        }
    }

    /// Accounts for bytes that were lost on the way to us.
    pub(super) fn read_gap(
        &mut self,
        toward: Toward,
        at_ns: u64,
        bytes: Option<u64>,
        out: &mut dyn Sink,
    ) {
        self.active_ns = self.active_ns.max(at_ns);
        self.turned |= toward == Toward::Client;
        let (thread, tail, within, between) = (0, &[][..], Hidden::Gap, Hidden::Gap);
        self.read_hole(
            Hole {
                toward,
                at_ns,
                thread,
                bytes,
                tail,
                within,
                between,
            },
            out,
        );
    }

    pub(super) fn stream(&mut self, toward: Toward) -> &mut Stream {
        match toward {
            Toward::Server => &mut self.requests,
            Toward::Client => &mut self.responses,
        }
    }

    fn read(&mut self, toward: Toward, mut cursor: Cursor<'_>, out: &mut dyn Sink) {
        let (at_ns, thread) = (cursor.at_ns, cursor.thread);
        if cursor.rest.is_empty() {
            return;
        }
        while !cursor.rest.is_empty() && !self.opaque {
            match self.stream(toward).step(&mut cursor) {
                Event::More => {}
                Event::Start(head) => self.start(toward, head, at_ns, out),
                Event::HeadEnd(head) => self.end_head(*head, at_ns, thread, out),
                Event::BodyEnd => {
                    self.end_body(toward, out);
                    self.stream(toward).phase = Phase::Idle;
                }
                Event::Garbage => self.read_garbage(toward, at_ns, out),
            }
        }
        if let Successor::Due(handover) = &mut self.successor {
            handover.unread = cursor.rest.len();
        }
        self.after_blind(toward, at_ns, out);
    }

    /// Allows for messages that were hidden in bytes read without framing.
    fn after_blind(&mut self, toward: Toward, at_ns: u64, out: &mut dyn Sink) {
        let stream = self.stream(toward);
        let lost = matches!(stream.phase, Phase::Lost) && toward == Toward::Client;
        if (lost || stream.loose().is_some()) && !stream.has_candidate() {
            self.lose_others(toward, Hidden::Gap, at_ns, out);
        }
    }

    /// Gives up a direction that does not speak HTTP/1. No request hides in garbage that was seen.
    fn read_garbage(&mut self, toward: Toward, at_ns: u64, out: &mut dyn Sink) {
        let turned = self.turned || self.hidden == Hidden::No;
        self.lose(toward, Hidden::Gap, at_ns, out);
        self.turned = turned;
    }

    /// Begins a message, which ends a body without an end before it.
    fn start(&mut self, toward: Toward, head: Box<Head>, at_ns: u64, out: &mut dyn Sink) {
        if self.stream(toward).loose().is_some() {
            self.end_body(toward, out);
        }
        let wanted = toward == Toward::Server || {
            self.force_request(at_ns, out);
            self.claim_response(at_ns, out)
        };
        if wanted {
            self.stream(toward).begin(head, at_ns);
        } else {
            self.stream(toward).lose();
        }
    }

    /// Ends a request head that is still being read, because its response has begun.
    fn force_request(&mut self, at_ns: u64, out: &mut dyn Sink) {
        if let Phase::Head(head) = &self.requests.phase
            && self.slots.is_empty()
            && self.hidden == Hidden::No
        {
            let thread = head.about.thread;
            self.cut_head(Toward::Server, at_ns, thread, &[], out);
        }
    }

    // === Heads ===

    fn end_head(&mut self, head: Head, at_ns: u64, thread: u64, out: &mut dyn Sink) {
        let framing = head.framing();
        let about = head.about;
        match head.message {
            Message::Request(request) => {
                let body = match framing {
                    Framing::Absent | Framing::Length(0) => None,
                    Framing::Length(length) => Some(Body::length(length)),
                    Framing::Chunked => Some(Body::chunked()),
                    Framing::Coded | Framing::Broken => Some(Body::loose(false, None)),
                };
                self.enter_request(request, about, body, at_ns, thread, out);
            }
            Message::Response(response) => {
                let body = match framing {
                    Framing::Length(0) => None,
                    Framing::Length(length) => Some(Body::length(length)),
                    Framing::Chunked => Some(Body::chunked()),
                    Framing::Absent | Framing::Coded => Some(Body::until_close()),
                    Framing::Broken => Some(Body::loose(false, None)),
                };
                self.enter_response(response, about, body, out);
            }
        }
    }

    /// Ends a head whose end was not captured; `tail` is what is known to follow the hole.
    fn cut_head(
        &mut self,
        toward: Toward,
        at_ns: u64,
        thread: u64,
        tail: &[u8],
        out: &mut dyn Sink,
    ) {
        let stream = self.stream(toward);
        let Phase::Head(mut head) = std::mem::replace(&mut stream.phase, Phase::Idle) else {
            return;
        };
        stream.lose();
        head.message.truncate();
        let last_chunk = tail.ends_with(LAST_CHUNK);
        // An empty line at the very end is most likely the end of the head.
        let ended = !last_chunk && (tail.ends_with(b"\n\r\n") || tail.ends_with(b"\n\n"));
        let mut body = match head.framing() {
            Framing::Chunked if ended => Some(Body::chunked()),
            Framing::Length(0) if ended => None,
            Framing::Length(length) if ended => Some(Body::length(length)),
            Framing::Length(length) => Some(Body::loose(false, Some(length))),
            framing => Some(Body::loose(last_chunk || framing == Framing::Chunked, None)),
        };
        if let Some(body) = &mut body {
            body.note(tail);
        }
        let about = head.about;
        match head.message {
            Message::Request(request) => {
                self.enter_request(request, about, body, at_ns, thread, out);
            }
            Message::Response(response) => self.enter_response(response, about, body, out),
        }
        if let Phase::Idle = self.stream(toward).phase {
            self.stream(toward).lose();
        }
    }

    fn enter_request(
        &mut self,
        request: Box<Request>,
        about: About,
        body: Option<Body>,
        at_ns: u64,
        thread: u64,
        out: &mut dyn Sink,
    ) {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        out.request(id, &request, thread);
        self.sending = Some(id);
        let complete = body.is_none();
        let slot = Slot::new(id, request, about, at_ns, thread);
        self.requests.phase = body.map_or(Phase::Idle, Phase::Body);
        if slot.watch.is_some() {
            self.requests.keep_body();
            self.bodies = Bodies::Watched;
        }
        self.push(slot, at_ns, out);
        if complete {
            self.end_body(Toward::Server, out);
        }
    }

    fn enter_response(
        &mut self,
        response: Response,
        about: About,
        body: Option<Body>,
        out: &mut dyn Sink,
    ) {
        let Some(slot) = self.slots.front_mut() else {
            return self.responses.lose();
        };
        let status = response.status;
        if is_interim(status) {
            slot.answer = Answer::Due;
            slot.expects &= status != 100; // told to go on, it sends its body
            self.responses.phase = Phase::Idle;
            return;
        }
        slot.answer(response, about.started_ns, about.thread);
        if let (101, Some(next), true) = (status, about.next, self.successor.is_wanted()) {
            return self.hand_over(next, out);
        }
        if slot.is_upgrade(status) {
            return self.upgrade(out);
        }
        let body = body.filter(|_| slot.has_body(status));
        let complete = body.is_none();
        let is_watched = slot.watch.is_some();
        self.responses.phase = body.map_or(Phase::Idle, Phase::Body);
        if is_watched {
            self.responses.keep_body();
        }
        self.stop_expecting();
        if complete {
            self.end_body(Toward::Client, out);
        }
    }

    // === Holes ===

    fn read_hole(&mut self, hole: Hole<'_>, out: &mut dyn Sink) -> Tail {
        let Hole {
            toward,
            at_ns,
            thread,
            ..
        } = hole;
        if let Some(head) = self.stream(toward).cut_candidate() {
            self.start(toward, head, at_ns, out);
        }
        let stream = self.stream(toward);
        match &mut stream.phase {
            Phase::Head(_) => {
                stream.add_wire(
                    hole.bytes
                        .unwrap_or(0)
                        .saturating_add(hole.tail.len() as u64),
                );
                stream.last_ns = at_ns;
                self.cut_head(toward, at_ns, thread, hole.tail, out);
                self.end_within(hole, out);
                self.lose_others(toward, hole.within, at_ns, out);
                return Tail::Read;
            }
            Phase::Body(body) => {
                let before = body.bytes();
                let skip = body.skip(hole.bytes);
                let counted = match skip {
                    Skip::Beyond => body.bytes() - before,
                    _ => hole.bytes.unwrap_or(0),
                };
                stream.add_wire(counted);
                stream.last_ns = at_ns;
                self.after_skip(hole, skip, out);
            }
            Phase::Idle => self.lose(toward, hole.between, at_ns, out),
            Phase::Lost => self.lose(toward, Hidden::Gap, at_ns, out),
        }
        Tail::Unread
    }

    fn after_skip(&mut self, hole: Hole<'_>, skip: Skip, out: &mut dyn Sink) {
        let Hole { toward, at_ns, .. } = hole;
        match skip {
            Skip::Inside => {}
            Skip::Ended => {
                self.end_body(toward, out);
                self.stream(toward).phase = Phase::Idle;
            }
            Skip::Beyond => {
                self.end_body(toward, out);
                self.lose(toward, hole.between, at_ns, out);
            }
            Skip::Unclear => self.lose_others(toward, hole.between, at_ns, out),
        }
    }

    /// Ends a response whose head was cut, if its whole body fits into the hole: the usual case of
    /// a response that was sent by one call.
    fn end_within(&mut self, hole: Hole<'_>, out: &mut dyn Sink) {
        let Some(body) = self.stream(hole.toward).loose() else {
            return;
        };
        let fits = body.declares_within(
            hole.bytes
                .unwrap_or(0)
                .saturating_add(hole.tail.len() as u64),
        );
        if hole.toward == Toward::Client && fits {
            self.end_body(hole.toward, out);
            self.responses.lose();
        }
    }

    /// Gives up a direction until a chunk begins with a message.
    fn lose(&mut self, toward: Toward, hidden: Hidden, at_ns: u64, out: &mut dyn Sink) {
        self.stream(toward).lose();
        self.lose_others(toward, hidden, at_ns, out);
    }
}
