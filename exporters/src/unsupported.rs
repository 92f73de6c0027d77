//! Settings that the Collector has and we do not: recognised, so that the error is honest.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny},
};
use tapline_config::Invalid;

/// What is said about such a setting.
pub(crate) const NOT_SUPPORTED: &str = "is not supported by tapline yet";

/// A setting that may only be absent or say nothing: null, false, zero, or empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsupported {
    is_set: bool,
}

impl Unsupported {
    /// Returns the complaint about this setting if the user wrote it.
    pub(crate) fn complaint(self, key: &str) -> Option<Invalid> {
        self.is_set.then(|| Invalid::at(key, NOT_SUPPORTED))
    }
}

impl Serialize for Unsupported {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl JsonSchema for Unsupported {
    fn schema_name() -> Cow<'static, str> {
        "Unsupported".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "format": "not supported" })
    }
}

impl<'de> Deserialize<'de> for Unsupported {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Unsupported;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Unsupported, E> {
        Ok(Unsupported::default())
    }

    fn visit_bool<E: de::Error>(self, is_set: bool) -> Result<Unsupported, E> {
        Ok(Unsupported { is_set })
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Unsupported, E> {
        Ok(Unsupported {
            is_set: number != 0,
        })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Unsupported, E> {
        Ok(Unsupported {
            is_set: number != 0,
        })
    }

    fn visit_f64<E: de::Error>(self, _number: f64) -> Result<Unsupported, E> {
        Ok(Unsupported { is_set: true })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Unsupported, E> {
        Ok(Unsupported {
            is_set: !text.is_empty(),
        })
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Unsupported, A::Error> {
        let mut is_set = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            is_set = true;
        }
        Ok(Unsupported { is_set })
    }

    // Even an empty block switches its subject on, such as `cookies: {}`.
    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Unsupported, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Unsupported { is_set: true })
    }
}
