//! Memcached: the text protocol with its meta commands, both directions of a connection.
//!
//! `line` cuts lines and passes over blocks; `command` and `reply` say what lines mean; answers
//! come in the order of the commands (`in_order`). Keys and values are passed over, never kept.
//!
//! Quiet meta commands are answered only if there is something to tell, so that nobody can say
//! which of them an answer is to: together with the command that ends them they are one batch. The
//! binary protocol is in `binary`.

mod binary;
mod command;
mod line;
mod reply;

use std::borrow::Cow;

pub use self::binary::Binary;
use self::command::{Answer, Command, command, may_be_command};
use self::line::{LINE_BYTES_MAX, Line, Lines, Read};
use self::reply::{Reply, is_reply, reply};
use crate::conversation::{Chunk, Limits, Outcome, Toward, Unanswered};
use crate::database::{Exchange, Operation, System};
use crate::in_order::{InOrder, Proof};
use crate::parser::{Asked, Parser, Sink, Told};
use crate::recognition::{Beginning, Begins, Protocol};

/// How the text protocol is recognised: a command and a reply, because others speak in lines too.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "memcached",
    begins,
    parser: |_, limits| Box::new(Memcached::new(limits)),
};

/// How the binary protocol is recognised.
pub(crate) const BINARY: Protocol = Protocol {
    name: "memcached-binary",
    begins: binary::begins,
    parser: |_, limits| Box::new(Binary::new(limits)),
};

/// Commands that may wait for their replies; what is beyond is told as unknown at once.
pub const OPEN_MAX: usize = 512;

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct Memcached {
    commands: Lines,
    replies: Lines,
    /// The command whose block is being read.
    storing: Option<(Box<Exchange>, Answer)>,
    due: InOrder<Slot>,
    /// Quiet commands since the last one that is not.
    quiet: Option<Quiet>,
    /// A value that ends its answer is being read.
    is_last_value: bool,
    /// Bytes before what the server says next were missed, and one command waits for all of it.
    may_resume: bool,
    /// Lines in a row that made no sense.
    strange: u32,
}

/// The end of values and of statistics, as far as the last bytes of a call show it.
const END: &[u8] = b"\r\nEND\r\n";
/// So many lines in a row that make no sense prove that this is something else.
const STRANGE_MAX: u32 = 3;

/// Commands whose answers cannot be told apart.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    count: u32,
    started_ns: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Slot {
    exchange: Box<Exchange>,
    answer: Answer,
}

