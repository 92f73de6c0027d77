//! The thread of the receiver: it empties the ring and parses what it finds, record by record.
//!
//! It is a plain thread because parsing is pure work. When the pipelines take nothing it waits for
//! them; then the ring fills, and the kernel half lets go of whole connections and counts them. It
//! also looks after what all of it costs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tapline_ebpf::{Loss, Losses, Ring, SilentSockets, clock};
use tapline_pdata::Batch;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{
    engine::Engine,
    governor::Governing,
    live::Mailbox,
    own::OwnCounts,
    shed_log::{Line, ShedLog},
};

/// How often the ring is looked at: busy, and after a while without records. A 16 MiB ring takes
/// over 10,000 requests in either.
const BUSY_WAIT: Duration = Duration::from_millis(5);
const IDLE_WAIT: Duration = Duration::from_millis(20);
/// Empty looks before the longer wait.
const IDLE_AFTER: u32 = 100;
/// Records after which the clock is looked at, and the kernel half is told what was found out.
const RECORDS_PER_LOOK: u32 = 512;
/// How often connections are checked for timeouts and the wall clock is asked.
const TICK_NS: u64 = 1_000_000_000;
/// A socket is silent after a second; then what it keeps back is asked for.
const UNTOLD_TICKS: u32 = 4;
/// Spans and log records are not held back past this size.
const FLUSH_BYTES: usize = 512 * 1024;

/// What the thread works with.
pub(crate) struct Parser {
    /// Does the work.
    pub(crate) engine: Engine,
    /// Takes its output; when it is full, the ring fills, and there loss is counted.
    pub(crate) batches: mpsc::Sender<Batch>,
    /// Loss counters of the kernel half.
    pub(crate) losses: Losses,
    /// Sockets of which it keeps something back.
    pub(crate) silent: SilentSockets,
    /// Where other settings come from.
    pub(crate) mailbox: Arc<Mailbox>,
    /// Our own counters.
    pub(crate) own: Arc<OwnCounts>,
    /// Says how much is told.
    pub(crate) governing: Governing,
    /// Since when our own counters count, nanoseconds since 1970.
    pub(crate) start_wall_ns: u64,
    /// `host.name`.
    pub(crate) host: String,
    /// How often metrics are told.
    pub(crate) metrics_interval: Duration,
    /// How long records wait for company.
    pub(crate) flush_interval: Duration,
}

/// When something was last done, monotonic nanoseconds.
struct Last {
    flush_ns: u64,
    tick_ns: u64,
    metrics_ns: u64,
    /// Records lost and connections forgotten by then.
    lost: u64,
    /// Exchanges let go by then.
    shed: ShedLog,
    /// Exchanges told by then that nobody could read, and for how many more ticks there may be
    /// sockets that told some of them and keep back others.
    streams: u64,
    untold_for: u32,
}

impl Last {
    fn now() -> Self {
        let now_ns = clock::monotonic_ns();
        Self {
            flush_ns: now_ns,
            tick_ns: now_ns,
            metrics_ns: now_ns,
            lost: 0,
            shed: ShedLog::default(),
            streams: 0,
            untold_for: 0,
        }
    }

    /// Whether there may be sockets that fell silent with something untold: what they keep back
    /// came within a moment of what they told.
    fn may_be_silent(&mut self, streams: u64) -> bool {
        if streams != self.streams {
            self.streams = streams;
            self.untold_for = UNTOLD_TICKS;
        }
        let may_be = self.untold_for > 0;
        self.untold_for = self.untold_for.saturating_sub(1);
        may_be
    }

    /// Says that exchanges are let go, and that they are not any more.
    fn watch_shedding(&mut self, losses: &[Loss], told: f64) {
        let shed = losses.iter().map(|loss| loss.counters.shed).sum();
        let governed = losses.iter().map(|loss| loss.counters.governed).sum();
        for line in self.shed.tick(shed, governed) {
            match line {
                Line::RingBegins => warn!(
                    "more is captured than can be parsed: a share of the connections is let go"
                ),
                Line::RingEnds(exchanges) => {
                    info!(exchanges, "all connections are followed again");
                }
                Line::GovernedBegins => warn!(
                    told,
                    "the machine has no CPU to spare: only a share of the exchanges is told, so \
                     that tapline takes no more than its cpu_share"
                ),
                Line::GovernedEnds(exchanges) => {
                    info!(exchanges, "no exchange is let go any more to save CPU");
                }
            }
        }
    }
}

