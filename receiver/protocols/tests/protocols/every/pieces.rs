//! How the bytes come in pieces changes nothing of what is told: every field, every time.

use tapline_protocols::{conversation::Since, parser::Told};

use super::{
    on_each, places,
    rows::{Row, timed},
};
use crate::script::{Act, protocol, replay_timed};

/// What was told, in the order of the requests.
fn told(row: &Row, acts: &[(u64, Act)]) -> Vec<(u32, Told)> {
    let mut told = replay_timed(protocol(row.protocol), acts, Since::Begin).told;
    told.sort_by_key(|(id, _)| *id);
    told
}

/// Splits a chunk, whose pieces move at the same time.
fn split(act: &(u64, Act), sizes: impl Iterator<Item = usize>) -> Vec<(u64, Act)> {
    let (
        at_ns,
        Act::Chunk {
            toward,
            bytes,
            missing,
        },
    ) = act
    else {
        return vec![act.clone()];
    };
    let mut rest = bytes.as_slice();
    let mut pieces = Vec::new();
    for size in sizes {
        if rest.len() <= size {
            break;
        }
        let (piece, after) = rest.split_at(size);
        pieces.push((piece.to_vec(), 0));
        rest = after;
    }
    pieces.push((rest.to_vec(), *missing));
    let toward = *toward;
    let chunk = |(bytes, missing)| Act::Chunk {
        toward,
        bytes,
        missing,
    };
    pieces
        .into_iter()
        .map(|piece| (*at_ns, chunk(piece)))
        .collect()
}

fn same(row: &Row, whole: &[(u32, Told)], pieces: &[(u64, Act)], how: &str) -> Result<(), String> {
    let got = told(row, pieces);
    let differs = got.iter().zip(whole).find(|(one, other)| one != other);
    match differs {
        Some((got, whole)) => Err(format!("{how}:\n{got:?}\nand not\n{whole:?}")),
        None if got.len() != whole.len() => Err(format!("{how}: {} are told", got.len())),
        None => Ok(()),
    }
}

#[test]
fn one_split_at_any_byte_changes_nothing() {
    on_each(|row| {
        let acts = timed(row.acts());
        let whole = told(row, &acts);
        for index in 0..acts.len() {
            for place in places(&acts[index].1).skip(1) {
                let mut pieces = acts[..index].to_vec();
                pieces.extend(split(&acts[index], std::iter::once(place)));
                pieces.extend_from_slice(&acts[index + 1..]);
                same(
                    row,
                    &whole,
                    &pieces,
                    &format!("chunk {index} split at {place}"),
                )?;
            }
        }
        Ok(())
    });
}

#[test]
fn pieces_of_any_size_change_nothing() {
    on_each(|row| {
        let acts = timed(row.acts());
        let whole = told(row, &acts);
        for size in [1, 2, 3, 4, 5, 7, 8, 11, 16, 24, 50] {
            let each = acts
                .iter()
                .flat_map(|act| split(act, std::iter::repeat(size)));
            same(
                row,
                &whole,
                &each.collect::<Vec<_>>(),
                &format!("by {size}"),
            )?;
        }
        Ok(())
    });
}
