//! Text: what is read is well-formed OTLP, and is shown and read as the same text again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tapline_pdata::{Batch, Signal, text};

fuzz_target!(|data: &[u8]| {
    let Some((first, data)) = data.split_first() else {
        return;
    };
    let signal = Signal::ALL[usize::from(first % 4)];
    let shown = String::from_utf8_lossy(data);
    let Ok(batch) = text::parse(signal, &shown) else {
        return;
    };
    let again = Batch::checked(signal, batch.to_bytes()).expect("well-formed");
    assert_eq!(again.items(), batch.items());
    let shown = text::compact(&batch);
    let again = text::parse(signal, &shown).expect("we read what we show");
    assert_eq!(text::compact(&again), shown);
});
