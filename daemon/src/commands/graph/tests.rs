//! Pictures of configurations, as text.

use std::collections::BTreeSet;

use tapline_config::{Environment, Input, KnownTypes, Layout, Problems, load};

use super::{dot, mermaid, picture::Picture};

const GATEWAY: &str = "
receivers: {otlp: , ebpf: }
processors: {memory_limiter: , batch: }
connectors: {count: }
exporters: {debug: , otlp_grpc/backup: }
service:
  pipelines:
    traces:
      receivers: [otlp, ebpf]
      processors: [memory_limiter, batch]
      exporters: [count, otlp_grpc/backup]
    metrics:
      receivers: [count, otlp]
      exporters: [debug, otlp_grpc/backup]
";

/// Every kind of character a name may have and a language may stumble over.
const AWKWARD: &str = r#"
receivers: {'otlp/"a"]': , 'otlp/end;#1': }
processors: {'batch/\&{}': , 'batch/__x__*': }
exporters: {'debug/größe(%)': }
service:
  pipelines:
    'logs/"sub"{':
      receivers: ['otlp/"a"]', 'otlp/end;#1']
      processors: ['batch/\&{}', 'batch/__x__*']
      exporters: ['debug/größe(%)']
"#;

fn picture(text: &str) -> Picture {
    let known = KnownTypes {
        receivers: &["otlp", "ebpf"],
        processors: &["memory_limiter", "batch"],
        exporters: &["debug", "otlp_grpc"],
        connectors: &["count"],
        ..KnownTypes::default()
    };
    let document = load(&[Input::text("a.yaml", text)], &Environment::default());
    let mut problems = Problems::new();
    let layout = Layout::read(&document.expect("good YAML"), &known, &mut problems);
    assert!(!problems.has_errors(), "{problems}");
    Picture::of(&layout)
}

#[test]
fn mermaid_shows_pipelines_and_what_they_share() {
    let expected = r#"flowchart LR
  receiver0(["otlp"])
  receiver1(["ebpf"])
  subgraph pipeline0["traces"]
    direction LR
    processor0_0["memory_limiter"]
    processor0_1["batch"]
  end
  subgraph pipeline1["metrics"]
    direction LR
    way1>"no processors"]
  end
  connector0{{"count"}}
  exporter0(["otlp_grpc/backup"])
  exporter1(["debug"])
  receiver0 --> processor0_0
  receiver1 --> processor0_0
  processor0_0 --> processor0_1
  processor0_1 --> connector0
  processor0_1 --> exporter0
  connector0 --> way1
  receiver0 --> way1
  way1 --> exporter1
  way1 --> exporter0
"#;
    assert_eq!(mermaid::write(&picture(GATEWAY)), expected);
}

#[test]
fn dot_shows_the_same() {
    let expected = r#"digraph tapline {
  rankdir=LR;
  node [shape=box];
  receiver0 [label="otlp", shape=ellipse];
  receiver1 [label="ebpf", shape=ellipse];
  subgraph cluster_pipeline0 {
    label="traces";
    processor0_0 [label="memory_limiter"];
    processor0_1 [label="batch"];
  }
  subgraph cluster_pipeline1 {
    label="metrics";
    way1 [label="no processors", shape=plaintext];
  }
  connector0 [label="count", shape=hexagon];
  exporter0 [label="otlp_grpc/backup", shape=ellipse];
  exporter1 [label="debug", shape=ellipse];
  receiver0 -> processor0_0;
  receiver1 -> processor0_0;
  processor0_0 -> processor0_1;
  processor0_1 -> connector0;
  processor0_1 -> exporter0;
  connector0 -> way1;
  receiver0 -> way1;
  way1 -> exporter1;
  way1 -> exporter0;
}
"#;
    assert_eq!(dot::write(&picture(GATEWAY)), expected);
}

#[test]
fn any_legal_id_is_drawn_in_valid_dot() {
    let text = dot::write(&picture(AWKWARD));
    let mut tokens = tokens(&text);
    assert!(tokens.starts_with(&["digraph", "tapline", "{"].map(str::to_owned)));
    let count = |wanted: &str| tokens.iter().filter(|token| *token == wanted).count();
    assert_eq!((count("{"), count("["), count("->")), (2, 6, 4), "{text}");
    assert_eq!((count("{"), count("[")), (count("}"), count("]")), "{text}");
    tokens.retain(|token| token.starts_with('"'));
    let labels = [
        r#""otlp/\"a\"]""#,
        r#""otlp/end;#1""#,
        r#""logs/\"sub\"{""#,
        r#""batch/\\&{}""#,
        r#""batch/__x__*""#,
        r#""debug/größe(%)""#,
    ];
    assert_eq!(tokens, labels);
}

#[test]
fn any_legal_id_is_drawn_in_valid_mermaid() {
    let text = mermaid::write(&picture(AWKWARD));
    assert_balanced(&text);
    for label in [
        "\"otlp/#34;a#34;#93;\"",
        "\"otlp/end#59;#35;1\"",
        "\"logs/#34;sub#34;#123;\"",
        "\"batch/#92;#38;#123;#125;\"",
        "\"debug/größe#40;#37;#41;\"",
    ] {
        assert!(text.contains(label), "no {label} in\n{text}");
    }
}

/// Every line is a box, an arrow, or the edge of a frame; arrows join boxes that are there.
fn assert_balanced(text: &str) {
    let mut boxes = BTreeSet::new();
    let mut frames = 0;
    for line in text.lines().skip(1).map(str::trim) {
        if let Some((from, to)) = line.split_once(" --> ") {
            assert!(boxes.contains(from) && boxes.contains(to), "{line}");
        } else if line.starts_with("subgraph ") {
            frames += 1;
        } else if line == "end" {
            frames -= 1;
        } else if line != "direction LR" {
            let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            assert!(boxes.insert(&line[..end.expect("a shape")]), "{line}");
            assert_eq!(line.matches('"').count(), 2, "{line}");
        }
    }
    assert_eq!(frames, 0, "{text}");
}

/// Splits DOT into words, quoted texts and signs, as Graphviz would.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' {
            let mut escaped = false;
            let ends = |c: char| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            };
            2 + rest[1..].find(ends).expect("a closing quotation mark")
        } else if first.is_ascii_alphanumeric() {
            let is_other = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            rest.find(is_other).unwrap_or(rest.len())
        } else if rest.starts_with("->") {
            2
        } else {
            assert!("{}[]=,;".contains(first), "{first:?} before {rest}");
            1
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}
