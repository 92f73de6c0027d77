//! What the kernel half says, byte for byte: the mirror of `include/abi.h`.
//!
//! Every struct here has the name and the layout of its C twin; `tests/abi.rs` compares both with
//! the BTF inside the compiled objects. Bytes from the ring are hostile until [`Event::parse`] has
//! checked their length, kind and version.
#![expect(unsafe_code, reason = "records are read as plain structs of integers")]

mod malformed;
mod sum;
mod told;

use std::{mem::size_of, ptr};

use crate::tls::abi::{KIND_TLS_DATA, KIND_TLS_END, TlsEvent};

pub use malformed::Malformed;
pub use sum::{EventSum, SUM_BOUNDS_NS};
pub use told::{
    Control, DATA_ALONE, DATA_ANEW, DATA_NO_BUFFER, LossCounters, Mode, SHARES, VERDICT_ALONE,
    VERDICT_EVERY_CALL, VERDICT_LOOK, VERDICT_SUM, Verdict,
};

/// The version both halves must share.
pub const ABI_VERSION: u16 = 2;
/// The longest program path in an exec record, in bytes, with its terminating NUL.
pub const FILENAME_MAX: usize = 256;
/// The longest argument block in an exec record, in bytes.
pub const ARGS_MAX: usize = 1024;
/// The number of bytes at the end of a call that are kept when the call was cut.
pub const TAIL_MAX: usize = 8;

/// The peer's FIN came before ours.
pub const CLOSE_BY_PEER: u32 = 1;
/// `AF_UNIX`: the peer will send no more; the socket is still open.
pub const CLOSE_OF_PEER: u32 = 2;
/// `connect` failed before the socket knew why.
pub const ERROR_UNTOLD: u32 = 4095;
/// The longest environment block in an exec record, in bytes.
pub const ENV_MAX: usize = 8192;
/// `event_data.direction`: the process sent.
pub const DIRECTION_SENT: u8 = 0;
/// `event_data.direction`: the process received.
pub const DIRECTION_RECEIVED: u8 = 1;
/// `event_open.role`: not known, the connection is older than the tap.
pub const ROLE_UNKNOWN: u8 = 0;
/// `event_open.role`: the process called `connect`.
pub const ROLE_CLIENT: u8 = 1;
/// `event_open.role`: the connection was accepted.
pub const ROLE_SERVER: u8 = 2;
/// `AF_UNIX`.
pub const AF_UNIX: u16 = 1;
/// `TCP_LISTEN`, as in `existing_socket.state`.
pub const TCP_LISTEN: u32 = 10;

const KIND_DATA: u16 = 1;
const KIND_OPEN: u16 = 2;
const KIND_CLOSE: u16 = 3;
const KIND_CONNECT_FAILED: u16 = 4;
const KIND_EXEC: u16 = 5;
const KIND_FORK: u16 = 6;
const KIND_EXIT: u16 = 7;
const KIND_EXCHANGE: u16 = 8;
const KIND_SUM: u16 = 9;
const KIND_DATAGRAM: u16 = 16;

/// A struct of integers and byte arrays only, `repr(C)`, without padding.
///
/// # Safety
/// Every bit pattern must be a valid value.
pub unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($name:ident),+ $(,)?) => {
        // SAFETY: all fields are integers or byte arrays; `tests/abi.rs` shows there is no padding.
        $(unsafe impl Plain for $name {})+
    };
}

plain!(
    EventHeader,
    Tuple,
    EventData,
    EventOpen,
    EventDatagram,
    EventExchange,
    EventSum,
    EventClose,
    EventConnectFailed,
    EventExec,
    EventFork,
    EventExit,
    ExistingRecord,
    Control,
    LossCounters,
    Verdict,
);

/// Opens every record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventHeader {
    /// Which struct follows.
    pub kind: u16,
    /// [`ABI_VERSION`].
    pub version: u16,
    /// Size of the whole record in bytes.
    pub size: u32,
    /// `CLOCK_MONOTONIC` nanoseconds.
    pub at_ns: u64,
}

