//! The receiver without a kernel: records in, batches out.
//!
//! Everything that is neither a thread nor a system call happens here, in the order of the ring,
//! so that a recorded stream of records gives the same telemetry again.

mod http;
mod plaintext;
mod streams;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use tapline_ebpf::{
    Event, ExistingSocket,
    abi::{AF_UNIX, CLOSE_OF_PEER, EventConnectFailed, Malformed},
};
use tapline_pdata::Batch;
use tapline_protocols::{conversation::Limits, parser::Told, propagation::TraceContext};

use super::{
    clock::WallClock,
    config::UnknownProtocols,
    correlate::{Context, Correlator, Fresh},
    datagrams::Datagrams,
    emit::{
        ConnectFailed, Database, DatabaseFacts, Dns, DnsFacts, Emitter, Messaging, MessagingFacts,
        OwnReading, Rpc, RpcFacts, Side, Span, WebSocket, WebSocketFacts, service_port,
    },
    ids::Ids,
    live::Live,
    privacy::QueryText,
    process::{Process, ProcessTable},
    propagators::ContextCounts,
    routes::Routes,
    targets::Verdict,
    tls::{Binder, BinderCounts, Notice},
    tracker::{Counts, Happening, Judgement, Place, Tracker},
    weight::Weight,
};

/// Tells whoever produces the records what is known here and not there.
pub(crate) trait Advise: Send {
    /// Nothing this process does is a target.
    fn ignore(&mut self, pid: u32);
    /// The process runs something else now, or is another one.
    fn trace(&mut self, pid: u32);
    /// Other processes are targets now: nobody is left alone until it is found out again.
    fn trace_all(&mut self);
    /// What a connection said of itself may be lost: it should say it again.
    fn announce_again(&mut self);
    /// What should be done with the bytes of some connections.
    fn judge(&mut self, judgements: &[Judgement]);
    /// Something happened to a process that may use TLS.
    fn look_for_tls(&mut self, _: Notice) {}
}

/// What the engine needs to begin.
pub(crate) struct Parts {
    /// Who processes are.
    pub(crate) processes: ProcessTable,
    /// What a reload may change.
    pub(crate) live: Live,
    /// Where ids come from.
    pub(crate) ids: Ids,
    /// Monotonic to wall time.
    pub(crate) clock: WallClock,
    /// What one connection may cost.
    pub(crate) limits: Limits,
    /// Bytes that all connections together may hold.
    pub(crate) buffered_bytes_max: usize,
    /// Sockets from before.
    pub(crate) existing: Vec<ExistingSocket>,
    /// What is told of connections that nobody can read.
    pub(crate) unknown_protocols: UnknownProtocols,
    /// Takes the verdicts on processes and connections.
    pub(crate) advice: Box<dyn Advise>,
}

/// A request that is being answered.
struct OpenRequest {
    context: Context,
    process: Arc<Process>,
    thread: u64,
    side: Side,
    /// For how many requests it stands.
    weight: Weight,
    /// It was not remembered as open on its thread.
    is_lasting: bool,
}

/// Counters of the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EngineCounts {
    /// Records taken.
    pub(crate) records: u64,
    /// Records that were not believed.
    pub(crate) malformed: u64,
    /// Exchanges told.
    pub(crate) exchanges: u64,
    /// Exchanges that nobody could read.
    pub(crate) stream_exchanges: u64,
    /// Failed connects told.
    pub(crate) connects_failed: u64,
    /// What the tracker counted.
    pub(crate) tracker: Counts,
    /// Server requests that correlation could not remember.
    pub(crate) uncorrelated: u64,
    /// What was counted of trace headers.
    pub(crate) contexts: ContextCounts,
    /// Connections followed now.
    pub(crate) connections: u64,
    /// Processes remembered now.
    pub(crate) processes: u64,
    /// Bytes that connections hold now.
    pub(crate) buffered_bytes: u64,
    /// Routes learned now.
    pub(crate) routes: u64,
    /// Requests whose route had no room.
    pub(crate) routes_overflowed: u64,
    /// Series of metrics now.
    pub(crate) series: u64,
    /// Measurements that had no series of their own.
    pub(crate) series_overflowed: u64,
    /// What was counted of plaintext.
    pub(crate) tls: BinderCounts,
}

