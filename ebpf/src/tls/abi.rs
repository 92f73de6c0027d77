//! What the kernel half says of TLS, byte for byte: the mirror of its part of `include/abi.h`.
#![expect(unsafe_code, reason = "promises that the records are plain integers")]

use std::mem::size_of;

use crate::abi::{EventHeader, Plain, TAIL_MAX, read};

/// The plaintext could not be read.
pub const TLS_DATA_NO_BUFFER: u8 = 1;
/// The handshake of the stream was seen.
pub const TLS_DATA_FROM_START: u8 = 2;
/// Nobody hears of the end of the stream: offsets go on in the next one of its address.
pub const TLS_DATA_UNENDED: u8 = 4;
/// Records of one socket call whose lengths are told.
pub const TLS_RECORDS_MAX: usize = 4;

/// The bytes are the plaintext of a TLS connection; their offset is in the plaintext. Set by user
/// space, when it knows their socket.
pub const DATA_TLS: u8 = 64;
/// Of a TLS connection whose handshake was seen. Set by user space.
pub const DATA_TLS_FROM_START: u8 = 128;

pub(crate) const KIND_TLS_DATA: u16 = 20;
const KIND_TLS_IO: u16 = 21;
pub(crate) const KIND_TLS_END: u16 = 22;

/// Plaintext that a TLS library took or gave.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventTlsData {
    /// Common head.
    pub header: EventHeader,
    /// The library's object: its address, unique in its process while it lives.
    pub stream: u64,
    /// The socket that moved bytes inside its calls; 0 if none did.
    pub cookie: u64,
    /// Position of the first byte in its direction of the plaintext.
    pub offset: u64,
    /// Process that called.
    pub tgid: u32,
    /// Thread that called.
    pub tid: u32,
    /// Bytes taken or given.
    pub len: u32,
    /// Bytes that follow this struct.
    pub copied: u16,
    /// [`DIRECTION_SENT`](crate::abi::DIRECTION_SENT) or
    /// [`DIRECTION_RECEIVED`](crate::abi::DIRECTION_RECEIVED).
    pub direction: u8,
    /// [`TLS_DATA_NO_BUFFER`], [`TLS_DATA_FROM_START`], [`TLS_DATA_UNENDED`].
    pub flags: u8,
    /// How much of `tail` is filled.
    pub tail_len: u8,
    /// Zero.
    pub pad: [u8; 7],
    /// The last bytes, when the copy ends before them.
    pub tail: [u8; TAIL_MAX],
}

/// Encrypted bytes moved on a socket outside any call of a TLS library.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventTlsIo {
    /// Common head.
    pub header: EventHeader,
    /// Names the socket.
    pub cookie: u64,
    /// Process that moved them.
    pub tgid: u32,
    /// Thread that moved them.
    pub tid: u32,
    /// Bytes moved.
    pub len: u32,
    /// As in [`EventTlsData`].
    pub direction: u8,
    /// How much of `records` is filled.
    pub count: u8,
    /// 1 if rustls read the hello of the peer.
    pub begun: u8,
    /// Zero.
    pub pad: u8,
    /// Lengths of the records at the front: of application data, in bytes; 0 for other records.
    pub records: [u16; TLS_RECORDS_MAX],
}

/// A TLS library let go of its object.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventTlsEnd {
    /// Common head.
    pub header: EventHeader,
    /// The object.
    pub stream: u64,
    /// Its process.
    pub tgid: u32,
    /// Zero.
    pub pad: u32,
}

// SAFETY: all fields are integers or arrays of them; `tests/abi.rs` shows there is no padding.
unsafe impl Plain for EventTlsData {}
// SAFETY: as above.
unsafe impl Plain for EventTlsIo {}
// SAFETY: as above.
unsafe impl Plain for EventTlsEnd {}

/// A record about TLS, borrowed from the ring.
#[derive(Clone, Copy, Debug)]
pub enum TlsEvent<'a> {
    /// Plaintext; the copied prefix.
    Data(EventTlsData, &'a [u8]),
    /// Encrypted bytes of nobody yet.
    Io(EventTlsIo),
    /// An object's end.
    End(EventTlsEnd),
}

impl<'a> TlsEvent<'a> {
    /// Checks a record whose kind is one of ours; `None` if it is too short or contradicts itself.
    pub(crate) fn parse(kind: u16, record: &'a [u8]) -> Option<Self> {
        match kind {
            KIND_TLS_DATA => Self::data(record),
            KIND_TLS_IO => read(record).map(Self::Io),
            _ => read(record).map(Self::End),
        }
    }

    fn data(record: &'a [u8]) -> Option<Self> {
        let head: EventTlsData = read(record)?;
        let start = size_of::<EventTlsData>();
        let copied = record.get(start..start + usize::from(head.copied))?;
        let sane = copied.len() <= head.len as usize && usize::from(head.tail_len) <= TAIL_MAX;
        sane.then_some(Self::Data(head, copied))
    }

    /// Returns when it happened, `CLOCK_MONOTONIC` nanoseconds.
    pub fn at_ns(&self) -> u64 {
        match self {
            Self::Data(event, _) => event.header.at_ns,
            Self::Io(event) => event.header.at_ns,
            Self::End(event) => event.header.at_ns,
        }
    }
}
