//! The account of payload bytes: what receivers hold, wherever in the graph it is by now.
//!
//! A receiver holds the bytes of a payload before it reads them and ties the hold to the batch; it
//! ends when the last batch made of these bytes is gone. The account only counts. Whether there is
//! too much is for `memory_limiter` to say.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::meter::{Kind, Meters, names};

/// The bytes of all payloads in this process. Clones share the account.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<AtomicU64>);

/// Bytes on the account; dropping it gives them back.
#[derive(Debug)]
pub struct Held {
    memory: Memory,
    bytes: u64,
}

impl Memory {
    /// Makes an empty account.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts bytes on the account for as long as the result lives.
    pub fn hold(&self, bytes: usize) -> Held {
        self.0.fetch_add(bytes as u64, Relaxed);
        Held {
            memory: self.clone(),
            bytes: bytes as u64,
        }
    }

    /// Lists the account among the metrics.
    pub fn show(&self, meters: &Meters) {
        let (name, help) = names::PAYLOAD_BYTES;
        let memory = self.clone();
        #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
        let read = move || memory.held_bytes() as f64;
        meters.observed(name, help, &[], Kind::Gauge, read);
    }

    /// Returns how many bytes are held right now.
    pub fn held_bytes(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Held {
    /// Changes how many bytes are held, such as after decompression.
    pub fn resize(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.memory.0.fetch_add(bytes, Relaxed);
        self.memory.0.fetch_sub(self.bytes, Relaxed);
        self.bytes = bytes;
    }

    /// Returns how many bytes are held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::batch;

    #[test]
    fn counts_a_payload_until_its_last_batch_is_gone() {
        let memory = Memory::new();
        let mut held = memory.hold(10);
        held.resize(25);
        let whole = batch(4).with_hold(Arc::new(held));
        let mut joined = batch(1);
        joined.append(whole.clone());
        drop(whole);
        assert_eq!(memory.held_bytes(), 25);
        drop(joined);
        assert_eq!(memory.held_bytes(), 0);
    }
}
