//! What becomes of connections that nobody reads: told as the user wants it, and judged.

use std::sync::Arc;

use tapline_ebpf::abi::AF_UNIX;
use tapline_protocols::stream::Exchange;

use super::{Context, Engine, Fresh};
use crate::ebpf::{
    config::UnknownProtocols,
    emit::{Service, Side, Span, Stream, StreamFacts, service_port},
    process::Process,
    tracker::{Place, Streamed},
    weight::Weight,
};

impl Engine {
    /// Tells the kernel half what to do with connections. Called after some records, because one
    /// that changes its mind makes every socket ask.
    pub(crate) fn advise(&mut self) {
        let judgements = self.tracker.take_judgements();
        if !judgements.is_empty() {
            self.advice.judge(&judgements);
        }
    }

    /// Has fast exchanges summed, if what sockets keep back `can_be_found` and nobody asks for
    /// spans.
    pub(crate) fn sum_where_asked(&mut self, can_be_found: bool) {
        self.tracker.sums = can_be_found && self.unknown_protocols != UnknownProtocols::Spans;
    }

    pub(super) fn on_streams(&mut self) {
        for streamed in self.tracker.take_streamed() {
            self.on_streamed(&streamed);
        }
    }

    fn on_streamed(&mut self, streamed: &Streamed) {
        if self.unknown_protocols == UnknownProtocols::None || streamed.pid == 0 {
            return;
        }
        let place = Place {
            is_tls: false,
            cookie: streamed.cookie,
            side: streamed.side.unwrap_or(Side::Client),
            tuple: streamed.tuple,
        };
        let Some(process) = self.target(streamed.pid, place) else {
            return;
        };
        let tuple = place.tuple.as_ref();
        let what = &streamed.what;
        if what.sent + what.received > 0 {
            let service = Service {
                port: streamed.side.map_or(0, |side| service_port(side, tuple)),
                is_unix: tuple.is_some_and(|tuple| tuple.family == AF_UNIX),
            };
            let now_ns = self.clock.wall_ns(streamed.at_ns);
            let bytes = (what.sent, what.received);
            self.emitter.stream_io(&process, service, bytes, now_ns);
        }
        if let Some(session) = &what.handshake {
            let ended_ns = session.ended_ns.unwrap_or(session.started_ns);
            let when = self.when(session.started_ns, ended_ns, Weight::ONE);
            let facts = StreamFacts::of_session(place.side, tuple, session);
            self.emitter.handshake(&process, &facts, when);
        }
        if let (Some(exchange), Some(_)) = (&what.exchange, streamed.side) {
            self.on_pair(&process, place, (exchange, what.weight));
        }
        if let (Some(sum), Some(_)) = (&what.sum, streamed.side) {
            self.counts.stream_exchanges += sum.count();
            let facts = StreamFacts::of_connection(place.side, tuple, None);
            let ended_ns = self.clock.wall_ns(streamed.at_ns);
            self.emitter
                .exchanges_summed(&process, &facts, sum, ended_ns);
        }
    }

    fn on_pair(
        &mut self,
        process: &Arc<Process>,
        place: Place,
        (exchange, weight): (&Exchange, Weight),
    ) {
        let thread = exchange.request_thread;
        let facts = StreamFacts::of_exchange(place.side, place.tuple.as_ref(), exchange);
        self.counts.stream_exchanges += 1;
        if self.unknown_protocols == UnknownProtocols::Metrics {
            let when = self.when(exchange.started_ns, exchange.ended_ns, weight);
            self.emitter
                .exchange_unseen::<Stream>(process, &facts, when);
            return;
        }
        let mut fresh = Fresh {
            ids: &mut self.ids,
            wall_offset_ns: self.clock.offset_ns(exchange.started_ns),
        };
        // It is over: nothing that the thread asked for meanwhile can be part of it any more.
        let context = match place.side {
            Side::Client => self.correlator.client(thread, None, &mut fresh),
            Side::Server => {
                let context = self.correlator.server(thread, None, &mut fresh);
                self.correlator.finished(thread, context.span_id);
                context
            }
        };
        let when = span((&context, weight), exchange.started_ns, exchange.ended_ns);
        self.emitter
            .exchange::<Stream>(process, &facts, (&context, when), None);
    }

    fn when(&self, started_ns: u64, ended_ns: u64, weight: Weight) -> Span {
        let start_ns = self.clock.wall_ns(started_ns);
        Span {
            start_ns,
            end_ns: start_ns + ended_ns.saturating_sub(started_ns),
            weight,
        }
    }
}

/// Puts an exchange on the wall clock.
pub(super) fn span((context, weight): (&Context, Weight), started_ns: u64, ended_ns: u64) -> Span {
    let start_ns = started_ns.saturating_add_signed(context.wall_offset_ns);
    Span {
        start_ns,
        end_ns: start_ns + ended_ns.saturating_sub(started_ns),
        weight,
    }
}
