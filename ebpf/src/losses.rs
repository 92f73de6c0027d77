//! What the kernel half could not hand over, counted per CPU and never silent.

use aya::maps::{MapData, PerCpuArray};

use crate::abi::LossCounters;

/// What one CPU lost since the tap was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The CPU.
    pub cpu: usize,
    /// Its counters.
    pub counters: LossCounters,
}

/// Reads the loss counters.
pub struct Losses(pub(crate) PerCpuArray<MapData, LossCounters>);

impl Losses {
    /// Returns the counters of every CPU; costs one system call.
    pub fn read(&self) -> Vec<Loss> {
        let Ok(values) = self.0.get(&0, 0) else {
            return Vec::new();
        };
        values
            .iter()
            .enumerate()
            .map(|(cpu, counters)| Loss {
                cpu,
                counters: *counters,
            })
            .collect()
    }
}
