//! WebSocket: what a connection of HTTP/1 becomes after an upgrade, both directions.
//!
//! All of it is one exchange, told when it ends: how many messages went each way and how long it
//! lasted. Messages are counted and passed over; what they say is never looked at.

mod frame;

use self::frame::{CLOSE, PING, close_code, ends_message, is_start, opcode, read_head};
use crate::conversation::{Chunk, Outcome, Toward, Unanswered};
use crate::cutter::{Cutter, Message, Stand};
use crate::http;
use crate::parser::{Parser, Sink, Told};

/// What went one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages of the application; one in several frames counts once.
    pub messages: u64,
    /// Bytes of frames on the wire.
    pub bytes: u64,
    /// Pings.
    pub pings: u64,
}

/// A conversation from the upgrade to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The request that asked for the upgrade.
    pub request: http::Request,
    /// What went to the server.
    pub to_server: Traffic,
    /// What went to the client.
    pub to_client: Traffic,
    /// The code of the first close, and where it went.
    pub close: Option<(u16, Toward)>,
    /// Bytes were missed, so that there may have been more messages.
    pub is_holed: bool,
    /// When the upgrade was agreed upon.
    pub started_ns: u64,
    /// When the last byte moved.
    pub ended_ns: u64,
    /// How it ended: answered if one end closed it in order.
    pub outcome: Outcome,
}

/// Reads a connection after its upgrade.
#[derive(Debug)]
pub struct WebSocket {
    /// The number that it is told under; nothing once it was.
    id: Option<u32>,
    exchange: Box<Exchange>,
    to_server: Cutter,
    to_client: Cutter,
}

impl WebSocket {
    /// Creates the reader. `id` was announced already.
    pub fn new(id: u32, request: http::Request, at_ns: u64) -> Self {
        Self {
            id: Some(id),
            exchange: Box::new(Exchange {
                request,
                to_server: Traffic::default(),
                to_client: Traffic::default(),
                close: None,
                is_holed: false,
                started_ns: at_ns,
                ended_ns: at_ns,
                outcome: Outcome::Answered,
            }),
            to_server: Cutter::new(read_head, |bytes| is_start(bytes, true)),
            to_client: Cutter::new(read_head, |bytes| is_start(bytes, false)),
        }
    }

    fn cutter(&mut self, toward: Toward) -> &mut Cutter {
        match toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        }
    }

    fn after(&mut self, toward: Toward, frames: &[Message], stand: Stand) {
        let exchange = &mut self.exchange;
        let traffic = match toward {
            Toward::Server => &mut exchange.to_server,
            Toward::Client => &mut exchange.to_client,
        };
        for frame in frames {
            traffic.messages += u64::from(ends_message(frame));
            match opcode(frame) {
                PING => traffic.pings += 1,
                CLOSE => {
                    exchange.close.get_or_insert((close_code(frame), toward));
                }
                _ => {}
            }
        }
        exchange.is_holed |= stand != Stand::Sure;
    }
}

impl Parser for WebSocket {
    fn feed(&mut self, chunk: Chunk<'_>, _out: &mut dyn Sink) {
        let mut frames = Vec::new();
        let cutter = self.cutter(chunk.toward);
        let stand = cutter.feed(&chunk, |frame| frames.push(frame));
        self.after(chunk.toward, &frames, stand);
        let traffic = match chunk.toward {
            Toward::Server => &mut self.exchange.to_server,
            Toward::Client => &mut self.exchange.to_client,
        };
        traffic.bytes += chunk.len.max(chunk.bytes.len()) as u64;
        self.exchange.ended_ns = chunk.at_ns;
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, _out: &mut dyn Sink) {
        let mut frames = Vec::new();
        let cutter = self.cutter(toward);
        let passed = len.unwrap_or(u64::MAX);
        let stand = cutter.pass(passed, at_ns, 0, |frame| frames.push(frame));
        self.after(toward, &frames, stand);
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        let Some(id) = self.id.take() else { return };
        let mut exchange = self.exchange.clone();
        if exchange.close.is_none() {
            exchange.outcome = Outcome::Unanswered(why);
            exchange.ended_ns = at_ns.max(exchange.ended_ns);
        }
        out.exchange(id, Told::WebSocket(exchange));
    }

    /// It may be silent for as long as its ends like.
    fn expire(&mut self, _now_ns: u64, _out: &mut dyn Sink) {}

    fn open_requests(&self) -> usize {
        usize::from(self.id.is_some())
    }

    fn buffered_bytes(&self) -> usize {
        size_of::<Exchange>() + self.exchange.request.target.len()
    }
}
