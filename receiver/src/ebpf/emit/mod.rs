//! Turns finished exchanges into OTLP bytes: spans at once, durations on a timer, failed connects
//! as log records. What they look like is in tables; nothing here knows an attribute's name.

mod connect_failed;
mod counter;
mod database_facts;
mod database_table;
mod dns_table;
mod ends;
mod facts;
mod genai_table;
mod histogram;
mod http_table;
mod measurement;
mod messaging_facts;
mod messaging_table;
mod own_metrics;
mod rpc_facts;
mod rpc_table;
mod status;
mod stream_facts;
mod stream_io;
mod stream_table;
mod table;
mod websocket_table;

use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tapline_ebpf::abi::EventSum;
use tapline_pdata::{Batch, Signal, write};

pub(crate) use connect_failed::ConnectFailed;
pub(crate) use database_facts::DatabaseFacts;
pub(crate) use database_table::Database;
pub(crate) use dns_table::{Dns, DnsFacts};
pub(crate) use facts::{Facts, Names, Side, service_port};
pub(crate) use genai_table::{GenAi, GenAiFacts};
pub(crate) use histogram::SERIES_PER_METRIC;
pub(crate) use http_table::Http;
pub(crate) use messaging_facts::MessagingFacts;
pub(crate) use messaging_table::Messaging;
pub(crate) use own_metrics::OwnReading;
pub(crate) use rpc_facts::RpcFacts;
pub(crate) use rpc_table::Rpc;
pub(crate) use stream_facts::StreamFacts;
pub(crate) use stream_io::Service;
pub(crate) use stream_table::Stream;

pub(crate) use websocket_table::{WebSocket, WebSocketFacts};

use self::{
    histogram::{ProcessMetrics, SeriesBudget},
    measurement::{Measured, Measurement, Summed},
    table::{HistogramView, Subject},
};
use super::{
    correlate::{Context, ParentSource},
    process::Process,
    routes::IgnoreMode,
    targets::Told,
    weight::Weight,
};

/// The instrumentation scope of everything the receiver makes.
const SCOPE: write::Scope<'static> = write::Scope {
    name: "tapline.receiver.ebpf",
    version: env!("CARGO_PKG_VERSION"),
};

/// OTLP span flags above the W3C byte: whether it is known that the parent is remote, and whether
/// it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// Finished exchanges and failed connects, as records per process, until taken.
#[derive(Default)]
pub(crate) struct Emitter {
    traces: Pending,
    logs: Pending,
    metrics: FxHashMap<u64, ProcessMetrics>,
    series: SeriesBudget,
    key: Vec<u8>,
}

/// Framed records of one signal by process.
#[derive(Default)]
struct Pending {
    records: FxHashMap<u64, (Arc<Process>, Vec<u8>)>,
    size_bytes: usize,
    items: u32,
}

/// When an exchange happened on the wall clock, nanoseconds since 1970, and for how many it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// First byte of the request.
    pub(crate) start_ns: u64,
    /// Last byte of the response, or when it was known that there is none.
    pub(crate) end_ns: u64,
    /// More than one while others are let go.
    pub(crate) weight: Weight,
}

impl Emitter {
    /// Bounds the series of each metric of each process.
    pub(crate) fn set_series_max(&mut self, series_max: usize) {
        self.series.per_metric_max = series_max;
    }

    /// Returns how many series there are, and how many measurements went to an overflow series.
    pub(crate) fn series(&self) -> (usize, u64) {
        (self.series.used, self.series.overflowed)
    }

    /// Takes one finished exchange of any protocol; tells it in all signals but those left out.
    pub(crate) fn exchange<S: Subject>(
        &mut self,
        process: &Arc<Process>,
        facts: &S::Facts<'_>,
        (context, when): (&Context, Span),
        ignored: Option<IgnoreMode>,
    ) {
        let is_span = !matches!(ignored, Some(IgnoreMode::All | IgnoreMode::Traces));
        let is_measured = !matches!(ignored, Some(IgnoreMode::All | IgnoreMode::Metrics));
        if is_span && process.exports(Told::Traces) {
            self.span::<S>(process, facts, context, when);
        }
        if is_measured && process.exports(Told::Metrics) {
            self.duration::<S>(process, facts, context, when);
            self.count::<S>(process, facts, when);
            for (view, amount) in S::amounts(facts).into_iter().flatten() {
                self.once::<S>(process, facts, view, (amount, Some(context), when));
            }
        }
    }

