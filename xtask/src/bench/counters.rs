//! What the daemon tells of itself, read from the detailed text of the `debug` exporter.
//!
//! Text, because it spares us a decoder and a listener. Knows four metrics and no others.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

const EVENTS: &str = "tapline.ebpf.events";
const LOST: &str = "tapline.ebpf.events.lost";
const EXCHANGES: &str = "tapline.ebpf.exchanges";
const LET_GO: &str = "tapline.ebpf.exchanges.lost";

/// The tap's own counters at the end of a round, or summed over rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Records taken from the ring.
    pub(super) events: u64,
    /// Records that never reached a parser, by reason.
    pub(super) lost: BTreeMap<String, u64>,
    /// Requests told, each end counted.
    pub(super) exchanges: u64,
    /// Requests that were not told, each end counted.
    pub(super) let_go: u64,
}

impl Counters {
    /// Reads the last state in `text`: counters are cumulative, so the last one has everything.
    pub(super) fn read(text: &str) -> Result<Self> {
        let last = text
            .rfind("Metrics\t{")
            .context("the daemon told no metrics")?;
        let mut counters = Self::default();
        let mut told = Vec::new();
        let mut reason = "";
        for line in text[last..].lines() {
            if let Some(name) = line.trim_start().strip_prefix("-> Name: ") {
                told.push(name);
            } else if let Some(text) = line.trim_start().strip_prefix("-> reason: Str(") {
                reason = text.trim_end_matches(')');
            } else if let Some(value) = line.strip_prefix("Value: ") {
                let value = value.parse::<u64>();
                match (told.last().copied(), value) {
                    (Some(EVENTS), Ok(count)) => counters.events += count,
                    (Some(EXCHANGES), Ok(count)) => counters.exchanges += count,
                    (Some(LET_GO), Ok(count)) => counters.let_go += count,
                    (Some(LOST), Ok(count)) => *counters.lost_for(reason) += count,
                    _ => {} // another metric, perhaps not a count
                }
            }
        }
        for name in [EVENTS, LOST, EXCHANGES, LET_GO] {
            ensure!(told.contains(&name), "the daemon did not tell {name}");
        }
        Ok(counters)
    }

    /// Adds what another round counted.
    pub(super) fn add(&mut self, round: &Self) {
        self.events += round.events;
        self.exchanges += round.exchanges;
        self.let_go += round.let_go;
        for (reason, count) in &round.lost {
            *self.lost_for(reason) += count;
        }
    }

    /// Returns how many records did not reach a parser.
    pub(super) fn lost_events(&self) -> u64 {
        self.lost.values().sum()
    }

    fn lost_for(&mut self, reason: &str) -> &mut u64 {
        self.lost.entry(reason.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLIER: &str =
        "Metrics\t{\"data points\": 1}\n     -> Name: tapline.ebpf.events\nValue: 1\n";
    const LAST: &str = "\
Metrics\t{\"data points\": 5}
     -> Name: tapline.ebpf.events
NumberDataPoints #0
Value: 23
     -> Name: tapline.ebpf.events.lost
     -> reason: Str(malformed)
Value: 4
     -> reason: Str(ring_full)
     -> cpu.logical_number: Str(0)
Value: 5
     -> reason: Str(ring_full)
     -> cpu.logical_number: Str(1)
Value: 6
     -> Name: tapline.ebpf.exchanges
Value: 7
     -> Name: tapline.ebpf.exchanges.lost
     -> reason: Str(governed)
Value: 20
     -> reason: Str(lost)
Value: 1
     -> Name: tapline.ebpf.processes
Value: 99
";

    #[test]
    fn sums_the_points_of_the_last_state() {
        let counters = Counters::read(&[EARLIER, LAST].concat()).expect("complete");
        assert_eq!((counters.events, counters.exchanges), (23, 7));
        assert_eq!(counters.let_go, 21);
        let reasons = [("ring_full", 11), ("malformed", 4)];
        let reasons = reasons.map(|(reason, count)| (reason.to_owned(), count));
        assert_eq!(counters.lost, BTreeMap::from(reasons));
        assert_eq!(counters.lost_events(), 15);
    }

    #[test]
    fn silence_is_not_zero() {
        for text in ["", EARLIER, &LAST.replace("events.lost", "gone")] {
            assert!(Counters::read(text).is_err(), "{text}");
        }
    }
}
