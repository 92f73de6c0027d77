//! The gates there are: the Collector's, as of v0.159, and what each means here.

use super::{APPEND_LISTS, Stage};

/// One gate.
pub(super) struct Known {
    pub(super) id: &'static str,
    pub(super) stage: Stage,
    /// What it switches in the Collector.
    pub(super) about: &'static str,
    /// Why it switches nothing here; `None` if it does.
    pub(super) effect: Option<&'static str>,
}

const fn switches_nothing(
    id: &'static str,
    stage: Stage,
    about: &'static str,
    why: &'static str,
) -> Known {
    Known {
        id,
        stage,
        about,
        effect: Some(why),
    }
}

const NO_ROUTING: &str = "it has no routing connector yet";
const NO_SERVICE_GRAPH: &str = "it has no servicegraph connector yet";
const NO_K8S: &str = "it has no k8s_attributes processor yet";
const NO_PROMETHEUS: &str = "it has no Prometheus components yet";
const NO_SPAN_METRICS: &str = "it has no spanmetrics connector yet";
const OTHER_QUEUE: &str = "its queue has batching already";
const OTHER_MEMORY: &str = "it manages memory differently";
const ALWAYS: &str = "it always does that";

/// Every gate, by name.
pub(super) static KNOWN: &[Known] = &[
    switches_nothing(
        "component.UseLocalHostAsDefaultHost",
        Stage::Stable,
        "Servers listen on localhost unless told otherwise.",
        ALWAYS,
    ),
    Known {
        id: APPEND_LISTS,
        stage: Stage::Alpha,
        about: "Extensions, receivers and exporters listed in a later file are added to those of \
                earlier ones instead of replacing them.",
        effect: None,
    },
    switches_nothing(
        "confmap.strictlyTypedInput",
        Stage::Stable,
        "Values are not turned into the type a setting wants.",
        ALWAYS,
    ),
    switches_nothing(
        "confmap.unifyEnvVarExpansion",
        Stage::Stable,
        "Only ${NAME} and ${env:NAME} are replaced, not $NAME.",
        ALWAYS,
    ),
    switches_nothing(
        "connector.routing.defaultErrorModeIgnore",
        Stage::Alpha,
        "The routing connector skips what a statement fails on.",
        NO_ROUTING,
    ),
    switches_nothing(
        "connector.servicegraph.legacyLatencyMetricNames",
        Stage::Alpha,
        "The servicegraph connector uses older names for latencies.",
        NO_SERVICE_GRAPH,
    ),
    switches_nothing(
        "connector.servicegraph.legacyLatencyUnitMs",
        Stage::Alpha,
        "The servicegraph connector counts latencies in milliseconds.",
        NO_SERVICE_GRAPH,
    ),
    switches_nothing(
        "connector.servicegraph.virtualNode",
        Stage::Beta,
        "The servicegraph connector shows peers that send no spans.",
        NO_SERVICE_GRAPH,
    ),
    switches_nothing(
        "connector.spanmetrics.legacyMetricNames",
        Stage::Alpha,
        "The spanmetrics connector uses older names.",
        NO_SPAN_METRICS,
    ),
    switches_nothing(
        "ottl.contexts.enableOTelColContext",
        Stage::Alpha,
        "OTTL may read client metadata.",
        "it has no OTTL yet",
    ),
    switches_nothing(
        "pdata.enableRefCounting",
        Stage::Beta,
        "Memory of telemetry is counted by references.",
        OTHER_MEMORY,
    ),
    switches_nothing(
        "pdata.useProtoPooling",
        Stage::Alpha,
        "Memory of telemetry is used again.",
        OTHER_MEMORY,
    ),
    switches_nothing(
        "pkg.exporterhelper.queueBatchEnabled",
        Stage::Alpha,
        "Exporters batch in their queues.",
        OTHER_QUEUE,
    ),
    switches_nothing(
        "pkg.translator.prometheus.NormalizeName",
        Stage::Beta,
        "Names of metrics follow Prometheus' rules.",
        NO_PROMETHEUS,
    ),
    switches_nothing(
        "processor.cumulativetodelta.defaultmaxstaleness",
        Stage::Alpha,
        "The cumulativetodelta processor forgets what was silent for an hour.",
        "it has no cumulativetodelta processor yet",
    ),
    switches_nothing(
        "processor.filter.defaultErrorModeIgnore",
        Stage::Alpha,
        "The filter processor skips what a condition fails on.",
        "it has no filter processor yet",
    ),
    switches_nothing(
        "processor.k8sattributes.DontEmitV0K8sConventions",
        Stage::Alpha,
        "The k8s_attributes processor leaves out older names.",
        NO_K8S,
    ),
    switches_nothing(
        "processor.k8sattributes.EmitV1K8sConventions",
        Stage::Alpha,
        "The k8s_attributes processor uses the names of semantic conventions 1.x.",
        NO_K8S,
    ),
    switches_nothing(
        "receiverhelper.newReceiverMetrics",
        Stage::Alpha,
        "Receivers count failures apart from refusals.",
        "see docs/own-telemetry.md for what it counts",
    ),
    switches_nothing(
        "service.AllowNoPipelines",
        Stage::Alpha,
        "A configuration needs no pipelines.",
        "without a pipeline there is nothing to do",
    ),
    switches_nothing(
        "service.partialReload",
        Stage::Alpha,
        "A reload restarts only what has changed.",
        ALWAYS,
    ),
    switches_nothing(
        "service.partialReloadReceivers",
        Stage::Beta,
        "A reload restarts only receivers, if only those have changed.",
        ALWAYS,
    ),
    switches_nothing(
        "service.profilesSupport",
        Stage::Alpha,
        "Pipelines may carry profiles.",
        "they always may",
    ),
    switches_nothing(
        "telemetry.UseLocalHostAsDefaultMetricsAddress",
        Stage::Beta,
        "Own metrics are served on localhost unless told otherwise.",
        ALWAYS,
    ),
    switches_nothing(
        "telemetry.disableHighCardinalityMetrics",
        Stage::Deprecated,
        "Own metrics leave out labels with many values.",
        "it has no such labels",
    ),
    switches_nothing(
        "telemetry.newPipelineTelemetry",
        Stage::Alpha,
        "Own metrics count at the edges of each component.",
        "`tapline_items` always does",
    ),
    switches_nothing(
        "telemetry.useOtelForInternalMetrics",
        Stage::Stable,
        "Own metrics are made by the OpenTelemetry SDK.",
        ALWAYS,
    ),
];
