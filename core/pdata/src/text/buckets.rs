//! The bounds of an exponential histogram's buckets.

use crate::view::Buckets;

/// A bucket's count, and the magnitudes between which its measurements lie.
pub(super) struct Bucket {
    pub(super) count: u64,
    pub(super) lower: f64,
    pub(super) upper: f64,
}

/// Lists buckets from zero outwards. Computes bounds by the Collector's formula, so that they round
/// alike.
pub(super) fn bounded(buckets: &Buckets<'_>, scale: i32) -> impl Iterator<Item = Bucket> {
    let factor = std::f64::consts::LN_2 * (-f64::from(scale)).exp2();
    let offset = f64::from(buckets.offset());
    buckets.counts().scan(offset, move |index, count| {
        let lower = (*index * factor).exp();
        *index += 1.0;
        Some(Bucket {
            count,
            lower,
            upper: (*index * factor).exp(),
        })
    })
}

/// Lists buckets from the outermost to zero: those below zero, in ascending order. Allocates.
pub(super) fn bounded_inwards(buckets: &Buckets<'_>, scale: i32) -> impl Iterator<Item = Bucket> {
    bounded(buckets, scale)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
}