/// The two ends of a socket. Addresses are IPv6 or IPv4-mapped; ports are in host order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuple {
    /// Address on this side.
    pub local: [u8; 16],
    /// Address on the other side.
    pub remote: [u8; 16],
    /// Port on this side.
    pub local_port: u16,
    /// Port on the other side.
    pub remote_port: u16,
    /// Inode of the network namespace.
    pub netns: u32,
    /// `AF_UNIX`, `AF_INET` or `AF_INET6`.
    pub family: u16,
    /// Zero.
    pub pad: [u8; 6],
}

/// Bytes moved on a socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventData {
    /// Common head.
    pub header: EventHeader,
    /// Names the socket, never reused.
    pub cookie: u64,
    /// Position of the first byte in its direction, from when the socket was first seen.
    pub offset: u64,
    /// Process that moved the bytes.
    pub tgid: u32,
    /// Thread that moved the bytes.
    pub tid: u32,
    /// TCP sequence number after the last byte; 0 for `AF_UNIX`.
    pub tcp_end_seq: u32,
    /// Bytes moved.
    pub len: u32,
    /// Bytes that follow this struct.
    pub copied: u16,
    /// [`DIRECTION_SENT`] or [`DIRECTION_RECEIVED`].
    pub direction: u8,
    /// [`DATA_NO_BUFFER`], [`DATA_ANEW`], [`DATA_ALONE`].
    pub flags: u8,
    /// How much of `tail` is filled.
    pub tail_len: u8,
    /// What the socket was to the kernel half then: a [`Mode`].
    pub mode: u8,
    /// Of [`SHARES`]: the chance that such an exchange had to be let go.
    pub shed_share: u16,
    /// The last bytes moved, when the copy ends before them.
    pub tail: [u8; TAIL_MAX],
}

/// A socket whose data follows.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventOpen {
    /// Common head.
    pub header: EventHeader,
    /// Names the socket.
    pub cookie: u64,
    /// When `connect` began; 0 if not seen.
    pub connect_ns: u64,
    /// When the handshake ended; 0 if older than the tap.
    pub established_ns: u64,
    /// Both ends.
    pub tuple: Tuple,
    /// Process that moved the first bytes.
    pub tgid: u32,
    /// Its thread.
    pub tid: u32,
    /// [`ROLE_UNKNOWN`], [`ROLE_CLIENT`] or [`ROLE_SERVER`].
    pub role: u8,
    /// Zero.
    pub pad: [u8; 7],
}

/// What a socket did whose payload nobody asked for.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventExchange {
    /// Common head.
    pub header: EventHeader,
    /// Names the socket.
    pub cookie: u64,
    /// First byte of the request; 0 when there is no pair of turns to tell.
    pub started_ns: u64,
    /// First byte of the response; 0 when the socket ended without one.
    pub answered_ns: u64,
    /// Last byte of the response, else of the request.
    pub ended_ns: u64,
    /// Bytes of the request.
    pub request_bytes: u64,
    /// Bytes of the response.
    pub response_bytes: u64,
    /// Bytes that the socket sent since it was first seen.
    pub sent: u64,
    /// Bytes that it received.
    pub received: u64,
    /// Process that moved the first byte of the request.
    pub tgid: u32,
    /// Its thread.
    pub tid: u32,
    /// [`ROLE_UNKNOWN`], [`ROLE_CLIENT`] or [`ROLE_SERVER`].
    pub role: u8,
    /// What the socket was to the kernel half then: a [`Mode`].
    pub mode: u8,
    /// As in [`EventData`], of this pair.
    pub shed_share: u16,
    /// Zero.
    pub pad: [u8; 4],
}

/// A datagram of DNS.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventDatagram {
    /// Common head.
    pub header: EventHeader,
    /// Names the socket.
    pub cookie: u64,
    /// Both ends; the remote one is zero where a socket without one received it.
    pub tuple: Tuple,
    /// Process that moved it.
    pub tgid: u32,
    /// Its thread.
    pub tid: u32,
    /// Its bytes.
    pub len: u32,
    /// Bytes that follow this struct.
    pub copied: u16,
    /// [`DIRECTION_SENT`] or [`DIRECTION_RECEIVED`].
    pub direction: u8,
    /// Zero.
    pub pad: u8,
}

