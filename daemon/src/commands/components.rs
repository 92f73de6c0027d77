//! `tapline components`: what there is, in the YAML that `otelcol components` prints.
//!
//! It is read by scripts that ask whether a component is there, so each canonical name is listed,
//! with its older names beside it.

use std::fmt::Write;

use anyhow::Result;
use tapline_pdata::Signal;

use super::say;
use crate::{
    components::{CONNECTORS, EXPORTERS, EXTENSIONS, PROCESSORS, RECEIVERS, Row},
    stability::Stability,
};

pub(crate) const EXAMPLE: &str = "\
Example:
  tapline components";

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where configuration may come from: `--config SCHEME:…` and `${SCHEME:…}`.
const SCHEMES: &[&str] = &["env", "file", "http", "https", "yaml"];

/// The Collector lists signals by name.
const SIGNALS: [Signal; 4] = [
    Signal::Logs,
    Signal::Metrics,
    Signal::Profiles,
    Signal::Traces,
];

/// Lists every component.
pub(super) fn components() -> Result<()> {
    say(&listed())
}

fn listed() -> String {
    let mut out = format!(
        "buildinfo:\n    command: tapline\n    description: {}\n    version: {VERSION}\n",
        "OpenTelemetry Collector with an eBPF receiver"
    );
    section(&mut out, "receivers", "tapline-receiver", RECEIVERS);
    section(&mut out, "processors", "tapline-processors", PROCESSORS);
    section(&mut out, "exporters", "tapline-exporters", EXPORTERS);
    section(&mut out, "connectors", "tapline-processors", CONNECTORS);
    section(&mut out, "extensions", "tapline", EXTENSIONS);
    out.push_str("providers:\n");
    for scheme in SCHEMES {
        let _ = write!(
            out,
            "    - scheme: {scheme}\n      module: tapline-config v{VERSION}\n"
        );
    }
    out
}

fn section<M>(out: &mut String, name: &str, module: &str, table: &[Row<M>]) {
    let _ = writeln!(out, "{name}:");
    for row in table {
        let _ = writeln!(out, "    - name: {}", row.names[0]);
        if let [_, aliases @ ..] = row.names
            && !aliases.is_empty()
        {
            let _ = writeln!(out, "      aliases: [{}]", aliases.join(", "));
        }
        let _ = writeln!(out, "      module: {module} v{VERSION}\n      stability:");
        match row.stability {
            Stability::Whole(level) => {
                let _ = writeln!(out, "        extension: {}", level.name());
            }
            Stability::Routes(routes) => {
                for (from, to, level) in routes {
                    let _ = writeln!(out, "        {from}-to-{to}: {}", level.name());
                }
            }
            signals @ Stability::Signals(_) => {
                for signal in SIGNALS {
                    let level = signals.of(signal).map_or("Undefined", |level| level.name());
                    let _ = writeln!(out, "        {signal}: {level}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn canonical_names_are_listed_with_their_aliases() {
        let expected = "    - name: otlp_grpc\n      aliases: [otlp]\n      module: \
                        tapline-exporters v0.1.0\n      stability:\n        logs: Beta\n        \
                        metrics: Beta\n        profiles: Alpha\n        traces: Beta\n";
        assert!(listed().contains(expected), "{}", listed());
    }

    #[test]
    fn our_own_components_are_listed() {
        for name in ["ebpf", "terminal"] {
            let line = format!("    - name: {name}\n");
            assert_eq!(listed().matches(&line).count(), 1, "{name}");
        }
    }
}
