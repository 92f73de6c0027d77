//! nginx under wrk, and what the daemon used for it.

use anyhow::Result;

use super::found::{Found, lost, seen};
use super::web::{CONNECTIONS, Site};
use super::{Bench, Section};
use crate::bench::rounds::{interleave, measured};
use crate::bench::table::{Goal, Row};
use crate::bench::tools::Tool;

pub(super) const SECTION: Section = Section {
    name: "nginx",
    about: "nginx under wrk, 5 rounds, about 50 s",
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
    let web = interleave(bench.tap(), ROUNDS, |running| {
        measured(running, || site.load())
    })?;
    let made = web.with.iter().map(|round| round.work.requests).sum();
    let runs = web.with.len() as u64;
    let cpu = web.spread_with(|round| round.cpu_ms_per_thousand(round.work.requests));
    let peak = web.with.iter().map(|round| round.rss_kib).max();
    let rows = vec![
        Row::compared(
            "nginx requests/s under wrk",
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
    ];
    Ok(Found::measured(rows, &web, "wrk"))
}
