//! Puts frames to their streams, and says what bytes mean that were not seen.

use super::{
    Block, Http2, Side,
    flow::{Missing, Part},
    frame::{ACK, END_HEADERS, END_STREAM, Frame, HEAD_BYTES, Kind, PADDED, PRIORITY},
    head::Fields,
    hpack::Decoded,
    stream::{Moment, Stream},
};
use crate::{
    conversation::{Chunk, Toward, Unanswered},
    parser::Sink,
};

/// The setting that allows header tables of a size.
const HEADER_TABLE_SIZE: [u8; 2] = [0, 1];
/// What tells that a request was not begun: the error code of a refused stream.
const REFUSED_STREAM: u32 = 7;
/// What `PRIORITY` adds to a head: a stream and a weight.
const PRIORITY_BYTES: usize = 5;

/// Where bytes moved, when, and by whom.
#[derive(Clone, Copy)]
struct When {
    toward: Toward,
    moved_ns: u64,
    thread: u64,
}

/// What is here of a payload, and whether that is all.
#[derive(Clone, Copy)]
struct Payload<'a> {
    bytes: &'a [u8],
    is_whole: bool,
}

impl Http2 {
    pub(super) fn read_chunk(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        let at = When {
            toward: chunk.toward,
            moved_ns: chunk.at_ns,
            thread: chunk.thread,
        };
        let mut rest = chunk.bytes;
        let len = chunk.len.max(rest.len());
        let known = self.highest;
        if !self.side(at.toward).flow.find(&mut rest, len, known) {
            self.strange += 1;
            return;
        }
        self.strange = 0;
        loop {
            match self.side(at.toward).flow.step(&mut rest) {
                Part::More => break,
                Part::Data {
                    frame,
                    bytes,
                    is_end,
                } => self.on_data(at, &frame, bytes, is_end, out),
                Part::Frame(frame, bytes) => {
                    let is_whole = true;
                    self.on_frame(at, frame, Payload { bytes, is_whole }, out);
                }
                Part::Buffered(frame) => self.on_buffered(at, frame, out),
                Part::Garbage => {
                    self.strikes += 1;
                    return self.lose(at.toward);
                }
            }
        }
        let missing = len - chunk.bytes.len();
        self.read_missing(at, Some(missing as u64), out);
    }

    pub(super) fn read_gap(
        &mut self,
        toward: Toward,
        at_ns: u64,
        len: Option<u64>,
        out: &mut dyn Sink,
    ) {
        let thread = 0;
        self.read_missing(
            When {
                toward,
                moved_ns: at_ns,
                thread,
            },
            len,
            out,
        );
    }

    fn read_missing(&mut self, at: When, mut missing: Option<u64>, out: &mut dyn Sink) {
        loop {
            match self.side(at.toward).flow.pass(&mut missing) {
                Missing::None | Missing::Within => return,
                Missing::Data(frame, bytes, is_end) => {
                    if let Some(stream) = self.streams.get(frame.stream) {
                        stream.on_unseen_data(at.toward, u64::from(bytes), at.moved_ns);
                    }
                    self.on_data(at, &frame, &[], is_end, out);
                }
                Missing::End(frame) => self.on_buffered(at, frame, out),
                Missing::Place => return self.lose(at.toward),
            }
        }
    }

    fn side(&mut self, toward: Toward) -> &mut Side {
        match toward {
            Toward::Server => &mut self.requests,
            Toward::Client => &mut self.responses,
        }
    }

    /// Frames of any stream may have been missed from here on.
    fn lose(&mut self, toward: Toward) {
        self.side(toward).lose();
        for stream in self.streams.iter_mut() {
            stream.doubt(toward);
        }
    }

    // === Frames ===

    fn on_buffered(&mut self, at: When, frame: Frame, out: &mut dyn Sink) {
        let (buffer, is_whole) = self.side(at.toward).flow.take_buffer(&frame);
        let bytes = buffer.as_slice();
        self.on_frame(at, frame, Payload { bytes, is_whole }, out);
        self.side(at.toward).flow.give_buffer(buffer);
    }

