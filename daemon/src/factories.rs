//! Hands the graph the components that a configuration describes.

use std::sync::Arc;

use tapline_config::ComponentId;
use tapline_pdata::Signal;
use tapline_pipeline::{
    BuildContext, Extension, Receiver,
    graph::{Factories, MakeConnector, Node, Processor, Ship},
};

use crate::{host_view::HostView, settings::Settings};

/// Makes the components of one configuration.
pub(crate) struct Workshop<'s> {
    /// What was written.
    pub(crate) settings: &'s Settings,
    /// What extensions may show.
    pub(crate) view: &'s HostView,
}

impl Factories for Workshop<'_> {
    fn fingerprint(&self, node: &Node) -> String {
        let written = self.settings.fingerprint(node.role(), node.id());
        written.unwrap_or_default().to_owned()
    }

    fn extension(&self, context: &BuildContext) -> Result<Arc<dyn Extension>, String> {
        let make = self.settings.extensions.get(&context.id);
        make.ok_or_else(|| missing(&context.id))?(self.view)
    }

    fn receiver(
        &self,
        context: &BuildContext,
        _signals: &[Signal],
    ) -> Result<Box<dyn Receiver>, String> {
        let make = self.settings.receivers.get(&context.id);
        make.ok_or_else(|| missing(&context.id))?(context)
    }

    fn processor(&self, context: &BuildContext) -> Result<Processor, String> {
        let make = self.settings.processors.get(&context.id);
        make.ok_or_else(|| missing(&context.id))?(context)
    }

    fn connector(
        &self,
        context: &BuildContext,
        from: Signal,
        to: Signal,
    ) -> Result<MakeConnector, String> {
        let known = self.settings.connectors.get(&context.id);
        let known = known.ok_or_else(|| missing(&context.id))?;
        (known.make)(context, from, to)
    }

    fn exporter(&self, context: &BuildContext) -> Result<Ship, String> {
        let make = self
            .settings
            .exporters
            .get(&context.id)
            .ok_or_else(|| missing(&context.id))?;
        make(context)
    }
}

fn missing(id: &ComponentId) -> String {
    format!("{id} is not configured")
}
