//! How telemetry moves: component traits, the graph, delivery, lifecycle and own metrics.
//!
//! This crate must not know any concrete component, nor HTTP, nor YAML.

mod component;
mod delivery;
mod extension;
#[cfg(test)]
mod fake;
pub mod graph;
mod memory;
pub mod meter;
mod outage;
mod proxies;
mod refusal;
mod status;
mod stop;
mod storage;

pub use component::{
    BuildContext, Consumer, Exporter, Outlets, Receiver, Shared, Stage, StartError, Work,
};
pub use delivery::{
    BatchSettings, Delivery, DeliverySettings, Drained, MAX_QUEUE_BYTES, Overflow, QueueSettings,
    Reply, RetiredExporter, RetrySettings, Sizer, close_retired,
};
pub use extension::{ClientAuth, Extension, HeaderFields, ServerAuth, ServiceTable, Services};
pub use memory::{Held, Memory};
pub use meter::{Counter, Gauge, Histogram, Meters, account::Account};
pub use outage::{Outage, RateLimit, Recovery};
pub use proxies::Proxies;
pub use refusal::{Fault, OTHER_KIND, Refusal, Verdict};
pub use status::{Health, Moment, Reporter, Status, StatusTable};
pub use stop::Stop;
pub use storage::{RecordLog, RecordNumber, Storage, Stored, WriteError};
