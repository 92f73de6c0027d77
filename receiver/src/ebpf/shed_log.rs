//! What is logged of exchanges that are let go: once that it begins, and once that it is over.
//!
//! Knows counters and time, neither the kernel nor the governor.

/// The governor may begin and end often: it is heard of this often at most.
const GOVERNED_AGAIN_TICKS: u32 = 60;
/// And is over when nothing was let go for this long.
const GOVERNED_CALM_TICKS: u32 = 5;

/// Something worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The ring fills.
    RingBegins,
    /// The ring is fine again; this many exchanges were let go until now.
    RingEnds(u64),
    /// The governor lets exchanges go.
    GovernedBegins,
    /// It has none to let go; this many were until now.
    GovernedEnds(u64),
}

/// What was let go by the last tick.
#[derive(Debug, Default)]
pub(crate) struct ShedLog {
    by_ring: u64,
    is_ring: bool,
    governed: u64,
    is_governed: bool,
    calm_ticks: u32,
    ticks_since: Option<u32>,
}

impl ShedLog {
    /// Takes how many exchanges were ever let go, and how many of them by the governor; once a
    /// second.
    pub(crate) fn tick(&mut self, shed: u64, governed: u64) -> Vec<Line> {
        let mut lines = Vec::new();
        let by_ring = shed.saturating_sub(governed);
        let is_ring = by_ring > self.by_ring;
        if is_ring != self.is_ring {
            lines.push(if is_ring {
                Line::RingBegins
            } else {
                Line::RingEnds(by_ring)
            });
        }
        (self.by_ring, self.is_ring) = (by_ring, is_ring);
        self.ticks_since = self.ticks_since.map(|ticks| ticks.saturating_add(1));
        if governed > self.governed {
            self.calm_ticks = 0;
            let may_say = self
                .ticks_since
                .is_none_or(|ticks| ticks >= GOVERNED_AGAIN_TICKS);
            if !self.is_governed && may_say {
                self.is_governed = true;
                self.ticks_since = Some(0);
                lines.push(Line::GovernedBegins);
            }
        } else if self.is_governed {
            self.calm_ticks += 1;
            if self.calm_ticks >= GOVERNED_CALM_TICKS {
                self.is_governed = false;
                lines.push(Line::GovernedEnds(governed));
            }
        }
        self.governed = governed;
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_once_that_the_ring_fills_and_once_that_it_does_not() {
        let mut log = ShedLog::default();
        let counts = [0, 5, 9, 9, 9];
        let lines: Vec<Line> = counts.iter().flat_map(|shed| log.tick(*shed, 0)).collect();
        assert_eq!(lines, [Line::RingBegins, Line::RingEnds(9)]);
    }

    #[test]
    fn the_governor_is_heard_of_seldom() {
        let mut log = ShedLog::default();
        let mut governed = 0;
        let mut lines = Vec::new();
        for tick in 0..120_u32 {
            // For two minutes: two seconds of ten, with a pause too short to be an end, and ends.
            governed += u64::from(tick % 10 < 2);
            lines.extend(log.tick(governed, governed));
        }
        let begins = |line: &&Line| **line == Line::GovernedBegins;
        assert_eq!(lines.iter().filter(begins).count(), 2, "{lines:?}");
        assert_eq!(lines.first(), Some(&Line::GovernedBegins));
        assert_eq!(lines.len(), 4, "{lines:?}");
    }

    #[test]
    fn a_short_calm_is_no_end() {
        let mut log = ShedLog::default();
        for governed in [1, 2, 2, 2, 3, 3, 3, 3, 3] {
            log.tick(governed, governed);
        }
        assert!(log.is_governed);
        assert_eq!(log.tick(3, 3), [Line::GovernedEnds(3)]);
    }
}
