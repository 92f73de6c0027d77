//! Where the batches of a connector go: the pipelines that begin with it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{PipelineId, fan_out::fan_out};
use crate::Consumer;

/// The pipelines behind one connector instance, all of one signal. There is at least one.
#[derive(Clone)]
pub struct Branches(BTreeMap<PipelineId, Arc<dyn Consumer>>);

impl Branches {
    /// Makes branches that lead straight to these consumers.
    pub fn new(pipelines: BTreeMap<PipelineId, Arc<dyn Consumer>>) -> Self {
        Self(pipelines)
    }

    /// Returns a consumer that passes every batch to all pipelines. Ask once and keep it.
    pub fn all(&self) -> Arc<dyn Consumer> {
        fan_out(self.0.values().cloned().collect())
    }

    /// Returns the way into one pipeline.
    pub fn get(&self, pipeline: &PipelineId) -> Option<Arc<dyn Consumer>> {
        self.0.get(pipeline).cloned()
    }

    /// Lists the pipelines.
    pub fn pipelines(&self) -> impl Iterator<Item = &PipelineId> {
        self.0.keys()
    }
}

impl fmt::Debug for Branches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
