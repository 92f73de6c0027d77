//! Every metric name of this crate, and what each counts. Most are the Collector's.

use tapline_pipeline::meter::names::Metric;

/// Let through by a memory limiter; per signal.
pub(crate) const ACCEPTED: Metric = (
    "otelcol_processor_accepted",
    "Items successfully pushed into the next component.",
);
/// Turned away by a memory limiter; per signal.
pub(crate) const REFUSED: Metric = (
    "otelcol_processor_refused",
    "Items that were rejected by the processor.",
);
/// Sizes of the batches sent, in items.
pub(crate) const BATCH_SEND_SIZE: Metric = (
    "otelcol_processor_batch_batch_send_size",
    "Number of items in a batch that was sent.",
);
/// Sizes of the batches sent, in bytes.
pub(crate) const BATCH_SEND_SIZE_BYTES: Metric = (
    "otelcol_processor_batch_batch_send_size_bytes",
    "Number of bytes in a batch that was sent.",
);
/// Batches sent because they were full.
pub(crate) const BATCH_SIZE_TRIGGER: Metric = (
    "otelcol_processor_batch_batch_size_trigger_send",
    "Number of times a batch was sent because it was full.",
);
/// Batches sent because their time was over.
pub(crate) const BATCH_TIMEOUT_TRIGGER: Metric = (
    "otelcol_processor_batch_timeout_trigger_send",
    "Number of times a batch was sent because its time was over.",
);
/// Combinations of metadata that are known, each with a batch of its own; 1 if there are no keys.
pub(crate) const BATCH_CARDINALITY: Metric = (
    "otelcol_processor_batch_metadata_cardinality",
    "Number of distinct metadata value combinations being processed.",
);
