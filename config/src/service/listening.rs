//! Says of an unset variable that what it left of an address listens on all interfaces.
//!
//! `${env:MY_POD_IP}:4317` is `:4317` then, which works, and lets everybody in.

use super::KnownTypes;
use crate::{ComponentId, Kind, Node, Place, Problem, Problems, Severity};

/// Returns the same problems, those sharper that opened an address to everybody.
pub(super) fn sharpened(root: &Node, known: &KnownTypes<'_>, problems: Problems) -> Problems {
    let mut open = Vec::new();
    // The endpoint of a component that is not here may be one that it asks, as `postgresql` does.
    for (section, types) in [
        ("receivers", known.receivers),
        ("extensions", known.extensions),
    ] {
        for (id, node) in root.get(section).map_or(&[][..], Node::entries) {
            if ComponentId::parse(id).is_ok_and(|id| types.contains(&id.kind.as_str())) {
                find_open(node, "endpoint", &mut open);
            }
        }
    }
    // The page of own metrics has its host and its port apart.
    let own = ["service", "telemetry", "metrics"];
    if let Some(metrics) = own.iter().try_fold(root, |node, key| node.get(key)) {
        find_open(metrics, "host", &mut open);
    }
    let sharpen = |problem: Problem| {
        let found = open
            .iter()
            .find(|(place, _)| problem.place.as_ref().is_some_and(|at| is_in(at, place)));
        match found {
            Some((_, address)) if problem.severity == Severity::Warning => Problem {
                message: format!(
                    "{}: {address}, which listens on all interfaces",
                    problem.message
                ),
                ..problem
            },
            _ => problem,
        }
    };
    let mut sharper = Problems::new();
    let left_off = problems.left_off();
    sharper.extend(problems.into_iter().map(sharpen));
    sharper.leave_off(left_off);
    sharper
}

/// Finds the addresses without a host. Recurses as deep as configurations may nest.
fn find_open(node: &Node, wanted: &str, open: &mut Vec<(Place, String)>) {
    for (key, value) in node.entries() {
        let text = match &value.kind {
            Kind::String(text) => Some(text.as_str()),
            Kind::Null => Some(""),
            _ => None,
        };
        let address = match text {
            Some(_) if key != wanted => None,
            Some("") if key == "host" => Some("`host` is empty".to_owned()),
            Some(text) if text.starts_with(':') => Some(format!("`{key}` is `{text}`")),
            _ => None,
        };
        match address {
            Some(address) => open.push((value.place.clone(), address)),
            None => find_open(value, wanted, open),
        }
    }
    for item in node.items() {
        find_open(item, wanted, open);
    }
}

/// Returns whether a place is a part of another.
fn is_in(part: &Place, whole: &Place) -> bool {
    let columns = whole.column()..=whole.column() + whole.width();
    part.source() == whole.source()
        && part.line() == whole.line()
        && columns.contains(&part.column())
}

#[cfg(test)]
mod tests {
    use crate::{Environment, Input, KnownTypes, Layout, Problems, load};

    fn said(text: &str) -> Vec<String> {
        let input = Input::text("c.yaml", text);
        let document = load(&[input], &Environment::default()).expect("only warnings");
        let mut problems: Problems = document.problems().clone();
        let known = KnownTypes {
            receivers: &["otlp"],
            exporters: &["otlp"],
            ..KnownTypes::default()
        };
        Layout::read(&document, &known, &mut problems);
        problems
            .iter()
            .filter_map(|problem| {
                Some(format!("{:?} {}", problem.place.as_ref()?, problem.message))
            })
            .filter(|said| said.contains("variable"))
            .collect()
    }

    #[test]
    fn an_unset_host_is_said_to_listen_to_everybody() {
        let text = "
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: ${env:MY_POD_IP}:4317
  kubeletstats: {endpoint: '${env:NODE}:10250'}
exporters:
  otlp: {endpoint: '${env:BACKEND}:4317'}
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: '${env:MY_POD_IP}'}}}}]}}
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
";
        assert_eq!(
            said(text),
            [
                "c.yaml:6:19 environment variable `MY_POD_IP` is not set: `endpoint` is `:4317`, \
                 which listens on all interfaces",
                "c.yaml:7:29 environment variable `NODE` is not set",
                "c.yaml:9:21 environment variable `BACKEND` is not set",
                "c.yaml:11:74 environment variable `MY_POD_IP` is not set: `host` is empty, \
                 which listens on all interfaces",
            ]
        );
    }
}
