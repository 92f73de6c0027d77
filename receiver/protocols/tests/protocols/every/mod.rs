//! Every protocol there is, through the same mill: real conversations in pieces, cut, holed, joined
//! late, and what must still be true of what they come to.
//!
//! A protocol without a conversation here fails the first test.

mod damage;
mod essence;
mod live;
mod pieces;
mod rows;

use tapline_protocols::recognition::PROTOCOLS;

use self::rows::{ROWS, Row};
use crate::script::{Act, recognised};

/// Runs a check on every conversation, and names those that fail together.
fn on_each(check: fn(&Row) -> Result<(), String>) {
    let faults: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = ROWS
            .iter()
            .map(|row| (row, scope.spawn(move || check(row))))
            .collect();
        let result = |(row, run): (&Row, std::thread::ScopedJoinHandle<'_, _>)| {
            let result: Result<(), String> = run.join().expect("no parser panics");
            result.err().map(|fault| format!("{}: {fault}", row.name))
        };
        runs.into_iter().filter_map(result).collect()
    });
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_protocol_has_a_conversation() {
    for protocol in PROTOCOLS {
        let has = ROWS.iter().any(|row| row.protocol == protocol.name);
        assert!(has, "no conversation of {}", protocol.name);
    }
}

#[test]
fn every_conversation_is_recognised_and_says_something() {
    on_each(|row| {
        let acts = row.acts();
        for toward_known in [true, false] {
            let found = recognised(&acts, toward_known).map(|it| it.0);
            if found != Some(row.protocol) {
                return Err(format!("is taken for {found:?}"));
            }
        }
        let told = essence::all(&row.play(&acts));
        let ok = told.iter().filter(|told| told.is_answered).count();
        if ok != row.exchanges {
            return Err(format!("{ok} exchanges in {told:?}"));
        }
        Ok(())
    });
}

/// Returns the places between the bytes of a chunk.
fn places(act: &Act) -> std::ops::Range<usize> {
    match act {
        Act::Chunk { bytes, .. } => 0..bytes.len(),
        _ => 0..0,
    }
}
