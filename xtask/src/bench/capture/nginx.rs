//! nginx under wrk, and what the daemon used for it.

use anyhow::Result;

use super::found::{Found, lost, seen, to_f64};
use super::web::{CONNECTIONS, Load, Site};
use super::{Bench, Section};
use crate::bench::rounds::{Measured, Rounds, interleave, measured};
use crate::bench::table::{Goal, Row};
use crate::bench::tools::Tool;

pub(super) const SECTION: Section = Section {
    name: "nginx",
    about: "nginx under wrk, 5 rounds governed and 5 not, about 100 s",
    needs: &[
        Tool {
            name: "nginx",
            package: "nginx-light",
        },
        Tool {
            name: "wrk",
            package: "wrk",
        },
    ],
    taps: true,
    run,
};

const ROUNDS: usize = 5;

fn run(bench: &Bench) -> Result<Found> {
    let site = Site::start(&bench.tools, &bench.scratch)?;
    site.load()?; // caches and connection tables warm up
    let governed = interleave(&bench.governed()?, ROUNDS, |running| {
        measured(running, || site.load())
    })?;
    let web = interleave(bench.tap(), ROUNDS, |running| {
        measured(running, || site.load())
    })?;
    let mut found = Found::measured(governed_rows(&governed), &governed, "wrk, governed");
    found.add(Found::measured(whole_rows(&web), &web, "wrk"));
    Ok(found)
}

/// As users have it: what is not told is counted, and what is told counts for it.
fn governed_rows(web: &Rounds<Measured<Load>>) -> Vec<Row> {
    let told = to_f64(web.counters.exchanges);
    let all = told + to_f64(web.counters.let_go);
    vec![
        Row::compared(
            "nginx requests/s under wrk, governed",
            web.comparison(|round| round.work.per_second),
            Goal::AtLeast(0.97),
        ),
        Row::stated(
            "exchanges told of those, %",
            format!("{:.1}", 100.0 * told / all),
        ),
        lost("events lost, wrk, governed", &web.counters),
    ]
}

/// Nothing may be missing.
fn whole_rows(web: &Rounds<Measured<Load>>) -> Vec<Row> {
    let made = web.with.iter().map(|round| round.work.requests).sum();
    let runs = web.with.len() as u64;
    let cpu = web.spread_with(|round| round.cpu_ms_per_thousand(round.work.requests));
    let peak = web.with.iter().map(|round| round.rss_kib).max();
    vec![
        Row::compared(
            "nginx requests/s under wrk, all told",
            web.comparison(|round| round.work.per_second),
            Goal::AtLeast(0.97),
        ),
        Row::stated(
            "daemon CPU per 1,000 requests, ms",
            format!("{:.2}", cpu.median),
        ),
        Row::stated(
            "daemon RSS after wrk, MiB",
            (peak.unwrap_or(0) / 1024).to_string(),
        ),
        // When wrk ends, each of its connections has asked for something it does not count.
        seen(
            "exchanges seen of wrk and nginx",
            made,
            runs * CONNECTIONS,
            &web.counters,
        ),
        lost("events lost, wrk", &web.counters),
    ]
}
