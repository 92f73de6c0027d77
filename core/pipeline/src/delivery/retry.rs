//! When to try again: exponential back-off with jitter, never sooner than the backend asked.
//!
//! Pure: time and chance are arguments.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::Duration,
};

use tokio::time::Instant;

/// The shortest wait, whatever the settings say: a refusing backend must not become a busy loop.
const SHORTEST_DELAY: Duration = Duration::from_millis(10);
/// The longest wait a backend may ask for.
const LONGEST_THROTTLE: Duration = Duration::from_mins(10);

/// When to try again. The defaults are the Collector's.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySettings {
    /// The wait after the first failure.
    pub initial_interval: Duration,
    /// How far a wait may be off its interval, from 0 to 1.
    pub randomization_factor: f64,
    /// How much longer the next interval is.
    pub multiplier: f64,
    /// The longest interval.
    pub max_interval: Duration,
    /// When to give up; `None` is never.
    pub max_elapsed_time: Option<Duration>,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Some(Duration::from_mins(5)),
        }
    }
}

/// The back-off of one batch.
pub(super) struct Backoff {
    settings: RetrySettings,
    interval: Duration,
    started: Instant,
}

impl Backoff {
    pub(super) fn new(settings: &RetrySettings, now: Instant) -> Self {
        Self {
            settings: settings.clone(),
            interval: settings.initial_interval,
            started: now,
        }
    }

    /// Returns how long to wait, or `None` to give up. `chance` is from 0 to 1.
    pub(super) fn next_delay(
        &mut self,
        now: Instant,
        throttle: Option<Duration>,
        chance: f64,
    ) -> Option<Duration> {
        let RetrySettings {
            randomization_factor,
            multiplier,
            max_interval,
            ..
        } = self.settings;
        let spread = 1.0 + randomization_factor * (2.0 * chance - 1.0);
        let jittered = scaled(self.interval, spread, max_interval);
        self.interval = scaled(self.interval, multiplier, max_interval).min(max_interval);
        let throttle = throttle.unwrap_or_default().min(LONGEST_THROTTLE);
        let delay = jittered.max(throttle).max(SHORTEST_DELAY);
        let elapsed = now.duration_since(self.started) + delay;
        let limit = self.settings.max_elapsed_time;
        limit.is_none_or(|limit| elapsed <= limit).then_some(delay)
    }
}

/// Multiplies, taking `otherwise` where a setting makes that impossible.
fn scaled(interval: Duration, factor: f64, otherwise: Duration) -> Duration {
    Duration::try_from_secs_f64(interval.as_secs_f64() * factor).unwrap_or(otherwise)
}

/// Returns a number from 0 to 1. Good enough to keep agents from retrying in step.
#[expect(
    clippy::cast_precision_loss,
    reason = "53 random bits are a float exactly"
)]
pub(super) fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the delays a batch sees when every attempt fails at once.
    fn delays(settings: &RetrySettings, chance: f64, throttle: Option<Duration>) -> Vec<u128> {
        let mut now = Instant::now();
        let mut backoff = Backoff::new(settings, now);
        let mut delays = Vec::new();
        while let Some(delay) = backoff.next_delay(now, throttle, chance) {
            delays.push(delay.as_millis());
            now += delay;
        }
        delays
    }

    #[test]
    fn grows_to_the_longest_interval_and_gives_up() {
        let expected = [5000, 7500, 11_250, 16_875, 25_312, 30_000, 30_000, 30_000];
        let seen = delays(&RetrySettings::default(), 0.5, None);
        assert_eq!(seen[..8], expected);
        assert!(seen.iter().sum::<u128>() <= 300_000, "{seen:?}");
        assert!(seen.iter().sum::<u128>() > 270_000, "{seen:?}");
    }

    #[test]
    fn spreads_a_delay_by_the_randomization_factor() {
        let settings = RetrySettings::default();
        assert_eq!(delays(&settings, 0.0, None)[0], 2500);
        assert_eq!(delays(&settings, 1.0, None)[0], 7500);
    }

    #[test]
    fn waits_as_long_as_the_backend_asks() {
        let throttle = Some(Duration::from_mins(1));
        assert_eq!(
            delays(&RetrySettings::default(), 0.5, throttle),
            [60_000; 5]
        );
    }

    #[test]
    fn survives_absurd_settings() {
        let settings = RetrySettings {
            initial_interval: Duration::ZERO,
            randomization_factor: f64::NAN,
            multiplier: f64::INFINITY,
            max_interval: Duration::ZERO,
            max_elapsed_time: Some(Duration::from_millis(25)),
        };
        assert_eq!(delays(&settings, 0.5, None), [10, 10]);
        let forever = RetrySettings {
            max_elapsed_time: None,
            ..RetrySettings::default()
        };
        let now = Instant::now();
        let delay = Backoff::new(&forever, now).next_delay(now, Some(Duration::MAX), 0.5);
        assert_eq!(delay, Some(LONGEST_THROTTLE));
    }

    #[test]
    fn draws_chances_between_zero_and_one_that_differ() {
        let drawn: Vec<f64> = (0..100).map(|_| chance()).collect();
        assert!(drawn.iter().all(|chance| (0.0..1.0).contains(chance)));
        assert!(drawn.iter().any(|chance| (chance - drawn[0]).abs() > 0.01));
    }
}
