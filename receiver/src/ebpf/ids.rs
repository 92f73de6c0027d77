//! Fresh trace and span ids.
//!
//! Ids must be unique and well spread, not secret: xoshiro256++ seeded once from the kernel.

use std::{fs::File, io::Read};

/// A source of ids. Never returns zero, which OpenTelemetry reserves for "none".
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    state: [u64; 4],
}

impl Ids {
    /// Seeds from the kernel's random numbers.
    pub(crate) fn from_system() -> std::io::Result<Self> {
        let mut seed = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut seed)?;
        Ok(Self::from_seed(seed))
    }

    /// Seeds with given bytes; replays and tests use it to get the same ids again.
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        let mut state = [0x9e37_79b9_7f4a_7c15; 4];
        for (word, bytes) in state.iter_mut().zip(seed.chunks_exact(8)) {
            *word ^= u64::from_le_bytes(bytes.try_into().expect("chunks of eight"));
        }
        Self { state }
    }

    /// Returns a new trace id.
    pub(crate) fn trace_id(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.span_id());
        id[8..].copy_from_slice(&self.span_id());
        id
    }

    /// Returns a new span id.
    pub(crate) fn span_id(&mut self) -> [u8; 8] {
        loop {
            let word = self.next();
            if word != 0 {
                return word.to_be_bytes();
            }
        }
    }

    /// One step of xoshiro256++ (Blackman and Vigna, 2019).
    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn does_not_repeat_itself() {
        let mut ids = Ids::from_seed([7; 32]);
        let seen: HashSet<_> = (0..100_000).map(|_| ids.span_id()).collect();
        assert_eq!(seen.len(), 100_000);
    }

    #[test]
    fn system_seeds_differ() {
        let first = Ids::from_system().expect("urandom").trace_id();
        let second = Ids::from_system().expect("urandom").trace_id();
        assert_ne!(first, second);
    }
}