impl Memcached {
    /// Creates the reader of a connection, whose beginning need not have been seen.
    pub fn new(limits: Limits) -> Self {
        Self {
            commands: Lines::default(),
            replies: Lines::default(),
            storing: None,
            due: InOrder::new(OPEN_MAX, limits.response_timeout_ns),
            quiet: None,
            is_last_value: false,
            may_resume: false,
            strange: 0,
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        OPEN_MAX * slot_bytes() + 4 * LINE_BYTES_MAX
    }

    fn read_commands(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        let at_ns = chunk.at_ns;
        if std::mem::take(&mut self.may_resume) {
            // The client goes on: its answer was among what is missing.
            self.lose_replies(at_ns, out);
        }
        if self.due.front_mut().is_some_and(|slot| slot.is_turn_over()) {
            self.end(None, None, out);
        }
        if self.due.hear_client(at_ns, &mut tell(at_ns, out)) == Proof::Clear {
            self.replies.restart();
            self.is_last_value = false;
        }
        if self.commands.is_lost() && may_be_command(chunk.bytes) {
            self.commands.restart();
        }
        let mut rest = chunk.bytes;
        while !rest.is_empty() {
            match self.commands.read(&mut rest, at_ns) {
                Read::Line(line) => self.ask(&line, chunk, out),
                Read::BlockEnd { bytes } => self.end_block(bytes, chunk, out),
                Read::More => {}
            }
        }
        self.skip_commands(
            chunk.len.saturating_sub(chunk.bytes.len()) as u64,
            chunk,
            out,
        );
    }

    fn skip_commands(&mut self, len: u64, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        if let Read::BlockEnd { bytes } = self.commands.skip(len) {
            self.end_block(bytes, chunk, out);
        }
        if self.commands.is_lost() {
            self.storing = None;
            self.due.lose_requests();
        }
    }

    fn ask(&mut self, line: &Line, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        let Some(command) = command(&line.text, line.is_cut) else {
            self.strange += 1;
            self.commands.lose();
            self.due.lose_requests();
            return;
        };
        self.strange = 0;
        let exchange = Box::new(exchange(&command, line, chunk));
        match command.block {
            Some(len) => {
                self.commands.expect_block(len);
                self.storing = Some((exchange, command.answer));
            }
            None => self.announce(exchange, command.answer, chunk, out),
        }
    }

    fn end_block(&mut self, bytes: u64, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        if let Some((mut exchange, answer)) = self.storing.take() {
            exchange.request_bytes += bytes;
            exchange.ended_ns = chunk.at_ns;
            exchange.request_thread = chunk.thread;
            self.announce(exchange, answer, chunk, out);
        }
    }

    fn announce(
        &mut self,
        mut exchange: Box<Exchange>,
        mut answer: Answer,
        chunk: &Chunk<'_>,
        out: &mut dyn Sink,
    ) {
        if answer == Answer::OnlyTrouble {
            return self.hush(&exchange);
        }
        if let Some(quiet) = self.quiet.take() {
            exchange.started_ns = quiet.started_ns;
            exchange.request_bytes += quiet.bytes;
            exchange.operation.batch_size = Some(quiet.count + 1);
            answer = if exchange.operation.name == "mn" {
                Answer::UntilMn
            } else {
                Answer::UntilTurn
            };
        }
        let Some(id) = self.due.number() else {
            return;
        };
        out.request(id, asked(chunk));
        if answer == Answer::Never {
            out.exchange(id, Told::Database(exchange));
            return;
        }
        let slot = Slot { exchange, answer };
        let at_ns = chunk.at_ns;
        self.due.ask(id, at_ns, slot, &mut tell(at_ns, out));
    }

    fn hush(&mut self, exchange: &Exchange) {
        let quiet = self.quiet.get_or_insert(Quiet {
            count: 0,
            started_ns: exchange.started_ns,
            bytes: 0,
        });
        quiet.count = quiet.count.saturating_add(1);
        quiet.bytes += exchange.request_bytes;
    }

    fn read_replies(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        let at_ns = chunk.at_ns;
        if self.due.hear_server(at_ns, &mut tell(at_ns, out)) == Proof::Clear {
            self.replies.restart();
            self.is_last_value = false;
        }
        if std::mem::take(&mut self.may_resume) {
            if is_reply(chunk.bytes) {
                self.replies.restart();
            } else {
                self.lose_replies(at_ns, out);
            }
        }
        let mut rest = chunk.bytes;
        while !rest.is_empty() && !self.replies.is_lost() {
            match self.replies.read(&mut rest, at_ns) {
                Read::Line(line) => self.take(&line, at_ns, out),
                Read::BlockEnd { bytes } => self.end_value(bytes, at_ns, out),
                Read::More => {}
            }
        }
        let missing = chunk.len.saturating_sub(chunk.bytes.len()) as u64;
        // What was copied of a call does not reach to its end, but its very last bytes are here.
        let is_over = self.replies.is_missing(missing) && chunk.tail.ends_with(END);
        if is_over && !self.replies.is_lost() && self.due.is_alone() {
            if let Some(slot) = self.due.front_mut() {
                slot.exchange.response_bytes += missing;
            }
            self.replies.restart();
            return self.end(None, Some(at_ns), out);
        }
        self.skip_replies(missing, at_ns, out);
    }

    fn skip_replies(&mut self, len: u64, at_ns: u64, out: &mut dyn Sink) {
        let was_lost = self.replies.is_lost();
        if let Read::BlockEnd { bytes } = self.replies.skip(len) {
            self.end_value(bytes, at_ns, out);
        }
        if self.replies.is_lost() && !was_lost {
            self.lose_replies(at_ns, out);
        }
    }

    /// Returns whether the next byte may begin the only answer that is due, or a line of it.
    fn may_begin(&self) -> bool {
        self.due.is_alone() && !self.replies.is_in_line()
    }

    fn lose_replies(&mut self, at_ns: u64, out: &mut dyn Sink) {
        self.replies.lose();
        self.is_last_value = false;
        self.due.lose_answers(&mut tell(at_ns, out));
    }

    fn take(&mut self, line: &Line, at_ns: u64, out: &mut dyn Sink) {
        let front = self.due.front_mut();
        let answer = front.map_or(Answer::Line, |slot| {
            let exchange = &mut slot.exchange;
            exchange.response_started_ns.get_or_insert(line.started_ns);
            exchange.response_bytes += line.bytes;
            exchange.ended_ns = at_ns;
            slot.answer
        });
        let is_batch = matches!(answer, Answer::UntilTurn | Answer::UntilMn);
        match reply(&line.text, answer) {
            Reply::End(error) if is_batch && line.text != b"MN" => self.note(error),
            Reply::End(error) => self.end(error, Some(at_ns), out),
            Reply::Value(len) => self.replies.expect_block(len),
            Reply::LastValue(len) => {
                self.is_last_value = !is_batch;
                self.replies.expect_block(len);
            }
            Reply::Line => {}
            Reply::Strange => {
                self.strange += 1;
                self.lose_replies(at_ns, out);
            }
        }
    }

    /// One of a batch went wrong.
    fn note(&mut self, error: Option<&'static str>) {
        if let (Some(slot), Some(error)) = (self.due.front_mut(), error) {
            slot.exchange.error = Some(Cow::Borrowed(error));
        }
    }

    fn end_value(&mut self, bytes: u64, at_ns: u64, out: &mut dyn Sink) {
        if let Some(slot) = self.due.front_mut() {
            slot.exchange.response_bytes += bytes;
            slot.exchange.ended_ns = at_ns;
        }
        if std::mem::take(&mut self.is_last_value) {
            self.end(None, Some(at_ns), out);
        }
    }

    fn end(&mut self, error: Option<&'static str>, at_ns: Option<u64>, out: &mut dyn Sink) {
        self.strange = 0;
        let Some((id, mut slot)) = self.due.answer() else {
            return;
        };
        slot.exchange.ended_ns = at_ns.unwrap_or(slot.exchange.ended_ns);
        slot.exchange.error = error.map(Cow::Borrowed).or(slot.exchange.error);
        out.exchange(id, Told::Database(slot.exchange));
    }
}

impl Slot {
    /// Returns whether it is answered by whatever came before the client went on.
    fn is_turn_over(&self) -> bool {
        self.answer == Answer::UntilTurn && self.exchange.response_started_ns.is_some()
    }
}

impl Parser for Memcached {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        match chunk.toward {
            Toward::Server => self.read_commands(&chunk, out),
            Toward::Client => self.read_replies(&chunk, out),
        }
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let nobody = Chunk {
            toward,
            at_ns,
            bytes: &[],
            len: 0,
            tail: &[],
            thread: 0,
        };
        let len = len.unwrap_or(u64::MAX);
        match toward {
            Toward::Server => self.skip_commands(len, &nobody, out),
            // Who waits for one answer gets no other, whatever was missed before it.
            Toward::Client if self.replies.is_missing(len) && self.may_begin() => {
                self.replies.lose();
                self.is_last_value = false;
                self.may_resume = true;
            }
            Toward::Client => self.skip_replies(len, at_ns, out),
        }
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.due.give_up(why, &mut tell(at_ns, out));
        self.storing = None;
        self.commands.lose();
        self.replies.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.due.expire(now_ns, &mut tell(now_ns, out));
    }