    fn span<S: Subject>(
        &mut self,
        process: &Arc<Process>,
        facts: &S::Facts<'_>,
        context: &Context,
        when: Span,
    ) {
        let table = S::table(facts);
        self.traces.add(process, |out| {
            write::span(out, &span_head::<S>(facts, context, when), |attributes| {
                table::write(table.rows, facts, attributes);
                S::more(facts, attributes);
                if let Some(weight) = when.weight.told() {
                    attributes.double("tapline.exchange.weight", weight);
                }
                match context.parent_source {
                    ParentSource::Header => attributes.str("tapline.parent.source", "header"),
                    ParentSource::Thread => attributes.str("tapline.parent.source", "thread"),
                    ParentSource::None => attributes,
                };
            });
        });
    }

    fn duration<S: Subject>(
        &mut self,
        process: &Arc<Process>,
        facts: &S::Facts<'_>,
        context: &Context,
        when: Span,
    ) {
        let view = S::table(facts).duration.as_ref();
        self.measure::<S>(process, facts, view, Some(context), when);
    }

    fn count<S: Subject>(&mut self, process: &Arc<Process>, facts: &S::Facts<'_>, when: Span) {
        if let Some(view) = S::counter(facts) {
            let metrics = self.metrics.entry(process.serial);
            let metrics = metrics.or_insert_with(|| ProcessMetrics::new(Arc::clone(process)));
            let scratch = (&mut self.key, &mut self.series);
            metrics.count(view, facts, when, scratch);
        }
    }

    /// Takes the duration of something, and where a trace shows it, if one does.
    fn measure<S: Subject>(
        &mut self,
        process: &Arc<Process>,
        facts: &S::Facts<'_>,
        view: Option<&'static HistogramView<S>>,
        context: Option<&Context>,
        when: Span,
    ) {
        let Some(view) = view.filter(|_| process.exports(Told::Metrics)) else {
            return;
        };
        let lasted_ns = when.end_ns.saturating_sub(when.start_ns);
        #[expect(
            clippy::cast_precision_loss,
            reason = "53 bits of nanoseconds are 104 days"
        )]
        let seconds = lasted_ns as f64 / 1e9;
        self.once::<S>(process, facts, view, (seconds, context, when));
    }

    /// Takes a measurement of an exchange.
    fn once<S: Subject>(
        &mut self,
        process: &Arc<Process>,
        facts: &S::Facts<'_>,
        view: &'static HistogramView<S>,
        (value, context, when): (f64, Option<&Context>, Span),
    ) {
        let measurement = Measurement {
            lasted_ns: when.end_ns.saturating_sub(when.start_ns),
            value,
            time_ns: when.end_ns,
            weight: when.weight,
            shown: context.map(|context| (context.trace_id, context.span_id)),
        };
        self.record(process, facts, view, Measured::Once(measurement));
    }

    fn record<S: Subject>(
        &mut self,
        process: &Arc<Process>,
        facts: &S::Facts<'_>,
        view: &'static HistogramView<S>,
        measured: Measured,
    ) {
        let metrics = self.metrics.entry(process.serial);
        let metrics = metrics.or_insert_with(|| ProcessMetrics::new(Arc::clone(process)));
        let scratch = (&mut self.key, &mut self.series);
        metrics.record(view, facts, measured, scratch);
    }

    /// Takes exchanges that the kernel half summed; the last ended at `time_ns` since 1970.
    pub(crate) fn exchanges_summed(
        &mut self,
        process: &Arc<Process>,
        facts: &StreamFacts<'_>,
        sum: &EventSum,
        time_ns: u64,
    ) {
        let view = Stream::table(facts).duration.as_ref();
        if let Some(view) = view.filter(|_| process.exports(Told::Metrics)) {
            let summed = Measured::Often(Summed::new(sum, time_ns));
            self.record(process, facts, view, summed);
        }
    }

    /// Takes one exchange of which only the duration is to be told.
    pub(crate) fn exchange_unseen<S: Subject>(
        &mut self,
        process: &Arc<Process>,
        facts: &S::Facts<'_>,
        when: Span,
    ) {
        self.measure::<S>(
            process,
            facts,
            S::table(facts).duration.as_ref(),
            None,
            when,
        );
    }

    /// Takes one TLS handshake.
    pub(crate) fn handshake(
        &mut self,
        process: &Arc<Process>,
        facts: &StreamFacts<'_>,
        when: Span,
    ) {
        self.measure::<Stream>(process, facts, Some(&stream_table::HANDSHAKE), None, when);
    }

    /// Takes bytes that moved unread.
    pub(crate) fn stream_io(
        &mut self,
        process: &Arc<Process>,
        service: Service,
        (sent, received): (u64, u64),
        now_ns: u64,
    ) {
        let metrics = self.metrics.entry(process.serial);
        let metrics = metrics.or_insert_with(|| ProcessMetrics::new(Arc::clone(process)));
        if process.exports(Told::Metrics) {
            metrics.io.add(service, sent, received, now_ns);
        }
    }

    /// Takes one failed connect.
    pub(crate) fn connect_failed(&mut self, process: &Arc<Process>, failed: &ConnectFailed<'_>) {
        if process.exports(Told::Logs) {
            self.logs.add(process, |out| failed.write(out));
        }
    }

    /// Returns how many bytes of spans and logs wait to be taken.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.traces.size_bytes + self.logs.size_bytes
    }

    /// Takes the spans and logs that wait.
    pub(crate) fn take_records(&mut self) -> impl Iterator<Item = Batch> + use<> {
        let batches = [
            self.traces.take(Signal::Traces),
            self.logs.take(Signal::Logs),
        ];
        batches.into_iter().flatten()
    }

    /// Takes the state of all metrics, ours included, as of `now_ns` since 1970.
    pub(crate) fn take_metrics(
        &mut self,
        own: &[OwnReading],
        host: &str,
        now_ns: u64,
    ) -> Option<Batch> {
        let mut out = Vec::new();
        let mut points = own_metrics::write(&mut out, own, host, now_ns);
        let mut records = Vec::new();
        for metrics in self.metrics.values() {
            records.clear();
            points += metrics.write(&mut records, now_ns);
            let resource = &metrics.process.resource;
            write::resource_block(&mut out, Signal::Metrics, resource, &SCOPE, &records);
        }
        // A process that is gone was told once more just now.
        let gone = self
            .metrics
            .extract_if(|_, metrics| metrics.process.is_gone());
        self.series.used -= gone.map(|(_, metrics)| metrics.len()).sum::<usize>();
        (points > 0).then(|| Batch::written(Signal::Metrics, Bytes::from(out), points))
    }
}

