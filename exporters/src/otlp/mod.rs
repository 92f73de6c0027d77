//! What OTLP over gRPC and over HTTP share. It must not know either transport.

mod delivery;
mod headers;
mod partial_success;

pub(crate) use delivery::invalid_delivery;
pub(crate) use headers::{header_map, invalid_headers};
pub(crate) use partial_success::PartialSuccesses;
use tapline_pdata::Batch;
use tapline_pipeline::{Fault, Refusal};

/// The largest request we send, before compression: what the OTLP specification recommends.
pub(crate) const REQUEST_BYTES_MAX: usize = 64 << 20;

/// Returns the name that tapline gives itself towards backends.
pub(crate) fn user_agent() -> String {
    tapline_net::user_agent(env!("CARGO_PKG_VERSION"))
}

/// Refuses a batch that no backend has to take.
pub(crate) fn check_size(batch: &Batch) -> Result<(), Refusal> {
    let size = batch.size_bytes();
    if size <= REQUEST_BYTES_MAX {
        return Ok(());
    }
    let cause = format!("a request of {size} bytes is larger than the limit, {REQUEST_BYTES_MAX}");
    Err(Refusal::never(Fault::Tapline, cause))
}
