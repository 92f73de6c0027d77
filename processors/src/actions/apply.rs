//! Actions in the form they are applied in, to the attributes of anything.

use std::fmt::Write as _;

use regex::Regex;
use sha2::{Digest as _, Sha256};
use tapline_pdata::{
    Origin,
    rewrite::{At, AttributesEdit, NewValue},
    view::Value,
};

use super::Action;

/// A checked list of actions, in order.
#[derive(Debug)]
pub struct Actions(Vec<Ready>);

#[derive(Debug)]
struct Ready {
    key: String,
    verb: Verb,
}

#[derive(Debug)]
enum Verb {
    Insert(Source),
    Update(Source),
    Upsert(Source),
    Delete(Option<Regex>),
    Hash(Option<Regex>),
    Extract(Regex),
    Convert(Target),
}

#[derive(Debug)]
struct Source {
    from: Given,
    /// An encoded value.
    default: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Given {
    /// An encoded value.
    Literal(Vec<u8>),
    Attribute(String),
    Metadata(String),
    Auth(String),
    ClientAddress,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Int,
    Double,
    Str,
}

impl Actions {
    /// Prepares a list of actions that [`validate`](super::validate) finds nothing wrong with.
    pub fn new(actions: &[Action]) -> Result<Self, String> {
        actions
            .iter()
            .map(Ready::new)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Applies each action in order.
    pub fn apply(&self, attributes: &mut AttributesEdit<'_>, origin: Option<&Origin>) {
        for action in &self.0 {
            action.apply(attributes, origin);
        }
    }
}

impl Ready {
    fn new(action: &Action) -> Result<Self, String> {
        let regex = || Regex::new(&action.pattern).map_err(|error| error.to_string());
        let keys = || match action.pattern.as_str() {
            "" => Ok(None),
            _ => regex().map(Some),
        };
        let verb = match action.action.as_str() {
            "insert" => Verb::Insert(Source::new(action)),
            "update" => Verb::Update(Source::new(action)),
            "upsert" => Verb::Upsert(Source::new(action)),
            "delete" => Verb::Delete(keys()?),
            "hash" => Verb::Hash(keys()?),
            "extract" => Verb::Extract(regex()?),
            "convert" => Verb::Convert(match action.converted_type.as_str() {
                "int" => Target::Int,
                "double" => Target::Double,
                _ => Target::Str,
            }),
            other => return Err(format!("`{other}` is no action")),
        };
        let key = action.key.clone();
        Ok(Self { key, verb })
    }

    fn apply(&self, attributes: &mut AttributesEdit<'_>, origin: Option<&Origin>) {
        let key = self.key.as_str();
        match &self.verb {
            Verb::Insert(source) if attributes.find(key).is_none() => {
                source.set(key, attributes, origin);
            }
            Verb::Update(source) if attributes.find(key).is_some() => {
                source.set(key, attributes, origin);
            }
            Verb::Upsert(source) => source.set(key, attributes, origin),
            Verb::Insert(_) | Verb::Update(_) => {}
            Verb::Delete(pattern) => {
                for at in matching(key, pattern.as_ref(), attributes) {
                    attributes.remove_at(at);
                }
            }
            Verb::Hash(pattern) => {
                for at in matching(key, pattern.as_ref(), attributes) {
                    let hashed = hash(&attributes.value(at), attributes.encoded(at));
                    attributes.replace(at, NewValue::Str(&hashed));
                }
            }
            Verb::Extract(pattern) => extract(key, pattern, attributes),
            Verb::Convert(target) => {
                if let Some(at) = attributes.find(key) {
                    convert(at, *target, attributes);
                }
            }
        }
    }
}

impl Source {
    fn new(action: &Action) -> Self {
        let context = action.from_context.as_str();
        let from = if let Some(value) = &action.value {
            Given::Literal(value.encode())
        } else if !action.from_attribute.is_empty() {
            Given::Attribute(action.from_attribute.clone())
        } else if let Some(header) = context.strip_prefix("metadata.") {
            Given::Metadata(header.to_owned())
        } else if let Some(name) = context.strip_prefix("auth.") {
            Given::Auth(name.to_owned())
        } else {
            Given::ClientAddress
        };
        let default = action.default_value.as_ref().map(super::Literal::encode);
        Self { from, default }
    }

