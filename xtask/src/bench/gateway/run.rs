//! One measurement of one work, with a daemon and a sink of its own.

use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::load::{Arrived, Sent, finish};
use super::place::free_address;
use super::subject::Subject;
use super::work::{Addresses, Work};
use crate::bench::process;

/// After this long a daemon without work has nothing left to do.
const IDLE: Duration = Duration::from_millis(400);

/// What came of it.
pub(super) struct Measured {
    pub(super) sent: Sent,
    pub(super) arrived: Arrived,
    /// User and system time of the daemon, from before the load until everything had arrived.
    pub(super) cpu_ms: f64,
    pub(super) ready: Duration,
    pub(super) idle_kib: u64,
    pub(super) peak_kib: u64,
}

impl Measured {
    pub(super) fn cpu_s_per_million(&self) -> f64 {
        self.cpu_ms * 1e3 / to_f64(self.arrived.items)
    }

    pub(super) fn cpu_percent(&self) -> f64 {
        self.cpu_ms / 10.0 / self.sent.seconds
    }

    pub(super) fn bytes_per_span(&self) -> f64 {
        to_f64(self.arrived.bytes) / to_f64(self.arrived.items)
    }
}

/// Measures a work once.
pub(super) fn measure(bench: &Bench, work: &Work) -> Result<Measured> {
    let sink = bench.otlpload.sink(work.rate.is_some())?;
    let addresses = Addresses {
        grpc: free_address()?,
        http: free_address()?,
        sink: sink.address,
    };
    let target = work.target(&addresses);
    let config = bench
        .scratch
        .write("gateway.yaml", &work.config(&addresses))?;
    let subject = Subject::start(&bench.program, &config, &[addresses.grpc, addresses.http])?;
    process::pause(IDLE);
    let idle = subject.usage()?;
    let sent = finish(bench.otlpload.send(work, target, bench.seconds)?)?;
    let arrived = sink.settle(sent.ok_items)?;
    let used = subject.usage()?;
    let measured = Measured {
        sent,
        arrived,
        cpu_ms: used.cpu_ms - idle.cpu_ms,
        ready: subject.ready,
        idle_kib: idle.rss_kib,
        peak_kib: used.peak_kib,
    };
    subject.stop()?;
    Ok(measured)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody sends 2^53 of anything in a benchmark"
)]
pub(super) fn to_f64(count: u64) -> f64 {
    count as f64
}
