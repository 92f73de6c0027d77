//! The two threads of the receiver: one empties the ring, one parses.
//!
//! They are plain threads because neither may ever wait for anything but its own input: the ring
//! must be emptied whatever the pipelines do, and parsing is pure work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tapline_ebpf::{Losses, Ring, clock};
use tapline_pdata::Batch;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{
    engine::Engine,
    live::Mailbox,
    own::OwnCounts,
    shard::{ShardReader, ShardWriter},
};

/// How often the ring is looked at: busy, and after a while without records. A 16 MiB ring takes
/// over 10,000 requests in either.
const BUSY_WAIT: Duration = Duration::from_millis(5);
const IDLE_WAIT: Duration = Duration::from_millis(20);
/// Empty looks before the longer wait.
const IDLE_AFTER: u32 = 100;
/// How often connections are checked for timeouts and the wall clock is asked.
const TICK_NS: u64 = 1_000_000_000;
/// Spans and log records are not held back past this size.
const FLUSH_BYTES: usize = 512 * 1024;

/// Empties the ring into the shard until `stop`.
pub(crate) fn empty_ring(mut ring: Ring, mut shard: ShardWriter, stop: &AtomicBool) {
    let mut empty_looks = 0;
    loop {
        // Read before looking, so that whatever was there at the stop is still taken.
        let last = stop.load(Ordering::Acquire);
        let mut any = false;
        while let Some(record) = ring.take() {
            shard.push(&record);
            any = true;
        }
        shard.flush();
        if last {
            return;
        }
        empty_looks = if any { 0 } else { empty_looks + 1 };
        ring.wait(if empty_looks < IDLE_AFTER {
            BUSY_WAIT
        } else {
            IDLE_WAIT
        });
    }
}

/// The parsing thread.
pub(crate) struct Parser {
    /// Does the work.
    pub(crate) engine: Engine,
    /// Takes its output; when it is full, the shard fills, and there loss is counted.
    pub(crate) batches: mpsc::Sender<Batch>,
    /// Loss counters of the kernel half.
    pub(crate) losses: Losses,
    /// Where other settings come from.
    pub(crate) mailbox: Arc<Mailbox>,
    /// Our own counters.
    pub(crate) own: Arc<OwnCounts>,
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
    /// Exchanges let go by then, and whether that is going on.
    shed: u64,
    is_shedding: bool,
}

impl Last {
    /// Says once that connections are let go, and once that they are taken back.
    fn watch_shedding(&mut self, shed: u64) {
        let is_shedding = shed > self.shed;
        if is_shedding && !self.is_shedding {
            warn!("more is captured than can be parsed: a share of the connections is let go");
        } else if self.is_shedding && !is_shedding {
            info!(exchanges = shed, "all connections are followed again");
        }
        self.shed = shed;
        self.is_shedding = is_shedding;
    }
}

impl Parser {
    /// Parses until the shard's writer is gone, then tells what is left.
    pub(crate) fn run(mut self, shard: &ShardReader) {
        let now_ns = clock::monotonic_ns();
        let mut last = Last {
            flush_ns: now_ns,
            tick_ns: now_ns,
            metrics_ns: now_ns,
            lost: 0,
            shed: 0,
            is_shedding: false,
        };
        while let Ok(chunk) = shard.next(self.flush_interval / 4) {
            if let Some(chunk) = chunk {
                for record in chunk.records() {
                    // A record that is not believed was counted by the engine.
                    let _ = self.engine.on_record(record);
                }
                shard.recycle(chunk);
                self.engine.advise();
            }
            if !self.on_time(&mut last) {
                return; // nobody takes our output any more
            }
        }
        self.flush();
        self.tell_metrics();
    }

    /// Does what is due. Returns whether there is still somebody to tell.
    fn on_time(&mut self, last: &mut Last) -> bool {
        if let Some(live) = self.mailbox.take() {
            self.engine.adjust(live);
        }
        let now_ns = clock::monotonic_ns();
        let due =
            |since: u64, interval: Duration| u128::from(now_ns - since) >= interval.as_nanos();
        if now_ns - last.tick_ns >= TICK_NS {
            last.tick_ns = now_ns;
            self.engine.tick(now_ns, clock::wall_offset_ns());
            let losses = self.losses.read();
            last.watch_shedding(losses.iter().map(|loss| loss.counters.shed).sum());
            let lost = self.own.update(&self.engine.counts(), &losses);
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
        self.own.update(&self.engine.counts(), &self.losses.read());
        let own = self.own.readings(self.start_wall_ns);
        let now_ns = clock::monotonic_ns();
        let batch = self.engine.take_metrics(&own, &self.host, now_ns);
        batch.is_none_or(|batch| self.batches.blocking_send(batch).is_ok())
    }
}