    /// Sets the attribute, unless there is nothing to set it to.
    fn set(&self, key: &str, attributes: &mut AttributesEdit<'_>, origin: Option<&Origin>) {
        let text = |text: String| Some(NewValue::Str(&text).encode());
        let found = match &self.from {
            Given::Literal(value) => return attributes.upsert(key, NewValue::Encoded(value)),
            Given::Attribute(from) => attributes
                .find(from)
                .map(|at| attributes.encoded(at).to_vec()),
            Given::Metadata(header) => {
                let values = origin.and_then(|origin| origin.metadata(header));
                values.and_then(|values| text(values.join(";")))
            }
            Given::Auth(name) => {
                let found = origin.and_then(|origin| origin.auth(name));
                found.and_then(|found| text(found.to_owned()))
            }
            Given::ClientAddress => {
                let address = origin.and_then(Origin::peer_ip);
                address.and_then(|address| text(address.to_string()))
            }
        };
        if let Some(value) = found.as_ref().or(self.default.as_ref()) {
            attributes.upsert(key, NewValue::Encoded(value));
        }
    }
}

/// Finds every attribute that has this key or matches this pattern, also when keys repeat.
fn matching(key: &str, pattern: Option<&Regex>, attributes: &AttributesEdit<'_>) -> Vec<At> {
    let matches = |at: &At| {
        let found = attributes.key(*at);
        // An empty key means that only the pattern counts.
        (!key.is_empty() && found == key) || pattern.is_some_and(|one| one.is_match(&found))
    };
    attributes.positions().filter(matches).collect()
}

/// Returns the SHA-256 of a value in hexadecimal; nothing stays nothing. Numbers are hashed as
/// their eight bytes, least significant first, truth values as one.
fn hash(value: &Value<'_>, encoded: &[u8]) -> String {
    let digest = match value {
        Value::Str(text) if text.is_empty() => return String::new(),
        Value::Str(text) => Sha256::digest(text.as_bytes()),
        Value::Bool(truth) => Sha256::digest([u8::from(*truth)]),
        Value::Int(int) => Sha256::digest(int.to_le_bytes()),
        Value::Double(double) => Sha256::digest(double.to_bits().to_le_bytes()),
        Value::Bytes(bytes) => Sha256::digest(bytes),
        Value::Empty => return String::new(),
        Value::Array(_) | Value::Map(_) => Sha256::digest(encoded),
    };
    let mut hex = String::with_capacity(2 * digest.len());
    for byte in digest {
        write!(hex, "{byte:02x}").expect("a String grows");
    }
    hex
}

/// Makes an attribute of each named group, if the value is a string that the pattern matches.
fn extract(key: &str, pattern: &Regex, attributes: &mut AttributesEdit<'_>) {
    let Some(Value::Str(text)) = attributes.get(key) else {
        return;
    };
    let text = text.into_owned();
    let Some(found) = pattern.captures(&text) else {
        return;
    };
    for name in pattern.capture_names().flatten() {
        // A group that took no part is an empty string, as in Go.
        let group = found.name(name).map_or("", |group| group.as_str());
        attributes.upsert(name, NewValue::Str(group));
    }
}

/// Changes the type of a value; one that cannot be converted stays.
fn convert(at: At, target: Target, attributes: &mut AttributesEdit<'_>) {
    let value = attributes.value(at);
    let number = |truth: bool| i64::from(truth);
    let (mut int, mut double, mut text) = (None, None, None);
    #[expect(
        clippy::cast_precision_loss,
        reason = "what a conversion to double means"
    )]
    match (target, &value) {
        (Target::Int, Value::Double(from)) => int = Some(*from as i64),
        (Target::Int, Value::Bool(from)) => int = Some(number(*from)),
        (Target::Int, Value::Str(from)) => int = from.parse().ok(),
        (Target::Double, Value::Int(from)) => double = Some(*from as f64),
        (Target::Double, Value::Bool(from)) => double = Some(number(*from) as f64),
        (Target::Double, Value::Str(from)) => double = from.parse().ok(),
        (Target::Str, Value::Int(from)) => text = Some(from.to_string()),
        (Target::Str, Value::Bool(from)) => text = Some(from.to_string()),
        (Target::Str, Value::Double(from)) => text = Some(from.to_string()),
        _ => {}
    }
    if let Some(int) = int {
        attributes.replace(at, NewValue::Int(int));
    } else if let Some(double) = double {
        attributes.replace(at, NewValue::Double(double));
    } else if let Some(text) = &text {
        attributes.replace(at, NewValue::Str(text));
    }
}
