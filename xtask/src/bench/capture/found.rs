//! What a section found: rows of the table, and what has to be said beside them.

use std::collections::BTreeSet;

use crate::bench::counters::Counters;
use crate::bench::rounds::Rounds;
use crate::bench::table::{Row, Verdict};

/// One exchange is seen twice: where it is asked and where it is answered.
const SEEN_PER_EXCHANGE: u64 = 2;

/// One in so many exchanges may be somebody else's.
const OTHERS_PART: u64 = 1000;

/// Rows and notes.
#[derive(Default)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    pub(super) notes: BTreeSet<String>,
}

impl Found {
    /// Takes rows that no tap had a part in.
    pub(super) fn of(rows: Vec<Row>) -> Self {
        Self {
            rows,
            notes: BTreeSet::new(),
        }
    }

    /// Takes rows, and says what disturbed the rounds that they come from.
    pub(super) fn measured<T>(rows: Vec<Row>, rounds: &Rounds<T>, under: &str) -> Self {
        let mut found = Self::of(rows);
        for holder in &rounds.foreign {
            found.notes.insert(format!(
                "note: {holder} holds BPF links too: `without` was not without everything"
            ));
        }
        found.notes.extend(complaint(&rounds.counters, under));
        found
    }

    /// Puts what another section found behind this.
    pub(super) fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.notes.extend(other.notes);
    }
}

/// Compares what the tap told with what was done: up to `uncounted` more may have been done by us,
/// and some by others on this machine, which the tap rightly tells too. What was not told, and is
/// counted, is shown beside it.
pub(super) fn seen(name: &str, made: u64, uncounted: u64, counters: &Counters) -> Row {
    let least = made * SEEN_PER_EXCHANGE;
    let most = (made + uncounted + made / OTHERS_PART) * SEEN_PER_EXCHANGE;
    Row {
        without: format!("{least} made"),
        with: match counters.let_go {
            0 => counters.exchanges.to_string(),
            let_go => format!("{} + {let_go}", counters.exchanges),
        },
        ratio: format!("{:.4}", to_f64(counters.exchanges) / to_f64(least)),
        goal: "1.0000".to_owned(),
        verdict: Some(Verdict::met((least..=most).contains(&counters.exchanges))),
        ..Row::stated(name, String::new())
    }
}

/// Shows how many records did not reach a parser.
pub(super) fn lost(name: &str, counters: &Counters) -> Row {
    let lost = counters.lost_events();
    Row {
        goal: "0".to_owned(),
        verdict: Some(Verdict::met(lost == 0)),
        ..Row::stated(name, format!("{lost} of {}", counters.events))
    }
}

fn complaint(counters: &Counters, under: &str) -> Option<String> {
    let lost = counters.lost.iter().filter(|(_, count)| **count > 0);
    let lost: Vec<String> = lost
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    (!lost.is_empty()).then(|| {
        let events = counters.events;
        format!(
            "!!! EVENTS LOST under {under}: {} of {events} !!!",
            lost.join(", ")
        )
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody makes 2^53 requests in a benchmark"
)]
pub(super) fn to_f64(count: u64) -> f64 {
    count as f64
}
