//! Turns kernel time into wall time so that no request ends before it began and no child starts
//! before its parent by our own doing.
//!
//! The wall clock is slewed and stepped by others. Between two samples the offset moves along a
//! straight line, so wall time as we tell it never runs backwards; only a real step is followed at
//! once. This module must not read a clock: samples are arguments.

/// A larger change is a step of the wall clock (or a resume), not drift.
const STEP_NS: u64 = 100_000_000;

/// How long it takes to move to a new sample. The caller samples about this often.
const SLEW_NS: u64 = 1_000_000_000;

/// The wall clock as a function of monotonic time.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "the unit ends the name")]
pub(crate) struct WallClock {
    from_ns: i64,
    to_ns: i64,
    since_ns: u64,
}

impl WallClock {
    /// Starts with one sample of (wall - monotonic), in nanoseconds.
    pub(crate) fn new(offset_ns: i64) -> Self {
        Self {
            from_ns: offset_ns,
            to_ns: offset_ns,
            since_ns: 0,
        }
    }

    /// Takes a new sample, made at `now_ns`.
    pub(crate) fn sample(&mut self, now_ns: u64, offset_ns: i64) {
        let current = self.offset_ns(now_ns);
        let step = current.abs_diff(offset_ns) > STEP_NS;
        self.from_ns = if step { offset_ns } else { current };
        self.to_ns = offset_ns;
        self.since_ns = now_ns;
    }

    /// Returns nanoseconds since 1970 for a monotonic time.
    pub(crate) fn wall_ns(&self, monotonic_ns: u64) -> u64 {
        monotonic_ns.saturating_add_signed(self.offset_ns(monotonic_ns))
    }

    /// Returns what is to be added to a monotonic time near `at_ns`.
    pub(crate) fn offset_ns(&self, at_ns: u64) -> i64 {
        let passed = at_ns.saturating_sub(self.since_ns).min(SLEW_NS);
        let way = i128::from(self.to_ns - self.from_ns) * i128::from(passed) / i128::from(SLEW_NS);
        self.from_ns + i64::try_from(way).expect("a part of an i64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_runs_backwards_while_the_offset_drifts() {
        let mut clock = WallClock::new(1_000_000_000_000);
        let mut last = 0;
        for second in 0..20u64 {
            let drift = if second % 2 == 0 { -400_000 } else { 500_000 };
            clock.sample(second * 1_000_000_000, 1_000_000_000_000 + drift);
            for part in 0..1000u64 {
                let wall = clock.wall_ns(second * 1_000_000_000 + part * 1_000_000);
                assert!(wall >= last, "ran backwards in second {second}");
                last = wall;
            }
        }
    }

    #[test]
    fn reaches_the_sample_within_a_second() {
        let mut clock = WallClock::new(0);
        clock.sample(5_000_000_000, 80_000);
        assert_eq!(clock.wall_ns(6_000_000_000), 6_000_080_000);
    }

    #[test]
    fn follows_a_step_at_once() {
        let mut clock = WallClock::new(0);
        clock.sample(5_000_000_000, 3_600_000_000_000);
        assert_eq!(clock.wall_ns(5_000_000_001), 3_605_000_000_001);
    }
}