    fn on_frame(&mut self, at: When, frame: Frame, payload: Payload<'_>, out: &mut dyn Sink) {
        let side = self.side(at.toward);
        if frame.kind != Kind::Continuation && side.block.take().is_some() {
            side.decoder.lose(); // the rest of a block was not seen
        }
        match frame.kind {
            Kind::Headers | Kind::PushPromise => {
                let fragment = fragment(&frame, payload);
                self.begin_block(at, frame, fragment, out);
            }
            Kind::Continuation => self.continue_block(at, &frame, payload, out),
            Kind::Reset => {
                if let Some(code) = number(payload.bytes, 0) {
                    self.on_reset(at, frame.stream, code, out);
                }
            }
            Kind::GoAway if at.toward == Toward::Client => {
                if let Some(last) = number(payload.bytes, 0) {
                    self.on_go_away(at, last & 0x7fff_ffff, out);
                }
            }
            Kind::Settings if frame.flags & ACK == 0 => self.on_settings(at, payload.bytes),
            _ => {}
        }
    }

    /// What one end allows is what the other end's encoder may use.
    fn on_settings(&mut self, at: When, settings: &[u8]) {
        let encoder = match at.toward {
            Toward::Server => &mut self.responses,
            Toward::Client => &mut self.requests,
        };
        for setting in settings.chunks_exact(6) {
            if setting.starts_with(&HEADER_TABLE_SIZE) {
                let size = number(setting, 2).unwrap_or_default();
                encoder.decoder.allow(size as usize);
            }
        }
    }

    // === Headers ===

    fn begin_block(&mut self, at: When, frame: Frame, fragment: Payload<'_>, out: &mut dyn Sink) {
        let wire = HEAD_BYTES as u64 + u64::from(frame.len);
        if frame.has(END_HEADERS) {
            return self.on_block(at, frame, fragment, (at.moved_ns, wire), out);
        }
        self.side(at.toward).block = Some(Block {
            frame,
            bytes: fragment.bytes.to_vec(),
            is_whole: fragment.is_whole,
            started_ns: at.moved_ns,
            wire,
        });
    }

    fn continue_block(
        &mut self,
        at: When,
        frame: &Frame,
        payload: Payload<'_>,
        out: &mut dyn Sink,
    ) {
        let block_bytes = self.limits.head_bytes;
        let side = self.side(at.toward);
        let Some(mut block) = side.block.take() else {
            return side.decoder.lose();
        };
        if block.frame.stream != frame.stream {
            return side.decoder.lose();
        }
        if block.is_whole {
            let room = block_bytes.saturating_sub(block.bytes.len());
            let kept = payload.bytes.len().min(room);
            block.bytes.extend_from_slice(&payload.bytes[..kept]);
            block.is_whole = payload.is_whole && kept == payload.bytes.len();
        }
        block.wire += HEAD_BYTES as u64 + u64::from(frame.len);
        if !frame.has(END_HEADERS) {
            side.block = Some(block);
            return;
        }
        let whole = Payload {
            bytes: &block.bytes,
            is_whole: block.is_whole,
        };
        self.on_block(at, block.frame, whole, (block.started_ns, block.wire), out);
    }

    /// Reads a header block that began then and took so many bytes.
    fn on_block(
        &mut self,
        at: When,
        frame: Frame,
        block: Payload<'_>,
        (started_ns, wire): (u64, u64),
        out: &mut dyn Sink,
    ) {
        let mut fields = Fields::default();
        let (wanted, toward) = (self.limits.wanted, at.toward);
        let side = self.side(toward);
        let decoded = side
            .decoder
            .decode(block.bytes, block.is_whole, |name, value| {
                fields.take(name, value);
                if !wanted.is_empty() {
                    fields.keep(name, value, |name| match toward {
                        Toward::Server => wanted.of_request(name),
                        Toward::Client => wanted.of_response(name),
                    });
                }
            });
        match decoded {
            Decoded::Whole => self.is_proven = true,
            Decoded::Cut | Decoded::Wrong => {
                self.strikes += u32::from(decoded == Decoded::Wrong);
                fields.is_cut = true;
                fields.has_unknown = true;
            }
        }
        let when = Moment {
            started_ns,
            at_ns: at.moved_ns,
            thread: at.thread,
        };
        match (frame.kind, at.toward) {
            (Kind::PushPromise, _) => {}
            (_, Toward::Server) => self.on_request(frame, fields, when, wire, out),
            (_, Toward::Client) => self.on_response(frame, fields, when, wire, out),
        }
    }

