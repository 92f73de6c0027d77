//! FastCGI: what a web server asks of PHP-FPM and its like, both directions of a connection.
//!
//! Bytes become records in `cutter`; `record` reads them; requests are told apart by their ids. A
//! request is one of HTTP that is carried otherwise, so it is told as one. Of the parameters those
//! of the allow list of HTTP headers are kept; bodies are passed over.

mod record;

use self::record::{
    ABORT, BEGIN, END, PARAMS, STDIN, STDOUT, content_len, id, is_head, kind, read_head,
    read_output, read_params,
};
use crate::by_key::{ByKey, Waiting};
use crate::conversation::{Chunk, Limits, Outcome, Toward, Unanswered};
use crate::cutter::{Cutter, Message, Stand};
use crate::http::{Carrier, Exchange, Request};
use crate::parser::{Asked, Parser, Sink, Told};
use crate::recognition::{Beginning, Begins, Protocol};

/// How FastCGI is recognised: by the record that begins a request, or one that answers.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "fastcgi",
    begins,
    parser: |_, limits| Box::new(FastCgi::new(limits)),
};

/// Requests that may be open at once; servers have one a connection.
pub const OPEN_MAX: usize = 64;
/// Bytes of parameters that one request may have; the rest is not read.
const PARAMS_MAX: usize = 16 * 1024;

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct FastCgi {
    requests: Cutter,
    responses: Cutter,
    /// Requests whose parameters are not complete.
    drafts: Vec<Draft>,
    open: ByKey<u16, Box<Exchange>>,
    lost_ns: u64,
}

#[derive(Debug)]
struct Draft {
    id: u16,
    params: Vec<u8>,
    is_holed: bool,
    started_ns: u64,
    bytes: u64,
}

