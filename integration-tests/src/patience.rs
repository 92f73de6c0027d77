//! How long tests wait, on machines of every speed.

use std::{env, sync::OnceLock, time::Duration};

/// Says how many times slower than usual this machine is; an emulated one is.
const PATIENCE: &str = "TAPLINE_TEST_PATIENCE";

/// Returns a limit as it is meant on this machine.
pub fn patient(limit: Duration) -> Duration {
    static TIMES: OnceLock<u32> = OnceLock::new();
    let times = TIMES.get_or_init(|| {
        let told = env::var(PATIENCE).ok();
        told.and_then(|times| times.parse().ok())
            .unwrap_or(1)
            .max(1)
    });
    limit * *times
}
