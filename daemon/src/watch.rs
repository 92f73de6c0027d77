//! Notices that configuration files have changed, by looking at them now and then.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often to look. A change is told once it has stayed the same from one look to the next, so
/// that a file that is being written is not read half.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a file looks like from outside; `None` while it is not there.
type Look = Option<(SystemTime, u64)>;

/// Looks at files.
pub(crate) struct Watch {
    files: Vec<PathBuf>,
    known: Vec<Look>,
    changed: Option<Vec<Look>>,
    ticks: Option<Interval>,
}

impl Watch {
    /// Remembers what the files look like now, so this comes before they are read. Without files
    /// it never notices anything.
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        Self {
            known: files.iter().map(|file| look(file)).collect(),
            files,
            changed: None,
            ticks: None,
        }
    }

    /// Waits until a file has changed and is not being written any more. Cancel-safe.
    pub(crate) async fn changed(&mut self) {
        if self.files.is_empty() {
            return std::future::pending().await;
        }
        loop {
            self.ticks.get_or_insert_with(ticks).tick().await;
            let now: Vec<Look> = self.files.iter().map(|file| look(file)).collect();
            if now == self.known {
                self.changed = None;
            } else if self.changed.as_ref() == Some(&now) {
                self.known = now;
                self.changed = None;
                return;
            } else {
                self.changed = Some(now);
            }
        }
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn look(file: &Path) -> Look {
    let found = fs::metadata(file).ok()?;
    Some((found.modified().ok()?, found.len()))
}
