//! Records played one by one, as the parsing thread would take them: what benchmarks measure.

use tapline_ebpf::abi::Malformed;
use tapline_pdata::Batch;

use super::{super::Config, engine};
use crate::ebpf::engine::Engine;

/// The receiver without a kernel and without threads.
pub struct Player(Engine);

impl Player {
    /// Makes one that has seen nothing.
    pub fn new(config: &Config) -> Self {
        Self(engine(config, 0, Vec::new()))
    }

    /// Takes one record of the ring.
    pub fn play(&mut self, record: &[u8]) -> Result<(), Malformed> {
        self.0.on_record(record)
    }

    /// Does what is due once a second; `now_ns` is monotonic.
    pub fn tick(&mut self, now_ns: u64) {
        self.0.tick(now_ns, 0);
    }

    /// Returns how many bytes of spans and log records wait to be taken.
    pub fn pending_bytes(&self) -> usize {
        self.0.pending_bytes()
    }

    /// Takes them.
    pub fn take(&mut self) -> Vec<Batch> {
        self.0.take_records().collect()
    }

    /// Returns how many exchanges were told so far.
    pub fn exchanges(&self) -> u64 {
        self.0.counts().exchanges
    }
}
