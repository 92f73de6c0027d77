//! Redis: RESP2 and RESP3, both directions of a connection.
//!
//! Bytes become commands in `request` and replies in `reply` (with `line` and `word`), one
//! direction each; `pairing` says which reply answers which command. `command` knows the names.
//! Values are passed over by their lengths; no key and no value is kept.
//!
//! Replies come in the order of their commands, with messages to subscribers between them. So a
//! pair is certain as long as nothing was lost. After a loss:
//!
//! - A client that was never seen to send behind words of the server while something was due proves
//!   with its next command that nothing older is due.
//! - Any other must be silent for the response timeout, or take turns with the server for a while,
//!   with as many replies as commands each time.
//!
//! One thing cannot be seen, and may pair wrongly: a client that after a loss always keeps exactly
//! one command ahead.
//!
//! A connection that becomes something else (`MONITOR`, replication, `CLIENT REPLY`) is not read
//! on.

mod command;
mod line;
mod pairing;
mod reply;
mod request;
mod slot;
mod sniff;
mod word;

use std::collections::VecDeque;

pub use sniff::{is_command, is_inline_ping};

use self::reply::Replies;
use self::request::Commands;
use self::slot::Slot;
use crate::conversation::{Chunk, Since, Toward, Unanswered};
use crate::database::{Exchange, Sink};
use crate::recognition::{Begins, Protocol};

/// How Redis is recognised: by a command, or by `PING` without framing as the first words.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "redis",
    begins: |beginning| {
        let is_first = beginning.since == Since::Begin && beginning.toward.is_some();
        if is_command(beginning.bytes) || is_first && is_inline_ping(beginning.bytes) {
            Begins::Surely(Toward::Server)
        } else {
            Begins::No
        }
    },
    parser: |beginning, limits| {
        let timeout_ns = limits.response_timeout_ns;
        Box::new(Redis::new(beginning.since, timeout_ns))
    },
};

/// The most commands that may wait for their replies; what is beyond is told as unknown at once.
pub const OPEN_MAX: usize = 512;

/// Reads one TCP connection, both directions.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one connection"
)]
pub struct Redis {
    commands: Commands,
    replies: Replies,
    /// The commands that are due an answer, in order.
    slots: VecDeque<Slot>,
    /// Commands behind them that were told at once, because there were too many.
    beyond: u64,
    /// It is not known whether other commands are due behind those.
    in_doubt: bool,
    /// The reply to the only command that is due lost its end.
    is_broken: bool,
    /// The server said something since the client's last byte.
    spoke: bool,
    /// The client was seen not to wait.
    overlaps: bool,
    turn: Turn,
    /// The database that is worked in.
    index: Option<u32>,
    /// Commands queued by MULTI.
    queued: Option<u32>,
    subscribed: bool,
    opaque: bool,
    next_id: u32,
    /// When the last byte moved, in either direction.
    active_ns: u64,
    response_timeout_ns: u64,
}

/// What was counted since the client's turn began, and turns in a row that added up.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    asked: u64,
    answered: u64,
    even: u32,
}

impl Redis {
    /// Creates the reader of a connection.
    pub fn new(since: Since, response_timeout_ns: u64) -> Self {
        Self {
            commands: Commands::new(),
            replies: Replies::new(),
            slots: VecDeque::new(),
            beyond: 0,
            in_doubt: false,
            is_broken: false,
            spoke: false,
            overlaps: false,
            turn: Turn::default(),
            index: (since == Since::Begin).then_some(0),
            queued: None,
            subscribed: false,
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
            Toward::Server => self.read_commands(&chunk, out),
            Toward::Client => self.read_replies(&chunk, out),
        }
    }

    /// Notes that bytes were lost, how many if that is known.
    pub fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut impl Sink) {
        if self.opaque || len == Some(0) {
            return;
        }
        self.after_silence(at_ns, out);
        match toward {
            Toward::Server => self.miss_commands(at_ns, len, out),
            Toward::Client => self.miss_replies(at_ns, len, out),
        }
    }

    /// Ends the connection and with it every open request.
    pub fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut impl Sink) {
        self.end_broken(out);
        self.give_up(at_ns, why, out);
        self.commands.lose();
        self.replies.lose();
    }

    /// Ends requests without an answer for as long as the response timeout.
    pub fn expire(&mut self, now_ns: u64, out: &mut impl Sink) {
        self.expire_slots(now_ns, out);
    }

    /// Returns how many requests are announced and not finished.
    pub fn open_requests(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.is_told).count()
    }

    /// Returns whether the connection stopped being understood; nothing fed from then on is read.
    pub fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Returns how many bytes are held for the connection; never more than
    /// [`buffered_bytes_max`](Self::buffered_bytes_max).
    pub fn buffered_bytes(&self) -> usize {
        self.slots.len() * Self::slot_bytes() + self.replies.held()
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        OPEN_MAX * Self::slot_bytes() + 1024
    }

    /// A slot, its exchange, and the texts in it.
    fn slot_bytes() -> usize {
        size_of::<Slot>() + size_of::<Exchange>() + 128
    }
}
