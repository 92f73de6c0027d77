//! One setting as a line of a table: where it stands, what it may be, what it is by default.

use serde_json::Value;

/// A setting, or a block of settings.
pub(super) struct Row {
    /// Keys joined by `::`, as messages write them; `[]` stands for each item of a list.
    pub(super) path: String,
    pub(super) kind: String,
    /// As it would be written; empty where there is none.
    pub(super) default: String,
    pub(super) about: String,
}

/// Lists what may be written in a block, blocks inside of it included.
pub(super) fn rows(schema: &Value, defaults: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    settings(schema, defaults, "", &mut rows);
    rows
}

/// Recurses as deep as settings nest; a block that holds itself ends in a `$ref`.
fn settings(schema: &Value, defaults: &Value, prefix: &str, rows: &mut Vec<Row>) {
    let block = solid(schema);
    let Some(properties) = block["properties"].as_object() else {
        return;
    };
    for (key, described) in properties {
        let path = format!("{prefix}{key}");
        let own = &described["default"];
        let default = defaults.get(key).filter(|value| !value.is_null());
        let default = default.unwrap_or(own);
        let inner = solid(described);
        rows.push(Row {
            path: path.clone(),
            kind: kind(described),
            default: written(inner, default),
            about: sentence(described, inner),
        });
        settings(inner, default, &format!("{path}::"), rows);
        settings(&inner["items"], &Value::Null, &format!("{path}[]::"), rows);
    }
}

/// Takes off what only says that a value may be left empty.
pub(crate) fn solid(schema: &Value) -> &Value {
    let choices = schema["anyOf"].as_array().or(schema["allOf"].as_array());
    let Some(choices) = choices else {
        return schema;
    };
    if schema.get("format").is_some() {
        return schema;
    }
    let mut solid = choices.iter().filter(|choice| choice["type"] != "null");
    match (solid.next(), solid.next()) {
        (Some(only), None) => only,
        _ => schema,
    }
}

/// Says in words what a setting may be.
fn kind(schema: &Value) -> String {
    let schema = solid(schema);
    if let Some(format) = schema["format"]
        .as_str()
        .filter(|format| format.contains(' '))
    {
        let words = format.strip_suffix(" in Go's form").unwrap_or(format);
        return words.to_owned();
    }
    match schema["format"].as_str() {
        Some("secret") => return "secret".to_owned(),
        Some("headers") => return "headers".to_owned(),
        _ => {}
    }
    if let Some(names) = choice(schema) {
        return format!("one of {}", names.join(", "));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    match kinds.iter().find(|kind| **kind != "null") {
        Some(&"object") if schema["additionalProperties"].is_object() => "map".to_owned(),
        Some(&"object") => "block".to_owned(),
        Some(&"array") => match kind(&schema["items"]).as_str() {
            "any value" | "not supported" => "list".to_owned(),
            item => format!("list of {item}s"),
        },
        Some(&"boolean") => "boolean".to_owned(),
        Some(kind) => (*kind).to_owned(),
        None => "any value".to_owned(),
    }
}

/// Lists the texts that a setting may be, if it is a choice.
fn choice(schema: &Value) -> Option<Vec<String>> {
    let listed = schema["enum"]
        .as_array()
        .map(|names| names.iter().collect());
    let described = || {
        let choices = schema["oneOf"].as_array()?.iter();
        choices
            .map(|choice| choice.get("const").or_else(|| choice["enum"].get(0)))
            .collect::<Option<Vec<&Value>>>()
    };
    let names = listed.or_else(described)?.into_iter();
    Some(names.map(|name| format!("`{}`", plain(name))).collect())
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Writes a default as in a file; a block has none, its settings do.
fn written(schema: &Value, default: &Value) -> String {
    match default {
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::Array(items) if items.is_empty() => "`[]`".to_owned(),
        _ if schema["format"] == "secret" => String::new(),
        value => format!("`{}`", plain(value)),
    }
}

/// Joins the lines of a comment, without what only rustdoc understands.
fn sentence(described: &Value, inner: &Value) -> String {
    let text = described["description"]
        .as_str()
        .or(inner["description"].as_str())
        .unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    first
        .replace('\n', " ")
        .replace("[`", "`")
        .replace("`]", "`")
}
