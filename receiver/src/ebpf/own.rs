//! The receiver's own counters: what it saw, what it lost, and why.
//!
//! They are told as OTLP beside the metrics of the tapped processes, so that loss reaches whatever
//! backend there is.

use std::sync::{Arc, Mutex, atomic::Ordering};

use tapline_ebpf::{Loss, abi::LossCounters};
use tapline_pdata::write::{Monotonic, Number};

use super::{emit::OwnReading, engine::EngineCounts, governor::Seen, tls::WatchCounts};

/// Live counters of one receiver.
#[derive(Default)]
pub(crate) struct OwnCounts {
    /// Counted by the watch over TLS libraries.
    pub(crate) tls: Arc<WatchCounts>,
    latest: Mutex<(EngineCounts, Vec<Loss>, Option<Seen>)>,
}

impl OwnCounts {
    /// Begins at zero, but for what is counted elsewhere.
    pub(crate) fn new(tls: Arc<WatchCounts>) -> Self {
        Self {
            tls,
            ..Self::default()
        }
    }

    /// Takes the newest state of engine and kernel half. Returns how often something was lost that
    /// a connection may have said of itself.
    pub(crate) fn update(
        &self,
        engine: &EngineCounts,
        losses: &[Loss],
        governed: Option<Seen>,
    ) -> u64 {
        let ring: u64 = losses.iter().map(|loss| loss.counters.events).sum();
        let mut latest = self.latest.lock().expect("no holder panics");
        *latest = (*engine, losses.to_vec(), governed);
        ring + engine.tracker.evicted
    }
}

