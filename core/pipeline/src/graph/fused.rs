//! Neighbouring transforms of a pipeline as one consumer: one walk over each batch for all of them.
//!
//! It holds nothing between batches, so it is made anew whenever the graph is wired; a batch on its
//! way keeps the one it entered. What each transform takes and leaves is counted as if it had stood
//! alone, except time: they share the walk, so no duration is recorded. This module must not know
//! what transforms do.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use async_trait::async_trait;
use tapline_pdata::{
    Batch, Signal,
    rewrite::{Pass, Transform},
};

use super::{Node, edge::refusal_of_panicked, supervise::panic_text};
use crate::{
    Account, Consumer, Counter, Refusal, StatusTable,
    meter::{
        Meters,
        account::{Outcome, Reason},
        names,
    },
};

/// A transform in its place in a pipeline.
pub(super) struct Member {
    node: Node,
    transform: Arc<dyn Transform>,
    incoming: Counter,
    outgoing: Counter,
    /// Only of what ends here: what passes is in the books of others all the while.
    dropped: Account,
}

impl Member {
    pub(super) fn new(
        node: Node,
        transform: Arc<dyn Transform>,
        signal: Signal,
        meters: &Meters,
    ) -> Arc<Self> {
        let counter = |(name, help): names::Metric| {
            meters.counter(name, help, &[("otel_signal", signal.name())])
        };
        Arc::new(Self {
            node,
            transform,
            incoming: counter(names::PROCESSOR_INCOMING),
            outgoing: counter(names::PROCESSOR_OUTGOING),
            dropped: meters.account(signal, &[Reason::Filtered]),
        })
    }
}

/// Returns a consumer that passes on to `next` what these transforms, in this order, leave of a
/// batch; `next` itself if there are none.
pub(super) fn fused(
    members: Vec<Arc<Member>>,
    next: Arc<dyn Consumer>,
    status: &StatusTable,
) -> Arc<dyn Consumer> {
    if members.is_empty() {
        return next;
    }
    let transforms = members.iter().map(|member| Arc::clone(&member.transform));
    Arc::new(Fused {
        pass: Pass::new(transforms.collect()),
        members,
        next,
        status: status.clone(),
    })
}

struct Fused {
    members: Vec<Arc<Member>>,
    pass: Pass,
    next: Arc<dyn Consumer>,
    status: StatusTable,
}

#[async_trait]
impl Consumer for Fused {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let run = AssertUnwindSafe(|| self.pass.run(&batch));
        let passed = match catch_unwind(run) {
            Ok(passed) => passed,
            Err(panic) => return Err(self.blame(batch, &panic_text(&*panic))),
        };
        self.count(batch.items(), &passed.dropped);
        // Its bytes need not wait for an answer when others have taken their place.
        drop(batch);
        if passed.batch.items() > 0 {
            self.next.consume(passed.batch).await?;
        }
        // Only now: whoever is refused still has everything, and brings it again.
        for (member, items) in self.members.iter().zip(passed.dropped) {
            let dropped = Outcome::Dropped(Reason::Filtered);
            drop((items > 0).then(|| member.dropped.ticket(items.into(), dropped)));
        }
        Ok(())
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }
}

impl Fused {
    fn count(&self, items: u32, dropped: &[u32]) {
        let mut items = u64::from(items);
        for (member, dropped) in self.members.iter().zip(dropped) {
            member.incoming.add(items);
            items = items.saturating_sub(u64::from(*dropped));
            member.outgoing.add(items);
        }
    }

    /// Finds the transform that panicked, by running one after the other alone.
    fn blame(&self, mut batch: Batch, cause: &str) -> Refusal {
        for Member {
            node,
            transform,
            incoming,
            outgoing,
            ..
        } in self.members.iter().map(AsRef::as_ref)
        {
            incoming.add(u64::from(batch.items()));
            let alone = Pass::new(vec![Arc::clone(transform)]);
            match catch_unwind(AssertUnwindSafe(|| alone.run(&batch))) {
                Ok(passed) => batch = passed.batch,
                Err(panic) => {
                    return refusal_of_panicked(node, &panic_text(&*panic), &self.status);
                }
            }
            outgoing.add(u64::from(batch.items()));
        }
        // It does not panic twice. Somebody must be told, and the first saw the batch as it came.
        refusal_of_panicked(&self.members[0].node, cause, &self.status)
    }
}
