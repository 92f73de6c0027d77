//! What the types that write their own decoding look like in a JSON Schema.
//!
//! Everything else derives `JsonSchema`. A schema says what a setting may be once `${…}` is
//! expanded; that any value may be a reference is added by whoever assembles the whole.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::{ByteSize, ComponentId, Duration, Extended, Headers, Opaque, Optional};

impl JsonSchema for ComponentId {
    fn schema_name() -> Cow<'static, str> {
        "ComponentId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "component id" })
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "format": "duration in Go's form" })
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "format": "size in bytes" })
    }
}

impl JsonSchema for Opaque {
    fn schema_name() -> Cow<'static, str> {
        "Opaque".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "secret" })
    }
}

impl JsonSchema for Headers {
    fn schema_name() -> Cow<'static, str> {
        "Headers".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let value = json_schema!({ "type": ["string", "null"], "format": "secret" });
        json_schema!({
            "format": "headers",
            "anyOf": [
                { "type": "object", "additionalProperties": value },
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": { "name": { "type": "string" }, "value": value },
                        "required": ["name"],
                        "additionalProperties": false,
                    },
                },
            ],
        })
    }
}

impl<T: JsonSchema> JsonSchema for Optional<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Optional{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let enabled = json_schema!({
            "type": "boolean",
            "default": true,
            "description": "Whether the block is in use, once it is written.",
        });
        properties(&mut schema)
            .entry("enabled")
            .or_insert_with(|| enabled.to_value());
        schema
    }
}

impl<B: JsonSchema, E: JsonSchema> JsonSchema for Extended<B, E> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}With{}", B::schema_name(), E::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = B::json_schema(generator);
        let mut extra = E::json_schema(generator);
        let added = std::mem::take(properties(&mut extra));
        properties(&mut schema).extend(added);
        schema
    }
}

/// Returns the settings of a block; every block of ours is a map of settings.
fn properties(schema: &mut Schema) -> &mut Map<String, Value> {
    let block = schema.ensure_object();
    let properties = block
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    properties.as_object_mut().expect("settings are a map")
}
