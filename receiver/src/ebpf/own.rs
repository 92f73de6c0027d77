//! The receiver's own counters: what it saw, what it lost, and why.
//!
//! They are told twice: to the daemon's own metrics, and as OTLP beside the metrics of the tapped
//! processes, so that loss reaches whatever backend there is.

use std::sync::{Arc, Mutex, atomic::Ordering};

use tapline_ebpf::Loss;
use tapline_pdata::write::Monotonic;
use tapline_pipeline::{Counter, Gauge, Meters};

use super::{emit::OwnReading, engine::EngineCounts, shard::ShardCounts};

/// Live counters of one receiver.
pub(crate) struct OwnCounts {
    /// Counted by the shard.
    pub(crate) shard: Arc<ShardCounts>,
    latest: Mutex<(EngineCounts, Vec<Loss>)>,
    meters: OwnMeters,
}

struct OwnMeters {
    received: Counter,
    exchanges: Counter,
    lost_ring: Counter,
    lost_shard: Counter,
    malformed: Counter,
    connections: Gauge,
    processes: Gauge,
}

impl OwnCounts {
    /// Registers the counters.
    pub(crate) fn new(meters: &Meters) -> Self {
        let lost = "Records that never reached a parser.";
        let meters = OwnMeters {
            received: meters.counter(
                "tapline_ebpf_events",
                "Records taken from the kernel's ring.",
                &[],
            ),
            exchanges: meters.counter("tapline_ebpf_exchanges", "Requests told.", &[]),
            lost_ring: meters.counter("tapline_ebpf_events_lost", lost, &[("reason", "ring_full")]),
            lost_shard: meters.counter(
                "tapline_ebpf_events_lost",
                lost,
                &[("reason", "shard_full")],
            ),
            malformed: meters.counter("tapline_ebpf_events_lost", lost, &[("reason", "malformed")]),
            connections: meters.gauge("tapline_ebpf_connections", "Connections followed.", &[]),
            processes: meters.gauge("tapline_ebpf_processes", "Processes remembered.", &[]),
        };
        Self {
            shard: Arc::default(),
            latest: Mutex::default(),
            meters,
        }
    }

    /// Takes the newest state of engine and kernel half. Returns how often something was lost that a
    /// connection may have said of itself.
    pub(crate) fn update(&self, engine: &EngineCounts, losses: &[Loss]) -> u64 {
        let raise = |counter: &Counter, to: u64| counter.add(to.saturating_sub(counter.get()));
        let ring: u64 = losses.iter().map(|loss| loss.counters.events).sum();
        raise(
            &self.meters.received,
            self.shard.received.load(Ordering::Relaxed),
        );
        raise(&self.meters.exchanges, engine.exchanges);
        raise(&self.meters.lost_ring, ring);
        raise(
            &self.meters.lost_shard,
            self.shard.dropped.load(Ordering::Relaxed),
        );
        raise(&self.meters.malformed, engine.malformed);
        self.meters
            .connections
            .set(engine.connections.cast_signed());
        self.meters.processes.set(engine.processes.cast_signed());
        let mut latest = self.latest.lock().expect("no holder panics");
        *latest = (*engine, losses.to_vec());
        ring + self.shard.dropped.load(Ordering::Relaxed) + engine.tracker.evicted
    }
}

/// Writes the counters as OTLP readings.
pub(crate) struct Readings {
    start_ns: u64,
}

type Point = (Vec<(&'static str, String)>, u64);

impl Readings {
    /// Counting began at `start_ns`, nanoseconds since 1970.
    pub(crate) fn new(start_ns: u64) -> Self {
        Self { start_ns }
    }

    /// Returns every reading as of the last update.
    pub(crate) fn of(&self, own: &OwnCounts) -> Vec<OwnReading> {
        let (engine, losses) = own.latest.lock().expect("no holder panics").clone();
        let received = own.shard.received.load(Ordering::Relaxed);
        let dropped = own.shard.dropped.load(Ordering::Relaxed);
        let reason = |reason: &str| vec![("reason", reason.to_owned())];
        let no_state = losses.iter().map(|loss| loss.counters.no_state).sum();
        let mut lost: Vec<Point> = vec![
            (reason("shard_full"), dropped),
            (reason("malformed"), engine.malformed),
            (reason("late"), engine.tracker.late),
            (reason("no_socket_storage"), no_state),
        ];
        lost.extend(losses.iter().map(|loss| {
            let mut attributes = reason("ring_full");
            attributes.push(("cpu.logical_number", loss.cpu.to_string()));
            (attributes, loss.counters.events)
        }));
        let payloads = losses
            .iter()
            .map(|loss| loss.counters.busy + loss.counters.unreadable);
        let plain = |value| vec![(Vec::new(), value)];
        vec![
            self.counter(
                "tapline.ebpf.events",
                "{event}",
                "Records from the kernel.",
                plain(received),
            ),
            self.counter(
                "tapline.ebpf.events.lost",
                "{event}",
                "Records that never reached a parser.",
                lost,
            ),
            self.counter(
                "tapline.ebpf.payloads.lost",
                "{event}",
                "Records that came without the bytes they are about.",
                plain(payloads.sum()),
            ),
            self.counter(
                "tapline.ebpf.stream.gap",
                "By",
                "Bytes that parsers had to go on without.",
                plain(engine.tracker.gaps),
            ),
            self.counter(
                "tapline.ebpf.connections.evicted",
                "{connection}",
                "Connections forgotten because there were too many.",
                plain(engine.tracker.evicted),
            ),
            self.counter(
                "tapline.ebpf.requests.uncorrelated",
                "{request}",
                "Server requests that correlation had no room for.",
                plain(engine.uncorrelated),
            ),
            self.counter(
                "tapline.ebpf.exchanges",
                "{request}",
                "Requests told.",
                plain(engine.exchanges),
            ),
            self.level(
                "tapline.ebpf.connections",
                "{connection}",
                "Connections followed.",
                engine.connections,
            ),
            self.level(
                "tapline.ebpf.processes",
                "{process}",
                "Processes remembered.",
                engine.processes,
            ),
        ]
    }

    fn counter(
        &self,
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        points: Vec<Point>,
    ) -> OwnReading {
        let start_ns = self.start_ns;
        OwnReading {
            name,
            description,
            unit,
            monotonic: Monotonic::Yes,
            points,
            start_ns,
        }
    }

    fn level(
        &self,
        name: &'static str,
        unit: &'static str,
        description: &'static str,
        value: u64,
    ) -> OwnReading {
        let points = vec![(Vec::new(), value)];
        OwnReading {
            monotonic: Monotonic::No,
            ..self.counter(name, unit, description, points)
        }
    }
}
