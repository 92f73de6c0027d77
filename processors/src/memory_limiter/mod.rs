//! `memory_limiter`: refuses data, retryably, while the process uses too much memory.
//!
//! It looks at the resident memory of the process at every check interval. There is no garbage to
//! collect, so the settings about that are accepted and ignored. It holds no data itself.

mod memory;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use tapline_config::{Invalid, Validate};
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{
    BuildContext, Consumer, Counter, Fault, Meters, Refusal, Stage, Stop, Work,
    meter::names::{Metric, per_signal},
};
use tokio::time::MissedTickBehavior;

use crate::names;

/// What the user wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often to look.
    pub check_interval: tapline_config::Duration,
    /// The hard limit, in MiB; goes before the percentage.
    pub limit_mib: u32,
    /// How far below the hard limit to begin refusing; a fifth of it when zero.
    pub spike_limit_mib: u32,
    /// The hard limit, in percent of the memory of this machine or container.
    pub limit_percentage: u32,
    /// How far below the hard limit to begin refusing; a fifth of it when zero.
    pub spike_limit_percentage: u32,
    /// Ignored: nothing collects garbage.
    pub min_gc_interval_when_soft_limited: tapline_config::Duration,
    /// Ignored: nothing collects garbage.
    pub min_gc_interval_when_hard_limited: tapline_config::Duration,
    /// Ignored: nothing collects garbage.
    pub max_gc_interval_when_soft_limited: tapline_config::Duration,
    /// Ignored: nothing collects garbage.
    pub max_gc_interval_when_hard_limited: tapline_config::Duration,
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        let mut require = |holds: bool, path: &str, message: &str| {
            if !holds {
                invalid.push(Invalid::at(path, message));
            }
        };
        let Self {
            limit_mib,
            spike_limit_mib,
            limit_percentage,
            spike_limit_percentage,
            ..
        } = *self;
        let within = "must be greater than zero and less than or equal to hundred";
        require(
            !self.check_interval.is_zero(),
            "check_interval",
            "must be greater than zero",
        );
        let limited = limit_mib > 0 || limit_percentage > 0;
        require(
            limited,
            "",
            "'limit_mib' or 'limit_percentage' must be greater than zero",
        );
        require(limit_percentage <= 100, "limit_percentage", within);
        require(
            spike_limit_percentage <= 100,
            "spike_limit_percentage",
            within,
        );
        let fits = limit_mib == 0 || spike_limit_mib < limit_mib;
        require(fits, "spike_limit_mib", "must be smaller than 'limit_mib'");
        let fits = limit_percentage == 0 || spike_limit_percentage < limit_percentage;
        require(
            fits,
            "spike_limit_percentage",
            "must be smaller than 'limit_percentage'",
        );
        invalid
    }
}

/// Builds the stage. Looking begins when it is started.
pub fn build(
    config: &Config,
    next: Arc<dyn Consumer>,
    context: &BuildContext,
) -> Result<Arc<dyn Stage>, String> {
    let meters = &context.meters;
    let limiter = MemoryLimiter::new(config, next, meters, memory::total, memory::resident)?;
    Ok(Arc::new(limiter))
}

struct MemoryLimiter {
    check_interval: Duration,
    soft_limit_bytes: u64,
    used_bytes: fn() -> Option<u64>,
    refusing: AtomicBool,
    next: Arc<dyn Consumer>,
    id: String,
    accepted: [Counter; Signal::ALL.len()],
    refused: [Counter; Signal::ALL.len()],
}

impl MemoryLimiter {
    fn new(
        config: &Config,
        next: Arc<dyn Consumer>,
        meters: &Meters,
        total_bytes: fn() -> Option<u64>,
        used_bytes: fn() -> Option<u64>,
    ) -> Result<Self, String> {
        match config.validate().first() {
            Some(Invalid { path, message }) if path.is_empty() => return Err(message.clone()),
            Some(Invalid { path, message }) => return Err(format!("'{path}' {message}")),
            None => {}
        }
        let counters = |metric: Metric| {
            Signal::ALL.map(|signal| meters.counter(per_signal(metric, signal), metric.1, &[]))
        };
        Ok(Self {
            check_interval: config.check_interval.get(),
            soft_limit_bytes: soft_limit(config, total_bytes)?,
            used_bytes,
            refusing: AtomicBool::new(false),
            next,
            id: meters
                .label("processor")
                .unwrap_or("memory_limiter")
                .to_owned(),
            accepted: counters(names::ACCEPTED),
            refused: counters(names::REFUSED),
        })
    }

    /// Compares what is used with the limit; says so when the answer has changed.
    fn check(&self) {
        let Some(used_bytes) = (self.used_bytes)() else {
            return;
        };
        let refuse = used_bytes > self.soft_limit_bytes;
        if self.refusing.swap(refuse, Relaxed) == refuse {
            return;
        }
        let soft_limit_bytes = self.soft_limit_bytes;
        if refuse {
            let processor = &self.id;
            tracing::warn!(
                processor,
                used_bytes,
                soft_limit_bytes,
                "too much memory, refusing data"
            );
        } else {
            let processor = &self.id;
            tracing::info!(
                processor,
                used_bytes,
                soft_limit_bytes,
                "memory is fine, taking data"
            );
        }
    }

    async fn watch(self: Arc<Self>, stop: Stop) -> Result<(), String> {
        let mut ticks = tokio::time::interval(self.check_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.check(),
                () = stop.requested() => return Ok(()),
            }
        }
    }
}

/// Returns where refusing begins.
fn soft_limit(config: &Config, total_bytes: fn() -> Option<u64>) -> Result<u64, String> {
    let (hard, spike) = if config.limit_mib > 0 {
        (
            u64::from(config.limit_mib) << 20,
            u64::from(config.spike_limit_mib) << 20,
        )
    } else {
        let total = total_bytes().ok_or("cannot find out how much memory there is")?;
        let percent = total / 100;
        let share = |percentage| percent * u64::from(percentage);
        (
            share(config.limit_percentage),
            share(config.spike_limit_percentage),
        )
    };
    let spike = if spike == 0 { hard / 5 } else { spike };
    Ok(hard.saturating_sub(spike))
}

#[async_trait]
impl Consumer for MemoryLimiter {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let (signal, items) = (batch.signal() as usize, u64::from(batch.items()));
        if self.refusing.load(Relaxed) {
            self.refused[signal].add(items);
            let cause = "data refused due to high memory usage";
            return Err(Refusal::later(
                Fault::Tapline,
                cause,
                Some(self.check_interval),
            ));
        }
        self.accepted[signal].add(items);
        self.next.consume(batch).await
    }
}

#[async_trait]
impl Stage for MemoryLimiter {
    fn start(self: Arc<Self>, stop: Stop) -> Option<Work> {
        Some(Box::pin(self.watch(stop)))
    }

    async fn drain(&self, _deadline: Duration) {}
}

#[cfg(test)]
mod tests;
