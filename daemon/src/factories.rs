//! Hands the graph the components that the configuration describes.

use std::sync::Arc;

use tapline_config::ComponentId;
use tapline_pdata::Signal;
use tapline_pipeline::{
    BuildContext, Consumer, Receiver, Stage,
    graph::{Factories, Ship},
};

use crate::settings::Settings;

impl Factories for Settings {
    fn receiver(
        &self,
        context: &BuildContext,
        _signals: &[Signal],
    ) -> Result<Box<dyn Receiver>, String> {
        let make = self.receivers.get(&context.id);
        make.ok_or_else(|| missing(&context.id))?(context)
    }

    fn stage(
        &self,
        context: &BuildContext,
        next: Arc<dyn Consumer>,
    ) -> Result<Arc<dyn Stage>, String> {
        let make = self
            .processors
            .get(&context.id)
            .ok_or_else(|| missing(&context.id))?;
        make(context, next)
    }

    fn exporter(&self, context: &BuildContext) -> Result<Ship, String> {
        let make = self
            .exporters
            .get(&context.id)
            .ok_or_else(|| missing(&context.id))?;
        make(context)
    }
}

fn missing(id: &ComponentId) -> String {
    format!("{id} is not configured")
}