/// A socket that ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventClose {
    /// Common head.
    pub header: EventHeader,
    /// Names the socket.
    pub cookie: u64,
    /// Bytes the process sent since the socket was first seen.
    pub sent_bytes: u64,
    /// Bytes the process received.
    pub received_bytes: u64,
    /// Smoothed round-trip time in microseconds.
    pub srtt_us: u32,
    /// Retransmitted segments.
    pub retransmits: u32,
    /// `errno` of the socket, 0 for an orderly end.
    pub error: u32,
    /// [`CLOSE_BY_PEER`].
    pub flags: u32,
}

/// A `connect` that did not succeed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventConnectFailed {
    /// Common head.
    pub header: EventHeader,
    /// Names the socket.
    pub cookie: u64,
    /// When `connect` began.
    pub connect_ns: u64,
    /// Both ends.
    pub tuple: Tuple,
    /// Process that called `connect`.
    pub tgid: u32,
    /// Its thread.
    pub tid: u32,
    /// `errno`; 0 when the process gave up itself.
    pub error: u32,
    /// Zero.
    pub pad: u32,
}

/// A process runs a new program.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EventExec {
    /// Common head.
    pub header: EventHeader,
    /// When the process was created, `CLOCK_BOOTTIME` nanoseconds.
    pub start_boottime_ns: u64,
    /// The process.
    pub tgid: u32,
    /// Its parent.
    pub parent_tgid: u32,
    /// How much of `args` is filled.
    pub args_len: u16,
    /// Bytes of environment that follow this struct.
    pub env_len: u16,
    /// Zero.
    pub pad: u32,
    /// NUL-terminated path as it was given to `execve`.
    pub filename: [u8; FILENAME_MAX],
    /// NUL-separated arguments.
    pub args: [u8; ARGS_MAX],
}

/// A process was made by another.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventFork {
    /// Common head.
    pub header: EventHeader,
    /// When the child was created, `CLOCK_BOOTTIME` nanoseconds.
    pub start_boottime_ns: u64,
    /// The child.
    pub tgid: u32,
    /// Its parent.
    pub parent_tgid: u32,
}

/// The last thread of a process is gone.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventExit {
    /// Common head.
    pub header: EventHeader,
    /// The process.
    pub tgid: u32,
    /// Zero.
    pub pad: u32,
}

/// One socket found by the iterator at start (`struct existing_socket`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ExistingRecord {
    /// Names the socket.
    pub cookie: u64,
    /// Both ends.
    pub tuple: Tuple,
    /// A process that has it open.
    pub tgid: u32,
    /// TCP state, as the kernel numbers it.
    pub state: u32,
}

