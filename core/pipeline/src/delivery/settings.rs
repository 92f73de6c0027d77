//! What can be said about a delivery. The defaults are the Collector's.

use std::{sync::Arc, time::Duration};

use super::retry::RetrySettings;
use crate::Storage;

/// How many bytes a queue in memory holds at most, whatever else its size is counted in.
pub const MAX_QUEUE_BYTES: u64 = 1 << 30;

/// How one exporter is delivered to.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// The limit of one attempt, if it has one.
    pub timeout: Option<Duration>,
    /// The sending queue; without one the caller waits for the backend.
    pub queue: Option<QueueSettings>,
    /// When to try again; without it a batch gets one attempt.
    pub retry: Option<RetrySettings>,
}

/// How a sending queue behaves.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// How many batches are sent at once. With 1, batches are sent in order.
    pub num_consumers: usize,
    /// How much fits, in units of the sizer.
    pub capacity: usize,
    /// What is counted.
    pub sizer: Sizer,
    /// How many bytes fit in any case, unless the queue is on disk.
    pub max_bytes: u64,
    /// What happens when it is full.
    pub overflow: Overflow,
    /// When the caller gets its answer.
    pub reply: Reply,
    /// How batches are put together before they are sent.
    pub batch: Option<BatchSettings>,
    /// Where batches are kept that must survive the process.
    pub storage: Option<Arc<dyn Storage>>,
}

/// How a queue puts batches together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchSettings {
    /// How long a batch waits to be filled.
    pub flush_timeout: Duration,
    /// A batch of this size is sent without waiting.
    pub min_size: u64,
    /// A batch is not larger than this, if there is a limit.
    pub max_size: Option<u64>,
    /// What the two sizes count: items or bytes.
    pub sizer: Sizer,
    /// Client metadata whose distinct values each get batches of their own.
    pub metadata_keys: Vec<String>,
}

/// What a size counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sizer {
    /// Batches.
    #[default]
    Requests,
    /// Spans, data points, log records, samples.
    Items,
    /// Bytes on the wire.
    Bytes,
}

/// What happens to a batch when the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is refused.
    #[default]
    Refuse,
    /// The caller waits for room.
    Block,
}

/// When the caller gets its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// As soon as the batch is queued.
    #[default]
    OnceQueued,
    /// When the batch was sent or given up.
    OnceSent,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(5)),
            queue: Some(QueueSettings::default()),
            retry: Some(RetrySettings::default()),
        }
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            num_consumers: 10,
            capacity: 1000,
            sizer: Sizer::default(),
            max_bytes: MAX_QUEUE_BYTES,
            overflow: Overflow::default(),
            reply: Reply::default(),
            batch: None,
            storage: None,
        }
    }
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self {
            flush_timeout: Duration::from_millis(200),
            min_size: 8192,
            max_size: None,
            sizer: Sizer::Items,
            metadata_keys: Vec::new(),
        }
    }
}

impl Sizer {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Items => "items",
            Self::Bytes => "bytes",
        }
    }
}
