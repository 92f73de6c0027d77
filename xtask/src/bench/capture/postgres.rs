//! PostgreSQL under pgbench, which only selects: a cluster of its own in memory and scratch files,
//! run by the user that Debian made for it, because it refuses root.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::found::{Found, lost, seen};
use super::{Bench, Section};
use crate::bench::rounds::{interleave, measured};
use crate::bench::server::Server;
use crate::bench::table::{Goal, Row};
use crate::bench::tools::Tool;

pub(super) const SECTION: Section = Section {
    name: "postgres",
    about: "pgbench, select only, 5 rounds, about 50 s",
    needs: &[
        postgresql("initdb"),
        postgresql("postgres"),
        postgresql("pgbench"),
        Tool {
            name: "setpriv",
            package: "util-linux",
        },
    ],
    taps: true,
    run,
};

const ROUNDS: usize = 5;
const USER: &str = "postgres";
const CLIENTS: u64 = 4;
const SECONDS: u32 = 3;
/// What a client asks before it begins.
const UNCOUNTED_PER_CLIENT: u64 = 8;

/// What pgbench says it did.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Load {
    transactions: u64,
    per_second: f64,
}

const fn postgresql(name: &'static str) -> Tool {
    Tool {
        name,
        package: "postgresql",
    }
}

fn run(bench: &Bench) -> Result<Found> {
    let server = start(bench)?;
    pgbench(bench, &server, &["-i", "-s", "1", "-q"])?;
    let ask = || -> Result<Load> {
        let clients = CLIENTS.to_string();
        let seconds = SECONDS.to_string();
        let text = pgbench(
            bench,
            &server,
            &["-n", "-S", "-c", &clients, "-j", "1", "-T", &seconds],
        )?;
        read(&text).with_context(|| format!("pgbench did not say what is expected of it\n{text}"))
    };
    ask()?; // warms up
    let rounds = interleave(bench.tap(), ROUNDS, |running| measured(running, ask))?;
    let made = rounds
        .with
        .iter()
        .map(|round| round.work.transactions)
        .sum();
    let runs = rounds.with.len() as u64;
    let cpu = rounds.spread_with(|round| round.cpu_ms_per_thousand(round.work.transactions));
    let rows = vec![
        Row::compared(
            "PostgreSQL selects/s under pgbench",
            rounds.comparison(|round| round.work.per_second),
            Goal::AtLeast(0.97),
        ),
        Row::stated(
            "daemon CPU per 1,000 selects, ms",
            format!("{:.2}", cpu.median),
        ),
        seen(
            "selects seen of pgbench and PostgreSQL",
            made,
            runs * CLIENTS * UNCOUNTED_PER_CLIENT,
            &rounds.counters,
        ),
        lost("events lost, pgbench", &rounds.counters),
    ];
    Ok(Found::measured(rows, &rounds, "pgbench"))
}

/// Makes a cluster and starts its server.
fn start(bench: &Bench) -> Result<Server> {
    let data = bench.scratch.path().join("postgres");
    let made = Command::new("install")
        .args(["-d", "-o", USER, "-g", USER, "-m", "700"])
        .arg(&data)
        .status()
        .context("cannot run install")?;
    ensure!(made.success(), "cannot make a directory for {USER}");
    let made = as_user(bench, "initdb")
        .args(["--auth=trust", "--no-sync", "--username", USER, "-D"])
        .arg(&data)
        .output()
        .context("cannot run initdb")?;
    ensure!(
        made.status.success(),
        "initdb failed\n{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let address = Server::address()?;
    let mut postgres = as_user(bench, "postgres");
    postgres
        .args(["-p", &address.port().to_string(), "-h", "127.0.0.1", "-D"])
        .arg(&data)
        .args(["-c", "fsync=off", "-c", "log_min_messages=fatal"])
        .args(["-c", "unix_socket_directories="]);
    let server = Server::start(&mut postgres, address)?;
    wait_for_answers(bench, &server)?;
    Ok(server)
}

/// It listens before it answers.
fn wait_for_answers(bench: &Bench, server: &Server) -> Result<()> {
    const TRIES: u32 = 50;
    for _ in 0..TRIES {
        if pgbench(bench, server, &["-i", "-I", "d"]).is_ok() {
            return Ok(());
        }
        crate::bench::process::pause(std::time::Duration::from_millis(100));
    }
    pgbench(bench, server, &["-i", "-I", "d"]).map(drop)
}

fn as_user(bench: &Bench, program: &str) -> Command {
    let mut command = Command::new(bench.tools.path("setpriv"));
    command
        .args(["--reuid", USER, "--regid", USER, "--clear-groups"])
        .arg(bench.tools.path(program))
        .current_dir(Path::new("/"));
    command
}

fn pgbench(bench: &Bench, server: &Server, arguments: &[&str]) -> Result<String> {
    let port = server.address.port().to_string();
    let output = Command::new(bench.tools.path("pgbench"))
        .args(["-h", "127.0.0.1", "-p", &port, "-U", USER])
        .args(arguments)
        .arg("postgres")
        .env("PGSSLMODE", "disable")
        .output()
        .context("cannot run pgbench")?;
    ensure!(
        output.status.success(),
        "pgbench failed\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn read(text: &str) -> Option<Load> {
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let transactions = of("number of transactions actually processed: ")?;
    let transactions = transactions.split('/').next()?.trim().parse().ok()?;
    let per_second = of("tps = ")?.split(' ').next()?.parse().ok()?;
    Some(Load {
        transactions,
        per_second,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_pgbench_says() {
        let said = "\
transaction type: <builtin: select only>
number of transactions actually processed: 61234
number of failed transactions: 0 (0.000%)
latency average = 0.195 ms
initial connection time = 5.1 ms
tps = 20456.123456 (without initial connection time)
";
        let load = read(said).expect("complete");
        assert_eq!(
            (load.transactions, load.per_second),
            (61_234, 20_456.123_456)
        );
        assert!(read(&said.replace("tps", "")).is_none());
    }
}
