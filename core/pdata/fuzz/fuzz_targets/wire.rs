//! Wire bytes: what is admitted can be read, shown and split; what is not does no harm either.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tapline_pdata::{Batch, Signal, json, text};

fuzz_target!(|data: &[u8]| {
    let Some((first, wire)) = data.split_first() else {
        return;
    };
    let signal = Signal::ALL[usize::from(first % 4)];
    let wire = Bytes::copy_from_slice(wire);
    match Batch::checked(signal, wire.clone()) {
        Ok(batch) => {
            exercise(&batch);
            let pieces = batch.clone().split(3);
            let items: u32 = pieces.iter().map(Batch::items).sum();
            assert_eq!(items, batch.items());
            for piece in &pieces {
                assert!(piece.items() <= 3);
                let again = Batch::checked(signal, piece.to_bytes()).expect("well-formed");
                assert_eq!(again.items(), piece.items());
            }
        }
        // As if checked, although it is not.
        Err(_) => exercise(&Batch::written(signal, wire, 1)),
    }
});

fn exercise(batch: &Batch) {
    text::basic(batch);
    text::normal(batch);
    text::detailed(batch);
    text::compact(batch);
    let written = json::to_json(batch);
    assert!(str::from_utf8(&written).is_ok());
}
