//! Where the time goes: one load under `perf`, and the functions that had most of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use super::load::finish;
use super::place::free_address;
use super::subject::Subject;
use super::work::{Addresses, Work};
use crate::bench::process;

const LINES_MAX: usize = 40;
const SAMPLES_PER_SECOND: &str = "997";
/// The load has reached its speed by then.
const WARM_UP: Duration = Duration::from_millis(500);

/// Shows the functions of the daemon, and of the kernel for it, that a work spends its time in.
pub(super) fn show(bench: &Bench, work: &Work) -> Result<()> {
    let perf = Command::new("perf").arg("--version").output();
    if !perf.is_ok_and(|done| done.status.success()) {
        println!("no profile: perf is not installed: apt-get install linux-perf");
        return Ok(());
    }
    let sink = bench.otlpload.sink(work.rate.is_some())?;
    let addresses = Addresses {
        grpc: free_address()?,
        http: free_address()?,
        sink: sink.address,
    };
    let config = bench
        .scratch
        .write("gateway.yaml", &work.config(&addresses))?;
    let target = work.target(&addresses);
    let subject = Subject::start(&bench.program, &config, &[target])?;
    let load = bench.otlpload.send(work, target, bench.seconds + 1)?;
    process::pause(WARM_UP);
    let samples = bench.scratch.path().join("perf.data");
    record(subject.pid(), bench.seconds, &samples)?;
    finish(load)?;
    println!("where the time goes: {}", work.name);
    for line in functions(&report(&samples)?).take(LINES_MAX) {
        println!("{line}");
    }
    subject.stop()
}

fn record(pid: u32, seconds: u32, samples: &Path) -> Result<()> {
    let status = Command::new("perf")
        .args(["record", "--freq", SAMPLES_PER_SECOND, "--output"])
        .arg(samples)
        .args(["--pid", &pid.to_string(), "--", "sleep"])
        .arg(seconds.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot run perf")?;
    ensure!(
        status.success(),
        "perf cannot record here: see kernel.perf_event_paranoid"
    );
    Ok(())
}

fn report(samples: &Path) -> Result<String> {
    let done = Command::new("perf")
        .args(["report", "--stdio", "--no-children", "--sort", "symbol"])
        .args(["--percent-limit", "0.3", "--input"])
        .arg(samples)
        .output()
        .context("cannot run perf")?;
    ensure!(done.status.success(), "perf cannot read its samples");
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Leaves out what perf says about itself.
fn functions(report: &str) -> impl Iterator<Item = &str> {
    let columns = [' ', '-']; // of inlined callers, which nobody asked for
    let lines = report
        .lines()
        .map(move |line| line.trim_end_matches(columns));
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_functions_are_shown() {
        let report = "# Samples: 4K\n#\n\n    30.01%  [.] memcpy    -      -  \n     1.00%  [k] tcp_ack\n\n#\n";
        let shown: Vec<&str> = functions(report).collect();
        assert_eq!(shown, ["    30.01%  [.] memcpy", "     1.00%  [k] tcp_ack"]);
    }
}
