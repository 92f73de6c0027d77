//! PostgreSQL, protocol 3: both directions of a connection.
//!
//! Bytes become messages in `frame`; `asking` and `answering` say what they mean, one direction
//! each; `pairing` says what is certain. A statement is told by its verbs and tables (`statement`,
//! `token`); literals, parameters and rows are passed over and never kept.
//!
//! A simple query is answered when the server is ready again, an execution when it is complete. An
//! error ends everything up to the next synchronisation. After a loss the rules are those of Redis,
//! less one: a client that does not wait is believed again only after a silence.
//!
//! A connection that turns to TLS or GSSAPI, or to replication, is not read on.

mod answering;
mod asking;
mod frame;
mod names;
mod pairing;
mod slot;
mod sniff;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

pub use sniff::{is_request, is_startup};

use self::frame::Frames;
use self::names::Names;
use self::slot::Slot;
use crate::conversation::{Chunk, Since, Toward, Unanswered};
use crate::database::{Exchange, Sink};
use crate::recognition::{Begins, Protocol};
use crate::sql::{Statement, TEXT_BYTES_MAX};

/// How PostgreSQL is recognised: by its first message, or by one with a statement. The first
/// message says better than the handshake whether this is the beginning.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "postgresql",
    begins: |beginning| {
        if is_startup(beginning.bytes) || is_request(beginning.bytes, beginning.len) {
            Begins::Surely(Toward::Server)
        } else {
            Begins::No
        }
    },
    parser: |beginning, limits| {
        let since = if is_startup(beginning.bytes) {
            Since::Begin
        } else {
            Since::Later
        };
        Box::new(Postgres::new(since, limits.response_timeout_ns))
    },
};

/// The most that may wait for the server; beyond it nothing is certain any more.
pub const OPEN_MAX: usize = 512;
/// How much of a statement is read.
const STATEMENT_BYTES_MAX: usize = 4096;
/// How much of an error is read: its code stands before its words.
const ERROR_BYTES_MAX: usize = 256;

/// Reads one connection, both directions.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one connection"
)]
pub struct Postgres {
    stage: Stage,
    requests: Frames,
    responses: Frames,
    /// What is due, in order.
    slots: VecDeque<Slot>,
    names: Names,
    /// A statement that was parsed since the last synchronisation, and whether any was executed.
    parsed: Option<(Arc<Statement>, u64)>,
    executed: bool,
    /// The error that ends everything up to the next synchronisation.
    failed: Option<Cow<'static, str>>,
    namespace: Option<String>,
    /// It is not known whether more is due behind the slots.
    in_doubt: bool,
    /// The answer to all that is due lost its end.
    is_broken: bool,
    /// The server said something since the client's last byte.
    spoke: bool,
    /// It did while something was due.
    spoke_while_due: bool,
    /// The client was seen not to wait.
    overlaps: bool,
    opaque: bool,
    next_id: u32,
    active_ns: u64,
    response_timeout_ns: u64,
}

/// How far the beginning of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The client's first message is due.
    Startup,
    /// The server's one byte is due: whether it encrypts.
    Encryption,
    /// Messages have types.
    Open,
}

impl Postgres {
    /// Creates the reader of a connection.
    pub fn new(since: Since, response_timeout_ns: u64) -> Self {
        let mut requests = Frames::new(b"\0QPBCE", STATEMENT_BYTES_MAX);
        let stage = match since {
            Since::Begin => {
                requests.begin_untyped();
                Stage::Startup
            }
            Since::Later => Stage::Open,
        };
        Self {
            stage,
            requests,
            responses: Frames::new(b"E", ERROR_BYTES_MAX),
            slots: VecDeque::new(),
            names: Names::default(),
            parsed: None,
            executed: false,
            failed: None,
            namespace: None,
            in_doubt: false,
            is_broken: false,
            spoke: false,
            spoke_while_due: false,
            overlaps: false,
            opaque: false,
            next_id: 0,
            active_ns: 0,
            response_timeout_ns,
        }
    }

    /// Takes the bytes of one socket call; the calls of each direction in their order.
    pub fn feed(&mut self, chunk: Chunk<'_>, out: &mut impl Sink) {
        if self.opaque {
            return;
        }
        self.after_silence(chunk.at_ns, out);
        match chunk.toward {
            Toward::Server => self.read_requests(&chunk, out),
            Toward::Client => self.read_responses(&chunk, out),
        }
    }

    /// Notes that bytes were lost, how many if that is known.
    pub fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut impl Sink) {
        if self.opaque || len == Some(0) {
            return;
        }
        self.after_silence(at_ns, out);
        match toward {
            Toward::Server => self.miss_requests(at_ns, len, out),
            Toward::Client => self.miss_responses(at_ns, len, out),
        }
    }

    /// Ends the connection and with it every open request.
    pub fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut impl Sink) {
        self.end_broken(out);
        self.give_up(at_ns, why, out);
        self.requests.lose();
        self.responses.lose();
    }

    /// Ends requests without an answer for as long as the response timeout.
    pub fn expire(&mut self, now_ns: u64, out: &mut impl Sink) {
        self.expire_slots(now_ns, out);
    }

    /// Returns how many requests are announced and not finished.
    pub fn open_requests(&self) -> usize {
        self.slots.iter().filter(|slot| slot.told.is_some()).count()
    }

    /// Returns whether the connection stopped being understood; nothing fed from then on is read.
    pub fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Returns how many bytes are held for the connection; never more than
    /// [`buffered_bytes_max`](Self::buffered_bytes_max).
    pub fn buffered_bytes(&self) -> usize {
        let slots = self.slots.len() * Self::slot_bytes();
        slots + self.names.held() + self.requests.held() + self.responses.held()
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        let bodies = 2 * (STATEMENT_BYTES_MAX + ERROR_BYTES_MAX);
        OPEN_MAX * Self::slot_bytes() + Names::held_max() + bodies
    }

    /// A slot, its exchange, and the texts in it.
    fn slot_bytes() -> usize {
        size_of::<Slot>() + size_of::<Exchange>() + 512 + TEXT_BYTES_MAX
    }
}
