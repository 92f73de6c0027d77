//! Feature gates: switches by which the Collector turns behaviour on and off, as its flag has them.
//!
//! Most of them switch what tapline does not have. Those are accepted with a warning, because
//! charts and scripts pass them; only what nobody knows is a mistake.

mod known;

use std::collections::BTreeMap;

use tapline_config::{Problem, Problems, Severity, nearest};

use self::known::{KNOWN, Known};
use crate::host_view::Gate;

/// Lists of later files are appended to those of earlier ones, at the places the Collector names.
pub(crate) const APPEND_LISTS: &str = "confmap.enableMergeAppendOption";

/// How settled a gate is, and with that whether it is on and may be turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Off unless turned on.
    Alpha,
    /// On unless turned off.
    Beta,
    /// On for good.
    Stable,
    /// Off for good.
    Deprecated,
}

/// Which gates were turned, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates(BTreeMap<&'static str, bool>);

// === impl Gates ===

impl Gates {
    /// Reads what was given to `--feature-gates`; the last word on a gate counts.
    pub(crate) fn read(flags: &[String], problems: &mut Problems) -> Self {
        let mut gates = Self::default();
        let written = flags.iter().flat_map(|flag| flag.split(','));
        for written in written.map(str::trim).filter(|text| !text.is_empty()) {
            let (id, on) = match written.strip_prefix('-') {
                Some(id) => (id, false),
                None => (written.strip_prefix('+').unwrap_or(written), true),
            };
            match KNOWN.iter().find(|known| known.id == id) {
                Some(known) => gates.turn(known, on, problems),
                None => problems.push(unknown(id)),
            }
        }
        gates
    }

    /// Returns whether a gate is on.
    pub(crate) fn is_on(&self, id: &str) -> bool {
        let by_default = || {
            let known = KNOWN.iter().find(|known| known.id == id);
            known.is_some_and(|known| known.stage.is_on())
        };
        self.0.get(id).copied().unwrap_or_else(by_default)
    }

    /// Lists every gate there is, by name.
    pub(crate) fn list(&self) -> Vec<Gate> {
        let listed = KNOWN.iter().map(|known| Gate {
            id: known.id.to_owned(),
            enabled: self.is_on(known.id),
            stage: known.stage.name(),
            description: known.about,
            effect: known.effect,
        });
        listed.collect()
    }

    fn turn(&mut self, known: &'static Known, on: bool, problems: &mut Problems) {
        let id = known.id;
        match (known.stage, on) {
            (Stage::Stable, false) => problems.push(Problem::unplaced(format!(
                "feature gate \"{id}\" is stable, can not be disabled"
            ))),
            (Stage::Deprecated, true) => problems.push(Problem::unplaced(format!(
                "feature gate \"{id}\" is deprecated, can not be enabled"
            ))),
            (Stage::Stable | Stage::Deprecated, _) => problems.push(warning(format!(
                "feature gate \"{id}\" is {} and need not be given any more",
                known.stage.name().to_lowercase()
            ))),
            (Stage::Alpha | Stage::Beta, _) => {
                if let Some(why) = known.effect {
                    let message = format!("feature gate \"{id}\" has no effect in tapline: {why}");
                    problems.push(warning(message));
                }
                self.0.insert(id, on);
            }
        }
    }
}

// === impl Stage ===

impl Stage {
    /// Returns the Collector's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alpha => "Alpha",
            Self::Beta => "Beta",
            Self::Stable => "Stable",
            Self::Deprecated => "Deprecated",
        }
    }

    fn is_on(self) -> bool {
        matches!(self, Self::Beta | Self::Stable)
    }
}

/// Makes the error about a gate that nobody knows.
pub(crate) fn unknown(id: &str) -> Problem {
    let ids = || KNOWN.iter().map(|known| known.id);
    let valid = format!("valid gates: [{}]", ids().collect::<Vec<_>>().join(", "));
    let label = match nearest(id, ids()) {
        Some(meant) => format!("did you mean \"{meant}\"? {valid}"),
        None => valid,
    };
    Problem::unplaced(format!("no such feature gate \"{id}\"")).with_label(label)
}

fn warning(message: String) -> Problem {
    let mut problem = Problem::unplaced(message);
    problem.severity = Severity::Warning;
    problem
}

#[cfg(test)]
mod tests {
    use tapline_config::Problems;

    use super::{APPEND_LISTS, Gates, KNOWN, Stage};

    fn read(flags: &[&str]) -> (Gates, String) {
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let mut problems = Problems::new();
        let gates = Gates::read(&flags, &mut problems);
        (gates, problems.to_string())
    }

    #[test]
    fn every_gate_is_known_once_and_by_name() {
        assert!(KNOWN.is_sorted_by(|left, right| left.id < right.id));
    }

    #[test]
    fn the_last_word_counts() {
        assert!(!Gates::default().is_on(APPEND_LISTS));
        for (flags, on) in [
            (&["confmap.enableMergeAppendOption"][..], true),
            (&["+confmap.enableMergeAppendOption"], true),
            (&["-confmap.enableMergeAppendOption"], false),
            (&[" +confmap.enableMergeAppendOption , ,"], true),
            (
                &["confmap.enableMergeAppendOption,-confmap.enableMergeAppendOption"],
                false,
            ),
            (
                &[
                    "-confmap.enableMergeAppendOption",
                    "confmap.enableMergeAppendOption",
                ],
                true,
            ),
        ] {
            let (gates, said) = read(flags);
            assert_eq!(gates.is_on(APPEND_LISTS), on, "{flags:?}");
            assert_eq!(said, "", "{flags:?}");
        }
    }

    #[test]
    fn gates_of_the_collector_are_accepted_with_a_warning() {
        let (gates, said) = read(&["service.profilesSupport,-connector.servicegraph.virtualNode"]);
        assert!(gates.is_on("service.profilesSupport"));
        assert!(!gates.is_on("connector.servicegraph.virtualNode"));
        assert_eq!(
            said.matches("has no effect in tapline").count(),
            2,
            "{said}"
        );
        assert!(!said.contains("error"), "{said}");
    }

    #[test]
    fn what_is_settled_cannot_be_turned() {
        let of = |stage| {
            let mut found = KNOWN.iter().filter(|known| known.stage == stage);
            found.next().expect("one of each").id
        };
        let (stable, deprecated) = (of(Stage::Stable), of(Stage::Deprecated));
        let (_, said) = read(&[&format!("-{stable},{deprecated}")]);
        assert!(said.contains(&format!(
            "error: feature gate \"{stable}\" is stable, can not be"
        )));
        assert!(said.contains(&format!(
            "\"{deprecated}\" is deprecated, can not be enabled"
        )));
        let (gates, said) = read(&[&format!("{stable},-{deprecated}")]);
        assert_eq!(said.matches("warning:").count(), 2, "{said}");
        assert!(gates.is_on(stable) && !gates.is_on(deprecated));
    }

    #[test]
    fn what_nobody_knows_is_a_mistake() {
        let (_, said) = read(&["confmap.enableMergeAppendOptions"]);
        let start = "error: no such feature gate \"confmap.enableMergeAppendOptions\" \
                     (did you mean \"confmap.enableMergeAppendOption\"? valid gates: [";
        assert!(said.starts_with(start), "{said}");
    }
}
