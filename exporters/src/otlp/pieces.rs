//! Cuts a batch that is larger than a request may be.

use tapline_pdata::Batch;
use tapline_pipeline::{Fault, Refusal};

/// The largest request we send, before compression: what the OTLP specification recommends.
pub(crate) const REQUEST_BYTES_MAX: usize = 64 << 20;

/// Returns the batch in pieces that fit into a request, nearly always one.
///
/// Refuses a batch with a record that no backend has to take. If a later piece fails, the whole
/// batch is tried again: the backend then gets the earlier pieces twice.
pub(crate) fn pieces(batch: Batch) -> Result<Vec<Batch>, Refusal> {
    fitting(batch, REQUEST_BYTES_MAX)
}

fn fitting(batch: Batch, limit_bytes: usize) -> Result<Vec<Batch>, Refusal> {
    let mut fitting = Vec::new();
    let mut left = vec![batch];
    while let Some(batch) = left.pop() {
        let (size, items) = (batch.size_bytes(), batch.items());
        if size <= limit_bytes {
            fitting.push(batch);
            continue;
        }
        let half = items.div_ceil(2);
        let halves = if items > 1 { batch.split(half) } else { vec![] };
        if halves.len() < 2 {
            let cause =
                format!("a request of {size} bytes is larger than the limit, {limit_bytes}");
            return Err(Refusal::never(Fault::Tapline, cause));
        }
        left.extend(halves.into_iter().rev());
    }
    Ok(fitting)
}

#[cfg(test)]
mod tests {
    use tapline_pdata::{
        Batch, Signal,
        write::{self, LogHead, Scope},
    };

    use super::fitting;

    fn logs(count: u32) -> Batch {
        let mut records = Vec::new();
        for number in 0..count {
            let head = LogHead {
                time_ns: 1,
                observed_ns: 1,
                severity_number: 9,
                severity_text: "INFO",
                body: &format!("line {number:04}"),
                event_name: "",
                trace: None,
                flags: 0,
            };
            write::log_record(&mut records, &head, |_| {});
        }
        let mut wire = Vec::new();
        let resource = write::resource(|_| {});
        let scope = Scope {
            name: "test",
            version: "",
        };
        write::resource_block(&mut wire, Signal::Logs, &resource, &scope, &records);
        Batch::written(Signal::Logs, wire.into(), count)
    }

    #[test]
    fn a_batch_that_is_too_large_is_cut_until_it_fits() {
        let whole = logs(1_000);
        let limit = whole.size_bytes() / 5;
        let pieces = fitting(whole, limit).expect("can be cut");
        assert!(pieces.iter().all(|piece| piece.size_bytes() <= limit));
        assert_eq!(pieces.iter().map(Batch::items).sum::<u32>(), 1_000);
    }

    #[test]
    fn a_record_that_is_too_large_is_refused() {
        let refused = fitting(logs(2), 10).expect_err("is refused");
        assert!(
            refused.cause.ends_with("larger than the limit, 10"),
            "{refused}"
        );
        assert!(!refused.is_retryable());
    }
}
