//! What was measured, as tables beside the goals.

use super::Found;
use super::load::Calibration;
use super::run::{Measured, to_f64};
use super::work::Work;
use crate::bench::columns::lay_out;
use crate::bench::spread::Spread;
use crate::bench::table::Goal;

const READY_GOAL_MS: f64 = 10.0;
const IDLE_GOAL_MIB: f64 = 12.0;
const LOAD_GOAL_MIB: f64 = 60.0;
const BINARY_GOAL_MB: f64 = 30.0;
/// How much larger than zlib's own choice a compressed request may be.
const SIZE_GOAL: f64 = 1.15;

/// Bytes of the program, as far as they are known.
pub(super) struct Sizes {
    pub(super) built: Option<u64>,
    pub(super) stripped: Option<u64>,
}

/// Tells how fast this machine is at work that no daemon has a part in.
pub(super) fn calibration(rounds: &[Calibration]) -> String {
    let load = Spread::of(rounds.iter().map(|round| round.load_cpu_s).collect());
    let sink = Spread::of(rounds.iter().map(|round| round.sink_cpu_s).collect());
    format!(
        "calibration: a million spans straight from load to sink, gzip: {:.3} + {:.3} CPU s \
         (load {:.3}..{:.3})\n",
        load.median, sink.median, load.p10, load.p90
    )
}

/// Shows what each work costs when the load takes all it gets.
pub(super) fn costs(works: &[&Work], found: &Found) -> String {
    let heading = [
        "medians, min..max",
        "CPU s per million spans",
        "goal",
        "spans/s",
        "peak MiB",
        "refused",
        "lost",
        "verdict",
    ];
    let works = works.iter().filter(|work| work.rate.is_none());
    table(heading, works, found, |work, rounds| {
        let cpu = spread(rounds, Measured::cpu_s_per_million);
        let goal = work.cpu_goal.map(Goal::AtMost);
        let per_second = spread(rounds, |round| round.sent.items_per_s);
        let peak = spread(rounds, |round| mib(round.peak_kib));
        let refused: u64 = rounds.iter().map(|round| round.sent.failed_items).sum();
        [
            work.name.to_owned(),
            format!("{:.3} {:.3}..{:.3}", cpu.median, cpu.p10, cpu.p90),
            shown(goal),
            format!("{:.0} k", per_second.median / 1e3),
            format!("{:.0}..{:.0}", peak.p10, peak.p90),
            refused.to_string(),
            missing(rounds).to_string(),
            verdict(goal, cpu),
        ]
    })
}

/// Shows what a steady load that is far from the limit meets.
pub(super) fn delays(works: &[&Work], found: &Found) -> String {
    let heading = [
        "medians, min..max",
        "CPU %",
        "age p50 ms",
        "age p99 ms",
        "goal",
        "lost",
        "verdict",
    ];
    let works = works.iter().filter(|work| work.rate.is_some());
    table(heading, works, found, |work, rounds| {
        let cpu = spread(rounds, Measured::cpu_percent);
        let p50 = spread(rounds, |round| to_f64(round.arrived.age_us.p50) / 1e3);
        let p99 = spread(rounds, |round| to_f64(round.arrived.age_us.p99) / 1e3);
        let goal = work.p99_goal.map(Goal::AtMost);
        [
            work.name.to_owned(),
            format!("{:.1}", cpu.median),
            format!("{:.1}", p50.median),
            format!("{:.1} {:.1}..{:.1}", p99.median, p99.p10, p99.p90),
            shown(goal),
            missing(rounds).to_string(),
            verdict(goal, p99),
        ]
    })
}

/// Shows how small a less repetitive load becomes, against the last of the works.
pub(super) fn compression(works: &[&Work], found: &Found) -> String {
    let reference = works.last().and_then(|work| found.get(work.name));
    let reference = reference.map_or(f64::NAN, |rounds| rounds[0].bytes_per_span());
    let heading = [
        "256 different requests",
        "raw bytes per span",
        "sent bytes per span",
        "smaller by",
        "over level 6",
        "CPU s per million spans",
        "goal",
        "verdict",
    ];
    table(heading, works.iter(), found, |work, rounds| {
        let raw = rounds[0].sent.raw_bytes_per_item;
        let sent = spread(rounds, Measured::bytes_per_span);
        let over = Spread::of(vec![sent.median / reference]);
        let cpu = spread(rounds, Measured::cpu_s_per_million);
        let goal = Some(Goal::AtMost(SIZE_GOAL));
        [
            work.name.to_owned(),
            format!("{raw:.0}"),
            format!("{:.1}", sent.median),
            format!("{:.1}", raw / sent.median),
            format!("{:.2}", over.median),
            format!("{:.2}", cpu.median),
            shown(goal),
            verdict(goal, over),
        ]
    })
}

