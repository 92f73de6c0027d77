//! A command that waits for its reply, and what the reply changes.

use std::borrow::Cow;

use super::command;
use super::reply::Reply;
use super::request::Command;
use super::word::Word;
use crate::conversation::Outcome;
use crate::database::{Exchange, OTHER, Operation, System};

/// A statement names every argument up to here; beyond, it says how many there are.
const PLACEHOLDERS_MAX: u32 = 4;

/// A command that is due an answer.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: u32,
    pub(super) effect: Effect,
    /// It was told already, as unanswered; its answer is still to come.
    pub(super) is_told: bool,
    /// When its last byte moved.
    pub(super) asked_ns: u64,
    pub(super) exchange: Box<Exchange>,
}

/// What is different once a command is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    /// Another database is worked in.
    Select(Option<u32>),
    /// Commands are queued from now on.
    Multi,
    /// What was queued is done, or thrown away.
    Exec,
    Discard,
    /// The connection is as new.
    Reset,
    /// It is answered by as many confirmations as it names channels, messages among them.
    Subscribe(u32),
    /// What follows are no replies any more.
    Leave,
}

impl Slot {
    pub(super) fn new(id: u32, command: &Command, asked_ns: u64, thread: u64) -> Self {
        let words = command.words();
        let name = command::name(words);
        let text = text(&name, command);
        let operation = Operation {
            system: System::Redis,
            summary: None,
            collection: None,
            text,
            namespace: None,
            batch_size: None,
            keys: command::keys(words, command.arguments()),
            truncated: command.truncated,
            cassandra: None,
            name,
        };
        Self {
            id,
            effect: Effect::of(command),
            is_told: false,
            asked_ns,
            exchange: Box::new(Exchange {
                operation,
                error: None,
                started_ns: command.started_ns,
                response_started_ns: None,
                ended_ns: asked_ns,
                request_thread: thread,
                outcome: Outcome::Answered,
                request_bytes: command.bytes,
                response_bytes: 0,
            }),
        }
    }

    /// Writes down what the reply says.
    pub(super) fn answer(&mut self, reply: &Reply, at_ns: u64) {
        let exchange = &mut self.exchange;
        exchange.response_started_ns.get_or_insert(reply.started_ns);
        exchange.ended_ns = at_ns;
        exchange.response_bytes += reply.bytes;
        let is_error = matches!(reply.mark, b'-' | b'!') || self.effect == Effect::Exec;
        if let (true, Some(code)) = (is_error, reply.error) {
            exchange.error = Some(code_of(code));
        }
        if reply.unknown_command && self.effect != Effect::Exec {
            // What the server does not know either may be anything, a password too.
            exchange.operation.name = Cow::Borrowed(OTHER);
            exchange.operation.text = None;
        }
    }
}

impl Effect {
    fn of(command: &Command) -> Self {
        let Some(name) = command.words().first().and_then(Word::get) else {
            return Self::Nothing;
        };
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        match name.first().map(u8::to_ascii_uppercase) {
            Some(b'S') if is("SELECT") => Self::Select(index(command)),
            Some(b'M') if is("MULTI") => Self::Multi,
            Some(b'E') if is("EXEC") => Self::Exec,
            Some(b'D') if is("DISCARD") => Self::Discard,
            Some(b'R') if is("RESET") => Self::Reset,
            Some(b'S' | b'P' | b'U') if command::is_subscription(name) => {
                Self::Subscribe(command.arguments().max(1))
            }
            Some(b'M' | b'S' | b'P') if is("MONITOR") || is("SYNC") || is("PSYNC") => Self::Leave,
            _ => Self::Nothing,
        }
    }
}

/// Returns the database that `SELECT` names.
fn index(command: &Command) -> Option<u32> {
    let word = command.words().get(1)?.get()?;
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn code_of(code: Word) -> Cow<'static, str> {
    let text = code.get().and_then(|code| std::str::from_utf8(code).ok());
    match text {
        None | Some("") => Cow::Borrowed(OTHER),
        Some("ERR") => Cow::Borrowed("ERR"),
        Some(code) => Cow::Owned(code.to_owned()),
    }
}

/// The command with a mark for each argument.
fn text(name: &str, command: &Command) -> Option<Cow<'static, str>> {
    // The second word of a name is no argument.
    let arguments = command.arguments() - u32::from(name.contains(' '));
    if arguments == 0 {
        return None;
    }
    if arguments > PLACEHOLDERS_MAX {
        return Some(Cow::Owned(format!("{name} ?{{{arguments}}}")));
    }
    let mut text = String::with_capacity(name.len() + 8);
    text.push_str(name);
    for _ in 0..arguments {
        text.push_str(" ?");
    }
    Some(Cow::Owned(text))
}
