//! `memory_limiter`: refuses data, retryably, while the process uses too much memory.
//!
//! It looks at the resident memory of the process at every check interval, and more often when
//! much is used; between two looks it adds what payloads have grown by on the account. So a sender
//! that is faster than any interval is noticed, before its payload is read where the receiver asks
//! first. There is no garbage to collect, so the settings about that are accepted and ignored. It
//! holds no data itself.

mod level;
mod memory;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, Validate};
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{
    Account, BuildContext, Consumer, Counter, Fault, Refusal, Reporter, Stage, Stop, Work,
    meter::{
        account::{Outcome, Reason},
        names::{Metric, per_signal},
    },
};
use tokio::time::MissedTickBehavior;

use self::level::Level;
use crate::names;

/// What a sender is told.
const REFUSED: &str = "data refused due to high memory usage";

/// What the user wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
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
    let used = memory::resident;
    let limiter = MemoryLimiter::new(config, next, context, memory::total, used)?;
    Ok(Arc::new(limiter))
}

struct MemoryLimiter {
    check_interval: Duration,
    soft_limit_bytes: u64,
    level: Level,
    refusing: AtomicBool,
    next: Arc<dyn Consumer>,
    id: String,
    health: Reporter,
    accepted: [Counter; Signal::ALL.len()],
    refused: [Counter; Signal::ALL.len()],
    account: Account,
}

impl MemoryLimiter {
    fn new(
        config: &Config,
        next: Arc<dyn Consumer>,
        context: &BuildContext,
        total_bytes: fn() -> Option<u64>,
        used_bytes: fn() -> Option<u64>,
    ) -> Result<Self, String> {
        match config.validate().first() {
            Some(Invalid { path, message }) if path.is_empty() => return Err(message.clone()),
            Some(Invalid { path, message }) => return Err(format!("'{path}' {message}")),
            None => {}
        }
        let counters = |metric: Metric| {
            let counter = |signal| {
                let name = per_signal(metric, signal);
                context.meters.counter(name, metric.1, &[])
            };
            Signal::ALL.map(counter)
        };
        Ok(Self {
            check_interval: config.check_interval.get(),
            soft_limit_bytes: soft_limit(config, total_bytes)?,
            level: Level::new(context.shared.memory.clone(), used_bytes),
            refusing: AtomicBool::new(false),
            next,
            id: context.id.to_string(),
            health: context.health.clone(),
            accepted: counters(names::ACCEPTED),
            refused: counters(names::REFUSED),
            account: context.meters.account(context.signal, &[]),
        })
    }

    /// Says whether there is room for so many bytes that are not on the account yet.
    fn has_room(&self, bytes: usize) -> bool {
        let has_room = self.level.stays_below(self.soft_limit_bytes, bytes as u64);
        if self.refusing.swap(!has_room, Relaxed) == has_room {
            self.tell(has_room);
        }
        has_room
    }

    /// Says that the answer has changed.
    fn tell(&self, has_room: bool) {
        let (processor, soft_limit_bytes) = (&self.id, self.soft_limit_bytes);
        let used_bytes = self.level.used_bytes();
        if has_room {
            self.health.recovered();
            tracing::info!(
                processor,
                used_bytes,
                soft_limit_bytes,
                "memory is fine, taking data"
            );
        } else {
            self.health.troubled(REFUSED);
            tracing::warn!(
                processor,
                used_bytes,
                soft_limit_bytes,
                "too much memory, refusing data"
            );
        }
    }

    fn refusal(&self) -> Refusal {
        Refusal::later(Fault::Tapline, REFUSED, Some(self.check_interval))
    }

    async fn watch(self: Arc<Self>, stop: Stop) -> Result<(), String> {
        let mut ticks = tokio::time::interval(self.check_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    self.level.look();
                    self.has_room(0);
                }
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
        // A caller that stops waiting has had no answer: it still has the items.
        let unanswered = Outcome::Refused(Reason::Cancelled);
        let ticket = self.account.ticket(items, unanswered);
        // What has come this far is on the account of bytes.
        if !self.has_room(0) {
            self.refused[signal].add(items);
            ticket.settle(Outcome::Refused(Reason::Memory));
            return Err(self.refusal());
        }
        self.accepted[signal].add(items);
        let answer = self.next.consume(batch).await;
        ticket.settle(match answer {
            Ok(()) => Outcome::Sent,
            Err(_) => Outcome::Refused(Reason::Downstream),
        });
        answer
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        if !self.has_room(bytes) {
            return Err(self.refusal());
        }
        self.next.admit(bytes)
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
