//! A value of an attribute as the user writes it in YAML.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_pdata::rewrite::{NewValue, array, map};

/// A value written in the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum Literal {
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// A string.
    Str(String),
    /// Values in order.
    List(Vec<Literal>),
    /// Values by key.
    Map(BTreeMap<String, Literal>),
}

impl Literal {
    /// Returns the body of an `AnyValue`.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Bool(truth) => NewValue::Bool(*truth).encode(),
            Self::Int(int) => NewValue::Int(*int).encode(),
            Self::Double(double) => NewValue::Double(*double).encode(),
            Self::Str(text) => NewValue::Str(text).encode(),
            Self::List(values) => array(values.iter().map(Self::encode)),
            Self::Map(pairs) => map(pairs.iter().map(|(key, value)| (key, value.encode()))),
        }
    }
}
