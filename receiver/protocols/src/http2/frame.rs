//! Frame heads (RFC 9113, section 4.1): what nine bytes say, and whether they are some.

/// How long a head is.
pub(super) const HEAD_BYTES: usize = 9;
/// What a client says first.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY: u8 = 0x20;

/// The longest payload that is allowed without asking.
const LEN_AT_FIRST: u32 = 16 * 1024;
/// The longest payload of data that a search for frames believes in.
const DATA_LEN_MAX: u32 = 4 * 1024 * 1024;
/// How far ahead of the streams that were seen a stream may be, that a search believes in.
const STREAMS_AHEAD: u32 = 20_000;
/// Heads in a row that a search wants to see, if there are as many.
const CHAIN: usize = 8;

/// The kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Priority,
    Reset,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// Something that extends the protocol, to be passed over.
    Other,
}

/// What a head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// Bytes that follow.
    pub(super) len: u32,
}

impl Frame {
    /// Reads a head; `None` if it cannot be one.
    pub(super) fn read(head: &[u8; HEAD_BYTES]) -> Option<Self> {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = *head;
        let kind = match kind {
            0 => Kind::Data,
            1 => Kind::Headers,
            2 => Kind::Priority,
            3 => Kind::Reset,
            4 => Kind::Settings,
            5 => Kind::PushPromise,
            6 => Kind::Ping,
            7 => Kind::GoAway,
            8 => Kind::WindowUpdate,
            9 => Kind::Continuation,
            _ => Kind::Other,
        };
        let frame = Self {
            kind,
            flags,
            // The highest bit is reserved, and to be ignored.
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff,
            len: u32::from_be_bytes([0, l0, l1, l2]),
        };
        frame.is_legal().then_some(frame)
    }

    /// Returns whether a flag is set.
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn is_legal(&self) -> bool {
        let on_stream = self.stream != 0;
        match self.kind {
            Kind::Data | Kind::Headers | Kind::Continuation => on_stream,
            Kind::Priority => on_stream && self.len == 5,
            Kind::Reset => on_stream && self.len == 4,
            Kind::PushPromise => on_stream && self.len >= 4,
            Kind::Settings => {
                let fits = if self.flags & ACK != 0 {
                    self.len == 0
                } else {
                    true
                };
                !on_stream && fits && self.len.is_multiple_of(6)
            }
            Kind::Ping => !on_stream && self.len == 8,
            Kind::GoAway => !on_stream && self.len >= 8,
            Kind::WindowUpdate => self.len == 4,
            Kind::Other => true,
        }
    }

    /// Returns whether a head that nothing announced is believed.
    fn is_likely(&self, head: &[u8; HEAD_BYTES], known: u32) -> bool {
        let flags = match self.kind {
            Kind::Data => END_STREAM | PADDED,
            Kind::Headers => END_STREAM | END_HEADERS | PADDED | PRIORITY,
            Kind::Settings | Kind::Ping => ACK,
            Kind::PushPromise => END_HEADERS | PADDED,
            Kind::Continuation => END_HEADERS,
            Kind::Priority | Kind::Reset | Kind::GoAway | Kind::WindowUpdate => 0,
            Kind::Other => return false,
        };
        let len_max = if self.kind == Kind::Data {
            DATA_LEN_MAX
        } else {
            LEN_AT_FIRST
        };
        let len_min = u32::from(self.kind == Kind::Headers);
        let stream_max = if known == 0 {
            u32::MAX
        } else {
            known.saturating_add(STREAMS_AHEAD)
        };
        head[5] & 0x80 == 0
            && self.flags & !flags == 0
            && (len_min..=len_max).contains(&self.len)
            && (self.stream % 2 == 1 || matches!(self.stream, 0))
            && self.stream <= stream_max
    }
}

/// Reads the head at the front of some bytes, if they are one.
pub(super) fn first(bytes: &[u8]) -> Option<Frame> {
    bytes.first_chunk().and_then(Frame::read)
}

/// Returns where frames begin in bytes that begin anywhere. `len` is how many there are, seen or
/// not; `known` the highest stream that was seen, or 0.
pub(super) fn find(bytes: &[u8], len: usize, known: u32) -> Option<usize> {
    (0..bytes.len()).find(|at| is_chain(&bytes[*at..], len - at, known))
}

/// Returns whether bytes are frames, one behind another: at least two, or one to the very end.
pub(super) fn is_chain(bytes: &[u8], len: usize, known: u32) -> bool {
    let mut at = 0;
    for seen in 0..CHAIN {
        let Some(head) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            // What is left may be a piece of a head, or was not captured.
            return seen >= 2 || seen == 1 && at == len;
        };
        match Frame::read(head) {
            Some(frame) if frame.is_likely(head, known) => at += HEAD_BYTES + frame.len as usize,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08";
    const DATA: &[u8] = b"\0\0\x03\0\x01\0\0\0\x05abc";

    #[test]
    fn finds_frames_behind_a_piece_of_one() {
        let bytes = [b"rest of some text", PING, DATA].concat();
        assert_eq!(find(&bytes, bytes.len(), 5), Some(17));
        let one = [b"rest of some text", DATA].concat();
        assert_eq!(find(&one, one.len(), 5), Some(17), "it ends where it says");
        assert_eq!(find(&one, one.len() + 1, 5), None, "it does not");
    }

    #[test]
    fn refuses_what_no_frame_says() {
        for head in [
            b"\0\0\x07\x06\0\0\0\0\0",   // a ping of seven bytes
            b"\0\0\x08\x06\0\0\0\0\x01", // on a stream
            b"\0\0\x01\0\0\0\0\0\0",     // data on none
            b"\0\0\x05\x04\0\0\0\0\0",   // settings of five bytes
            b"\0\0\x05\x03\0\0\0\0\x01", // a reset of five bytes
        ] {
            assert_eq!(Frame::read(head), None, "{head:?}");
        }
        assert!(!is_chain(&[0; 64], 64, 0));
        assert!(!is_chain(b"GET / HTTP/1.1\r\n\r\n", 18, 0));
    }
}
