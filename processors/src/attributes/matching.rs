//! Which records `include` and `exclude` mean.
//!
//! All properties that are given must match; of a list of names one is enough, of attributes and
//! resources each entry must match. A property that a record does not have does not match.

use std::borrow::Cow;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::Invalid;
use tapline_pdata::{
    rewrite::{PointView, Surroundings},
    view::{Attributes, LogRecord, Span, Value},
};

use crate::actions::Literal;

/// What the user wrote under `include` or `exclude`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchConfig {
    /// `strict` or `regexp`.
    pub match_type: String,
    /// Accepted and without effect: expressions are compiled once and nothing is cached.
    pub regexp: Option<RegexpConfig>,
    /// Values of `service.name` of the resource.
    pub services: Vec<String>,
    /// Names of spans.
    pub span_names: Vec<String>,
    /// Kinds of spans, such as `SPAN_KIND_SERVER`.
    pub span_kinds: Vec<String>,
    /// Bodies of log records that are strings.
    pub log_bodies: Vec<String>,
    /// Severities of log records as text.
    pub log_severity_texts: Vec<String>,
    /// Severities of log records as a number.
    pub log_severity_number: Option<SeverityMatch>,
    /// Names of metrics.
    pub metric_names: Vec<String>,
    /// Attributes of the record itself.
    pub attributes: Vec<PairMatch>,
    /// Attributes of the resource.
    pub resources: Vec<PairMatch>,
    /// Instrumentation scopes.
    pub libraries: Vec<LibraryMatch>,
}

/// Settings of a cache that does not exist here.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegexpConfig {
    /// Without effect.
    pub cacheenabled: bool,
    /// Without effect.
    pub cachemaxnumentries: u64,
}

/// From which severity on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeverityMatch {
    /// The lowest number that matches.
    pub min: i32,
    /// Whether a record without severity matches.
    pub match_undefined: bool,
}

/// An attribute that must be there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairMatch {
    /// Its key.
    pub key: String,
    /// What it must be; anything, if nothing is said.
    pub value: Option<Literal>,
}

/// An instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LibraryMatch {
    /// Its name.
    pub name: String,
    /// Its version; any, if nothing is said.
    pub version: Option<String>,
}

impl MatchConfig {
    pub(super) fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if !matches!(self.match_type.as_str(), "strict" | "regexp") {
            invalid.push(Invalid::at("match_type", "must be strict or regexp"));
        }
        let unset = Self {
            match_type: self.match_type.clone(),
            regexp: self.regexp.clone(),
            ..Self::default()
        };
        if *self == unset {
            invalid.push(Invalid::at("", "names no property to match"));
        } else if let Err(error) = Matcher::new(self) {
            invalid.push(Invalid::at("", error));
        }
        invalid
    }
}

/// What is matched: a record and what is special about it.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    Span(Span<'a>),
    Log(LogRecord<'a>),
    Point(PointView<'a>),
}

impl<'a> Subject<'a> {
    fn attributes(self) -> Attributes<'a> {
        match self {
            Self::Span(span) => span.attributes(),
            Self::Log(log) => log.attributes(),
            Self::Point(PointView::Number(point)) => point.attributes(),
            Self::Point(PointView::Histogram(point)) => point.attributes(),
            Self::Point(PointView::Exponential(point)) => point.attributes(),
            Self::Point(PointView::Summary(point)) => point.attributes(),
        }
    }
}

enum Pattern {
    Strict(String),
    Regexp(Regex),
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Strict(expected) => expected == text,
            Self::Regexp(regex) => regex.is_match(text),
        }
    }
}

enum Expected {
    Anything,
    Text(Pattern),
    Bool(bool),
    Int(i64),
    Double(f64),
}

impl Expected {
    fn matches(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Anything, _) => true,
            (Self::Text(pattern), Value::Str(text)) => pattern.matches(text),
            (Self::Text(Pattern::Regexp(regex)), Value::Int(int)) => {
                regex.is_match(&int.to_string())
            }
            (Self::Text(Pattern::Regexp(regex)), Value::Bool(truth)) => {
                regex.is_match(&truth.to_string())
            }
            (Self::Bool(expected), Value::Bool(truth)) => expected == truth,
            (Self::Int(expected), Value::Int(int)) => expected == int,
            (Self::Double(expected), Value::Double(double)) => {
                expected.to_bits() == double.to_bits()
            }
            _ => false,
        }
    }
}

/// A checked [`MatchConfig`].
pub(super) struct Matcher {
    services: Vec<Pattern>,
    span_names: Vec<Pattern>,
    span_kinds: Vec<Pattern>,
    log_bodies: Vec<Pattern>,
    log_severity_texts: Vec<Pattern>,
    log_severity_number: Option<SeverityMatch>,
    metric_names: Vec<Pattern>,
    attributes: Vec<(String, Expected)>,
    resources: Vec<(String, Expected)>,
    libraries: Vec<(Pattern, Option<Pattern>)>,
}

