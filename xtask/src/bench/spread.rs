//! Medians and how far values lie apart: the machine is shared, so a mean would be somebody else's.

/// The middle of some values, and how far nine out of ten lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) p10: f64,
    pub(super) median: f64,
    pub(super) p90: f64,
}

/// Something measured without and with the tap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) without: f64,
    pub(super) with: f64,
    /// With over without, round by round.
    pub(super) ratio: Spread,
    /// Without over the without before it: what a ratio is when nothing changed.
    pub(super) unchanged: Spread,
    /// Smallest with over smallest without, for costs: neighbours on the machine only add.
    pub(super) smallest: f64,
    /// Largest with over largest without, for throughput.
    pub(super) largest: f64,
}

impl Spread {
    /// Sums up at least one value.
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| values[((values.len() - 1) * percent + 50) / 100];
        Self {
            p10: at(10),
            median: at(50),
            p90: at(90),
        }
    }
}

/// Compares each value with the mean of its two neighbours without, which cancels a steady drift.
pub(super) fn compare(without: &[f64], with: &[f64]) -> Comparison {
    let neighbours = || without.windows(2).map(|pair| (pair[0], pair[1]));
    let ratios = neighbours().zip(with);
    Comparison {
        without: Spread::of(without.to_vec()).median,
        with: Spread::of(with.to_vec()).median,
        ratio: Spread::of(
            ratios
                .map(|((a, b), with)| with / f64::midpoint(a, b))
                .collect(),
        ),
        unchanged: Spread::of(neighbours().map(|(a, b)| b / a).collect()),
        smallest: extreme(with, f64::min) / extreme(without, f64::min),
        largest: extreme(with, f64::max) / extreme(without, f64::max),
    }
}

fn extreme(values: &[f64], choose: fn(f64, f64) -> f64) -> f64 {
    values.iter().copied().reduce(choose).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_value_moves_nothing() {
        let values = vec![5.0, 1.0, 4.0, 900.0, 2.0, 3.0, 6.0, 7.0, 8.0];
        let expected = Spread {
            p10: 2.0,
            median: 5.0,
            p90: 8.0,
        };
        assert_eq!(Spread::of(values), expected);
    }

    #[test]
    fn a_steady_drift_is_no_difference() {
        let drifting = compare(&[100.0, 200.0, 300.0, 400.0], &[150.0, 250.0, 350.0]);
        assert_eq!(
            drifting.ratio,
            Spread {
                p10: 1.0,
                median: 1.0,
                p90: 1.0
            }
        );
        assert_eq!(
            (drifting.unchanged.p10, drifting.unchanged.p90),
            (4.0 / 3.0, 2.0)
        );
    }

    #[test]
    fn twice_the_time_is_two() {
        let doubled = compare(&[10.0, 10.0, 10.0], &[20.0, 20.0]);
        assert_eq!(
            (doubled.without, doubled.with, doubled.ratio.median),
            (10.0, 20.0, 2.0)
        );
    }

    #[test]
    fn compares_the_best_rounds_with_each_other() {
        let noisy = compare(&[30.0, 10.0, 20.0], &[44.0, 11.0]);
        let rounded = |ratio: f64| format!("{ratio:.2}");
        assert_eq!(rounded(noisy.smallest), "1.10");
        assert_eq!(rounded(noisy.largest), "1.47");
    }
}
