//! From the Collector's delivery blocks to the pipeline's settings.

use tapline_config::{Duration, QueueConfig, RetryConfig, Sizer as ConfigSizer};
use tapline_pipeline::{DeliverySettings, Overflow, QueueSettings, Reply, RetrySettings, Sizer};

/// Converts `timeout`, `sending_queue` and `retry_on_failure`.
pub(crate) fn settings(
    timeout: Duration,
    queued: &QueueConfig,
    retry: &RetryConfig,
) -> DeliverySettings {
    DeliverySettings {
        timeout: unless_zero(timeout),
        queue: queue(queued),
        retry: retry.enabled.then(|| RetrySettings {
            initial_interval: retry.initial_interval.get(),
            randomization_factor: retry.randomization_factor,
            multiplier: retry.multiplier,
            max_interval: retry.max_interval.get(),
            max_elapsed_time: unless_zero(retry.max_elapsed_time),
        }),
    }
}

/// Converts `sending_queue`; `None` when it is off.
pub(crate) fn queue(config: &QueueConfig) -> Option<QueueSettings> {
    let overflow = if config.block_on_overflow {
        Overflow::Block
    } else {
        Overflow::Refuse
    };
    let reply = if config.wait_for_result {
        Reply::OnceSent
    } else {
        Reply::OnceQueued
    };
    let sizer = match config.sizer {
        ConfigSizer::Requests => Sizer::Requests,
        ConfigSizer::Items => Sizer::Items,
        ConfigSizer::Bytes => Sizer::Bytes,
    };
    config.enabled.then_some(QueueSettings {
        num_consumers: config.num_consumers,
        capacity: usize::try_from(config.queue_size).unwrap_or(usize::MAX),
        sizer,
        overflow,
        reply,
    })
}

fn unless_zero(duration: Duration) -> Option<std::time::Duration> {
    (!duration.is_zero()).then(|| duration.get())
}
