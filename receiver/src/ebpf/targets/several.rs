//! One value or a list of them, as people write them.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor, value},
};

/// Several values, of which one suffices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Several<T>(pub Vec<T>);

impl<T: Serialize> Serialize for Several<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for Several<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Several_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({
            "format": "value or list of values",
            "anyOf": [one, { "type": "array", "items": one }],
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeveralVisitor(PhantomData))
    }
}

struct SeveralVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SeveralVisitor<T> {
    type Value = Several<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value or a list of them")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Several<T>, E> {
        T::deserialize(value::U64Deserializer::new(number)).map(|one| Several(vec![one]))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Several<T>, E> {
        T::deserialize(value::I64Deserializer::new(number)).map(|one| Several(vec![one]))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Several<T>, E> {
        T::deserialize(value::StrDeserializer::new(text)).map(|one| Several(vec![one]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Several<T>, A::Error> {
        let mut several = Vec::new();
        while let Some(item) = items.next_element()? {
            several.push(item);
        }
        Ok(Several(several))
    }
}
