//! How long a connection lives: not without calls, not for ever, and not on borrowed time.

use std::{
    hash::{BuildHasher, RandomState},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};

/// When connections are pinged and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKeepalive {
    /// After how much silence a client is pinged.
    pub ping_after: Duration,
    /// How long its answer may take.
    pub ping_time_max: Duration,
    /// How long a connection may be without a call.
    pub idle_max: Option<Duration>,
    /// How long a connection may live, give or take a tenth, so that not all end at once.
    pub age_max: Option<Duration>,
    /// How long its calls may take after that.
    pub age_grace: Option<Duration>,
}

impl Default for ServerKeepalive {
    fn default() -> Self {
        Self {
            ping_after: Duration::from_hours(2),
            ping_time_max: Duration::from_secs(20),
            idle_max: None,
            age_max: None,
            age_grace: None,
        }
    }
}

/// Whether a connection has requests, and since when it has none.
#[derive(Debug)]
pub(crate) struct Activity {
    start: Instant,
    open: AtomicUsize,
    last_ms: AtomicU64,
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct Open(Arc<Activity>);

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            open: AtomicUsize::new(0),
            last_ms: AtomicU64::new(0),
        })
    }

    pub(crate) fn begin(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Relaxed);
        Open(Arc::clone(self))
    }

    /// Returns until when it has to wait for a call to count as idle, `None` if it does already.
    fn idle_at(&self, idle_max: Duration) -> Option<Instant> {
        let now = Instant::now();
        let last = if self.open.load(Relaxed) > 0 {
            now
        } else {
            self.start + Duration::from_millis(self.last_ms.load(Relaxed))
        };
        Some(last + idle_max).filter(|idle_at| *idle_at > now)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let elapsed = self.0.start.elapsed().as_millis();
        self.0.last_ms.store(elapsed as u64, Relaxed);
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl ServerKeepalive {
    /// Waits until the connection should take no more calls; for ever without limits.
    pub(crate) async fn ended(&self, activity: &Activity) {
        let mut idle = pin!(async {
            let Some(idle_max) = self.idle_max else {
                return std::future::pending().await;
            };
            while let Some(idle_at) = activity.idle_at(idle_max) {
                sleep_until(idle_at).await;
            }
        });
        let mut old = pin!(async {
            match self.age_max {
                Some(age_max) => sleep(jittered(age_max)).await,
                None => std::future::pending().await,
            }
        });
        tokio::select! {
            () = &mut idle => {}
            () = &mut old => {}
        }
    }

    /// Waits until the calls of an ended connection have had their time.
    pub(crate) async fn grace(&self) {
        match self.age_grace {
            Some(grace) => sleep(grace).await,
            None => std::future::pending().await,
        }
    }
}

/// A duration within a tenth of the given one.
fn jittered(duration: Duration) -> Duration {
    let random = RandomState::new().hash_one(duration) % 2001;
    let per_mille = 9_000 + u32::try_from(random).expect("is below 2001");
    duration / 10_000 * per_mille
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::jittered;

    #[test]
    fn ages_differ_by_a_tenth_at_most() {
        let hour = Duration::from_hours(1);
        for _ in 0..100 {
            let age = jittered(hour);
            assert!(hour * 9 / 10 <= age && age <= hour * 11 / 10, "{age:?}");
        }
    }
}
