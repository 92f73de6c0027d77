//! The `routes` block: how the paths of requests become routes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Pattern;

/// The most patterns of either list: every path is compared with each of them.
pub(crate) const PATTERNS_MAX: usize = 256;

/// Where `http.route` and the names of spans come from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoutesConfig {
    /// Whether routes are told, and whether they may be found without a pattern.
    pub mode: RouteMode,
    /// Routes that are known: `/users/{id}`, `/files/**`. The first that fits is taken. `{name}`,
    /// `:name` and `*` stand for one segment, `**` for all that follow.
    pub patterns: Vec<Pattern>,
    /// Paths that nothing is told about, such as those of health checks.
    pub ignored_patterns: Vec<Pattern>,
    /// Whether ignored paths are left out of traces, of metrics, or of both.
    pub ignore_mode: IgnoreMode,
    /// How many different words may stand at one place of a path before they are taken for values.
    pub words_per_segment: usize,
    /// Routes of one service. Whatever is beyond has the route `/**`.
    pub max_per_service: usize,
}

/// How routes are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteMode {
    /// Not at all.
    Off,
    /// By the patterns only.
    Patterns,
    /// By the patterns, else from the paths themselves.
    #[default]
    Heuristic,
}

/// What is not told about an ignored path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IgnoreMode {
    /// Neither spans nor metrics.
    #[default]
    All,
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
}

impl Default for RoutesConfig {
    fn default() -> Self {
        Self {
            mode: RouteMode::default(),
            patterns: Vec::new(),
            ignored_patterns: Vec::new(),
            ignore_mode: IgnoreMode::default(),
            words_per_segment: 64,
            max_per_service: 500,
        }
    }
}

impl RoutesConfig {
    /// Returns what is wrong, by setting.
    pub(crate) fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if !(2..=1000).contains(&self.words_per_segment) {
            let message = "must be between 2 and 1000".to_owned();
            problems.push(("words_per_segment".to_owned(), message));
        }
        if !(10..=5000).contains(&self.max_per_service) {
            let message = "must be between 10 and 5000".to_owned();
            problems.push(("max_per_service".to_owned(), message));
        }
        let lists = [
            ("patterns", &self.patterns),
            ("ignored_patterns", &self.ignored_patterns),
        ];
        for (name, list) in lists {
            if list.len() > PATTERNS_MAX {
                let message = format!("has more than {PATTERNS_MAX} patterns");
                problems.push((name.to_owned(), message));
            }
            let relative = |(_, pattern): &(usize, &Pattern)| !pattern.is_absolute();
            for (index, _) in list.iter().enumerate().filter(relative) {
                let message = "must begin with a slash".to_owned();
                problems.push((format!("{name}::{index}"), message));
            }
        }
        problems
    }
}
