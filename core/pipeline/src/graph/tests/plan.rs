//! Plans on paper.

use super::{super::Plan, cast::parsed};
use crate::graph::PlanError;

#[test]
fn gives_each_component_the_instances_of_the_collector() {
    let plan = Plan::new(parsed(
        "traces:   otlp      | batch      | debug otlp
         traces/b: otlp ebpf | batch memory | debug
         metrics:  otlp      |            | debug",
    ));
    let plan = plan.expect("a valid plan");
    // One otlp receiver; batch per pipeline; debug per signal.
    let nodes: Vec<String> = plan.nodes().iter().map(ToString::to_string).collect();
    assert_eq!(
        nodes,
        [
            "receiver ebpf",
            "receiver otlp",
            "processor batch in traces",
            "processor batch in traces/b",
            "processor memory in traces/b",
            "exporter debug for traces",
            "exporter debug for metrics",
            "exporter otlp for traces",
        ]
    );
    let edges = "\
receiver otlp -> processor batch in traces
processor batch in traces -> exporter debug for traces
processor batch in traces -> exporter otlp for traces
receiver otlp -> processor batch in traces/b
receiver ebpf -> processor batch in traces/b
processor batch in traces/b -> processor memory in traces/b
processor memory in traces/b -> exporter debug for traces
receiver otlp -> exporter debug for metrics
";
    assert_eq!(plan.to_string(), edges);
}

#[test]
fn reports_everything_that_is_wrong() {
    let errors = Plan::new(parsed(
        "traces: otlp | batch batch |
         logs: | | debug
         logs: a | | b b",
    ));
    let errors: Vec<String> = errors
        .expect_err("invalid")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        errors,
        [
            "pipeline \"traces\": must have at least one exporter",
            "pipeline \"traces\": references processor \"batch\" multiple times",
            "pipeline \"logs\": must have at least one receiver",
            "pipeline \"logs\" is defined twice",
            "pipeline \"logs\": references exporter \"b\" multiple times",
        ]
    );
    assert_eq!(Plan::new(Vec::new()), Err(vec![PlanError::NoPipelines]));
}
