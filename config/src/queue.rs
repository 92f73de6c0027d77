//! `sending_queue`: what stands between a pipeline and an exporter, and how it batches.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ComponentId, Duration, Invalid, Optional, Validate};

/// A bounded queue in front of an exporter.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueConfig {
    /// Whether there is a queue; without one, whoever sends waits for the export.
    pub enabled: bool,
    /// How many exports run at once.
    pub num_consumers: usize,
    /// How much fits, in units of `sizer`.
    pub queue_size: u64,
    /// What the size counts.
    pub sizer: Sizer,
    /// Whether a full queue makes the sender wait instead of refusing.
    pub block_on_overflow: bool,
    /// Whether the sender waits for the outcome of the export.
    pub wait_for_result: bool,
    /// The extension that keeps the queue on disk.
    pub storage: Option<ComponentId>,
    /// How queued data is put together before it is sent.
    pub batch: Optional<QueueBatchConfig>,
}

/// What a size counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizer {
    /// Requests, whatever they hold.
    #[default]
    Requests,
    /// Spans, data points or log records.
    Items,
    /// Bytes on the wire, before compression.
    Bytes,
}

/// Batching inside the queue.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueBatchConfig {
    /// How long a batch waits to be filled.
    pub flush_timeout: Duration,
    /// A batch of this size is sent without waiting.
    pub min_size: u64,
    /// A batch is never larger than this; zero means that none is split.
    pub max_size: u64,
    /// What the sizes count; see [`QueueConfig::batch_sizer`].
    pub sizer: Option<Sizer>,
    /// What keeps batches apart.
    pub partition: PartitionConfig,
}

/// What keeps batches apart.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartitionConfig {
    /// Client metadata whose distinct values each get a batch.
    pub metadata_keys: Vec<String>,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            block_on_overflow: false,
            wait_for_result: false,
            storage: None,
            batch: Optional::Off,
        }
    }
}

impl Default for QueueBatchConfig {
    fn default() -> Self {
        Self {
            flush_timeout: Duration::from_millis(200),
            min_size: 8192,
            max_size: 0,
            sizer: None,
            partition: PartitionConfig::default(),
        }
    }
}

impl QueueConfig {
    /// Returns what batch sizes count: as said, else as the queue counts, else items.
    pub fn batch_sizer(&self) -> Sizer {
        let inherited = match self.sizer {
            Sizer::Requests => Sizer::Items,
            sizer => sizer,
        };
        self.batch
            .as_ref()
            .and_then(|batch| batch.sizer)
            .unwrap_or(inherited)
    }

    fn validate_batch(&self, batch: &QueueBatchConfig) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if batch.flush_timeout.is_zero() {
            invalid.push(Invalid::at("flush_timeout", "must be positive"));
        }
        if batch.max_size != 0 && batch.max_size < batch.min_size {
            invalid.push(Invalid::at("max_size", "must not be less than `min_size`"));
        }
        if batch.sizer == Some(Sizer::Requests) {
            invalid.push(Invalid::at("sizer", "must be `items` or `bytes`"));
        }
        if self.batch_sizer() == self.sizer && batch.min_size > self.queue_size {
            invalid.push(Invalid::at(
                "min_size",
                "must not be more than `queue_size`",
            ));
        }
        invalid
    }
}

impl Validate for QueueConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if !self.enabled {
            return invalid;
        }
        if self.num_consumers == 0 {
            invalid.push(Invalid::at("num_consumers", "must be positive"));
        }
        if self.queue_size == 0 {
            invalid.push(Invalid::at("queue_size", "must be positive"));
        }
        if self.storage.is_some() && self.wait_for_result {
            invalid.push(Invalid::at(
                "wait_for_result",
                "must be off when `storage` is set",
            ));
        }
        if let Some(batch) = self.batch.as_ref() {
            invalid.extend(
                self.validate_batch(batch)
                    .into_iter()
                    .map(|each| each.under("batch")),
            );
        }
        invalid
    }
}