impl Parser {
    /// Parses until `stop`, then tells what is left.
    pub(crate) fn run(mut self, mut ring: Ring, stop: &AtomicBool) {
        let mut last = Last::now();
        let mut empty_looks = 0;
        self.engine.sum_where_asked(self.silent.can_be_found());
        loop {
            // Read before looking, so that whatever was there at the stop is still taken.
            let is_last = stop.load(Ordering::Acquire);
            if is_last && let Err(error) = self.silent.tell_all() {
                warn!(%error, "what sockets kept back stays untold");
            }
            let taken = self.empty(&mut ring, &mut last);
            let Some(taken) = taken.filter(|_| self.on_time(&mut last)) else {
                return; // nobody takes our output any more
            };
            if is_last {
                break;
            }
            empty_looks = if taken > 0 { 0 } else { empty_looks + 1 };
            ring.wait(if empty_looks < IDLE_AFTER {
                BUSY_WAIT
            } else {
                IDLE_WAIT
            });
        }
        self.flush();
        self.tell_metrics();
    }

    /// Takes all records that are there; returns how many, or nothing when there is nobody to tell.
    fn empty(&mut self, ring: &mut Ring, last: &mut Last) -> Option<u32> {
        let mut taken = 0_u32;
        while let Some(record) = ring.take() {
            // A record that is not believed was counted by the engine.
            let _ = self.engine.on_record(record);
            taken = taken.wrapping_add(1);
            // A busy ring is never empty.
            if taken.is_multiple_of(RECORDS_PER_LOOK) {
                self.engine.advise();
                if !self.on_time(last) {
                    return None;
                }
            }
        }
        self.engine.advise();
        Some(taken)
    }

    /// Does what is due. Returns whether there is still somebody to tell.
    fn on_time(&mut self, last: &mut Last) -> bool {
        if let Some(live) = self.mailbox.take() {
            self.engine.adjust(live);
        }
        let now_ns = clock::monotonic_ns();
        self.governing.look(now_ns);
        let due =
            |since: u64, interval: Duration| u128::from(now_ns - since) >= interval.as_nanos();
        if now_ns - last.tick_ns >= TICK_NS {
            last.tick_ns = now_ns;
            self.engine.tick(now_ns, clock::wall_offset_ns());
            let losses = self.losses.read();
            let seen = self.governing.seen();
            last.watch_shedding(&losses, seen.map_or(1.0, |seen| seen.told));
            let counts = self.engine.counts();
            if last.may_be_silent(counts.stream_exchanges) && self.silent.tell().is_err() {
                last.untold_for = 0; // they tell when they go on, or end
            }
            let lost = self.own.update(&counts, &losses, seen);
            if lost > last.lost {
                last.lost = lost;
                self.engine.records_were_lost();
            }
        }
        if due(last.flush_ns, self.flush_interval) || self.engine.pending_bytes() > FLUSH_BYTES {
            last.flush_ns = now_ns;
            if !self.flush() {
                return false;
            }
        }
        if due(last.metrics_ns, self.metrics_interval) {
            last.metrics_ns = now_ns;
            return self.tell_metrics();
        }
        true
    }

    fn flush(&mut self) -> bool {
        let batches: Vec<Batch> = self.engine.take_records().collect();
        batches
            .into_iter()
            .all(|batch| self.batches.blocking_send(batch).is_ok())
    }

    fn tell_metrics(&mut self) -> bool {
        let (counts, losses) = (self.engine.counts(), self.losses.read());
        self.own.update(&counts, &losses, self.governing.seen());
        let own = self.own.readings(self.start_wall_ns);
        let now_ns = clock::monotonic_ns();
        let batch = self.engine.take_metrics(&own, &self.host, now_ns);
        batch.is_none_or(|batch| self.batches.blocking_send(batch).is_ok())
    }
}