    fn open_requests(&self) -> usize {
        self.due.open()
    }

    fn buffered_bytes(&self) -> usize {
        self.due.len() * slot_bytes() + self.commands.held() + self.replies.held()
    }

    fn is_mistaken(&self) -> bool {
        self.strange >= STRANGE_MAX && self.due.open() == 0
    }

    fn stands_alone(&self) -> bool {
        true
    }
}

fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let is_whole = line.len() < bytes.len() && line.last() == Some(&b'\r');
    if is_whole && command(&line[..line.len() - 1], false).is_some() {
        return Begins::Perhaps(Toward::Server);
    }
    if is_reply(bytes) {
        return Begins::Perhaps(Toward::Client);
    }
    if !is_whole && bytes.len() < 64 && may_be_command(bytes) {
        return Begins::Maybe;
    }
    Begins::No
}

fn asked(chunk: &Chunk<'_>) -> Asked<'static> {
    Asked {
        thread: chunk.thread,
        ..Asked::default()
    }
}

fn exchange(command: &Command, line: &Line, chunk: &Chunk<'_>) -> Exchange {
    Exchange {
        operation: operation(command.name, command.keys, line.is_cut),
        error: None,
        started_ns: line.started_ns,
        response_started_ns: None,
        ended_ns: chunk.at_ns,
        request_thread: chunk.thread,
        outcome: Outcome::Answered,
        request_bytes: line.bytes,
        response_bytes: 0,
    }
}

fn operation(name: &'static str, keys: Option<u32>, truncated: bool) -> Operation {
    Operation {
        system: System::Memcached,
        name: Cow::Borrowed(name),
        summary: None,
        collection: None,
        text: None,
        namespace: None,
        batch_size: None,
        keys,
        truncated,
        cassandra: None,
    }
}

/// Tells commands that will not be answered.
fn tell(at_ns: u64, out: &mut dyn Sink) -> impl FnMut(u32, Slot, Unanswered) {
    move |id, mut slot, why| {
        slot.exchange.outcome = Outcome::Unanswered(why);
        slot.exchange.ended_ns = at_ns.max(slot.exchange.ended_ns);
        out.exchange(id, Told::Database(slot.exchange));
    }
}

fn slot_bytes() -> usize {
    size_of::<Slot>() + size_of::<Exchange>() + 64
}
