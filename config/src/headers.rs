//! Headers to send: a map, or a list of names and values.

use std::{collections::HashSet, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Opaque;

/// Headers in the order they were written; their values are secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Opaque)>);

impl Headers {
    /// Returns the names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Opaque)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns the value of a header by its name as written.
    pub fn get(&self, name: &str) -> Option<&Opaque> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Opaque)> for Headers {
    fn from_iter<T: IntoIterator<Item = (String, Opaque)>>(headers: T) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

/// One header in the list form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    #[serde(default)]
    value: Opaque,
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of headers, or a list of `name` and `value`")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = Headers::default();
        while let Some((name, value)) = map.next_entry::<String, Option<Opaque>>()? {
            headers.0.push((name, value.unwrap_or_default()));
        }
        Ok(headers)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Headers, A::Error> {
        let mut headers = Headers::default();
        let mut seen: HashSet<String> = HashSet::new();
        let mut repeated: Vec<String> = Vec::new();
        while let Some(Header { name, value }) = list.next_element()? {
            if !seen.insert(name.clone()) {
                repeated.push(name);
                continue;
            }
            headers.0.push((name, value));
        }
        if repeated.is_empty() {
            return Ok(headers);
        }
        let found = format!("duplicate keys in map-style list: [{}]", repeated.join(" "));
        Err(de::Error::invalid_value(
            de::Unexpected::Other(&found),
            &self,
        ))
    }
}
