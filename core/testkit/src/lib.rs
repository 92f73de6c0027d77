//! What tests of other crates share: a fake OTLP backend, requests to send, certificates. For tests
//! only.
//!
//! It decodes with prost on purpose: the oracle must not be the code under test. So it must not
//! know any other crate of this workspace.

mod backend;
pub mod certificates;
mod raw;
pub mod samples;

pub use backend::{Answer, Backend, Payload, Protocol, Received, ReceivedLog, ReceivedMetric};
pub use backend::{ReceivedSpan, Seen, nobody_listens};
pub use raw::RawServer;
