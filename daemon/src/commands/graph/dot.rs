//! A picture in Graphviz' language.

use std::fmt::Write;

use super::picture::{Part, Picture, Role};

/// Writes a picture.
pub(super) fn write(picture: &Picture) -> String {
    let mut out = "digraph tapline {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    let of = |role| {
        picture
            .shared
            .iter()
            .filter(move |shared| shared.role == role)
    };
    for shared in of(Role::Receiver) {
        draw(&mut out, "  ", shared);
    }
    for frame in &picture.frames {
        let _ = writeln!(out, "  subgraph cluster_{} {{", frame.name);
        let _ = writeln!(out, "    label={};", quoted(&frame.label));
        for inner in &frame.boxes {
            draw(&mut out, "    ", inner);
        }
        out.push_str("  }\n");
    }
    for shared in of(Role::Connector).chain(of(Role::Exporter)) {
        draw(&mut out, "  ", shared);
    }
    for (from, to) in &picture.arrows {
        let _ = writeln!(out, "  {from} -> {to};");
    }
    out.push_str("}\n");
    out
}

fn draw(out: &mut String, margin: &str, drawn: &Part) {
    let shape = match drawn.role {
        Role::Processor => "",
        Role::Receiver | Role::Exporter => ", shape=ellipse",
        Role::Connector => ", shape=hexagon",
        Role::Way => ", shape=plaintext",
    };
    let (name, label) = (&drawn.name, quoted(&drawn.label));
    let _ = writeln!(out, "{margin}{name} [label={label}{shape}];");
}

/// A backslash would begin an escape, and a quotation mark would end the text.
fn quoted(label: &str) -> String {
    format!("\"{}\"", label.replace('\\', "\\\\").replace('"', "\\\""))
}
