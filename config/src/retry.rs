//! `retry_on_failure`: how often and how long an exporter tries again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, Invalid, Validate};

/// Exponential back-off with jitter.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// Whether to try again at all.
    pub enabled: bool,
    /// The wait before the first retry.
    pub initial_interval: Duration,
    /// How far a wait may stray from its nominal length, from 0 to 1.
    pub randomization_factor: f64,
    /// How much longer each wait is than the one before.
    pub multiplier: f64,
    /// The longest wait.
    pub max_interval: Duration,
    /// When to give up, counted from the first attempt; zero means never.
    pub max_elapsed_time: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(300),
        }
    }
}

impl Validate for RetryConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if !self.enabled {
            return invalid;
        }
        if !(0.0..=1.0).contains(&self.randomization_factor) {
            invalid.push(Invalid::at(
                "randomization_factor",
                "must be between 0 and 1",
            ));
        }
        if !(self.multiplier >= 0.0 && self.multiplier.is_finite()) {
            invalid.push(Invalid::at(
                "multiplier",
                "must be a number that is not negative",
            ));
        }
        if self.max_elapsed_time.is_zero() {
            return invalid;
        }
        if self.max_elapsed_time < self.initial_interval {
            invalid.push(Invalid::at(
                "max_elapsed_time",
                "must not be less than `initial_interval`",
            ));
        }
        if self.max_elapsed_time < self.max_interval {
            invalid.push(Invalid::at(
                "max_elapsed_time",
                "must not be less than `max_interval`",
            ));
        }
        invalid
    }
}
