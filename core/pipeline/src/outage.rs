//! When to log: state changes, not repetitions.
//!
//! Pure bookkeeping with time as an argument; the caller writes the lines.

use std::time::Duration;

use tokio::time::Instant;

/// An outage that begins this soon after the last one is announced only if it lasts as long.
const FLAP_WINDOW: Duration = Duration::from_secs(30);

/// One outage at a time: it begins with a failure and ends with a success.
#[derive(Debug, Default)]
pub struct Outage {
    ongoing: Option<Ongoing>,
    last_ended: Option<Instant>,
}

#[derive(Debug)]
struct Ongoing {
    since: Instant,
    announced: bool,
    dropped_items: u64,
}

/// An announced outage is over.
#[derive(Debug, PartialEq, Eq)]
pub struct Recovery {
    /// How long it lasted.
    pub lasted: Duration,
    /// How many items were dropped meanwhile.
    pub dropped_items: u64,
}

impl Outage {
    /// Notes a failure, and says whether to log it.
    pub fn failed(&mut self, now: Instant) -> bool {
        let flapping =
            |since: Instant, ended: Option<Instant>| ended.is_some_and(|e| since < e + FLAP_WINDOW);
        let last_ended = self.last_ended;
        let ongoing = self.ongoing.get_or_insert(Ongoing {
            since: now,
            announced: false,
            dropped_items: 0,
        });
        let lasting = now >= ongoing.since + FLAP_WINDOW;
        let announce = !ongoing.announced && (lasting || !flapping(ongoing.since, last_ended));
        ongoing.announced |= announce;
        announce
    }

    /// Notes that items were dropped, if this is an outage.
    pub fn dropped(&mut self, items: u64) {
        if let Some(ongoing) = &mut self.ongoing {
            ongoing.dropped_items += items;
        }
    }

    /// Notes a success, and says what to log if that ended an announced outage.
    pub fn succeeded(&mut self, now: Instant) -> Option<Recovery> {
        let Ongoing {
            since,
            announced,
            dropped_items,
        } = self.ongoing.take()?;
        self.last_ended = Some(now);
        announced.then(|| Recovery {
            lasted: now.duration_since(since),
            dropped_items,
        })
    }

    /// Returns whether the last thing that happened was a failure.
    pub fn is_ongoing(&self) -> bool {
        self.ongoing.is_some()
    }
}

/// Lets one event through per interval and sums up the rest.
#[derive(Debug)]
pub struct RateLimit {
    every: Duration,
    last: Option<Instant>,
    held_back: u64,
}

impl RateLimit {
    /// Makes a limit that lets the first event through.
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            last: None,
            held_back: 0,
        }
    }

    /// Notes an amount; returns everything since the last time it returned, when it is due again.
    pub fn due(&mut self, now: Instant, amount: u64) -> Option<u64> {
        self.held_back += amount;
        if self.last.is_some_and(|last| now < last + self.every) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, secs: u64) -> Instant {
        start + Duration::from_secs(secs)
    }

    #[test]
    fn announces_an_outage_once_and_its_end_once() {
        let start = Instant::now();
        let mut outage = Outage::default();
        assert_eq!(outage.succeeded(start), None);
        assert!(outage.failed(at(start, 1)));
        assert!(!outage.failed(at(start, 100)));
        outage.dropped(7);
        let recovery = Recovery {
            lasted: Duration::from_secs(119),
            dropped_items: 7,
        };
        assert_eq!(outage.succeeded(at(start, 120)), Some(recovery));
        assert_eq!(outage.succeeded(at(start, 121)), None);
    }

    #[test]
    fn stays_silent_while_failures_and_successes_alternate() {
        let start = Instant::now();
        let mut outage = Outage::default();
        assert!(outage.failed(start));
        assert!(outage.succeeded(at(start, 1)).is_some());
        for second in 1..10 {
            assert!(!outage.failed(at(start, second * 2)), "at {second}");
            assert_eq!(
                outage.succeeded(at(start, second * 2 + 1)),
                None,
                "at {second}"
            );
        }
        assert!(!outage.failed(at(start, 30)));
        assert!(outage.failed(at(start, 61)), "it lasts after all");
        assert!(outage.succeeded(at(start, 62)).is_some());
    }

    #[test]
    fn sums_up_what_a_rate_limit_held_back() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Duration::from_secs(10));
        assert_eq!(limit.due(start, 1), Some(1));
        assert_eq!(limit.due(at(start, 1), 2), None);
        assert_eq!(limit.due(at(start, 9), 3), None);
        assert_eq!(limit.due(at(start, 10), 4), Some(9));
    }
}
