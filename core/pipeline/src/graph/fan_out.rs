//! One batch to several consumers: all are called, at once, even if one fails.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use tapline_pdata::Batch;

use crate::{Consumer, Refusal};

/// Returns a consumer that passes every batch to all of these.
pub(super) fn fan_out(mut targets: Vec<Arc<dyn Consumer>>) -> Arc<dyn Consumer> {
    match targets.len() {
        1 => targets.swap_remove(0),
        _ => Arc::new(FanOut(targets)),
    }
}

struct FanOut(Vec<Arc<dyn Consumer>>);

#[async_trait]
impl Consumer for FanOut {
    // Called together, not in turn: a slow target delays the answer, but no other target.
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let answers = join_all(self.0.iter().map(|target| target.consume(batch.clone()))).await;
        Refusal::merged(answers.into_iter().filter_map(Result::err)).map_or(Ok(()), Err)
    }

    // One that would refuse is enough: the others would get the batch again when it is retried.
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.0.iter().try_for_each(|target| target.admit(bytes))
    }
}
