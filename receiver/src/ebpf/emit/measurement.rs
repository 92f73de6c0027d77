//! What goes into a histogram: one duration, or many that were summed before.

use tapline_ebpf::abi::{EventSum, SUM_BOUNDS_NS};

use crate::ebpf::weight::Weight;

/// How many buckets a sum has; they are the first of the histogram's own.
const SUMMED: usize = SUM_BOUNDS_NS.len();

/// What was measured once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measurement {
    /// How much, in the unit of the metric.
    pub(crate) value: f64,
    /// How long it lasted, nanoseconds: a series begins when its first exchange did.
    pub(crate) lasted_ns: u64,
    /// When it ended, nanoseconds since 1970.
    pub(crate) time_ns: u64,
    /// For how many it stands.
    pub(crate) weight: Weight,
    /// The trace and the span that show it, if they do.
    pub(crate) shown: Option<([u8; 16], [u8; 8])>,
}

/// What was measured often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summed {
    /// Seconds all together.
    pub(super) seconds: f64,
    pub(super) shortest: f64,
    pub(super) longest: f64,
    pub(super) buckets: [u32; SUMMED],
    /// When the last one ended, nanoseconds since 1970.
    pub(super) time_ns: u64,
}

/// Either.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Measured {
    /// One.
    Once(Measurement),
    /// Many, in a histogram whose bounds begin with those of the sum.
    Often(Summed),
}

impl Summed {
    /// Takes what the kernel half summed; `time_ns` is since 1970.
    pub(crate) fn new(sum: &EventSum, time_ns: u64) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "53 bits of nanoseconds are 104 days"
        )]
        let seconds = sum.lasted_ns as f64 / 1e9;
        Self {
            seconds,
            shortest: f64::from(sum.shortest_ns) / 1e9,
            longest: f64::from(sum.longest_ns) / 1e9,
            buckets: sum.buckets,
            time_ns,
        }
    }
}

impl Measured {
    /// Returns when the first of it began at the earliest that is certain, nanoseconds since 1970.
    pub(super) fn start_ns(&self) -> u64 {
        let (time_ns, lasted_ns) = match self {
            Self::Once(once) => (once.time_ns, once.lasted_ns),
            Self::Often(often) => (often.time_ns, nanoseconds(often.longest)),
        };
        time_ns.saturating_sub(lasted_ns)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "durations are not negative, and whole nanoseconds are enough"
)]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
