//! DNS: queries and their answers, one at a time in datagrams, or behind one another over TCP.
//!
//! `message` reads one message, `pairing` says which answer belongs to which query, `stream` cuts
//! messages out of a connection. Of an answer its code and its addresses are told, never another
//! record.

mod message;
mod names;
mod pairing;
mod stream;

pub use message::{Message, Question, read};
pub use names::{code, kind};
pub use pairing::{Moved, OPEN_MAX, Pairing};
pub use stream::Stream;

use crate::conversation::{Outcome, Since, Toward};
use crate::recognition::{Beginning, Begins, Protocol};

/// How DNS over TCP is recognised: a length, then a message of it.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "dns",
    begins,
    parser: |_, limits| Box::new(Stream::new(timeout_ns(limits.response_timeout_ns))),
};

/// No resolver waits longer for an answer without asking again.
const ANSWER_WITHIN_NS: u64 = 5_000_000_000;

/// Returns how long queries wait where any request waits so long at most.
pub fn timeout_ns(response_timeout_ns: u64) -> u64 {
    response_timeout_ns.min(ANSWER_WITHIN_NS)
}

/// The well-known port. It supports a doubt only.
const PORT: u16 = 53;

/// A query with how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What was asked for.
    pub question: Question,
    /// The code of the answer.
    pub code: Option<u8>,
    /// How many records answered.
    pub answer_count: u16,
    /// The addresses among them, as far as they were seen.
    pub addresses: Vec<String>,
    /// `udp` or `tcp`.
    pub transport: &'static str,
    /// Whether the answer did not fit into its datagram.
    pub is_truncated: bool,
    /// How often the very same query was repeated before the answer came.
    pub retries: u32,
    /// When the query moved.
    pub started_ns: u64,
    /// When the answer moved, or the time of the reason why there is none.
    pub ended_ns: u64,
    /// How it ended.
    pub outcome: Outcome,
}

fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return doubt(beginning);
    };
    let length = usize::from(u16::from_be_bytes(*length));
    let front = &rest[..rest.len().min(length)];
    match read(front, length) {
        Some(message) if message.question.is_some() => Begins::Surely(if message.is_response {
            Toward::Client
        } else {
            Toward::Server
        }),
        _ if bytes.len() < 2 + message::HEADER_BYTES && length >= message::HEADER_BYTES => {
            doubt(beginning)
        }
        _ => Begins::No,
    }
}

/// A length alone says nothing, and servers read it alone: more may come, where a name server
/// answers or a connection is new.
fn doubt(beginning: &Beginning<'_>) -> Begins {
    let is_likely = beginning.port == PORT || beginning.since == Since::Begin;
    if is_likely && !beginning.bytes.is_empty() {
        Begins::Maybe
    } else {
        Begins::No
    }
}
