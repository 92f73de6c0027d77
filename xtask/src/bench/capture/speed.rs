//! The user half by itself: records of nginx through all of it, and recorded conversations of every
//! family of protocols through their parsers. No kernel has a part in it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::found::Found;
use super::{Bench, Section};
use crate::bench::release;
use crate::bench::table::{Row, Verdict};

pub(super) const REPLAY: Section = Section {
    name: "replay",
    about: "the user half without a kernel, about 5 s",
    needs: &[],
    taps: false,
    run: replay,
};

pub(super) const PARSING: Section = Section {
    name: "parsing",
    about: "recorded conversations, about 10 s",
    needs: &[],
    taps: false,
    run: parsing,
};

/// What the design allows for an exchange, from the record to the span.
const GOAL_NS: u64 = 1500;
/// Exchanges that one core should parse in a second.
const GOAL_PER_SECOND: u64 = 1_000_000;

/// Recorded conversations, by protocol: one or two of each family, below `receiver/protocols`. Of
/// WebSocket there is none: a connection is one exchange.
const CONVERSATIONS: &[(&str, &str)] = &[
    ("http", "testdata/speed/http_wrk.txt"),
    ("http2", "testdata/http2/h2load.txt"),
    ("http2", "testdata/http2/grpcio.txt"),
    ("fastcgi", "testdata/speed/fastcgi_php.txt"),
    ("redis", "testdata/speed/redis_set.txt"),
    ("redis", "testdata/speed/redis_get_pipelined.txt"),
    ("postgresql", "testdata/speed/postgresql_simple.txt"),
    ("postgresql", "testdata/speed/postgresql_prepared.txt"),
    ("mysql", "tests/protocols/recorded/mysql_pymysql.txt"),
    ("mongodb", "testdata/speed/mongodb_find.txt"),
    ("cassandra", "tests/protocols/recorded/cassandra_4none.txt"),
    ("memcached", "testdata/speed/memcached_text.txt"),
    ("kafka", "tests/protocols/recorded/kafka_consumer.txt"),
    ("amqp", "tests/protocols/recorded/amqp_pika.txt"),
    ("mqtt", "tests/protocols/recorded/mqtt_v5.txt"),
    ("nats", "tests/protocols/recorded/nats_requests.txt"),
    ("dns", "testdata/speed/dns_tcp.txt"),
];

fn replay(bench: &Bench) -> Result<Found> {
    let text = example(&bench.root, "replay_speed", &[])?;
    let each = text
        .split_once(" ns of CPU per exchange")
        .and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok());
    let each: u64 = each.with_context(|| format!("replay_speed said: {text}"))?;
    Ok(Found::of(vec![Row {
        goal: format!("<= {GOAL_NS}"),
        verdict: Some(Verdict::met(each <= GOAL_NS)),
        ..Row::stated("user half per exchange of nginx, CPU ns", each.to_string())
    }]))
}

fn parsing(bench: &Bench) -> Result<Found> {
    let folder = bench.root.join("receiver/protocols");
    let files = CONVERSATIONS.iter();
    let files = files.map(|(name, file)| format!("{name}={}", folder.join(file).display()));
    let text = example(&bench.root, "parse_speed", &files.collect::<Vec<_>>())?;
    let rows: Vec<Row> = text.lines().filter_map(row).collect();
    ensure!(!rows.is_empty(), "parse_speed said: {text}");
    Ok(Found::of(rows))
}

/// Reads `FILE: PROTOCOL, N exchanges/s, …`.
fn row(line: &str) -> Option<Row> {
    let (name, rest) = line.split_once(": ")?;
    let (_, rest) = rest.split_once(", ")?;
    let rate: u64 = rest.split(' ').next()?.parse().ok()?;
    Some(Row {
        goal: format!(">= {GOAL_PER_SECOND}"),
        verdict: Some(Verdict::met(rate >= GOAL_PER_SECOND)),
        ..Row::stated(&format!("parsing {name}, exchanges/s"), rate.to_string())
    })
}

/// Builds an example of the receiver and returns what it says.
fn example(root: &Path, name: &str, arguments: &[String]) -> Result<String> {
    release::cargo(root, &["--package", "tapline-receiver", "--example", name])?;
    let program = release::target(root).join("release/examples").join(name);
    let output = Command::new(&program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(
        output.status.success(),
        "{name} failed\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_judged_by_its_line() {
        let line = "http_wrk: http, 2345678 exchanges/s, 426 ns each";
        let slow = line.replace("2345678", "99");
        for (line, verdict) in [(line, Verdict::Met), (&slow, Verdict::Missed)] {
            assert_eq!(row(line).and_then(|row| row.verdict), Some(verdict));
        }
        assert!(row("warning").is_none());
    }
}
