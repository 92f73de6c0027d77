//! What a record can have wrong. Must not know what is in one.

/// Why a record was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than its kind needs.
    #[error("record of kind {kind} has {len} bytes, too few")]
    Short {
        /// The kind it claims, 0 if not even the head is there.
        kind: u16,
        /// Bytes present.
        len: usize,
    },
    /// From another version of the kernel half.
    #[error("record has ABI version {0}")]
    Version(u16),
    /// Not a kind we know.
    #[error("record has unknown kind {0}")]
    Kind(u16),
}
