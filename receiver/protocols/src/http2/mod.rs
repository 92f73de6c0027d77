//! HTTP/2, both directions of a connection, and gRPC on it.
//!
//! Bytes become frames in `flow` (with `frame`), one direction each; header blocks become headers
//! in `hpack`; `reading` puts frames to their streams, and `telling` makes exchanges of streams.
//!
//! Frames say which stream they belong to, and no stream's number is used twice. So a response is
//! never paired wrongly, whatever was lost, and the rules for what was not seen are:
//!
//! - Bytes that were not captured are harmless inside a frame of data.
//! - Once it is unknown where frames begin, a chunk is searched for a chain of them.
//! - Headers that refer to what was said before we came, or in lost bytes, are unknown and said to
//!   be: a request without a known path has none.
//! - A call whose content type is unknown is one of gRPC only if all of it has that shape.
//!
//! Requests that a server promises are read for the sake of the header table, and not told: nobody
//! made them.

mod flow;
mod frame;
mod grpc;
mod head;
mod hpack;
mod messages;
mod reading;
mod sniff;
mod stream;
mod streams;
mod telling;

use self::{
    flow::Flow,
    frame::Frame,
    head::{Fields, Text},
    hpack::Decoder,
    stream::{Moment, Stream},
    streams::Streams,
};
use crate::{
    conversation::{Chunk, Limits, Outcome, Since, Toward, Unanswered},
    http, over_http,
    parser::{Asked, Parser, Sink},
    recognition::{Beginning, Protocol},
};

/// Streams that may be open per request that may be on other protocols: many are the point here.
const STREAMS_PER_OPEN: usize = 4;
/// What a stream holds at most: a path, three lists, the other headers, trailers in bodies.
const STREAM_BYTES: usize = (8 + 5 * 4 + 8) * 1024;
/// Header blocks and buffers for texts.
const BUFFERS: usize = 6;
/// Garbage after which a connection without a single header block is none of HTTP/2.
const STRIKES: u32 = 3;
/// Chunks without a beginning of a frame, likewise.
const STRANGE_CHUNKS: u32 = 256;

/// How HTTP/2 is recognised.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "http2",
    begins: sniff::begins,
    parser: |beginning, limits| Box::new(Http2::new(beginning, limits)),
};

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct Http2 {
    limits: Limits,
    requests: Side,
    responses: Side,
    streams: Streams,
    next_number: u32,
    /// The highest number of a stream that a client began.
    highest: u32,
    strikes: u32,
    strange: u32,
    /// Whether a header block was read.
    is_proven: bool,
}

/// One direction.
#[derive(Debug)]
struct Side {
    flow: Flow,
    decoder: Decoder,
    /// Headers that go on in further frames.
    block: Option<Block>,
}

/// A header block of several frames.
#[derive(Debug)]
struct Block {
    frame: Frame,
    bytes: Vec<u8>,
    is_whole: bool,
    started_ns: u64,
    wire: u64,
}

impl Side {
    fn new(starts: bool, with_preface: bool, limits: &Limits) -> Self {
        Self {
            flow: Flow::new(starts, with_preface, limits.head_bytes),
            decoder: Decoder::new(starts, limits.wanted, with_preface),
            block: None,
        }
    }

    /// It is not known any more where frames begin, nor which headers were said.
    fn lose(&mut self) {
        self.flow.lose();
        self.decoder.lose();
        self.block = None;
    }

    fn held(&self) -> usize {
        let block = self.block.as_ref();
        self.flow.held() + self.decoder.held() + block.map_or(0, |block| block.bytes.capacity())
    }
}

impl Http2 {
    /// Creates the reader of a connection that begins like this.
    pub fn new(beginning: &Beginning<'_>, limits: Limits) -> Self {
        let starts = beginning.since == Since::Begin
            || beginning.bytes.len() > 3 && beginning.bytes.starts_with(&frame::PREFACE[..4]);
        Self::with(starts, limits)
    }

    /// Creates the reader of a connection that became one of HTTP/2 with a request that was made
    /// in HTTP/1 and announced under this number. Its response is on the first stream.
    pub(crate) fn upgraded(
        limits: Limits,
        number: u32,
        next_number: u32,
        asked: http::Exchange,
    ) -> Self {
        let mut made = Self::with(true, limits);
        let when = Moment {
            started_ns: asked.started_ns,
            at_ns: asked.request_ended_ns,
            thread: asked.request_thread,
        };
        let mut stream = Stream::new(1, number, Fields::default(), when);
        stream.ways[0].is_over = true;
        stream.ways[0].bytes = asked.request_bytes;
        stream.ways[0].body_bytes = asked.request_body_bytes;
        stream.held += limits.head_bytes;
        stream.origin = Some(Box::new(asked.request));
        made.streams.push(Box::new(stream));
        made.next_number = next_number;
        made.highest = 1;
        made
    }