/// One record of the ring, borrowed from it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Bytes moved; the copied prefix.
    Data(EventData, &'a [u8]),
    /// A datagram of DNS; the copied prefix.
    Datagram(EventDatagram, &'a [u8]),
    /// A socket whose data follows.
    Open(EventOpen),
    /// A socket that is only counted did something.
    Exchange(EventExchange),
    /// Such a socket did things too fast to be told one by one.
    Sum(EventSum),
    /// A socket ended.
    Close(EventClose),
    /// A `connect` failed.
    ConnectFailed(EventConnectFailed),
    /// A process runs a new program.
    Exec(Exec<'a>),
    /// A process was made.
    Fork(EventFork),
    /// A process is gone.
    Exit(EventExit),
    /// Something about TLS.
    Tls(TlsEvent<'a>),
}

/// An exec record with its variable parts found.
#[derive(Clone, Copy, Debug)]
pub struct Exec<'a> {
    /// The process.
    pub tgid: u32,
    /// Its parent.
    pub parent_tgid: u32,
    /// When the process was created, `CLOCK_BOOTTIME` nanoseconds.
    pub start_boottime_ns: u64,
    /// Path as given to `execve`.
    pub filename: &'a [u8],
    /// NUL-separated arguments.
    pub args: &'a [u8],
    /// NUL-separated environment, as far as it was copied.
    pub env: &'a [u8],
}

/// Reads one plain struct from the front of `bytes`.
pub fn read<T: Plain>(bytes: &[u8]) -> Option<T> {
    if bytes.len() < size_of::<T>() {
        return None;
    }
    // SAFETY: the length was checked above, `Plain` allows every bit pattern, and the read does
    // not require alignment.
    Some(unsafe { ptr::read_unaligned(bytes.as_ptr().cast::<T>()) })
}

/// Views one plain struct as its bytes; used to write cassettes and test records.
pub fn as_bytes<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: `Plain` has no padding, so all bytes are initialised; the lifetime is the borrow's.
    unsafe { std::slice::from_raw_parts(ptr::from_ref(value).cast::<u8>(), size_of::<T>()) }
}

impl<'a> Event<'a> {
    /// Checks one ring record and borrows it as an event.
    pub fn parse(record: &'a [u8]) -> Result<Self, Malformed> {
        let short = |kind| Malformed::Short {
            kind,
            len: record.len(),
        };
        let header: EventHeader = read(record).ok_or_else(|| short(0))?;
        if header.version != ABI_VERSION {
            return Err(Malformed::Version(header.version));
        }
        let kind = header.kind;
        let event = match kind {
            KIND_DATA => Self::data(record),
            KIND_DATAGRAM => Self::datagram(record),
            KIND_OPEN => read(record).map(Self::Open),
            KIND_EXCHANGE => read(record).map(Self::Exchange),
            KIND_SUM => read(record).map(Self::Sum),
            KIND_CLOSE => read(record).map(Self::Close),
            KIND_CONNECT_FAILED => read(record).map(Self::ConnectFailed),
            KIND_EXEC => Self::exec(record),
            KIND_FORK => read(record).map(Self::Fork),
            KIND_EXIT => read(record).map(Self::Exit),
            KIND_TLS_DATA..=KIND_TLS_END => TlsEvent::parse(kind, record).map(Self::Tls),
            _ => return Err(Malformed::Kind(kind)),
        };
        event.ok_or_else(|| short(kind))
    }

    fn data(record: &'a [u8]) -> Option<Self> {
        let head: EventData = read(record)?;
        let start = size_of::<EventData>();
        let copied = record.get(start..start + usize::from(head.copied))?;
        let sane = copied.len() <= head.len as usize && usize::from(head.tail_len) <= TAIL_MAX;
        sane.then_some(Self::Data(head, copied))
    }

    fn datagram(record: &'a [u8]) -> Option<Self> {
        let head: EventDatagram = read(record)?;
        let start = size_of::<EventDatagram>();
        let copied = record.get(start..start + usize::from(head.copied))?;
        let sane = copied.len() <= head.len as usize;
        sane.then_some(Self::Datagram(head, copied))
    }

    fn exec(record: &'a [u8]) -> Option<Self> {
        const FILENAME_AT: usize = std::mem::offset_of!(EventExec, filename);
        const ARGS_AT: usize = std::mem::offset_of!(EventExec, args);
        let head: EventExec = read(record)?;
        let filename = record.get(FILENAME_AT..FILENAME_AT + FILENAME_MAX)?;
        let end = filename
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(FILENAME_MAX);
        let args_len = usize::from(head.args_len).min(ARGS_MAX);
        let env_at = size_of::<EventExec>();
        Some(Self::Exec(Exec {
            tgid: head.tgid,
            parent_tgid: head.parent_tgid,
            start_boottime_ns: head.start_boottime_ns,
            filename: &filename[..end],
            args: record.get(ARGS_AT..ARGS_AT + args_len)?,
            env: record.get(env_at..env_at + usize::from(head.env_len))?,
        }))
    }

    /// Returns when the event happened, `CLOCK_MONOTONIC` nanoseconds; `None` for exec records.
    pub fn at_ns(&self) -> Option<u64> {
        match self {
            Self::Data(event, _) => Some(event.header.at_ns),
            Self::Datagram(event, _) => Some(event.header.at_ns),
            Self::Open(event) => Some(event.header.at_ns),
            Self::Exchange(event) => Some(event.header.at_ns),
            Self::Sum(event) => Some(event.header.at_ns),
            Self::Close(event) => Some(event.header.at_ns),
            Self::ConnectFailed(event) => Some(event.header.at_ns),
            Self::Fork(event) => Some(event.header.at_ns),
            Self::Exit(event) => Some(event.header.at_ns),
            Self::Tls(event) => Some(event.at_ns()),
            Self::Exec(_) => None,
        }
    }
}
