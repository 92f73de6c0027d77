//! The JSON Schema of a whole configuration.
//!
//! The derived schemas say what a setting may be in the end. In a file it may also be empty, or a
//! reference such as `${env:NAME}`; that is added here.

use serde_json::{Map, Value, json};

use super::{entries, generator};
use crate::telemetry;

/// Returns the schema of a configuration, Draft 07.
pub(crate) fn schema() -> Value {
    let mut generator = generator();
    let mut sections = Map::new();
    for entry in entries() {
        let described = (entry.settings)(&mut generator);
        let section = sections.entry(entry.section).or_insert_with(|| json!({}));
        for name in entry.names {
            let mut settings = described.schema.clone();
            settings.insert("description".to_owned(), entry.about.into());
            section[format!("^{name}(/.*)?$")] = settings.to_value();
        }
    }
    let mut properties = Map::new();
    for (section, components) in sections {
        properties.insert(section, ids_only(&components));
    }
    properties.insert("service".to_owned(), service(&mut generator));
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "tapline configuration",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "definitions": generator.take_definitions(true),
    });
    loosen(&mut schema);
    schema
}

/// A section whose keys are component ids.
fn ids_only(components: &Value) -> Value {
    json!({
        "type": "object",
        "patternProperties": components,
        "additionalProperties": false,
    })
}

fn service(generator: &mut schemars::SchemaGenerator) -> Value {
    let ids = json!({ "type": "array", "items": { "type": "string" } });
    let pipeline = json!({
        "type": "object",
        "properties": { "receivers": ids, "processors": ids, "exporters": ids },
        "additionalProperties": false,
    });
    let mut telemetry = Map::new();
    for (key, block) in telemetry::settings(generator) {
        telemetry.insert(key.to_owned(), block.schema.to_value());
    }
    telemetry.insert("resource".to_owned(), json!({ "type": "object" }));
    json!({
        "type": "object",
        "properties": {
            "extensions": ids,
            "pipelines": {
                "type": "object",
                "patternProperties": { "^(traces|metrics|logs|profiles)(/.*)?$": pipeline },
                "additionalProperties": false,
            },
            "telemetry": {
                "type": "object",
                "properties": telemetry,
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    })
}

/// Lets every value also be empty or a reference. Recurses as deep as settings nest.
fn loosen(schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else {
        return;
    };
    for (keyword, below) in keywords.iter_mut() {
        match (keyword.as_str(), below) {
            ("properties" | "patternProperties" | "definitions", Value::Object(schemas)) => {
                schemas.values_mut().for_each(loosen);
            }
            ("items" | "additionalProperties", below) => loosen(below),
            ("anyOf" | "allOf", Value::Array(schemas)) => schemas.iter_mut().for_each(loosen),
            _ => {}
        }
    }
    // A key may also be a path, such as `protocols::grpc`.
    if keywords.get("additionalProperties") == Some(&Value::Bool(false)) {
        let patterns = keywords.entry("patternProperties");
        patterns.or_insert_with(|| json!({}))["::"] = Value::Bool(true);
    }
    if keywords.contains_key("enum") || keywords.contains_key("oneOf") {
        let choice = Value::Object(std::mem::take(keywords));
        *schema = json!({ "anyOf": [choice, reference(), { "type": "null" }] });
        return;
    }
    let Some(kind) = keywords.get("type") else {
        return;
    };
    let mut kinds = match kind {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    if !kinds.contains(&json!("string")) {
        kinds.push(json!("string"));
        keywords.insert("pattern".to_owned(), reference()["pattern"].clone());
    }
    if !kinds.contains(&json!("null")) {
        kinds.push(json!("null"));
    }
    keywords.insert("type".to_owned(), Value::Array(kinds));
}

fn reference() -> Value {
    json!({ "type": "string", "pattern": "\\$\\{" })
}