    fn with(starts: bool, limits: Limits) -> Self {
        Self {
            requests: Side::new(starts, true, &limits),
            responses: Side::new(starts, false, &limits),
            limits,
            streams: Streams::default(),
            next_number: 0,
            highest: 0,
            strikes: 0,
            strange: 0,
            is_proven: false,
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max(limits: &Limits) -> usize {
        let per_stream =
            STREAM_BYTES.max(limits.head_bytes) + size_of::<Stream>() + over_http::BYTES_MAX;
        // A table's entries are counted by what they are here, and there they count 32 bytes each.
        streams_max(limits) * per_stream
            + 2 * (hpack::SIZE_MAX * 4 + BUFFERS * limits.head_bytes.max(16 * 1024))
    }

    // === Ends of streams ===

    /// Begins a request.
    fn begin(&mut self, id: u32, fields: Fields, when: Moment, out: &mut dyn Sink) {
        if self.streams.len() >= streams_max(&self.limits)
            && let Some(oldest) = self.streams.take_oldest()
        {
            Self::give_up(*oldest, Unanswered::TooManyOpen, when.at_ns, out);
        }
        let number = self.next_number;
        self.next_number = self.next_number.wrapping_add(1);
        let asked = Asked {
            thread: when.thread,
            trace: fields.context(),
            user_agent: fields.more.user_agent.as_ref().map(Text::as_str),
            ..Asked::default()
        };
        out.request(number, asked);
        self.streams
            .push(Box::new(Stream::new(id, number, fields, when)));
    }

    /// Tells of a stream whose response is complete.
    fn answered(&mut self, id: u32, out: &mut dyn Sink) {
        if let Some(stream) = self.streams.take(id) {
            let (number, ended_ns) = (stream.number, stream.ended_ns);
            out.exchange(number, telling::told(*stream, Outcome::Answered, ended_ns));
        }
    }

    /// Tells of a stream that will not be heard of any more.
    fn give_up(stream: Stream, why: Unanswered, at_ns: u64, out: &mut dyn Sink) {
        let (outcome, ended_ns) = if stream.is_answered() {
            (Outcome::Answered, stream.ended_ns)
        } else {
            let may_have_come =
                stream.ways[1].is_doubtful && !matches!(why, Unanswered::StreamReset(_));
            let why = if may_have_come {
                Unanswered::LostData
            } else {
                why
            };
            (Outcome::Unanswered(why), at_ns)
        };
        out.exchange(stream.number, telling::told(stream, outcome, ended_ns));
    }
}

fn streams_max(limits: &Limits) -> usize {
    limits.open_requests.max(1).saturating_mul(STREAMS_PER_OPEN)
}

impl Parser for Http2 {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        self.read_chunk(&chunk, out);
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        self.read_gap(toward, at_ns, len, out);
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        while let Some(stream) = self.streams.take_oldest() {
            Self::give_up(*stream, why, at_ns, out);
        }
        self.requests.lose();
        self.responses.lose();
    }

    /// A call whose request goes on, or whose response has begun, is not late, unless something of
    /// it was lost: streams may be silent for hours.
    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        let timeout = self.limits.response_timeout_ns;
        let is_late = |stream: &Stream| {
            let is_waiting = stream.is_asked() && stream.response_started_ns.is_none();
            let is_lossy = stream.ways.iter().any(|way| way.is_doubtful);
            (is_waiting || is_lossy || stream.is_answered())
                && now_ns.saturating_sub(stream.active_ns) >= timeout
        };
        while let Some(late) = self.streams.take_if(is_late) {
            Self::give_up(*late, Unanswered::Timeout, now_ns, out);
        }
    }

    fn open_requests(&self) -> usize {
        self.streams.len()
    }

    /// Never more than [`Http2::buffered_bytes_max`].
    fn buffered_bytes(&self) -> usize {
        self.streams.held() + self.requests.held() + self.responses.held()
    }

    fn is_mistaken(&self) -> bool {
        !self.is_proven && (self.strikes >= STRIKES || self.strange >= STRANGE_CHUNKS)
    }
}
