//! Exporters without a queue beside others: when their backend hangs, the receiver waits, and with
//! it everything it feeds.

use std::collections::BTreeSet;

use tapline_config::{ComponentId, Kind, Layout, Located, Node, Problem, Problems};

/// Warns of every exporter whose queue is switched off and that shares a receiver with another.
pub(super) fn look(layout: &Layout, problems: &mut Problems) {
    for (id, node) in &layout.exporters {
        let Some(switch) = switched_off(node) else {
            continue;
        };
        let Some((receiver, other)) = shared(layout, &id.value) else {
            continue;
        };
        let id = &id.value;
        let message = format!(
            "exporter `{id}` has no queue and shares the receiver `{receiver}` with `{other}`"
        );
        let label =
            format!("while its backend hangs, `{receiver}` waits and `{other}` gets nothing");
        problems.push(Problem::warning(switch.blamed(), message).with_label(label));
    }
}

/// Returns the setting that switches the queue off.
fn switched_off(node: &Node) -> Option<&Node> {
    let switch = node.get("sending_queue")?.get("enabled")?;
    (switch.kind == Kind::Bool(false)).then_some(switch)
}

/// Finds a receiver that feeds both an exporter and another one.
fn shared<'l>(
    layout: &'l Layout,
    exporter: &ComponentId,
) -> Option<(&'l ComponentId, &'l ComponentId)> {
    let has = |ids: &[Located<ComponentId>], id: &ComponentId| ids.iter().any(|at| at.value == *id);
    let pipelines = || layout.service.pipelines.iter();
    let feeding = pipelines().filter(|at| has(&at.exporters, exporter));
    let receivers: BTreeSet<&ComponentId> = feeding
        .flat_map(|at| &at.receivers)
        .map(|id| &id.value)
        .collect();
    receivers.into_iter().find_map(|receiver| {
        let fed = pipelines().filter(|at| has(&at.receivers, receiver));
        let mut others = fed.flat_map(|at| &at.exporters).map(|id| &id.value);
        let other = others.find(|other| *other != exporter)?;
        Some((receiver, other))
    })
}
