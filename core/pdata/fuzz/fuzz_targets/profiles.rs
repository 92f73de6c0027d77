//! Profiles: what is admitted is joined and split into well-formed requests, and says the same.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tapline_pdata::{Batch, Signal, text};

fuzz_target!(|data: &[u8]| {
    let Some((first, wire)) = data.split_first() else {
        return;
    };
    let (left, right) = wire.split_at(usize::from(*first).min(wire.len()));
    let batches = [left, right].map(|wire| {
        let wire = Bytes::copy_from_slice(wire);
        Batch::checked(Signal::Profiles, wire.clone())
            .map_err(|_| Batch::written(Signal::Profiles, wire, 2))
    });
    match batches {
        [Ok(left), Ok(right)] => {
            let joined = left.clone().join([right.clone()]);
            assert_eq!(sound(&joined), left.items() + right.items());
            let apart = [&left, &right].map(text::compact).concat();
            assert_eq!(text::compact(&joined), apart);
            let pieces = joined.split(1);
            assert_eq!(
                pieces.iter().map(sound).sum::<u32>(),
                left.items() + right.items()
            );
        }
        // As if checked, although they are not.
        [left, right] => {
            let left = left.unwrap_or_else(|unchecked| unchecked);
            let right = right.unwrap_or_else(|unchecked| unchecked);
            drop(left.join([right]).split(1));
        }
    }
});

fn sound(batch: &Batch) -> u32 {
    let again = Batch::checked(Signal::Profiles, batch.to_bytes()).expect("well-formed");
    assert_eq!(again.items(), batch.items());
    batch.items()
}
