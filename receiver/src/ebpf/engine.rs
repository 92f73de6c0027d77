//! The receiver without a kernel: records in, batches out.
//!
//! Everything that is neither a thread nor a system call happens here, in the order of the ring,
//! so that a recorded stream of records gives the same telemetry again.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use tapline_ebpf::{
    Event, ExistingSocket,
    abi::{AF_UNIX, EventConnectFailed, Malformed},
};
use tapline_pdata::Batch;
use tapline_protocols::{conversation::Limits, parser::Told, trace_context::TraceContext};

use super::{
    clock::WallClock,
    correlate::{Context, Correlator, Fresh},
    emit::{
        ConnectFailed, Database, DatabaseFacts, Emitter, Facts, Http, OwnReading, Side, Span,
        service_port,
    },
    ids::Ids,
    process::{Process, ProcessTable},
    targets::{TargetsConfig, Verdict},
    tracker::{Counts, Happening, Place, Tracker},
};

/// Tells whoever produces the records what is known here and not there.
pub(crate) trait Advise: Send {
    /// Nothing this process does is a target.
    fn ignore(&mut self, pid: u32);
    /// The process runs something else now, or is another one.
    fn trace(&mut self, pid: u32);
    /// What a connection said of itself may be lost: it should say it again.
    fn announce_again(&mut self);
}

/// What the engine needs to begin.
pub(crate) struct Parts {
    /// Who processes are.
    pub(crate) processes: ProcessTable,
    /// Which of them are tapped.
    pub(crate) targets: TargetsConfig,
    /// Where ids come from.
    pub(crate) ids: Ids,
    /// Monotonic to wall time.
    pub(crate) clock: WallClock,
    /// What one connection may cost.
    pub(crate) limits: Limits,
    /// Sockets from before.
    pub(crate) existing: Vec<ExistingSocket>,
    /// Takes the verdicts on processes.
    pub(crate) advice: Box<dyn Advise>,
}

/// A request that is being answered.
struct OpenRequest {
    context: Context,
    process: Arc<Process>,
    thread: u64,
    side: Side,
}

/// Counters of the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EngineCounts {
    /// Records that were not believed.
    pub(crate) malformed: u64,
    /// Exchanges told.
    pub(crate) exchanges: u64,
    /// Failed connects told.
    pub(crate) connects_failed: u64,
    /// What the tracker counted.
    pub(crate) tracker: Counts,
    /// Server requests that correlation could not remember.
    pub(crate) uncorrelated: u64,
    /// Connections followed now.
    pub(crate) connections: u64,
    /// Processes remembered now.
    pub(crate) processes: u64,
}

/// Records in, batches out.
pub(crate) struct Engine {
    tracker: Tracker,
    processes: ProcessTable,
    targets: TargetsConfig,
    verdicts: FxHashMap<u64, Verdict>,
    correlator: Correlator,
    open: FxHashMap<(u64, u32), OpenRequest>,
    emitter: Emitter,
    ids: Ids,
    clock: WallClock,
    advice: Box<dyn Advise>,
    counts: EngineCounts,
    happenings: Vec<Happening>,
}