type Point = (Vec<(&'static str, String)>, Number);

/// What the counters were at one moment.
struct State {
    engine: EngineCounts,
    losses: Vec<Loss>,
    governed: Option<Seen>,
    tls_files: u64,
    tls_failed: u64,
    tls_refused: u64,
}

/// One metric about ourselves.
struct Row {
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    monotonic: Monotonic,
    points: fn(&State) -> Vec<Point>,
}

const ROWS: [Row; 28] = [
    counter(
        "tapline.ebpf.events",
        "{event}",
        "Records from the kernel.",
        |state| one(state.engine.records),
    ),
    counter(
        "tapline.ebpf.events.lost",
        "{event}",
        "Records that never reached a parser.",
        lost_events,
    ),
    counter(
        "tapline.ebpf.payloads.lost",
        "{event}",
        "Records that came without the bytes they are about.",
        |state| {
            let lost = |loss: &Loss| loss.counters.busy + loss.counters.unreadable;
            one(state.losses.iter().map(lost).sum())
        },
    ),
    counter(
        "tapline.ebpf.stream.gap",
        "By",
        "Bytes that parsers had to go on without.",
        |state| one(state.engine.tracker.gaps),
    ),
    counter(
        "tapline.ebpf.connections.evicted",
        "{connection}",
        "Connections forgotten because there were too many.",
        |state| one(state.engine.tracker.evicted),
    ),
    counter(
        "tapline.ebpf.requests.uncorrelated",
        "{request}",
        "Server requests that correlation had no room for.",
        |state| one(state.engine.uncorrelated),
    ),
    counter(
        "tapline.ebpf.trace_headers.malformed",
        "{context}",
        "Contexts in headers of requests that were malformed, and not used.",
        |state| one(state.engine.contexts.malformed),
    ),
    counter(
        "tapline.ebpf.trace_headers.contradictory",
        "{request}",
        "Requests whose headers name different traces.",
        |state| one(state.engine.contexts.contradictory),
    ),
    counter(
        "tapline.ebpf.exchanges",
        "{request}",
        "Requests told.",
        |state| one(state.engine.exchanges),
    ),
    counter(
        "tapline.ebpf.exchanges.lost",
        "{request}",
        "Requests of which something is missing, counted by the kernel half.",
        lost_exchanges,
    ),
    counter(
        "tapline.ebpf.stream.exchanges",
        "{request}",
        "Requests that nobody could read.",
        |state| one(state.engine.stream_exchanges),
    ),
    counter(
        "tapline.ebpf.connections.shed",
        "{connection}",
        "Times a connection was let go for a while.",
        |state| one(sum(state, |loss| loss.shed_connections)),
    ),
    counter(
        "tapline.ebpf.connections.started_over",
        "{connection}",
        "Connections that lost unfinished messages because all together held too many bytes.",
        |state| one(state.engine.tracker.started_over),
    ),
    counter(
        "tapline.ebpf.routes.overflowed",
        "{request}",
        "Requests whose route had no room: they have the route `/**`.",
        |state| one(state.engine.routes_overflowed),
    ),
    counter(
        "tapline.ebpf.metric.overflowed",
        "{measurement}",
        "Measurements in series with `otel.metric.overflow`.",
        |state| one(state.engine.series_overflowed),
    ),
    level(
        "tapline.ebpf.buffered",
        "By",
        "Bytes of unfinished messages held.",
        |state| one(state.engine.buffered_bytes),
    ),
    level(
        "tapline.ebpf.routes",
        "{route}",
        "Routes learned.",
        |state| one(state.engine.routes),
    ),
    level(
        "tapline.ebpf.metric.series",
        "{series}",
        "Attribute sets of metrics of tapped processes.",
        |state| one(state.engine.series),
    ),
    level(
        "tapline.ebpf.connections",
        "{connection}",
        "Connections followed.",
        |state| one(state.engine.connections),
    ),
    level(
        "tapline.ebpf.tls.files",
        "{file}",
        "Files with a TLS library that are probed.",
        |state| one(state.tls_files),
    ),
    counter(
        "tapline.ebpf.tls.files.left_alone",
        "{file}",
        "Files with a TLS library that are not probed.",
        |state| {
            let because = |reason: &str| vec![("reason", reason.to_owned())];
            vec![
                (because("refused_by_kernel"), int(state.tls_failed)),
                (because("not_safe"), int(state.tls_refused)),
            ]
        },
    ),
    level(
        "tapline.ebpf.tls.connections",
        "{connection}",
        "Connections whose plaintext is read.",
        |state| one(state.engine.tls.bound),
    ),
    counter(
        "tapline.ebpf.tls.unbound",
        "By",
        "Plaintext whose connection was not found.",
        |state| one(state.engine.tls.unbound),
    ),
    counter(
        "tapline.ebpf.tls.ambiguous",
        "{occurrence}",
        "Times that plaintext would have fitted two connections.",
        |state| one(state.engine.tls.ambiguous),
    ),
    level(
        "tapline.ebpf.governor.told",
        "1",
        "Share of the exchanges that the governor lets be told.",
        |state| governed(state, |seen| seen.told),
    ),
    level(
        "tapline.ebpf.governor.cpu.own",
        "1",
        "Share of all CPUs that tapline takes, as the governor sees it.",
        |state| governed(state, |seen| seen.own),
    ),
    level(
        "tapline.ebpf.governor.cpu.idle",
        "1",
        "Share of all CPUs that nobody takes, as the governor sees it.",
        |state| governed(state, |seen| seen.idle),
    ),
    level(
        "tapline.ebpf.processes",
        "{process}",
        "Processes remembered.",
        |state| one(state.engine.processes),
    ),
];

const fn counter(
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    points: fn(&State) -> Vec<Point>,
) -> Row {
    let monotonic = Monotonic::Yes;
    Row {
        name,
        unit,
        description,
        monotonic,
        points,
    }
}

const fn level(
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    points: fn(&State) -> Vec<Point>,
) -> Row {
    let monotonic = Monotonic::No;
    Row {
        name,
        unit,
        description,
        monotonic,
        points,
    }
}

fn sum(state: &State, counter: fn(&LossCounters) -> u64) -> u64 {
    let counters = state.losses.iter().map(|loss| counter(&loss.counters));
    counters.sum()
}

fn lost_exchanges(state: &State) -> Vec<Point> {
    let because = |reason: &str| vec![("reason", reason.to_owned())];
    let shed = sum(state, |loss| loss.shed);
    let governed = sum(state, |loss| loss.governed);
    let all = sum(state, |loss| loss.exchanges);
    vec![
        (because("shed"), int(shed.saturating_sub(governed))),
        (because("governed"), int(governed)),
        (because("lost"), int(all.saturating_sub(shed))),
    ]
}

/// Nothing while there is no governor.
fn governed(state: &State, share: fn(&Seen) -> f64) -> Vec<Point> {
    let shares = state.governed.iter().map(share);
    shares
        .map(|share| (Vec::new(), Number::Double(share)))
        .collect()
}

fn int(value: u64) -> Number {
    Number::Int(value.cast_signed())
}

fn one(value: u64) -> Vec<Point> {
    vec![(Vec::new(), int(value))]
}

fn lost_events(state: &State) -> Vec<Point> {
    let because = |reason: &str| vec![("reason", reason.to_owned())];
    let no_state = state.losses.iter().map(|loss| loss.counters.no_state);
    let mut points = vec![
        (because("malformed"), int(state.engine.malformed)),
        (because("late"), int(state.engine.tracker.late)),
        (because("no_socket_storage"), int(no_state.sum())),
    ];
    points.extend(state.losses.iter().map(|loss| {
        let mut attributes = because("ring_full");
        attributes.push(("cpu.logical_number", loss.cpu.to_string()));
        (attributes, int(loss.counters.events))
    }));
    points
}

impl OwnCounts {
    /// Returns every metric as of the last update; counting began at `start_ns` since 1970.
    pub(crate) fn readings(&self, start_ns: u64) -> Vec<OwnReading> {
        let (engine, losses, governed) = self.latest.lock().expect("no holder panics").clone();
        let state = State {
            engine,
            losses,
            governed,
            tls_files: self.tls.files.load(Ordering::Relaxed),
            tls_failed: self.tls.failed.load(Ordering::Relaxed),
            tls_refused: self.tls.refused.load(Ordering::Relaxed),
        };
        let reading = |row: &Row| OwnReading {
            name: row.name,
            description: row.description,
            unit: row.unit,
            monotonic: row.monotonic,
            points: (row.points)(&state),
            start_ns,
        };
        ROWS.iter().map(reading).collect()
    }
}
