//! SARIF 2.1.0, as much of it as has something to say here.

use std::fmt::Write;

use serde_json::{Value, json};
use tapline_config::{Place, Problem, Problems};

use super::{
    rest,
    rules::{RULES, position},
    severity,
};

/// Writes problems as a SARIF log of one run.
pub(in crate::commands) fn sarif(problems: &Problems) -> String {
    let rest = rest(problems);
    let results: Vec<Value> = problems.iter().chain(&rest).map(result).collect();
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| json!({ "id": rule.id, "shortDescription": { "text": rule.about } }))
        .collect();
    let driver = json!({
        "name": "tapline",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let text = serde_json::to_string_pretty(&log).expect("plain data");
    text + "\n"
}

fn result(problem: &Problem) -> Value {
    let rule = position(&problem.message);
    let text = match &problem.label {
        Some(label) => format!("{} ({label})", problem.message),
        None => problem.message.clone(),
    };
    let mut result = json!({
        "ruleId": RULES[rule].id,
        "ruleIndex": rule,
        "level": severity(problem),
        "message": { "text": text },
    });
    if let Some(place) = &problem.place {
        result["locations"] = json!([{ "physicalLocation": location(place) }]);
    }
    result
}

fn location(place: &Place) -> Value {
    json!({
        "artifactLocation": { "uri": uri(place.source().name()) },
        "region": {
            "startLine": place.line(),
            "startColumn": place.column(),
            "endColumn": place.column() + place.width(),
        },
    })
}

/// Writes a path as a reference relative to wherever the report is read.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') {
        "file://".to_owned()
    } else {
        String::new()
    };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}