/// Records in, batches out.
pub(crate) struct Engine {
    tracker: Tracker,
    datagrams: Datagrams,
    binder: Binder,
    processes: ProcessTable,
    live: Live,
    routes: Routes,
    verdicts: FxHashMap<u64, Verdict>,
    correlator: Correlator,
    open: FxHashMap<(u64, u32), OpenRequest>,
    emitter: Emitter,
    ids: Ids,
    clock: WallClock,
    advice: Box<dyn Advise>,
    unknown_protocols: UnknownProtocols,
    counts: EngineCounts,
    happenings: Vec<Happening>,
}

impl Engine {
    /// Makes an engine.
    pub(crate) fn new(parts: Parts) -> Self {
        let mut engine = Self {
            tracker: Tracker::new(parts.limits, &parts.existing, parts.buffered_bytes_max),
            datagrams: Datagrams::default(),
            binder: Binder::default(),
            processes: parts.processes,
            live: parts.live,
            routes: Routes::default(),
            verdicts: FxHashMap::default(),
            correlator: Correlator::default(),
            open: FxHashMap::default(),
            emitter: Emitter::default(),
            ids: parts.ids,
            clock: parts.clock,
            advice: parts.advice,
            unknown_protocols: parts.unknown_protocols,
            counts: EngineCounts::default(),
            happenings: Vec::new(),
        };
        engine.apply();
        engine
    }

    /// Takes other live settings. Connections and requests that are open go on; what is not a
    /// target any more is told to its end if it has begun.
    pub(crate) fn adjust(&mut self, live: Live) {
        let has_other_routes = live.routes != self.live.routes;
        let has_other_targets = live.targets != self.live.targets;
        self.live = live;
        if has_other_routes || has_other_targets {
            self.routes.clear();
        }
        self.apply();
        if has_other_targets {
            self.verdicts.clear();
            self.advice.trace_all();
        }
    }

    fn apply(&mut self) {
        self.processes.set_targets(Arc::clone(&self.live.targets));
        self.emitter.set_series_max(self.live.metric_series_max);
        self.tracker.limits.wanted = self.live.privacy.wanted;
    }

    /// Takes one record of the ring.
    pub(crate) fn on_record(&mut self, record: &[u8]) -> Result<(), Malformed> {
        self.counts.records += 1;
        let event = Event::parse(record).inspect_err(|_| self.counts.malformed += 1)?;
        let mut happenings = std::mem::take(&mut self.happenings);
        match event {
            Event::Data(event, bytes) => {
                let place = self.tracker.on_data(&event, bytes, &mut happenings);
                self.on_happenings(place, &mut happenings);
            }
            Event::Datagram(event, bytes) => {
                let limits = &self.tracker.limits;
                let datagrams = &mut self.datagrams;
                let place = datagrams.on_datagram(&event, bytes, limits, &mut happenings);
                self.on_happenings(place, &mut happenings);
            }
            Event::Open(open) => self.tracker.on_open(&open),
            Event::Exchange(exchange) => self.tracker.on_exchange(&exchange),
            Event::Sum(sum) => self.tracker.on_sum(&sum),
            Event::Close(close) => {
                let place = self.tracker.on_close(&close, &mut happenings);
                self.on_happenings(place, &mut happenings);
                if close.flags & CLOSE_OF_PEER == 0 {
                    self.binder.on_close(close.cookie);
                }
            }
            Event::ConnectFailed(failed) => self.on_connect_failed(&failed),
            Event::Exec(exec) => {
                self.processes.on_exec(&exec);
                self.advice.trace(exec.tgid);
                self.look_for_tls(exec.tgid, Notice::Exec(exec.tgid));
            }
            Event::Fork(fork) => {
                self.processes.on_fork(&fork);
                let (parent, child) = (fork.parent_tgid, fork.tgid);
                self.look_for_tls(child, Notice::Fork { parent, child });
            }
            Event::Exit(exit) => {
                self.processes.on_exit(exit.tgid, exit.header.at_ns);
                self.advice.trace(exit.tgid);
                self.advice.look_for_tls(Notice::Exit(exit.tgid));
            }
            Event::Tls(event) => self.on_tls(event, &mut happenings),
        }
        happenings.clear();
        self.happenings = happenings;
        for (place, mut happenings) in self.tracker.take_evicted() {
            self.on_happenings(Some(place), &mut happenings);
        }
        self.on_streams();
        Ok(())
    }

