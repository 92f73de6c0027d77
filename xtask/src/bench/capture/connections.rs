//! What ten thousand open connections cost in memory while they are used.

use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::found::Found;
use super::pair::{Content, Pair};
use super::{Bench, Section};
use crate::bench::table::{Row, Verdict};
use crate::bench::tools::Tool;

pub(super) const SECTION: Section = Section {
    name: "memory",
    about: "10,000 connections that ask for 5 s, about 15 s",
    needs: &[Tool {
        name: "prlimit",
        package: "util-linux",
    }],
    taps: true,
    run,
};

/// What the daemon follows: a connection to elsewhere has one end here, ours have both.
const CONNECTIONS: usize = 10_000;
const PAIRS: usize = CONNECTIONS / 2;
const DESCRIPTORS: usize = CONNECTIONS + 1000;
const BUSY: Duration = Duration::from_secs(5);
/// Requests on each connection between two looks at the daemon.
const PER_LOOK: u64 = 1;
const GOAL_MIB: u64 = 60;

fn run(bench: &Bench) -> Result<Found> {
    raise_limit(bench)?;
    let running = bench.tap().start()?;
    running.settle()?;
    let idle = running.usage()?.rss_kib;
    let mut pairs = Vec::with_capacity(PAIRS);
    for _ in 0..PAIRS {
        pairs.push(Pair::new(Content::Http)?);
    }
    let (begun, mut most) = (Instant::now(), 0);
    while begun.elapsed() < BUSY {
        for pair in &mut pairs {
            pair.exchange(PER_LOOK)?;
        }
        most = most.max(running.usage()?.rss_kib);
    }
    let settled = running.settle()?.rss_kib;
    drop(pairs);
    let counters = running.stop()?;
    let shown = |kib: u64| (kib / 1024).to_string();
    let rows = vec![
        Row::stated("daemon RSS, no connection, MiB", shown(idle)),
        Row {
            goal: format!("< {GOAL_MIB}"),
            verdict: Some(Verdict::met(most < GOAL_MIB * 1024)),
            ..Row::stated("daemon RSS, 10,000 busy connections, MiB", shown(most))
        },
        Row::stated("daemon RSS, the same at rest, MiB", shown(settled)),
        super::found::lost("events lost, 10,000 connections", &counters),
    ];
    Ok(Found::of(rows))
}

/// Our own limit of open files is the shell's, which is too low.
fn raise_limit(bench: &Bench) -> Result<()> {
    let status = Command::new(bench.tools.path("prlimit"))
        .args(["--pid", &process::id().to_string()])
        .arg(format!("--nofile={DESCRIPTORS}:"))
        .stdin(Stdio::null())
        .status()
        .context("cannot run prlimit")?;
    ensure!(status.success(), "cannot open {DESCRIPTORS} files");
    Ok(())
}
