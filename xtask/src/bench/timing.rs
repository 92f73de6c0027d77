//! How long a small operation takes: many batches, and the median of them.

use std::hint::black_box;
use std::os::unix::process::parent_id;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::spread::Spread;

/// Long against the clock and an interrupt, short against a time slice.
const BATCH: Duration = Duration::from_millis(2);
const MEASUREMENT: Duration = Duration::from_millis(500);

/// Returns the nanoseconds one operation takes; `run` does as many as it is told.
pub(super) fn nanoseconds(mut run: impl FnMut(u64) -> Result<()>) -> Result<f64> {
    let mut operations = 1;
    while time(&mut run, operations)? < BATCH {
        operations *= 2;
    }
    let start = Instant::now();
    let mut batches = Vec::new();
    while start.elapsed() < MEASUREMENT {
        batches.push(time(&mut run, operations)?.as_secs_f64() * 1e9);
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a batch of 2 ms has few operations"
    )]
    let operations = operations as f64;
    Ok(Spread::of(batches).median / operations)
}

/// Calls getppid(2), which does nothing else: the system call nobody wants to pay more for.
#[expect(
    clippy::unnecessary_wraps,
    reason = "operations can fail, and this is one"
)]
pub(super) fn parent_ids(count: u64) -> Result<()> {
    let mut done = 0;
    // Not a range: without optimisation its iterator would be a part of the result.
    while done < count {
        black_box(parent_id());
        done += 1;
    }
    Ok(())
}

fn time(run: &mut impl FnMut(u64) -> Result<()>, operations: u64) -> Result<Duration> {
    let start = Instant::now();
    run(operations)?;
    Ok(start.elapsed())
}
