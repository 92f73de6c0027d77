//! Every conversation comes to what it says, however its chunks are cut.

use std::fmt::Write as _;

use tapline_protocols::http1::{Exchange, Outcome};

use super::script::{Act, Piece, Script, replay, scripts};

#[test]
fn comes_to_the_expected_exchanges() {
    let mut wrong = String::new();
    for script in scripts() {
        let seen = replay(&script.acts).lines();
        if seen != script.expected {
            let _ = writeln!(
                wrong,
                "{}: {seen:#?}\nnot {:#?}",
                script.name, script.expected
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn does_not_depend_on_where_one_chunk_is_cut() {
    for script in scripts() {
        let whole = replay(&script.acts).timeless();
        for (index, act) in script.acts.iter().enumerate() {
            let Act::Chunk(piece) = act else { continue };
            for at in 1..piece.bytes.len() {
                let mut acts = script.acts.clone();
                acts.splice(index..=index, piece.split(at).map(Act::Chunk));
                assert_eq!(
                    replay(&acts).timeless(),
                    whole,
                    "{} {index}@{at}",
                    script.name
                );
            }
        }
    }
}

#[test]
fn does_not_depend_on_chunks_at_all() {
    for script in scripts() {
        let whole = replay(&script.acts).timeless();
        let bytewise: Vec<_> = script.acts.iter().flat_map(bytes).collect();
        assert_eq!(replay(&bytewise).timeless(), whole, "{}", script.name);
    }
}

/// Cuts a chunk into one for each byte.
fn bytes(act: &Act) -> Vec<Act> {
    let Act::Chunk(piece) = act else {
        return vec![act.clone()];
    };
    let mut pieces = Vec::new();
    let mut rest = piece.clone();
    while rest.bytes.len() > 1 {
        let [first, others] = rest.split(1);
        pieces.push(Act::Chunk(first));
        rest = others;
    }
    pieces.push(Act::Chunk(rest));
    pieces
}

#[test]
fn never_pairs_wrongly_when_a_chunk_is_cut_off_anywhere() {
    for script in scripts() {
        for (index, act) in script.acts.iter().enumerate().skip(script.fragile) {
            let Act::Chunk(piece) = act else { continue };
            for kept in 0..piece.bytes.len() {
                for with_tail in [false, true] {
                    let mut acts = script.acts.clone();
                    acts[index] = Act::Chunk(piece.truncate(kept, with_tail));
                    check(&script, &acts, &format!("{index}@{kept}"));
                }
            }
        }
    }
}

#[test]
fn never_pairs_wrongly_when_chunks_are_lost() {
    for script in scripts() {
        for index in script.fragile..script.acts.len() {
            let Act::Chunk(Piece {
                toward,
                bytes,
                missing,
                ..
            }) = &script.acts[index]
            else {
                continue;
            };
            let len = (bytes.len() + missing) as u64;
            for len in [None, Some(len)] {
                let mut acts = script.acts.clone();
                acts[index] = Act::Gap(*toward, len);
                check(&script, &acts, &format!("without {index}"));
            }
        }
    }
}

/// Replays `acts`, of which less was captured than of `script`, and compares the pairs.
pub(crate) fn check(script: &Script, acts: &[Act], how: &str) {
    let name = &script.name;
    let whole = replay(&script.acts).timeless();
    let status = |exchange: &Exchange| exchange.response.as_ref().map(|response| response.status);
    let known = whole
        .iter()
        .map(|exchange| (exchange.request.target.clone(), status(exchange)));
    let unknowable = script.unknowable.iter().cloned();
    let unknowable = unknowable.map(|(target, status)| (target, Some(status)));
    let truth: Vec<_> = known.chain(unknowable).collect();
    for exchange in replay(acts).timeless() {
        let Exchange {
            request, outcome, ..
        } = &exchange;
        let seen = status(&exchange);
        if seen.is_none() {
            assert_ne!(*outcome, Outcome::Answered, "{name} {how}");
            continue;
        }
        let same = |target: &String| {
            *target == request.target || request.truncated && target.starts_with(&request.target)
        };
        let right = truth
            .iter()
            .any(|(target, status)| same(target) && *status == seen);
        assert!(right, "{name} {how}: {} got {seen:?}", request.target);
    }
}
