//! Reports, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

use super::{
    super::report::{Entry, entries},
    differences::Difference,
    judge::{Component, Report, Standing},
};

/// How many obstacles the last line names.
const MAX_NAMED: usize = 3;

/// What a file would be like here, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    RunsUnchanged,
    WouldStart,
    WouldNotStart,
}

/// Writes reports for people, each with its verdict in the last line.
pub(super) fn text(reports: &[Report]) -> String {
    let texts: Vec<String> = reports.iter().map(page).collect();
    texts.join("\n")
}

fn page(report: &Report) -> String {
    let mut out = String::new();
    let widths = report.components.iter().map(|one| one.id.chars().count());
    let width = widths.max().unwrap_or(0).max("telemetry".len());
    let mut section = "";
    for component in &report.components {
        if section != component.section {
            section = component.section;
            let _ = writeln!(out, "{section}");
        }
        let _ = writeln!(out, "  {:width$}  {}", component.id, words(component));
        list(&mut out, &component.differences);
    }
    if !report.telemetry.is_empty() {
        let _ = writeln!(out, "service\n  {:width$}  partial", "telemetry");
        list(&mut out, &report.telemetry);
    }
    if !report.gates.is_empty() {
        let _ = writeln!(out, "feature gates");
        for problem in &report.gates {
            let _ = writeln!(out, "  {}", problem.message);
        }
    }
    if !report.unset.is_empty() {
        let names = report.unset.join(", ");
        let _ = writeln!(out, "not judged, because not set here\n  {names}");
    }
    if !report.mistakes.is_empty() {
        let _ = writeln!(out, "{}{}\n", gap(&out), report.mistakes);
    }
    let _ = writeln!(out, "{}: {}", report.file, summary(report));
    out
}

/// Mistakes are shown with their lines, which want some air.
fn gap(before: &str) -> &'static str {
    if before.is_empty() { "" } else { "\n" }
}

fn words(component: &Component) -> String {
    let mut words = match component.standing {
        Standing::Full if component.differences.is_empty() => "full".to_owned(),
        Standing::Full => "full, with mistakes".to_owned(),
        Standing::Partial => "partial".to_owned(),
        Standing::Missing => "missing".to_owned(),
        Standing::Removed => "gone from the Collector too".to_owned(),
        Standing::Unknown => "unknown".to_owned(),
    };
    if matches!(component.standing, Standing::Missing | Standing::Removed) && !component.used {
        words.push_str(", and not used");
    }
    if let Some(instead) = &component.instead {
        let _ = write!(words, ": {instead}");
    }
    words
}

fn list(out: &mut String, differences: &[Difference]) {
    for difference in differences {
        let _ = writeln!(out, "    line {}: {}", difference.line, difference.message);
    }
}

fn verdict(report: &Report) -> Verdict {
    if !report.would_start() {
        Verdict::WouldNotStart
    } else if report.differences() > 0 {
        Verdict::WouldStart
    } else {
        Verdict::RunsUnchanged
    }
}

fn summary(report: &Report) -> String {
    match verdict(report) {
        Verdict::RunsUnchanged => "runs unchanged".to_owned(),
        Verdict::WouldStart => match report.differences() {
            1 => "would start, 1 difference".to_owned(),
            count => format!("would start, {count} differences"),
        },
        Verdict::WouldNotStart => {
            let obstacles = report.obstacles();
            let named = &obstacles[..obstacles.len().min(MAX_NAMED)];
            let rest = match obstacles.len() - named.len() {
                0 => String::new(),
                count => format!(", and {count} more"),
            };
            format!("would not start: {}{rest}", named.join(", "))
        }
    }
}

/// A report for programs.
#[derive(Serialize)]
struct Told<'r> {
    file: &'r str,
    verdict: Verdict,
    summary: String,
    components: &'r [Component],
    telemetry: &'r [Difference],
    unset_variables: &'r [String],
    feature_gates: Vec<Entry<'r>>,
    mistakes: Vec<Entry<'r>>,
}

/// Writes reports as a JSON list.
pub(super) fn json(reports: &[Report]) -> String {
    let told = reports.iter().map(|report| Told {
        file: &report.file,
        verdict: verdict(report),
        summary: summary(report),
        components: &report.components,
        telemetry: &report.telemetry,
        unset_variables: &report.unset,
        feature_gates: entries(&report.gates),
        mistakes: entries(&report.mistakes),
    });
    let told: Vec<Told<'_>> = told.collect();
    let text = serde_json::to_string_pretty(&told).expect("plain data");
    text + "\n"
}