impl Engine {
    /// Makes an engine.
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            tracker: Tracker::new(parts.limits, &parts.existing),
            processes: parts.processes,
            targets: parts.targets,
            verdicts: FxHashMap::default(),
            correlator: Correlator::default(),
            open: FxHashMap::default(),
            emitter: Emitter::default(),
            ids: parts.ids,
            clock: parts.clock,
            advice: parts.advice,
            counts: EngineCounts::default(),
            happenings: Vec::new(),
        }
    }

    /// Takes one record of the ring.
    pub(crate) fn on_record(&mut self, record: &[u8]) -> Result<(), Malformed> {
        let event = Event::parse(record).inspect_err(|_| self.counts.malformed += 1)?;
        let mut happenings = std::mem::take(&mut self.happenings);
        match event {
            Event::Data(event, bytes) => {
                let place = self.tracker.on_data(&event, bytes, &mut happenings);
                self.on_happenings(place, &mut happenings);
            }
            Event::Open(open) => self.tracker.on_open(&open),
            Event::Exchange(_) => {}
            Event::Close(close) => {
                let place = self.tracker.on_close(&close, &mut happenings);
                self.on_happenings(place, &mut happenings);
            }
            Event::ConnectFailed(failed) => self.on_connect_failed(&failed),
            Event::Exec(exec) => {
                self.processes.on_exec(&exec);
                self.advice.trace(exec.tgid);
            }
            Event::Fork(fork) => self.processes.on_fork(&fork),
            Event::Exit(exit) => {
                self.processes.on_exit(exit.tgid, exit.header.at_ns);
                self.advice.trace(exit.tgid);
            }
        }
        happenings.clear();
        self.happenings = happenings;
        for (place, mut happenings) in self.tracker.take_evicted() {
            self.on_happenings(Some(place), &mut happenings);
        }
        Ok(())
    }

    /// Does what is due by time. Called about once a second.
    pub(crate) fn tick(&mut self, now_ns: u64, wall_offset_ns: i64) {
        self.clock.sample(now_ns, wall_offset_ns);
        let mut expired = Vec::new();
        self.tracker.tick(now_ns, |place, happenings| {
            expired.push((place, std::mem::take(happenings)));
        });
        for (place, mut happenings) in expired {
            self.on_happenings(Some(place), &mut happenings);
        }
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
        EngineCounts {
            tracker: self.tracker.counts,
            uncorrelated: self.correlator.forgotten,
            connections: self.tracker.len() as u64,
            processes: self.processes.len() as u64,
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
                    trace,
                    ..
                } => self.on_request(place, at_ns, (id, thread), trace.as_ref()),
                Happening::Exchange { id, told } => self.on_exchange(place, id, &told),
            }
        }
    }

    fn on_request(
        &mut self,
        place: Place,
        now_ns: u64,
        (id, thread): (u32, u64),
        header: Option<&TraceContext>,
    ) {
        let pid = u32::try_from(thread >> 32).expect("32 bits");
        let process = self.processes.process(pid);
        if !self.is_target(&process, place) {
            return;
        }
        let mut fresh = Fresh {
            ids: &mut self.ids,
            wall_offset_ns: self.clock.offset_ns(now_ns),
        };
        let context = match place.side {
            Side::Server => self.correlator.server(thread, header, &mut fresh),
            Side::Client => self.correlator.client(thread, header, &mut fresh),
        };
        let open = OpenRequest {
            context,
            process,
            thread,
            side: place.side,
        };
        self.open.insert((place.cookie, id), open);
    }

    fn on_exchange(&mut self, place: Place, id: u32, told: &Told) {
        let Some(open) = self.open.remove(&(place.cookie, id)) else {
            return;
        };
        if open.side == Side::Server {
            self.correlator.finished(open.thread, open.context.span_id);
        }
        let (side, tuple) = (open.side, place.tuple.as_ref());
        let (process, context) = (&open.process, &open.context);
        match told {
            Told::Http(exchange) => {
                let when = span(context, exchange.started_ns, exchange.ended_ns);
                let facts = Facts::new(side, tuple, exchange);
                self.emitter
                    .exchange::<Http>(process, &facts, context, when);
            }
            Told::Database(exchange) => {
                let when = span(context, exchange.started_ns, exchange.ended_ns);
                let facts = DatabaseFacts::new(side, tuple, exchange);
                self.emitter
                    .exchange::<Database>(process, &facts, context, when);
            }
        }
        self.counts.exchanges += 1;
    }

    fn on_connect_failed(&mut self, failed: &EventConnectFailed) {
        if failed.tuple.family == AF_UNIX {
            return;
        }
        let process = self.processes.process(failed.tgid);
        let side = Side::Client;
        let place = Place {
            cookie: failed.cookie,
            side,
            tuple: Some(failed.tuple),
        };
        if !self.is_target(&process, place) {
            return;
        }
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

    fn is_target(&mut self, process: &Arc<Process>, place: Place) -> bool {
        let verdict = *self.verdicts.entry(process.serial).or_insert_with(|| {
            let verdict = self.targets.process(process);
            if verdict == Verdict::Ignore && !process.is_gone() {
                self.advice.ignore(process.pid);
            }
            verdict
        });
        match verdict {
            Verdict::Tap => true,
            Verdict::Ignore => false,
            Verdict::ByPort => {
                let port = service_port(place.side, place.tuple.as_ref());
                self.targets.taps(process, port)
            }
        }
    }
}

/// Puts an exchange on the wall clock.
fn span(context: &Context, started_ns: u64, ended_ns: u64) -> Span {
    let start_ns = started_ns.saturating_add_signed(context.wall_offset_ns);
    Span {
        start_ns,
        end_ns: start_ns + ended_ns.saturating_sub(started_ns),
    }
}
