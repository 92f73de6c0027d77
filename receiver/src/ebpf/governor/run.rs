//! The governor at work: looks every so often, and says to the kernel half what it decided.

use tapline_ebpf::{Shedding, abi::SHARES};
use tracing::warn;

use super::{Governor, usage::Usage};

/// How often the machine is looked at.
const LOOK_NS: u64 = 100_000_000;
/// A stretch of time for which connections are chosen: 2^30 ns, about a second.
const SLOT_SHIFT: u32 = 30;

/// Looks, decides, and says so.
pub(crate) struct Governing {
    /// None when it is switched off.
    governor: Option<Governor>,
    shedding: Shedding,
    before: Option<Usage>,
    looked_ns: u64,
    said: (u32, u32),
}

/// What the governor sees and decides; shares of all CPUs, and of all exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Exchanges that are told.
    pub(crate) told: f64,
    /// CPU that tapline takes.
    pub(crate) own: f64,
    /// CPU that nobody takes.
    pub(crate) idle: f64,
}

impl Governing {
    /// Makes a governor that lets tapline take so much of a saturated machine; 0 switches it off.
    pub(crate) fn new(limit: f64, shedding: Shedding) -> Self {
        Self {
            governor: (limit > 0.0).then(|| Governor::new(limit)),
            shedding,
            before: None,
            looked_ns: 0,
            said: (0, 0),
        }
    }

    /// Does what is due by now, monotonic nanoseconds.
    pub(crate) fn look(&mut self, now_ns: u64) {
        if now_ns.saturating_sub(self.looked_ns) < LOOK_NS {
            return;
        }
        self.looked_ns = now_ns;
        let mut shed_share = 0;
        if let Some(governor) = &mut self.governor {
            let now = Usage::read();
            let reading = now.zip(self.before).and_then(|(now, then)| now.since(then));
            self.before = now;
            // What cannot be measured is not governed.
            let told = reading.map_or(1.0, |reading| governor.observe(reading));
            shed_share = shed(told);
        }
        // Never 0, which is what sockets begin with.
        let slot = u32::try_from(now_ns >> SLOT_SHIFT & 0xffff).expect("16 bits") + 1;
        if self.said != (shed_share, slot) {
            self.said = (shed_share, slot);
            if let Err(error) = self.shedding.set(shed_share, slot) {
                warn!(%error, "cannot tell the kernel which share of the exchanges to let go");
            }
        }
    }

    /// Returns what is seen and decided, unless the governor is switched off.
    pub(crate) fn seen(&self) -> Option<Seen> {
        let (own, idle) = self.governor.as_ref()?.usage();
        Some(Seen {
            told: 1.0 - f64::from(self.said.0) / f64::from(SHARES),
            own,
            idle,
        })
    }
}

/// Of [`SHARES`], those to let go when a part of them is to be told.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and all"
)]
fn shed(told: f64) -> u32 {
    ((1.0 - told.clamp(0.0, 1.0)) * f64::from(SHARES)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_told_is_the_rest_let_go() {
        assert_eq!(
            (shed(1.0), shed(0.25), shed(0.0)),
            (0, SHARES / 4 * 3, SHARES)
        );
        assert_eq!((shed(f64::NAN), shed(2.0)), (0, 0));
    }
}
