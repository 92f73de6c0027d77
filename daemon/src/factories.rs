//! Hands the graph the components that the configuration describes.

use std::sync::Arc;

use tapline_config::ComponentId;
use tapline_pdata::Signal;
use tapline_pipeline::{
    BuildContext, Consumer, Meters, Receiver, Stage,
    graph::{Factories, Ship},
};

use crate::settings::Settings;

impl Factories for Settings {
    fn receiver(
        &self,
        id: &ComponentId,
        _signals: &[Signal],
        meters: &Meters,
    ) -> Result<Box<dyn Receiver>, String> {
        let make = self.receivers.get(id).ok_or_else(|| missing(id))?;
        Ok(make(meters))
    }

    fn stage(
        &self,
        context: &BuildContext,
        next: Arc<dyn Consumer>,
        meters: &Meters,
    ) -> Result<Arc<dyn Stage>, String> {
        let make = self
            .processors
            .get(&context.id)
            .ok_or_else(|| missing(&context.id))?;
        make(next, meters)
    }

    fn exporter(&self, context: &BuildContext, _meters: &Meters) -> Result<Ship, String> {
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
