//! Whom nobody wants to hear of: other collectors and agents, and what guards keys.

use crate::ebpf::glob::matches;

/// Names of executables, or paths; the documentation of `default_exclusions` lists them too.
pub(super) const EXCLUDED: [&str; 44] = [
    // tapline itself, and other instances of it.
    "tapline",
    // OpenTelemetry and its distributions.
    "otelcol*",
    "otel-collector*",
    "*-otel-collector",
    "splunk-otel*",
    "opampsupervisor",
    "obi",
    "ebpf-instrument",
    "beyla",
    "alloy",
    "grafana-agent*",
    "promtail",
    "vector",
    "rotel",
    "fluent-bit",
    "/opt/td-agent/*",
    "/opt/fluent/*",
    "telegraf",
    // Agents of vendors.
    "/opt/datadog-agent/*",
    "datadog-agent",
    "trace-agent",
    "process-agent",
    "system-probe",
    "newrelic-infra*",
    "oneagent*",
    "elastic-agent",
    "filebeat",
    "metricbeat",
    "packetbeat",
    "heartbeat",
    "auditbeat",
    "amazon-cloudwatch-agent",
    // Other programs that watch from the kernel.
    "coroot-node-agent",
    "deepflow-agent",
    "parca-agent",
    "cilium-agent",
    "tetragon",
    "falco",
    "kindling-*",
    // Keepers of keys.
    "ssh-agent",
    "gpg-agent",
    "keyboxd",
    "gnome-keyring-*",
    "vault",
];

/// Returns whether an executable is one of them.
pub(super) fn excludes(executable: &str) -> bool {
    let base = executable.rsplit('/').next().unwrap_or(executable);
    EXCLUDED.iter().any(|pattern| {
        let text = if pattern.starts_with('/') {
            executable
        } else {
            base
        };
        matches(pattern.as_bytes(), text.as_bytes())
    })
}
