//! Who tapline says it is: `service: telemetry: resource:`, in both of the Collector's shapes.
//!
//! The older shape is a map of attributes, where an empty value removes a default. The newer one
//! has a list of `attributes`. Nothing is taken from the environment.

use std::{fs, sync::OnceLock};

use opentelemetry::{KeyValue, Value};
use tapline_config::{Kind, Node, Problem, Problems};

/// The attributes of tapline's own telemetry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resource {
    attributes: Vec<(String, Value)>,
    schema_url: Option<String>,
}

impl Default for Resource {
    fn default() -> Self {
        let defaults = [
            ("service.instance.id", instance_id()),
            ("service.name", env!("CARGO_PKG_NAME")),
            ("service.version", env!("CARGO_PKG_VERSION")),
        ];
        Self {
            attributes: defaults
                .map(|(name, value)| (name.to_owned(), Value::from(value.to_owned())))
                .into(),
            schema_url: None,
        }
    }
}

const NEWER_KEYS: [&str; 5] = [
    "attributes",
    "schema_url",
    "detectors",
    "detection",
    "detection/development",
];

impl Resource {
    /// Reads the block, adding every mistake to a list.
    pub(crate) fn read(node: Option<&Node>, problems: &mut Problems) -> Self {
        let mut resource = Self::default();
        let Some(node) = node.filter(|node| !node.is_null()) else {
            return resource;
        };
        if !matches!(node.kind, Kind::Map(_)) {
            let message = format!("`resource` must be a map, but this is {}", node.described());
            problems.push(Problem::error(node.blamed(), message));
            return resource;
        }
        if NEWER_KEYS.iter().any(|key| node.get(key).is_some()) {
            resource.read_newer(node, problems);
        } else {
            resource.read_older(node, problems);
        }
        resource
    }

    /// Lists the attributes by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Returns it as the SDK's type.
    pub(crate) fn to_sdk(&self) -> opentelemetry_sdk::Resource {
        let attributes: Vec<KeyValue> = self
            .iter()
            .map(|(name, value)| KeyValue::new(name.to_owned(), value.clone()))
            .collect();
        let builder = opentelemetry_sdk::Resource::builder_empty();
        match &self.schema_url {
            Some(url) => builder.with_schema_url(attributes, url.clone()).build(),
            None => builder.with_attributes(attributes).build(),
        }
    }

    fn set(&mut self, name: &str, value: Value) {
        self.remove(name);
        let at = self
            .attributes
            .partition_point(|(known, _)| known.as_str() < name);
        self.attributes.insert(at, (name.to_owned(), value));
    }

    fn remove(&mut self, name: &str) {
        self.attributes.retain(|(known, _)| known != name);
    }

    fn read_older(&mut self, node: &Node, problems: &mut Problems) {
        self.read_map(node, problems);
        if !node.entries().is_empty() {
            let message = "attributes directly under `resource` are the Collector's older form: \
                           write a list of `name` and `value` under `attributes`";
            problems.push(Problem::warning(node.heading(), message));
        }
    }

    /// Sets an attribute per key; an empty value removes it.
    fn read_map(&mut self, node: &Node, problems: &mut Problems) {
        for (name, written) in node.entries() {
            if written.is_null() {
                self.remove(name);
            } else if let Some(value) = read_value(written, problems) {
                self.set(name, value);
            }
        }
    }

    fn read_newer(&mut self, node: &Node, problems: &mut Problems) {
        for (key, written) in node.entries() {
            match key.as_str() {
                "attributes" => self.read_attributes(written, problems),
                "schema_url" => self.schema_url = read_text(written, problems),
                "detection" | "detection/development" => self.detect(written, problems),
                _ => problems.push(unknown(key, written)),
            }
        }
    }

    fn read_attributes(&mut self, list: &Node, problems: &mut Problems) {
        if matches!(list.kind, Kind::Map(_)) {
            // So it was in version 0.2 of the declarative configuration.
            self.read_map(list, problems);
            let message = "a map of `attributes` is the older form of declarative configuration: \
                           write a list of `name` and `value`";
            problems.push(Problem::warning(list.heading(), message));
            return;
        }
        if !matches!(list.kind, Kind::List(_) | Kind::Null) {
            let message = format!(
                "`attributes` must be a list of `name` and `value`, but this is {}",
                list.described()
            );
            problems.push(Problem::error(list.blamed(), message));
        }
        for item in list.items() {
            for (key, written) in item.entries() {
                if !["name", "value", "type"].contains(&key.as_str()) {
                    problems.push(unknown(key, written));
                }
            }
            let Some(name) = item.get("name").and_then(|name| read_text(name, problems)) else {
                problems.push(Problem::error(
                    item.heading(),
                    "an attribute needs a `name`",
                ));
                continue;
            };
            match item.get("value") {
                None => self.remove(&name),
                Some(value) if value.is_null() => self.remove(&name),
                Some(value) => {
                    if let Some(value) = read_value(value, problems) {
                        self.set(&name, value);
                    }
                }
            }
        }
    }

