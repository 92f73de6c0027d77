//! What stopping lost: at which place, of which signal, why and how much.
//!
//! Of exporters it is the deliveries' own account, because a component's book may be shared with
//! one that is still leaving. Of everything else it is what was added to the books meanwhile.

use std::collections::BTreeMap;

use tapline_pdata::Signal;

use super::Node;
use crate::{
    Drained, Meters,
    meter::{Labels, account::Reason},
};

/// Items of one signal that one place lost for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Who held them, such as `exporter otlp/backup`.
    pub place: String,
    /// What they were.
    pub signal: Signal,
    /// Why they are lost.
    pub reason: Reason,
    /// How many they were.
    pub items: u64,
}

impl Loss {
    /// Says so. The place is in the message, because lines with one message are sampled.
    pub(super) fn log(&self) {
        let (place, lost_items) = (&self.place, self.items);
        let (signal, reason) = (self.signal.name(), self.reason.name());
        let component = place;
        tracing::warn!(
            component,
            signal,
            reason,
            lost_items,
            "{place} lost {signal} ({reason})"
        );
    }
}

/// Lists what the end of a delivery lost.
pub(super) fn of_delivery(node: &Node, drained: &Drained) -> Vec<Loss> {
    let Node::Exporter { id, signal } = node else {
        return Vec::new();
    };
    let loss = |(reason, items): (&Reason, &u64)| Loss {
        place: format!("exporter {id}"),
        signal: *signal,
        reason: *reason,
        items: *items,
    };
    drained.lost.iter().map(loss).collect()
}

/// The books as they were at some moment.
pub(super) struct Books {
    meters: Meters,
    before: BTreeMap<(Labels, Reason), u64>,
}

impl Books {
    /// Looks at the books now.
    pub(super) fn read(meters: &Meters) -> Self {
        Self {
            meters: meters.clone(),
            before: meters.losses(),
        }
    }

    /// Lists what is lost since then, by all but exporters.
    pub(super) fn losses_since(&self) -> Vec<Loss> {
        let now = self.meters.losses().into_iter();
        now.filter_map(|(key, items)| {
            let items = items - self.before.get(&key).copied().unwrap_or_default();
            let (labels, reason) = key;
            let kind = labels.get("kind").filter(|kind| *kind != "exporter")?;
            let signal = Signal::from_name(labels.get("signal")?)?;
            (items > 0).then(|| Loss {
                place: format!("{kind} {}", labels["component"]),
                signal,
                reason,
                items,
            })
        })
        .collect()
    }
}
