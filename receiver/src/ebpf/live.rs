//! Settings that a reload changes while connections go on.
//!
//! The right to load is given up after the start, so the tap that runs is never replaced; it is
//! told instead. There is one at most.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tapline_protocols::propagation::Format;

use super::{Config, privacy::Privacy, routes::RoutesConfig, targets::TargetsConfig};

/// The settings, by the names they have in the configuration.
pub const LIVE_SETTINGS: [&str; 5] = [
    "targets",
    "routes",
    "privacy",
    "propagators",
    "metric_series_max",
];

/// What they say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// Whom to tap.
    pub(crate) targets: Arc<TargetsConfig>,
    /// How to name what is asked.
    pub(crate) routes: Arc<RoutesConfig>,
    /// How much to tell of it.
    pub(crate) privacy: Arc<Privacy>,
    /// Whose headers to believe, the first first.
    pub(crate) propagators: Arc<[Format]>,
    /// Series of one metric of one process.
    pub(crate) metric_series_max: usize,
}

/// The way to the tap that runs.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    has_mail: AtomicBool,
    mail: Mutex<Option<Live>>,
}

static RUNNING: Mutex<Option<Arc<Mailbox>>> = Mutex::new(None);

/// Hands the live settings of a checked configuration to the tap that runs; it takes them within a
/// moment. Without one nothing happens.
pub fn adjust(config: &Config) {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(mailbox) = running.as_ref() {
        mailbox.put(config.live());
    }
}

impl Mailbox {
    /// Makes the mailbox of the tap that is about to run.
    pub(crate) fn open() -> Arc<Self> {
        let mailbox = Arc::new(Self::default());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        *running = Some(Arc::clone(&mailbox));
        mailbox
    }

    fn put(&self, live: Live) {
        *self.mail.lock().unwrap_or_else(PoisonError::into_inner) = Some(live);
        self.has_mail.store(true, Ordering::Release);
    }

    /// Takes what was put in; costs next to nothing when there is nothing.
    pub(crate) fn take(&self) -> Option<Live> {
        if !self.has_mail.swap(false, Ordering::Acquire) {
            return None;
        }
        self.mail
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}
