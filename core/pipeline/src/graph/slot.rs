//! The way on from a component: what follows can be exchanged while batches pass.
//!
//! A reload connects what stays to what is new here. A batch on its way keeps what it found, so
//! whoever retires a consumer waits until nobody refers to it any more.

use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};

use async_trait::async_trait;
use tapline_pdata::Batch;

use super::PipelineId;
use crate::{Consumer, Fault, Refusal};

/// Passes on to whatever it is connected to now.
pub(super) struct Slot(RwLock<Arc<dyn Consumer>>);

impl Slot {
    /// Makes a way that leads nowhere yet.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(Nowhere))))
    }

    /// Leads to `next` from now on.
    pub(super) fn connect(&self, next: Arc<dyn Consumer>) {
        let mut place = self.0.write().expect("nothing panics while connecting");
        let before = std::mem::replace(&mut *place, next);
        drop(place);
        // Dropped outside the lock: it may be the last of much.
        drop(before);
    }

    fn next(&self) -> Arc<dyn Consumer> {
        Arc::clone(&self.0.read().expect("nothing panics while connecting"))
    }
}

#[async_trait]
impl Consumer for Slot {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        self.next().consume(batch).await
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next().admit(bytes)
    }
}

/// The ways out of a stage or a connector.
pub(super) enum Ways {
    /// To whatever follows in the pipeline.
    Next(Arc<Slot>),
    /// Into the pipelines that begin here.
    Branches(BTreeMap<PipelineId, Arc<Slot>>),
}

/// Where a way leads before it is connected. Nothing is started by then, so nothing comes here.
struct Nowhere;

#[async_trait]
impl Consumer for Nowhere {
    async fn consume(&self, _batch: Batch) -> Result<(), Refusal> {
        Err(Refusal::later(Fault::Tapline, "not connected yet", None))
    }
}
