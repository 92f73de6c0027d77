//! Every metric name of this crate, and what each counts.
//!
//! The `otelcol_` names are the Collector's, without type suffix: dashboards depend on them. Those
//! per signal end in [`Signal::items_name`].

use tapline_pdata::Signal;

/// A metric name and its help line.
pub type Metric = (&'static str, &'static str);

/// Taken from a receiver by its pipelines; per signal.
pub const RECEIVER_ACCEPTED: Metric = (
    "otelcol_receiver_accepted",
    "Items successfully pushed into the pipeline.",
);
/// Not taken from a receiver, which was told so; per signal.
pub const RECEIVER_REFUSED: Metric = (
    "otelcol_receiver_refused",
    "Items that could not be pushed into the pipeline.",
);
/// Turned away before they were read whole, so that nobody knows how many items they had; ours.
pub const RECEIVER_REFUSED_REQUESTS: Metric = (
    "tapline_receiver_refused_requests",
    "Requests refused for lack of memory before they were read; their items are not known.",
);
/// Passed to a processor.
pub const PROCESSOR_INCOMING: Metric = (
    "otelcol_processor_incoming_items",
    "Items passed to the processor.",
);
/// Passed on by a processor.
pub const PROCESSOR_OUTGOING: Metric = (
    "otelcol_processor_outgoing_items",
    "Items emitted from the processor.",
);
/// How long a processor itself took for a batch, without those behind it; measured only while
/// somebody listens to the histogram.
pub const PROCESSOR_DURATION: Metric = (
    "otelcol_processor_internal_duration",
    "Duration of time taken to process a batch of telemetry data through the processor.",
);
/// Passed to a connector.
pub const CONNECTOR_CONSUMED: Metric = (
    "otelcol_connector_consumed_items",
    "Items passed to the connector.",
);
/// Passed on by a connector, by the pipeline they went into.
pub const CONNECTOR_PRODUCED: Metric = (
    "otelcol_connector_produced_items",
    "Items emitted from the connector.",
);
/// The same as of a processor, of a connector; ours.
pub const CONNECTOR_DURATION: Metric = (
    "tapline_connector_internal_duration",
    "Duration of time taken to process a batch of telemetry data through the connector.",
);
/// Upper bounds of durations, in seconds: the Collector's.
pub const DURATION_BOUNDS: [f64; 14] = [
    0.0, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0,
];
/// Taken by a backend; per signal.
pub const EXPORTER_SENT: Metric = (
    "otelcol_exporter_sent",
    "Items successfully sent to the destination.",
);
/// Not taken by a backend, after retries; per signal.
pub const EXPORTER_SEND_FAILED: Metric = (
    "otelcol_exporter_send_failed",
    "Items in failed attempts to send to the destination.",
);
/// How sending failed, as labels of [`EXPORTER_SEND_FAILED`]: what happened, one of few, and
/// whether trying again could not have helped.
pub const FAILURE_LABELS: [&str; 2] = ["error.type", "error.permanent"];
/// Refused by a sending queue; per signal.
pub const EXPORTER_ENQUEUE_FAILED: Metric = (
    "otelcol_exporter_enqueue_failed",
    "Items that could not be added to the sending queue.",
);
/// Held by a sending queue, in units of its sizer, with those being sent.
pub const EXPORTER_QUEUE_SIZE: Metric = (
    "otelcol_exporter_queue_size",
    "Current size of the sending queue.",
);
/// The bound of a sending queue, in units of its sizer.
pub const EXPORTER_QUEUE_CAPACITY: Metric = (
    "otelcol_exporter_queue_capacity",
    "Fixed capacity of the sending queue.",
);
/// Held by a sending queue in bytes, whatever its sizer; ours.
pub const EXPORTER_QUEUE_BYTES: Metric = (
    "tapline_exporter_queue_bytes",
    "Bytes of the batches in the sending queue.",
);
/// Sizes of batches that a sending queue took.
pub const EXPORTER_ENQUEUE_SIZE: Metric = (
    "otelcol_exporter_enqueue_size",
    "Number of items in a batch that was added to the sending queue.",
);
/// The same in bytes.
pub const EXPORTER_ENQUEUE_BYTES: Metric = (
    "otelcol_exporter_enqueue_size_bytes",
    "Number of bytes in a batch that was added to the sending queue.",
);
/// Sizes of batches that a sending queue put together.
pub const EXPORTER_BATCH_SIZE: Metric = (
    "otelcol_exporter_queue_batch_send_size",
    "Number of items in a batch that was sent.",
);
/// The same in bytes.
pub const EXPORTER_BATCH_BYTES: Metric = (
    "otelcol_exporter_queue_batch_send_size_bytes",
    "Number of bytes in a batch that was sent.",
);
/// Upper bounds of sizes in items: the Collector's.
pub const ITEM_BOUNDS: [f64; 18] = [
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2e3, 3e3, 4e3, 5e3, 6e3, 7e3, 8e3,
    9e3, 1e4,
];
/// Upper bounds of sizes in bytes: powers of two from 128 B to 16 MiB.
pub const BYTE_BOUNDS: [f64; 18] = [
    128.0,
    256.0,
    512.0,
    1024.0,
    2048.0,
    4096.0,
    8192.0,
    16384.0,
    32768.0,
    65536.0,
    131_072.0,
    262_144.0,
    524_288.0,
    1_048_576.0,
    2_097_152.0,
    4_194_304.0,
    8_388_608.0,
    16_777_216.0,
];
/// Bytes on the memory account; ours.
pub const PAYLOAD_BYTES: Metric = (
    "tapline_payload_bytes",
    "Bytes of payloads that are held anywhere between a receiver and a backend.",
);
/// Attempts that wait for a backend.
pub const EXPORTER_IN_FLIGHT: Metric = (
    "otelcol_exporter_in_flight_requests",
    "Requests being sent right now.",
);
/// Found on disk when a delivery started; ours, on the side of what was received.
pub const DELIVERY_RECOVERED: Metric = (
    "tapline_exporter_recovered_items",
    "Items that an earlier process left on disk.",
);

/// Items by what became of them, per component and signal; ours. With what is queued the sum holds.
pub const ITEMS: Metric = (
    "tapline_items",
    "Items by what became of them: received = sent + refused + dropped + stored + \
     tapline_items_queued.",
);
/// Items that a component holds, per component and signal; ours.
pub const ITEMS_QUEUED: Metric = (
    "tapline_items_queued",
    "Items that were received and are neither sent nor refused, dropped or stored yet.",
);

/// Returns the name of a metric that exists per signal, such as `otelcol_exporter_sent_spans`.
pub fn per_signal(metric: Metric, signal: Signal) -> String {
    format!("{}_{}", metric.0, signal.items_name())
}
