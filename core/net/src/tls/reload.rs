//! Something made of files that may change: certificates are renewed while we run.
//!
//! There is no watcher: whoever needs it looks whether it is time, which costs nothing otherwise.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use super::TlsError;

/// When files are read again.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReloadWhen {
    /// When what was read is older than this.
    pub(crate) interval: Option<Duration>,
    /// When this file has changed.
    pub(crate) changed: Option<PathBuf>,
}

/// A value that is made again from its files when it is time. What cannot be made again stays.
pub(crate) struct Reloading<T> {
    make: Box<dyn Fn() -> Result<Arc<T>, TlsError> + Send + Sync>,
    when: ReloadWhen,
    current: Mutex<Current<T>>,
}

struct Current<T> {
    value: Arc<T>,
    read: Instant,
    modified: Option<SystemTime>,
}

impl<T> Reloading<T> {
    /// Makes the value for the first time.
    pub(crate) fn new(
        when: ReloadWhen,
        make: impl Fn() -> Result<Arc<T>, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let modified = when.modified();
        let current = Current {
            value: make()?,
            read: Instant::now(),
            modified,
        };
        Ok(Self {
            make: Box::new(make),
            when,
            current: Mutex::new(current),
        })
    }

    /// Returns the value; reads files, which blocks, only when it is time to.
    pub(crate) fn current(&self) -> Arc<T> {
        let mut current = self.current.lock().expect("no holder panics");
        let is_old = self
            .when
            .interval
            .is_some_and(|it| current.read.elapsed() >= it);
        let modified = self.when.modified();
        if is_old || modified != current.modified {
            // Also after a failure: a broken file is tried again when it is time again.
            current.read = Instant::now();
            current.modified = modified;
            match (self.make)() {
                Ok(value) => current.value = value,
                Err(error) => {
                    tracing::warn!(%error, "cannot reload certificates, keeping the old ones");
                }
            }
        }
        Arc::clone(&current.value)
    }
}

impl ReloadWhen {
    fn modified(&self) -> Option<SystemTime> {
        fs::metadata(self.changed.as_ref()?).ok()?.modified().ok()
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading")
            .field("when", &self.when)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    #[test]
    fn what_cannot_be_made_again_stays() {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let when = ReloadWhen {
            interval: Some(Duration::ZERO),
            changed: None,
        };
        let made = Reloading::new(when, move || match counter.fetch_add(1, Relaxed) {
            1 => Err(TlsError::NoRoots),
            call => Ok(Arc::new(call)),
        });
        let made = made.expect("the first can be made");
        assert_eq!(*made.current(), 0, "the second failed");
        assert_eq!(*made.current(), 2);
    }

    #[test]
    fn without_a_reason_nothing_is_read_again() {
        let made = Reloading::new(ReloadWhen::default(), || Ok(Arc::new(Instant::now())));
        let made = made.expect("can be made");
        assert_eq!(made.current(), made.current());
    }
}
