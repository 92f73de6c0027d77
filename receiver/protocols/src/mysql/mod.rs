//! MySQL and MariaDB: both directions of a connection.
//!
//! `packet` says what a packet is, `command` what a client's asks for, `answer` how the packets of
//! an answer go; `asking` and `answering` read one direction each, `login` its beginning, and
//! `pairing` says what is certain after a loss. Statements are told by `sql`; parameters and rows
//! are passed over by their lengths.
//!
//! The packets of an answer are numbered from 1: so an answer is found again after a loss.
//!
//! A connection that turns to TLS or to compression, or to replication, is not read on.

mod answer;
mod answering;
mod asking;
mod command;
mod due;
mod login;
mod packet;
mod pairing;
mod prepared;
mod sniff;

use std::collections::VecDeque;
use std::sync::Arc;

use self::answer::Agreed;
use self::due::Due;
use self::login::Stage;
use self::prepared::Prepared;
use crate::conversation::{Chunk, Toward, Unanswered};
use crate::cutter::Cutter;
use crate::database::{Exchange, System};
use crate::parser::{Parser, Sink};
use crate::recognition::Protocol;
use crate::sql::{Dialect, SUMMARY_BYTES_MAX, Statement, TEXT_BYTES_MAX};

/// How MySQL is recognised: by the greeting of its server, by a login, or by a command and its
/// answer.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "mysql",
    begins: sniff::begins,
    parser: |_, limits| Box::new(Mysql::new(limits.response_timeout_ns)),
};

/// The most that may wait for the server; beyond it nothing is certain any more.
pub const OPEN_MAX: usize = 256;
/// So many answers that no server gives, and not one that it does, are another protocol.
const NONSENSE_MAX: u32 = 3;

/// Reads one connection, both directions.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one connection"
)]
pub struct Mysql {
    stage: Stage,
    requests: Cutter,
    responses: Cutter,
    /// The packet before in each direction goes on.
    request_goes_on: bool,
    response_goes_on: bool,
    /// What is due, in order.
    due: VecDeque<Due>,
    prepared: Prepared,
    /// What was prepared last, answered or not.
    last_prepared: Option<Arc<Statement>>,
    system: System,
    dialect: Dialect,
    agreed: Agreed,
    has_attributes: bool,
    namespace: Option<String>,
    /// It is not known whether more is due behind what is.
    in_doubt: bool,
    /// The answer to what is due lost its end.
    is_broken: bool,
    /// The server said something since the client's last byte.
    spoke: bool,
    /// It did while something was due.
    spoke_while_due: bool,
    /// The client was seen not to wait.
    overlaps: bool,
    opaque: bool,
    answered: bool,
    nonsense: u32,
    next_id: u32,
    active_ns: u64,
    response_timeout_ns: u64,
}

impl Mysql {
    /// Creates the reader of a connection, whichever part of it comes first.
    pub fn new(response_timeout_ns: u64) -> Self {
        Self {
            stage: Stage::Start,
            requests: Cutter::new(packet::asked_head, sniff::is_command),
            responses: Cutter::new(packet::answered_head, sniff::is_first_answer),
            request_goes_on: false,
            response_goes_on: false,
            due: VecDeque::new(),
            prepared: Prepared::default(),
            last_prepared: None,
            system: System::Mysql,
            dialect: Dialect::Mysql,
            agreed: Agreed::default(),
            has_attributes: false,
            namespace: None,
            in_doubt: false,
            is_broken: false,
            spoke: false,
            spoke_while_due: false,
            overlaps: false,
            opaque: false,
            answered: false,
            nonsense: 0,
            next_id: 0,
            active_ns: 0,
            response_timeout_ns,
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        let bodies = 2 * (packet::STATEMENT_BYTES_MAX + packet::GREETING_BYTES_MAX);
        OPEN_MAX * due_bytes() + prepared::HELD_MAX + bodies
    }
}

/// What is due, its exchange, and the texts in it.
fn due_bytes() -> usize {
    size_of::<Due>() + size_of::<Exchange>() + SUMMARY_BYTES_MAX + TEXT_BYTES_MAX + 512
}

impl Parser for Mysql {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        if self.opaque {
            return;
        }
        self.after_silence(chunk.at_ns, out);
        match chunk.toward {
            Toward::Server => self.read_requests(&chunk, out),
            Toward::Client => self.read_responses(&chunk, out),
        }
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        if self.opaque || len == Some(0) {
            return;
        }
        self.after_silence(at_ns, out);
        match toward {
            Toward::Server => self.miss_requests(at_ns, len, out),
            Toward::Client => self.miss_responses(at_ns, len, out),
        }
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.end_broken(out);
        self.give_up(at_ns, why, out);
        self.requests.lose();
        self.responses.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.expire_due(now_ns, out);
    }

    fn open_requests(&self) -> usize {
        self.due.iter().filter(|due| due.told.is_some()).count()
    }

    fn buffered_bytes(&self) -> usize {
        let due = self.due.len() * due_bytes();
        due + self.prepared.held() + self.requests.held() + self.responses.held()
    }

    fn is_opaque(&self) -> bool {
        self.opaque
    }

    fn is_mistaken(&self) -> bool {
        self.nonsense >= NONSENSE_MAX && !self.answered
    }
}
