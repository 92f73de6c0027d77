//! The result as a table, and what counts as a goal met.

use super::columns::lay_out;
use super::spread::{Comparison, Spread};

const COLUMNS: usize = 8;
const HEADINGS: [&str; COLUMNS] = [
    "measurement",
    "without",
    "with",
    "ratio p10..p90",
    "unchanged",
    "best",
    "goal",
    "verdict",
];

/// Where a ratio should be.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    /// For costs.
    AtMost(f64),
    /// For throughput.
    AtLeast(f64),
}

/// What became of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The median is where it should be.
    Met,
    /// It is not, but some rounds were: this run cannot tell.
    WithinNoise,
    /// Hardly a round was.
    Missed,
}

/// One line of the table, as text.
#[derive(Clone, Default)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) without: String,
    pub(super) with: String,
    pub(super) ratio: String,
    pub(super) unchanged: String,
    pub(super) best: String,
    pub(super) goal: String,
    pub(super) verdict: Option<Verdict>,
}

impl Row {
    /// Shows a comparison and judges it.
    pub(super) fn compared(name: &str, found: Comparison, goal: Goal) -> Self {
        let Comparison {
            ratio, unchanged, ..
        } = found;
        Self {
            name: name.to_owned(),
            without: format!("{:.0}", found.without),
            with: format!("{:.0}", found.with),
            ratio: format!("{:.3} {:.3}..{:.3}", ratio.median, ratio.p10, ratio.p90),
            unchanged: format!("{:.3}..{:.3}", unchanged.p10, unchanged.p90),
            best: format!("{:.3}", goal.best(found)),
            goal: goal.to_string(),
            verdict: Some(goal.judge(ratio, goal.best(found))),
        }
    }

    /// Shows what has nothing to be compared with, and no goal yet.
    pub(super) fn stated(name: &str, with: String) -> Self {
        Self {
            name: name.to_owned(),
            with,
            ..Self::default()
        }
    }

    fn cells(&self) -> [String; COLUMNS] {
        let verdict = self.verdict.map_or("", Verdict::as_str).to_owned();
        let Self {
            name,
            without,
            with,
            ratio,
            unchanged,
            best,
            goal,
            ..
        } = self.clone();
        [name, without, with, ratio, unchanged, best, goal, verdict]
    }
}

impl Goal {
    fn best(self, found: Comparison) -> f64 {
        match self {
            Self::AtMost(_) => found.smallest,
            Self::AtLeast(_) => found.largest,
        }
    }

    /// Noise may excuse a median, but not the best rounds: they had the least of it.
    pub(super) fn judge(self, ratio: Spread, best: f64) -> Verdict {
        let (met, conceivable) = match self {
            Self::AtMost(limit) => (ratio.median <= limit, ratio.p10 <= limit && best <= limit),
            Self::AtLeast(limit) => (ratio.median >= limit, ratio.p90 >= limit && best >= limit),
        };
        match (met, conceivable) {
            (true, _) => Verdict::Met,
            (false, true) => Verdict::WithinNoise,
            (false, false) => Verdict::Missed,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "<= {limit:.2}"),
            Self::AtLeast(limit) => write!(f, ">= {limit:.2}"),
        }
    }
}

impl Verdict {
    /// Judges what no noise can excuse.
    pub(super) fn met(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }

    /// Returns it as it is shown.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::WithinNoise => "within noise",
            Self::Missed => "missed",
        }
    }
}

/// Lays rows out in columns.
pub(super) fn render(rows: &[Row]) -> String {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    lay_out(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_neither_met_nor_missed() {
        for (p10, median, p90, cost, throughput) in [
            (0.98, 1.00, 1.02, Verdict::Met, Verdict::Met),
            (0.99, 1.01, 1.02, Verdict::WithinNoise, Verdict::Met),
            (1.01, 1.02, 1.03, Verdict::Missed, Verdict::Met),
            (0.90, 0.95, 1.01, Verdict::Met, Verdict::WithinNoise),
            (0.90, 0.95, 0.96, Verdict::Met, Verdict::Missed),
        ] {
            let ratio = Spread { p10, median, p90 };
            assert_eq!(Goal::AtMost(1.0).judge(ratio, ratio.p10), cost, "{ratio:?}");
            assert_eq!(
                Goal::AtLeast(1.0).judge(ratio, ratio.p90),
                throughput,
                "{ratio:?}"
            );
        }
    }

    #[test]
    fn best_rounds_that_miss_are_not_noise() {
        let wide = Spread {
            p10: 0.9,
            median: 1.2,
            p90: 1.5,
        };
        let verdict = |best| Goal::AtMost(1.0).judge(wide, best).as_str();
        assert_eq!((verdict(0.99), verdict(1.2)), ("within noise", "missed"));
    }

    #[test]
    fn columns_line_up() {
        let steady = Spread {
            p10: 0.99,
            median: 1.0,
            p90: 1.01,
        };
        let found = Comparison {
            without: 100.0,
            with: 100.4,
            ratio: steady,
            unchanged: steady,
            smallest: 1.002,
            largest: 0.5,
        };
        let rows = [
            Row::compared("a call, ns", found, Goal::AtMost(1.0)),
            Row::stated("memory, MiB", "57".to_owned()),
        ];
        let expected = "\
measurement  without  with      ratio p10..p90     unchanged   best     goal  verdict
a call, ns       100   100  1.000 0.990..1.010  0.990..1.010  1.002  <= 1.00  met
memory, MiB             57
";
        assert_eq!(render(&rows), expected);
    }
}
