//! JSON: what is read is well-formed OTLP, and is written and read as the same JSON again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tapline_pdata::{Batch, Signal, json};

fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else {
        return;
    };
    let signal = Signal::ALL[usize::from(first % 4)];
    match json::from_json(signal, text) {
        Ok(batch) => {
            assert!(batch.size_bytes() <= 8 * text.len() + 64);
            let again = Batch::checked(signal, batch.to_bytes()).expect("well-formed");
            assert_eq!(again.items(), batch.items());
            let written = json::to_json(&batch);
            let again = json::from_json(signal, &written).expect("we read what we write");
            assert_eq!(json::to_json(&again), written);
        }
        Err(error) => assert!(error.at <= text.len()),
    }
});
