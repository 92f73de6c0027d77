//! TLS as a stranger sees it (RFC 8446, RFC 5246): who is asked for, what was agreed upon, and how
//! long that took. What follows the handshake is not read.
//!
//! A hello may be cut off anywhere and come in pieces; of each at most a bound is kept. When the
//! handshake ends is told from turns: in TLS 1.3, and when a session is resumed, with the client's
//! second flight; before, with the server's second.

mod hello;
mod reader;

use crate::conversation::{Chunk, Toward};

pub use hello::{ClientHello, ServerHello, Version, client_hello, server_hello};

/// Bytes of a flight that are kept until its hello is read.
const FLIGHT_BYTES_MAX: usize = 4096;
/// A record begins with its type, a version, and its length.
const RECORD_HEAD: usize = 5;
const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// Turns after which a handshake is over, whatever was seen of it.
const FLIGHTS_MAX: u8 = 8;

/// What a handshake agreed upon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// The server that the client asked for.
    pub server_name: Option<String>,
    /// The application protocol: the one the server chose if that can be seen, else the only one
    /// or the first one that the client offered.
    pub application: Option<String>,
    /// The version that the server chose.
    pub version: Option<Version>,
    /// When the first byte of the client's hello moved.
    pub started_ns: u64,
    /// When the handshake was over; `None` as long as it is not.
    pub ended_ns: Option<u64>,
}

/// Watches the beginning of a connection.
#[derive(Debug, Default)]
pub struct Handshake {
    session: Session,
    flight: Vec<u8>,
    toward: Option<Toward>,
    flights: u8,
    has_client_hello: bool,
    server: Answer,
    is_refuted: bool,
}

/// What the server said to the hello.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    Nothing,
    /// Its hello.
    Hello,
    /// Its hello, and that it knows the client from before.
    Resumed,
}

/// Returns whether a chunk begins with a hello, and where that goes.
pub fn begins(bytes: &[u8]) -> Option<Toward> {
    let [HANDSHAKE, 3, 0..=3, _, _, kind, ..] = bytes else {
        return None;
    };
    match *kind {
        CLIENT_HELLO => Some(Toward::Server),
        SERVER_HELLO => Some(Toward::Client),
        _ => None,
    }
}

/// Returns whether bytes are too few to tell whether they begin a hello, and fit one so far.
pub fn may_begin(bytes: &[u8]) -> bool {
    bytes.len() <= RECORD_HEAD && matches!(bytes, [HANDSHAKE] | [HANDSHAKE, 3, ..])
}

impl Handshake {
    /// Takes bytes. Nothing is read once it is over.
    pub fn feed(&mut self, chunk: &Chunk<'_>) {
        if self.is_over() || chunk.len == 0 {
            return;
        }
        if self.toward != Some(chunk.toward) {
            self.toward = Some(chunk.toward);
            self.flight.clear();
            self.flights += 1;
            if self.flights == 1 {
                self.session.started_ns = chunk.at_ns;
            }
        }
        let room = FLIGHT_BYTES_MAX - self.flight.len();
        let taken = chunk.bytes.len().min(room);
        self.flight.extend_from_slice(&chunk.bytes[..taken]);
        match chunk.toward {
            Toward::Server => self.on_client(chunk.at_ns),
            Toward::Client => self.on_server(chunk.at_ns),
        }
        if self.flights > FLIGHTS_MAX {
            self.session.ended_ns.get_or_insert(chunk.at_ns);
        }
    }

    /// Returns whether nothing more is to be learned.
    pub fn is_over(&self) -> bool {
        self.is_refuted || self.session.ended_ns.is_some()
    }

    /// Returns how many bytes are held.
    pub fn held(&self) -> usize {
        self.flight.capacity()
    }

    /// Returns what is known of the session, unless it is none.
    pub fn session(&self) -> Option<&Session> {
        (self.has_client_hello || self.has_answered()).then_some(&self.session)
    }

    fn on_client(&mut self, at_ns: u64) {
        let is_hello = match self.flight.get(..RECORD_HEAD + 1) {
            Some(start) => begins(start) == Some(Toward::Server),
            // Some read the head of a record by itself.
            None => self.flight.first().is_none_or(|first| *first == HANDSHAKE),
        };
        if is_hello {
            if self.flight.len() > RECORD_HEAD {
                self.read_client_hello();
            }
        } else if self.is_thirteen_or_resumed() {
            self.session.ended_ns = Some(at_ns);
        } else if self.session().is_none() {
            self.is_refuted = true;
        }
    }

    fn read_client_hello(&mut self) {
        self.has_client_hello = true;
        let hello = client_hello(&self.flight);
        if let Some(name) = hello.server_name {
            self.session.server_name = Some(name);
        }
        if self.session.application.is_none() {
            self.session.application = hello.applications.into_iter().next();
        }
    }

    fn on_server(&mut self, at_ns: u64) {
        if self.has_answered() && self.flights > 2 && begins(&self.flight).is_none() {
            self.session.ended_ns = Some(at_ns);
            return;
        }
        if self.flight.len() <= RECORD_HEAD {
            return;
        }
        if begins(&self.flight) != Some(Toward::Client) {
            self.is_refuted |= !self.has_client_hello;
            return;
        }
        let hello = server_hello(&self.flight);
        self.session.version = hello.version.or(self.session.version);
        if let Some(chosen) = hello.application {
            self.session.application = Some(chosen);
        }
        let second = RECORD_HEAD + hello.record_len;
        let is_resumed = self.flight.get(second) == Some(&CHANGE_CIPHER_SPEC);
        self.server = if is_resumed {
            Answer::Resumed
        } else {
            Answer::Hello
        };
    }

    fn has_answered(&self) -> bool {
        self.server != Answer::Nothing
    }

    /// In both the client has the last word.
    fn is_thirteen_or_resumed(&self) -> bool {
        let is_thirteen = self.session.version == Some(Version::Tls13);
        self.server == Answer::Resumed || self.has_answered() && is_thirteen
    }
}

#[cfg(test)]
mod tests;
