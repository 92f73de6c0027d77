//! One event as one line, in the Collector's console or JSON form.
//!
//! Console: time, level, place, message and a JSON object of fields, separated by tabs. What an
//! event says may come from the network: no control character leaves this module unescaped.

use std::{
    fmt::{self, Write as _},
    io,
    time::SystemTime,
};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, ser::Formatter};
use tracing::{
    Event, Level, Metadata,
    field::{Field, Visit},
};

use super::config::{Encoding, LogsConfig};
use crate::{output, telemetry::Resource, timestamp};

/// Names and values in the order they are written, each name once.
#[derive(Clone, Debug, Default)]
struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Adds a field, unless there is one of this name: what every line has is not to be forged.
    fn add(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        let name = name.into();
        if self.0.iter().all(|(known, _)| *known != name) {
            self.0.push((name, value.into()));
        }
    }

    fn add_all(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            self.add(name.as_str(), value.clone());
        }
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// An event, read.
#[derive(Debug)]
pub(super) struct Line {
    level: Level,
    caller: Option<String>,
    message: String,
    fields: Fields,
}

/// How lines are written.
#[derive(Debug)]
pub(super) struct Form {
    encoding: Encoding,
    with_caller: bool,
    with_color: bool,
    /// Fields of every line, before its own.
    first: Fields,
}

// === impl Line ===

impl Line {
    /// Reads an event.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut reader = Reader::default();
        event.record(&mut reader);
        Self {
            level: *event.metadata().level(),
            caller: caller(event.metadata()),
            message: reader.message,
            fields: named_as_in_the_collector(reader.fields),
        }
    }

    /// Makes a line that comes from no place in our sources.
    pub(super) fn made(level: Level, message: &str, fields: &[(&'static str, String)]) -> Self {
        let mut given = Fields::default();
        for (name, value) in fields {
            given.add(*name, value.as_str());
        }
        Self {
            level,
            caller: None,
            message: message.to_owned(),
            fields: given,
        }
    }

    #[cfg(test)]
    pub(super) fn new(level: Level, caller: &str, message: &str, fields: &[(&str, Value)]) -> Self {
        let mut given = Fields::default();
        for (name, value) in fields {
            given.add(*name, value.clone());
        }
        Self {
            level,
            caller: Some(caller.to_owned()),
            message: message.to_owned(),
            fields: named_as_in_the_collector(given),
        }
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        let fields = self.fields.0.iter();
        fields.map(|(name, value)| (name.as_str(), value))
    }
}

/// Returns `file:line`: as it is in our sources, the last two parts of it for libraries.
fn caller(metadata: &Metadata<'_>) -> Option<String> {
    let (file, line) = (metadata.file()?, metadata.line()?);
    let from_root = file.strip_prefix('/').map(|path| {
        let before_name = path.rfind('/').unwrap_or(0);
        let start = path.get(..before_name).and_then(|dir| dir.rfind('/'));
        path.get(start.map_or(0, |slash| slash + 1)..)
            .unwrap_or(path)
    });
    Some(format!("{}:{line}", from_root.unwrap_or(file)))
}

/// Collects the fields of an event.
#[derive(Default)]
struct Reader {
    message: String,
    fields: Fields,
}

impl Reader {
    fn take(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
        } else {
            self.fields.add(field.name(), value);
        }
    }
}

impl Visit for Reader {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, Value::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, Value::from(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, Value::from(format!("{value:?}")));
    }
}

/// Renames what names a component: `exporter = "otlp"` becomes the Collector's id and kind, and
/// `component = "exporter otlp for traces"`, which is how a node prints, its signal too.
fn named_as_in_the_collector(fields: Fields) -> Fields {
    const KINDS: [&str; 5] = [
        "receiver",
        "processor",
        "exporter",
        "connector",
        "extension",
    ];
    let mut named = Fields::default();
    for (name, value) in fields.0 {
        match &value {
            Value::String(id) if KINDS.contains(&name.as_str()) => {
                named.add("otelcol.component.id", id.as_str());
                named.add("otelcol.component.kind", name);
            }
            Value::String(node) if name == "component" => {
                let mut words = node.split(' ');
                let kind = words.next().filter(|kind| KINDS.contains(kind));
                let (Some(kind), Some(id)) = (kind, words.next()) else {
                    named.add(name, value);
                    continue;
                };
                named.add("otelcol.component.id", id);
                named.add("otelcol.component.kind", kind);
                match (words.next(), words.next()) {
                    (Some("for"), Some(signal)) => named.add("otelcol.signal", signal),
                    (Some("in"), Some(pipeline)) => named.add("otelcol.pipeline.id", pipeline),
                    _ => {}
                }
            }
            _ => named.add(name, value),
        }
    }
    named
}