    /// Adds what detectors find; what was written wins, before or after it.
    fn detect(&mut self, node: &Node, problems: &mut Problems) {
        for (key, written) in node.entries() {
            if key != "detectors" {
                problems.push(unknown(key, written));
            }
        }
        let detectors = node.get("detectors").map_or(&[][..], Node::items);
        for (name, written) in detectors.iter().flat_map(Node::entries) {
            let found = match name.as_str() {
                "host" => host(),
                "process" => process(),
                "service" => Vec::new(),
                "container" => {
                    let message = "the `container` detector is not supported by tapline yet";
                    problems.push(Problem::warning(written.heading(), message));
                    Vec::new()
                }
                _ => {
                    problems.push(unknown(name, written));
                    Vec::new()
                }
            };
            for (name, value) in found {
                if self.attributes.iter().all(|(known, _)| known != name) {
                    self.set(name, value);
                }
            }
        }
    }
}

fn host() -> Vec<(&'static str, Value)> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    vec![
        ("host.name", Value::from(name.trim().to_owned())),
        ("host.arch", Value::from(arch)),
    ]
}

fn process() -> Vec<(&'static str, Value)> {
    let path = fs::read_link("/proc/self/exe").unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    vec![
        ("process.pid", Value::from(i64::from(std::process::id()))),
        ("process.executable.name", Value::from(name.into_owned())),
        (
            "process.executable.path",
            Value::from(path.display().to_string()),
        ),
    ]
}

fn unknown(key: &str, written: &Node) -> Problem {
    Problem::error(written.heading(), format!("unknown setting `{key}`"))
}

fn read_text(node: &Node, problems: &mut Problems) -> Option<String> {
    if let Kind::String(text) = &node.kind {
        return Some(text.clone());
    }
    let message = format!("must be a string, but this is {}", node.described());
    problems.push(Problem::error(node.blamed(), message));
    None
}

fn read_value(node: &Node, problems: &mut Problems) -> Option<Value> {
    let value = match &node.kind {
        Kind::String(text) => Value::from(text.clone()),
        Kind::Bool(flag) => Value::from(*flag),
        Kind::Int(number) => Value::from(i64::try_from(*number).unwrap_or(i64::MAX)),
        Kind::Float(number) => Value::from(*number),
        Kind::Null | Kind::List(_) | Kind::Map(_) => {
            let message = format!(
                "an attribute must be a string, a number or a boolean, but this is {}",
                node.described()
            );
            problems.push(Problem::error(node.blamed(), message));
            return None;
        }
    };
    Some(value)
}

/// Returns a random UUID that stays the same for this process, as reloading does not end it.
fn instance_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| uuid(random_bytes()))
}

fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    let read = fs::File::open("/dev/urandom")
        .and_then(|mut source| std::io::Read::read_exact(&mut source, &mut bytes));
    if read.is_err() {
        // Without a source of randomness, time and pid still tell instances apart.
        let now = std::time::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default()
            .as_nanos();
        bytes = (now ^ (u128::from(std::process::id()) << 96)).to_le_bytes();
    }
    bytes
}

/// Writes a version 4 UUID.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or(""));
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use tapline_config::{Environment, Input, load};

    use super::*;

    /// Returns `name=value` lines without the instance id, then what was said.
    fn read(text: &str) -> String {
        let document = load(&[Input::text("c.yaml", text)], &Environment::default())
            .expect("the text is YAML");
        let mut problems = Problems::new();
        let resource = Resource::read(document.root().get("resource"), &mut problems);
        let mut shown: Vec<String> = resource
            .iter()
            .filter(|(name, _)| *name != "service.instance.id")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        shown.extend(problems.iter().map(|problem| problem.message.clone()));
        shown
            .join("\n")
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
    }

    #[test]
    fn has_a_name_a_version_and_an_id_of_its_own() {
        assert_eq!(read("{}"), "service.name=tapline\nservice.version=VERSION");
        let id = instance_id();
        assert_eq!((id.len(), id), (36, instance_id()));
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn takes_the_older_shape_and_says_so() {
        let said = read("resource:\n  service.name: edge\n  service.version:\n  replicas: 3\n");
        let (attributes, warning) = said.split_once("\nattr").expect("there is a warning");
        assert_eq!(attributes, "replicas=3\nservice.name=edge");
        assert!(warning.contains("older form"), "{warning}");
    }

    #[test]
    fn takes_the_newer_shape() {
        let text = "resource:\n  schema_url: https://x/1\n  attributes:\n\
                    \x20 - {name: service.name, value: edge}\n  - {name: zone, value: b}\n\
                    \x20 detection/development:\n    detectors:\n    - service:\n";
        assert_eq!(
            read(text),
            "service.name=edge\nservice.version=VERSION\nzone=b"
        );
    }

    #[test]
    fn takes_the_map_of_the_first_declarative_form_and_says_so() {
        let said = read("resource:\n  attributes: {zone: b, service.version: }\n");
        let (attributes, warning) = said.split_once("\na map").expect("there is a warning");
        assert_eq!(attributes, "service.name=tapline\nzone=b");
        assert!(warning.contains("older form"), "{warning}");
    }

    #[test]
    fn names_what_is_wrong() {
        let said = read("resource:\n  attributes: a\n  schemas: 1\n");
        assert!(
            said.contains("must be a list of `name` and `value`"),
            "{said}"
        );
        assert!(said.contains("unknown setting `schemas`"), "{said}");
        let said = read("resource:\n  a: [1]\n");
        assert!(said.contains("this is a list"), "{said}");
    }
}
