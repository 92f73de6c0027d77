//! What an exporter's configuration says about delivery: checked here, done by `core/pipeline`.

use tapline_config::{Invalid, QueueConfig, RetryConfig, Validate};

/// Complains about `sending_queue` and `retry_on_failure`.
pub(crate) fn invalid_delivery(queue: &QueueConfig, retry: &RetryConfig) -> Vec<Invalid> {
    let mut invalid: Vec<_> = queue
        .validate()
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
