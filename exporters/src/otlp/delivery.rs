//! What an exporter's configuration says about delivery: checked here, done by `core/pipeline`.

use tapline_config::{Invalid, QueueConfig, RetryConfig, Validate};

use crate::unsupported::NOT_SUPPORTED;

/// Complains about `sending_queue` and `retry_on_failure`.
pub(crate) fn invalid_delivery(queue: &QueueConfig, retry: &RetryConfig) -> Vec<Invalid> {
    let mut invalid = queue.validate();
    if queue.batch.is_on() {
        invalid.push(Invalid::at("batch", NOT_SUPPORTED));
    }
    if queue.storage.is_some() {
        invalid.push(Invalid::at("storage", NOT_SUPPORTED));
    }
    let mut invalid: Vec<_> = invalid
        .into_iter()
        .map(|each| each.under("sending_queue"))
        .collect();
    invalid.extend(
        retry
            .validate()
            .into_iter()
            .map(|each| each.under("retry_on_failure")),
    );
    invalid
}