impl FastCgi {
    /// Creates the reader of a connection, whose beginning need not have been seen.
    pub fn new(limits: Limits) -> Self {
        Self {
            requests: Cutter::new(read_head, |bytes| is_head(bytes) && bytes[1] == BEGIN),
            responses: Cutter::new(read_head, is_head),
            drafts: Vec::new(),
            open: ByKey::new(OPEN_MAX, limits.response_timeout_ns),
            lost_ns: 0,
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        OPEN_MAX * (slot_bytes() + PARAMS_MAX) + 2 * PARAMS_MAX
    }

    fn read(&mut self, toward: Toward, message: &Message, out: &mut dyn Sink) {
        match toward {
            Toward::Server => self.read_request(message, out),
            Toward::Client => self.read_response(message, out),
        }
    }

    fn read_request(&mut self, message: &Message, out: &mut dyn Sink) {
        match kind(message) {
            BEGIN => self.begin(message),
            PARAMS if content_len(message.head()) > 0 => self.add(message),
            PARAMS => self.ask(message, out),
            STDIN => {
                if let Some(exchange) = self.open.get_mut(id(message)) {
                    exchange.request_body_bytes += u64::from(content_len(message.head()));
                    exchange.request_bytes += message.bytes();
                    exchange.request_ended_ns = message.ended_ns;
                }
            }
            ABORT => {
                if let Some(waiting) = self.open.answer(id(message)) {
                    tell(waiting, Unanswered::ClosedByClient, message.ended_ns, out);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, message: &Message) {
        self.drafts.retain(|draft| draft.id != id(message));
        if self.drafts.len() >= OPEN_MAX {
            self.drafts.remove(0);
        }
        self.drafts.push(Draft {
            id: id(message),
            params: Vec::new(),
            is_holed: false,
            started_ns: message.started_ns,
            bytes: message.bytes(),
        });
    }

    fn add(&mut self, message: &Message) {
        let found = self.drafts.iter_mut().find(|draft| draft.id == id(message));
        let Some(draft) = found else { return };
        draft.bytes += message.bytes();
        draft.is_holed |=
            message.is_holed || message.body.len() < usize::from(content_len(message.head()));
        let room = PARAMS_MAX - draft.params.len();
        let kept = &message.body[..message.body.len().min(room)];
        draft.is_holed |= kept.len() < message.body.len();
        draft.params.extend_from_slice(kept);
    }

    fn ask(&mut self, message: &Message, out: &mut dyn Sink) {
        let number = id(message);
        let Some(index) = self.drafts.iter().position(|draft| draft.id == number) else {
            return;
        };
        let draft = self.drafts.swap_remove(index);
        let mut request = Request {
            carrier: Carrier::FastCgi,
            ..Request::default()
        };
        let is_whole = read_params(&draft.params, &mut request);
        request.truncated = draft.is_holed || !is_whole;
        let asked = Asked {
            thread: message.thread,
            trace: request.headers.context(),
            ..Asked::default()
        };
        let exchange = exchange(request.clone(), &draft, message);
        let (told, displaced) = self.open.ask(number, message.ended_ns, Box::new(exchange));
        if let Some(displaced) = displaced {
            tell(displaced, Unanswered::LostData, message.ended_ns, out);
        }
        out.request(told, asked);
    }

    fn read_response(&mut self, message: &Message, out: &mut dyn Sink) {
        let Some(exchange) = self.open.get_mut(id(message)) else {
            return;
        };
        exchange.response_bytes += message.bytes();
        exchange.ended_ns = message.ended_ns;
        if exchange.response_started_ns.is_none() {
            exchange.response_started_ns = Some(message.started_ns);
            exchange.response_thread = Some(message.thread);
        }
        match kind(message) {
            STDOUT => {
                exchange.response_body_bytes += u64::from(content_len(message.head()));
                if exchange.response.is_none() && content_len(message.head()) > 0 {
                    exchange.response = Some(read_output(&message.body));
                }
            }
            END => {
                if let Some(waiting) = self.open.answer(id(message)) {
                    out.exchange(waiting.id, Told::Http(waiting.what));
                }
            }
            _ => {}
        }
    }

    fn cutter(&mut self, toward: Toward) -> &mut Cutter {
        match toward {
            Toward::Server => &mut self.requests,
            Toward::Client => &mut self.responses,
        }
    }

    fn after(
        &mut self,
        toward: Toward,
        messages: &[Message],
        stand: Stand,
        at_ns: u64,
        out: &mut dyn Sink,
    ) {
        for message in messages {
            self.read(toward, message, out);
        }
        if stand == Stand::JustLost {
            self.lost_ns = at_ns;
            if toward == Toward::Server {
                self.drafts.clear();
            }
        }
    }
}

impl Parser for FastCgi {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let cutter = self.cutter(chunk.toward);
        let stand = cutter.feed(&chunk, |message| messages.push(message));
        self.after(chunk.toward, &messages, stand, chunk.at_ns, out);
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let len = len.unwrap_or(u64::MAX);
        let cutter = self.cutter(toward);
        let stand = cutter.pass(len, at_ns, 0, |message| messages.push(message));
        self.after(toward, &messages, stand, at_ns, out);
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.open.end(|waiting| tell(waiting, why, at_ns, out));
        self.drafts.clear();
        self.requests.lose();
        self.responses.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        let lost_ns = self.lost_ns;
        self.open.expire(now_ns, |waiting| {
            let is_lost = waiting.asked_ns <= lost_ns;
            let why = if is_lost {
                Unanswered::LostData
            } else {
                Unanswered::Timeout
            };
            tell(waiting, why, now_ns, out);
        });
    }

    fn open_requests(&self) -> usize {
        self.open.len()
    }

    fn buffered_bytes(&self) -> usize {
        let drafts: usize = self
            .drafts
            .iter()
            .map(|draft| draft.params.capacity())
            .sum();
        self.open.len() * slot_bytes() + drafts + self.requests.held() + self.responses.held()
    }

    fn stands_alone(&self) -> bool {
        true
    }
}

fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    if !is_head(bytes) {
        return Begins::No;
    }
    match bytes[1] {
        // Role and flags, then nothing but zeros.
        BEGIN => match bytes.get(8..16) {
            Some([0, 1..=3, 0 | 1, 0, 0, 0, 0, 0]) => Begins::Surely(Toward::Server),
            Some(_) => Begins::No,
            None => Begins::Maybe,
        },
        STDOUT | END => Begins::Perhaps(Toward::Client),
        _ => Begins::No,
    }
}

fn exchange(request: Request, draft: &Draft, message: &Message) -> Exchange {
    Exchange {
        application: None,
        request,
        response: None,
        started_ns: draft.started_ns,
        request_ended_ns: message.ended_ns,
        response_started_ns: None,
        ended_ns: message.ended_ns,
        request_thread: message.thread,
        response_thread: None,
        outcome: Outcome::Answered,
        request_body_bytes: 0,
        request_is_cut: false,
        response_is_cut: false,
        response_body_bytes: 0,
        request_bytes: draft.bytes + message.bytes(),
        response_bytes: 0,
        upgraded: false,
    }
}

fn tell(mut waiting: Waiting<u16, Box<Exchange>>, why: Unanswered, at_ns: u64, out: &mut dyn Sink) {
    waiting.what.outcome = Outcome::Unanswered(why);
    waiting.what.ended_ns = at_ns.max(waiting.what.ended_ns);
    out.exchange(waiting.id, Told::Http(waiting.what));
}

fn slot_bytes() -> usize {
    size_of::<Exchange>() + 2048
}