impl Matcher {
    pub(super) fn new(config: &MatchConfig) -> Result<Self, String> {
        let pattern = |text: &String| match config.match_type.as_str() {
            "regexp" => Regex::new(text)
                .map(Pattern::Regexp)
                .map_err(|error| error.to_string()),
            _ => Ok(Pattern::Strict(text.clone())),
        };
        let all = |texts: &[String]| texts.iter().map(pattern).collect::<Result<Vec<_>, _>>();
        let pair = |pair: &PairMatch| {
            let expected = match &pair.value {
                None => Expected::Anything,
                Some(Literal::Str(text)) => Expected::Text(pattern(text)?),
                Some(Literal::Bool(truth)) => Expected::Bool(*truth),
                Some(Literal::Int(int)) => Expected::Int(*int),
                Some(Literal::Double(double)) => Expected::Double(*double),
                Some(_) => return Err(format!("`{}` is compared with a scalar only", pair.key)),
            };
            Ok((pair.key.clone(), expected))
        };
        let library = |one: &LibraryMatch| {
            Ok::<_, String>((
                pattern(&one.name)?,
                one.version.as_ref().map(pattern).transpose()?,
            ))
        };
        Ok(Self {
            services: all(&config.services)?,
            span_names: all(&config.span_names)?,
            span_kinds: all(&config.span_kinds)?,
            log_bodies: all(&config.log_bodies)?,
            log_severity_texts: all(&config.log_severity_texts)?,
            log_severity_number: config.log_severity_number.clone(),
            metric_names: all(&config.metric_names)?,
            attributes: config
                .attributes
                .iter()
                .map(pair)
                .collect::<Result<_, _>>()?,
            resources: config
                .resources
                .iter()
                .map(pair)
                .collect::<Result<_, _>>()?,
            libraries: config
                .libraries
                .iter()
                .map(library)
                .collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn matches(&self, cx: &Surroundings<'_>, subject: Subject<'_>) -> bool {
        let pairs = |expected: &[(String, Expected)], attributes: Attributes<'_>| {
            let holds = |(key, expected): &(String, Expected)| {
                attributes
                    .get(key)
                    .is_some_and(|value| expected.matches(&value))
            };
            expected.iter().all(holds)
        };
        let span = match subject {
            Subject::Span(span) => Some(span),
            _ => None,
        };
        let log = match subject {
            Subject::Log(log) => Some(log),
            _ => None,
        };
        any(&self.services, || match cx.resource.attr("service.name") {
            Some(Value::Str(name)) => Some(name),
            _ => None,
        }) && any(&self.span_names, || span.map(|span| span.name()))
            && any(&self.span_kinds, || {
                span.map(|span| kind(span.kind()).into())
            })
            && any(&self.log_bodies, || match log?.body() {
                Value::Str(text) => Some(text),
                _ => None,
            })
            && any(&self.log_severity_texts, || {
                log.map(|log| log.severity_text())
            })
            && self.severe(log)
            && any(&self.metric_names, || match subject {
                Subject::Point(_) => Some(cx.metric.name()),
                _ => None,
            })
            && pairs(&self.resources, cx.resource.attributes())
            && self.of_library(cx)
            && (self.attributes.is_empty() || pairs(&self.attributes, subject.attributes()))
    }

    fn severe(&self, log: Option<LogRecord<'_>>) -> bool {
        let Some(severity) = &self.log_severity_number else {
            return true;
        };
        log.is_some_and(|log| match log.severity_number() {
            0 => severity.match_undefined,
            number => number >= severity.min,
        })
    }

    fn of_library(&self, cx: &Surroundings<'_>) -> bool {
        let matches = |(name, version): &(Pattern, Option<Pattern>)| {
            let version = version.as_ref();
            name.matches(&cx.scope.name())
                && version.is_none_or(|version| version.matches(&cx.scope.version()))
        };
        self.libraries.is_empty() || self.libraries.iter().any(matches)
    }
}

/// Says whether there is nothing to match, or a text that one of the patterns matches.
fn any<'t>(patterns: &[Pattern], text: impl FnOnce() -> Option<Cow<'t, str>>) -> bool {
    patterns.is_empty() || text().is_some_and(|text| patterns.iter().any(|one| one.matches(&text)))
}

/// Returns what OTLP calls a kind of span.
fn kind(number: i32) -> &'static str {
    match number {
        1 => "SPAN_KIND_INTERNAL",
        2 => "SPAN_KIND_SERVER",
        3 => "SPAN_KIND_CLIENT",
        4 => "SPAN_KIND_PRODUCER",
        5 => "SPAN_KIND_CONSUMER",
        _ => "SPAN_KIND_UNSPECIFIED",
    }
}