    /// Does what is due by time. Called about once a second.
    pub(crate) fn tick(&mut self, now_ns: u64, wall_offset_ns: i64) {
        self.clock.sample(now_ns, wall_offset_ns);
        let mut expired = Vec::new();
        self.tracker.tick(now_ns, |place, happenings| {
            expired.push((place, std::mem::take(happenings)));
        });
        expired.extend(self.datagrams.tick(now_ns));
        for (place, mut happenings) in expired {
            self.on_happenings(Some(place), &mut happenings);
        }
        self.on_streams();
        self.advise();
        self.binder.tick(now_ns);
        self.processes.sweep(now_ns);
        if self.verdicts.len() > 2 * self.processes.len() + 1024 {
            self.verdicts.clear(); // of programs long gone; those of the living are found again
        }
    }

    /// Records were lost before they came here, maybe the one that named a connection.
    pub(crate) fn records_were_lost(&mut self) {
        self.advice.announce_again();
    }

    /// Returns how many bytes wait to be taken.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.emitter.pending_bytes()
    }

    /// Takes the spans and log records that wait.
    pub(crate) fn take_records(&mut self) -> impl Iterator<Item = Batch> + use<> {
        self.emitter.take_records()
    }

    /// Takes all metrics as of a monotonic time.
    pub(crate) fn take_metrics(
        &mut self,
        own: &[OwnReading],
        host: &str,
        now_ns: u64,
    ) -> Option<Batch> {
        self.emitter
            .take_metrics(own, host, self.clock.wall_ns(now_ns))
    }

    /// Returns what was counted so far.
    pub(crate) fn counts(&self) -> EngineCounts {
        let mut tracker = self.tracker.counts;
        tracker.evicted += self.datagrams.evicted;
        EngineCounts {
            tracker,
            uncorrelated: self.correlator.forgotten,
            connections: self.tracker.len() as u64,
            processes: self.processes.len() as u64,
            buffered_bytes: self.tracker.buffered_bytes() as u64,
            routes: self.routes.len() as u64,
            routes_overflowed: self.routes.overflowed,
            series: self.emitter.series().0 as u64,
            series_overflowed: self.emitter.series().1,
            tls: self.binder.counts(),
            ..self.counts
        }
    }

    fn on_happenings(&mut self, place: Option<Place>, happenings: &mut Vec<Happening>) {
        let Some(place) = place else { return };
        for happening in happenings.drain(..) {
            match happening {
                Happening::Request {
                    is_export: true, ..
                } if place.side == Side::Server => {}
                Happening::Request {
                    id,
                    thread,
                    at_ns,
                    weight,
                    trace,
                    is_lasting,
                    ..
                } => {
                    let thread = (thread, is_lasting);
                    self.on_request(place, (at_ns, weight), (id, thread), trace.as_ref());
                }
                Happening::Exchange { id, told } => self.on_exchange(place, id, told),
            }
        }
    }

    fn on_request(
        &mut self,
        place: Place,
        (now_ns, weight): (u64, Weight),
        (id, (thread, is_lasting)): (u32, (u64, bool)),
        header: Option<&TraceContext>,
    ) {
        let pid = u32::try_from(thread >> 32).expect("32 bits");
        let Some(process) = self.target(pid, place) else {
            return;
        };
        let (counts, formats) = (&mut self.counts.contexts, &self.live.propagators);
        let header = header.and_then(|said| counts.believed(said, formats));
        let header = header.as_ref();
        let mut fresh = Fresh {
            ids: &mut self.ids,
            wall_offset_ns: self.clock.offset_ns(now_ns),
        };
        let context = match place.side {
            Side::Server if is_lasting => Correlator::lasting(header, &mut fresh),
            Side::Server => self.correlator.server(thread, header, &mut fresh),
            Side::Client => self.correlator.client(thread, header, &mut fresh),
        };
        let open = OpenRequest {
            context,
            process,
            thread,
            side: place.side,
            weight,
            is_lasting,
        };
        self.open.insert((place.cookie, id), open);
    }

    fn on_exchange(&mut self, place: Place, id: u32, told: Told) {
        let Some(open) = self.open.remove(&(place.cookie, id)) else {
            return;
        };
        if open.side == Side::Server && !open.is_lasting {
            self.correlator.finished(open.thread, open.context.span_id);
        }
        let (side, tuple) = (open.side, place.tuple.as_ref());
        match told {
            Told::Http(exchange) => self.on_http(&open, place, &exchange),
            Told::Dns(exchange) => {
                let when = open.span(exchange.started_ns, exchange.ended_ns);
                let facts = DnsFacts::new(side, tuple, &exchange);
                let when = (&open.context, when);
                self.emitter
                    .exchange::<Dns>(&open.process, &facts, when, None);
            }
            Told::Database(mut exchange) => {
                if self.live.privacy.query_text == QueryText::Off {
                    exchange.operation.text = None;
                }
                let when = open.span(exchange.started_ns, exchange.ended_ns);
                let facts = DatabaseFacts::new(side, tuple, &exchange);
                let when = (&open.context, when);
                self.emitter
                    .exchange::<Database>(&open.process, &facts, when, None);
            }
            Told::WebSocket(exchange) => {
                let when = open.span(exchange.started_ns, exchange.ended_ns);
                let facts = WebSocketFacts::new(side, tuple, &exchange);
                let when = (&open.context, when);
                self.emitter
                    .exchange::<WebSocket>(&open.process, &facts, when, None);
            }
            Told::Messaging(exchange) => {
                let when = open.span(exchange.started_ns, exchange.ended_ns);
                let facts = MessagingFacts::new(side, tuple, &exchange);
                let when = (&open.context, when);
                self.emitter
                    .exchange::<Messaging>(&open.process, &facts, when, None);
            }
            Told::Rpc(exchange) => {
                let when = open.span(exchange.started_ns, exchange.ended_ns);
                let facts = RpcFacts::new(side, tuple, &exchange);
                let when = (&open.context, when);
                self.emitter
                    .exchange::<Rpc>(&open.process, &facts, when, None);
            }
        }
        self.counts.exchanges += 1;
    }

    fn on_connect_failed(&mut self, failed: &EventConnectFailed) {
        if failed.tuple.family == AF_UNIX {
            return;
        }
        let side = Side::Client;
        let place = Place {
            cookie: failed.cookie,
            side,
            tuple: Some(failed.tuple),
            is_tls: false,
        };
        let Some(process) = self.target(failed.tgid, place) else {
            return;
        };
        let thread = u64::from(failed.tgid) << 32 | u64::from(failed.tid);
        let told = ConnectFailed {
            tuple: &failed.tuple,
            error: failed.error,
            start_ns: self.clock.wall_ns(failed.connect_ns),
            end_ns: self.clock.wall_ns(failed.header.at_ns),
            during: self.correlator.only_open(thread),
        };
        self.emitter.connect_failed(&process, &told);
        self.counts.connects_failed += 1;
    }

    /// Returns the process, as it is to be told, if what it does there is a target.
    fn target(&mut self, pid: u32, place: Place) -> Option<Arc<Process>> {
        let process = self.processes.process(pid);
        let targets = &self.live.targets;
        let verdict = self.verdicts.entry(process.serial);
        let verdict = *verdict.or_insert_with(|| targets.process(&process));
        let by = match verdict {
            Verdict::Tap(by) => by,
            Verdict::Ignore => {
                if !process.is_gone() {
                    self.advice.ignore(pid);
                }
                return None;
            }
            Verdict::ByPort => {
                let port = service_port(place.side, place.tuple.as_ref());
                let Verdict::Tap(by) = targets.taps(&process, place.side, port) else {
                    return None;
                };
                by
            }
        };
        Some(self.processes.as_chosen(&process, by))
    }
}

impl OpenRequest {
    fn span(&self, started_ns: u64, ended_ns: u64) -> Span {
        streams::span((&self.context, self.weight), started_ns, ended_ns)
    }
}
