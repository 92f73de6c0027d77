//! How often each component is made: the Collector's table, counted at the factories.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tapline_pdata::Signal;

use super::{
    super::{Factories, Keep, MakeConnector, Node, Processor, Ship, build},
    cast::{Cast, planned},
};
use crate::{BuildContext, Extension, Receiver, Shared, fake::id};

/// Hands out the components of a cast, and counts them by role and id.
#[derive(Default)]
struct Counting {
    cast: Cast,
    made: Mutex<BTreeMap<String, usize>>,
}

impl Counting {
    fn count(&self, role: &str, context: &BuildContext) {
        let mut made = self.made.lock().expect("not poisoned");
        *made.entry(format!("{role} {}", context.id)).or_default() += 1;
    }
}

impl Factories for Counting {
    fn fingerprint(&self, node: &Node) -> String {
        self.cast.fingerprint(node)
    }

    fn extension(&self, context: &BuildContext) -> Result<Arc<dyn Extension>, String> {
        self.count("extension", context);
        self.cast.extension(context)
    }

    fn receiver(
        &self,
        context: &BuildContext,
        signals: &[Signal],
    ) -> Result<Box<dyn Receiver>, String> {
        self.count("receiver", context);
        self.cast.receiver(context, signals)
    }

    fn processor(&self, context: &BuildContext) -> Result<Processor, String> {
        self.count("processor", context);
        self.cast.processor(context)
    }

    fn connector(
        &self,
        context: &BuildContext,
        from: Signal,
        to: Signal,
    ) -> Result<MakeConnector, String> {
        self.count("connector", context);
        self.cast.connector(context, from, to)
    }

    fn exporter(&self, context: &BuildContext) -> Result<Ship, String> {
        self.count("exporter", context);
        Factories::exporter(&self.cast, context)
    }
}

#[test]
fn each_component_is_made_as_often_as_the_collector_says() {
    let plan = planned(
        "traces:    open open/2 | pass | take join count
         traces/b:  open        | pass | take count
         traces/c:  join        |      | take/2
         logs:      open        | pass | take count
         metrics:   count open  | pass | take
         metrics/b: count       |      | take
         profiles:  open        |      | take",
    );
    let plan = plan
        .expect("a valid plan")
        .with_extensions(vec![id("watch")]);
    let counting = Counting::default();
    let meters = &counting.cast.meters;
    let built = build(
        &plan,
        &counting,
        meters,
        &Shared::default(),
        Keep::default(),
    );
    assert!(built.is_ok());
    let made = counting.made.lock().expect("not poisoned");
    let made: Vec<String> = made
        .iter()
        .map(|(what, times)| format!("{what}: {times}"))
        .collect();
    assert_eq!(
        made,
        [
            // From traces and from logs, each to metrics.
            "connector count: 2",
            "connector join: 1",
            // One per signal, whatever the number of pipelines.
            "exporter take: 4",
            "exporter take/2: 1",
            "extension watch: 1",
            // One per pipeline.
            "processor pass: 4",
            // One serves all its signals, as the Collector's `otlp` does.
            "receiver open: 1",
            "receiver open/2: 1",
        ]
    );
}
