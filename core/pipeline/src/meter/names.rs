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
/// Attempts that wait for a backend.
pub const EXPORTER_IN_FLIGHT: Metric = (
    "otelcol_exporter_in_flight_requests",
    "Requests being sent right now.",
);
/// Offered to a delivery; ours, one side of the accounting invariant.
pub const DELIVERY_RECEIVED: Metric = (
    "tapline_exporter_received_items",
    "Items offered to the exporter.",
);
/// Handed back to the caller by a delivery; ours.
pub const DELIVERY_REFUSED: Metric = (
    "tapline_exporter_refused_items",
    "Items handed back to the caller.",
);
/// Lost by a delivery, by reason; ours.
pub const DELIVERY_DROPPED: Metric = (
    "tapline_exporter_dropped_items",
    "Items lost by the exporter, by reason.",
);
/// Held by a delivery, waiting or being sent; ours.
pub const DELIVERY_QUEUED: Metric = (
    "tapline_exporter_queued_items",
    "Items waiting or being sent.",
);

/// Returns the name of a metric that exists per signal, such as `otelcol_exporter_sent_spans`.
pub fn per_signal(metric: Metric, signal: Signal) -> String {
    format!("{}_{}", metric.0, signal.items_name())
}
