//! Which rule a problem breaks, for tools that count, group and silence by rule.
//!
//! A problem has words and no number. The names here are a promise; the words are not, so they are
//! looked for here and nowhere else, and what matches nothing falls under the last rule.

/// A rule: its name, what it says, and words by which its problems are known.
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) about: &'static str,
    words: &'static [&'static str],
}

const fn rule(id: &'static str, about: &'static str, words: &'static [&'static str]) -> Rule {
    Rule { id, about, words }
}

/// All rules; the first one whose words stand in a message is meant. Add, never rename.
pub(super) static RULES: &[Rule] = &[
    rule(
        "cannot-read",
        "A file cannot be read.",
        &["cannot read ", "unable to read"],
    ),
    rule(
        "feature-gate",
        "A feature gate is not known, cannot be turned, or switches nothing.",
        &["feature gate "],
    ),
    rule(
        "unset-variable",
        "An environment variable is not set.",
        &["environment variable "],
    ),
    rule(
        "expansion",
        "A reference such as ${env:NAME} cannot be replaced, or will not be.",
        &["cannot expand ", "will not be expanded", "is not expanded"],
    ),
    rule(
        "deprecated-name",
        "A component or setting has a newer name.",
        &["deprecated", "older name", "is written `"],
    ),
    rule(
        "not-supported",
        "The Collector has this and tapline has not.",
        &["not supported", "has no effect"],
    ),
    rule(
        "unused-component",
        "A component is configured, and nothing uses it.",
        &["is configured, but"],
    ),
    rule(
        "dangling-reference",
        "A component is used that is not configured.",
        &["which is not configured", "is not configured"],
    ),
    rule(
        "repeated",
        "Something is given twice.",
        &[
            "duplicate ",
            "more than once",
            "listed twice",
            "has the id of",
        ],
    ),
    rule(
        "cycle",
        "Connectors lead data around in a circle.",
        &["cycle detected"],
    ),
    rule(
        "unknown-section",
        "A section does not exist.",
        &["unknown section "],
    ),
    rule(
        "unknown-setting",
        "A setting does not exist.",
        &["unknown setting "],
    ),
    rule(
        "unknown-component",
        "A component type does not exist.",
        &[
            "unknown receiver type",
            "unknown processor type",
            "unknown exporter type",
            "unknown connector type",
            "unknown extension type",
            "was removed from",
        ],
    ),
    rule(
        "missing",
        "Something required is not there.",
        &[
            "missing setting ",
            "must have at least one",
            "must be at least one",
            " is configured",
            "must not be empty",
            "is empty",
        ],
    ),
    rule(
        "wrong-type",
        "A value is of another type than its setting.",
        &["expected ", "must be a map", "is a map, but this is"],
    ),
    rule(
        "cannot-build",
        "A component cannot be made of its settings.",
        &["cannot build "],
    ),
    rule(
        "invalid-value",
        "A value is not allowed.",
        &[
            "must ",
            "unknown value",
            "invalid ",
            "unknown pipeline signal",
        ],
    ),
    rule(
        "configuration",
        "The configuration is wrong, or suspicious.",
        &[],
    ),
];

/// Finds the rule a message is about, by its position.
pub(super) fn position(message: &str) -> usize {
    let is_meant = |rule: &Rule| rule.words.iter().any(|words| message.contains(words));
    RULES.iter().position(is_meant).unwrap_or(RULES.len() - 1)
}
