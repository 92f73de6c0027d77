//! From the Collector's delivery blocks to the pipeline's settings.

use tapline_config::{Duration, QueueBatchConfig, QueueConfig, RetryConfig, Sizer as ConfigSizer};
use tapline_pipeline::{
    BatchSettings, DeliverySettings, MAX_QUEUE_BYTES, Overflow, QueueSettings, Reply,
    RetrySettings, ServiceTable, Sizer,
};

/// Converts `timeout`, `sending_queue` and `retry_on_failure`; finds the storage that is named.
pub(crate) fn settings(
    timeout: Duration,
    queued: &QueueConfig,
    retry: &RetryConfig,
    services: &ServiceTable,
) -> Result<DeliverySettings, String> {
    Ok(DeliverySettings {
        timeout: unless_zero(timeout),
        queue: queue(queued, services)?,
        retry: retry.enabled.then(|| RetrySettings {
            initial_interval: retry.initial_interval.get(),
            randomization_factor: retry.randomization_factor,
            multiplier: retry.multiplier,
            max_interval: retry.max_interval.get(),
            max_elapsed_time: unless_zero(retry.max_elapsed_time),
        }),
    })
}

/// Converts `sending_queue`; `None` when it is off.
pub(crate) fn queue(
    config: &QueueConfig,
    services: &ServiceTable,
) -> Result<Option<QueueSettings>, String> {
    if !config.enabled {
        return Ok(None);
    }
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
    let storage = config.storage.as_ref().map(|id| services.storage(id));
    Ok(Some(QueueSettings {
        num_consumers: config.num_consumers,
        capacity: usize::try_from(config.queue_size).unwrap_or(usize::MAX),
        sizer: sizer(config.sizer),
        max_bytes: MAX_QUEUE_BYTES,
        overflow,
        reply,
        batch: config
            .batch
            .as_ref()
            .map(|each| batch(each, config.batch_sizer())),
        storage: storage.transpose()?,
    }))
}

fn batch(config: &QueueBatchConfig, counts: ConfigSizer) -> BatchSettings {
    BatchSettings {
        flush_timeout: config.flush_timeout.get(),
        min_size: config.min_size,
        max_size: (config.max_size > 0).then_some(config.max_size),
        sizer: sizer(counts),
        metadata_keys: config.partition.metadata_keys.clone(),
    }
}

fn sizer(config: ConfigSizer) -> Sizer {
    match config {
        ConfigSizer::Requests => Sizer::Requests,
        ConfigSizer::Items => Sizer::Items,
        ConfigSizer::Bytes => Sizer::Bytes,
    }
}

fn unless_zero(duration: Duration) -> Option<std::time::Duration> {
    (!duration.is_zero()).then(|| duration.get())
}