    fn on_request(
        &mut self,
        frame: Frame,
        fields: Fields,
        when: Moment,
        wire: u64,
        out: &mut dyn Sink,
    ) {
        let id = frame.stream;
        if self.streams.get(id).is_none() {
            if id <= self.highest || id.is_multiple_of(2) || !fields.is_request() {
                self.highest = self.highest.max(id);
                return;
            }
            self.highest = id;
            self.begin(id, fields, when, out);
        }
        if let Some(stream) = self.streams.get(id) {
            stream.ways[0].bytes += wire;
            stream.touch(Toward::Server, when.at_ns);
        }
        if frame.has(END_STREAM) {
            self.end_request(id, out);
        }
    }

    fn on_response(
        &mut self,
        frame: Frame,
        fields: Fields,
        when: Moment,
        wire: u64,
        out: &mut dyn Sink,
    ) {
        let is_end = frame.has(END_STREAM);
        let Some(stream) = self.streams.get(frame.stream) else {
            return;
        };
        stream.active_ns = when.at_ns;
        if fields
            .status
            .is_some_and(|status| (100..200).contains(&status))
            && !is_end
        {
            return; // another head follows
        }
        if is_head(stream, &fields, is_end) {
            stream.on_head(fields, when);
        } else {
            stream.on_trailers(&fields);
        }
        stream.ways[1].bytes += wire;
        stream.touch(Toward::Client, when.at_ns);
        if is_end {
            self.end_response(frame.stream, out);
        }
    }

    // === Streams ===

    fn on_data(&mut self, at: When, frame: &Frame, bytes: &[u8], is_end: bool, out: &mut dyn Sink) {
        let Some(stream) = self.streams.get(frame.stream) else {
            return;
        };
        stream.on_data(at.toward, bytes, at.moved_ns);
        if !is_end {
            return;
        }
        stream.way(at.toward).bytes += HEAD_BYTES as u64 + u64::from(frame.len);
        if frame.has(END_STREAM) {
            match at.toward {
                Toward::Server => self.end_request(frame.stream, out),
                Toward::Client => self.end_response(frame.stream, out),
            }
        }
    }

    fn end_request(&mut self, id: u32, out: &mut dyn Sink) {
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        stream.ways[0].is_over = true;
        if stream.is_answered() {
            self.answered(id, out);
        }
    }

    /// A call is over with its trailers; a request of HTTP may still be on its way.
    fn end_response(&mut self, id: u32, out: &mut dyn Sink) {
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        stream.ways[1].is_over = true;
        if stream.is_asked() || stream.ways[0].is_doubtful || stream.is_grpc() {
            self.answered(id, out);
        }
    }

    fn on_reset(&mut self, at: When, id: u32, code: u32, out: &mut dyn Sink) {
        if let Some(mut stream) = self.streams.take(id) {
            stream.touch(at.toward, at.moved_ns.max(stream.active_ns));
            let why = Unanswered::StreamReset(code);
            Self::give_up(*stream, why, at.moved_ns, out);
        }
    }

    /// The server will not look at requests beyond this one.
    fn on_go_away(&mut self, at: When, last: u32, out: &mut dyn Sink) {
        while let Some(refused) = self.streams.take_if(|stream| stream.id > last) {
            let why = Unanswered::StreamReset(REFUSED_STREAM);
            Self::give_up(*refused, why, at.moved_ns, out);
        }
    }
}

/// Returns whether headers are the head of a response, and not what comes behind one.
fn is_head(stream: &Stream, fields: &Fields, is_end: bool) -> bool {
    if fields.status.is_some() {
        return true;
    }
    // The head itself may have been lost; and these headers may be anything.
    let may_be_trailers = is_end && stream.ways[1].is_doubtful;
    stream.response_started_ns.is_none() && fields.has_unknown && !may_be_trailers
}

/// Takes padding, priority and promised stream off the front and the back of a payload.
fn fragment<'a>(frame: &Frame, payload: Payload<'a>) -> Payload<'a> {
    let mut bytes = payload.bytes;
    let mut end = frame.len as usize;
    let mut front = 0;
    if frame.has(PADDED) {
        front = 1;
        end = end.saturating_sub(bytes.first().map_or(0, |padding| usize::from(*padding)));
    }
    front += match frame.kind {
        Kind::PushPromise => 4,
        _ if frame.has(PRIORITY) => PRIORITY_BYTES,
        _ => 0,
    };
    let is_whole = payload.is_whole || bytes.len() >= end;
    bytes = &bytes[..bytes.len().min(end)];
    Payload {
        bytes: bytes.get(front..).unwrap_or_default(),
        is_whole,
    }
}

/// Reads four bytes as a number.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|bytes| u32::from_be_bytes(*bytes))
}
