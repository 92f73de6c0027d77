//! For how many exchanges one stands that was told while others were let go.
//!
//! The kernel half says which chance an exchange had to be let go; one in so many was told, and
//! counts for as many. Knows numbers only.

use tapline_ebpf::abi::SHARES;

/// One over the chance that an exchange had to be told; 1 when nothing was let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Of [`SHARES`], and never 0.
    told_share: u32,
}

impl Weight {
    /// Nothing was let go.
    pub(crate) const ONE: Self = Self { told_share: SHARES };

    /// Of an exchange that the kernel half would have let go with this chance, of [`SHARES`].
    pub(crate) fn of_shed(shed_share: u16) -> Self {
        Self {
            told_share: SHARES - u32::from(shed_share),
        }
    }

    /// Returns it as a number that is 1 at least, unless nothing was let go.
    pub(crate) fn told(self) -> Option<f64> {
        (self != Self::ONE).then(|| f64::from(SHARES) / f64::from(self.told_share))
    }

    /// Returns as how many so many count: whole ones. What is left over waits in `rest`, so that a
    /// sum over many is off by less than one.
    pub(crate) fn times(self, count: u64, rest: &mut Rest) -> u64 {
        if self == Self::ONE {
            return count;
        }
        let parts = u128::from(count) * u128::from(SHARES) * u128::from(SHARES);
        let parts = parts / u128::from(self.told_share) + u128::from(rest.0);
        rest.0 = u32::try_from(parts % u128::from(SHARES)).expect("less than all shares");
        u64::try_from(parts / u128::from(SHARES)).unwrap_or(u64::MAX)
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::ONE
    }
}

/// What a sum has not counted yet: less than one, in parts of [`SHARES`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rest(u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_parts_is_off_by_less_than_one() {
        // Told: 3 in 7, as nearly as shares can say it.
        let weight = Weight::of_shed(u16::try_from(SHARES * 4 / 7).expect("below all"));
        let mut rest = Rest::default();
        let mut sum = 0;
        for told in 1..=3000_u32 {
            sum += weight.times(1, &mut rest);
            let truth = f64::from(told) * weight.told().expect("not one");
            let counted = f64::from(u32::try_from(sum).expect("small"));
            assert!(
                (truth - counted).abs() < 1.1,
                "{told}: {counted} of {truth}"
            );
        }
        assert!((6999..=7001).contains(&sum), "{sum}");
    }

    #[test]
    fn when_nothing_is_let_go_numbers_are_exact() {
        let mut rest = Rest(7);
        assert_eq!(Weight::of_shed(0), Weight::ONE);
        assert_eq!(Weight::ONE.times(u64::MAX, &mut rest), u64::MAX);
        assert_eq!((Weight::ONE.told(), rest.0), (None, 7));
    }

    #[test]
    fn the_rarest_counts_most() {
        let mut rest = Rest::default();
        let rarest = Weight::of_shed(u16::MAX);
        assert_eq!(rarest.times(1, &mut rest), u64::from(SHARES));
        assert_eq!(rarest.times(u64::MAX, &mut rest), u64::MAX);
    }
}
