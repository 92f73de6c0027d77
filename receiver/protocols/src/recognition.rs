//! Which protocol a connection speaks, from the first bytes of a chunk in either direction.
//!
//! Each protocol says of a beginning that it surely is its own, that it may be, or that it is not.
//! What is sure is believed at once; what only may be needs a beginning of the same protocol from
//! the other end. Signatures belong to the protocols; this module must know none.

use crate::{
    conversation::{Limits, Since, Toward},
    parser::Parser,
};

/// The first bytes that one end sent after the other one spoke, or of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// What was captured of them.
    pub bytes: &'a [u8],
    /// How many moved, captured or not.
    pub len: usize,
    /// Where they went, if that is known.
    pub toward: Option<Toward>,
    /// Whether they are the first of the connection in their direction.
    pub since: Since,
    /// The server's port; 0 if it is unknown. It may support a doubt, and never decides.
    pub port: u16,
}

/// What a protocol says of a beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// It is ours beyond doubt, and went there.
    Surely(Toward),
    /// It could be ours, going there; that the other end answers in kind would prove it.
    Perhaps(Toward),
    /// It is too short to tell.
    Maybe,
    /// It is not ours.
    No,
}

/// A protocol that can be read.
#[derive(Debug)]
pub struct Protocol {
    /// Its name as `network.protocol.name` has it.
    pub name: &'static str,
    /// Looks at a beginning. Keeps no state.
    pub begins: fn(&Beginning<'_>) -> Begins,
    /// Makes the reader of a connection, whose first chunk to be fed begins like this.
    pub parser: fn(&Beginning<'_>, Limits) -> Box<dyn Parser>,
}

/// Every protocol, the ones with the clearest signatures first. At most 32.
pub static PROTOCOLS: &[Protocol] = &[
    crate::http1::PROTOCOL,
    crate::http2::PROTOCOL,
    crate::redis::PROTOCOL,
    crate::postgres::PROTOCOL,
    crate::dns::PROTOCOL,
    crate::mysql::PROTOCOL,
    crate::cassandra::PROTOCOL,
    crate::mongodb::PROTOCOL,
    crate::fastcgi::PROTOCOL,
    crate::memcached::PROTOCOL,
    crate::memcached::BINARY,
    crate::amqp::PROTOCOL,
    crate::nats::PROTOCOL,
    crate::mqtt::PROTOCOL,
    crate::kafka::PROTOCOL,
];

/// What is known after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The protocol with this number, and where the bytes went.
    Found(usize, Toward),
    /// More bytes, or an answer, may tell.
    Undecided,
    /// No protocol begins like this.
    Nothing,
}

/// Looks at the beginnings of one connection until its protocol is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recognizer {
    /// Protocols that may be spoken, a bit each: by the way the bytes moved, and where they went.
    perhaps: [[u32; 2]; 2],
    /// Protocols that were believed once, and were mistaken.
    refuted: u32,
}

impl Recognizer {
    /// Looks at what one end begins with. `way` tells the two ends apart, whichever is which.
    pub fn look(&mut self, beginning: &Beginning<'_>, way: bool) -> Look {
        let mut perhaps = [0u32; 2];
        let mut is_undecided = false;
        for (number, protocol) in PROTOCOLS.iter().enumerate() {
            let bit = 1u32 << number;
            if self.refuted & bit != 0 {
                continue;
            }
            match (protocol.begins)(beginning) {
                Begins::Surely(toward) if fits(beginning, toward) => {
                    return Look::Found(number, toward);
                }
                Begins::Perhaps(toward) if fits(beginning, toward) => {
                    perhaps[index(toward)] |= bit;
                }
                Begins::Maybe => is_undecided = true,
                _ => {}
            }
        }
        let other = self.perhaps[usize::from(!way)];
        for toward in [Toward::Server, Toward::Client] {
            let both = perhaps[index(toward)] & other[1 - index(toward)];
            if both != 0 {
                return Look::Found(both.trailing_zeros() as usize, toward);
            }
        }
        self.perhaps[usize::from(way)] = perhaps;
        if is_undecided || perhaps != [0; 2] {
            Look::Undecided
        } else {
            Look::Nothing
        }
    }

    /// Forgets what was seen: what comes next is another message.
    pub fn start_over(&mut self) {
        self.perhaps = [[0; 2]; 2];
    }

    /// Never takes the connection for this protocol again.
    pub fn refute(&mut self, number: usize) {
        self.refuted |= 1 << number;
        self.start_over();
    }
}

fn fits(beginning: &Beginning<'_>, toward: Toward) -> bool {
    beginning.toward.is_none_or(|known| known == toward)
}

fn index(toward: Toward) -> usize {
    match toward {
        Toward::Server => 0,
        Toward::Client => 1,
    }
}
