//! A system call that has nothing to do with sockets, and a send with its receive.

use anyhow::Result;

use super::found::{Found, lost, seen};
use super::pair::{Content, Pair};
use super::{Bench, Section};
use crate::bench::rounds::interleave;
use crate::bench::table::{Goal, Row};
use crate::bench::timing;

pub(super) const SECTION: Section = Section {
    name: "calls",
    about: "small operations, 15 rounds, about 80 s",
    needs: &[],
    taps: true,
    run,
};

/// Odd, so that a median is one of them.
const ROUNDS: usize = 15;

/// Nanoseconds of the small operations, and how many captured exchanges measuring them made.
struct Small {
    syscall_ns: f64,
    binary_ns: f64,
    http_ns: f64,
    exchanges: u64,
}

fn run(bench: &Bench) -> Result<Found> {
    let small = interleave(bench.tap(), ROUNDS, |_| measure())?;
    let made = small.with.iter().map(|round| round.exchanges).sum();
    let rows = vec![
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
    ];
    Ok(Found::measured(rows, &small, "the socket pair"))
}

/// Captured traffic comes last: what the daemon has still to do then disturbs nothing measured.
fn measure() -> Result<Small> {
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
