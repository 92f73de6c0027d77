//! A request's place in the order in which responses are due.
//!
//! A slot outlives the exchange that was reported early (timeout, too many open): its response is
//! still due on the wire and must not be taken for that of the next request.

use super::head::About;
use super::{Exchange, Outcome, Request, Response, Toward, Unanswered};
use crate::over_http::{self, Watch};

/// One response that is due.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: u32,
    pub(super) doubt: Doubt,
    pub(super) answer: Answer,
    /// The request was read to its end.
    pub(super) sent: bool,
    /// The client waits for a response before it sends the body.
    pub(super) expects: bool,
    kind: Kind,
    held: usize,
    exchange: Option<Box<Exchange>>,
    /// Follows the bodies, if they may be more than that.
    pub(super) watch: Option<Box<Watch>>,
}

/// Why the next response may not be the one of a slot, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// There is no reason.
    None,
    /// It may have been among lost bytes; if it is still to come, it comes next.
    Missed,
    /// An unknown number of other responses may be due before it.
    Order,
}

/// How far the final response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Due,
    Begun,
    Done,
}

/// What of the method decides about the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Head,
    Connect,
    Other,
}

impl Slot {
    /// Creates the slot of a request whose head was just read.
    pub(super) fn new(
        id: u32,
        request: Box<Request>,
        about: About,
        at_ns: u64,
        thread: u64,
    ) -> Self {
        let kind = match request.method.as_str() {
            "HEAD" => Kind::Head,
            "CONNECT" => Kind::Connect,
            _ => Kind::Other,
        };
        let held = request.held();
        let user_agent = request.headers.user_agent.as_deref();
        let watch = Watch::of(&request.method, &request.target, user_agent);
        let exchange = Box::new(Exchange {
            application: None,
            response: None,
            started_ns: about.started_ns,
            request_ended_ns: at_ns,
            response_started_ns: None,
            ended_ns: at_ns,
            request_thread: thread,
            response_thread: None,
            outcome: Outcome::Unanswered(Unanswered::LostData),
            request_body_bytes: 0,
            request_is_cut: false,
            response_is_cut: false,
            response_body_bytes: 0,
            request_bytes: about.bytes,
            response_bytes: 0,
            upgraded: false,
            request: *request,
        });
        Self {
            id,
            doubt: Doubt::None,
            answer: Answer::Due,
            sent: false,
            expects: about.expects,
            kind,
            held,
            exchange: Some(exchange),
            watch,
        }
    }

    /// Returns whether the exchange was not reported yet.
    pub(super) fn is_open(&self) -> bool {
        self.exchange.is_some()
    }

    /// Takes what was kept of a body.
    pub(super) fn keep(&mut self, toward: Toward, kept: Option<over_http::Body>) {
        if let (Some(watch), Some(kept)) = (&mut self.watch, kept) {
            match toward {
                Toward::Server => watch.asked = kept,
                Toward::Client => watch.told = kept,
            }
        }
    }

    /// Returns how many captured bytes are held.
    pub(super) fn held(&self) -> usize {
        let watched = self.watch.as_ref().map_or(0, |watch| watch.held());
        watched + if self.is_open() { self.held } else { 0 }
    }

    /// Returns the exchange as far as it is known.
    pub(super) fn exchange(&self) -> Option<&Exchange> {
        self.exchange.as_deref()
    }

    /// Returns the exchange for a change.
    pub(super) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_deref_mut()
    }

    /// Returns why there is no response: `otherwise`, unless it may have come and been missed.
    pub(super) fn reason(&self, otherwise: Unanswered) -> Unanswered {
        match self.doubt {
            Doubt::None => otherwise,
            Doubt::Missed | Doubt::Order => Unanswered::LostData,
        }
    }

    /// Returns whether a response of this status turns the connection into something else.
    pub(super) fn is_upgrade(&self, status: u16) -> bool {
        status == 101 || self.kind == Kind::Connect && (200..300).contains(&status)
    }

    /// Returns whether a response of this status has a body, if its head says so.
    pub(super) fn has_body(&self, status: u16) -> bool {
        self.kind != Kind::Head && status != 204 && status != 304
    }

    /// Notes the head of the final response.
    pub(super) fn answer(&mut self, response: Response, started_ns: u64, thread: u64) {
        let Some(exchange) = self.exchange.as_deref_mut() else {
            return;
        };
        self.held += response.held();
        exchange.response = Some(response);
        exchange.response_started_ns = Some(started_ns);
        exchange.response_thread = Some(thread);
    }

    /// Returns the number of the request, and the exchange if it was not reported yet.
    pub(super) fn hand_over(self) -> (u32, Option<Box<Exchange>>) {
        (self.id, self.exchange)
    }

    /// Takes the exchange out, to be reported once.
    pub(super) fn settle(&mut self, outcome: Outcome, at_ns: Option<u64>) -> Option<Box<Exchange>> {
        let mut exchange = self.exchange.take()?;
        exchange.outcome = outcome;
        exchange.ended_ns = at_ns.unwrap_or(exchange.ended_ns);
        let watch = self.watch.take();
        exchange.application = watch.and_then(|watch| watch.finish(&exchange));
        Some(exchange)
    }
}
