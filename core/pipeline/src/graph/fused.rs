//! Neighbouring transforms of a pipeline as one consumer: one walk over each batch for all of them.
//!
//! It holds nothing between batches, so it is made anew whenever the graph is wired; a batch on its
//! way keeps the one it entered. What each transform takes and leaves is counted and booked as if
//! it had stood alone, except time: they share the walk, so no duration is recorded. This module
//! must not know what transforms do.

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
        account::{Outcome, Reason, Ticket},
        names,
    },
};

/// A transform in its place in a pipeline.
pub(super) struct Member {
    node: Node,
    transform: Arc<dyn Transform>,
    incoming: Counter,
    outgoing: Counter,
    account: Account,
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
            account: meters.account(signal, &[Reason::Filtered]),
        })
    }

    /// Takes items of which some end here. Whoever offered them still has them all until the
    /// passage ends well.
    fn passage(&self, items: u64, ending: u64) -> Passage {
        let held = |items| {
            let unanswered = Outcome::Refused(Reason::Cancelled);
            (items > 0).then(|| self.account.ticket(items, unanswered))
        };
        Passage {
            passing: held(items.saturating_sub(ending)),
            ending: held(ending.min(items)),
        }
    }

    /// Books items of a walk that went wrong.
    fn refuse(&self, items: u32, reason: Reason) {
        drop(self.account.ticket(items.into(), Outcome::Refused(reason)));
    }
}

/// The items of one batch in the book of one transform, while those behind it have no answer.
struct Passage {
    passing: Option<Ticket>,
    ending: Option<Ticket>,
}

impl Passage {
    fn settle(self, passing: Outcome, ending: Outcome) {
        for (ticket, outcome) in [(self.passing, passing), (self.ending, ending)] {
            if let Some(ticket) = ticket {
                ticket.settle(outcome);
            }
        }
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
        let passages = self.enter(batch.items(), &passed.dropped);
        // Its bytes need not wait for an answer when others have taken their place.
        drop(batch);
        let answer = if passed.batch.items() > 0 {
            self.next.consume(passed.batch).await
        } else {
            Ok(())
        };
        // Whoever is refused still has everything, and brings it again: nothing was dropped then.
        let (passing, ending) = match answer {
            Ok(()) => (Outcome::Sent, Outcome::Dropped(Reason::Filtered)),
            Err(_) => [Outcome::Refused(Reason::Downstream); 2].into(),
        };
        for passage in passages {
            passage.settle(passing, ending);
        }
        answer
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }
}

impl Fused {
    /// Counts what each transform takes and leaves, and opens the passages through them.
    fn enter(&self, items: u32, dropped: &[u32]) -> Vec<Passage> {
        let mut items = u64::from(items);
        let enter = |(member, dropped): (&Arc<Member>, &u32)| {
            let ending = u64::from(*dropped);
            let passage = member.passage(items, ending);
            member.incoming.add(items);
            items = items.saturating_sub(ending);
            member.outgoing.add(items);
            passage
        };
        self.members.iter().zip(dropped).map(enter).collect()
    }

    /// Finds the transform that panicked, by running one after the other alone.
    fn blame(&self, mut batch: Batch, cause: &str) -> Refusal {
        for member in &self.members {
            let items = batch.items();
            member.incoming.add(items.into());
            let alone = Pass::new(vec![Arc::clone(&member.transform)]);
            match catch_unwind(AssertUnwindSafe(|| alone.run(&batch))) {
                Ok(passed) => batch = passed.batch,
                Err(panic) => {
                    member.refuse(items, Reason::Permanent);
                    return refusal_of_panicked(&member.node, &panic_text(&*panic), &self.status);
                }
            }
            member.refuse(items, Reason::Downstream);
            member.outgoing.add(batch.items().into());
        }
        // It does not panic twice. Somebody must be told, and the first saw the batch as it came.
        refusal_of_panicked(&self.members[0].node, cause, &self.status)
    }
}
