//! The client's direction: what its packets ask for.

use std::sync::Arc;

use super::answer::Answer;
use super::command::{self, Asks, Operation};
use super::due::{Due, exchange};
use super::login::Stage;
use super::packet::Packet;
use super::{Mysql, OPEN_MAX};
use crate::conversation::Chunk;
use crate::cutter::{Message, Stand};
use crate::parser::{Asked, Sink};
use crate::sql::Statement;

/// What MariaDB's clients call the statement that they prepared last, before they know its number.
const LAST: u32 = u32::MAX;

impl Mysql {
    pub(super) fn read_requests(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        self.turn_to_client(chunk.at_ns, out);
        let mut messages = Vec::new();
        let stand = self.requests.feed(chunk, |message| messages.push(message));
        self.take_requests(&messages, stand, out);
    }

    pub(super) fn miss_requests(&mut self, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let stand = match len {
            Some(len) if !self.requests.is_between() => {
                let take = |message| messages.push(message);
                self.requests.pass(len, at_ns, 0, take)
            }
            _ => Stand::JustLost,
        };
        self.take_requests(&messages, stand, out);
        // Words of the server from before say nothing about what was missed.
        self.spoke = false;
    }

    fn take_requests(&mut self, messages: &[Message], stand: Stand, out: &mut dyn Sink) {
        for message in messages {
            if self.opaque {
                return;
            }
            self.take_request(message, out);
        }
        if stand != Stand::Sure {
            self.lose_requests();
        }
    }

    fn take_request(&mut self, message: &Message, out: &mut dyn Sink) {
        let packet = Packet::new(message);
        let went_on = std::mem::replace(&mut self.request_goes_on, packet.goes_on());
        let sends_file = self.due.front().is_some_and(|due| due.wants_file);
        if went_on || sends_file || packet.number != 0 {
            if sends_file && packet.len == 0 {
                self.due[0].wants_file = false;
            }
            let is_first = matches!(self.stage, Stage::Start | Stage::Greeted(_));
            if is_first && !went_on {
                return self.log_in(&packet, message.ended_ns, out);
            }
            if let Some((_, exchange)) = self.due.back_mut().and_then(|due| due.told.as_mut()) {
                exchange.request_bytes += message.bytes();
            }
            return;
        }
        self.stage = Stage::Open;
        let Some(kind) = packet.kind.filter(|kind| command::is_known(*kind)) else {
            return self.lose_requests();
        };
        let is_whole = packet.rest.len() as u64 + 1 == packet.len && !message.is_holed;
        let asks = command::read(
            kind,
            packet.rest,
            is_whole,
            self.has_attributes,
            self.dialect,
        );
        match asks {
            Asks::Operation(operation) => self.ask(operation, message, out),
            Asks::Prepared { number, is_fetch } => {
                let operation = self.execution(number, is_fetch);
                self.ask(operation, message, out);
            }
            Asks::Forget(number) => self.prepared.remove(number),
            Asks::Nothing => {}
            Asks::Stream => self.leave(message.ended_ns, out),
        }
    }

    fn execution(&self, number: u32, is_fetch: bool) -> Operation {
        let statement = match number {
            LAST => self.last_prepared.as_ref(),
            number => self.prepared.get(number),
        };
        let (name, answer) = match (is_fetch, statement) {
            (true, _) => ("FETCH", Answer::Rows),
            (false, Some(_)) => ("", Answer::Results),
            (false, None) => ("EXECUTE", Answer::Results),
        };
        Operation {
            statement: statement.map(Arc::clone),
            ..Operation::new(name, answer)
        }
    }

    fn ask(&mut self, mut operation: Operation, message: &Message, out: &mut dyn Sink) {
        self.overlaps |= std::mem::take(&mut self.spoke_while_due);
        if operation.prepares {
            self.last_prepared.clone_from(&operation.statement);
        }
        if self.in_doubt {
            return;
        }
        if self.due.len() >= OPEN_MAX {
            self.in_doubt = true;
            return;
        }
        let mut due = Due::new(&mut operation, message.ended_ns);
        let mut exchange = exchange(&operation, self.system, self.namespace.as_deref());
        exchange.started_ns = message.started_ns;
        exchange.ended_ns = message.ended_ns;
        exchange.request_thread = message.thread;
        exchange.request_bytes = message.bytes();
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        due.told = Some((id, exchange));
        let in_comment = |statement: &Arc<Statement>| statement.trace.clone();
        let trace = operation.trace;
        let asked = Asked {
            thread: message.thread,
            trace: trace.or_else(|| operation.statement.as_ref().and_then(in_comment)),
            ..Asked::default()
        };
        out.request(id, asked);
        self.due.push_back(due);
    }
}
