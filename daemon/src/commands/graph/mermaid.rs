//! A picture in Mermaid's flowchart language.

use std::fmt::Write;

use super::picture::{Part, Picture, Role};

/// Writes a picture.
pub(super) fn write(picture: &Picture) -> String {
    let mut out = "flowchart LR\n".to_owned();
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
        let _ = writeln!(
            out,
            "  subgraph {}[\"{}\"]",
            frame.name,
            escaped(&frame.label)
        );
        out.push_str("    direction LR\n");
        for inner in &frame.boxes {
            draw(&mut out, "    ", inner);
        }
        out.push_str("  end\n");
    }
    for shared in of(Role::Connector).chain(of(Role::Exporter)) {
        draw(&mut out, "  ", shared);
    }
    for (from, to) in &picture.arrows {
        let _ = writeln!(out, "  {from} --> {to}");
    }
    out
}

/// Receivers and exporters are round, connectors have points, a way is as thin as can be.
fn draw(out: &mut String, margin: &str, drawn: &Part) {
    let (open, close) = match drawn.role {
        Role::Receiver | Role::Exporter => ("([", "])"),
        Role::Processor => ("[", "]"),
        Role::Connector => ("{{", "}}"),
        Role::Way => (">", "]"),
    };
    let (name, label) = (&drawn.name, escaped(&drawn.label));
    let _ = writeln!(out, "{margin}{name}{open}\"{label}\"{close}");
}

/// Writes what could mean something to Mermaid, or to Markdown in it, as character codes.
fn escaped(label: &str) -> String {
    let mut text = String::new();
    for c in label.chars() {
        if c.is_alphanumeric() || matches!(c, '/' | '-' | '.' | ' ') {
            text.push(c);
        } else if c == '_' && !text.is_empty() && !text.ends_with('_') {
            // One between letters is no emphasis.
            text.push(c);
        } else {
            let _ = write!(text, "#{};", c as u32);
        }
    }
    text
}