// === impl Form ===

impl Form {
    /// Makes the form that the user wants.
    pub(super) fn new(config: &LogsConfig, resource: &Resource) -> Self {
        let mut first = Fields::default();
        if !config.disable_zap_resource {
            let attributes = resource
                .iter()
                .map(|(name, value)| (name.to_owned(), Value::from(value.as_str().into_owned())));
            first.add("resource", Value::Object(attributes.collect()));
        }
        for (name, value) in &config.initial_fields {
            first.add(name.as_str(), value.clone());
        }
        let only_to_stderr = config.output_paths == ["stderr"];
        Self {
            encoding: config.encoding,
            with_caller: !config.disable_caller,
            with_color: only_to_stderr && output::color_on_stderr(),
            first,
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    #[cfg(test)]
    pub(super) fn set_color(&mut self, with_color: bool) {
        self.with_color = with_color;
    }

    /// Writes a line, with its end.
    pub(super) fn write(&self, line: &Line, now: SystemTime) -> String {
        let mut fields = self.first.clone();
        fields.add_all(&line.fields);
        let time = timestamp::millis(now);
        let caller = line.caller.as_deref().filter(|_| self.with_caller);
        match self.encoding {
            Encoding::Console => self.console(line, &time, caller, &fields),
            Encoding::Json => json(line, &time, caller, &fields),
        }
    }

    fn console(&self, line: &Line, time: &str, caller: Option<&str>, fields: &Fields) -> String {
        let level = level_name(line.level);
        let mut text = if self.with_color {
            format!("{time}\t\x1b[{}m{level}\x1b[0m", color(line.level))
        } else {
            format!("{time}\t{level}")
        };
        if let Some(caller) = caller {
            text.push('\t');
            text.push_str(caller);
        }
        text.push('\t');
        escape_into(&mut text, &line.message);
        if !fields.0.is_empty() {
            text.push('\t');
            text.push_str(&written(fields, Spaced::Yes));
        }
        text.push('\n');
        text
    }
}

fn json(line: &Line, time: &str, caller: Option<&str>, fields: &Fields) -> String {
    let mut whole = Fields::default();
    whole.add("level", level_name(line.level));
    whole.add("ts", time);
    if let Some(caller) = caller {
        whole.add("caller", caller);
    }
    whole.add("msg", line.message.as_str());
    whole.add_all(fields);
    let mut text = written(&whole, Spaced::No);
    text.push('\n');
    text
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        // The Collector has nothing below.
        Level::DEBUG | Level::TRACE => "debug",
    }
}

fn color(level: Level) -> &'static str {
    match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG | Level::TRACE => "34",
    }
}

/// Writes text so that it stays one line and tells a terminal nothing.
fn escape_into(to: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '\n' => to.push_str("\\n"),
            '\t' => to.push_str("\\t"),
            other if other.is_control() => {
                // Writing to a string cannot fail.
                let _infallible = write!(to, "\\u{:04x}", u32::from(other));
            }
            other => to.push(other),
        }
    }
}

// === JSON as the Collector writes it ===

/// Whether there is a space behind commas and colons.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spaced {
    Yes,
    No,
}

fn written(fields: &Fields, spaced: Spaced) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Style(spaced));
    fields
        .serialize(&mut serializer)
        .expect("a JSON value can be written to memory");
    String::from_utf8(bytes).expect("JSON is text")
}

struct Style(Spaced);

impl Style {
    fn separate<W: ?Sized + io::Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        match (first, self.0) {
            (true, _) => Ok(()),
            (false, Spaced::Yes) => writer.write_all(b", "),
            (false, Spaced::No) => writer.write_all(b","),
        }
    }
}

impl Formatter for Style {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.0 == Spaced::Yes { b": " } else { b":" })
    }

    /// serde escapes what JSON demands; terminals also obey U+007F to U+009F.
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut escaped = String::with_capacity(fragment.len());
        escape_into(&mut escaped, fragment);
        writer.write_all(escaped.as_bytes())
    }
}
