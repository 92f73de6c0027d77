//! Sets of ports, as people write them: `8080`, `80,8000-8999`, or a list of either.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

/// The most ranges of one set.
const RANGES_MAX: usize = 256;

/// A set of ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports(Vec<(u16, u16)>);

impl Ports {
    /// Returns whether a port is in the set.
    pub(crate) fn contains(&self, port: u16) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&port))
    }

    /// Reads `80,8000-8999`.
    fn add(&mut self, text: &str) -> Result<(), String> {
        for part in text.split(',').map(str::trim) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| {
                let number = text.trim().parse::<u16>();
                let number = number.ok().filter(|port| *port != 0);
                number.ok_or_else(|| format!("{part:?} is neither a port nor a range of ports"))
            };
            self.push(number(first)?, number(last)?)?;
        }
        Ok(())
    }

    fn push(&mut self, first: u16, last: u16) -> Result<(), String> {
        if first > last {
            return Err(format!(
                "{first}-{last} is no range: it ends before it begins"
            ));
        }
        if self.0.len() >= RANGES_MAX {
            return Err(format!("more than {RANGES_MAX} ranges of ports"));
        }
        self.0.push((first, last));
        Ok(())
    }
}

impl TryFrom<&str> for Ports {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        let mut ports = Self::default();
        ports.add(text)?;
        Ok(ports)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            if first == last {
                write!(out, "{comma}{first}")?;
            } else {
                write!(out, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PortsVisitor)
    }
}

impl JsonSchema for Ports {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ports".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let port = json_schema!({ "type": "integer", "minimum": 1, "maximum": 65535 });
        let text = json_schema!({ "type": "string" });
        json_schema!({
            "format": "ports and ranges",
            "anyOf": [port, text, { "type": "array", "items": { "anyOf": [port, text] } }]
        })
    }
}

struct PortsVisitor;

impl<'de> Visitor<'de> for PortsVisitor {
    type Value = Ports;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a port, a text such as `80,8000-8999`, or a list of them")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Ports, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Ports, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Ports, E> {
        Ports::try_from(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ports, A::Error> {
        let mut ports = Ports::default();
        while let Some(Ports(ranges)) = items.next_element::<Ports>()? {
            for (first, last) in ranges {
                ports.push(first, last).map_err(A::Error::custom)?;
            }
        }
        Ok(ports)
    }
}
