//! Redis under its own benchmark, asked one by one and sixteen at a time.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::found::{Found, lost, seen, to_f64};
use super::{Bench, Section};
use crate::bench::rounds::{interleave, measured};
use crate::bench::server::Server;
use crate::bench::table::{Goal, Row};
use crate::bench::tools::Tool;

pub(super) const SECTION: Section = Section {
    name: "redis",
    about: "redis-benchmark, 5 rounds at each of two depths, about 70 s",
    needs: &[
        Tool {
            name: "redis-server",
            package: "redis-server",
        },
        Tool {
            name: "redis-benchmark",
            package: "redis-tools",
        },
    ],
    taps: true,
    run,
};

const ROUNDS: usize = 5;
/// What is asked; as many of each.
const COMMANDS: [&str; 2] = ["SET", "GET"];
/// Besides what it measures it asks for the configuration of the server.
const UNCOUNTED: u64 = 8;

/// How the benchmark asks.
struct Depth {
    pipelined: u32,
    /// Requests of each command: about a second and a half without a tap.
    requests: u64,
}

const DEPTHS: [Depth; 2] = [
    Depth {
        pipelined: 1,
        requests: 100_000,
    },
    Depth {
        pipelined: 16,
        requests: 800_000,
    },
];

fn run(bench: &Bench) -> Result<Found> {
    let address = Server::address()?;
    let mut redis = Command::new(bench.tools.path("redis-server"));
    redis
        .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--save", "", "--appendonly", "no", "--loglevel", "warning"])
        .current_dir(bench.scratch.path());
    let server = Server::start(&mut redis, address)?;
    let mut found = Found::default();
    for depth in &DEPTHS {
        found.add(measure(bench, &server, depth)?);
    }
    Ok(found)
}

fn measure(bench: &Bench, server: &Server, depth: &Depth) -> Result<Found> {
    let ask = || per_second(bench, server, depth);
    ask()?; // warms up
    let rounds = interleave(bench.tap(), ROUNDS, |running| measured(running, ask))?;
    let each = COMMANDS.len() as u64 * depth.requests;
    let runs = rounds.with.len() as u64;
    let pipelined = depth.pipelined;
    let cpu = rounds.spread_with(|round| round.cpu_ms_per_thousand(each));
    let rows = vec![
        Row::compared(
            &format!("redis requests/s, {pipelined} at a time"),
            rounds.comparison(|round| round.work),
            Goal::AtLeast(0.95),
        ),
        Row::stated(
            &format!("daemon CPU per 1,000 commands, {pipelined} at a time, ms"),
            format!("{:.2}", cpu.median),
        ),
        seen(
            &format!("commands seen of redis, {pipelined} at a time"),
            runs * each,
            runs * UNCOUNTED,
            &rounds.counters,
        ),
        lost(
            &format!("events lost, redis {pipelined} at a time"),
            &rounds.counters,
        ),
    ];
    Ok(Found::measured(rows, &rounds, "redis-benchmark"))
}

/// Returns how many requests a second it made, over all commands.
fn per_second(bench: &Bench, server: &Server, depth: &Depth) -> Result<f64> {
    let output = Command::new(bench.tools.path("redis-benchmark"))
        .args(["-h", "127.0.0.1", "-p", &server.address.port().to_string()])
        .args(["-t", "set,get", "-c", "16", "--csv"])
        .args(["-n", &depth.requests.to_string()])
        .args(["-P", &depth.pipelined.to_string()])
        .output()
        .context("cannot run redis-benchmark")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "redis-benchmark failed\n{text}");
    read(&text, depth.requests)
        .with_context(|| format!("redis-benchmark did not say what is expected of it\n{text}"))
}

/// The commands are asked one after the other: their times add up.
fn read(text: &str, requests: u64) -> Option<f64> {
    let mut seconds = 0.0;
    for command in COMMANDS {
        let row = format!("\"{command}\",\"");
        let rate = text.lines().find_map(|line| line.strip_prefix(&row))?;
        let rate: f64 = rate.split('"').next()?.parse().ok()?;
        seconds += to_f64(requests) / rate;
    }
    Some(to_f64(requests * COMMANDS.len() as u64) / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\"
\"SET\",\"50000.00\",\"0.123\",\"0.040\",\"0.119\"
\"GET\",\"100000.00\",\"0.101\",\"0.032\",\"0.095\"
";

    #[test]
    fn adds_the_times_of_both_commands() {
        let rate = read(SAID, 100).expect("complete");
        assert!((rate - 200.0 / 0.003).abs() < 1.0, "{rate}");
    }

    #[test]
    fn a_command_that_is_missing_is_no_zero() {
        assert_eq!(read(&SAID.replace("GET", "PING"), 100), None);
    }
}
