//! `bench capture`: the tap against a system call it has nothing to do with, a socket pair, and
//! nginx.

use std::path::Path;

use anyhow::Result;

use super::counters::Counters;
use super::pair::{Content, Pair};
use super::rounds::{Rounds, interleave};
use super::scratch::Scratch;
use super::table::{Goal, Row, Verdict, render};
use super::tap::Tap;
use super::tools::Tools;
use super::web::{CONNECTIONS, Site};
use super::{machine, timing};

/// Odd, so that a median is one of them.
const SMALL_ROUNDS: usize = 15;
const WEB_ROUNDS: usize = 5;
/// One exchange is seen twice: where it is asked and where it is answered.
const SEEN_PER_EXCHANGE: u64 = 2;

/// One in so many exchanges may be somebody else's.
const OTHERS_PART: u64 = 1000;

const LEGEND: &str = "\
medians; ratio: with over its neighbours without; unchanged: without over the one before it;
best: the best round with over the best round without";

/// Nanoseconds of the small operations, and how many captured exchanges measuring them made.
struct Small {
    syscall_ns: f64,
    binary_ns: f64,
    http_ns: f64,
    exchanges: u64,
}

/// One run of wrk; what the daemon used is zero where there was none.
struct Web {
    per_second: f64,
    requests: u64,
    cpu_ms: f64,
    rss_kib: u64,
}

pub(super) fn run(root: &Path) -> Result<()> {
    let tools = Tools::find()?;
    let before = machine::describe();
    let scratch = Scratch::new()?;
    let tap = Tap::build(root, &scratch)?;
    eprintln!("bench: {SMALL_ROUNDS} rounds of small operations, about 80 s");
    let small = interleave(&tap, SMALL_ROUNDS, |_| measure_small())?;
    eprintln!("bench: {WEB_ROUNDS} rounds of nginx under wrk, about 50 s");
    let web = measure_web(&tap, &tools, &scratch)?;

    println!("{before}");
    println!("load average at the end {}", machine::load_average());
    println!("{LEGEND}\n");
    let rows = [small_rows(&small), web_rows(&web)].concat();
    println!("{}", render(&rows));
    for holder in small.foreign.union(&web.foreign) {
        println!("note: {holder} holds BPF links too: `without` was not without everything");
    }
    complain(&small.counters, "the socket pair");
    complain(&web.counters, "wrk");
    Ok(())
}

/// Captured traffic comes last: what the daemon has still to do then disturbs nothing measured.
fn measure_small() -> Result<Small> {
    let syscall_ns = timing::nanoseconds(timing::parent_ids)?;
    let mut binary = Pair::new(Content::Binary)?;
    let binary_ns = timing::nanoseconds(|trips| binary.exchange(trips))? / Pair::PER_EXCHANGE;
    let mut http = Pair::new(Content::Http)?;
    let http_ns = timing::nanoseconds(|trips| http.exchange(trips))? / Pair::PER_EXCHANGE;
    Ok(Small {
        syscall_ns,
        binary_ns,
        http_ns,
        exchanges: http.exchanges(),
    })
}

fn measure_web(tap: &Tap, tools: &Tools, scratch: &Scratch) -> Result<Rounds<Web>> {
    let site = Site::start(tools, scratch)?;
    site.load()?; // caches and connection tables warm up
    interleave(tap, WEB_ROUNDS, |running| {
        let Some(running) = running else {
            let load = site.load()?;
            return Ok(Web {
                per_second: load.per_second,
                requests: load.requests,
                cpu_ms: 0.0,
                rss_kib: 0,
            });
        };
        let idle_ms = running.usage()?.cpu_ms;
        let load = site.load()?;
        let used = running.settle()?;
        Ok(Web {
            per_second: load.per_second,
            requests: load.requests,
            cpu_ms: used.cpu_ms - idle_ms,
            rss_kib: used.rss_kib,
        })
    })
}

fn small_rows(small: &Rounds<Small>) -> Vec<Row> {
    let made = small.with.iter().map(|round| round.exchanges).sum();
    vec![
        Row::compared(
            "unrelated system call, ns",
            small.comparison(|round| round.syscall_ns),
            Goal::AtMost(1.0),
        ),
        Row::compared(
            "TCP send+receive 300 B, HTTP, ns",
            small.comparison(|round| round.http_ns),
            Goal::AtMost(1.05),
        ),
        Row::compared(
            "TCP send+receive 300 B, binary, ns",
            small.comparison(|round| round.binary_ns),
            Goal::AtMost(1.05),
        ),
        seen(
            "exchanges seen of the socket pair",
            made,
            0,
            &small.counters,
        ),
        lost("events lost, socket pair", &small.counters),
    ]
}

fn web_rows(web: &Rounds<Web>) -> Vec<Row> {
    let made = web.with.iter().map(|round| round.requests).sum();
    let runs = web.with.len() as u64;
    let cpu = web.spread_with(|round| round.cpu_ms / (to_f64(round.requests) / 1e3));
    let peak = web.with.iter().map(|round| round.rss_kib).max();
    vec![
        Row::compared(
            "nginx requests/s under wrk",
            web.comparison(|round| round.per_second),
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

/// Compares what the tap told with what was done: up to `uncounted` more may have been done by us,
/// and some by others on this machine, which the tap rightly tells too.
fn seen(name: &str, made: u64, uncounted: u64, counters: &Counters) -> Row {
    let least = made * SEEN_PER_EXCHANGE;
    let most = (made + uncounted + made / OTHERS_PART) * SEEN_PER_EXCHANGE;
    let verdict = if (least..=most).contains(&counters.exchanges) {
        Verdict::Met
    } else {
        Verdict::Missed
    };
    Row {
        without: format!("{least} made"),
        with: counters.exchanges.to_string(),
        ratio: format!("{:.4}", to_f64(counters.exchanges) / to_f64(least)),
        goal: "1.0000".to_owned(),
        verdict: Some(verdict),
        ..Row::stated(name, String::new())
    }
}

fn lost(name: &str, counters: &Counters) -> Row {
    let lost = counters.lost_events();
    let verdict = if lost == 0 {
        Verdict::Met
    } else {
        Verdict::Missed
    };
    Row {
        goal: "0".to_owned(),
        verdict: Some(verdict),
        ..Row::stated(name, format!("{lost} of {}", counters.events))
    }
}

fn complain(counters: &Counters, under: &str) {
    let lost = counters.lost.iter().filter(|(_, count)| **count > 0);
    let lost: Vec<String> = lost
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    if !lost.is_empty() {
        let events = counters.events;
        println!(
            "!!! EVENTS LOST under {under}: {} of {events} !!!",
            lost.join(", ")
        );
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody makes 2^53 requests in a benchmark"
)]
fn to_f64(count: u64) -> f64 {
    count as f64
}
