//! What the Collector has, component by component: names of today, older ones, and what is gone.
//!
//! Somebody who brings a Collector file must never read that `kafka` is an unknown receiver: it is
//! a known one that tapline lacks. The lists are text, one component a line, beside this file; what
//! tapline itself has is in `components`, which this module must not know.

use std::sync::LazyLock;

/// The sections that components stand in, and the list of each.
const LISTS: [(&str, &str); 5] = [
    ("receivers", include_str!("receivers.txt")),
    ("processors", include_str!("processors.txt")),
    ("exporters", include_str!("exporters.txt")),
    ("connectors", include_str!("connectors.txt")),
    ("extensions", include_str!("extensions.txt")),
];

/// All lists, read once.
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entries = |(section, list): (&'static str, &'static str)| {
        lines(list).map(move |line| Entry::read(section, line))
    };
    LISTS.into_iter().flat_map(entries).collect()
});

/// One component type of the Collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The section it stands in: `receivers`.
    pub(crate) section: &'static str,
    /// Its name of today.
    pub(crate) name: &'static str,
    /// Names it had before, and other spellings.
    pub(crate) older: Vec<&'static str>,
    /// Whether the Collector has it today.
    pub(crate) fate: Fate,
    /// What to use instead, as a clause: ``use `otlp` ``.
    pub(crate) instead: Option<&'static str>,
}

/// Whether the Collector has a component today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has.
    Present,
    /// It had, and a file that names it starts no Collector of today.
    Removed,
}

/// Finds a component type by any of its names; case and underscores do not matter.
pub(crate) fn find(section: &str, kind: &str) -> Option<&'static Entry> {
    let here = || all().filter(|entry| entry.section == section);
    let exact = here().find(|entry| entry.names().any(|name| name == kind));
    exact.or_else(|| here().find(|entry| entry.names().any(|name| is_same(name, kind))))
}

/// Returns every component type of every section, in the order of the lists.
pub(crate) fn all() -> impl Iterator<Item = &'static Entry> {
    ENTRIES.iter()
}

/// Says whether two names differ in case and underscores only.
pub(crate) fn is_same(left: &str, right: &str) -> bool {
    let letters = |name: &'_ str| {
        let letters = name.chars().filter(|letter| *letter != '_');
        letters
            .map(|letter| letter.to_ascii_lowercase())
            .collect::<String>()
    };
    letters(left) == letters(right)
}

// === impl Entry ===

impl Entry {
    /// Returns its name of today, then the older ones.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.older.iter().copied())
    }

    /// Reads `name (older, another): what to use instead`.
    fn read(section: &'static str, line: &'static str) -> Self {
        let (line, fate) = match line.strip_prefix('!') {
            Some(line) => (line, Fate::Removed),
            None => (line, Fate::Present),
        };
        let (names, instead) = match line.split_once(": ") {
            Some((names, instead)) => (names, Some(instead)),
            None => (line, None),
        };
        let (name, older) = names.split_once(" (").unwrap_or((names, ""));
        let older = older.trim_end_matches(')').split(", ");
        Self {
            section,
            name,
            older: older.filter(|name| !name.is_empty()).collect(),
            fate,
            instead,
        }
    }
}

/// Returns the lines that hold a component.
fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    let lines = list.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_listed_twice_in_a_section() {
        for (section, _) in LISTS {
            let here = all().filter(|entry| entry.section == section);
            let mut names: Vec<_> = here.flat_map(Entry::names).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{section}");
        }
    }

    #[test]
    fn every_name_could_stand_in_a_file() {
        for entry in all() {
            for name in entry.names() {
                let legal = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                assert!(!name.is_empty() && name.chars().all(legal), "{entry:?}");
            }
            let instead = entry.instead;
            assert!(
                entry.fate == Fate::Present || instead.is_some(),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn finds_both_generations_and_the_spellings_between() {
        let found = |section, kind| find(section, kind).map(|entry| entry.name);
        assert_eq!(found("exporters", "otlp"), Some("otlp_grpc"));
        assert_eq!(found("receivers", "otlp"), Some("otlp"));
        assert_eq!(found("receivers", "hostmetrics"), Some("host_metrics"));
        assert_eq!(found("processors", "MemoryLimiter"), Some("memory_limiter"));
        assert_eq!(found("connectors", "spanmetrics"), Some("span_metrics"));
        assert_eq!(found("receivers", "oltp"), None);
        assert_eq!(found("receivers", "batch"), None);
    }

    #[test]
    fn says_what_took_the_place_of_what_is_gone() {
        let gone = find("exporters", "logging").expect("is listed");
        assert_eq!(gone.fate, Fate::Removed);
        assert_eq!(gone.instead, Some("use `debug`"));
    }
}
