//! The bounds a user may set on the kernel half, with their defaults.

/// The most bytes of one socket call that the kernel half can copy.
pub const CAPTURE_MAX_BYTES: u32 = 8192;

/// The fewest: less would not hold a request line.
pub const CAPTURE_MIN_BYTES: u32 = 256;

/// Sizes that bound what the tap uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Ring buffer size in bytes; rounded up to a power of two, at least one page.
    pub ring_bytes: u32,
    /// Bytes copied from one socket call, at most [`CAPTURE_MAX_BYTES`]; a message gets twice this.
    pub capture_bytes: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            ring_bytes: 16 * 1024 * 1024,
            capture_bytes: 4096,
        }
    }
}

impl Bounds {
    /// Returns the ring size the kernel accepts: a power of two that is a multiple of the page.
    pub(crate) fn kernel_ring_bytes(self) -> u32 {
        self.ring_bytes
            .clamp(64 * 1024, 1 << 30)
            .next_power_of_two()
    }

    /// Returns how many bytes must wait in the ring until a share of the connections is let go.
    pub(crate) fn kernel_shed_from(self) -> u32 {
        self.kernel_ring_bytes() / 2
    }

    /// Returns how many bytes must wait until there is only room for beginnings and ends.
    pub(crate) fn kernel_data_until(self) -> u32 {
        self.kernel_ring_bytes() / 8 * 7
    }

    /// Returns the capture size within what the programs were compiled for.
    pub(crate) fn kernel_capture_bytes(self) -> u32 {
        self.capture_bytes
            .clamp(CAPTURE_MIN_BYTES, CAPTURE_MAX_BYTES)
    }
}
