//! Sends own log records to a backend: `service: telemetry: logs: processors:`.
//!
//! A record is written as OTLP where it happens and waits in a bounded queue; what finds no place
//! is lost and counted. Lines are written all the same: this is for looking at many processes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use serde_json::Value;
use tapline_pdata::{
    Signal,
    write::{Attributes, LogHead, Scope, log_record, resource, resource_block},
};
use tapline_pipeline::{Outage, Stop};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tracing::Level;

use super::{config::BatchConfig, line::Line};
use crate::telemetry::{Resource, otlp::LogSender};

const SCOPE: Scope<'static> = Scope {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};
/// How long sending what is left may take when tapline stops.
const LAST_TIME_MAX: Duration = Duration::from_secs(5);

/// Where records are put; the other end is a [`Shipment`].
#[derive(Debug)]
pub(super) struct Ship {
    queue: mpsc::Sender<Vec<u8>>,
    lost: Arc<AtomicU64>,
}

/// Takes records and sends them. Does nothing before [`Shipment::run`].
#[derive(Debug)]
pub(super) struct Shipment {
    queue: mpsc::Receiver<Vec<u8>>,
    lost: Arc<AtomicU64>,
    sender: LogSender,
    resource: Vec<u8>,
    delay: Duration,
    time_max: Duration,
    batch_max: usize,
}

/// Makes both ends. Reads certificate files; needs no runtime.
pub(super) fn ship(config: &BatchConfig, sender: LogSender, from: &Resource) -> (Ship, Shipment) {
    let (put, take) = mpsc::channel(config.max_queue_size);
    let lost = Arc::<AtomicU64>::default();
    let ship = Ship {
        queue: put,
        lost: Arc::clone(&lost),
    };
    let shipment = Shipment {
        queue: take,
        lost,
        sender,
        resource: resource(|attributes| write_all(attributes, from)),
        delay: Duration::from_millis(config.schedule_delay),
        time_max: Duration::from_millis(config.export_timeout),
        batch_max: config.max_export_batch_size,
    };
    (ship, shipment)
}

fn write_all(attributes: &mut Attributes<'_>, from: &Resource) {
    for (name, value) in from.iter() {
        attributes.str(name, &value.as_str());
    }
}

impl Ship {
    #[cfg(test)]
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Puts a record into the queue, or counts it as lost.
    pub(super) fn put(&self, line: &Line, now: SystemTime) {
        if self.queue.try_send(record(line, now)).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }
}

fn record(line: &Line, now: SystemTime) -> Vec<u8> {
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let nanos = u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX);
    let (severity_number, severity_text) = match line.level() {
        Level::ERROR => (17, "error"),
        Level::WARN => (13, "warn"),
        Level::INFO => (9, "info"),
        Level::DEBUG | Level::TRACE => (5, "debug"),
    };
    let head = LogHead {
        time_ns: nanos,
        observed_ns: nanos,
        severity_number,
        severity_text,
        body: line.message(),
        event_name: "",
        trace: None,
        flags: 0,
    };
    let mut out = Vec::new();
    log_record(&mut out, &head, |attributes| {
        for (name, value) in line.fields() {
            attribute(attributes, name, value);
        }
    });
    out
}

fn attribute(attributes: &mut Attributes<'_>, name: &str, value: &Value) {
    match value {
        Value::String(text) => attributes.str(name, text),
        Value::Bool(truth) => attributes.bool(name, *truth),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => attributes.int(name, int),
            (None, Some(double)) => attributes.double(name, double),
            (None, None) => attributes.str(name, &number.to_string()),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => {
            attributes.str(name, &value.to_string())
        }
    };
}

impl Shipment {
    /// Sends until `stop`, and then what is left.
    pub(super) async fn run(mut self, stop: Stop) {
        let mut outage = Outage::default();
        let mut records = Vec::new();
        loop {
            // Both are cancel-safe: what was taken is in `records`.
            tokio::select! {
                taken = self.queue.recv_many(&mut records, self.batch_max) => {
                    if taken == 0 {
                        return;
                    }
                }
                () = stop.requested() => break,
            }
            self.fill(&mut records, &stop).await;
            self.send(&mut records, self.time_max, &mut outage).await;
        }
        let until = Instant::now() + LAST_TIME_MAX;
        loop {
            while records.len() < self.batch_max {
                let Ok(record) = self.queue.try_recv() else {
                    break;
                };
                records.push(record);
            }
            let left = until.saturating_duration_since(Instant::now());
            if records.is_empty() || left.is_zero() {
                return;
            }
            self.send(&mut records, left.min(self.time_max), &mut outage)
                .await;
        }
    }

    /// Waits for more records, until there are enough or the first has waited long enough.
    async fn fill(&mut self, records: &mut Vec<Vec<u8>>, stop: &Stop) {
        let due = sleep(self.delay);
        tokio::pin!(due);
        while records.len() < self.batch_max {
            let room = self.batch_max - records.len();
            // All three are cancel-safe.
            tokio::select! {
                taken = self.queue.recv_many(records, room) => {
                    if taken == 0 {
                        return;
                    }
                }
                () = &mut due => return,
                () = stop.requested() => return,
            }
        }
    }

    async fn send(&self, records: &mut Vec<Vec<u8>>, time_max: Duration, outage: &mut Outage) {
        let count = records.len() as u64;
        let mut request = Vec::new();
        let whole = records.concat();
        records.clear();
        resource_block(&mut request, Signal::Logs, &self.resource, &SCOPE, &whole);
        let sent = match timeout(time_max, self.sender.send(Bytes::from(request))).await {
            Ok(sent) => sent,
            Err(_elapsed) => Err(format!("no answer within {time_max:?}")),
        };
        match sent {
            Ok(()) => {
                let lost_records = self.lost.swap(0, Relaxed);
                if outage.succeeded(Instant::now()).is_some() || lost_records > 0 {
                    tracing::info!(lost_records, "own logs are sent again");
                }
            }
            Err(error) => {
                self.lost.fetch_add(count, Relaxed);
                if outage.failed(Instant::now()) {
                    tracing::warn!(error, "cannot send own logs");
                }
            }
        }
    }
}