/// Shows what the daemon takes before it does anything.
pub(super) fn footprint(found: &Found, sizes: &Sizes) -> String {
    let rounds = || found.values().flatten();
    let ready = Spread::of(
        rounds()
            .map(|round| round.ready.as_secs_f64() * 1e3)
            .collect(),
    );
    let idle = Spread::of(rounds().map(|round| mib(round.idle_kib)).collect());
    let peaks = found.values();
    let peaks = peaks.map(|rounds| spread(rounds, |round| mib(round.peak_kib)));
    let peak = peaks.max_by(|one, other| one.median.total_cmp(&other.median));
    let peak = peak.expect("something was measured");
    let mut lines = vec![["all runs", "median", "p10..p90", "goal", "verdict"].map(str::to_owned)];
    let mut line = |name: &str, found: Spread, goal: Option<f64>| {
        let goal = goal.map(Goal::AtMost);
        lines.push([
            name.to_owned(),
            format!("{:.1}", found.median),
            format!("{:.1}..{:.1}", found.p10, found.p90),
            shown(goal),
            verdict(goal, found),
        ]);
    };
    line("start to first accept, ms", ready, Some(READY_GOAL_MS));
    line("resident, idle, MiB", idle, Some(IDLE_GOAL_MIB));
    line("resident, the worst work, MiB", peak, Some(LOAD_GOAL_MIB));
    for (name, bytes, goal) in [
        ("binary, stripped, MB", sizes.stripped, Some(BINARY_GOAL_MB)),
        ("binary as built, MB", sizes.built, None),
    ] {
        if let Some(bytes) = bytes {
            line(name, Spread::of(vec![to_f64(bytes) / 1e6]), goal);
        }
    }
    lay_out(&lines)
}

/// Names every work that did not deliver exactly what it had answered for.
pub(super) fn lost(found: &Found) -> Vec<String> {
    let lost = found.iter().filter(|(_, rounds)| missing(rounds) != 0);
    lost.map(|(name, rounds)| format!("{} of {name}", missing(rounds)))
        .collect()
}

/// Counts what did not arrive, and what arrived twice.
fn missing(rounds: &[Measured]) -> u64 {
    let differ = |round: &Measured| round.sent.ok_items.abs_diff(round.arrived.items);
    rounds.iter().map(differ).sum()
}

fn table<'w, const COLUMNS: usize>(
    heading: [&str; COLUMNS],
    works: impl Iterator<Item = &'w &'w Work>,
    found: &Found,
    line: impl Fn(&Work, &[Measured]) -> [String; COLUMNS],
) -> String {
    let mut lines = vec![heading.map(str::to_owned)];
    lines.extend(works.filter_map(|work| Some(line(work, found.get(work.name)?))));
    if lines.len() == 1 {
        return String::new();
    }
    lay_out(&lines) + "\n"
}

fn spread(rounds: &[Measured], value: impl Fn(&Measured) -> f64) -> Spread {
    Spread::of(rounds.iter().map(value).collect())
}

fn shown(goal: Option<Goal>) -> String {
    goal.map(|goal| goal.to_string()).unwrap_or_default()
}

fn verdict(goal: Option<Goal>, found: Spread) -> String {
    let verdict = goal.map(|goal| goal.judge(found, found.p10).as_str());
    verdict.unwrap_or_default().to_owned()
}

fn mib(kib: u64) -> f64 {
    to_f64(kib) / 1024.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::load::{Ages, Arrived, Sent};
    use super::super::work::WORKS;
    use super::*;

    fn measured(cpu_ms: f64, arrived: u64) -> Measured {
        Measured {
            sent: Sent {
                ok_items: 1_000_000,
                failed_items: 0,
                seconds: 4.0,
                items_per_s: 250_000.0,
                raw_bytes_per_item: 425.0,
                cpu_s: 1.0,
                last_error: String::new(),
            },
            arrived: Arrived {
                items: arrived,
                bytes: 85_000_000,
                bad: 0,
                cpu_s: 1.0,
                age_us: Ages {
                    p50: 900,
                    p99: 2100,
                },
            },
            cpu_ms,
            ready: Duration::from_millis(8),
            idle_kib: 11 * 1024,
            peak_kib: 44 * 1024,
        }
    }

    #[test]
    fn a_work_is_a_line_with_a_verdict() {
        let name = WORKS[0].name;
        let rounds = [500.0, 510.0, 620.0].map(|cpu_ms| measured(cpu_ms, 1_000_000));
        let found = Found::from([(name, Vec::from(rounds))]);
        let expected = "\
medians, min..max  CPU s per million spans     goal  spans/s  peak MiB  refused  lost  verdict
gRPC, 100 spans         0.510 0.500..0.620  <= 0.55    250 k    44..44        0     0  met

";
        assert_eq!(costs(&[&WORKS[0]], &found), expected);
        assert_eq!(delays(&[&WORKS[0]], &found), "", "it has no rate");
        assert!(lost(&found).is_empty());
    }

    #[test]
    fn what_was_lost_and_what_came_twice_do_not_cancel() {
        let rounds = vec![measured(500.0, 999_990), measured(500.0, 1_000_010)];
        let found = Found::from([("some work", rounds)]);
        assert_eq!(lost(&found), ["20 of some work"]);
    }

    #[test]
    fn the_footprint_needs_no_strip() {
        let found = Found::from([("some work", vec![measured(500.0, 1_000_000)])]);
        let sizes = Sizes {
            built: Some(86_300_000),
            stripped: None,
        };
        let text = footprint(&found, &sizes);
        assert!(text.contains("11.0..11.0  <= 12.00  met"), "{text}");
        assert!(text.ends_with("86.3  86.3..86.3\n"), "{text}");
    }
}
