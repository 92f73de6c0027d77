//! Exporters that were replaced: closed after their last attempt, and once, whoever shared them.

use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;

use super::send::Target;
use crate::{Exporter, graph::Node};

/// An exporter that a delivery no longer uses, except for attempts that have begun.
#[must_use = "its exporter is not closed before `close_retired` is told"]
pub struct RetiredExporter {
    pub(super) target: Arc<Target>,
    pub(super) node: Node,
}

impl RetiredExporter {
    /// Waits for the last attempt. Cancel-safe.
    pub async fn finished(&self) {
        self.target.finished().await;
    }
}

/// Waits for the last attempts of all of these, then closes every exporter once.
///
/// One instance may serve several signals, so hand over what was retired together. The caller
/// bounds the time.
pub async fn close_retired(retired: Vec<RetiredExporter>) {
    for each in &retired {
        each.finished().await;
    }
    let mut closed = BTreeSet::new();
    for each in retired {
        if closed.insert(address(&*each.target.exporter)) {
            close(&*each.target.exporter, &each.node).await;
        }
    }
}

/// Closes an exporter, which may panic.
pub(super) async fn close(exporter: &dyn Exporter, node: &Node) {
    let closed = AssertUnwindSafe(exporter.close()).catch_unwind().await;
    if closed.is_err() {
        tracing::error!(component = %node, "component panicked while closing");
    }
}

/// Returns where an exporter lives, to find out whether two are one.
pub(super) fn address(exporter: &dyn Exporter) -> usize {
    std::ptr::from_ref(exporter).cast::<()>().addr()
}