impl Pending {
    fn add(&mut self, process: &Arc<Process>, write: impl FnOnce(&mut Vec<u8>)) {
        let entry = self.records.entry(process.serial);
        let (_, records) = entry.or_insert_with(|| (Arc::clone(process), Vec::new()));
        let before = records.len();
        write(records);
        self.size_bytes += records.len() - before;
        self.items += 1;
    }

    fn take(&mut self, signal: Signal) -> Option<Batch> {
        if self.items == 0 {
            return None;
        }
        let mut out = Vec::with_capacity(self.size_bytes + 1024 * self.records.len());
        // Buffers are kept for processes that go on; whoever said nothing meanwhile is let go.
        self.records.retain(|_, (_, records)| !records.is_empty());
        for (process, records) in self.records.values_mut() {
            write::resource_block(&mut out, signal, &process.resource, &SCOPE, records);
            records.clear();
        }
        let items = std::mem::take(&mut self.items);
        self.size_bytes = 0;
        Some(Batch::written(signal, Bytes::from(out), items))
    }
}

fn span_head<'f, S: Subject>(
    facts: &'f S::Facts<'_>,
    context: &'f Context,
    when: Span,
) -> write::SpanHead<'f> {
    let parent = match context.parent_source {
        ParentSource::Header => HAS_IS_REMOTE | IS_REMOTE,
        ParentSource::Thread => HAS_IS_REMOTE,
        ParentSource::None => 0,
    };
    write::SpanHead {
        trace_id: context.trace_id,
        span_id: context.span_id,
        parent_span_id: context.parent_span_id,
        trace_state: &context.state,
        flags: u32::from(context.flags) | parent,
        name: S::span_name(facts),
        kind: S::table(facts).kind,
        start_ns: when.start_ns,
        end_ns: when.end_ns,
        status: S::status(facts),
    }
}
