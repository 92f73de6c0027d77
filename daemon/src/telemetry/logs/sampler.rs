//! Which repetitions of a message are left out: the first few per tick are written, then one of
//! many.
//!
//! Time is an argument. At most [`MESSAGES_MAX`] messages are told apart; when there are more, all
//! are counted anew.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use tracing::Level;

const MESSAGES_MAX: usize = 4096;

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// How long repetitions are counted.
    pub(super) tick: Duration,
    /// How many are written first.
    pub(super) initial: u64,
    /// Of how many one is written afterwards; zero means none.
    pub(super) thereafter: u64,
}

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Write,
    LeaveOut,
}

/// Counts messages.
#[derive(Debug)]
pub(super) struct Sampler {
    settings: Settings,
    seen: HashMap<(Level, String), (Instant, u64)>,
}

impl Sampler {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            seen: HashMap::new(),
        }
    }

    /// Counts a message, and says whether to write it.
    pub(super) fn judge(&mut self, now: Instant, level: Level, message: &str) -> Verdict {
        if self.seen.len() >= MESSAGES_MAX {
            self.seen.clear();
        }
        let key = (level, message.to_owned());
        let (since, count) = self.seen.entry(key).or_insert((now, 0));
        if now.duration_since(*since) >= self.settings.tick {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        let Some(beyond) = count.checked_sub(self.settings.initial).filter(|n| *n > 0) else {
            return Verdict::Write;
        };
        let is_due =
            self.settings.thereafter > 0 && beyond.is_multiple_of(self.settings.thereafter);
        if is_due {
            Verdict::Write
        } else {
            Verdict::LeaveOut
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_first_few_and_then_one_of_many_per_tick() {
        let mut sampler = Sampler::new(Settings {
            tick: Duration::from_secs(10),
            initial: 2,
            thereafter: 3,
        });
        let start = Instant::now();
        let mut written = |count: usize, after: u64, level, message| {
            let now = start + Duration::from_secs(after);
            (0..count)
                .filter(|_| sampler.judge(now, level, message) == Verdict::Write)
                .count()
        };
        assert_eq!(written(8, 0, Level::INFO, "a"), 2 + 2);
        assert_eq!(written(2, 1, Level::INFO, "b"), 2, "messages are apart");
        assert_eq!(written(2, 1, Level::WARN, "a"), 2, "levels are apart");
        assert_eq!(written(2, 10, Level::INFO, "a"), 2, "a new tick");
    }

    #[test]
    fn forgets_when_there_are_too_many_messages() {
        let mut sampler = Sampler::new(Settings {
            tick: Duration::from_secs(10),
            initial: 1,
            thereafter: 0,
        });
        for number in 0..=MESSAGES_MAX {
            sampler.judge(Instant::now(), Level::INFO, &number.to_string());
        }
        assert!(sampler.seen.len() <= MESSAGES_MAX);
    }
}
